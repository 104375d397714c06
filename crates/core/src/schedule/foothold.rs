//! A fast inverse of a rise's integral in `f64`, with a bound on its error.
//!
//! From any point on, a rise satisfies ∫ rate ≤ z · rate(z), z being counted from there: a relative error of the
//! integral is at most the same relative error of z. So a guess from a near point has a small error, whose bound
//! tells when the guess is as good as the exact answer. Between the points that guesses start from, 2⁴¹ ticks (36
//! minutes, if a tick is a nanosecond) lie at most, which keeps the error below a hundredth of a tick.

use std::f64::consts::PI;

use super::rise::{Curve, Rise};
use super::unit::{Arrivals, Units};

/// A guess is off by at most this much of itself: 16 units in the last place, where about 8 can come together.
pub(super) const GUESS_ERROR: f64 = 1.0 / (1u64 << 48) as f64;

/// The most ticks from one foothold to the next.
const STRIDE: u128 = 1 << 41;

/// How many footholds a half sine wave has at least: few enough radians between them for a straight line to be near.
const WAVE_FOOTHOLDS: u128 = 64;

/// A point of a rise from which near ones are guessed.
#[derive(Clone, Debug)]
pub(super) struct Foothold {
    /// Ticks from the low end.
    pub(super) z: u128,
    /// The integral there, and at the next foothold.
    here: Units,
    next: Units,
    /// How many ticks the rounding of `here` can make.
    slack: f64,
    lie: Lie,
}

/// How the rate goes on from there. Rates are arrivals per tick.
#[derive(Clone, Debug)]
enum Lie {
    Flat {
        gap: f64,
    },
    Line {
        rate: f64,
        square: f64,
        growth: f64,
    },
    Exponential {
        /// rate · span / λ, and span / λ.
        scale: f64,
        length: f64,
    },
    Sine {
        low: f64,
        half: f64,
        /// Ticks to the radian, and the angle from the trough.
        radian: f64,
        angle: f64,
    },
}

impl Foothold {
    /// The last foothold at or below the point where `rise` has grown to `grown`.
    pub(super) fn new(rise: &Rise, one: Arrivals, grown: Units) -> Foothold {
        let stride = match rise.curve {
            Curve::Sine { .. } => (rise.span / WAVE_FOOTHOLDS).clamp(1, STRIDE),
            Curve::Flat { .. } | Curve::Line { .. } | Curve::Exponential { .. } => STRIDE,
        };
        let (mut low, mut high) = (0, rise.span / stride);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if rise.integral(middle * stride) <= grown { low = middle } else { high = middle - 1 }
        }
        let z = low * stride;
        let (here, next) = (rise.integral(z), rise.integral(z + stride));
        let lie = Lie::of(rise, one, z, here);
        let slack = if z == 0 { 0.0 } else { one.as_f64(Units::from(2u32)) / lie.rate() };
        Foothold { z, here, next, slack, lie }
    }

    /// Whether this is the foothold for a point where the rise has grown to `grown`.
    pub(super) fn carries(&self, grown: Units) -> bool {
        self.here <= grown && grown < self.next
    }

    /// How many ticks it takes from here to grow to `grown`, and how far off that may be.
    pub(super) fn guess(&self, one: Arrivals, grown: Units) -> (f64, f64) {
        let arrivals = one.as_f64(grown.saturating_sub(self.here));
        let z = match self.lie {
            Lie::Flat { gap } => arrivals * gap,
            Lie::Line { rate, square, growth } => {
                2.0 * arrivals / (rate + libm::sqrt(square + growth * arrivals))
            }
            Lie::Exponential { scale, length } => length * libm::log1p(arrivals / scale),
            Lie::Sine { low, half, radian, angle } => {
                let (turn, error) = turn(low, half, angle, arrivals / radian);
                return (turn * radian, (turn * GUESS_ERROR + error) * radian + self.slack);
            }
        };
        (z, z * GUESS_ERROR + self.slack)
    }
}

impl Lie {
    fn of(rise: &Rise, one: Arrivals, z: u128, here: Units) -> Lie {
        let (span, z) = (rise.span as f64, z as f64);
        match rise.curve {
            Curve::Flat { slope } => Lie::Flat { gap: 1.0 / one.as_f64(slope) },
            Curve::Line { guess: [low, growth], .. } => {
                let rate = low + growth / 2.0 * z;
                Lie::Line { rate, square: rate * rate, growth }
            }
            Curve::Exponential { guess: scale, lambda, .. } => {
                Lie::Exponential { scale: scale + one.as_f64(here), length: span / lambda.high }
            }
            Curve::Sine { guess: [low, half], .. } => {
                let radian = span / PI;
                Lie::Sine { low, half, radian, angle: z / radian }
            }
        }
    }
}

impl Lie {
    /// The rate at the foothold.
    fn rate(&self) -> f64 {
        match self {
            Lie::Flat { gap } => 1.0 / gap,
            Lie::Line { rate, .. } => *rate,
            Lie::Exponential { scale, length } => scale / length,
            Lie::Sine { low, half, angle, .. } => {
                let sine = libm::sin(angle / 2.0);
                low + 2.0 * half * sine * sine
            }
        }
    }
}

/// The angle x at which ∫ low + half · (1 − cos) from `angle` to `angle + x` is `area`, and how far the search may
/// still be off: Kepler's equation, by Newton's method from the solution of the tangent's.
fn turn(low: f64, half: f64, angle: f64, area: f64) -> (f64, f64) {
    let rate = |angle: f64| {
        let sine = libm::sin(angle / 2.0);
        low + 2.0 * half * sine * sine
    };
    let (start, bend) = (rate(angle), half * libm::sin(angle));
    // Where the rate starts at nothing, it grows with the square of the angle instead.
    let cubic = libm::cbrt(6.0 * area / half);
    let mut x = (2.0 * area / (start + libm::sqrt(start * start + 2.0 * bend * area))).min(cubic);
    let mut error = x;
    for _ in 0..64 {
        // All terms are positive, so that none takes digits from another:
        // x − (sin(angle + x) − sin(angle)) = (x − 2 sin(x/2)) + 2 sin(x/2) (1 − cos(angle + x/2)).
        let sine = libm::sin(x / 2.0);
        let middle = libm::sin(angle / 2.0 + x / 4.0);
        let sway = 2.0 * less_its_sine(x / 2.0, sine) + 4.0 * sine * middle * middle;
        let slope = rate(angle + x);
        let step = (low * x + half * sway - area) / slope;
        if !step.is_finite() {
            break;
        }
        x = (x - step).clamp(0.0, PI);
        // Newton's next step is at most this: |f″| ≤ half.
        error = step * step * half / slope;
        if error <= x * GUESS_ERROR / 16.0 {
            break;
        }
    }
    (x, error)
}

/// x − sin x, without the loss of digits where x is small.
fn less_its_sine(x: f64, sine: f64) -> f64 {
    if x > 1.0 {
        return x - sine;
    }
    let square = x * x;
    // Σ (−1)ⁿ x²ⁿ⁺³ / (2n+3)!: ever fewer terms are needed for ever smaller angles.
    let terms = if x < 0.05 { 4 } else { 9 };
    let mut sum = 1.0;
    for n in (1..terms).rev() {
        let n = f64::from(2 * n + 2);
        sum = 1.0 - square / (n * (n + 1.0)) * sum;
    }
    square * x / 6.0 * sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_turn_undoes_its_integral(
            low in prop_oneof![Just(0.0), 1e-9f64..10.0],
            angle in prop_oneof![Just(0.0), 0.0f64..3.1],
            x in 1e-6f64..0.05,
        ) {
            let half = 1.0;
            let (sine, middle) = (libm::sin(x / 2.0), libm::sin(angle / 2.0 + x / 4.0));
            let area = low * x + half * (2.0 * less_its_sine(x / 2.0, sine) + 4.0 * sine * middle * middle);
            let (turn, error) = turn(low, half, angle, area);
            prop_assert!((turn - x).abs() <= x * GUESS_ERROR + error, "{turn} {error}");
            prop_assert!(error < x * 1e-12);
        }
    }

    #[test]
    fn a_small_angle_less_its_sine_keeps_its_digits() {
        // x³/6 − x⁵/120 + x⁷/5040
        let exact = |x: f64| x * x * x / 6.0 * (1.0 - x * x / 20.0 * (1.0 - x * x / 42.0));
        for x in [1e-8, 1e-4, 1e-2] {
            assert!((less_its_sine(x, libm::sin(x)) / exact(x) - 1.0).abs() < 1e-14, "{x}");
        }
        let x = 0.05;
        assert!(
            (less_its_sine(x, libm::sin(x)) / less_its_sine(x * 0.999_999_999_999, 0.0) - 1.0).abs() < 1e-11
        );
    }
}
