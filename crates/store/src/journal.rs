//! The journal of a run: every event, appended as it happens, readable after `kill -9`.
//!
//! Records go to `requests.jsonl.zst` and their arrivals to `stamps.bin.zst`, both in whole zstd
//! frames; samples and the end of the run go to `samples.jsonl` as plain lines. A flush writes
//! arrivals first, then records, then samples, so that a cut never leaves a record without its
//! arrivals, nor a sample that comes after a record which is missing.
//!
//! A flush that fails takes back what it has written and keeps it for the next one. What a disk
//! stays too full for is given up in the end and counted, in the journal too.

use std::path::{Path, PathBuf};

use floodline_core::event::RunEvent;
use floodline_core::record::Record;

use crate::error::StoreError;
use crate::formats::{REQUESTS, SAMPLES, STAMPS, file};
use crate::frames::{Effort, Packer};
use crate::samples::{self, Line};
use crate::stamps;
use crate::tail::Tail;

/// Appends the events of a run to its folder.
///
/// Nothing is written before [`flush`](Self::flush), which is due at most 200 ms after a request
/// ended; dropping it flushes too, but tells nobody of an error.
pub struct Journal {
    folder: PathBuf,
    stamps: Blocks,
    requests: Blocks,
    samples: Tail,
    /// Lines of `samples` to be written.
    lines: Vec<u8>,
    /// Events in `lines` and in the frames to be written.
    pending: u64,
    /// Records so far, the pending ones included, the lost ones not.
    records: u64,
    /// Records of them that are in the file.
    written: u64,
    /// Events that were given up.
    lost: u64,
    /// Whether the last flush failed.
    failing: bool,
}

/// Content of a frame, beyond which a new one is begun: it bounds what a reader must hold.
const FRAME: usize = 1 << 20;
/// Bytes kept for a disk that is full; beyond, events are given up.
const KEPT: usize = 64 << 20;

impl Journal {
    /// A new journal in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Journal, StoreError> {
        Journal::over(folder, Tail::create)
    }

    /// The same with the three files made by `tail`.
    fn over(
        folder: &Path,
        mut tail: impl FnMut(&Path, &[u8]) -> Result<Tail, StoreError>,
    ) -> Result<Journal, StoreError> {
        let mut blocks = |name, header: String, effort| {
            let path = folder.join(name);
            let mut packer = Packer::new(effort).map_err(StoreError::write(&path))?;
            let mut frame = Vec::new();
            packer.pack(header.as_bytes(), &mut frame).map_err(StoreError::write(&path))?;
            Ok(Blocks { tail: tail(&path, &frame)?, packer, content: Vec::new(), frames: Vec::new() })
        };
        Ok(Journal {
            stamps: blocks(file::STAMPS, format!("{STAMPS}\n"), Effort::Noise)?,
            requests: blocks(file::REQUESTS, REQUESTS.header_line(), Effort::Lines)?,
            samples: tail(&folder.join(file::SAMPLES), SAMPLES.header_line().as_bytes())?,
            folder: folder.to_owned(),
            lines: Vec::new(),
            pending: 0,
            records: 0,
            written: 0,
            lost: 0,
            failing: false,
        })
    }

    /// Takes an event in, to be written with the next flush.
    pub fn append(&mut self, event: &RunEvent) {
        let after = self.records;
        let taken = match event {
            RunEvent::Ended(record) => self.append_record(record),
            RunEvent::Journey(_) => true,
            RunEvent::Sampled(sample) => {
                self.append_line(&Line { after, sample: Some(**sample), ..Line::default() })
            }
            RunEvent::Finished(finished) => {
                self.append_line(&Line { after, finished: Some(finished.clone()), ..Line::default() })
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
        self.records += 1;
        for blocks in [&mut self.stamps, &mut self.requests] {
            if blocks.content.len() >= FRAME {
                // What cannot be packed now stays where it is, for the flush to try and to tell.
                let _ = blocks.seal();
            }
        }
        true
    }

    fn append_line(&mut self, line: &Line) -> bool {
        samples::put(&mut self.lines, line)
    }

    /// Writes everything that was appended, in whole blocks.
    ///
    /// # Errors
    /// [`StoreError::Write`] with the file and what to do. A trouble that lasts is told once; what
    /// was not written is kept and written by a later flush that succeeds, or given up when it
    /// becomes too much: see [`lost`](Self::lost).
    pub fn flush(&mut self) -> Result<(), StoreError> {
        let lengths = [self.stamps.tail.length(), self.requests.tail.length(), self.samples.length()];
        let Err(error) = self.write() else {
            self.forget_pending();
            self.written = self.records;
            self.failing = false;
            return Ok(());
        };
        // In the reverse order of writing, for a kill may come between.
        self.samples.back_to(lengths[2]);
        self.requests.tail.back_to(lengths[1]);
        self.stamps.tail.back_to(lengths[0]);
        self.give_up_beyond(KEPT);
        if std::mem::replace(&mut self.failing, true) { Ok(()) } else { Err(error) }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.stamps.seal()?;
        self.requests.seal()?;
        self.stamps.tail.append(&self.stamps.frames)?;
        self.requests.tail.append(&self.requests.frames)?;
        self.samples.append(&self.lines)
    }

    fn forget_pending(&mut self) {
        self.stamps.clear();
        self.requests.clear();
        self.lines.clear();
        self.pending = 0;
    }

    fn give_up_beyond(&mut self, kept: usize) {
        let unwritten = |blocks: &Blocks| blocks.content.len() + blocks.frames.len();
        if unwritten(&self.stamps) + unwritten(&self.requests) + self.lines.len() <= kept {
            return;
        }
        self.lost += self.pending;
        self.forget_pending();
        self.records = self.written;
        self.append_line(&Line { after: self.records, lost: Some(self.lost), ..Line::default() });
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

/// A file of frames.
struct Blocks {
    tail: Tail,
    packer: Packer,
    /// Content of the next frame.
    content: Vec<u8>,
    /// Whole frames to be written.
    frames: Vec<u8>,
}

impl Blocks {
    /// Makes a frame of what there is.
    fn seal(&mut self) -> Result<(), StoreError> {
        if !self.content.is_empty() {
            self.packer.pack(&self.content, &mut self.frames).map_err(StoreError::write(self.tail.path()))?;
            self.content.clear();
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.content.clear();
        self.frames.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use floodline_core::event::Sample;
    use floodline_core::{Moment, Phase};

    use super::*;
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
            let medium =
                |path: &Path| OnDisk { disk: self.clone(), path: path.to_owned(), bytes: Vec::new() };
            Journal::over(folder, |path, header| Tail::over(path, Box::new(medium(path)), header)).unwrap()
        }
    }

    fn record(i: u64) -> RunEvent {
        RunEvent::Ended(Box::new(Record::planned(i, Phase::Main, "p".into(), Moment(i))))
    }

    fn sample(at: u64) -> RunEvent {
        RunEvent::Sampled(Box::new(Sample { at: Moment(at), ..Sample::default() }))
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
            for room in 0..200 {
                let folder = tempfile::tempdir().unwrap();
                let disk = Disk::new();
                let mut journal = disk.journal(folder.path());
                let events = [record(0), sample(1), record(1), record(2), sample(2)];
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
                    (events.to_vec(), Recovered { records: 3, ..Recovered::default() })
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
        journal.append(&sample(1));
        assert!(journal.flush().is_err());
        journal.give_up_beyond(0);
        assert_eq!(journal.lost(), 2);
        disk.set(usize::MAX / 2);
        journal.append(&record(2));
        journal.append(&sample(2));
        assert!(matches!(journal.finish(), Err(StoreError::Lost { events: 2, .. })));
        let (events, recovered) = read(folder.path());
        assert_eq!(events, [record(0), record(2), sample(2)]);
        assert_eq!(recovered, Recovered { records: 2, lost: 2, damaged: None });
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
