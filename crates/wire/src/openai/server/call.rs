//! Chat completion requests, read and checked.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::ApiFault;
use crate::tokens;

/// What a request asks for, as far as a simulated provider cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatCall {
    /// The model's name.
    pub model: String,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// Whether the stream is to end with a chunk that carries the usage.
    pub include_usage: bool,
    /// The most tokens of the answer; `max_completion_tokens` wins over `max_tokens`. Never zero.
    pub max_tokens: Option<u32>,
    /// How many alternatives are wanted; 1 to 128.
    pub n: u32,
    /// The tokens of all texts in the messages, by [`tokens::estimate`].
    pub prompt_tokens: u32,
    /// A hash of the messages as they stand in the body, the same on every machine.
    pub prompt_hash: u64,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    stream: Option<&'a RawValue>,
    #[serde(borrow)]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow)]
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    max_completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    n: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// Reads the body of a request for a chat completion.
///
/// # Errors
/// The fault (status 400) that the real API would report, in about its words.
pub fn parse_chat(body: &[u8]) -> Result<ChatCall, ApiFault> {
    let not_json = || {
        ApiFault::invalid(
            "We could not parse the JSON body of your request. The API expects a JSON payload, but what was sent \
             was not valid JSON.",
            None,
            None,
        )
    };
    let text = std::str::from_utf8(body).map_err(|_| not_json())?;
    if !text.trim_ascii_start().starts_with('{') {
        return Err(match serde_json::from_str::<&RawValue>(text) {
            Ok(value) => ApiFault::invalid(
                format!("Invalid body: expected a JSON object, but got {} instead.", described(value)),
                None,
                None,
            ),
            Err(_) => not_json(),
        });
    }
    let body: Body<'_> = serde_json::from_str(text).map_err(|_| not_json())?;
    let model = match body.model {
        None => return Err(ApiFault::invalid("you must provide a model parameter", None, None)),
        Some(raw) => {
            serde_json::from_str::<String>(raw.get()).map_err(|_| wrong_type("model", "a string", raw))?
        }
    };
    let (prompt_tokens, prompt_hash) = read_messages(body.messages)?;
    let stream = boolean(body.stream, "stream")?;
    let max_tokens = count(body.max_tokens, "max_tokens", u32::MAX)?;
    let max_completion_tokens = count(body.max_completion_tokens, "max_completion_tokens", u32::MAX)?;
    Ok(ChatCall {
        model,
        stream,
        include_usage: include_usage(body.stream_options, stream)?,
        max_tokens: max_completion_tokens.or(max_tokens),
        n: count(body.n, "n", 128)?.unwrap_or(1),
        prompt_tokens,
        prompt_hash,
    })
}

/// The tokens of all texts, and the hash.
fn read_messages(messages: Option<&RawValue>) -> Result<(u32, u64), ApiFault> {
    let Some(raw) = messages else { return Err(missing("messages")) };
    let Ok(messages) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        return Err(wrong_type("messages", "an array of objects", raw));
    };
    if messages.is_empty() {
        return Err(ApiFault::invalid(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            Some("messages"),
            Some("empty_array"),
        ));
    }
    let mut total = 0u32;
    for (index, raw) in messages.into_iter().enumerate() {
        let at = |member: &str| format!("messages[{index}]{member}");
        let message: Message<'_> = raw
            .get()
            .starts_with('{')
            .then(|| serde_json::from_str(raw.get()).ok())
            .flatten()
            .ok_or_else(|| wrong_type(&at(""), "an object", raw))?;
        let role = message.role.ok_or_else(|| missing(&at(".role")))?;
        if !role.get().starts_with('"') {
            return Err(wrong_type(&at(".role"), "a string", role));
        }
        if let Some(content) = message.content {
            total = total.saturating_add(content_tokens(content, &at(".content"))?);
        }
    }
    Ok((total, hash(raw.get().as_bytes())))
}

/// The tokens of a content: a string, or an array of parts of which those of type text count.
fn content_tokens(raw: &RawValue, name: &str) -> Result<u32, ApiFault> {
    #[derive(Deserialize)]
    struct Part<'a> {
        #[serde(borrow)]
        text: Option<Text<'a>>,
    }
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    let wrong = || wrong_type(name, "one of a string or array of objects", raw);
    if raw.get().starts_with('"') {
        let Text(text) = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
        return Ok(tokens::estimate(&text));
    }
    let parts: Vec<Part<'_>> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
    Ok(parts.iter().flat_map(|part| &part.text).map(|Text(text)| tokens::estimate(text)).sum())
}

fn boolean(raw: Option<&RawValue>, name: &str) -> Result<bool, ApiFault> {
    match raw {
        None => Ok(false),
        Some(raw) => serde_json::from_str(raw.get()).map_err(|_| wrong_type(name, "a boolean", raw)),
    }
}

fn include_usage(raw: Option<&RawValue>, stream: bool) -> Result<bool, ApiFault> {
    let Some(raw) = raw else { return Ok(false) };
    let Ok(Value::Object(options)) = serde_json::from_str(raw.get()) else {
        return Err(wrong_type("stream_options", "an object", raw));
    };
    if !stream {
        return Err(ApiFault::invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            Some("stream_options"),
            None,
        ));
    }
    Ok(options.get("include_usage") == Some(&Value::Bool(true)))
}

/// A whole number from 1 to `most`.
fn count(raw: Option<&RawValue>, name: &str, most: u32) -> Result<Option<u32>, ApiFault> {
    let Some(raw) = raw else { return Ok(None) };
    let number = match serde_json::from_str::<Value>(raw.get()) {
        Ok(Value::Number(number)) if !number.is_f64() => number,
        _ => return Err(wrong_type(name, "an integer", raw)),
    };
    let wrong = |what: &str, sign: &str, bound: u32, code| {
        let message = format!(
            "Invalid '{name}': integer {what} value. Expected a value {sign} {bound}, but got {number} instead."
        );
        Err(ApiFault::invalid(message, Some(name), Some(code)))
    };
    match number.as_i128() {
        Some(value) if value < 1 => wrong("below minimum", ">=", 1, "integer_below_min_value"),
        Some(value) => match u32::try_from(value) {
            Ok(value) if value <= most => Ok(Some(value)),
            _ => wrong("above maximum", "<=", most, "integer_above_max_value"),
        },
        None => wrong("above maximum", "<=", most, "integer_above_max_value"),
    }
}

fn missing(name: &str) -> ApiFault {
    let message = format!("Missing required parameter: '{name}'.");
    ApiFault::invalid(message, Some(name), Some("missing_required_parameter"))
}

fn wrong_type(name: &str, expected: &str, got: &RawValue) -> ApiFault {
    let message =
        format!("Invalid type for '{name}': expected {expected}, but got {} instead.", described(got));
    ApiFault::invalid(message, Some(name), Some("invalid_type"))
}

fn described(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ if value.get().contains(['.', 'e', 'E']) => "a decimal",
        _ => "an integer",
    }
}

/// FNV-1a over words of eight bytes (little-endian, the last one filled up with zeros), then over the length.
fn hash(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let step = |hash: u64, word: u64| {
        let mixed = (hash ^ word).wrapping_mul(PRIME);
        // The product carries upwards only: bring the high bits down so that every byte counts everywhere.
        mixed ^ (mixed >> 32)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(OFFSET, |hash, word| step(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    step(step(hash, u64::from_le_bytes(last)), bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: &str) -> (String, Option<String>, Option<&'static str>) {
        let fault = parse_chat(body.as_bytes()).unwrap_err();
        assert_eq!((fault.status, fault.kind), (400, "invalid_request_error"));
        (fault.message, fault.param, fault.code)
    }

    fn with(member: &str) -> String {
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"one two"}}]{member}}}"#)
    }

    #[test]
    fn a_usual_request() {
        let body = with(
            r#","stream":true,"stream_options":{"include_usage":true},"max_tokens":9,"temperature":0.1"#,
        );
        let call = parse_chat(body.as_bytes()).unwrap();
        assert_eq!(
            call,
            ChatCall {
                model: "m".into(),
                stream: true,
                include_usage: true,
                max_tokens: Some(9),
                n: 1,
                prompt_tokens: 2,
                prompt_hash: call.prompt_hash,
            }
        );
        // Pinned: simulated answers are drawn by it.
        assert_eq!(call.prompt_hash, PINNED);
        assert_ne!(parse_chat(with("").replace("two", "twp").as_bytes()).unwrap().prompt_hash, PINNED);
    }

    const PINNED: u64 = 12_600_959_327_387_558_911;

    #[test]
    fn limits_of_the_answer() {
        let limit = |member: &str| parse_chat(with(member).as_bytes()).unwrap().max_tokens;
        assert_eq!(limit(""), None);
        assert_eq!(limit(r#","max_tokens":null"#), None);
        assert_eq!(limit(r#","max_tokens":9,"max_completion_tokens":5"#), Some(5));
        let (message, param, code) = fault(&with(r#","max_tokens":0"#));
        assert_eq!(
            message,
            "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead."
        );
        assert_eq!((param.as_deref(), code), (Some("max_tokens"), Some("integer_below_min_value")));
        assert!(fault(&with(r#","max_completion_tokens":-3"#)).0.contains("got -3"));
        assert_eq!(
            fault(&with(r#","max_tokens":1.5"#)).0,
            "Invalid type for 'max_tokens': expected an integer, but got a decimal instead."
        );
        assert_eq!(fault(&with(r#","max_tokens":"9""#)).2, Some("invalid_type"));
        assert_eq!(fault(&with(r#","max_tokens":99999999999999999999"#)).2, Some("invalid_type"));
        assert_eq!(fault(&with(r#","max_tokens":9999999999"#)).2, Some("integer_above_max_value"));
        assert_eq!(fault(&with(r#","n":129"#)).2, Some("integer_above_max_value"));
        assert_eq!(parse_chat(with(r#","n":3"#).as_bytes()).unwrap().n, 3);
    }

    #[test]
    fn contents_in_parts() {
        let body = r#"{"model":"m","messages":[{"role":"system","content":"one \u0074wo"},{"role":"assistant","content":null},
            {"role":"user","content":[{"type":"text","text":"three"},{"type":"image_url","image_url":{"url":"x"}}]}]}"#;
        assert_eq!(parse_chat(body.as_bytes()).unwrap().prompt_tokens, 3);
    }

    #[test]
    fn faults_are_those_of_the_real_api() {
        for not_json in ["", "{", "nonsense", "{\"model\":}", "\u{0}"] {
            assert!(fault(not_json).0.starts_with("We could not parse the JSON body"), "{not_json}");
        }
        assert!(parse_chat(b"\xff").is_err());
        assert_eq!(fault("[]").0, "Invalid body: expected a JSON object, but got an array instead.");
        assert_eq!(fault("{}").0, "you must provide a model parameter");
        assert_eq!(fault(r#"{"model":7}"#).1.as_deref(), Some("model"));
        assert_eq!(fault(r#"{"model":"m"}"#).0, "Missing required parameter: 'messages'.");
        assert_eq!(fault(r#"{"model":"m","messages":[]}"#).2, Some("empty_array"));
        assert_eq!(
            fault(r#"{"model":"m","messages":"hi"}"#).0,
            "Invalid type for 'messages': expected an array of objects, but got a string instead."
        );
        assert_eq!(fault(r#"{"model":"m","messages":["hi"]}"#).1.as_deref(), Some("messages[0]"));
        assert_eq!(
            fault(r#"{"model":"m","messages":[{"content":"x"}]}"#).0,
            "Missing required parameter: 'messages[0].role'."
        );
        assert_eq!(fault(r#"{"model":"m","messages":[{"role":1}]}"#).1.as_deref(), Some("messages[0].role"));
        assert_eq!(
            fault(r#"{"model":"m","messages":[{"role":"user","content":7}]}"#).1.as_deref(),
            Some("messages[0].content")
        );
        assert_eq!(fault(&with(r#","stream":"yes""#)).1.as_deref(), Some("stream"));
        assert_eq!(
            fault(&with(r#","stream":true,"stream_options":[]"#)).1.as_deref(),
            Some("stream_options")
        );
        assert!(
            fault(&with(r#","stream_options":{"include_usage":true}"#))
                .0
                .contains("only allowed when 'stream'")
        );
    }
}
