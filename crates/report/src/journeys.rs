//! Journeys in words: how they ended, how long the whole ones took, and where others failed.

use floodline_core::journey::JourneyEnd;
use floodline_core::summary::{Journeys, MetricSummary, RunSummary};

use crate::format::{count, counted, maybe_time, one_line, share, three_digits};

/// More steps than this are left to `summary.json`.
const STEPS_SHOWN: usize = 6;

/// What there is to say of the journeys of a run, a sentence each; nothing of a run without a flow.
pub(crate) fn sentences(summary: &RunSummary) -> Vec<String> {
    let Some(journeys) = &summary.journeys else { return Vec::new() };
    let mut sentences = vec![ends(journeys)];
    if journeys.completed > 0 {
        let took = format!("completed ones took {}", times(&journeys.duration));
        let thought = journeys.active.p50 != journeys.duration.p50;
        let active =
            if thought { format!("; without thinking {}", times(&journeys.active)) } else { String::new() };
        sentences.push(took + &active);
        sentences.extend(requests(journeys));
    }
    sentences.extend(failed_at(journeys));
    sentences
}

/// By how they ended: `118 of 120 completed (98.3 %), 2 failed`.
pub(crate) fn ends(journeys: &Journeys) -> String {
    let started = journeys.started;
    let mut text = match started {
        0 => "none has ended".to_owned(),
        _ => format!(
            "{} of {} completed ({})",
            count(journeys.completed),
            count(started),
            share(journeys.completed, started)
        ),
    };
    let others = [
        (journeys.failed, "failed"),
        (journeys.abandoned, "abandoned by their users"),
        (journeys.cut, "cut by the end of the run"),
    ];
    for (n, how) in others.into_iter().filter(|(n, _)| *n > 0) {
        text.push_str(&format!(", {} {how}", count(n)));
    }
    if journeys.around > 0 {
        text.push_str(&format!("; {} of warm-up and cool-down left out", count(journeys.around)));
    }
    text
}

/// How many requests each took.
pub(crate) fn requests(journeys: &Journeys) -> Option<String> {
    let each = journeys.requests_per_journey?;
    Some(format!("{} requests each, on average", three_digits(each)))
}

/// Where they failed, most often first.
pub(crate) fn failed_at(journeys: &Journeys) -> Option<String> {
    let mut steps: Vec<(&String, &u64)> = journeys.failed_at.iter().collect();
    steps.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let shown =
        steps.iter().take(STEPS_SHOWN).map(|(step, n)| format!("{} {}", count(**n), one_line(step, 40)));
    let shown: Vec<String> = shown.collect();
    let more = steps.len().saturating_sub(STEPS_SHOWN);
    let more = if more > 0 { format!(" and {}", counted(more as u64, "more step")) } else { String::new() };
    (!shown.is_empty()).then(|| format!("failed at: {}{more}", shown.join(", ")))
}

/// How they ended, each with its number and share; all four, since none is a figure too.
pub(crate) fn by_end(journeys: &Journeys) -> [(JourneyEnd, u64); 4] {
    JourneyEnd::ALL.map(|end| {
        let n = match end {
            JourneyEnd::Completed => journeys.completed,
            JourneyEnd::Failed => journeys.failed,
            JourneyEnd::Abandoned => journeys.abandoned,
            JourneyEnd::Cut => journeys.cut,
        };
        (end, n)
    })
}

fn times(figures: &MetricSummary) -> String {
    let [p50, p95, max] = [figures.p50, figures.p95, figures.max].map(maybe_time);
    format!("{p50} (p50), {p95} (p95), {max} at most")
}
