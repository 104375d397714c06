//! Times and numbers of requests, fixed or drawn.

use floodline_core::time::Span;
use floodline_core::users::{Asks, TimeLaw};

use super::Findings;
use crate::written::{
    AsksForm, At, Average, DrawnAsks, DrawnTime, Either, MedianAndP95, Place, Scalar, TimeForm, Written,
};

/// A length of time, or how it is drawn.
pub(in crate::resolve) fn time(form: &TimeForm, what: &str, findings: &mut Findings<'_>) -> Option<TimeLaw> {
    let At { value: DrawnTime { uniform, exponential, lognormal }, place } = match form {
        Either::Single(span) => {
            return findings.above_zero(&span.clone().into(), what).map(TimeLaw::Fixed);
        }
        Either::Other(drawn) => drawn,
    };
    match (uniform.as_ref(), exponential.as_ref(), lognormal.as_ref()) {
        (Some(ends), None, None) => {
            let (from, to) = two_ends(ends, "[1s, 3s]", findings)?;
            Some(TimeLaw::Uniform { from, to })
        }
        (None, Some(_), None) => {
            findings.above_zero(exponential, "the mean").map(|mean| TimeLaw::Exponential { mean })
        }
        (None, None, Some(quantiles)) => lognormal_law(quantiles, findings),
        _ => {
            findings
                .problem(*place, "a time is drawn in exactly one way: uniform, exponential or lognormal")
                .with_help(
                    "such as {uniform: [1s, 3s]}, {exponential: 3s} or {lognormal: {median: 2s, p95: 10s}}",
                );
            None
        }
    }
}

/// A number of requests, or how it is drawn.
pub(super) fn asks(form: &AsksForm, findings: &mut Findings<'_>) -> Option<Asks> {
    let At { value: DrawnAsks { uniform, geometric }, place } = match form {
        Either::Single(number) => {
            return findings.above_zero(&number.clone().into(), "`iterations`").map(Asks::Exactly);
        }
        Either::Other(drawn) => drawn,
    };
    match (uniform.as_ref(), geometric.as_ref()) {
        (Some(ends), None) => {
            let (from, to) = two_ends(ends, "[2, 8]", findings)?;
            if from == 0 {
                findings.problem(ends.place, "each session asks at least once").with_help("such as [1, 8]");
                return None;
            }
            Some(Asks::Uniform { from, to })
        }
        (None, Some(mean)) => findings.read_one(mean).map(|Average(mean)| Asks::Geometric { mean }),
        (Some(_), Some(_)) | (None, None) => {
            findings
                .problem(*place, "a number of requests is drawn in exactly one way: uniform or geometric")
                .with_help("such as {uniform: [2, 8]} or {geometric: 5}");
            None
        }
    }
}

/// Two ends in their order.
fn two_ends<T: Written + Ord>(
    At { value: ends, place }: &At<Vec<Scalar<T>>>,
    such_as: &str,
    findings: &mut Findings<'_>,
) -> Option<(T, T)> {
    let [from, to] = ends.as_slice() else {
        let given = ends.len();
        findings
            .problem(*place, format!("`uniform` has two ends, and {given} are given"))
            .with_help(format!("write the smallest and the largest, such as {such_as}"));
        return None;
    };
    let last = to.place;
    let (from, to) = (findings.read_one(from), findings.read_one(to));
    let (from, to) = (from?, to?);
    if from > to {
        findings
            .problem(last, "`uniform` ends before it starts")
            .with_help(format!("write the smallest first, such as {such_as}"));
        return None;
    }
    Some((from, to))
}

fn lognormal_law(
    At { value: MedianAndP95 { median, p95 }, place }: &At<MedianAndP95>,
    findings: &mut Findings<'_>,
) -> Option<TimeLaw> {
    if median.is_none() || p95.is_none() {
        findings
            .problem(*place, "a lognormal time needs both its median and its p95")
            .with_help("such as {median: 2s, p95: 10s}");
        return None;
    }
    let above: Place = p95.as_ref().map_or(*place, |p95| p95.place);
    let (median, p95): (Option<Span>, Option<Span>) =
        (findings.above_zero(median, "`median`"), findings.above_zero(p95, "`p95`"));
    let (median, p95) = (median?, p95?);
    if p95 < median {
        findings
            .problem(above, "the p95 is below the median")
            .with_help("95 of a hundred times are shorter than the p95, and half of them than the median");
        return None;
    }
    Some(TimeLaw::Lognormal { median, p95 })
}
