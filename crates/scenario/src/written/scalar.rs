//! Single values: kept as they are written, read on demand, with a message for people when they are wrong.

use std::borrow::Cow;
use std::marker::PhantomData;

use floodline_core::Rate;
use floodline_core::objective::Undecided;
use floodline_core::plan::Api;
use floodline_core::schedule::{Curve, Spread};
use floodline_core::time::Span;
use floodline_wire::openai::MaxTokensField;
use floodline_wire::own::{Kind, Path};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer};

use super::{At, Place};
use crate::error::did_you_mean;

/// A value of type `T` as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Scalar<T> {
    pub(crate) text: String,
    pub(crate) place: Place,
    pub(super) kind: PhantomData<T>,
}

impl<T: Written> Scalar<T> {
    pub(crate) fn new(text: impl ToString, place: Place) -> Scalar<T> {
        Scalar { text: text.to_string(), place, kind: PhantomData }
    }

    pub(crate) fn read(&self) -> Result<T, Wrong> {
        T::read(&self.text)
    }
}

impl<'de, T> Deserialize<'de> for Scalar<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let At { value, place } = At::<String>::deserialize(deserializer)?;
        Ok(Scalar { text: value, place, kind: PhantomData })
    }
}

/// What is wrong with a value, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl From<String> for Wrong {
    fn from(message: String) -> Wrong {
        Wrong { message, help: None }
    }
}

/// A type that single values are read as.
pub(crate) trait Written: Sized {
    /// Reads `text`, or says what is wrong with it.
    fn read(text: &str) -> Result<Self, Wrong>;

    /// What the JSON schema says of it.
    fn schema() -> Schema;
}

impl<T: Written> JsonSchema for Scalar<T> {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        T::schema()
    }
}

/// Any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl Written for Text {
    fn read(text: &str) -> Result<Text, Wrong> {
        Ok(Text(text.into()))
    }
    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl Written for Span {
    fn read(text: &str) -> Result<Span, Wrong> {
        Span::parse(text).map_err(|message| Wrong {
            message,
            help: whole_number(text).map(|n| format!("a duration needs its unit: did you mean {n}s?")),
        })
    }
    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": r"^[0-9]*\.?[0-9]+ *(ns|us|µs|ms|s|m|min|h|d)$" })
    }
}

impl Written for Rate {
    fn read(text: &str) -> Result<Rate, Wrong> {
        Rate::parse(text).map_err(Wrong::from)
    }
    fn schema() -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "pattern": r"^[0-9]*\.?[0-9]+ *(/ *(s|sec|m|min|h|d))?$",
            "exclusiveMinimum": 0
        })
    }
}

impl Written for crate::journey::Order {
    fn read(text: &str) -> Result<Self, Wrong> {
        use crate::journey::Order;
        match text.trim() {
            "random" => Ok(Order::Random),
            "circular" => Ok(Order::Circular),
            "queue" => Ok(Order::Queue),
            "unique" => Ok(Order::Unique),
            other => {
                let names = ["random", "circular", "queue", "unique"];
                let near = did_you_mean(other, names).map(|near| format!("did you mean `{near}`? "));
                let help = format!("{}the orders are {}", near.unwrap_or_default(), names.join(", "));
                Err(Wrong { message: format!("`{text}` is no order of rows"), help: Some(help) })
            }
        }
    }
    fn schema() -> Schema {
        json_schema!({ "enum": ["random", "circular", "queue", "unique"] })
    }
}

impl Written for u64 {
    fn read(text: &str) -> Result<u64, Wrong> {
        whole_number(text).ok_or_else(|| format!("`{text}` is not a whole number").into())
    }
    fn schema() -> Schema {
        json_schema!({ "type": "integer", "minimum": 0 })
    }
}

impl Written for u32 {
    fn read(text: &str) -> Result<u32, Wrong> {
        let number = u64::read(text)?;
        u32::try_from(number).map_err(|_| format!("{number} is too large: at most {}", u32::MAX).into())
    }
    fn schema() -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
    }
}

fn whole_number(text: &str) -> Option<u64> {
    let text = text.trim();
    let plain = text.starts_with(|c: char| c.is_ascii_digit());
    text.replace('_', "").parse().ok().filter(|_| plain)
}

impl Written for bool {
    fn read(text: &str) -> Result<bool, Wrong> {
        match text {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            _ => Err(format!("`{text}` is neither true nor false").into()),
        }
    }
    fn schema() -> Schema {
        json_schema!({ "type": "boolean" })
    }
}

/// A decimal factor above zero, exactly: `3` is 3/1, `0.5` is 5/10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ratio {
    pub(crate) digits: u64,
    pub(crate) scale: u64,
}

impl Ratio {
    pub(crate) const ONE: Ratio = Ratio { digits: 1, scale: 1 };

    pub(crate) fn as_f64(self) -> f64 {
        self.digits as f64 / self.scale as f64
    }
}

impl Written for Ratio {
    fn read(text: &str) -> Result<Ratio, Wrong> {
        let wrong =
            || Wrong::from(format!("`{text}` is not a factor: write a number above zero, such as 3 or 0.5"));
        let trimmed = text.trim().trim_end_matches(['x', '×']);
        let (whole, fraction) = trimmed.split_once('.').unwrap_or((trimmed, ""));
        let all_digits = format!("{whole}{fraction}");
        if all_digits.is_empty() || all_digits.len() > 15 || !all_digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let digits: u64 = all_digits.parse().map_err(|_| wrong())?;
        if digits == 0 {
            return Err(wrong());
        }
        Ok(Ratio { digits, scale: 10u64.pow(fraction.len() as u32) })
    }
    fn schema() -> Schema {
        json_schema!({ "type": "number", "exclusiveMinimum": 0 })
    }
}

/// A type with a few named values.
pub(super) trait Choice: Copy + 'static {
    /// What a value is, for messages: "a way to spread arrivals".
    const WHAT: &'static str;
    const NAMES: &'static [(&'static str, Self)];
}

impl Choice for Spread {
    const WHAT: &'static str = "a way to spread arrivals";
    const NAMES: &'static [(&'static str, Spread)] = &[
        ("constant", Spread::Constant),
        ("poisson", Spread::Poisson),
        ("uniform", Spread::Uniform),
        ("gamma", Spread::Gamma { burstiness: 1.0 }),
    ];
}

impl Choice for Curve {
    const WHAT: &'static str = "a way from one rate to another";
    const NAMES: &'static [(&'static str, Curve)] =
        &[("linear", Curve::Linear), ("exponential", Curve::Exponential)];
}

impl Choice for Api {
    const WHAT: &'static str = "an API of this version";
    const NAMES: &'static [(&'static str, Api)] = &[
        (Api::OpenAiChat.name(), Api::OpenAiChat),
        (Api::OpenAiCompletions.name(), Api::OpenAiCompletions),
        (Api::OpenAiResponses.name(), Api::OpenAiResponses),
        (Api::OpenAiEmbeddings.name(), Api::OpenAiEmbeddings),
        (Api::AzureOpenAi.name(), Api::AzureOpenAi),
        (Api::Anthropic.name(), Api::Anthropic),
        (Api::Gemini.name(), Api::Gemini),
        (Api::Ollama.name(), Api::Ollama),
        (Api::OllamaGenerate.name(), Api::OllamaGenerate),
        (Api::Tgi.name(), Api::Tgi),
        (Api::Http.name(), Api::Http),
    ];
}

impl Choice for Kind {
    const WHAT: &'static str = "a format of answers";
    const NAMES: &'static [(&'static str, Kind)] = &[
        (Kind::Sse.name(), Kind::Sse),
        (Kind::Ndjson.name(), Kind::Ndjson),
        (Kind::Text.name(), Kind::Text),
        (Kind::Json.name(), Kind::Json),
    ];
}

impl Written for Path {
    fn read(text: &str) -> Result<Path, Wrong> {
        Path::parse(text).map_err(|error| Wrong {
            message: format!("`{text}` is no path into JSON: {error}"),
            help: Some("such as $.delta.text, $.choices[0].text or $['a name'][*].text".into()),
        })
    }
    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl Choice for Undecided {
    const WHAT: &'static str = "what can be said of an undecided objective";
    const NAMES: &'static [(&'static str, Undecided)] = &[
        (Undecided::Pass.name(), Undecided::Pass),
        (Undecided::Fail.name(), Undecided::Fail),
        (Undecided::Invalid.name(), Undecided::Invalid),
    ];
}

impl Choice for MaxTokensField {
    const WHAT: &'static str = "a field that bounds answers";
    const NAMES: &'static [(&'static str, MaxTokensField)] = &[
        (MaxTokensField::MaxTokens.name(), MaxTokensField::MaxTokens),
        (MaxTokensField::MaxCompletionTokens.name(), MaxTokensField::MaxCompletionTokens),
    ];
}

/// `a, b or c`.
pub(super) fn one_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).into(),
        [but, last] => format!("{but} or {last}"),
        [first, rest @ ..] => format!("{first}, {}", one_of(rest)),
    }
}

impl<T: Choice> Written for T {
    fn read(text: &str) -> Result<T, Wrong> {
        if let Some((_, value)) = T::NAMES.iter().find(|(name, _)| *name == text) {
            return Ok(*value);
        }
        let names: Vec<&str> = T::NAMES.iter().map(|(name, _)| *name).collect();
        Err(Wrong {
            message: format!("`{text}` is not {}: expected {}", T::WHAT, one_of(&names)),
            help: did_you_mean(text, names).map(|name| format!("did you mean `{name}`?")),
        })
    }
    fn schema() -> Schema {
        let names: Vec<&str> = T::NAMES.iter().map(|(name, _)| *name).collect();
        json_schema!({ "enum": names })
    }
}
