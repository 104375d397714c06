//! What figures are compared with: times, shares, money and plain numbers, all exact.
//!
//! Every kind counts in whole atoms, so that comparing a value of a record with a bound is whole-number
//! arithmetic: nanoseconds, billionths of the whole, units of 10⁻¹⁸ dollars, millionths.

use std::fmt;

use crate::money::Usd;
use crate::time::Span;

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A length of time.
    Time,
    /// A part of a whole.
    Share,
    /// Dollars.
    Money,
    /// A plain number.
    Number,
}

/// The value that a figure is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A length of time.
    Time(Span),
    /// A part of a whole.
    Share(Share),
    /// Dollars.
    Money(Usd),
    /// A plain number.
    Number(Number),
}

/// A part of a whole, exact to a billionth; from nothing to all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub(crate) u64);

/// A number from 0 on, exact to a millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub(crate) u64);

/// Billionths in a whole.
pub(crate) const WHOLE: u64 = 1_000_000_000;
/// Millionths in one.
pub(crate) const ONE: u64 = 1_000_000;

impl Kind {
    /// Of a figure in `summary.json`.
    pub const fn unit(self) -> &'static str {
        match self {
            Kind::Time => "ms",
            Kind::Share => "share",
            Kind::Money => "usd",
            Kind::Number => "",
        }
    }

    /// A number of atoms in the unit of `summary.json`.
    pub(crate) fn of_atoms(self, atoms: f64) -> f64 {
        match self {
            Kind::Time => atoms / 1e6,
            Kind::Share => atoms / WHOLE as f64,
            Kind::Money => atoms / 1e18,
            Kind::Number => atoms / ONE as f64,
        }
    }

    /// Atoms in the unit in which distributions count: nanoseconds, billionths of a dollar, ones.
    pub(crate) const fn atoms_per_step(self) -> u128 {
        match self {
            Kind::Time | Kind::Share => 1,
            Kind::Money => 1_000_000_000,
            Kind::Number => ONE as u128,
        }
    }
}

impl Bound {
    /// In atoms of its kind.
    pub(crate) fn atoms(self) -> u128 {
        match self {
            Bound::Time(span) => span.0.into(),
            Bound::Share(share) => share.0.into(),
            Bound::Money(usd) => usd.atoms(),
            Bound::Number(number) => number.0.into(),
        }
    }
}

impl Share {
    /// All of it.
    pub const ALL: Share = Share(WHOLE);

    /// As a fraction of 1.
    pub fn fraction(self) -> f64 {
        self.0 as f64 / WHOLE as f64
    }

    /// Reads `95%`, `99.5 %` and `0.95`.
    ///
    /// # Errors
    /// What is wrong, and what was probably meant.
    pub(crate) fn parse(text: &str) -> Result<Share, (String, Option<String>)> {
        let (number, places) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 7),
            None => (text, 9),
        };
        let parts = fixed(number, places).ok_or_else(|| {
            let help = "write a percentage such as 95%, or a fraction such as 0.95";
            (format!("`{text}` is not a share"), Some(help.into()))
        })?;
        if parts > WHOLE {
            let help = (places == 9 && parts <= 100 * WHOLE).then(|| format!("did you mean {number}%?"));
            return Err((format!("`{text}` is more than all of them"), help));
        }
        Ok(Share(parts))
    }
}

impl Number {
    /// As a float, for statistics.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// Reads `900`, `1_000` and `0.5`.
    pub(crate) fn parse(text: &str) -> Option<Number> {
        fixed(text, 6).map(Number)
    }
}

/// A decimal number from 0 on as a whole number of its `places`th decimal; none if it is none or has more of them.
fn fixed(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let whole = if whole.starts_with('_') { whole.to_owned() } else { whole.replace('_', "") };
    if !digits(&whole)
        || !digits(fraction)
        || (whole.is_empty() && fraction.is_empty())
        || fraction.len() > places
    {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

/// Without trailing zeros.
fn write_fixed(f: &mut fmt::Formatter<'_>, value: u64, places: u32) -> fmt::Result {
    let scale = 10u64.pow(places);
    let (whole, part) = (value / scale, value % scale);
    match part {
        0 => write!(f, "{whole}"),
        _ => {
            let part = format!("{part:0width$}", width = places as usize);
            write!(f, "{whole}.{}", part.trim_end_matches('0'))
        }
    }
}

/// As a percentage.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_fixed(f, self.0, 7)?;
        f.write_str("%")
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_fixed(f, self.0, 6)
    }
}

/// As scenarios write it, exactly.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Time(span) => f.write_str(&written(*span)),
            Bound::Share(share) => share.fmt(f),
            Bound::Money(usd) => write!(f, "${}", usd.to_decimal()),
            Bound::Number(number) => number.fmt(f),
        }
    }
}

/// A length of time as scenarios write it, exactly: `500ms`, `1.5s`, `10m`.
pub(crate) fn written(span: Span) -> String {
    const UNITS: [(u64, &str); 3] = [(3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s")];
    let ns = span.0;
    if let Some((size, unit)) = UNITS.into_iter().find(|(size, _)| ns >= *size && ns.is_multiple_of(*size)) {
        return format!("{}{unit}", ns / size);
    }
    let (size, places, unit) = match ns {
        1_000_000_000.. => (1_000_000_000, 9, "s"),
        1_000_000.. => (1_000_000, 6, "ms"),
        0 => return "0s".into(),
        1_000.. => (1_000, 3, "us"),
        _ => (1, 0, "ns"),
    };
    let part = match ns % size {
        0 => String::new(),
        part => format!(".{part:0places$}").trim_end_matches('0').to_owned(),
    };
    format!("{}{part}{unit}", ns / size)
}
