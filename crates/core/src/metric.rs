//! The metrics of a run and which part of a record each is taken from (design: "Words").

use crate::distribution::Distribution;
use crate::outcome::Outcome;
use crate::record::Record;
use crate::stats::{Quantile, t_975};
use crate::time::{Moment, Span};

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
    /// Sent − scheduled, less connecting and ordered waiting.
    Late,
    /// Kernel arrival to the program reading it, of token-bearing arrivals; of other answers, the worst.
    Lag,
}

impl Metric {
    /// Every metric, in the order in which people want to read them.
    pub const ALL: [Metric; 12] = [
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
            Metric::Late => "late",
            Metric::Lag => "lag",
        }
    }
}

/// Parts into which answers are dealt so that the spread between them bounds the error of pooled gaps.
const SECTIONS: u64 = 32;

/// The distributions of all metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// One for each of [`Metric::ALL`].
    pooled: [Distribution; Metric::ALL.len()],
    /// The gaps again, by section of answers; only as many sections as there is data for.
    gaps: Vec<Distribution>,
}

impl Metrics {
    /// Counts everything that one request measured.
    pub fn record(&mut self, r: &Record) {
        let mut count = |metric: Metric, value: Option<Span>| {
            if let Some(value) = value {
                self.pooled[metric as usize].record(value);
            }
        };
        let from = |start: Option<Moment>, end: Option<Moment>| Some(end?.since(start?));
        let scheduled = Some(r.scheduled);
        count(Metric::Ttft, from(r.sent, r.first_token));
        count(Metric::TtftFromSchedule, from(scheduled, r.first_token));
        count(Metric::FirstContent, from(r.sent, r.first_content));
        count(Metric::MaxGap, r.max_gap);
        count(Metric::Tpot, r.tpot());
        if r.outcome == Outcome::Ok {
            count(Metric::Latency, from(r.sent, r.last));
            count(Metric::LatencyFromSchedule, from(scheduled, r.last));
        }
        count(Metric::Connect, r.connect);
        count(Metric::Held, r.held);
        count(Metric::Late, r.late);
        if r.arrivals.count() == 0 {
            count(Metric::Lag, r.lag_max);
        }
        self.record_arrivals(r);
    }

    fn record_arrivals(&mut self, r: &Record) {
        let section = (r.i % SECTIONS) as usize;
        let mut previous = None;
        for arrival in r.arrivals.iter() {
            self.pooled[Metric::Lag as usize].record(arrival.lag);
            if let Some(previous) = previous.replace(arrival.at) {
                if self.gaps.len() <= section {
                    self.gaps.resize_with(section + 1, Distribution::default);
                }
                let gap = arrival.at.since(previous);
                self.pooled[Metric::Gap as usize].record(gap);
                self.gaps[section].record(gap);
            }
        }
    }

    /// Adds everything that `other` has counted. The order of merging does not matter.
    pub fn merge(&mut self, other: &Metrics) {
        for (mine, theirs) in self.pooled.iter_mut().zip(&other.pooled) {
            mine.merge(theirs);
        }
        if self.gaps.len() < other.gaps.len() {
            self.gaps.resize_with(other.gaps.len(), Distribution::default);
        }
        for (mine, theirs) in self.gaps.iter_mut().zip(&other.gaps) {
            mine.merge(theirs);
        }
    }

    /// The distribution of one metric.
    pub fn distribution(&self, metric: Metric) -> &Distribution {
        &self.pooled[metric as usize]
    }

    /// The 95 % confidence interval of a metric's quantile; an absent end could not be bounded.
    pub fn interval(&self, metric: Metric, q: Quantile) -> (Option<Span>, Option<Span>) {
        match metric {
            Metric::Gap => self.gap_interval(q),
            other => self.distribution(other).interval(q),
        }
    }

    /// Gaps of one answer resemble each other, so answers, not gaps, are the unit: Woodruff's interval
    /// (J. Am. Stat. Assoc. 47, 1952) with the variance of the share of gaps up to the quantile taken
    /// between sections of answers, and Student's t for their number.
    fn gap_interval(&self, q: Quantile) -> (Option<Span>, Option<Span>) {
        let pooled = self.distribution(Metric::Gap);
        let sections: Vec<&Distribution> = self.gaps.iter().filter(|s| s.count() > 0).collect();
        let (n, g) = (pooled.count() as f64, sections.len() as f64);
        let Some(value) = pooled.quantile(q).filter(|_| sections.len() > 1) else { return (None, None) };
        // Where many gaps are equal, the share jumps at the quantile: both sides of the jump are looked at.
        let error_of = |up_to: &dyn Fn(&Distribution) -> u64| {
            let share = up_to(pooled) as f64 / n;
            let off = |s: &&Distribution| (up_to(s) as f64 - share * s.count() as f64).powi(2);
            (sections.iter().map(off).sum::<f64>() * g / (g - 1.0)).sqrt() / n
        };
        let error = error_of(&|d: &Distribution| d.count_up_to(value))
            .max(error_of(&|d: &Distribution| d.count_below(value)));
        let half = t_975(sections.len() as u64 - 1) * error;
        let (low, high) = (q.fraction() - half, q.fraction() + half);
        let at = |fraction: f64| pooled.at_rank(((fraction * n).ceil() as u64).max(1));
        ((low > 0.0).then(|| at(low)).flatten(), (high < 1.0).then(|| at(high)).flatten())
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
