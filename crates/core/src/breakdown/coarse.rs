//! A distribution of times that costs little: two digits from a microsecond on, and no longer than its longest time.

use hdrhistogram::Histogram;

use crate::distribution::{Distribution, LONGEST};
use crate::stats::Quantile;
use crate::summary::MetricSummary;
use crate::time::Span;

/// Times, counted. Mean and maximum are exact.
#[derive(Clone, Debug, Default)]
pub(super) struct Coarse {
    /// Nothing is kept until something is counted.
    counts: Option<Box<Histogram<u32>>>,
    n: u64,
    sum: u128,
    max: Span,
}

impl Coarse {
    /// The same times, more coarsely.
    pub(super) fn of(times: &Distribution) -> Coarse {
        let mut coarse =
            Coarse { counts: None, n: times.count(), sum: times.sum(), max: times.max().unwrap_or_default() };
        for value in times.histogram().iter_recorded() {
            coarse.count(value.value_iterated_to(), value.count_at_value());
        }
        coarse
    }

    pub(super) fn record(&mut self, time: Span) {
        self.n += 1;
        self.sum += u128::from(time.0);
        self.max = self.max.max(time);
        self.count(time.0, 1);
    }

    fn count(&mut self, time: u64, n: u64) {
        if self.counts.is_none() {
            self.counts = empty();
        }
        if let Some(counts) = &mut self.counts {
            let n = u32::try_from(n).unwrap_or(u32::MAX);
            // It grows as it must, up to an hour: nothing is beyond it.
            let _ = counts.record_n(time.min(LONGEST.0), n);
        }
    }

    /// Its figures; without intervals.
    pub(super) fn summary(&self) -> MetricSummary {
        let ms = |span: Span| span.as_millis_f64();
        let counts = self.counts.as_ref().filter(|counts| !counts.is_empty());
        let quantile = |q: Quantile| {
            let counts = counts?;
            let n = counts.len();
            let value = counts.value_at_quantile((q.rank(n) as f64 - 0.5) / n as f64);
            Some(ms(Span(value).min(self.max)))
        };
        MetricSummary {
            unit: "ms".into(),
            count: self.n,
            mean: (self.n > 0).then(|| ms(Span((self.sum / u128::from(self.n.max(1))) as u64))),
            p50: quantile(Quantile::P50),
            p90: quantile(Quantile::P90),
            p95: quantile(Quantile::P95),
            p99: quantile(Quantile::P99),
            p999: quantile(Quantile::P999),
            max: (self.n > 0).then(|| ms(self.max)),
            interval: Default::default(),
        }
    }
}

/// From a microsecond on; none if the library thought the bounds wrong, which they are not.
fn empty() -> Option<Box<Histogram<u32>>> {
    let mut counts = Histogram::new_with_bounds(1_000, 2_000_000, 2).ok()?;
    counts.auto(true);
    Some(Box::new(counts))
}

impl PartialEq for Coarse {
    fn eq(&self, other: &Coarse) -> bool {
        (self.n, self.sum, self.max, &self.counts) == (other.n, other.sum, other.max, &other.counts)
    }
}
