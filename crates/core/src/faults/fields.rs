//! A fault as fields and their values, which is what every form of writing it comes down to.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::kind::{Cut, Failure, Harm, Kind, Named, Slow};
use super::when::{Key, Nth, Rate, Times, When};
use super::{Fault, FaultError};
use crate::limits::span_text;
use crate::spelling::did_you_mean;
use crate::time::{Span, decimal};

/// All names of fields, in the order in which they are written.
pub(super) const NAMES: [&str; 20] = [
    "kind",
    "status",
    "retry_after",
    "delay",
    "factor",
    "error",
    "content_type",
    "after_tokens",
    "how",
    "what",
    "for",
    "rate",
    "nth",
    "every_nth",
    "model",
    "key",
    "from",
    "until",
    "every",
    // Last, since on a line it takes the rest.
    "message",
];

/// The longest message.
const LONGEST_MESSAGE: usize = 1_000;

/// Fields of a fault and their values, as written.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    pairs: Vec<(Box<str>, Box<str>)>,
}

impl Fields {
    /// Adds a field. Items of a list are separated by commas.
    pub fn push(&mut self, name: &str, value: &str) {
        self.pairs.push((name.into(), value.trim().into()));
    }

    /// The fault that they describe.
    ///
    /// # Errors
    /// What is wrong with which field.
    pub fn read(mut self) -> Result<Fault, FaultError> {
        if let Some((name, _)) = self.pairs.iter().find(|(name, _)| !NAMES.contains(&&**name)) {
            return Err(unknown(name));
        }
        let Some(kind) = self.take("kind")? else {
            return Err(FaultError::new("a fault needs a `kind`")
                .help(format!("write one of {}", Kind::NAMES.join(", "))));
        };
        let kind = self.kind(&kind)?;
        let when = self.when(&kind)?;
        match self.pairs.first() {
            None => Ok(Fault { kind, when }),
            Some((name, _)) => Err(stray(name, &kind)),
        }
    }

    /// Takes a field out.
    fn take(&mut self, name: &str) -> Result<Option<Box<str>>, FaultError> {
        let Some(at) = self.pairs.iter().position(|(field, _)| **field == *name) else { return Ok(None) };
        let (_, value) = self.pairs.remove(at);
        match self.pairs.iter().any(|(field, _)| **field == *name) {
            true => Err(FaultError::of(name, format!("`{name}` is given twice")).help("keep one of the two")),
            false => Ok(Some(value)),
        }
    }

    /// Takes a field out and reads it.
    fn read_as<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, FaultError> {
        let value = self.take(name)?;
        value.map(|text| read(&text).map_err(|message| FaultError::of(name, message))).transpose()
    }

    fn span(&mut self, name: &str) -> Result<Option<Span>, FaultError> {
        let above_zero = |text: &str| match Span::parse(text)? {
            Span::ZERO => Err(format!("`{name}` must be above zero")),
            span => Ok(span),
        };
        self.read_as(name, above_zero)
    }

    fn named<T: Named>(&mut self, name: &str) -> Result<T, FaultError> {
        Ok(match self.take(name)? {
            None => T::default(),
            Some(text) => one_of(name, &text, T::NAMES)?,
        })
    }

    fn after_tokens(&mut self) -> Result<u32, FaultError> {
        Ok(self.read_as("after_tokens", tokens)?.unwrap_or(1))
    }

    fn kind(&mut self, name: &str) -> Result<Kind, FaultError> {
        Ok(match name {
            "status" => Kind::Status {
                status: self.read_as("status", status)?.ok_or_else(|| {
                    FaultError::new("a fault of kind `status` needs its `status`")
                        .help("such as status: 529, from 400 to 599")
                })?,
                message: self.read_as("message", message)?,
                retry_after: self.span("retry_after")?,
            },
            "timeout" => Kind::Timeout,
            "slow" => Kind::Slow(self.slow()?),
            "stall" => Kind::Stall { after_tokens: self.after_tokens()?, lasting: self.span("for")? },
            "disconnect" => {
                Kind::Disconnect { after_tokens: self.after_tokens()?, how: self.named::<Cut>("how")? }
            }
            "end_early" => Kind::EndEarly { after_tokens: self.after_tokens()? },
            "malformed" => {
                Kind::Malformed { after_tokens: self.after_tokens()?, what: self.named::<Harm>("what")? }
            }
            "error" => Kind::Error {
                after_tokens: self.after_tokens()?,
                error: self.named::<Option<Failure>>("error")?.ok_or_else(|| {
                    FaultError::new("a fault of kind `error` needs its `error`")
                        .help("write error: overloaded, rate_limited or server_error")
                })?,
            },
            "length" => match self.after_tokens()? {
                0 => {
                    return Err(FaultError::of("after_tokens", "an answer of no tokens is none")
                        .help("write 1 or more"));
                }
                after_tokens => Kind::Length { after_tokens },
            },
            "content_type" => Kind::ContentType {
                content_type: self.read_as("content_type", media_type)?.unwrap_or_else(|| "text/html".into()),
            },
            "refuse" => Kind::Refuse,
            "outage" => Kind::Outage,
            other => {
                let error = FaultError::of("kind", format!("`{other}` is no kind of fault"));
                let names = Kind::NAMES.join(", ");
                return Err(error.help(match meant_kind(other) {
                    Some(meant) => format!("did you mean `{meant}`? The kinds are {names}"),
                    None => format!("the kinds are {names}"),
                }));
            }
        })
    }

    fn slow(&mut self) -> Result<Slow, FaultError> {
        match (self.span("delay")?, self.read_as("factor", factor)?) {
            (Some(delay), None) => Ok(Slow::By(delay)),
            (None, Some(thousandths)) => Ok(Slow::Thousandths(thousandths)),
            (Some(_), Some(_)) => Err(FaultError::of("factor", "a slow answer has a `delay` or a `factor`")
                .help("keep one of the two")),
            (None, None) => Err(FaultError::new("a fault of kind `slow` needs a `delay` or a `factor`")
                .help("such as delay: 2s, or factor: 4")),
        }
    }

    fn when(&mut self, kind: &Kind) -> Result<When, FaultError> {
        let times = self.times(kind)?;
        let listed = self.read_as("nth", listed)?;
        let every_nth = self.read_as("every_nth", every_nth)?;
        let nth = match (listed, every_nth) {
            (Some(_), Some(_)) => {
                return Err(FaultError::of("every_nth", "`nth` and `every_nth` are two ways to count")
                    .help("keep one of the two, or write two faults"));
            }
            (listed, every_nth) => listed.map(Nth::Listed).or(every_nth.map(Nth::Every)),
        };
        let when = When {
            times,
            nth,
            rate: self.read_as("rate", rate)?.unwrap_or_default(),
            model: self.read_as("model", not_empty)?,
            key: self.read_as("key", key)?,
        };
        if kind.is_of_connections() {
            for (field, given) in [("model", when.model.is_some()), ("key", when.key.is_some())] {
                if given {
                    let message =
                        "a connection is refused before anything is known of its requests".to_string();
                    return Err(FaultError::of(field, message).help(format!(
                        "leave `{field}` out, or write kind: disconnect with after_tokens: 0"
                    )));
                }
            }
        }
        let counted = [("nth", when.nth.is_some()), ("rate", when.rate != Rate::ALL)];
        if let (Kind::Outage, Some((field, _))) = (kind, counted.iter().find(|(_, given)| *given)) {
            return Err(FaultError::of(field, "an outage strikes everything")
                .help("leave it out, or write kind: refuse, which knows shares and counts"));
        }
        Ok(when)
    }

    fn times(&mut self, kind: &Kind) -> Result<Times, FaultError> {
        let from = self.read_as("from", Span::parse)?.unwrap_or(Span::ZERO);
        let until = self.read_as("until", Span::parse)?;
        let lasting = match kind {
            // It has taken the field for itself.
            Kind::Stall { .. } => None,
            _ => self.span("for")?,
        };
        let lasting = match (until, lasting) {
            (Some(_), Some(_)) => {
                return Err(FaultError::of("until", "`until` and `for` both say when it ends")
                    .help("keep one of the two"));
            }
            (Some(until), None) if until <= from => {
                return Err(FaultError::of(
                    "until",
                    format!("it ends at {until}, before it begins at {from}"),
                ));
            }
            (until, lasting) => lasting.or(until.map(|until| until - from)),
        };
        let every = self.span("every")?;
        match (every, lasting) {
            (Some(_), None) => {
                Err(FaultError::of("every", "what repeats needs an end").help("add `for` or `until`"))
            }
            (Some(every), Some(lasting)) if every <= lasting => Err(FaultError::of(
                "every",
                format!("each time lasts {lasting}, and so begins anew without a pause"),
            )
            .help("write a longer `every`, or leave it out")),
            _ => Ok(Times { from, lasting, every }),
        }
    }
}

impl Fault {
    /// Its fields in their order, with what is usual left out.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut given = vec![("kind", self.kind.name().to_owned())];
        let after = |tokens: u32| (tokens != 1).then(|| tokens.to_string());
        let mut add = |name, value: Option<String>| given.extend(value.map(|value| (name, value)));
        match &self.kind {
            Kind::Status { status, message, retry_after } => {
                add("status", Some(status.to_string()));
                add("retry_after", retry_after.map(span_text::text));
                add("message", message.as_deref().map(str::to_owned));
            }
            Kind::Slow(Slow::By(delay)) => add("delay", Some(span_text::text(*delay))),
            Kind::Slow(Slow::Thousandths(thousandths)) => add("factor", Some(thousandths_text(*thousandths))),
            Kind::Stall { after_tokens, lasting } => {
                add("after_tokens", after(*after_tokens));
                add("for", lasting.map(span_text::text));
            }
            Kind::Disconnect { after_tokens, how } => {
                add("after_tokens", after(*after_tokens));
                add("how", (*how != Cut::default()).then(|| how.name().into()));
            }
            Kind::EndEarly { after_tokens } | Kind::Length { after_tokens } => {
                add("after_tokens", after(*after_tokens));
            }
            Kind::Malformed { after_tokens, what } => {
                add("after_tokens", after(*after_tokens));
                add("what", (*what != Harm::default()).then(|| what.name().into()));
            }
            Kind::Error { after_tokens, error } => {
                add("error", Some(Some(*error).name().into()));
                add("after_tokens", after(*after_tokens));
            }
            Kind::ContentType { content_type } => add("content_type", Some(content_type.to_string())),
            Kind::Timeout | Kind::Refuse | Kind::Outage => {}
        }
        let When { times: Times { from, lasting, every }, nth, rate, model, key } = &self.when;
        add("rate", (*rate != Rate::ALL).then(|| rate.to_string()));
        match nth {
            Some(Nth::Listed(ranges)) => add("nth", Some(listed_text(ranges))),
            Some(Nth::Every(every)) => add("every_nth", Some(every.to_string())),
            None => {}
        }
        add("model", model.as_deref().map(str::to_owned));
        add("key", key.as_ref().map(Key::to_string));
        add("from", (*from != Span::ZERO).then(|| span_text::text(*from)));
        add("until", lasting.map(|lasting| span_text::text(*from + lasting)));
        add("every", every.map(span_text::text));
        given.sort_by_key(|(name, _)| NAMES.iter().position(|known| known == name));
        given
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let pairs = self.pairs();
        let mut map = to.serialize_map(Some(pairs.len()))?;
        for (name, value) in &pairs {
            let counted = matches!(*name, "status" | "after_tokens" | "every_nth");
            match value.parse::<u64>() {
                Ok(number) if counted => map.serialize_entry(name, &number)?,
                _ if *name == "nth" => map.serialize_entry(name, &nth_items(value))?,
                _ => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

/// A mapping of fields, or a line.
impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Fault, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Fault;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a fault, such as {kind: status, status: 529, rate: 5%} or `status 529 rate 5%`")
            }

            fn visit_str<E: serde::de::Error>(self, line: &str) -> Result<Fault, E> {
                line.parse().map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fault, A::Error> {
                let mut fields = Fields::default();
                while let Some((name, Value(value))) = map.next_entry::<String, Value>()? {
                    fields.push(&name, &value);
                }
                fields.read().map_err(serde::de::Error::custom)
            }
        }

        from.deserialize_any(Read)
    }
}

/// A single value or a list of them, as text.
struct Value(String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a single value, or a list of them")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value(text.into()))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value(number.to_string()))
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value(number.to_string()))
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
                Ok(Value(number.to_string()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut texts = Vec::new();
                while let Some(Value(text)) = items.next_element()? {
                    texts.push(text);
                }
                Ok(Value(texts.join(",")))
            }
        }

        from.deserialize_any(Read)
    }
}

/// The items of a list of requests, numbers as numbers.
fn nth_items(text: &str) -> Vec<serde_json::Value> {
    text.split(',').map(|item| item.parse::<u64>().map_or_else(|_| item.into(), Into::into)).collect()
}

fn unknown(name: &str) -> FaultError {
    let error = FaultError::of(name, format!("a fault has no field `{name}`"));
    let near = did_you_mean(name, NAMES).map(|near| format!("did you mean `{near}`? "));
    error.help(format!("{}the fields are {}", near.unwrap_or_default(), NAMES.join(", ")))
}

fn stray(name: &str, kind: &Kind) -> FaultError {
    FaultError::of(name, format!("`{name}` says nothing to a fault of kind `{}`", kind.name()))
        .help("leave it out")
}

/// What a kind is called elsewhere, or nearly so.
fn meant_kind(word: &str) -> Option<&'static str> {
    let elsewhere = match word {
        "http" | "http_error" | "status_code" => Some("status"),
        "latency" | "delay" | "slow_first_token" | "ttft" => Some("slow"),
        "reset" | "close" | "abort" => Some("disconnect"),
        "hang" | "no_answer" | "silence" => Some("timeout"),
        "truncate" | "truncated" | "max_tokens" => Some("length"),
        "overloaded" | "rate_limited" | "server_error" | "stream_error" => Some("error"),
        "down" => Some("outage"),
        "refused" => Some("refuse"),
        _ => None,
    };
    elsewhere.or_else(|| did_you_mean(word, Kind::NAMES))
}

fn one_of<T: Named>(field: &str, text: &str, names: &'static [(&'static str, T)]) -> Result<T, FaultError> {
    if let Some((_, value)) = names.iter().find(|(name, _)| *name == text) {
        return Ok(*value);
    }
    let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let near = did_you_mean(text, known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
    Err(FaultError::of(field, format!("`{text}` is no `{field}` of a fault")).help(format!(
        "{}write {}",
        near.unwrap_or_default(),
        known.join(" or ")
    )))
}

fn whole(text: &str) -> Result<u64, String> {
    let digits = text.replace('_', "");
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).ok_or_else(|| format!("`{text}` is not a whole number"))
}

fn status(text: &str) -> Result<u16, String> {
    let status = whole(text)?;
    u16::try_from(status)
        .ok()
        .filter(|status| (400..600).contains(status))
        .ok_or_else(|| format!("{status} is no status of an error: write one from 400 to 599"))
}

fn tokens(text: &str) -> Result<u32, String> {
    let tokens = whole(text)?;
    u32::try_from(tokens).map_err(|_| format!("{tokens} tokens are too many: at most {}", u32::MAX))
}

fn message(text: &str) -> Result<Box<str>, String> {
    match text.chars().count() {
        0 => Err("the message is empty: leave it out for the API's own words".into()),
        1..=LONGEST_MESSAGE => Ok(text.into()),
        long => Err(format!("a message of {long} characters is too long: at most {LONGEST_MESSAGE}")),
    }
}

fn not_empty(text: &str) -> Result<Box<str>, String> {
    if text.is_empty() { Err("the name is empty".into()) } else { Ok(text.into()) }
}

/// What may stand in a header field.
fn media_type(text: &str) -> Result<Box<str>, String> {
    let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if plain && text.contains('/') && text.len() <= 200 {
        return Ok(text.into());
    }
    Err(format!("`{text}` is no media type: write one such as text/html"))
}

/// Thousandths of `4`, `1.5`, `4x` and `x4`.
fn factor(text: &str) -> Result<u64, String> {
    let number = text.strip_prefix('x').or_else(|| text.strip_suffix('x')).unwrap_or(text);
    let thousandths = decimal(number)
        .and_then(|(digits, scale)| u64::try_from(digits.checked_mul(1_000)?.checked_div(scale)?).ok());
    match thousandths {
        Some(1_001..=1_000_000_000) => Ok(thousandths.unwrap_or_default()),
        _ => Err(format!("`{text}` is no factor of a slow answer: write one above 1, such as 4 or 1.5")),
    }
}

fn thousandths_text(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    match rest {
        0 => whole.to_string(),
        rest => format!("{whole}.{}", format!("{rest:03}").trim_end_matches('0')),
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    let number = text.strip_suffix('%').map(str::trim_end).and_then(decimal);
    let millionths = number
        .and_then(|(digits, scale)| u32::try_from(digits.checked_mul(10_000)?.checked_div(scale)?).ok());
    millionths.and_then(Rate::of_millionths).ok_or_else(|| {
        format!("`{text}` is no share of requests: write a percentage above zero, such as 5% or 0.1%")
    })
}

fn listed(text: &str) -> Result<Box<[(u64, u64)]>, String> {
    let range = |item: &str| {
        let (from, to) = match item.split_once("..") {
            Some((from, to)) => (whole(from.trim())?, whole(to.trim())?),
            None => (whole(item.trim())?, whole(item.trim())?),
        };
        match (from, to) {
            (0, _) => Err("requests are counted from 1".into()),
            (from, to) if to < from => {
                Err(format!("`{item}` runs backwards: write the smaller number first"))
            }
            range => Ok(range),
        }
    };
    if text.is_empty() {
        return Err("this list of requests is empty: write such as [3, 7]".into());
    }
    text.split(',').map(range).collect()
}

fn listed_text(ranges: &[(u64, u64)]) -> String {
    let item = |(from, to): &(u64, u64)| if from == to { from.to_string() } else { format!("{from}..{to}") };
    ranges.iter().map(item).collect::<Vec<_>>().join(",")
}

fn every_nth(text: &str) -> Result<u64, String> {
    match whole(text)? {
        0 | 1 => Err("write 2 or more; without it every request is struck".into()),
        every => Ok(every),
    }
}

/// A reference or a hash. What else it is may be a secret, and is not shown.
fn key(text: &str) -> Result<Key, String> {
    let name = text.strip_prefix("${env:").and_then(|rest| rest.strip_suffix('}'));
    let name = name.or_else(|| text.strip_prefix("env:"));
    if let Some(name) = name {
        let plain = !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
        return if plain {
            Ok(Key::Env(name.into()))
        } else {
            Err("a reference to the environment is written ${env:NAME}".into())
        };
    }
    let hash = (text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| u64::from_str_radix(text, 16).ok())
        .flatten();
    hash.map(Key::Hash).ok_or_else(|| {
        "a key does not stand here itself: write ${env:NAME}, or its hash as the ledger tells it (16 hexadecimal digits)"
            .into()
    })
}
