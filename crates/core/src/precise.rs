//! Numbers of about 31 digits, each the sum of two `f64`, for what has no exact fraction: exponentials and sines.
//!
//! Only `+ − × ÷` of `f64` are used, which IEEE 754 rounds alike everywhere, so a result is the same on every
//! machine. Products are split after Dekker (1971) instead of fused, sums are Knuth's two-sum; the algorithms are
//! those of Hida, Li and Bailey, "Library for Double-Double and Quad-Double Arithmetic" (2007). A single operation is
//! off by at most 2⁻¹⁰⁰ of its result, a function by at most 2⁻⁹⁴.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// `high + low`, where `low` is at most half a unit in the last place of `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Precise {
    pub(crate) high: f64,
    pub(crate) low: f64,
}

const LN_2: Precise = Precise { high: std::f64::consts::LN_2, low: 2.319_046_813_846_299_6e-17 };

impl Precise {
    pub(crate) const ONE: Precise = Precise { high: 1.0, low: 0.0 };
    pub(crate) const PI: Precise = Precise { high: std::f64::consts::PI, low: 1.224_646_799_147_353_2e-16 };

    /// The 106 leading bits of a whole number.
    pub(crate) fn whole(value: u128) -> Precise {
        // The part that `high` leaves over is below half a unit of it, positive or negative.
        let high = value as f64;
        let back = high as u128;
        let low = if back > value { -((back - value) as f64) } else { (value - back) as f64 };
        two_sum(high, low)
    }

    /// e to the power of `self`, less one; exact to its own size also where it is small. For `self` from 0 to 700.
    pub(crate) fn exp_less_one(self) -> Precise {
        let twos = libm::floor(self.high / LN_2.high + 0.5);
        let rest = self - LN_2 * twos;
        // Σ xⁿ/n! without its first term, for an eighth. |x| ≤ 0.044, so that 18 terms leave less than 2⁻¹³⁰.
        let rest = rest * 0.125;
        let (mut term, mut sum) = (rest, rest);
        for n in 2..19 {
            term = term * rest / f64::from(n);
            sum = sum + term;
        }
        // And three times (1 + x)² − 1.
        for _ in 0..3 {
            sum = sum * 2.0 + sum * sum;
        }
        if twos == 0.0 {
            return sum;
        }
        let scale = libm::ldexp(1.0, twos as i32);
        (sum + Precise::ONE) * scale - Precise::ONE
    }

    /// The natural logarithm, of a number above zero: one step of Halley's method on `libm`'s.
    pub(crate) fn ln(self) -> Precise {
        let guess = libm::log(self.high);
        let back = if guess < 0.0 {
            Precise::ONE / (Precise::from(-guess).exp_less_one() + Precise::ONE)
        } else {
            Precise::from(guess).exp_less_one() + Precise::ONE
        };
        Precise::from(guess) + (self - back) * 2.0 / (self + back)
    }

    /// The sine of π · `part` / `of`, for `part` up to `of`.
    ///
    /// Mirrored halves give the very same number, and the two ends give zero.
    pub(crate) fn sine_of_half_turn(part: u128, of: u128) -> Precise {
        let part = part.min(of - part.min(of));
        // In the outer quarters the sine's series, in the middle the cosine's of what is missing to the right angle.
        let (missing, quarter) = (of - part * 2, part <= of / 4);
        let angle = match quarter {
            true => Precise::PI * Precise::whole(part) / Precise::whole(of),
            false => Precise::PI * Precise::whole(missing) / Precise::whole(of) * 0.5,
        };
        let square = angle * angle;
        let (mut term, first) = if quarter { (angle, 2) } else { (Precise::ONE, 1) };
        let mut sum = term;
        for step in 0..14 {
            let n = f64::from(first + 2 * step);
            term = -(term * square) / (n * (n + 1.0));
            sum = sum + term;
        }
        sum
    }
}

impl From<f64> for Precise {
    fn from(value: f64) -> Precise {
        Precise { high: value, low: 0.0 }
    }
}

/// The sum and exactly what rounding took from it.
fn two_sum(a: f64, b: f64) -> Precise {
    let high = a + b;
    let of_b = high - a;
    Precise { high, low: (a - (high - of_b)) + (b - of_b) }
}

/// The same, when `a` is the larger.
fn quick_two_sum(a: f64, b: f64) -> Precise {
    let high = a + b;
    Precise { high, low: b - (high - a) }
}

/// The product and exactly what rounding took from it, for factors below 2⁹⁹⁶.
fn two_product(a: f64, b: f64) -> Precise {
    let high = a * b;
    let ((a1, a2), (b1, b2)) = (halves(a), halves(b));
    Precise { high, low: ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2 }
}

/// The upper 26 bits of a number, and the rest.
fn halves(a: f64) -> (f64, f64) {
    let shifted = a * 134_217_729.0; // 2²⁷ + 1
    let upper = shifted - (shifted - a);
    (upper, a - upper)
}

impl Add for Precise {
    type Output = Precise;
    fn add(self, other: Precise) -> Precise {
        let high = two_sum(self.high, other.high);
        let low = two_sum(self.low, other.low);
        let carried = quick_two_sum(high.high, high.low + low.high);
        quick_two_sum(carried.high, carried.low + low.low)
    }
}

impl Neg for Precise {
    type Output = Precise;
    fn neg(self) -> Precise {
        Precise { high: -self.high, low: -self.low }
    }
}

impl Sub for Precise {
    type Output = Precise;
    fn sub(self, other: Precise) -> Precise {
        self + -other
    }
}

impl Mul for Precise {
    type Output = Precise;
    fn mul(self, other: Precise) -> Precise {
        let product = two_product(self.high, other.high);
        quick_two_sum(product.high, product.low + (self.high * other.low + self.low * other.high))
    }
}

impl Mul<f64> for Precise {
    type Output = Precise;
    fn mul(self, other: f64) -> Precise {
        let product = two_product(self.high, other);
        quick_two_sum(product.high, product.low + self.low * other)
    }
}

impl Div for Precise {
    type Output = Precise;
    /// Long division, three digits of `f64` each.
    fn div(self, other: Precise) -> Precise {
        let first = self.high / other.high;
        let rest = self - other * first;
        let second = rest.high / other.high;
        let rest = rest - other * second;
        let third = rest.high / other.high;
        quick_two_sum(first, second) + Precise::from(third)
    }
}

impl Div<f64> for Precise {
    type Output = Precise;
    fn div(self, other: f64) -> Precise {
        let first = self.high / other;
        let back = two_product(first, other);
        let rest = (self.high - back.high) - back.low + self.low;
        quick_two_sum(first, rest / other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How far apart two numbers are, against the second.
    fn off(a: Precise, b: Precise) -> f64 {
        ((a - b).high / b.high).abs()
    }

    /// A number by its first 31 digits.
    fn digits(digits: u128) -> Precise {
        Precise::whole(digits) / Precise::whole(10u128.pow(30))
    }

    #[test]
    fn known_constants_come_out_to_thirty_digits() {
        let e_less_one = digits(1_718_281_828_459_045_235_360_287_471_352);
        assert!(off(Precise::ONE.exp_less_one(), e_less_one) < 1e-29);
        let ln_10 = digits(2_302_585_092_994_045_684_017_991_454_684);
        assert!(off(Precise::from(10.0).ln(), ln_10) < 1e-29);
        let tenth = Precise::ONE / Precise::from(10.0);
        assert!(off(tenth.ln(), -ln_10) < 1e-29);
        assert!(off(Precise::sine_of_half_turn(1, 6), Precise::from(0.5)) < 1e-30);
        let half_root = digits(707_106_781_186_547_524_400_844_362_104);
        assert!(off(Precise::sine_of_half_turn(1, 4), half_root) < 1e-29);
        assert_eq!(Precise::sine_of_half_turn(3, 6), Precise::ONE);
        assert_eq!(Precise::sine_of_half_turn(7, 7), Precise::from(0.0));
    }

    #[test]
    fn whole_numbers_keep_106_bits() {
        let value = (1u128 << 105) + 1;
        let precise = Precise::whole(value);
        assert_eq!((precise.high, precise.low), ((1u128 << 105) as f64, 1.0));
        let value = (1u128 << 80) - 1;
        assert_eq!(Precise::whole(value) + Precise::ONE, Precise::from((1u128 << 80) as f64));
        assert_eq!(Precise::whole(u128::MAX).high, (1u128 << 127) as f64 * 2.0);
    }

    proptest! {
        #[test]
        fn logarithm_and_exponential_undo_each_other(x in 1e-9f64..300.0) {
            let x = Precise::from(x);
            let back = (x.exp_less_one() + Precise::ONE).ln();
            // Near one, the sum above keeps 2⁻¹⁰⁶ of one, not of the small number.
            prop_assert!((back - x).high.abs() < 2e-29 * (1.0 + x.high), "{back:?}");
        }

        #[test]
        fn division_undoes_multiplication(a in 1e-20f64..1e20, b in 1e-20f64..1e20, c in 0f64..1.0) {
            let (a, b) = (two_sum(a, a * c * 1e-17), two_sum(b, b * c * 1e-17));
            prop_assert!(off(a * b / b, a) < 1e-30);
        }

        #[test]
        fn sines_keep_the_law_of_doubled_angles(part in 1u128..1_000_000_000) {
            // sin 2x = 2 sin x sin(90° − x)
            let of = 4_000_000_000;
            let twice = Precise::sine_of_half_turn(part * 2, of);
            let product = Precise::sine_of_half_turn(part, of) * Precise::sine_of_half_turn(of / 2 - part, of) * 2.0;
            prop_assert!(off(twice, product) < 1e-29);
        }
    }
}
