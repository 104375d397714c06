//! A stretch of a rate that never falls, its integral, and the inverse of that.
//!
//! What falls is a rise seen from its end. Positions are whole ticks from the low end, the integral is in units.
//! Flat and straight rises are exact in integers. Exponential rises and half sine waves have no exact fraction: their
//! integrals are computed to about 31 digits and rounded to the unit.
//!
//! From the low end, ∫₀ᶻ rate ≤ z · rate(z): a relative error of the integral is at most the same relative error
//! of z. That is why a guess in `f64` has an error that can be bounded, and why falling stretches are turned.

use std::cmp::Ordering;
use std::f64::consts::PI;

use super::draft::Bend;
use super::fraction::Fraction;
use super::unit::{Arrivals, Units, bits, precise, rounded};
use crate::precise::Precise;

/// A guess of [`Rise::guess`] is off by at most this much of itself.
pub(super) const GUESS_ERROR: f64 = 1.0 / (1u64 << 48) as f64;

/// A stretch of a rate that never falls.
#[derive(Clone, Debug)]
pub(super) struct Rise {
    /// How many ticks it lasts; above zero.
    pub(super) span: u128,
    /// The integral over all of it.
    pub(super) total: Units,
    curve: Curve,
}

#[derive(Clone, Debug)]
enum Curve {
    Flat {
        slope: Units,
    },
    Line {
        low: Units,
        more: Units,
        /// Arrivals per tick: the low rate, its square, and twice the growth per tick.
        guess: [f64; 3],
    },
    Exponential {
        /// low · span / λ in units, and λ = ln(high / low).
        scale: Precise,
        lambda: Precise,
        /// The same scale in arrivals.
        arrivals: f64,
    },
    Sine {
        low: Units,
        half: Units,
        /// half · span / π: how far the integral strays from the straight line.
        sway: Precise,
        /// Arrivals per tick: the low rate, and half of the way to the high one.
        guess: [f64; 2],
    },
}

impl Rise {
    /// From `low` to `high`, which are arrivals per nanosecond of `ticks`. None if it gets out of bounds.
    pub(super) fn new(
        one: Arrivals,
        bend: Bend,
        (low, high): (Fraction, Fraction),
        span: u128,
        ticks: u128,
    ) -> Option<Rise> {
        let [slope, top] = [one.slope(low, ticks)?, one.slope(high, ticks)?];
        let more = top.checked_sub(slope)?;
        let length = Units::new(span);
        let factors = if more == Units::ZERO { 1 } else { 2 };
        if bits(top) + factors * bits(length) > 250 {
            return None;
        }
        let per_tick = |rate: Fraction| rate.as_f64() / ticks as f64;
        let half = more >> 1;
        let (curve, total) = match bend {
            _ if more == Units::ZERO => (Curve::Flat { slope }, slope * length),
            Bend::Line => {
                let [low, more_f] = [per_tick(low), one.as_f64(more)];
                let guess = [low, low * low, 2.0 * more_f / span as f64];
                (Curve::Line { low: slope, more, guess }, (slope + half) * length)
            }
            Bend::Exponential => {
                let exact = |rate: Fraction| Precise::whole(rate.count) / Precise::whole(rate.per);
                let lambda = (exact(high) / exact(low)).ln();
                let scale = exact(low) / Precise::whole(ticks) * Precise::whole(span) / lambda;
                let arrivals = scale.high;
                let scale = scale * Precise::whole(one.whole.as_u128());
                let total = rounded(scale * lambda.exp_less_one());
                (Curve::Exponential { scale, lambda, arrivals }, total)
            }
            Bend::Sine => {
                let sway = precise(half * length) / Precise::PI;
                let guess = [per_tick(low), one.as_f64(half)];
                (Curve::Sine { low: slope, half, sway, guess }, (slope + half) * length)
            }
        };
        (bits(total) < 250).then_some(Rise { span, total, curve })
    }

    /// Units per tick, if that never changes.
    pub(super) fn flat(&self) -> Option<Units> {
        match self.curve {
            Curve::Flat { slope } => Some(slope),
            Curve::Line { .. } | Curve::Exponential { .. } | Curve::Sine { .. } => None,
        }
    }

    /// The integral over the first `z` ticks; rounded down, where it is no whole number of units.
    pub(super) fn integral(&self, z: u128) -> Units {
        if z >= self.span {
            return self.total;
        }
        let length = Units::new(z);
        match &self.curve {
            Curve::Flat { slope } => *slope * length,
            Curve::Line { .. } => self.twice_by_span(length) / (Units::new(self.span) << 1),
            Curve::Exponential { scale, lambda, .. } => {
                let part = *lambda * Precise::whole(z) / Precise::whole(self.span);
                rounded(*scale * part.exp_less_one()).min(self.total)
            }
            Curve::Sine { low, half, sway, .. } => {
                let straight = (*low + *half) * length;
                straight.saturating_sub(rounded(*sway * Precise::sine_of_half_turn(z, self.span)))
            }
        }
    }

    /// Twice a line's integral over the first `z` ticks, times its span: a whole number.
    fn twice_by_span(&self, z: Units) -> Units {
        match &self.curve {
            Curve::Line { low, more, .. } => z * (((*low * Units::new(self.span)) << 1) + *more * z),
            Curve::Flat { .. } | Curve::Exponential { .. } | Curve::Sine { .. } => Units::ZERO,
        }
    }

    /// How the integral over the first `z` ticks compares with `units`.
    pub(super) fn compare(&self, z: u128, units: Units) -> Ordering {
        match &self.curve {
            Curve::Line { .. } if z < self.span => {
                self.twice_by_span(Units::new(z)).cmp(&((Units::new(self.span) * units) << 1))
            }
            Curve::Flat { .. } | Curve::Line { .. } | Curve::Exponential { .. } | Curve::Sine { .. } => {
                self.integral(z).cmp(&units)
            }
        }
    }

    /// How many ticks it takes to grow to this many arrivals, and how far off that may be.
    pub(super) fn guess(&self, one: Arrivals, units: Units) -> (f64, f64) {
        let arrivals = one.as_f64(units);
        let z = match &self.curve {
            Curve::Flat { slope } => arrivals / one.as_f64(*slope),
            Curve::Line { guess: [low, square, growth], .. } => {
                2.0 * arrivals / (low + libm::sqrt(square + growth * arrivals))
            }
            Curve::Exponential { lambda, arrivals: scale, .. } => {
                self.span as f64 / lambda.high * libm::log1p(arrivals / scale)
            }
            Curve::Sine { guess: [low, half], .. } => {
                let radians = self.span as f64 / PI;
                let (angle, error) = solve_kepler(*low, *half, arrivals / radians);
                return (angle * radians, (angle * GUESS_ERROR + error) * radians);
            }
        };
        (z, z * GUESS_ERROR)
    }
}

/// The angle x from 0 to π at which low · x + half · (x − sin x) is `area`, and the last step of the search.
///
/// Kepler's equation, by Newton's method kept between bounds. Its curve is convex, so that Newton comes from above
/// and does not overshoot; the start is the better of two bounds.
fn solve_kepler(low: f64, half: f64, area: f64) -> (f64, f64) {
    // x − sin x ≥ x³ / 6 · (1 − x² / 20) ≥ x³ / 12 up to π, and low · x alone is below the area.
    let mut x = libm::cbrt(12.0 * area / half).min(PI);
    if low > 0.0 {
        x = x.min(area / low);
    }
    let mut step = x;
    for _ in 0..64 {
        let (sin, cos) = libm::sincos(x);
        let value = low * x + half * less_its_sine(x, sin) - area;
        let slope = low + half * (1.0 - cos);
        if !(slope > 0.0) {
            break;
        }
        step = value / slope;
        let next = (x - step).clamp(0.0, PI);
        step = (next - x).abs();
        x = next;
        if step <= x * GUESS_ERROR / 16.0 {
            break;
        }
    }
    (x, step)
}

/// x − sin x, without the loss of digits where x is small.
fn less_its_sine(x: f64, sin: f64) -> f64 {
    if x > 1.0 {
        return x - sin;
    }
    let square = x * x;
    // Σ (−1)ⁿ x²ⁿ⁺³ / (2n+3)! to n = 8, whose next term is below 2⁻⁶⁰ of the first.
    let mut sum = 1.0;
    for n in (1..9).rev() {
        let n = f64::from(2 * n + 2);
        sum = 1.0 - square / (n * (n + 1.0)) * sum;
    }
    square * x / 6.0 * sum
}
