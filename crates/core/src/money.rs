//! Money: exact decimal amounts of US dollars.
//!
//! An amount is a whole number of 10⁻¹⁸ USD, so that every price that providers quote (a ten-thousandth of a
//! dollar for a million tokens is 10⁻¹⁰ USD for one) is held without error, and sums do not depend on their
//! order. There is no float in here.
//!
//! The rule of rounding: what falls below 10⁻¹⁸ USD is rounded up, always, when an amount is read and when a
//! price is divided. A bound stays a bound that way, and the error is below 10⁻¹⁸ USD per operation. Rounding to
//! the nearest (half up) happens in [`Display`](fmt::Display) only, where it changes no sum.
//!
//! Amounts are never negative. Arithmetic saturates at [`Usd::MOST`], over 10²⁰ dollars: a sum that is too large
//! to hold is over any limit, which is what it has to be.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use crate::grouped;

/// An amount of US dollars, exact to 10⁻¹⁸.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(u128);

/// Units of a dollar.
const DOLLAR: u128 = 10u128.pow(PLACES);
/// Decimal places that are held.
const PLACES: u32 = 18;
/// Digits before the point that can fit.
const MOST_DIGITS: usize = 21;

impl Usd {
    /// Nothing.
    pub const ZERO: Usd = Usd(0);
    /// The largest amount.
    pub const MOST: Usd = Usd(u128::MAX);

    /// Whole dollars.
    pub const fn dollars(dollars: u64) -> Usd {
        Usd(dollars as u128 * DOLLAR)
    }

    /// Whole cents.
    pub const fn cents(cents: u64) -> Usd {
        Usd(cents as u128 * (DOLLAR / 100))
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// What is left of it after `other`; nothing if that is more.
    pub const fn saturating_sub(self, other: Usd) -> Usd {
        Usd(self.0.saturating_sub(other.0))
    }

    /// What is left of it after `other`, unless that is more.
    pub fn checked_sub(self, other: Usd) -> Option<Usd> {
        self.0.checked_sub(other.0).map(Usd)
    }

    /// The sum, unless it is too large to hold.
    pub fn checked_add(self, other: Usd) -> Option<Usd> {
        self.0.checked_add(other.0).map(Usd)
    }

    /// So many times the amount.
    pub const fn times(self, n: u64) -> Usd {
        Usd(self.0.saturating_mul(n as u128))
    }

    /// So many times the amount, unless it is too large to hold.
    pub fn checked_times(self, n: u64) -> Option<Usd> {
        self.0.checked_mul(u128::from(n)).map(Usd)
    }

    /// One part of `parts`, rounded up; the whole for no parts at all.
    pub const fn part_of(self, parts: u128) -> Usd {
        if parts == 0 { self } else { Usd(self.0.div_ceil(parts)) }
    }

    /// So many times the amount, the factor being no money but a count of very small parts.
    pub(crate) const fn times_wide(self, n: u128) -> Usd {
        Usd(self.0.saturating_mul(n))
    }

    /// How many times `other` it is, for people; missing if `other` is nothing.
    pub fn ratio(self, other: Usd) -> Option<f64> {
        (other.0 > 0).then(|| self.0 as f64 / other.0 as f64)
    }

    /// The amount as a float, for charts and for statistics of costs. Never add such floats up.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / DOLLAR as f64
    }

    /// The amount in whole units of 10⁻¹⁸ USD.
    pub(crate) const fn atoms(self) -> u128 {
        self.0
    }

    /// So many units of 10⁻¹⁸ USD.
    pub(crate) const fn of_atoms(atoms: u128) -> Usd {
        Usd(atoms)
    }

    /// Reads `$5.00`, `5`, `0.02`, `1_000`.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Usd, String> {
        let number = without_sign(text)?;
        if number.contains(['e', 'E']) && Usd::parse_scientific(number).is_ok() {
            return Err(format!("`{text}` is not an amount: write it without an exponent, such as $0.02"));
        }
        decimal(number, 0).ok_or_else(|| wrong(text))?
    }

    /// Reads also `1.5e-07`, as price lists of machines have it.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn parse_scientific(text: &str) -> Result<Usd, String> {
        let number = without_sign(text)?;
        let (digits, exponent) = match number.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i16>().map_err(|_| wrong(text))?),
            None => (number, 0),
        };
        decimal(digits, i32::from(exponent)).ok_or_else(|| wrong(text))?
    }

    /// The exact amount as a decimal number without a sign, such as `0.012345`, the form it has in files.
    pub fn to_decimal(self) -> String {
        let (whole, part) = (self.0 / DOLLAR, self.0 % DOLLAR);
        if part == 0 {
            return whole.to_string();
        }
        let part = format!("{part:018}");
        format!("{whole}.{}", part.trim_end_matches('0'))
    }
}

fn wrong(text: &str) -> String {
    format!("`{text}` is not an amount of dollars: write a number, such as $5.00 or 0.02")
}

fn without_sign(text: &str) -> Result<&str, String> {
    let text = text.trim();
    if text.starts_with('-') || text.starts_with("$-") {
        return Err(format!("`{text}` is below zero: an amount of money cannot be"));
    }
    Ok(text.strip_prefix('$').unwrap_or(text).trim_start())
}

/// `number` · 10^`exponent`; none if it is no decimal number.
fn decimal(number: &str, exponent: i32) -> Option<Result<Usd, String>> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let well_formed = |s: &str| s.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if !number.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !number.bytes().any(|b| b.is_ascii_digit())
        || !well_formed(whole)
        || !fraction.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).filter(|b| *b != b'_').collect();
    let leading = digits.iter().take_while(|&&b| b == b'0').count();
    // Where the point stands among the digits, then how many of them are held.
    let point = i64::try_from(digits.len() - fraction.len()).ok()? + i64::from(exponent);
    if digits.len() == leading {
        return Some(Ok(Usd::ZERO));
    }
    let significant = &digits[leading..];
    let point = point - i64::try_from(leading).ok()?;
    let too_large = || Err(format!("`{number}` is too large an amount"));
    if point > MOST_DIGITS as i64 {
        return Some(too_large());
    }
    let held = usize::try_from((point + i64::from(PLACES)).max(0)).ok()?;
    let (kept, below) = significant.split_at(held.min(significant.len()));
    let next = |sum: u128, digit: u8| sum.checked_mul(10)?.checked_add(u128::from(digit - b'0'));
    let zeros = std::iter::repeat_n(b'0', held - kept.len());
    let units = kept.iter().copied().chain(zeros).try_fold(0u128, next);
    let rounded_up = u128::from(below.iter().any(|&b| b != b'0'));
    let units = units.and_then(|units| units.checked_add(rounded_up));
    Some(units.map(Usd).map_or_else(too_large, Ok))
}

impl Add for Usd {
    type Output = Usd;
    /// Saturates.
    fn add(self, other: Usd) -> Usd {
        Usd(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Usd) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Usd>>(amounts: I) -> Usd {
        amounts.fold(Usd::ZERO, Add::add)
    }
}

/// For people: cents from a dollar on, and below it as many digits as needed, at least cents and at most four
/// significant ones: `$1,234.50`, `$0.50`, `$0.0123`, `$0.00000042`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leading_zeros = match self.0 {
            0 => 0,
            units if units >= DOLLAR => 0,
            units => PLACES - 1 - units.ilog10(),
        };
        let places = if self.0 >= DOLLAR { 2 } else { (leading_zeros + 4).clamp(2, PLACES) };
        let step = 10u128.pow(PLACES - places);
        let rounded = (self.0 / step + u128::from(self.0 % step >= step.div_ceil(2) && step > 1)) * step;
        let (whole, part) = (rounded / DOLLAR, format!("{:018}", rounded % DOLLAR));
        let mut part = &part[..places as usize];
        while part.len() > 2 && part.ends_with('0') {
            part = &part[..part.len() - 1];
        }
        f.pad(&format!("${}.{part}", grouped(whole)))
    }
}

/// The exact decimal, as a string: a JSON number would be read as a float.
impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_decimal())
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Usd, D::Error> {
        struct Decimal;

        impl Visitor<'_> for Decimal {
            type Value = Usd;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount of dollars as a string, such as \"0.012345\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Usd, E> {
                Usd::parse(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Decimal)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, units) in [
            ("$5.00", 5 * DOLLAR),
            ("5", 5 * DOLLAR),
            (" $ 0.02 ", DOLLAR / 50),
            (".5", DOLLAR / 2),
            ("1_000", 1000 * DOLLAR),
            ("0", 0),
            ("0.000000000000000001", 1),
            ("000000000000000000000000000000000001.50", DOLLAR * 3 / 2),
        ] {
            assert_eq!(Usd::parse(text), Ok(Usd(units)), "{text}");
        }
        for wrong in
            ["", "$", ".", "five", "5$", "1,000", "1.2.3", "+5", "_1", "5 EUR", "1e3", "NaN", "inf", "５"]
        {
            assert!(Usd::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Usd::parse("-1").unwrap_err().contains("below zero"));
        assert!(Usd::parse("$1e-6").unwrap_err().contains("without an exponent"));
        assert!(Usd::parse("999999999999999999999").unwrap_err().contains("too large"));
    }

    #[test]
    fn exponents_of_price_lists_are_read_from_their_digits() {
        for (text, units) in [
            ("1.5e-07", 150_000_000_000),
            ("3E-6", 3_000_000_000_000),
            ("1e-18", 1),
            ("1e-19", 1),
            ("1e-32767", 1),
            ("0e-400", 0),
            ("0.00e5", 0),
            ("1.25e+2", 125 * DOLLAR),
            ("0.0", 0),
        ] {
            assert_eq!(Usd::parse_scientific(text), Ok(Usd(units)), "{text}");
        }
        for wrong in ["1e", "e5", "1e5.0", "1e99999", "1e400", "1ee5"] {
            assert!(Usd::parse_scientific(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_below_the_unit_is_rounded_up() {
        assert_eq!(Usd::parse("0.0000000000000000001"), Ok(Usd(1)));
        assert_eq!(Usd::parse("1.0000000000000000009"), Ok(Usd(DOLLAR + 1)));
        assert_eq!(Usd::parse("1.0000000000000000000"), Ok(Usd(DOLLAR)));
        assert_eq!(Usd(7).part_of(2), Usd(4));
        assert_eq!(Usd(8).part_of(2), Usd(4));
    }

    #[test]
    fn people_see_what_they_expect() {
        for (text, shown) in [
            ("0", "$0.00"),
            ("5", "$5.00"),
            ("12.344", "$12.34"),
            ("12.345", "$12.35"),
            ("1234567.891", "$1,234,567.89"),
            ("0.5", "$0.50"),
            ("0.0123", "$0.0123"),
            ("0.01234567", "$0.01235"),
            ("0.1", "$0.10"),
            ("0.123456", "$0.1235"),
            ("0.99996", "$1.00"),
            ("0.00000042", "$0.00000042"),
            ("0.000000000000000001", "$0.000000000000000001"),
        ] {
            assert_eq!(Usd::parse(text).unwrap().to_string(), shown);
        }
        assert_eq!(format!("{:>8}", Usd::cents(5)), "   $0.05");
        assert!(Usd::MOST.to_string().starts_with("$340,282,366,920,938,463,463"));
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Usd::MOST + Usd(1), Usd::MOST);
        assert_eq!(Usd::MOST.times(2), Usd::MOST);
        assert_eq!(Usd(1).saturating_sub(Usd(2)), Usd::ZERO);
        assert_eq!((Usd::MOST.checked_add(Usd(1)), Usd(1).checked_sub(Usd(2))), (None, None));
        assert_eq!((Usd::MOST.checked_times(2), Usd(3).checked_times(2)), (None, Some(Usd(6))));
    }

    #[test]
    fn files_hold_the_exact_decimal_as_a_string() {
        let amount = Usd::parse("0.012345").unwrap();
        assert_eq!(serde_json::to_string(&amount).unwrap(), "\"0.012345\"");
        assert!(serde_json::from_str::<Usd>("0.012345").is_err());
    }

    proptest! {
        #[test]
        fn every_amount_survives_being_written(units: u128) {
            let amount = Usd(units);
            prop_assert_eq!(Usd::parse(&amount.to_decimal()), Ok(amount));
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), amount);
        }

        #[test]
        fn no_text_is_too_much(text in "\\PC{0,60}", number in "[$]?[0-9._]{0,40}([eE][+-]?[0-9]{0,6})?") {
            for text in [&text, &number] {
                let _ = (Usd::parse(text), Usd::parse_scientific(text));
            }
        }

        /// An exponent moves the point and nothing else.
        #[test]
        fn an_exponent_moves_the_point(digits in 1..1_000_000u64, exponent in -12i32..6) {
            let scientific = Usd::parse_scientific(&format!("{digits}e{exponent}")).unwrap();
            let units = u128::from(digits) * 10u128.pow(u32::try_from(18 + exponent).unwrap());
            prop_assert_eq!(scientific, Usd(units));
        }
    }
}
