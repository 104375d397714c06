//! How long it takes to read and count a file of prompts, on one thread and on two, and (on Linux) the CPU time
//! of it, which a busy machine changes less. Run with
//! `cargo run --release -p floodline-corpus --example load -- FILE`.

use std::time::Instant;

use floodline_corpus::{Bounds, Corpus, Counts, Reading, Summary, read};
use floodline_wire::tokens::{CachedCounter, Vocabulary};

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let result = work();
    let wall = start.elapsed().as_secs_f64();
    match cpu.zip(cpu_seconds()) {
        Some((before, after)) => println!("{what:<28} {wall:6.2} s, CPU {:5.2} s", after - before),
        None => println!("{what:<28} {wall:6.2} s"),
    }
    result
}

/// What the process has used so far, in user mode and in the kernel; the kernel counts in hundredths.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    Some(ticks.iter().sum::<f64>() / 100.0)
}

fn count_on(threads: usize, corpus: &mut Corpus) {
    let counts: Vec<Counts> = std::thread::scope(|scope| {
        let shared: &Corpus = corpus;
        let parts: Vec<_> = shared
            .chunks(threads)
            .into_iter()
            .map(|part| {
                scope.spawn(move || {
                    let counter = CachedCounter::new(|text: &str| Vocabulary::O200k.count(text));
                    shared.count_range(part, &|text| counter.count(text))
                })
            })
            .collect();
        parts.into_iter().filter_map(|part| part.join().ok()).collect()
    });
    counts.into_iter().for_each(|counts| corpus.merge(counts));
}

fn main() {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("which file?");
        return;
    };
    let Ok(bytes) = std::fs::read(&file) else {
        eprintln!("cannot read {file}");
        return;
    };
    timed("unpack the vocabulary", || Vocabulary::O200k.count("warm up"));
    let corpus = match timed("read", || read(&file, &bytes, Reading::default())) {
        Ok(corpus) => corpus,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            return;
        }
    };
    for threads in [1, 2] {
        let mut counted = corpus.clone();
        timed(&format!("count, {threads} thread(s)"), || count_on(threads, &mut counted));
        let summary = timed("summary", || Summary::of(&counted, Bounds::default()));
        println!("{}", summary.describe(&file, Vocabulary::O200k.name()));
        summary.warnings().iter().for_each(|warning| println!("warning: {warning}"));
    }
}
