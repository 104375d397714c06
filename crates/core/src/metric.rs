//! The metrics of a run and which part of a record each is taken from (design: "Words").

mod sections;

use crate::distribution::Distribution;
use crate::outcome::Outcome;
use crate::record::Record;
use crate::stats::Quantile;
use crate::time::{Moment, Span};

pub use sections::Sections;

/// A metric that has a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// First token − sent, of every streamed answer that had a token.
    Ttft,
    /// First token − scheduled: waits and retries included.
    TtftFromSchedule,
    /// The first token that is not reasoning − sent.
    FirstContent,
    /// Between two neighbouring token-bearing arrivals of one answer, pooled.
    Gap,
    /// The longest gap of each answer.
    MaxGap,
    /// (last token − first token) / (streamed output tokens − 1), per ok answer.
    Tpot,
    /// Last byte − sent, of ok answers.
    Latency,
    /// Last byte − scheduled, of ok answers.
    LatencyFromSchedule,
    /// Resolving, connecting and TLS, of requests that opened a connection.
    Connect,
    /// Waiting that the plan ordered before sending, of requests that had to wait.
    Held,
    /// In the user's own programs, of requests that went through some.
    Hook,
    /// Sent − scheduled, less connecting and ordered waiting.
    Late,
    /// Kernel arrival to the program reading it, of token-bearing arrivals; of other answers, the worst.
    Lag,
}

impl Metric {
    /// Every metric, in the order in which people want to read them.
    pub const ALL: [Metric; 13] = [
        Metric::Ttft,
        Metric::TtftFromSchedule,
        Metric::FirstContent,
        Metric::Gap,
        Metric::MaxGap,
        Metric::Tpot,
        Metric::Latency,
        Metric::LatencyFromSchedule,
        Metric::Connect,
        Metric::Held,
        Metric::Hook,
        Metric::Late,
        Metric::Lag,
    ];

    /// The name used in every file and on every screen.
    pub const fn name(self) -> &'static str {
        match self {
            Metric::Ttft => "ttft",
            Metric::TtftFromSchedule => "ttft_from_schedule",
            Metric::FirstContent => "first_content",
            Metric::Gap => "gap",
            Metric::MaxGap => "max_gap",
            Metric::Tpot => "tpot",
            Metric::Latency => "latency",
            Metric::LatencyFromSchedule => "latency_from_schedule",
            Metric::Connect => "connect",
            Metric::Held => "held",
            Metric::Hook => "hook",
            Metric::Late => "late",
            Metric::Lag => "lag",
        }
    }

    /// Whether only streamed answers have it.
    pub const fn needs_streams(self) -> bool {
        match self {
            Metric::Ttft
            | Metric::TtftFromSchedule
            | Metric::FirstContent
            | Metric::Gap
            | Metric::MaxGap
            | Metric::Tpot => true,
            Metric::Latency
            | Metric::LatencyFromSchedule
            | Metric::Connect
            | Metric::Held
            | Metric::Hook
            | Metric::Late
            | Metric::Lag => false,
        }
    }

    /// What a request measured of it, where it is one value, and the instant at which that was known. Gaps and lags are many.
    pub fn of(self, r: &Record) -> Option<(Moment, Span)> {
        let since = |start: Option<Moment>, end: Option<Moment>| {
            let end = end?;
            Some((end, end.since(start?)))
        };
        let ok = r.last.filter(|_| r.outcome == Outcome::Ok);
        let scheduled = Some(r.scheduled);
        let at = |at: Option<Moment>, value: Option<Span>| Some((at.unwrap_or(r.scheduled), value?));
        match self {
            Metric::Ttft => since(r.sent, r.first_token),
            Metric::TtftFromSchedule => since(scheduled, r.first_token),
            Metric::FirstContent => since(r.sent, r.first_content),
            Metric::MaxGap => at(r.over(), r.max_gap),
            Metric::Tpot => at(r.over(), r.tpot()),
            Metric::Latency => since(r.sent, ok),
            Metric::LatencyFromSchedule => since(scheduled, ok),
            Metric::Connect => at(r.sent.or(r.over()), r.connect),
            Metric::Held => at(r.sent, r.held),
            Metric::Hook => at(r.over(), r.hook),
            Metric::Late => at(r.sent, r.late),
            Metric::Lag if r.arrivals.count() == 0 => at(r.last, r.lag_max),
            Metric::Lag | Metric::Gap => None,
        }
    }

    /// Everything that a request measured of it, each with the instant at which that was known.
    pub fn each(self, r: &Record, mut take: impl FnMut(Moment, Span)) {
        if let Some((at, value)) = self.of(r) {
            take(at, value);
        }
        let mut previous = None;
        match self {
            Metric::Gap => r.arrivals.iter().for_each(|arrival| {
                if let Some(previous) = previous.replace(arrival.at) {
                    take(arrival.at, arrival.at.since(previous));
                }
            }),
            Metric::Lag => r.arrivals.iter().for_each(|arrival| take(arrival.at, arrival.lag)),
            Metric::Ttft
            | Metric::TtftFromSchedule
            | Metric::FirstContent
            | Metric::MaxGap
            | Metric::Tpot
            | Metric::Held
            | Metric::Hook
            | Metric::Latency
            | Metric::LatencyFromSchedule
            | Metric::Connect
            | Metric::Late => {}
        }
    }
}

/// The distributions of all metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// One for each of [`Metric::ALL`].
    pooled: [Distribution; Metric::ALL.len()],
    /// The gaps again, by section of answers.
    gaps: Sections,
}

impl Metrics {
    /// Counts everything that one request measured.
    pub fn record(&mut self, r: &Record) {
        for (metric, pooled) in Metric::ALL.into_iter().zip(&mut self.pooled) {
            if let Some((_, value)) = metric.of(r) {
                pooled.record(value);
            }
        }
        self.record_arrivals(r);
    }

    fn record_arrivals(&mut self, r: &Record) {
        let mut previous = None;
        for arrival in r.arrivals.iter() {
            self.pooled[Metric::Lag as usize].record(arrival.lag);
            if let Some(previous) = previous.replace(arrival.at) {
                let gap = arrival.at.since(previous);
                self.pooled[Metric::Gap as usize].record(gap);
                self.gaps.record(r.i, gap);
            }
        }
    }

    /// Adds everything that `other` has counted. The order of merging does not matter.
    pub fn merge(&mut self, other: &Metrics) {
        for (mine, theirs) in self.pooled.iter_mut().zip(&other.pooled) {
            mine.merge(theirs);
        }
        self.gaps.merge(&other.gaps);
    }

    /// The distribution of one metric.
    pub fn distribution(&self, metric: Metric) -> &Distribution {
        &self.pooled[metric as usize]
    }

    /// The 95 % confidence interval of a metric's quantile; an absent end could not be bounded.
    pub fn interval(&self, metric: Metric, q: Quantile) -> (Option<Span>, Option<Span>) {
        match metric {
            Metric::Gap => self.gaps.interval(self.distribution(Metric::Gap), q),
            other => self.distribution(other).interval(q),
        }
    }

    /// The gaps by sections of answers.
    pub fn gap_sections(&self) -> &Sections {
        &self.gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::Arrival;
    use crate::schedule::Phase;

    /// An answer sent at 10 ms, its tokens at the given milliseconds.
    fn answer(i: u64, tokens_at_ms: &[u64]) -> Record {
        let mut r = Record::planned(i, Phase::Main, "p".into(), Moment(9_000_000));
        r.outcome = Outcome::Ok;
        r.sent = Some(Moment(10_000_000));
        for &ms in tokens_at_ms {
            r.arrivals.push(Arrival { at: Moment(ms * 1_000_000), events: 1, lag: Span(5_000) });
        }
        r.first_token = r.arrivals.first();
        r.last = r.arrivals.last();
        r.output_tokens = Some(tokens_at_ms.len() as u32);
        r
    }

    fn p50_ms(metrics: &Metrics, metric: Metric) -> Option<f64> {
        metrics.distribution(metric).quantile(Quantile::P50).map(|s| s.as_millis_f64().round())
    }

    #[test]
    fn both_clocks_are_measured() {
        let mut metrics = Metrics::default();
        metrics.record(&answer(0, &[60, 70, 80]));
        assert_eq!(p50_ms(&metrics, Metric::Ttft), Some(50.0));
        assert_eq!(p50_ms(&metrics, Metric::TtftFromSchedule), Some(51.0));
        assert_eq!(p50_ms(&metrics, Metric::Latency), Some(70.0));
        assert_eq!(p50_ms(&metrics, Metric::Gap), Some(10.0));
        assert_eq!(p50_ms(&metrics, Metric::Tpot), Some(10.0));
        assert_eq!(metrics.distribution(Metric::Gap).count(), 2);
    }

    #[test]
    fn a_failed_answer_has_no_latency_but_its_tokens_count() {
        let mut metrics = Metrics::default();
        let mut cut = answer(0, &[60, 70]);
        cut.outcome = Outcome::Truncated;
        metrics.record(&cut);
        assert_eq!(p50_ms(&metrics, Metric::Ttft), Some(50.0));
        assert_eq!(p50_ms(&metrics, Metric::Latency), None);
        assert_eq!(p50_ms(&metrics, Metric::Tpot), None);
    }

    #[test]
    fn one_token_has_no_tpot_and_no_gap() {
        let mut metrics = Metrics::default();
        metrics.record(&answer(0, &[60]));
        assert_eq!(p50_ms(&metrics, Metric::Tpot), None);
        assert_eq!(p50_ms(&metrics, Metric::Gap), None);
    }

    /// A thousand equal gaps in one slow answer among fast ones: pooled as independent values they
    /// would give a narrow interval, by answers they must not.
    #[test]
    fn gaps_of_one_answer_are_not_independent() {
        let mut metrics = Metrics::default();
        for i in 0..64 {
            let gap = if i < 4 { 40 } else { 10 };
            metrics.record(&answer(i, &(1..100).map(|k| 20 + k * gap).collect::<Vec<_>>()));
        }
        let (low, high) = metrics.interval(Metric::Gap, Quantile::P95);
        assert_eq!(low.map(|s| s.as_millis_f64().round()), Some(10.0));
        assert!(high.is_none_or(|s| s.as_millis_f64() > 39.0));
    }

    #[test]
    fn merging_the_parts_equals_counting_the_whole() {
        let records: Vec<Record> = (0..40).map(|i| answer(i, &[50 + i, 70 + 2 * i, 90 + 3 * i])).collect();
        let mut whole = Metrics::default();
        records.iter().for_each(|r| whole.record(r));
        let mut parts = [Metrics::default(), Metrics::default(), Metrics::default()];
        for (n, r) in records.iter().enumerate() {
            parts[n % 3].record(r);
        }
        let mut merged = Metrics::default();
        parts.iter().rev().for_each(|part| merged.merge(part));
        assert_eq!(merged, whole);
    }
}
