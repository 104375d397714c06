//! A fault as fields and their values, which is what every form of writing it comes down to.

use super::kind::{Cut, Failure, Harm, Kind, Named, Slow};
use super::value::{every_nth, factor, key, listed, media_type, message, not_empty, rate, status, tokens};
use super::when::{Nth, Rate, Times, When};
use super::{Fault, FaultError};
use crate::spelling::did_you_mean;
use crate::time::Span;

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
        if lasting.is_some_and(|lasting| from.0.checked_add(lasting.0).is_none()) {
            return Err(FaultError::of("from", "it would end after more than five hundred years")
                .help("leave `for` or `until` out: without an end it lasts for ever"));
        }
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
