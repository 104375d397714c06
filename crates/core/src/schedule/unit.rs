//! The unit in which a schedule keeps its integral: a fraction of one arrival so fine that every exact figure of its
//! stages is a whole number of them.

use ethnum::U256;

use super::fraction::Fraction;
use crate::precise::Precise;

/// An amount of the integral, in the units of its schedule. Sums and products of amounts are kept below 2²⁵⁵ when
/// stages are laid out.
pub(super) type Units = U256;

/// One arrival.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrivals {
    /// How many units it has, below 2¹²⁰.
    pub(super) whole: Units,
    inverse: f64,
}

impl Arrivals {
    pub(super) fn of(units: u128) -> Arrivals {
        Arrivals { whole: Units::new(units), inverse: 1.0 / units as f64 }
    }

    /// As a number of arrivals, off by less than 2⁻⁵⁰ of it.
    pub(super) fn as_f64(self, units: Units) -> f64 {
        to_f64(units) * self.inverse
    }

    /// The number of arrivals in units, rounded down.
    pub(super) fn units(self, arrivals: f64) -> Units {
        let pattern = arrivals.to_bits();
        // arrivals = mantissa · 2^power; subnormal numbers are less than any unit.
        let power = (pattern >> 52) as i32 - 1075;
        let mantissa = u128::from(pattern & ((1 << 52) - 1) | 1 << 52);
        let whole = self.whole.as_u128();
        let (low, high) = (mantissa * (whole & u128::from(u64::MAX)), mantissa * (whole >> 64));
        let mantissa = Units::new(low) + Units::from_words(high >> 64, high << 64);
        match power {
            0.. if bits(mantissa) as i32 + power > 250 => Units::MAX >> 2,
            0.. => mantissa << power as u32,
            -255..0 => mantissa >> power.unsigned_abs(),
            _ => Units::ZERO,
        }
    }

    /// A rate in units for each of the `ticks` of a nanosecond; exact if the unit was chosen for it.
    pub(super) fn slope(self, rate: Fraction, ticks: u128) -> Option<Units> {
        let per = Units::new(rate.per.checked_mul(ticks)?);
        (self.whole / per).checked_mul(Units::new(rate.count))
    }
}

/// Off by less than 2⁻⁵¹ of it.
pub(super) fn to_f64(units: Units) -> f64 {
    const WORD: f64 = 18_446_744_073_709_551_616.0;
    let (high, low) = units.into_words();
    let halves = |word: u128| (word >> 64) as u64 as f64 * WORD + word as u64 as f64;
    if high == 0 { halves(low) } else { halves(high) * (WORD * WORD) + halves(low) }
}

/// The nearest whole number of units.
pub(super) fn rounded(value: Precise) -> Units {
    let floor = libm::floor(value.high);
    let rest = libm::floor(value.high - floor + value.low + 0.5);
    let magnitude = |number: f64| Arrivals::of(1).units(number.abs());
    if rest < 0.0 { magnitude(floor) - magnitude(rest) } else { magnitude(floor) + magnitude(rest) }
}

/// To the 106 leading bits, or nearly.
pub(super) fn precise(units: Units) -> Precise {
    let (high, low) = units.into_words();
    Precise::whole(high) * (u128::MAX as f64) + Precise::whole(low)
}

/// How many bits a number has.
pub(super) fn bits(units: Units) -> u32 {
    256 - units.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_arrivals_are_turned_into_units_and_back() {
        let arrivals = Arrivals::of(3 << 100);
        assert_eq!(arrivals.units(0.0), Units::ZERO);
        assert_eq!(arrivals.units(1.5), Units::new(9 << 99));
        assert_eq!(arrivals.units(1e18), arrivals.whole * Units::new(10u128.pow(18)));
        for n in [1e-20, 1e-3, 7.25, 1e9, 1e18] {
            assert!((arrivals.as_f64(arrivals.units(n)) / n - 1.0).abs() < 1e-9, "{n}");
        }
        assert!(arrivals.units(f64::MAX) > Units::MAX >> 3);
    }

    #[test]
    fn precise_numbers_are_rounded_to_the_nearest_unit() {
        let number = Precise::whole(1 << 90) + Precise::from(0.75);
        assert_eq!(rounded(number), Units::new((1 << 90) + 1));
        let number = Precise::whole(1 << 90) - Precise::from(0.75);
        assert_eq!(rounded(number), Units::new((1 << 90) - 1));
        assert_eq!(rounded(Precise::from(2.25)), Units::new(2));
    }

    /// They were once cut at 2¹³³, so that a sine of ten billion arrivals had no integral.
    #[test]
    fn large_precise_numbers_are_not_cut() {
        let number = libm::ldexp(1.0, 200);
        assert_eq!(rounded(Precise::from(number)), Units::new(1) << 200u32);
    }
}
