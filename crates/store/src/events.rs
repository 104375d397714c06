//! The events of a stored run: the files of its journal, joined again in order of recording.
//!
//! Reading stops at the first damage, so that what is given out is always a beginning of what was
//! recorded: a run with a damaged journal reads like one that was killed at that point. Only journeys
//! stand apart: where their file is damaged, those from there on are missing, and the rest is read.

mod journeys;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use floodline_core::arrivals::Arrivals;
use floodline_core::event::RunEvent;
use floodline_core::record::Record;

use crate::error::StoreError;
use crate::formats::{REQUESTS, SAMPLES, STAMPS, file};
use crate::frames::{Damage, Frames};
use crate::samples::{self, Line};
use crate::stamps;
use journeys::Journeys;

/// The events of a stored run, decoded one block at a time.
pub struct Events {
    records: Records,
    journeys: Journeys,
    samples: Samples,
    /// The next line of the samples, which waits for the records before it.
    line: Option<Line>,
    recovered: Recovered,
}

/// What could be read of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Records given out.
    pub records: u64,
    /// Journeys given out.
    pub journeys: u64,
    /// Events that the run itself could not write and gave up.
    pub lost: u64,
    /// Where and how much of the journal is damaged, in a sentence.
    pub damaged: Option<String>,
}

impl Events {
    /// Opens the journal in `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Events, StoreError> {
        let mut events = Events {
            records: Records::open(folder)?,
            journeys: Journeys::open(folder)?,
            samples: Samples::open(&folder.join(file::SAMPLES))?,
            line: None,
            recovered: Recovered::default(),
        };
        events.next_line();
        events.next_journey();
        Ok(events)
    }

    /// What has been read so far; all of it once the iterator has ended.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// The same, for keeping.
    pub fn into_recovered(self) -> Recovered {
        self.recovered
    }

    fn next_line(&mut self) {
        self.line = self.samples.next().unwrap_or_else(|what| {
            self.note(what);
            None
        });
    }

    fn next_journey(&mut self) {
        if let Err(what) = self.journeys.advance() {
            self.note(what);
        }
    }

    /// The next journey, if its time has come.
    fn journey(&mut self) -> Option<RunEvent> {
        let line = self.journeys.due(self.recovered.records)?;
        self.recovered.journeys += 1;
        self.next_journey();
        Some(RunEvent::Journey(Box::new(line.journey)))
    }

    /// The event of a line whose time has come, if it is one.
    fn due(&mut self) -> Option<Option<RunEvent>> {
        let Recovered { records, journeys, .. } = self.recovered;
        let no_more = self.journeys.have_ended();
        let come = |line: &mut Line| line.after <= records && (line.journeys <= journeys || no_more);
        let line = self.line.take_if(come)?;
        if line.journeys > journeys && !std::mem::replace(&mut self.journeys.told, true) {
            self.note(format!(
                "{} is missing, or ends before the last of its journeys",
                self.journeys.path.display()
            ));
        }
        self.next_line();
        self.recovered.lost = self.recovered.lost.max(line.lost.unwrap_or(0));
        let sample = line.sample.map(|sample| RunEvent::Sampled(Box::new(sample)));
        Some(sample.or(line.finished.map(RunEvent::Finished)))
    }

    fn note(&mut self, what: String) {
        match &mut self.recovered.damaged {
            Some(said) => *said = format!("{said}; {what}"),
            none => *none = Some(what),
        }
    }
}

impl Iterator for Events {
    type Item = RunEvent;

    fn next(&mut self) -> Option<RunEvent> {
        while let Some(event) = self.due() {
            if event.is_some() {
                return event;
            }
        }
        if let Some(journey) = self.journey() {
            return Some(journey);
        }
        match self.records.next() {
            Ok(Some(record)) => {
                self.recovered.records += 1;
                return Some(RunEvent::Ended(Box::new(record)));
            }
            Ok(None) => {}
            Err(what) => self.note(what),
        }
        if self.line.take().is_some() {
            self.note(format!(
                "{} goes on after the last request that could be read",
                self.samples.path.display()
            ));
            self.samples.ended = true;
        }
        None
    }
}

/// Records with their arrivals.
struct Records {
    requests: Blocks,
    stamps: Blocks,
    ended: bool,
}

impl Records {
    fn open(folder: &Path) -> Result<Records, StoreError> {
        let (requests_path, stamps_path) = (folder.join(file::REQUESTS), folder.join(file::STAMPS));
        let mut requests = Blocks::open(requests_path.clone())?;
        let mut stamps = Blocks::open(stamps_path.clone())?;
        if let Some(header) = requests.header().map_err(|what| REQUESTS.violated(&requests_path, what))? {
            REQUESTS.check_header(header, &requests_path)?;
        }
        if let Some(header) = stamps.header().map_err(|what| STAMPS.violated(&stamps_path, what))? {
            STAMPS.check(&String::from_utf8_lossy(header.trim_ascii_end()), &stamps_path)?;
        }
        Ok(Records { requests, stamps, ended: false })
    }
}

impl Records {
    /// The next record; none at the end, which a cut or altered block is too, once it has been told.
    fn next(&mut self) -> Result<Option<Record>, String> {
        if self.ended {
            return Ok(None);
        }
        let next = self.read();
        self.ended = !matches!(next, Ok(Some(_)));
        next
    }

    fn read(&mut self) -> Result<Option<Record>, String> {
        let Some(rest) = self.requests.rest()? else { return Ok(None) };
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            return Err(format!("a block of {} ends within a line", self.requests.path.display()));
        };
        let mut record: Record = serde_json::from_slice(&rest[..end])
            .map_err(|error| format!("a line of {} is no request: {error}", self.requests.path.display()))?;
        self.requests.at += end + 1;
        record.arrivals = self.arrivals(record.i)?;
        Ok(Some(record))
    }

    fn arrivals(&mut self, i: u64) -> Result<Arrivals, String> {
        let Some(mut rest) = self.stamps.rest()? else {
            return Err(format!("{} ends before the arrivals of request {i}", self.stamps.path.display()));
        };
        let before = rest.len();
        let entry = stamps::take(&mut rest).filter(|entry| entry.i == i);
        let taken = before - rest.len();
        self.stamps.at += taken;
        match entry {
            Some(entry) => Ok(entry.arrivals),
            None => Err(format!("{} does not hold the arrivals of request {i}", self.stamps.path.display())),
        }
    }
}

/// A file of blocks and the content of the one that is being read.
struct Blocks {
    path: PathBuf,
    frames: Frames,
    content: Vec<u8>,
    /// How much of `content` has been taken.
    at: usize,
}

impl Blocks {
    fn open(path: PathBuf) -> Result<Blocks, StoreError> {
        let frames = Frames::open(&path).map_err(StoreError::read(&path))?;
        Ok(Blocks { path, frames, content: Vec::new(), at: 0 })
    }

    /// Takes the first block, the header; none if the run was killed before it was written.
    fn header(&mut self) -> Result<Option<&[u8]>, String> {
        match self.frames.next(&mut self.content) {
            Ok(true) => {
                self.at = self.content.len();
                Ok(Some(&self.content))
            }
            Ok(false) | Err(Damage::Cut) => {
                self.content.clear();
                Ok(None)
            }
            Err(Damage::Altered(what)) => Err(what),
        }
    }

    /// What is left of the block, or else the next one; none at the end of the file.
    fn rest(&mut self) -> Result<Option<&[u8]>, String> {
        while self.at >= self.content.len() {
            self.at = 0;
            if !self.frames.next(&mut self.content).map_err(|damage| self.describe(&damage))? {
                self.content.clear();
                return Ok(None);
            }
        }
        Ok(Some(&self.content[self.at..]))
    }

    fn describe(&self, damage: &Damage) -> String {
        let (path, bytes) = (self.path.display(), self.frames.left_out());
        match damage {
            Damage::Cut => {
                format!("{path} is cut in the middle of a block: its last {bytes} bytes are left out")
            }
            Damage::Altered(what) => {
                format!("{path} is damaged ({what}): its last {bytes} bytes are left out")
            }
        }
    }
}

/// The lines of `samples.jsonl`.
struct Samples {
    path: PathBuf,
    input: BufReader<File>,
    line: Vec<u8>,
    /// What is wrong with its first line, until it has been told.
    headless: Option<String>,
    ended: bool,
}

/// No line is longer; a file without line ends is no reason to fill the memory.
const LONGEST_LINE: u64 = 1 << 20;

impl Samples {
    fn open(path: &Path) -> Result<Samples, StoreError> {
        let input = BufReader::new(File::open(path).map_err(StoreError::read(path))?);
        let mut samples =
            Samples { path: path.to_owned(), input, line: Vec::new(), headless: None, ended: false };
        match samples.read() {
            Ok(true) => SAMPLES.check_header(&samples.line, path)?,
            // The run was killed before it was written.
            Ok(false) => samples.ended = true,
            Err(what) => samples.headless = Some(what),
        }
        Ok(samples)
    }

    /// The next line; none at the end, which a cut or altered line is too, once it has been told.
    fn next(&mut self) -> Result<Option<Line>, String> {
        if self.ended {
            return Ok(None);
        }
        let next = self.headless.take().map_or_else(|| self.read(), Err).and_then(|more| {
            let altered =
                || format!("a line of {} is damaged: it and what follows is left out", self.path.display());
            if more { samples::take(&self.line).ok_or_else(altered).map(Some) } else { Ok(None) }
        });
        self.ended = !matches!(next, Ok(Some(_)));
        next
    }

    /// Reads a line, its end included; false at the end of the file.
    fn read(&mut self) -> Result<bool, String> {
        self.line.clear();
        let read = self.input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.line);
        read.map_err(|error| format!("{} cannot be read further: {error}", self.path.display()))?;
        match self.line.last() {
            None => Ok(false),
            Some(b'\n') => Ok(true),
            Some(_) => Err(format!("{} is cut in the middle of its last line", self.path.display())),
        }
    }
}
