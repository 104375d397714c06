//! What was recorded comes back, and a stored run gives the figures of the live one.

#![allow(clippy::unwrap_used, reason = "in the helpers of tests as in tests")]

mod support;

use std::fs;
use std::path::Path;

use floodline_core::RunEvent;
use floodline_core::fold::Fold;
use floodline_core::summary::RunSummary;
use floodline_store::{RunFolder, StoreError, StoredRun};
use proptest::prelude::*;
use support::{events, info, plan};

/// Records `events`, flushing after every `batch`.
fn store(path: &Path, events: &[RunEvent], batch: usize) -> RunFolder {
    let folder = RunFolder::create(path).unwrap();
    folder.write_plan(&plan()).unwrap();
    folder.write_run(&info()).unwrap();
    let mut journal = folder.journal().unwrap();
    for batch in events.chunks(batch) {
        batch.iter().for_each(|event| journal.append(event));
        journal.flush().unwrap();
    }
    journal.finish().unwrap();
    folder
}

fn fold<'a>(events: impl IntoIterator<Item = &'a RunEvent>) -> Fold {
    let mut fold = Fold::of(&plan());
    events.into_iter().for_each(|event| fold.apply(event));
    fold
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    /// Invariant 2: the report of a stored run equals the report of the live one.
    #[test]
    fn the_fold_over_a_stored_run_equals_the_fold_over_the_live_one(
        seed: u64, records in 0u64..80, batch in 1usize..40,
    ) {
        let live = events(records, seed);
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("runs/made-up");
        store(&path, &live, batch);

        let run = StoredRun::open(&path).unwrap();
        let mut stored = Vec::new();
        let recovered = run.replay(|event| stored.push(event.clone())).unwrap();
        prop_assert_eq!(&stored, &live, "in order of recording");
        prop_assert_eq!((recovered.records, recovered.lost, recovered.damaged), (records, 0, None));

        let (live, stored) = (fold(&live), fold(&stored));
        prop_assert_eq!(&stored, &live);
        prop_assert_eq!(
            RunSummary::new(&run.plan, &run.info, &stored),
            RunSummary::new(&plan(), &info(), &live)
        );
    }
}

#[test]
fn plan_and_run_come_back_and_the_hash_still_fits() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("run");
    store(&path, &[], 1);
    let run = StoredRun::open(&path).unwrap();
    assert_eq!(run.plan, plan());
    assert_eq!(run.info, info());
    assert_eq!(run.plan.hash(), run.info.plan_hash);
}

#[test]
fn a_run_without_a_summary_reads_like_one_with_it() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("run");
    let events = events(10, 1);
    let folder = store(&path, &events, 4);
    let run = StoredRun::open(&path).unwrap();
    assert_eq!(run.summary().unwrap(), None);
    let summary = RunSummary::new(&run.plan, &run.info, &fold(&events));
    folder.write_summary(&summary).unwrap();
    assert_eq!(run.summary().unwrap(), Some(summary));
}

#[test]
fn a_run_can_be_read_while_it_is_recorded() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("run");
    let folder = store_open(&path);
    let mut journal = folder.journal().unwrap();
    let events = events(10, 5);
    for (n, event) in events.iter().enumerate() {
        journal.append(event);
        journal.flush().unwrap();
        let read: Vec<RunEvent> = StoredRun::open(&path).unwrap().events().unwrap().collect();
        assert_eq!(read, events[..=n]);
    }
}

fn store_open(path: &Path) -> RunFolder {
    let folder = RunFolder::create(path).unwrap();
    folder.write_plan(&plan()).unwrap();
    folder.write_run(&info()).unwrap();
    folder
}

#[test]
fn every_file_names_its_format() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("run");
    let events = events(30, 2);
    let folder = store(&path, &events, 7);
    let fold = fold(&events);
    folder.write_scenario("name: made-up\n").unwrap();
    folder.write_summary(&RunSummary::new(&plan(), &info(), &fold)).unwrap();
    folder.write_timeline(&fold.timeline.buckets()).unwrap();
    folder.write_histograms(&fold.metrics).unwrap();
    folder.write_report("<!doctype html>").unwrap();

    let json = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(path.join(name)).unwrap()).unwrap()
    };
    for (name, format) in [
        ("plan.json", "floodline-plan/1"),
        ("run.json", "floodline-run/1"),
        ("summary.json", "floodline-summary/1"),
        ("timeline.json", "floodline-timeline/1"),
        ("histograms/index.json", "floodline-histograms/1"),
    ] {
        assert_eq!(json(name)["format"], format);
    }
    let unpacked = |name: &str| zstd::decode_all(fs::File::open(path.join(name)).unwrap()).unwrap();
    assert!(unpacked("requests.jsonl.zst").starts_with(b"{\"format\":\"floodline-requests/1\"}\n{\"i\":0,"));
    assert!(
        unpacked("journeys.jsonl.zst").starts_with(b"{\"format\":\"floodline-journeys/1\"}\n{\"after\":2,")
    );
    assert!(unpacked("stamps.bin.zst").starts_with(b"floodline-stamps/1\n"));
    assert!(
        fs::read(path.join("samples.jsonl")).unwrap().starts_with(b"{\"format\":\"floodline-samples/1\"}\n")
    );

    assert_eq!(json("timeline.json")["seconds"].as_array().unwrap().len(), fold.timeline.buckets().len());
    let partial: Vec<_> = fs::read_dir(&path).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!partial.iter().any(|name| name.to_string_lossy().contains("partial")), "{partial:?}");
}

#[test]
fn histograms_come_back_from_their_files() {
    use floodline_core::metric::Metric;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;

    let temporary = tempfile::tempdir().unwrap();
    let fold = fold(&events(60, 3));
    RunFolder::create(temporary.path()).unwrap().write_histograms(&fold.metrics).unwrap();
    for metric in [Metric::Ttft, Metric::Gap, Metric::Lag] {
        let bytes = fs::read(temporary.path().join(format!("histograms/{}.hdr", metric.name()))).unwrap();
        let read: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        assert_eq!(read, *fold.metrics.distribution(metric).histogram());
    }
}

#[test]
fn a_folder_that_holds_files_is_not_taken() {
    let temporary = tempfile::tempdir().unwrap();
    assert!(RunFolder::create(temporary.path()).is_ok(), "an empty one is");
    fs::write(temporary.path().join("notes.txt"), "mine").unwrap();
    let error = RunFolder::create(temporary.path()).unwrap_err();
    let expected = format!(
        "{} is not empty: a run is written to a folder of its own; choose another --out",
        temporary.path().display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_path_through_a_file_is_refused_with_the_remedy() {
    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("file"), "").unwrap();
    let error = RunFolder::create(&temporary.path().join("file/run")).unwrap_err().to_string();
    assert!(error.contains("file/run") && error.contains("--out"), "{error}");
}

#[test]
fn a_folder_that_is_no_run_says_what_makes_one() {
    let temporary = tempfile::tempdir().unwrap();
    let error = StoredRun::open(temporary.path()).unwrap_err().to_string();
    let folder = temporary.path().display();
    assert_eq!(
        error,
        format!("{folder}/plan.json does not exist; is {folder} a run folder? `floodline run` makes one")
    );
    fs::write(temporary.path().join("plan.json"), "{\"name\":").unwrap();
    let error = StoredRun::open(temporary.path()).unwrap_err().to_string();
    assert!(error.contains("plan.json is damaged") && error.contains("floodline-plan/1"), "{error}");
}

#[test]
fn additions_are_read_and_newer_versions_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("run");
    store(&path, &events(5, 4), 2);
    let plan_file = path.join("plan.json");
    let text = fs::read_to_string(&plan_file).unwrap();
    let later =
        text.replacen("\"floodline-plan/1\",", "\"floodline-plan/1.3\",\n  \"mood\": {\"good\": true},", 1);
    assert_ne!(later, text);
    fs::write(&plan_file, later).unwrap();
    assert!(StoredRun::open(&path).is_ok());

    fs::write(&plan_file, text.replacen("plan/1", "plan/2", 1)).unwrap();
    assert!(matches!(StoredRun::open(&path), Err(StoreError::Newer { .. })));

    fs::write(&plan_file, text).unwrap();
    let run = StoredRun::open(&path).unwrap();
    for (file, header) in [
        ("requests.jsonl.zst", "{\"format\":\"floodline-requests/2\",\"new\":1}\n"),
        ("stamps.bin.zst", "floodline-stamps/2\n"),
        ("journeys.jsonl.zst", "{\"format\":\"floodline-journeys/2\"}\n"),
    ] {
        let original = fs::read(path.join(file)).unwrap();
        fs::write(path.join(file), zstd::encode_all(header.as_bytes(), 1).unwrap()).unwrap();
        assert!(matches!(run.events(), Err(StoreError::Newer { .. })), "{file}");
        fs::write(path.join(file), original).unwrap();
    }
    assert!(run.events().is_ok());
}
