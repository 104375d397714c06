//! The journal of a run: every event, appended as it happens, readable after `kill -9`.
//!
//! Records go to `requests.jsonl.zst` and their arrivals to `stamps.bin.zst`, journeys, if there are
//! any, to `journeys.jsonl.zst`, all in whole zstd frames; samples and the end of the run go to
//! `samples.jsonl` as plain lines. A flush writes arrivals and journeys first, then records, then
//! samples, so that a cut never leaves a record without its arrivals or without a journey that ended
//! before it, nor a sample that comes after something which is missing. Each journey and each sample
//! says how many records came before it, and a sample also how many journeys.
//!
//! A flush that fails takes back what it has written and keeps it for the next one. What a disk
//! stays too full for is given up in the end and counted, in the journal too.

use std::path::{Path, PathBuf};

use floodline_core::event::RunEvent;
use floodline_core::journey::Journey;
use floodline_core::record::Record;

use crate::blocks::{Blocks, Maker};
use crate::error::StoreError;
use crate::formats::{JOURNEYS, REQUESTS, SAMPLES, STAMPS, file};
use crate::frames::Effort;
use crate::journeys;
use crate::samples::{self, Line};
use crate::stamps;
use crate::tail::Tail;

/// Appends the events of a run to its folder.
///
/// Nothing is written before [`flush`](Self::flush), which is due at most 200 ms after a request
/// ended; dropping it flushes too, but tells nobody of an error.
pub struct Journal {
    folder: PathBuf,
    maker: Maker,
    stamps: Blocks,
    requests: Blocks,
    journeys: Blocks,
    samples: Tail,
    /// Lines of `samples` to be written.
    lines: Vec<u8>,
    /// Events in `lines` and in the frames to be written.
    pending: u64,
    /// So far, the pending ones included, the lost ones not.
    recorded: Recorded,
    /// Those of them that are in the files.
    written: Recorded,
    /// Events that were given up.
    lost: u64,
    /// Whether the last flush failed.
    failing: bool,
}

/// How much has been recorded.
#[derive(Clone, Copy, Default)]
struct Recorded {
    records: u64,
    journeys: u64,
}

/// Bytes kept for a disk that is full; beyond, events are given up.
const KEPT: usize = 64 << 20;

impl Journal {
    /// A new journal in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Journal, StoreError> {
        Journal::over(folder, Box::new(Tail::create))
    }

    /// The same with its files made by `maker`.
    fn over(folder: &Path, mut maker: Maker) -> Result<Journal, StoreError> {
        let path = |name: &str| folder.join(name);
        let mut stamps = Blocks::new(path(file::STAMPS), &format!("{STAMPS}\n"), Effort::Noise)?;
        let mut requests = Blocks::new(path(file::REQUESTS), &REQUESTS.header_line(), Effort::Lines)?;
        let journeys = Blocks::new(path(file::JOURNEYS), &JOURNEYS.header_line(), Effort::Lines)?;
        stamps.make(&mut maker)?;
        requests.make(&mut maker)?;
        let samples = maker(&path(file::SAMPLES), SAMPLES.header_line().as_bytes())?;
        Ok(Journal {
            folder: folder.to_owned(),
            maker,
            stamps,
            requests,
            journeys,
            samples,
            lines: Vec::new(),
            pending: 0,
            recorded: Recorded::default(),
            written: Recorded::default(),
            lost: 0,
            failing: false,
        })
    }

    /// Takes an event in, to be written with the next flush.
    pub fn append(&mut self, event: &RunEvent) {
        let taken = match event {
            RunEvent::Ended(record) => self.append_record(record),
            RunEvent::Journey(journey) => self.append_journey(journey),
            RunEvent::Sampled(sample) => self.append_line(Line { sample: Some(**sample), ..Line::default() }),
            RunEvent::Finished(finished) => {
                self.append_line(Line { finished: Some(finished.clone()), ..Line::default() })
            }
        };
        if taken {
            self.pending += 1;
        } else {
            self.lost += 1;
        }
    }

    fn append_record(&mut self, record: &Record) -> bool {
        let requests = &mut self.requests.content;
        let start = requests.len();
        if serde_json::to_writer(&mut *requests, record).is_err() {
            requests.truncate(start);
            return false;
        }
        requests.push(b'\n');
        stamps::put(&mut self.stamps.content, record.i, &record.arrivals);
        self.recorded.records += 1;
        self.stamps.seal_if_large();
        self.requests.seal_if_large();
        true
    }

    fn append_journey(&mut self, journey: &Journey) -> bool {
        if !journeys::put(&mut self.journeys.content, self.recorded.records, journey) {
            return false;
        }
        self.recorded.journeys += 1;
        self.journeys.seal_if_large();
        true
    }

    /// Appends a line that comes after everything so far.
    fn append_line(&mut self, line: Line) -> bool {
        let Recorded { records: after, journeys } = self.recorded;
        samples::put(&mut self.lines, &Line { after, journeys, ..line })
    }

    /// Writes everything that was appended, in whole blocks.
    ///
    /// # Errors
    /// [`StoreError::Write`] with the file and what to do. A trouble that lasts is told once; what
    /// was not written is kept and written by a later flush that succeeds, or given up when it
    /// becomes too much: see [`lost`](Self::lost).
    pub fn flush(&mut self) -> Result<(), StoreError> {
        let Err(error) = self.try_flush() else {
            self.forget_pending();
            self.written = self.recorded;
            self.failing = false;
            return Ok(());
        };
        self.give_up_beyond(KEPT);
        if std::mem::replace(&mut self.failing, true) { Ok(()) } else { Err(error) }
    }

    /// Writes everything, or leaves the files as they were.
    fn try_flush(&mut self) -> Result<(), StoreError> {
        self.journeys.make_if_needed(&mut self.maker)?;
        let blocks = |journal: &Journal| {
            [journal.stamps.length(), journal.journeys.length(), journal.requests.length()]
        };
        let ([stamps, journeys, requests], samples) = (blocks(self), self.samples.length());
        let written = self.write();
        if written.is_err() {
            // In the reverse order of writing, for a kill may come between.
            self.samples.back_to(samples);
            self.requests.back_to(requests);
            self.journeys.back_to(journeys);
            self.stamps.back_to(stamps);
        }
        written
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.stamps.write()?;
        self.journeys.write()?;
        self.requests.write()?;
        self.samples.append(&self.lines)
    }

    fn forget_pending(&mut self) {
        self.stamps.clear();
        self.journeys.clear();
        self.requests.clear();
        self.lines.clear();
        self.pending = 0;
    }

    fn give_up_beyond(&mut self, kept: usize) {
        let waiting = [&self.stamps, &self.journeys, &self.requests].map(Blocks::unwritten);
        if waiting.iter().sum::<usize>() + self.lines.len() <= kept {
            return;
        }
        self.lost += self.pending;
        self.forget_pending();
        self.recorded = self.written;
        self.append_line(Line { lost: Some(self.lost), ..Line::default() });
    }

    /// Events that could not be written and were given up.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Flushes for the last time.
    ///
    /// # Errors
    /// [`StoreError::Write`] if the last flush failed, [`StoreError::Lost`] if events had to be
    /// given up on the way.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.failing = false;
        self.flush()?;
        match self.lost {
            0 => Ok(()),
            events => Err(StoreError::Lost { path: self.folder.clone(), events }),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use floodline_core::event::Sample;
    use floodline_core::journey::JourneyEnd;
    use floodline_core::{Moment, Phase, Span};

    use super::*;
    use crate::blocks::FRAME;
    use crate::events::{Events, Recovered};
    use crate::tail::Medium;

    /// A disk with room for so many bytes, in a folder that can be read back.
    #[derive(Clone)]
    struct Disk {
        room: Arc<Mutex<usize>>,
        /// Whether taking back is refused as well.
        stubborn: Arc<Mutex<bool>>,
    }

    struct OnDisk {
        disk: Disk,
        path: PathBuf,
        bytes: Vec<u8>,
    }

    impl Medium for OnDisk {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let mut room = self.disk.room.lock().unwrap();
            let fits = bytes.len().min(*room);
            *room -= fits;
            self.bytes.extend_from_slice(&bytes[..fits]);
            std::fs::write(&self.path, &self.bytes)?;
            if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            if *self.disk.stubborn.lock().unwrap() {
                return Err(io::ErrorKind::Other.into());
            }
            *self.disk.room.lock().unwrap() += self.bytes.len() - length as usize;
            self.bytes.truncate(length as usize);
            std::fs::write(&self.path, &self.bytes)
        }
    }

    impl Disk {
        fn new() -> Disk {
            Disk { room: Arc::new(Mutex::new(usize::MAX)), stubborn: Arc::default() }
        }

        fn set(&self, room: usize) {
            *self.room.lock().unwrap() = room;
        }

        fn journal(&self, folder: &Path) -> Journal {
            let disk = self.clone();
            let medium =
                move |path: &Path| OnDisk { disk: disk.clone(), path: path.to_owned(), bytes: Vec::new() };
            let maker = move |path: &Path, header: &[u8]| Tail::over(path, Box::new(medium(path)), header);
            Journal::over(folder, Box::new(maker)).unwrap()
        }
    }

    fn record(i: u64) -> RunEvent {
        RunEvent::Ended(Box::new(Record::planned(i, Phase::Main, "p".into(), Moment(i))))
    }

    fn sample(at: u64) -> RunEvent {
        RunEvent::Sampled(Box::new(Sample { at: Moment(at), ..Sample::default() }))
    }

    fn journey(user: u64) -> RunEvent {
        RunEvent::Journey(Box::new(Journey {
            scenario: None,
            user,
            iteration: 0,
            phase: Phase::Main,
            scheduled: Moment(0),
            ended: Moment(user),
            thought: Span(0),
            requests: 1,
            end: JourneyEnd::Completed,
            at_step: None,
            error: None,
        }))
    }

    fn read(folder: &Path) -> (Vec<RunEvent>, Recovered) {
        let mut events = Events::open(folder).unwrap();
        (events.by_ref().collect(), events.into_recovered())
    }

    /// Wherever in a flush the disk becomes full, the files stay readable, the error comes once,
    /// and nothing is missing when there is room again.
    #[test]
    fn a_full_disk_is_told_once_and_costs_nothing_if_it_passes() {
        for stubborn in [false, true] {
            for room in (0..400).step_by(3) {
                let folder = tempfile::tempdir().unwrap();
                let disk = Disk::new();
                let mut journal = disk.journal(folder.path());
                let events = [record(0), sample(1), record(1), journey(7), record(2), journey(8), sample(2)];
                journal.append(&events[0]);
                journal.append(&events[1]);
                journal.flush().unwrap();

                disk.set(room);
                *disk.stubborn.lock().unwrap() = stubborn;
                events[2..].iter().for_each(|event| journal.append(event));
                let first = journal.flush();
                assert!(journal.flush().is_ok(), "told twice, or not passed");
                if let Err(error) = first {
                    assert!(error.to_string().contains("free some space"), "{error}");
                    let (read, recovered) = read(folder.path());
                    assert!(events.starts_with(&read), "room for {room}");
                    assert!(
                        stubborn || (read == events[..2] && recovered.damaged.is_none()),
                        "room for {room}"
                    );
                }
                disk.set(usize::MAX / 2);
                *disk.stubborn.lock().unwrap() = false;
                journal.finish().unwrap();
                assert_eq!(
                    read(folder.path()),
                    (events.to_vec(), Recovered { records: 3, journeys: 2, ..Recovered::default() })
                );
            }
        }
    }

    #[test]
    fn what_a_disk_stays_too_full_for_is_counted_and_the_rest_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new();
        let mut journal = disk.journal(folder.path());
        journal.append(&record(0));
        journal.flush().unwrap();
        disk.set(10);
        journal.append(&record(1));
        journal.append(&journey(1));
        journal.append(&sample(1));
        assert!(journal.flush().is_err());
        journal.give_up_beyond(0);
        assert_eq!(journal.lost(), 3);
        disk.set(usize::MAX / 2);
        journal.append(&record(2));
        journal.append(&journey(2));
        journal.append(&sample(2));
        assert!(matches!(journal.finish(), Err(StoreError::Lost { events: 3, .. })));
        let (events, recovered) = read(folder.path());
        assert_eq!(events, [record(0), record(2), journey(2), sample(2)]);
        assert_eq!(recovered, Recovered { records: 2, journeys: 1, lost: 3, damaged: None });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_error_of_a_full_disk_names_the_file_and_the_remedy() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = Tail::over(Path::new("runs/x/samples.jsonl"), Box::new(full), b"x").err().unwrap();
        assert_eq!(
            error.to_string(),
            "cannot write runs/x/samples.jsonl: No space left on device (os error 28); \
             free some space, or choose a folder on another disk with --out"
        );
    }

    #[test]
    fn a_second_journal_in_the_same_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Journal::create(folder.path()).unwrap();
        assert!(matches!(Journal::create(folder.path()), Err(StoreError::Write { .. })));
    }

    #[test]
    fn without_a_journey_there_is_no_file_of_journeys() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path()).unwrap();
        let journeys = folder.path().join(file::JOURNEYS);
        journal.append(&record(0));
        journal.flush().unwrap();
        assert!(!journeys.exists());
        journal.append(&journey(0));
        assert!(!journeys.exists(), "nothing is written before it is due");
        journal.flush().unwrap();
        assert!(journeys.exists());
    }

    #[test]
    fn large_contents_are_cut_into_frames_that_a_reader_can_hold() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path()).unwrap();
        let mut large = Record::planned(0, Phase::Main, "p".into(), Moment(0));
        large.text = Some("many words ".repeat(FRAME / 40));
        let events: Vec<RunEvent> =
            (0..12).map(|i| RunEvent::Ended(Box::new(Record { i, ..large.clone() }))).collect();
        events.iter().for_each(|event| journal.append(event));
        assert!(journal.requests.content.len() < FRAME && !journal.requests.frames.is_empty());
        journal.flush().unwrap();
        assert_eq!(read(folder.path()).0, events);
    }
}
