//! A stretch of a rate that never falls, its integral, and the inverse of that.
//!
//! What falls is a rise seen from its end. Positions are whole ticks from the low end, the integral is in units.
//! Flat and straight rises are exact in integers. Exponential rises and half sine waves have no exact fraction: their
//! integrals are computed to about 31 digits and rounded to the unit. The fast inverse is [`foothold`](super::foothold)'s.

use std::cmp::Ordering;

use super::draft::Bend;
use super::fraction::Fraction;
use super::unit::{Arrivals, Units, bits, precise, rounded};
use crate::precise::Precise;

/// A stretch of a rate that never falls.
#[derive(Clone, Debug)]
pub(super) struct Rise {
    /// How many ticks it lasts; above zero.
    pub(super) span: u128,
    /// The integral over all of it.
    pub(super) total: Units,
    pub(super) curve: Curve,
}

/// What is between the two ends. Slopes are units per tick, guesses are in arrivals and ticks.
#[derive(Clone, Debug)]
pub(super) enum Curve {
    Flat {
        slope: Units,
    },
    Line {
        low: Units,
        more: Units,
        /// The low rate, and twice its growth per tick.
        guess: [f64; 2],
    },
    Exponential {
        /// low · span / λ in units, and λ = ln(high / low).
        scale: Precise,
        lambda: Precise,
        /// The same scale in arrivals.
        guess: f64,
    },
    Sine {
        low: Units,
        half: Units,
        /// half · span / π: how far the integral strays from the straight line.
        sway: Precise,
        /// The low rate, and half of the way to the high one.
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
                let guess = [per_tick(low), 2.0 * one.as_f64(more) / span as f64];
                (Curve::Line { low: slope, more, guess }, (slope + half) * length)
            }
            Bend::Exponential => {
                let exact = |rate: Fraction| Precise::whole(rate.count) / Precise::whole(rate.per);
                let lambda = (exact(high) / exact(low)).ln();
                let scale = exact(low) / Precise::whole(ticks) * Precise::whole(span) / lambda;
                let guess = scale.high;
                let scale = scale * Precise::whole(one.whole.as_u128());
                let total = rounded(scale * lambda.exp_less_one());
                (Curve::Exponential { scale, lambda, guess }, total)
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
}
