//! A distribution in numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::distribution::Distribution;
use crate::fold::Fold;
use crate::metric::Metric;
use crate::stats::Quantile;
use crate::time::Span;

/// A distribution in numbers. Absent means that nothing was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// `ms`.
    pub unit: String,
    /// How many values there are.
    pub count: u64,
    /// Their mean.
    pub mean: Option<f64>,
    /// Percentiles at rank ⌈p·n⌉.
    pub p50: Option<f64>,
    /// 90th.
    pub p90: Option<f64>,
    /// 95th.
    pub p95: Option<f64>,
    /// 99th.
    pub p99: Option<f64>,
    /// 99.9th.
    pub p999: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// 95 % confidence intervals of the percentiles; an absent end could not be bounded by so few values.
    pub interval: BTreeMap<String, (Option<f64>, Option<f64>)>,
}

/// The distribution of a metric.
pub(super) fn metric(fold: &Fold, metric: Metric) -> MetricSummary {
    of_distribution(fold.metrics.distribution(metric), |q| fold.metrics.interval(metric, q))
}

/// A distribution in numbers, with the intervals of its quantiles.
pub(super) fn of_distribution(
    d: &Distribution,
    interval: impl Fn(Quantile) -> (Option<Span>, Option<Span>),
) -> MetricSummary {
    const SHOWN: [(&str, Quantile); 5] = [
        ("p50", Quantile::P50),
        ("p90", Quantile::P90),
        ("p95", Quantile::P95),
        ("p99", Quantile::P99),
        ("p999", Quantile::P999),
    ];
    let ms = |span: Option<Span>| span.map(Span::as_millis_f64);
    let [p50, p90, p95, p99, p999] = SHOWN.map(|(_, q)| ms(d.quantile(q)));
    let intervals = SHOWN.map(|(name, q)| {
        let (low, high) = interval(q);
        (name.to_owned(), (ms(low), ms(high)))
    });
    MetricSummary {
        unit: "ms".into(),
        count: d.count(),
        mean: ms(d.mean()),
        p50,
        p90,
        p95,
        p99,
        p999,
        max: ms(d.max()),
        interval: if d.count() > 0 { intervals.into() } else { BTreeMap::new() },
    }
}
