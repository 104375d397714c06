//! The forms in which an open loop's rates are written.

use std::borrow::Cow;
use std::fmt;

use floodline_core::Rate;
use floodline_core::schedule::Spread;
use floodline_core::time::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::either::mapping;
use super::{At, Either, Given, Number, Scalar, Written, Wrong};

/// A rate that may be zero, where a load rises from nothing or falls to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateOrZero(pub(crate) Rate);

impl Written for RateOrZero {
    fn read(text: &str) -> Result<RateOrZero, Wrong> {
        let zero = text.trim().split('/').next().is_some_and(is_zero);
        let rate = if zero { Rate { count: 0, per: Span::from_secs(1) } } else { Rate::read(text)? };
        Ok(RateOrZero(rate))
    }
    fn schema() -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "pattern": r"^[0-9]*\.?[0-9]+ *(/ *(s|sec|m|min|h|d))?$",
            "minimum": 0
        })
    }
}

fn is_zero(number: &str) -> bool {
    let number = number.trim();
    number.starts_with('0') && number.bytes().all(|b| matches!(b, b'0' | b'.'))
}

/// From one rate to another: `1/s..20/s`; the unit may stand behind the second only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateRange {
    pub(crate) from: Rate,
    pub(crate) to: Rate,
}

impl Written for RateRange {
    fn read(text: &str) -> Result<RateRange, Wrong> {
        let Some((from, to)) = text.split_once("..") else {
            return Err(Wrong {
                message: format!("`{text}` does not say from where to where"),
                help: Some("write two rates, such as 1/s..20/s".into()),
            });
        };
        let unit = to.split_once('/').map(|(_, unit)| unit.trim());
        let from = match (from.contains('/'), unit) {
            (false, Some(unit)) => format!("{}/{unit}", from.trim()),
            _ => from.into(),
        };
        let (from, to) = (RateOrZero::read(&from)?.0, RateOrZero::read(to)?.0);
        if from.count == 0 && to.count == 0 {
            return Err(Wrong {
                message: format!("`{text}` sends nothing"),
                help: Some("a stage without requests is a pause: {pause: 30s}".into()),
            });
        }
        Ok(RateRange { from, to })
    }
    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^[0-9]*\.?[0-9]+ *(/ *(s|sec|m|min|h|d))? *\.\. *[0-9]*\.?[0-9]+ *(/ *(s|sec|m|min|h|d))?$"
        })
    }
}

/// One rate, or a ramp between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    Hold(Rate),
    Ramp(RateRange),
}

impl Written for Pace {
    fn read(text: &str) -> Result<Pace, Wrong> {
        match text.contains("..") {
            true => RateRange::read(text).map(Pace::Ramp),
            false => Rate::read(text).map(Pace::Hold),
        }
    }
    fn schema() -> Schema {
        json_schema!({ "anyOf": [Rate::schema(), RateRange::schema()] })
    }
}

/// A rate, or a multiple of the rate before: `100/s` or `5x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateOrMultiple {
    Rate(Rate),
    /// The factor as a fraction.
    Multiple(u64, u64),
}

impl Written for RateOrMultiple {
    fn read(text: &str) -> Result<RateOrMultiple, Wrong> {
        let trimmed = text.trim();
        let Some(factor) = trimmed.strip_suffix(['x', '×']) else {
            return Ok(RateOrMultiple::Rate(Rate::read(text)?));
        };
        // A factor is read as the number of a rate is.
        match Rate::parse(factor.trim()) {
            Ok(Rate { count, per }) if !factor.contains('/') => {
                Ok(RateOrMultiple::Multiple(count, per.0 / Span::from_secs(1).0))
            }
            _ => Err(Wrong {
                message: format!("`{text}` is no multiple"),
                help: Some("write a rate such as 100/s, or how often the rate before: 5x".into()),
            }),
        }
    }
    fn schema() -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "pattern": r"^[0-9]*\.?[0-9]+ *((/ *(s|sec|m|min|h|d))?|x)$",
            "exclusiveMinimum": 0
        })
    }
}

/// A change of rate, up or down: `5/s`, `-5/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) by: Rate,
    pub(crate) down: bool,
}

impl Written for Change {
    fn read(text: &str) -> Result<Change, Wrong> {
        let trimmed = text.trim();
        let (down, size) = match trimmed.strip_prefix(['-', '−']) {
            Some(size) => (true, size),
            None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        Ok(Change { by: Rate::read(size)?, down })
    }
    fn schema() -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "pattern": r"^[-+−]?[0-9]*\.?[0-9]+ *(/ *(s|sec|m|min|h|d))?$"
        })
    }
}

/// A time of day, `14:30`, as the time since midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeOfDay(pub(crate) Span);

impl Written for TimeOfDay {
    fn read(text: &str) -> Result<TimeOfDay, Wrong> {
        let wrong = || Wrong {
            message: format!("`{text}` is not a time of day"),
            help: Some("write it as hours and minutes, quoted: \"08:30\"".into()),
        };
        let mut parts = text.trim().split(':').map(|part| {
            let digits = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<u64>().ok().filter(|_| digits)
        });
        let hours = parts.next().flatten().ok_or_else(wrong)?;
        let minutes = parts.next().flatten().ok_or_else(wrong)?;
        let seconds = parts.next().map_or(Some(0), |part| part).ok_or_else(wrong)?;
        let whole_day = (hours, minutes, seconds) == (24, 0, 0);
        if parts.next().is_some() || (hours > 23 && !whole_day) || minutes > 59 || seconds > 59 {
            return Err(wrong());
        }
        Ok(TimeOfDay(Span::from_secs(hours * 3600 + minutes * 60 + seconds)))
    }
    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?$" })
    }
}

/// Rates one after the other, each held as long.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Steps {
    /// The first rate.
    pub(crate) start: Given<Scalar<Rate>>,
    /// How much each further one is higher, or lower: -5/s.
    pub(crate) increment: Given<Scalar<Change>>,
    /// How many steps there are.
    pub(crate) count: Given<Scalar<u32>>,
    /// How long each lasts.
    pub(crate) each: Given<Scalar<Span>>,
}

/// A day's curve: points, between which the rate goes in straight lines, or a sine between low and high.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Diurnal {
    /// Rates by time of day: {"00:00": 2/s, "08:00": 10/s, "14:00": 20/s}.
    pub(crate) points: Given<At<Points>>,
    /// The lowest rate of a sine, twelve hours from its peak.
    pub(crate) low: Given<Scalar<RateOrZero>>,
    /// The highest rate of a sine.
    pub(crate) high: Given<Scalar<Rate>>,
    /// When the sine is highest; 14:00 unless given.
    pub(crate) peak: Given<Scalar<TimeOfDay>>,
    /// How long a day takes in the run: 10m plays a day in ten minutes. The rates stay as they are written.
    pub(crate) day: Given<Scalar<Span>>,
    /// The time of day at which the stage starts; midnight unless given.
    pub(crate) start: Given<Scalar<TimeOfDay>>,
}

/// The points of a day, in the order in which they are written.
#[derive(Debug, Default)]
pub(crate) struct Points(pub(crate) Vec<(Scalar<TimeOfDay>, Scalar<RateOrZero>)>);

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Points;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of times of day to rates")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Points, A::Error> {
                let mut points = Vec::new();
                while let Some(point) = map.next_entry()? {
                    points.push(point);
                }
                Ok(Points(points))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

impl JsonSchema for Points {
    fn schema_name() -> Cow<'static, str> {
        "Points".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": TimeOfDay::schema(),
            "additionalProperties": RateOrZero::schema(),
            "minProperties": 1
        })
    }
}

/// How the arrivals of a rate are spread: a name, or `{gamma: {burstiness: 0.5}}`.
pub(crate) type SpreadForm = Either<Spread, GammaSpread>;

/// A way to spread arrivals that needs a number.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["gamma"]))]
pub(crate) struct GammaSpread {
    /// Gaps of a gamma distribution.
    pub(crate) gamma: Given<At<Burstiness>>,
}

mapping!(GammaSpread, "constant, poisson, uniform, gamma, or {gamma: {burstiness: 0.5}}");

/// The shape of a gamma distribution.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["burstiness"]))]
pub(crate) struct Burstiness {
    /// 1 is Poisson, below it arrivals come in bursts, above it evenly.
    pub(crate) burstiness: Given<Scalar<Number>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::parse(text).unwrap()
    }

    #[test]
    fn ranges_may_start_at_nothing_and_share_a_unit() {
        let zero = Rate { count: 0, per: Span::from_secs(1) };
        for (text, from, to) in [
            ("1/s..20/s", rate("1/s"), rate("20/s")),
            ("0..20/s", zero, rate("20/s")),
            ("60..600/min", rate("60/min"), rate("600/min")),
            ("0.5/s .. 2/s", rate("0.5/s"), rate("2/s")),
        ] {
            assert_eq!(RateRange::read(text), Ok(RateRange { from, to }), "{text}");
        }
        for wrong in ["20/s", "0/s..0/s", "a..b", ".."] {
            assert!(RateRange::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn multiples_are_exact() {
        assert_eq!(RateOrMultiple::read("5x"), Ok(RateOrMultiple::Multiple(5, 1)));
        assert_eq!(RateOrMultiple::read("2.5 ×"), Ok(RateOrMultiple::Multiple(5, 2)));
        assert_eq!(RateOrMultiple::read("100/s"), Ok(RateOrMultiple::Rate(rate("100/s"))));
        for wrong in ["x", "5/sx", "-2x", "0x"] {
            assert!(RateOrMultiple::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_of_day_are_read_and_nothing_else() {
        let at = |text| TimeOfDay::read(text).map(|t| t.0.0 / 1_000_000_000);
        assert_eq!(
            (at("00:00"), at("8:30"), at("24:00"), at("23:59:59")),
            (Ok(0), Ok(30_600), Ok(86_400), Ok(86_399))
        );
        for wrong in ["8", "24:01", "12:60", "12:3a", "12:30:00:00", "-1:00", ""] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
