//! When requests are wanted in an open loop: a lazy, exact function of (stages, seed).
//!
//! One integral N(t) of the rate runs over all stages. A stage of constant arrivals sends where N
//! reaches a whole number, by the exact inverse and rounded down to the nanosecond; the fraction
//! left at its end is carried into the next stage. A Poisson stage draws exponential gaps of its
//! own stream. Stage ends are exclusive. Arrivals are numbered from 0 over all stages, so that any
//! number of workers can each take their own share of one and the same list.

use serde::{Deserialize, Serialize};

use crate::random::{Purpose, Stream};
use crate::rate::{Rate, gcd};
use crate::time::{Moment, Span};

/// The part of a run that a request belongs to, by the instant it was scheduled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Sent to warm the system up; recorded, but kept out of every figure.
    Warmup,
    /// What is measured.
    #[default]
    Main,
    /// Sent while the load goes down; recorded, but kept out of every figure of the main phase.
    Cooldown,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Phase; 3] = [Phase::Warmup, Phase::Main, Phase::Cooldown];

    /// The name used in every file and on every screen.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Warmup => "warmup",
            Phase::Main => "main",
            Phase::Cooldown => "cooldown",
        }
    }
}

/// How the arrivals of a stage are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// Evenly: arrival k of rate r at k / r.
    #[default]
    Constant,
    /// Independently of one another: exponential gaps of mean 1 / r.
    Poisson,
}

/// A stretch of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Arrivals per time.
    pub rate: Rate,
    /// How long it lasts; none is "until the run ends otherwise".
    #[serde(rename = "length_ns")]
    pub length: Option<Span>,
    /// How its arrivals are spread.
    pub spread: Spread,
    /// Whether it is measured.
    pub phase: Phase,
}

/// One planned request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its number, from 0.
    pub index: u64,
    /// When it is wanted.
    pub at: Moment,
    /// The phase it belongs to.
    pub phase: Phase,
}

/// The arrivals of a list of stages, in order, generated as they are asked for.
#[derive(Clone, Debug)]
pub struct Schedule {
    stages: Vec<Stage>,
    seed: u64,
    /// One arrival, in the units in which the integral is kept; a multiple of every stage's `per`.
    whole: u128,
    /// Where the current stage starts, and the integral there.
    stage: usize,
    start: Moment,
    integral: u128,
    /// Within the current stage: the next whole number, or the sum of gaps so far.
    next: u64,
    gaps: Option<(Stream, f64)>,
    index: u64,
}

impl Schedule {
    /// The arrivals of `stages`.
    ///
    /// # Errors
    /// When the rates have no common unit that fits (only with absurdly fine fractions).
    pub fn new(stages: Vec<Stage>, seed: u64) -> Result<Schedule, String> {
        let mut whole: u128 = 1;
        for stage in &stages {
            let per = u128::from(stage.rate.per.0.max(1));
            whole = whole / gcd(whole, per) * per;
            if whole > 1 << 64 {
                return Err("the rates of these stages are too finely divided to be added exactly: write them with fewer digits".into());
            }
        }
        // The integral over all stages must fit.
        let most = stages.iter().try_fold(0u128, |sum, stage| {
            let slope =
                u128::from(stage.rate.count).checked_mul(whole / u128::from(stage.rate.per.0.max(1)))?;
            sum.checked_add(slope.checked_mul(u128::from(stage.length.map_or(u64::MAX, |l| l.0)))?)
        });
        if most.is_none() {
            return Err(
                "the rates of these stages are too large or too finely divided to be added exactly".into()
            );
        }
        Ok(Schedule {
            stages,
            seed,
            whole,
            stage: 0,
            start: Moment::START,
            integral: 0,
            next: 0,
            gaps: None,
            index: 0,
        })
    }

    /// How far the integral grows in a nanosecond of `stage`.
    fn slope(&self, stage: &Stage) -> u128 {
        u128::from(stage.rate.count) * (self.whole / u128::from(stage.rate.per.0.max(1)))
    }

    /// The next arrival's offset within `stage`, unless it falls on or after the stage's end.
    fn within(&mut self, stage: &Stage) -> Option<Span> {
        match stage.spread {
            Spread::Constant => {
                let slope = self.slope(stage);
                let missing = (u128::from(self.next) * self.whole).saturating_sub(self.integral);
                if stage.length.is_some_and(|length| missing >= u128::from(length.0) * slope) {
                    return None;
                }
                self.next += 1;
                u64::try_from(missing / slope).ok().map(Span)
            }
            Spread::Poisson => {
                let number = self.stage as u64;
                let (stream, sum) =
                    self.gaps.get_or_insert_with(|| (Stream::new(self.seed, Purpose::Arrivals, number), 0.0));
                *sum += stream.exponential();
                let offset = *sum * stage.rate.per.0 as f64 / stage.rate.count as f64;
                let end = stage.length.map_or(u64::MAX, |length| length.0) as f64;
                (offset < end).then_some(Span(offset as u64))
            }
        }
    }

    /// Leaves the current stage: adds its integral and moves to the next.
    fn advance(&mut self, stage: &Stage) -> Option<()> {
        let length = stage.length?;
        self.integral += u128::from(length.0) * self.slope(stage);
        self.start = self.start + length;
        self.next = u64::try_from(self.integral.div_ceil(self.whole)).ok()?;
        self.gaps = None;
        self.stage += 1;
        Some(())
    }
}

impl Iterator for Schedule {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            let stage = *self.stages.get(self.stage)?;
            if let Some(offset) = self.within(&stage) {
                let arrival = Arrival { index: self.index, at: self.start + offset, phase: stage.phase };
                self.index += 1;
                return Some(arrival);
            }
            self.advance(&stage)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stage(rate: &str, length: Option<&str>, spread: Spread) -> Stage {
        Stage {
            rate: Rate::parse(rate).unwrap(),
            length: length.map(|l| Span::parse(l).unwrap()),
            spread,
            phase: Phase::Main,
        }
    }

    fn times(stages: Vec<Stage>) -> Vec<u64> {
        Schedule::new(stages, 1).unwrap().map(|a| a.at.0).collect()
    }

    #[test]
    fn arrival_k_of_a_constant_rate_is_at_k_over_r_rounded_down() {
        let at = times(vec![stage("3/s", Some("2s"), Spread::Constant)]);
        assert_eq!(at, [0, 333_333_333, 666_666_666, 1_000_000_000, 1_333_333_333, 1_666_666_666]);
    }

    #[test]
    fn a_fraction_is_carried_into_the_next_stage() {
        // 1.5 arrivals in the first stage: the third falls half an arrival into the second.
        let at = times(vec![
            stage("1/s", Some("1500ms"), Spread::Constant),
            stage("2/s", Some("1s"), Spread::Constant),
        ]);
        assert_eq!(at, [0, 1_000_000_000, 1_750_000_000, 2_250_000_000]);
    }

    #[test]
    fn a_stage_without_an_end_goes_on() {
        let mut schedule = Schedule::new(vec![stage("1000/s", None, Spread::Constant)], 1).unwrap();
        assert_eq!(schedule.nth(1_000_000).map(|a| a.at), Some(Moment(1_000_000_000_000)));
    }

    #[test]
    fn poisson_counts_disperse_like_their_mean_and_gaps_are_exponential() {
        let at = times(vec![stage("50/s", Some("2000s"), Spread::Poisson)]);
        let mut counts = vec![0f64; 2000];
        for t in &at {
            counts[(t / 1_000_000_000) as usize] += 1.0;
        }
        let mean = counts.iter().sum::<f64>() / 2000.0;
        let variance = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / 1999.0;
        assert!((mean - 50.0).abs() < 0.6, "{mean}");
        assert!((variance / mean - 1.0).abs() < 0.12, "{}", variance / mean);
        // Kolmogorov–Smirnov against the exponential law, at the 0.1 % level.
        let mut gaps: Vec<f64> = at.windows(2).map(|w| (w[1] - w[0]) as f64 / 1e9 * 50.0).collect();
        gaps.sort_by(f64::total_cmp);
        let n = gaps.len() as f64;
        let distance = gaps
            .iter()
            .enumerate()
            .map(|(i, g)| ((i as f64 + 0.5) / n - (1.0 - (-g).exp())).abs())
            .fold(0.0, f64::max);
        assert!(distance < 1.95 / n.sqrt(), "{distance}");
    }

    proptest! {
        /// An independent oracle: count by exact rational arithmetic, stage by stage.
        #[test]
        fn constant_stages_match_a_slow_oracle(
            parts in prop::collection::vec((1u64..50, 1u64..4, 1u64..3_000_000_000), 1..5)
        ) {
            let stages: Vec<Stage> = parts.iter().map(|&(count, per, length)| Stage {
                rate: Rate { count, per: Span::from_secs(per) },
                length: Some(Span(length)),
                spread: Spread::Constant,
                phase: Phase::Main,
            }).collect();
            // The integral in units of 1 / (12 · 10⁹) arrivals; 12 is a multiple of 1, 2 and 3.
            let unit: u128 = 12_000_000_000;
            let mut oracle = Vec::new();
            let (mut n0, mut t0, mut k) = (0u128, 0u128, 0u128);
            for &(count, per, length) in &parts {
                let slope = u128::from(count) * (12 / u128::from(per));
                let end = n0 + slope * u128::from(length);
                while k * unit < end {
                    oracle.push((t0 + (k * unit - n0) / slope) as u64);
                    k += 1;
                }
                n0 = end;
                t0 += u128::from(length);
            }
            prop_assert_eq!(times(stages), oracle);
        }

        /// Any number of workers that each keep their own indices send the same union.
        #[test]
        fn workers_share_one_list(workers in 1u64..7, seed in 0u64..1000) {
            let list = |seed| Schedule::new(vec![
                stage("40/s", Some("1s"), Spread::Poisson),
                stage("30/s", Some("1s"), Spread::Constant),
            ], seed).unwrap();
            let mut union: Vec<Arrival> = (0..workers)
                .flat_map(|w| list(seed).filter(move |a| a.index % workers == w))
                .collect();
            union.sort_by_key(|a| a.index);
            prop_assert_eq!(union, list(seed).collect::<Vec<_>>());
        }
    }
}
