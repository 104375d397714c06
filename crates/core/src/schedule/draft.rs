//! A stage taken apart into straight and curved parts, in rates per nanosecond, before the unit is known; and what
//! can be wrong with a stage.

use super::fraction::{Fraction, lcm};
use super::shape::{Curve, DAY, DayCurve, DayPoint, Shape, Spread, Stage};
use crate::rate::{Rate, gcd};
use crate::time::Span;

/// How many steps a staircase may have.
const MOST_STEPS: u32 = 100_000;

/// Parts that follow one another, over and over, from an offset on and for some time.
///
/// Times are in ticks: so many to the nanosecond that all parts begin and end on one.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) ticks: u128,
    pub(super) parts: Vec<Part>,
    pub(super) offset: u128,
    pub(super) length: u128,
}

/// A part that only rises or only falls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) bend: Bend,
    pub(super) from: Fraction,
    pub(super) to: Fraction,
    pub(super) span: u128,
}

/// How a part gets from one rate to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bend {
    Line,
    Exponential,
    /// Half a wave, from trough to crest or back.
    Sine,
}

pub(super) const TOO_FINE: &str =
    "the rates of these stages are too finely divided to be added exactly: write them with fewer digits";

impl Draft {
    /// Takes `stage` apart. One without an end lasts for `rest`.
    pub(super) fn of(stage: &Stage, rest: Span) -> Result<Draft, String> {
        check_spread(stage.spread)?;
        let length = stage.length().unwrap_or(rest);
        let whole = |parts: Vec<Part>| Draft { ticks: 1, parts, offset: 0, length: length.0.into() };
        Ok(match &stage.shape {
            Shape::Hold { rate, .. } => whole(vec![flat(Fraction::of(*rate), length)]),
            Shape::Pause { .. } => whole(vec![flat(Fraction::ZERO, length)]),
            Shape::Ramp { from, to, curve, .. } => {
                let bend = match curve {
                    Curve::Linear => Bend::Line,
                    Curve::Exponential if from.count > 0 && to.count > 0 => Bend::Exponential,
                    Curve::Exponential => {
                        return Err(
                            "an exponential ramp can neither start nor end at zero: nothing times any \
                             factor stays nothing; start low, such as at 0.1/s, or make it linear"
                                .into(),
                        );
                    }
                };
                let (from, to) = (Fraction::of(*from), Fraction::of(*to));
                whole(vec![Part { bend, from, to, span: length.0.into() }])
            }
            Shape::Steps { start, by, down, count, each } => {
                whole(stairs(*start, *by, *down, *count, *each)?)
            }
            Shape::Burst { rate, length, again } => {
                let burst = flat(Fraction::of(*rate), *length);
                match again {
                    None => whole(vec![burst]),
                    Some(again) if again.every < *length => {
                        return Err(format!(
                            "a burst of {length} cannot come again every {}: the next would begin before it ends",
                            again.every
                        ));
                    }
                    Some(again) => whole(vec![burst, flat(Fraction::of(again.base), again.every - *length)]),
                }
            }
            Shape::Spike { base, peak, .. } => {
                let (base, peak) = (Fraction::of(*base), Fraction::of(*peak));
                // In half nanoseconds, each half of the length is a whole number.
                let span = length.0.into();
                let up = Part { bend: Bend::Line, from: base, to: peak, span };
                let down = Part { bend: Bend::Line, from: peak, to: base, span };
                Draft { ticks: 2, parts: vec![up, down], offset: 0, length: 2 * span }
            }
            Shape::Diurnal { curve, day, start, .. } => {
                if *day == Span::ZERO {
                    return Err("a day must take some time: say how long 24 hours take, such as 10m".into());
                }
                match curve {
                    DayCurve::Points(points) => through_points(points, *day, *start, length)?,
                    DayCurve::Sine { low, high, peak_at } => {
                        wave(*low, *high, *peak_at, *day, *start, length)?
                    }
                }
            }
        })
    }

    /// How long the parts take once.
    pub(super) fn cycle(&self) -> u128 {
        self.parts.iter().map(|part| part.span).sum()
    }

    /// A number of units to an arrival that makes every exact figure of this stage whole.
    pub(super) fn divisor(&self) -> Option<u128> {
        let mut divisor: u128 = 1;
        for part in &self.parts {
            for rate in [part.from, part.to] {
                // Four, for halves of differences of rates.
                divisor = lcm(divisor, rate.per.checked_mul(4)?.checked_mul(self.ticks)?)?;
            }
        }
        // A straight slope that is cut anywhere has an integral in fractions of its span.
        let ends = [self.offset, self.offset.checked_add(self.length)?];
        let mut cut: u128 = 1;
        for end in ends {
            let mut within = end.checked_rem(self.cycle()).unwrap_or(0);
            for part in &self.parts {
                if within == 0 || within < part.span {
                    if within > 0 && part.bend == Bend::Line && part.from != part.to {
                        cut = lcm(cut, part.span)?;
                    }
                    break;
                }
                within -= part.span;
            }
        }
        divisor.checked_mul(cut).filter(|divisor| *divisor < 1 << 120)
    }
}

fn check_spread(spread: Spread) -> Result<(), String> {
    match spread {
        Spread::Constant | Spread::Poisson | Spread::Uniform => Ok(()),
        Spread::Gamma { burstiness } if (0.001..=1e6).contains(&burstiness) => Ok(()),
        Spread::Gamma { burstiness } => Err(format!(
            "a burstiness of {burstiness} cannot be drawn: write a number from 0.001 to 1000000, where 1 is Poisson \
             and less is burstier"
        )),
    }
}

fn flat(rate: Fraction, length: Span) -> Part {
    Part { bend: Bend::Line, from: rate, to: rate, span: length.0.into() }
}

fn stairs(start: Rate, by: Rate, down: bool, count: u32, each: Span) -> Result<Vec<Part>, String> {
    if count == 0 || count > MOST_STEPS {
        return Err(format!("{count} steps are not possible: write a number from 1 to {MOST_STEPS}"));
    }
    let (from, by_fraction) = (Fraction::of(start), Fraction::of(by));
    let step = |i: u32| {
        let rate = from.step(by_fraction, i, down).ok_or_else(|| match down {
            true => format!(
                "{count} steps of {by} down from {start} lead below zero: write fewer or smaller ones"
            ),
            false => TOO_FINE.to_owned(),
        })?;
        Ok(flat(rate, each))
    };
    (0..count).map(step).collect()
}

/// How many nanoseconds of the run a time of day is, when a day takes `day`: a fraction in lowest terms.
fn in_run(time: Span, day: Span) -> (u128, u128) {
    let (product, whole) = (u128::from(time.0) * u128::from(day.0), u128::from(DAY.0));
    let shared = gcd(product, whole);
    (product / shared, whole / shared)
}

/// Ticks to the nanosecond that bring these times of day onto a tick.
fn ticks_for(times: impl Iterator<Item = Span>, day: Span) -> Result<u128, String> {
    times.map(|time| in_run(time, day).1).try_fold(1, lcm).ok_or_else(|| TOO_FINE.to_owned())
}

/// The tick of a time of day, if `ticks` are enough for it.
fn tick_of(time: Span, day: Span, ticks: u128) -> u128 {
    let (nanoseconds, parts) = in_run(time, day);
    nanoseconds * (ticks / parts)
}

/// From `earlier` to `later` on the clock, over midnight if need be.
fn clock_between(earlier: Span, later: Span) -> Span {
    Span((later.0 % DAY.0 + DAY.0 - earlier.0 % DAY.0) % DAY.0)
}

fn through_points(points: &[DayPoint], day: Span, start: Span, length: Span) -> Result<Draft, String> {
    let mut points = points.to_vec();
    points.sort_by_key(|point| point.at);
    let Some(first) = points.first() else {
        return Err("a day's curve needs at least one point".into());
    };
    if let Some(point) = points.iter().find(|point| point.at >= DAY) {
        return Err(format!("{} is no time of day: write one below 24 hours", point.at));
    }
    if let Some(pair) = points.windows(2).find(|pair| pair[0].at == pair[1].at) {
        return Err(format!("two points of the day's curve are at the same time, {}", pair[0].at));
    }
    let since_first = clock_between(first.at, start);
    let gaps = points.iter().map(|point| clock_between(first.at, point.at));
    let ticks = ticks_for(gaps.chain([since_first]), day)?;
    let tick = |time| tick_of(time, day, ticks);
    let next = points.iter().cycle().skip(1);
    let parts = points.iter().zip(next).map(|(point, next)| {
        let begin = tick(clock_between(first.at, point.at));
        let end = if next.at > point.at { tick(clock_between(first.at, next.at)) } else { tick(DAY) };
        let (from, to) = (Fraction::of(point.rate), Fraction::of(next.rate));
        Part { bend: Bend::Line, from, to, span: end - begin }
    });
    let parts = parts.collect();
    Ok(Draft { ticks, parts, offset: tick(since_first), length: u128::from(length.0) * ticks })
}

fn wave(low: Rate, high: Rate, peak_at: Span, day: Span, start: Span, length: Span) -> Result<Draft, String> {
    let since_peak = clock_between(peak_at, start);
    let half = Span(DAY.0 / 2);
    let ticks = ticks_for([half, since_peak].into_iter(), day)?;
    let tick = |time| tick_of(time, day, ticks);
    let (trough, crest) = (Fraction::of(low), Fraction::of(high));
    if low.as_per_second() > high.as_per_second() {
        return Err(format!("the low rate of a day, {low}, is above the high one, {high}"));
    }
    let part = |from, to| Part { bend: Bend::Sine, from, to, span: tick(half) };
    let parts = vec![part(crest, trough), part(trough, crest)];
    Ok(Draft { ticks, parts, offset: tick(since_peak), length: u128::from(length.0) * ticks })
}
