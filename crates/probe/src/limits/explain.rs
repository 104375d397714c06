//! Which refusals are explained by limits that are known: what is left is the work of another one.

use floodline_core::retry::Dimension;

use super::bench::{Bench, Crowd};
use super::fit::Hypothesis;
use super::log::{Line, Log};

/// Marks the refusals that known limits explain.
pub(super) fn mark(bench: &Bench) {
    let open = bench.log().lines.iter().any(|line| line.surprised());
    if !open {
        return;
    }
    let notes = bench.notes().clone();
    let mut explained = Vec::new();
    {
        let log = bench.log();
        if let Some(crowd) = notes.crowd {
            explained.extend(by_crowd(&log, crowd));
        }
        for known in &notes.known {
            if let Some(hypothesis) = known.best.first() {
                explained.extend(by_rate(&log, hypothesis, known.named));
            }
        }
    }
    bench.explain(&explained);
}

/// Refusals of requests beside which as many were open as may be.
fn by_crowd(log: &Log, crowd: Crowd) -> Vec<usize> {
    let open_at = |at: f64| {
        let admitted = log.lines.iter().filter(|line| line.admitted());
        admitted.filter_map(|line| line.open()).filter(|(from, to)| *from <= at && at <= *to).count()
    };
    let own = |line: &&Line| line.named().is_none_or(|named| named == Dimension::Concurrency);
    let refused = log.lines.iter().filter(|line| line.surprised()).filter(own);
    let full = refused.filter(|line| line.open().is_some_and(|(_, ended)| open_at(ended) >= crowd.value));
    full.map(|line| line.probe.id).collect()
}

/// Refusals of requests that this limit would have refused, or nearly.
fn by_rate(log: &Log, hypothesis: &Hypothesis, named: Option<Dimension>) -> Vec<usize> {
    const NEARLY: f64 = 0.9;
    const EARLY: f64 = 0.05;
    let other = |line: &&Line| named.zip(line.named()).is_none_or(|(one, other)| one == other);
    let refused = log.lines.iter().filter(|line| line.surprised() && line.probe.key == 0).filter(other);
    let counted = log.prompt_counted();
    let mut found = Vec::new();
    for line in refused {
        let Some((sent, _)) = line.open() else { continue };
        // The end of a window is known to a few percent at best, after a while.
        let early = sent - EARLY * hypothesis.shape.whole(hypothesis.capacity);
        let state = hypothesis.state_before(log, sent);
        let prompt = counted(line.probe.prompt_tokens);
        let asked = hypothesis.charge.asked(prompt, f64::from(line.probe.max_tokens));
        if state.need(sent, asked).max(state.need(early, asked)) > NEARLY * hypothesis.capacity {
            found.push(line.probe.id);
        }
    }
    found
}
