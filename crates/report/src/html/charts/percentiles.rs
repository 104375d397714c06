//! Distributions as curves: a value for each percentile, on an axis on which each mark is ten times rarer.

use std::f64::consts::LOG10_2;

use floodline_core::Span;
use floodline_core::distribution::Distribution;
use floodline_core::metric::{Metric, Metrics};

use super::{Figure, line, most, time_axis};
use crate::format::{count, time};
use crate::svg::{Axis, Chart, Series, Shape};

/// The distributions as curves. Metrics of which nothing was measured are left out.
pub(in crate::html) fn percentiles(metrics: &Metrics) -> Vec<Figure> {
    const CURVES: [(&str, Metric, Option<Metric>, &str); 4] = [
        (
            "TTFT by percentile",
            Metric::Ttft,
            Some(Metric::TtftFromSchedule),
            "How long the fastest share of requests waited for the first token.",
        ),
        (
            "Gap by percentile",
            Metric::Gap,
            None,
            "Time between neighbouring token arrivals, over all answers.",
        ),
        (
            "Latency by percentile",
            Metric::Latency,
            Some(Metric::LatencyFromSchedule),
            "How long the fastest share of ok requests took to the last byte.",
        ),
        (
            "TPOT by percentile",
            Metric::Tpot,
            None,
            "Time per output token after the first, of each ok answer.",
        ),
    ];
    CURVES
        .into_iter()
        .filter_map(|(title, metric, other, caption)| {
            let sent = metrics.distribution(metric);
            let other = other.map(|other| metrics.distribution(other));
            (sent.count() > 0).then(|| curve(title, caption, sent, other))
        })
        .collect()
}

fn curve(title: &'static str, caption: &str, main: &Distribution, other: Option<&Distribution>) -> Figure {
    // Half a step beyond the last value, so that the largest is seen.
    let end = (2.0 * main.count() as f64).log10().clamp(1.0, 5.3);
    let ranks = Ranks::of(main);
    let mark = |nines: f64, label: &str| {
        let ms = ranks.at(nines)?;
        Some((nines, ms, format!("{label} {}", time(ms))))
    };
    let marks = [mark(LOG10_2, "p50"), (end >= 2.0).then(|| mark(2.0, "p99")).flatten()];
    let mut series =
        vec![Series { marks: marks.into_iter().flatten().collect(), ..line("p50", ranks.points(end)) }];
    let mut names = vec![if other.is_some() { "from sending" } else { "values" }];
    if let Some(other) = other {
        // Above the other line, and with holes, so that both are seen where they are one.
        series.push(Series { shape: Shape::Dashed, ..line("p99", Ranks::of(other).points(end)) });
        names.push("from schedule");
    }
    let y = time_axis(most(&series.iter().collect::<Vec<_>>()));
    // The next one would run into its neighbour.
    const TICKS: [(f64, &str); 5] =
        [(LOG10_2, "50 %"), (1.0, "90 %"), (2.0, "99 %"), (3.0, "99.9 %"), (4.0, "99.99 %")];
    let ticks = TICKS.into_iter().filter(|(nines, _)| *nines <= end + 1e-9);
    let x = Axis { end, ticks: ticks.map(|(nines, label)| (nines, label.to_owned())).collect() };
    let chart = Chart { x, y, series, ..Chart::default() };
    let caption = format!(
        "{caption} Each further mark on the axis is ten times rarer. {} values.",
        count(main.count())
    );
    Figure::new(title, caption, &names, chart)
}

/// A distribution's values by rank, read off its histogram once.
struct Ranks {
    /// The number of values up to and including each, with the value in milliseconds.
    up_to: Vec<(u64, f64)>,
    count: u64,
}

impl Ranks {
    fn of(d: &Distribution) -> Ranks {
        let longest = d.max().unwrap_or_default();
        let mut seen = 0;
        let up_to = d.histogram().iter_recorded().map(|step| {
            seen += step.count_since_last_iteration();
            (seen, Span(step.value_iterated_to()).min(longest).as_millis_f64())
        });
        Ranks { up_to: up_to.collect(), count: d.count() }
    }

    /// The percentile of so many nines: of 1, the 90th; of 2, the 99th.
    fn at(&self, nines: f64) -> Option<f64> {
        // A trifle less, so that 90 % of ten is the ninth and not, by a rounding, the tenth.
        let rank = (self.count as f64 * (1.0 - 10f64.powf(-nines)) - 1e-9).ceil().max(1.0) as u64;
        let step = self.up_to.partition_point(|(up_to, _)| *up_to < rank);
        self.up_to.get(step).map(|(_, ms)| *ms)
    }

    fn points(&self, end: f64) -> Vec<(f64, Option<f64>)> {
        const STEPS: u32 = 160;
        let nines = (0..=STEPS).map(|k| f64::from(k) / f64::from(STEPS) * end);
        nines.map(|nines| (nines, self.at(nines))).collect()
    }
}

#[cfg(test)]
mod tests {
    use floodline_core::stats::Quantile;

    use super::*;

    #[test]
    fn the_curve_goes_through_the_percentiles_of_the_table() {
        let mut d = Distribution::default();
        (1..=1_234u64).for_each(|n| d.record(Span(n * n * 10_000)));
        let ranks = Ranks::of(&d);
        for (nines, q) in
            [(LOG10_2, Quantile::P50), (1.0, Quantile::P90), (2.0, Quantile::P99), (3.0, Quantile::P999)]
        {
            assert_eq!(ranks.at(nines), d.quantile(q).map(Span::as_millis_f64));
        }
        assert_eq!(ranks.at(9.0), d.max().map(Span::as_millis_f64));
    }
}
