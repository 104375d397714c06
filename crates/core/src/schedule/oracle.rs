//! An independent, slow judge of schedules: the integral of each shape written down from its definition, in numbers of
//! 320 binary places, and searched by bisection. It shares no code with what it judges.

use std::cmp::Ordering;
use std::sync::LazyLock;

use num_bigint::BigInt;

use super::{Curve, DayCurve, DayPoint, Phase, Shape, Stage};
use crate::rate::Rate;
use crate::time::Span;

/// Binary places.
const PLACES: u32 = 320;
/// What differs by less is the same: exact figures of the tests differ by more, computed ones are that good.
const SAME: u32 = PLACES - 200;
/// Steps of a nanosecond: points of a day at whole minutes and halves of spikes fall on one.
const STEPS: u64 = 2880;

fn one() -> BigInt {
    BigInt::from(1) << PLACES
}

fn per_step(rate: Rate) -> BigInt {
    (BigInt::from(rate.count) << PLACES) / (BigInt::from(rate.per.0) * STEPS)
}

fn times(a: &BigInt, b: &BigInt) -> BigInt {
    (a * b) >> PLACES
}

/// Σ of a power series: each term is made from the one before it and its number.
fn series(first: BigInt, next: impl Fn(&BigInt, u32) -> BigInt) -> BigInt {
    let (mut sum, mut term) = (first.clone(), first);
    for n in 1.. {
        term = next(&term, n);
        if term.bits() < 8 {
            break;
        }
        sum += &term;
    }
    sum
}

fn exp(x: &BigInt) -> BigInt {
    let small = x >> 12;
    let mut power = series(one(), |term, n| times(term, &small) / n);
    for _ in 0..12 {
        power = times(&power, &power);
    }
    power
}

/// 2 · artanh(a / b) or 2 · arctan(a / b), for a < b.
fn twice_area(a: &BigInt, b: &BigInt, turn: bool) -> BigInt {
    let x = (a << PLACES) / b;
    let square = if turn { -times(&x, &x) } else { times(&x, &x) };
    let (mut sum, mut power) = (BigInt::from(0), x);
    for n in (1u32..).step_by(2) {
        sum += &power / n;
        power = times(&power, &square);
        if power.bits() < 8 {
            break;
        }
    }
    sum * 2
}

/// The logarithm of a / b.
fn ln(a: BigInt, b: BigInt) -> BigInt {
    let twos = i32::try_from(a.bits()).unwrap() - i32::try_from(b.bits()).unwrap();
    let (a, b) = if twos > 0 { (a, b << twos) } else { (a << -twos, b) };
    &*LN_2 * twos + twice_area(&(&a - &b), &(&a + &b), false)
}

static LN_2: LazyLock<BigInt> = LazyLock::new(|| twice_area(&1.into(), &3.into(), false));

static PI: LazyLock<BigInt> = LazyLock::new(|| {
    twice_area(&1.into(), &5.into(), true) * 8 - twice_area(&1.into(), &239.into(), true) * 2
});

/// sin(2π · part / of)
fn sine(part: &BigInt, of: &BigInt) -> BigInt {
    let x = &*PI * 2 * (part % of) / of;
    let square = times(&x, &x);
    series(x, |term, n| -times(term, &square) / (2 * n) / (2 * n + 1))
}

/// A straight way from `a` to `b` over `span` steps, its first `x`.
fn line(a: Rate, b: Rate, span: u64, x: u64) -> BigInt {
    let (a, b) = (per_step(a), per_step(b));
    if span == 0 {
        return 0.into();
    }
    &a * x + (b - a) * x * x / (BigInt::from(span) * 2)
}

/// Expected arrivals of the first `x` steps of a stage.
fn within(stage: &Stage, x: u64) -> BigInt {
    if x == 0 {
        return 0.into();
    }
    let steps = |span: Span| span.0 * STEPS;
    match &stage.shape {
        Shape::Hold { rate, .. } | Shape::Burst { rate, again: None, .. } => per_step(*rate) * x,
        Shape::Pause { .. } => 0.into(),
        Shape::Ramp { from, to, length, curve: Curve::Exponential } if per_step(*from) != per_step(*to) => {
            let ratio = ln(BigInt::from(to.count) * from.per.0, BigInt::from(to.per.0) * from.count);
            let grown = exp(&(&ratio * x / steps(*length))) - one();
            ((per_step(*from) * steps(*length)) * grown) / ratio
        }
        Shape::Ramp { from, to, length, .. } => line(*from, *to, steps(*length), x),
        Shape::Steps { start, by, down, count, each } => (0..u64::from(*count))
            .map(|i| {
                let change = per_step(*by) * i;
                let rate = if *down { per_step(*start) - change } else { per_step(*start) + change };
                rate * x.saturating_sub(i * steps(*each)).min(steps(*each))
            })
            .sum(),
        Shape::Burst { rate, length, again: Some(again) } => {
            let (whole, rest) = (x / steps(again.every), x % steps(again.every));
            let upto = |rest: u64| {
                let high = rest.min(steps(*length));
                per_step(*rate) * high + per_step(again.base) * (rest - high)
            };
            upto(steps(again.every)) * whole + upto(rest)
        }
        Shape::Spike { base, peak, length } => {
            let half = steps(*length) / 2;
            line(*base, *peak, half, x.min(half)) + line(*peak, *base, half, x.saturating_sub(half))
        }
        Shape::Diurnal { curve: DayCurve::Points(points), day, start, .. } => {
            let start = time_of_day(*start, *day);
            let until = start + x;
            through(points, *day, until) - through(points, *day, start)
        }
        Shape::Diurnal { curve: DayCurve::Sine { low, high, peak_at }, day, start, .. } => {
            let (mean, half) =
                ((per_step(*low) + per_step(*high)) >> 1, (per_step(*high) - per_step(*low)) >> 1);
            // In steps · 24 hours, so that every time of day is a whole number.
            let day_ns: u64 = 86_400_000_000_000;
            let turn = BigInt::from(steps(*day)) * day_ns;
            let place = (BigInt::from(start.0) - peak_at.0 + day_ns) * steps(*day);
            let sway = sine(&(&place + BigInt::from(x) * day_ns), &turn) - sine(&place, &turn);
            mean * x + half * steps(*day) * sway / (&*PI * 2)
        }
    }
}

fn time_of_day(time: Span, day: Span) -> u64 {
    u64::try_from(u128::from(time.0) * u128::from(day.0) * u128::from(STEPS) / 86_400_000_000_000).unwrap()
}

/// A day's curve from midnight on, day after day.
fn through(points: &[DayPoint], day: Span, x: u64) -> BigInt {
    let mut points = points.to_vec();
    points.sort_by_key(|point| point.at);
    let at = |i: usize| time_of_day(points[i].at, day);
    let day = day.0 * STEPS;
    let last = points.len() - 1;
    let over_midnight = at(0) + day - at(last);
    // What of the line over midnight lies before it.
    let before = day - at(last);
    let (from, to) = (points[last].rate, points[0].rate);
    let upto = |x: u64| {
        let early = x.min(at(0)) + before;
        let mut sum = line(from, to, over_midnight, early) - line(from, to, over_midnight, before);
        for i in 0..last {
            let span = at(i + 1) - at(i);
            sum += line(points[i].rate, points[i + 1].rate, span, x.saturating_sub(at(i)).min(span));
        }
        sum + line(from, to, over_midnight, x.saturating_sub(at(last)))
    };
    upto(day) * (x / day) + upto(x % day)
}

/// The judge of one list of stages with constant arrivals.
pub(super) struct Oracle {
    stages: Vec<Stage>,
    /// Where each stage starts, in steps, and the integral there; and of the end.
    starts: Vec<(u64, BigInt)>,
    at_once: bool,
}

impl Oracle {
    pub(super) fn new(stages: &[Stage]) -> Oracle {
        let mut starts = vec![(0, BigInt::from(0))];
        for stage in stages {
            let (start, sum) = starts.last().unwrap();
            let length = stage.length().unwrap().0 * STEPS;
            starts.push((start + length, sum + within(stage, length)));
        }
        let at_once = matches!(stages[0].shape, Shape::Hold { .. } | Shape::Burst { .. });
        Oracle { stages: stages.to_vec(), starts, at_once }
    }

    fn stage_at(&self, x: u64) -> usize {
        self.starts.iter().rposition(|(start, _)| *start <= x).unwrap().min(self.stages.len() - 1)
    }

    /// How the integral after `x` steps compares with a whole number.
    fn compare(&self, x: u64, number: u64) -> Ordering {
        let i = self.stage_at(x);
        let (start, before) = &self.starts[i];
        let difference = before + within(&self.stages[i], x - start) - (BigInt::from(number) << PLACES);
        if difference.bits() <= SAME.into() { Ordering::Equal } else { difference.cmp(&0.into()) }
    }

    fn end(&self) -> u64 {
        self.starts.last().unwrap().0
    }

    /// How many arrivals there are.
    pub(super) fn count(&self) -> u64 {
        let whole = u64::try_from(&self.starts.last().unwrap().1 >> PLACES).unwrap();
        // The number next to the end, above or below.
        let near = (whole..=whole + 1).find(|k| self.compare(self.end(), *k) == Ordering::Equal);
        match (near, self.at_once) {
            (Some(number), _) => number,
            (None, true) => whole + 1,
            (None, false) => whole,
        }
    }

    /// Arrival `k`, in nanoseconds, and its phase.
    pub(super) fn arrival(&self, k: u64) -> (u64, Phase) {
        let (mut low, mut high) = (0, self.end());
        if self.at_once {
            // The last step at which the integral is not above k.
            while low < high {
                let middle = low + (high - low).div_ceil(2);
                if self.compare(middle, k).is_le() { low = middle } else { high = middle - 1 }
            }
            return (low / STEPS, self.stages[self.stage_at(low)].phase);
        }
        // The first at which it is not below k + 1.
        while low < high {
            let middle = low + (high - low) / 2;
            if self.compare(middle, k + 1).is_ge() { high = middle } else { low = middle + 1 }
        }
        let exact = self.compare(low, k + 1).is_eq();
        let ends = self.starts.iter().skip(1).map(|(end, _)| *end);
        let stage = if exact {
            ends.into_iter().position(|end| end >= low).unwrap()
        } else {
            low -= 1;
            self.stage_at(low)
        };
        (low / STEPS, self.stages[stage].phase)
    }
}
