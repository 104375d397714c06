//! What a stage of an open loop can be: the shape of its rate over time, and how its arrivals are spread.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::fraction::Fraction;
use crate::rate::Rate;
use crate::time::Span;

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

/// How the arrivals of a stage are spread around its rate.
///
/// The random ones are renewal processes in the time of the rate's integral: gaps of mean 1, mapped to the clock
/// through the inverse of the integral, so that Poisson arrivals on a ramp are a true inhomogeneous Poisson process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// Evenly: one arrival each time the integral grows by one.
    #[default]
    Constant,
    /// Independently of one another: exponential gaps.
    Poisson,
    /// Gamma gaps of this shape, as vLLM means it: 1 is Poisson, below it burstier, above it more even. In the long
    /// run, the variance of a count is its mean / burstiness.
    Gamma {
        /// The shape of the gaps' distribution, from 0.001 to 1,000,000.
        burstiness: f64,
    },
    /// Gaps uniform between none and twice the mean.
    Uniform,
}

/// A stretch of the schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The rate over time.
    pub shape: Shape,
    /// How its arrivals are spread.
    pub spread: Spread,
    /// Whether it is measured.
    pub phase: Phase,
}

/// A rate over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One rate.
    Hold {
        /// The rate.
        rate: Rate,
        /// How long it lasts; none is "until the run ends otherwise", for the last stage only.
        #[serde(rename = "length_ns")]
        length: Option<Span>,
    },
    /// From one rate to another.
    Ramp {
        /// The rate at the start; zero only if the curve is linear.
        from: Rate,
        /// The rate at the end; zero only if the curve is linear.
        to: Rate,
        /// How long it takes.
        #[serde(rename = "length_ns")]
        length: Span,
        /// The way there.
        curve: Curve,
    },
    /// A staircase of rates.
    Steps {
        /// The rate of the first step.
        start: Rate,
        /// How much each step differs from the one before it.
        by: Rate,
        /// Whether the stairs lead down instead of up; never below zero.
        down: bool,
        /// How many steps there are, at most 100,000.
        count: u32,
        /// How long each step lasts.
        #[serde(rename = "each_ns")]
        each: Span,
    },
    /// A rate for a short time, once or again and again.
    Burst {
        /// The rate of the burst.
        rate: Rate,
        /// How long a burst lasts.
        #[serde(rename = "length_ns")]
        length: Span,
        /// When it comes again; none is once.
        again: Option<Again>,
    },
    /// Straight up to a peak in the first half, and straight down again.
    Spike {
        /// The rate at both ends.
        base: Rate,
        /// The rate in the middle.
        peak: Rate,
        /// How long it takes, up and down.
        #[serde(rename = "length_ns")]
        length: Span,
    },
    /// A day's curve, over and over, in a day of any length. The rates are not changed by that length.
    Diurnal {
        /// The rate over the 24 hours of a day.
        curve: DayCurve,
        /// How long 24 hours take in the run, such as 10 minutes.
        #[serde(rename = "day_ns")]
        day: Span,
        /// The time of day at the start, on the clock of 24 hours.
        #[serde(rename = "start_ns")]
        start: Span,
        /// How long it lasts in the run.
        #[serde(rename = "length_ns")]
        length: Span,
    },
    /// Nothing is sent.
    Pause {
        /// How long.
        #[serde(rename = "length_ns")]
        length: Span,
    },
}

/// The way from one rate to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// By the same amount in equal times.
    #[default]
    Linear,
    /// By the same factor in equal times.
    Exponential,
}

/// When a burst comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// From the start of a burst to that of the next; at least its length.
    #[serde(rename = "every_ns")]
    pub every: Span,
    /// The rate from a burst's end to the next one's start; may be zero.
    pub base: Rate,
    /// How many bursts there are; the time after the last is kept too.
    pub times: u32,
}

/// The rate over the 24 hours of a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayCurve {
    /// Straight lines between points of time of day and rate, and from the last over midnight to the first. Their
    /// times differ; their order does not matter.
    Points(Vec<DayPoint>),
    /// A sine wave.
    Sine {
        /// The least rate, 12 hours from the peak; may be zero.
        low: Rate,
        /// The highest rate.
        high: Rate,
        /// The time of day of the highest rate.
        #[serde(rename = "peak_at_ns")]
        peak_at: Span,
    },
}

/// A point of a day's curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayPoint {
    /// The time of day, below 24 hours.
    #[serde(rename = "at_ns")]
    pub at: Span,
    /// The rate then; may be zero.
    pub rate: Rate,
}

/// 24 hours, as the times of [`Shape::Diurnal`] count them.
pub(super) const DAY: Span = Span::from_secs(86_400);

impl Stage {
    /// A stretch of one rate, with constant arrivals, in the main phase.
    pub fn hold(rate: Rate, length: Option<Span>) -> Stage {
        Stage { shape: Shape::Hold { rate, length }, spread: Spread::Constant, phase: Phase::Main }
    }

    /// How long it lasts; none is "until the run ends otherwise".
    pub fn length(&self) -> Option<Span> {
        let times = |span: Span, n: u32| Span(span.0.saturating_mul(u64::from(n)));
        Some(match &self.shape {
            Shape::Hold { length, .. } => (*length)?,
            Shape::Steps { count, each, .. } => times(*each, *count),
            Shape::Burst { again: Some(again), .. } => times(again.every, again.times),
            Shape::Ramp { length, .. }
            | Shape::Burst { length, again: None, .. }
            | Shape::Spike { length, .. }
            | Shape::Diurnal { length, .. }
            | Shape::Pause { length } => *length,
        })
    }

    /// The highest rate it reaches (a day's curve: in a whole day). In the rare case that the top of a staircase has
    /// no exact form as a [`Rate`], the nearest one per second.
    pub fn peak_rate(&self) -> Rate {
        let top = |rates: &[Rate]| {
            let higher = |a: Rate, b: &Rate| if b.as_per_second() > a.as_per_second() { *b } else { a };
            rates.iter().fold(Rate::NONE, higher)
        };
        match &self.shape {
            Shape::Hold { rate, .. } => *rate,
            Shape::Ramp { from, to, .. } => top(&[*from, *to]),
            Shape::Steps { start, down: true, .. } => *start,
            Shape::Steps { start, by, down: false, count, .. } => {
                let climbed = count.saturating_sub(1);
                let exact = Fraction::of(*start).step(Fraction::of(*by), climbed, false);
                exact.and_then(Fraction::as_rate).unwrap_or_else(|| {
                    let per_second = start.as_per_second() + by.as_per_second() * f64::from(climbed);
                    Rate::per_second(libm::round(per_second) as u64)
                })
            }
            Shape::Burst { rate, again, .. } => top(&[*rate, again.map_or(Rate::NONE, |again| again.base)]),
            Shape::Spike { base, peak, .. } => top(&[*base, *peak]),
            Shape::Diurnal { curve: DayCurve::Points(points), .. } => {
                top(&points.iter().map(|point| point.rate).collect::<Vec<_>>())
            }
            Shape::Diurnal { curve: DayCurve::Sine { low, high, .. }, .. } => top(&[*low, *high]),
            Shape::Pause { .. } => Rate::NONE,
        }
    }

    /// Whether a schedule that begins with this stage sends its first arrival at once, and arrival k where the integral
    /// is k, stage ends excluded. Else arrival k is where it is k + 1, stage ends included.
    pub(super) fn starts_at_once(&self) -> bool {
        match self.shape {
            Shape::Hold { .. } | Shape::Burst { .. } => true,
            Shape::Ramp { .. }
            | Shape::Steps { .. }
            | Shape::Spike { .. }
            | Shape::Diurnal { .. }
            | Shape::Pause { .. } => false,
        }
    }
}

/// In a few words, without its length: `20/s`, `1/s to 20/s`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Hold { rate, .. } => write!(f, "{rate}"),
            Shape::Ramp { from, to, curve: Curve::Linear, .. } => write!(f, "{from} to {to}"),
            Shape::Ramp { from, to, curve: Curve::Exponential, .. } => {
                write!(f, "{from} to {to} exponentially")
            }
            Shape::Steps { start, by, down, count, each } => {
                let way = if *down { "down" } else { "up" };
                write!(f, "{count} steps of {each} from {start} {way} by {by}")
            }
            Shape::Burst { rate, again: None, .. } => write!(f, "burst of {rate}"),
            Shape::Burst { rate, length, again: Some(Again { every, base, times }) } => {
                write!(f, "{times} bursts of {rate} for {length}, each {every}, between them {base}")
            }
            Shape::Spike { base, peak, .. } => write!(f, "{base} to {peak} and back"),
            Shape::Diurnal { curve: DayCurve::Points(points), day, .. } => {
                write!(f, "days of {day} through {} points", points.len())
            }
            Shape::Diurnal { curve: DayCurve::Sine { low, high, .. }, day, .. } => {
                write!(f, "days of {day} between {low} and {high}")
            }
            Shape::Pause { .. } => f.write_str("pause"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_of_a_staircase_is_exact() {
        let steps = |start: &str, by: &str, down| Stage {
            shape: Shape::Steps {
                start: Rate::parse(start).unwrap(),
                by: Rate::parse(by).unwrap(),
                down,
                count: 4,
                each: Span::from_secs(10),
            },
            spread: Spread::Constant,
            phase: Phase::Main,
        };
        assert_eq!(steps("10/s", "5/s", false).peak_rate().as_per_second(), 25.0);
        assert_eq!(steps("60/min", "0.5/s", false).peak_rate().as_per_second(), 2.5);
        assert_eq!(steps("20/s", "5/s", true).peak_rate(), Rate::per_second(20));
        assert_eq!(steps("20/s", "5/s", true).length(), Some(Span::from_secs(40)));
    }

    #[test]
    fn a_stage_reads_back_from_its_json() {
        let points = vec![DayPoint { at: Span::from_secs(32_400), rate: Rate::per_second(50) }];
        let stage = Stage {
            shape: Shape::Diurnal {
                curve: DayCurve::Points(points),
                day: Span::from_secs(600),
                start: Span::ZERO,
                length: Span::from_secs(60),
            },
            spread: Spread::Gamma { burstiness: 0.25 },
            phase: Phase::Cooldown,
        };
        let json = serde_json::to_string(&stage).unwrap();
        assert!(json.contains(r#""day_ns":600000000000"#), "{json}");
        assert_eq!(serde_json::from_str::<Stage>(&json).unwrap(), stage);
    }
}
