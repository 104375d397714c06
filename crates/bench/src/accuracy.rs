//! How far Floodline's figures are from the truth, the server's own log.
//!
//! Two readings. The first is of distributions: its percentile less the server's, which is what a user sees
//! wrong. The second is of single requests, joined by the `x-request-id` that Floodline sends, whose last part
//! is the arrival index: errors of opposite sign cannot hide each other there.
//!
//! The truth of a TTFT runs from the kernel taking the request in to the token being handed to the kernel, both
//! on this machine. What lies between (two passes over loopback, some microseconds) is counted as error.

use std::collections::HashMap;

use crate::clock::Wall;
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
    /// Requests whose TTFT is known on both sides.
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
    // From the journal, which is exact: the summary's values have three digits.
    let reported: Sorted = records.iter().filter_map(reported_ttft).collect();
    let ttft_error = |p: f64| Some(reported.percentile(p)? - ttft.percentile(p)?);
    let gap_error = |p: f64, name| Some(summary.metric("gap", name)? - gaps.percentile(p)?);
    Errors {
        ttft_p50: ttft_error(50.0),
        ttft_p99: ttft_error(99.0),
        gap_p50: gap_error(50.0, "p50"),
        gap_p99: gap_error(99.0, "p99"),
        single: compare_singly(truth, records),
    }
}

/// How late single requests reached the server, in milliseconds: received less scheduled, less what the request
/// spent on connecting. One value per request found on both sides; `started` is what the records count from.
pub(crate) fn lateness(truth: &[Entry], records: &[Record], started: Wall) -> Sorted {
    let late = |(entry, record): (&Entry, &Record)| {
        let after_start = entry.received.since(started);
        Some((after_start - record.scheduled_ns? - record.connect_ns.unwrap_or(0)) as f64 / 1e6)
    };
    join(truth, records).into_iter().filter_map(late).collect()
}

/// Requests that are on both sides.
fn join<'a>(truth: &'a [Entry], records: &'a [Record]) -> Vec<(&'a Entry, &'a Record)> {
    let truth: HashMap<u64, &Entry> =
        truth.iter().filter_map(|entry| Some((index(&entry.id)?, entry))).collect();
    records.iter().filter_map(|record| Some((*truth.get(&record.i)?, record))).collect()
}

fn compare_singly(truth: &[Entry], records: &[Record]) -> Single {
    let pairs = join(truth, records);
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
        joined: ttft.len(),
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
        Record {
            i,
            scheduled_ns: Some(4_000),
            connect_ns: None,
            sent_ns: Some(5_000),
            first_token_ns: Some(5_000 + ttft),
            max_gap_ns: Some(20_500_000),
        }
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
    fn without_a_journal_there_is_no_error_to_tell() {
        let errors = compare(&[entry(0, 50_000_000)], &summary(), &[]);
        assert_eq!((errors.ttft_p50, errors.ttft_p99), (None, None));
        assert_eq!(errors.single, Single::default());
    }

    #[test]
    fn a_request_without_a_first_token_is_not_joined() {
        let silent = Record { first_token_ns: None, ..record(1, 0) };
        let errors = compare(&[entry(0, 5), entry(1, 5)], &summary(), &[record(0, 5), silent]);
        assert_eq!(errors.single.joined, 1);
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
    fn lateness_is_the_servers_word_on_the_plan_without_the_connecting() {
        let truth = [entry(0, 1), entry(1, 1), entry(7, 1)];
        let due = |i, scheduled_ns, connect_ns| Record {
            scheduled_ns: Some(scheduled_ns),
            connect_ns,
            ..record(i, 1)
        };
        let records = [due(0, 0, Some(250_000)), due(1, 1_500_000, None), due(2, 0, None)];
        let late = lateness(&truth, &records, Wall(998_000_000));
        assert_eq!((late.len(), late.percentile(50.0), late.percentile(100.0)), (2, Some(0.5), Some(1.75)));
    }

    #[test]
    fn an_id_ends_in_the_arrival_index() {
        assert_eq!([index("fl-3f-17"), index("-"), index(""), index("other")], [Some(17), None, None, None]);
    }
}
