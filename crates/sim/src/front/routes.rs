//! Which request gets which answer. No socket and no time here: a request goes in, a reply comes out.

use std::borrow::Cow;

use floodline_core::Finish;
use floodline_wire::http1::request::{Method, RequestHead};
use floodline_wire::openai::server::{ApiFault, ChunkWriter, models_body, parse_chat};
use secrecy::{ExposeSecret, SecretString};

use super::answer::{Form, Order, mix};
use super::request::Request;

/// The length of an answer when neither the server nor the request says one.
const DEFAULT_TOKENS: u32 = 100;

/// The longest answer that is not streamed: it has to be held in memory.
const MAX_WHOLE: u32 = 1_000_000;

/// What the routes know about the server.
#[derive(Debug)]
pub(super) struct Routes {
    pub(super) tokens: Option<u32>,
    pub(super) seed: u64,
    pub(super) models: Option<Vec<String>>,
    pub(super) key: Option<SecretString>,
    /// When the server started, in Unix seconds: what it calls the age of its models.
    pub(super) started: u64,
}

/// The answer to a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// A JSON object, at once.
    Json(Vec<u8>),
    /// An error, at once, with further header fields.
    Fault(ApiFault, &'static str),
    /// Tokens, when they are due.
    Answer(Box<Order>),
}

impl From<ApiFault> for Reply {
    fn from(fault: ApiFault) -> Reply {
        Reply::Fault(fault, "")
    }
}

/// The paths that are served.
enum Path<'p> {
    Chat,
    Models,
    Model(&'p str),
    Health,
}

impl Routes {
    /// Answers `request`, the server's `number`-th, at `now` in Unix seconds.
    pub(super) fn reply(&self, request: &Request, request_id: &str, number: u64, now: u64) -> Reply {
        let RequestHead { method, path, .. } = &request.head;
        let Some(known) = Path::parse(path) else { return ApiFault::no_path(method.name(), path).into() };
        let allow = match (&known, method) {
            (Path::Chat, Method::Post)
            | (Path::Models | Path::Model(_) | Path::Health, Method::Get | Method::Head) => None,
            (Path::Chat, _) => Some("allow: POST\r\n"),
            _ => Some("allow: GET, HEAD\r\n"),
        };
        if let Some(allow) = allow {
            return Reply::Fault(ApiFault::wrong_method(method.name(), path), allow);
        }
        if !matches!(known, Path::Health)
            && let Err(fault) = self.check_key(request.head.authorization.as_deref())
        {
            return fault.into();
        }
        match known {
            Path::Chat => self.chat(request, request_id, number, now).unwrap_or_else(Reply::from),
            Path::Models => Reply::Json(models_body(&self.model_names(), self.started)),
            Path::Model(name) => self.model(&percent_decoded(name)),
            Path::Health => Reply::Json(b"{\"status\":\"ok\"}".to_vec()),
        }
    }

    fn chat(&self, request: &Request, request_id: &str, number: u64, now: u64) -> Result<Reply, ApiFault> {
        let call = parse_chat(&request.body)?;
        if !self.serves(&call.model) {
            return Err(ApiFault::no_model(&call.model));
        }
        if call.n > 1 {
            let message = "The simulated provider gives one choice: leave 'n' out or set it to 1.";
            return Err(ApiFault::invalid(message, Some("n"), None));
        }
        let wanted = self.tokens.or(call.max_tokens).unwrap_or(DEFAULT_TOKENS).max(1);
        let allowed = call.max_tokens.unwrap_or(u32::MAX);
        // An answer whose own length is unknown goes on until it is cut.
        let is_cut = wanted > allowed || self.tokens.is_none() && call.max_tokens.is_some();
        let tokens = wanted.min(allowed);
        if !call.stream && tokens > MAX_WHOLE {
            let message = format!(
                "An answer of {tokens} tokens must be streamed; at most {MAX_WHOLE} fit into one that is not."
            );
            return Err(ApiFault::invalid(message, Some("max_tokens"), None));
        }
        let id: Box<str> = format!("chatcmpl-{:016x}", mix(self.seed ^ number)).into();
        let form = match call.stream {
            true => Form::Stream {
                writer: ChunkWriter::new(&id, now, &call.model, call.include_usage),
                include_usage: call.include_usage,
            },
            false => Form::Whole,
        };
        Ok(Reply::Answer(Box::new(Order {
            form,
            id,
            created: now,
            model: call.model.into(),
            request_id: request_id.into(),
            keep_alive: request.head.keep_alive,
            old_http: request.old_http,
            text_seed: mix(self.seed ^ mix(call.prompt_hash)),
            prompt_tokens: call.prompt_tokens,
            tokens,
            finish: if is_cut { Finish::Length } else { Finish::Stop },
        })))
    }

    fn model(&self, name: &str) -> Reply {
        if !self.serves(name) {
            return ApiFault::no_model(name).into();
        }
        // The one member of a list of one.
        let list = models_body(&[name], self.started);
        let member =
            list.strip_prefix(b"{\"object\":\"list\",\"data\":[").and_then(|l| l.strip_suffix(b"]}"));
        Reply::Json(member.unwrap_or(&list).to_vec())
    }

    fn model_names(&self) -> Vec<&str> {
        match &self.models {
            Some(models) => models.iter().map(String::as_str).collect(),
            None => vec!["floodline-stub"],
        }
    }

    fn serves(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|known| known == model))
    }

    fn check_key(&self, authorization: Option<&str>) -> Result<(), ApiFault> {
        let Some(key) = &self.key else { return Ok(()) };
        let Some(sent) = authorization else { return Err(ApiFault::missing_key()) };
        let (scheme, sent) = sent.split_once(' ').unwrap_or((sent, ""));
        match scheme.eq_ignore_ascii_case("bearer") && sent.trim() == key.expose_secret() {
            true => Ok(()),
            false => Err(ApiFault::wrong_key()),
        }
    }
}

impl<'p> Path<'p> {
    fn parse(path: &'p str) -> Option<Path<'p>> {
        let path = path.strip_suffix('/').unwrap_or(path);
        match path.strip_prefix("/v1").unwrap_or(path) {
            "/chat/completions" => Some(Path::Chat),
            "/models" => Some(Path::Models),
            "/health" => Some(Path::Health),
            other => other.strip_prefix("/models/").filter(|name| !name.is_empty()).map(Path::Model),
        }
    }
}

/// Resolves `%2F` and the like; what is no such thing, or gives no text, stays as it is.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let (mut decoded, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [byte, after @ ..] = rest {
        let escaped = match (byte, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_in_a_path_are_resolved() {
        for (text, decoded) in [
            ("plain", "plain"),
            ("org%2Fmodel%20x", "org/model x"),
            ("%c3%a9%41", "éA"),
            ("%ff", "%ff"),
            ("%", "%"),
            ("%4", "%4"),
            ("%+1%zz%%41", "%+1%zz%A"),
        ] {
            assert_eq!(percent_decoded(text), decoded);
        }
    }
}
