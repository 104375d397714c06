//! How far Floodline's figures are from the truth, the server's own log.
//!
//! Two readings. The first is of distributions: its percentile less the server's, which is what a user sees
//! wrong. The second is of single requests, joined by the `x-request-id` that Floodline sends, whose last part
//! is the arrival index: errors of opposite sign cannot hide each other there.
//!
//! The truth of a TTFT runs from the kernel taking the request in to the token being handed to the kernel, both
//! on this machine. What lies between (two passes over loopback, some microseconds) is counted as error.

use std::collections::HashMap;

use crate::floodline::{Record, Summary};
use crate::quantile::Sorted;
use crate::truth::Entry;

/// Errors in milliseconds; missing where there was nothing to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Errors {
    /// TTFT p50, reported less true.
    pub(crate) ttft_p50: Option<f64>,
    /// TTFT p99, reported less true.
    pub(crate) ttft_p99: Option<f64>,
    /// Gap p50, reported less true.
    pub(crate) gap_p50: Option<f64>,
    /// Gap p99, reported less true.
    pub(crate) gap_p99: Option<f64>,
    /// Over single requests.
    pub(crate) single: Single,
}

/// Errors of single requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Single {
    /// Requests found on both sides.
    pub(crate) joined: usize,
    /// The 50th percentile of the amount of the TTFT's error.
    pub(crate) ttft_p50: Option<f64>,
    /// The 99th.
    pub(crate) ttft_p99: Option<f64>,
    /// The largest.
    pub(crate) ttft_max: Option<f64>,
    /// The 99th percentile of the amount of the longest gap's error.
    pub(crate) max_gap_p99: Option<f64>,
}

/// Holds what Floodline reported of a run against the log of its server.
pub(crate) fn compare(truth: &[Entry], summary: &Summary, records: &[Record]) -> Errors {
    let ttft: Sorted = truth.iter().map(true_ttft).collect();
    let gaps: Sorted = truth.iter().flat_map(|entry| &entry.gaps).map(|&gap| f64::from(gap) / 1e6).collect();
    // The summary's values have three digits; the journal's are exact.
    let reported: Sorted = records.iter().filter_map(reported_ttft).collect();
    let ttft_error = |p: f64, name| {
        Some(reported.percentile(p).or_else(|| summary.metric("ttft", name))? - ttft.percentile(p)?)
    };
    let gap_error = |p: f64, name| Some(summary.metric("gap", name)? - gaps.percentile(p)?);
    Errors {
        ttft_p50: ttft_error(50.0, "p50"),
        ttft_p99: ttft_error(99.0, "p99"),
        gap_p50: gap_error(50.0, "p50"),
        gap_p99: gap_error(99.0, "p99"),
        single: compare_singly(truth, records),
    }
}

fn compare_singly(truth: &[Entry], records: &[Record]) -> Single {
    let truth: HashMap<u64, &Entry> =
        truth.iter().filter_map(|entry| Some((index(&entry.id)?, entry))).collect();
    let pairs: Vec<(&Entry, &Record)> =
        records.iter().filter_map(|record| Some((*truth.get(&record.i)?, record))).collect();
    let ttft: Sorted = pairs
        .iter()
        .filter_map(|(entry, record)| Some((reported_ttft(record)? - true_ttft(entry)).abs()))
        .collect();
    let max_gap: Sorted = pairs
        .iter()
        .filter_map(|(entry, record)| {
            Some((record.max_gap_ns? - i64::from(*entry.gaps.iter().max()?)).abs() as f64 / 1e6)
        })
        .collect();
    Single {
        joined: pairs.len(),
        ttft_p50: ttft.percentile(50.0),
        ttft_p99: ttft.percentile(99.0),
        ttft_max: ttft.percentile(100.0),
        max_gap_p99: max_gap.percentile(99.0),
    }
}

fn true_ttft(entry: &Entry) -> f64 {
    entry.first.since(entry.received) as f64 / 1e6
}

fn reported_ttft(record: &Record) -> Option<f64> {
    Some((record.first_token_ns? - record.sent_ns?) as f64 / 1e6)
}

/// The arrival index that a request id ends in.
fn index(id: &str) -> Option<u64> {
    id.rsplit('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Wall;

    fn entry(i: u64, ttft: i64) -> Entry {
        let received = Wall(1_000_000_000);
        Entry {
            id: format!("fl-a1-{i}"),
            received,
            first: Wall(received.0 + ttft),
            last: Wall(received.0 + ttft + 30_000_000),
            tokens: 3,
            gaps: vec![10_000_000, 20_000_000],
        }
    }

    fn record(i: u64, ttft: i64) -> Record {
        Record { i, sent_ns: Some(5_000), first_token_ns: Some(5_000 + ttft), max_gap_ns: Some(20_500_000) }
    }

    fn summary() -> Summary {
        Summary::parse(r#"{"metrics": {"ttft": {"p50": 77.0}, "gap": {"p50": 10.25, "p99": 21.0}}}"#).unwrap()
    }

    #[test]
    fn distributions_are_compared_from_the_journal() {
        let truth = [entry(0, 50_000_000), entry(1, 60_000_000)];
        let errors = compare(&truth, &summary(), &[record(1, 60_500_000), record(0, 50_125_000)]);
        assert_eq!((errors.ttft_p50, errors.ttft_p99), (Some(0.125), Some(0.5)));
        assert_eq!((errors.gap_p50, errors.gap_p99), (Some(0.25), Some(1.0)));
    }

    #[test]
    fn without_a_journal_the_summary_has_to_do() {
        let errors = compare(&[entry(0, 50_000_000)], &summary(), &[]);
        assert_eq!((errors.ttft_p50, errors.ttft_p99), (Some(27.0), None));
        assert_eq!(errors.single, Single::default());
    }

    #[test]
    fn errors_that_cancel_in_a_distribution_show_in_single_requests() {
        let truth = [entry(0, 50_000_000), entry(1, 60_000_000)];
        let errors = compare(&truth, &summary(), &[record(0, 60_000_000), record(1, 50_000_000)]);
        assert_eq!(errors.ttft_p99, Some(0.0));
        assert_eq!(errors.single.ttft_p50, Some(10.0));
        assert_eq!((errors.single.joined, errors.single.max_gap_p99), (2, Some(0.5)));
    }

    #[test]
    fn an_id_ends_in_the_arrival_index() {
        assert_eq!([index("fl-3f-17"), index("-"), index(""), index("other")], [Some(17), None, None, None]);
    }
}
