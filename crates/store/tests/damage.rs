//! A journal that was cut or altered gives a beginning of what was recorded, or says clearly what is wrong.

#![allow(clippy::unwrap_used, reason = "in the helpers of tests as in tests")]

mod support;

use std::fs;
use std::path::Path;

use floodline_core::RunEvent;
use floodline_core::fold::Fold;
use floodline_core::summary::RunSummary;
use floodline_store::{Recovered, RunFolder, StoreError, StoredRun};
use proptest::prelude::*;
use support::{events, info, plan};

const STAMPS: &str = "stamps.bin.zst";
const JOURNEYS: &str = "journeys.jsonl.zst";
const REQUESTS: &str = "requests.jsonl.zst";
const SAMPLES: &str = "samples.jsonl";
/// In the order in which a flush writes them.
const JOURNAL: [&str; 4] = [STAMPS, JOURNEYS, REQUESTS, SAMPLES];

/// What kind of event it is, of those that are stored in different files.
fn kind(event: &RunEvent) -> &'static str {
    match event {
        RunEvent::Ended(_) => REQUESTS,
        RunEvent::Journey(_) => JOURNEYS,
        RunEvent::Sampled(_) | RunEvent::Finished(_) => SAMPLES,
    }
}

fn fold(events: &[RunEvent]) -> Fold {
    let mut fold = Fold::of(&plan());
    events.iter().for_each(|event| fold.apply(event));
    fold
}

/// A recorded run, and a place to damage its files in.
struct Recorded {
    folder: tempfile::TempDir,
    run: StoredRun,
    truth: Vec<RunEvent>,
}

impl Recorded {
    fn new(records: u64, batch: usize) -> Recorded {
        let folder = tempfile::tempdir().unwrap();
        let store = RunFolder::create(folder.path()).unwrap();
        store.write_plan(&plan()).unwrap();
        store.write_run(&info()).unwrap();
        let truth = events(records, 9);
        let mut journal = store.journal().unwrap();
        for batch in truth.chunks(batch) {
            batch.iter().for_each(|event| journal.append(event));
            journal.flush().unwrap();
        }
        journal.finish().unwrap();
        let run = StoredRun::open(folder.path()).unwrap();
        Recorded { folder, run, truth }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self) -> Result<(Vec<RunEvent>, Recovered), StoreError> {
        let mut read = Vec::new();
        let recovered = self.run.replay(|event| read.push(event.clone()))?;
        Ok((read, recovered))
    }

    /// Reads the run while `file` holds `bytes`: records and samples must each be a beginning of
    /// the truth, and whatever is missing must be told.
    fn check(&self, file: &str, bytes: &[u8], what: &str) -> Option<Recovered> {
        let original = fs::read(self.file(file)).unwrap();
        fs::write(self.file(file), bytes).unwrap();
        let outcome = self.read();
        fs::write(self.file(file), original).unwrap();
        match outcome {
            Ok((read, recovered)) => {
                for of in [REQUESTS, JOURNEYS, SAMPLES] {
                    let part = |events: &[RunEvent]| -> Vec<RunEvent> {
                        events.iter().filter(|event| kind(event) == of).cloned().collect()
                    };
                    let (truth, read) = (part(&self.truth), part(&read));
                    assert!(truth.starts_with(&read), "{file}, {what}: not what was recorded");
                    // Journeys stand apart: without them the rest is whole.
                    assert!(file != JOURNEYS || of == JOURNEYS || truth == read, "{file}, {what}: of {of}");
                }
                // Nothing tells that a line is missing at the end of the samples: so a killed run ends.
                if file != SAMPLES {
                    let in_order = file == JOURNEYS || self.truth.starts_with(&read);
                    assert!(in_order, "{file}, {what}: not in order");
                    let whole = read.len() == self.truth.len();
                    assert!(whole || recovered.damaged.is_some(), "{file}, {what}: missing, but not told");
                }
                Some(recovered)
            }
            Err(error) => {
                assert!(error.to_string().contains(file), "{error}");
                None
            }
        }
    }
}

#[test]
fn a_journal_cut_at_any_byte_is_read_up_to_the_cut() {
    let recorded = Recorded::new(8, 3);
    for file in JOURNAL {
        let bytes = fs::read(recorded.file(file)).unwrap();
        for cut in 0..bytes.len() {
            let recovered = recorded.check(file, &bytes[..cut], &format!("cut at {cut}"));
            assert!(recovered.is_some(), "{file} cut at {cut}: a cut is no error");
        }
    }
}

/// The files as a kill leaves them: each flush writes arrivals, then journeys, then records, then samples.
#[test]
fn a_kill_at_any_byte_of_the_writing_loses_no_whole_block() {
    let recorded = Recorded::new(8, 3);
    let whole: Vec<Vec<u8>> = JOURNAL.iter().map(|file| fs::read(recorded.file(file)).unwrap()).collect();
    // Lengths after each flush, as they were while recording.
    let mut lengths = vec![[0usize; 4]];
    let again = tempfile::tempdir().unwrap();
    let mut journal = RunFolder::create(again.path()).unwrap().journal().unwrap();
    // There is no file of journeys before the first one.
    let length = |file: &str| fs::metadata(again.path().join(file)).map_or(0, |data| data.len() as usize);
    let measure = || JOURNAL.map(length);
    lengths.push(measure());
    for batch in recorded.truth.chunks(3) {
        batch.iter().for_each(|event| journal.append(event));
        journal.flush().unwrap();
        lengths.push(measure());
    }
    let truth: Vec<RunEvent> =
        recorded.truth.iter().filter(|event| kind(event) != SAMPLES).cloned().collect();
    let mut most = 0;
    for step in lengths.windows(2) {
        for file in 0..4 {
            for cut in step[0][file]..=step[1][file] {
                for other in 0..4 {
                    let length = match other.cmp(&file) {
                        std::cmp::Ordering::Less => step[1][other],
                        std::cmp::Ordering::Equal => cut,
                        std::cmp::Ordering::Greater => step[0][other],
                    };
                    fs::write(recorded.file(JOURNAL[other]), &whole[other][..length]).unwrap();
                }
                let (read, _) = recorded.read().unwrap();
                let read: Vec<RunEvent> = read.into_iter().filter(|event| kind(event) != SAMPLES).collect();
                assert!(truth.starts_with(&read), "a beginning, and no journey is missing from it");
                let records = read.iter().filter(|event| matches!(event, RunEvent::Ended(_))).count();
                assert!(records >= most, "what was once readable stays so");
                most = records;
            }
        }
    }
    assert_eq!(most, 8);
}

#[test]
fn a_flipped_bit_is_never_taken_for_data() {
    let recorded = Recorded::new(6, 3);
    for file in JOURNAL {
        let bytes = fs::read(recorded.file(file)).unwrap();
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << (at % 8);
            recorded.check(file, &altered, &format!("a bit of byte {at}"));
        }
    }
}

#[test]
fn a_garbage_tail_is_left_out_and_told() {
    let recorded = Recorded::new(8, 3);
    for file in JOURNAL {
        let mut bytes = fs::read(recorded.file(file)).unwrap();
        bytes.extend_from_slice(b"\x00garbage\xff\n{}\n");
        let recovered = recorded.check(file, &bytes, "garbage").unwrap();
        assert_eq!(recovered.records, 8);
        // Arrivals beyond the last record are what a kill leaves; nobody looks at them.
        assert_eq!(recovered.damaged.is_some(), file != STAMPS, "{file}: {recovered:?}");
    }
}

#[test]
fn what_is_left_out_is_told_with_its_place() {
    let recorded = Recorded::new(8, 3);
    let bytes = fs::read(recorded.file(REQUESTS)).unwrap();
    let recovered = recorded.check(REQUESTS, &bytes[..bytes.len() - 3], "cut").unwrap();
    let told = recovered.damaged.unwrap();
    let path = recorded.file(REQUESTS).display().to_string();
    assert!(told.starts_with(&format!("{path} is cut in the middle of a block: its last ")), "{told}");
}

#[test]
fn a_missing_file_of_the_journal_is_named() {
    for file in [STAMPS, REQUESTS, SAMPLES] {
        let recorded = Recorded::new(3, 5);
        fs::remove_file(recorded.file(file)).unwrap();
        let error = recorded.read().unwrap_err();
        assert!(
            matches!(&error, StoreError::Missing { path, .. } if Path::new(path).ends_with(file)),
            "{error}"
        );
    }
}

#[test]
fn missing_journeys_are_told_and_cost_nothing_else() {
    let recorded = Recorded::new(8, 3);
    fs::remove_file(recorded.file(JOURNEYS)).unwrap();
    let (read, recovered) = recorded.read().unwrap();
    let others = recorded.truth.iter().filter(|event| kind(event) != JOURNEYS).cloned();
    assert_eq!(read, others.collect::<Vec<_>>());
    assert_eq!((recovered.records, recovered.journeys), (8, 0));
    let path = recorded.file(JOURNEYS).display().to_string();
    assert_eq!(
        recovered.damaged.as_deref(),
        Some(format!("{path} is missing, or ends before the last of its journeys").as_str())
    );
}

/// The report of what could be read is that of a live run to which no more had happened.
#[test]
fn the_figures_of_a_damaged_run_are_those_of_what_could_be_read() {
    let recorded = Recorded::new(30, 4);
    let bytes = fs::read(recorded.file(REQUESTS)).unwrap();
    for cut in (0..bytes.len()).step_by(bytes.len() / 5) {
        fs::write(recorded.file(REQUESTS), &bytes[..cut]).unwrap();
        let (read, _) = recorded.read().unwrap();
        let summary = |events: &[RunEvent]| RunSummary::new(&plan(), &info(), &fold(events));
        assert_eq!(summary(&read), summary(&recorded.truth[..read.len()]), "cut at {cut}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn junk_in_place_of_a_file_does_not_panic(
        file in 0usize..4, junk in prop::collection::vec(any::<u8>(), 0..400), kept in 0usize..600,
    ) {
        let recorded = Recorded::new(6, 2);
        let mut bytes = fs::read(recorded.file(JOURNAL[file])).unwrap();
        bytes.truncate(kept);
        bytes.extend_from_slice(&junk);
        recorded.check(JOURNAL[file], &bytes, "junk");
    }
}
