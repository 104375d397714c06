//! What the journal costs beside the load, and reading it back: CPU time of the thread for each record.
//!
//! `cargo run --release -p floodline-store --example journal_cost`; Linux only, for the CPU time is
//! read from `/proc/thread-self/schedstat`.

use std::error::Error;
use std::fs;

use floodline_core::arrivals::Arrival;
use floodline_core::record::{Attempt, AttemptEnd, TokenSource};
use floodline_core::{Finish, Moment, Outcome, Phase, Record, RunEvent, Span};
use floodline_store::{RunFolder, StoredRun};

#[allow(dead_code, reason = "the events are this file's own")]
#[path = "../tests/support/mod.rs"]
mod support;
use support::{info, plan};

const RECORDS: u64 = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "arrivals  records/flush  ns/record  of which flush  read, ns/record  bytes/record (requests, stamps)"
    );
    for (arrivals, batch) in [(0, 200), (0, 1), (100, 200), (100, 20), (100, 1), (1000, 200)] {
        let records = if arrivals >= 1000 { RECORDS / 10 } else { RECORDS };
        measure(records, arrivals, batch)?;
    }
    Ok(())
}

fn measure(records: u64, arrivals: u64, batch: usize) -> Result<(), Box<dyn Error>> {
    let events: Vec<RunEvent> =
        (0..records).map(|i| RunEvent::Ended(Box::new(record(i, arrivals)))).collect();
    let temporary = tempfile::tempdir()?;
    let path = temporary.path().join("run");
    let folder = RunFolder::create(&path)?;
    let mut journal = folder.journal()?;
    let (mut appending, mut flushing) = (0, 0);
    for batch in events.chunks(batch) {
        let start = cpu_ns()?;
        batch.iter().for_each(|event| journal.append(event));
        let appended = cpu_ns()?;
        journal.flush()?;
        appending += appended - start;
        flushing += cpu_ns()? - appended;
    }
    journal.finish()?;
    folder.write_plan(&plan())?;
    folder.write_run(&info())?;
    let start = cpu_ns()?;
    let mut read = 0;
    StoredRun::open(&path)?.replay(|_| read += 1)?;
    let reading = cpu_ns()? - start;
    assert_eq!(read, records);
    let size = |name: &str| fs::metadata(path.join(name)).map(|m| m.len() / records);
    println!(
        "{arrivals:>8}  {batch:>13}  {:>9}  {:>14}  {:>15}  {}, {}",
        (appending + flushing) / records,
        flushing / records,
        reading / records,
        size("requests.jsonl.zst")?,
        size("stamps.bin.zst")?,
    );
    Ok(())
}

fn record(i: u64, arrivals: u64) -> Record {
    let mut r = Record::planned(i, Phase::Main, "short".into(), Moment(i * 1_000_000));
    let mut noise = i;
    let mut below = |n: u64| {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (noise >> 33) % n
    };
    let sent = r.scheduled + Span(below(50_000));
    let mut at = sent + Span(50_000_000);
    for _ in 0..arrivals {
        at = at + Span(10_000_000 + below(200_000));
        r.arrivals.push(Arrival { at, events: 1, lag: Span(20_000 + below(60_000)) });
    }
    r.sent = Some(sent);
    r.last = Some(at);
    r.first_token = r.arrivals.first();
    r.first_content = r.first_token;
    r.outcome = Outcome::Ok;
    r.status = Some(200);
    r.finish = Some(Finish::Length);
    r.input_tokens = Some(120);
    r.output_tokens = Some(arrivals as u32);
    r.token_source = Some(TokenSource::Usage);
    let end = AttemptEnd::Outcome(Outcome::Ok);
    r.attempts = vec![Attempt::new(Some(sent), at, end, Some(200))];
    r.request_id = Some(format!("chatcmpl-{:016x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    r.late = Some(sent.since(r.scheduled));
    r.lag_max = Some(Span(80_000 + below(100_000)));
    r.max_gap = Some(Span(10_200_000));
    r
}

/// CPU time of this thread.
fn cpu_ns() -> Result<u64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(stat.split_whitespace().next().ok_or("no figure")?.parse()?)
}
