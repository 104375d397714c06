//! What a step's templates and expressions can name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use floodline_core::journey::Answered;
use minijinja::Value;

use super::ask::Conversation;
use crate::template::lookup;

/// What a user knows, by name: its own number, rows of feeders, saved values, the answer before and the conversation.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    /// What steps take from the environment, as a mapping.
    pub(super) env: Value,
    pub(super) user: u64,
    pub(super) iteration: u64,
    /// Which of several lanes it is on, from 0.
    pub(super) lane: Option<u32>,
    /// The rows of the feeders, by the feeder's name.
    pub(super) rows: BTreeMap<Arc<str>, Value>,
    pub(super) saved: BTreeMap<Arc<str>, Value>,
    pub(super) conversations: BTreeMap<Arc<str>, Conversation>,
    pub(super) last: Option<Arc<Seen>>,
}

/// Values may come from the environment, and are not shown.
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("user", &self.user)
            .field("iteration", &self.iteration)
            .finish_non_exhaustive()
    }
}

/// Names that nothing can be saved under and no feeder can have.
pub(crate) const TAKEN: [&str; 20] = [
    "env",
    "user",
    "iteration",
    "lane",
    "messages",
    "status",
    "headers",
    "body",
    "text",
    "reasoning",
    "json",
    "tool_calls",
    "finish",
    "usage",
    "outcome",
    "ttft_ms",
    "latency_ms",
    "call",
    "prompt",
    "loop",
];

impl Scope {
    /// The names as templates see them.
    pub(super) fn context(self: &Arc<Self>) -> Value {
        let scope = self.clone();
        lookup(move |name| scope.get(name))
    }

    /// The same with one name more.
    pub(super) fn context_with(self: &Arc<Self>, extra: &'static str, value: Value) -> Value {
        let scope = self.clone();
        lookup(move |name| if name == extra { Some(value.clone()) } else { scope.get(name) })
    }

    fn get(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.saved.get(name).or_else(|| self.rows.get(name)) {
            return Some(value.clone());
        }
        match name {
            "env" => Some(self.env.clone()),
            "user" => Some(self.user.into()),
            "iteration" => Some(self.iteration.into()),
            "lane" => self.lane.map(Value::from),
            "messages" => Some(self.conversations.get("").map(Conversation::value).unwrap_or_default()),
            _ => self.last.as_ref()?.get(name),
        }
    }
}

/// An answer, whose parts are made into values when they are asked for.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) answer: Answered,
    json: OnceLock<Value>,
    tools: OnceLock<Value>,
    headers: OnceLock<Value>,
}

impl Seen {
    pub(super) fn new(answer: Answered) -> Seen {
        Seen { answer, json: OnceLock::new(), tools: OnceLock::new(), headers: OnceLock::new() }
    }

    /// The body of an answer that came whole, else what the model said.
    pub(super) fn body(&self) -> std::borrow::Cow<'_, str> {
        match self.answer.body.is_empty() {
            true => self.answer.text.as_str().into(),
            false => String::from_utf8_lossy(&self.answer.body),
        }
    }

    fn get(&self, name: &str) -> Option<Value> {
        let answer = &self.answer;
        let ms = |span: floodline_core::Span| Value::from(span.0 as f64 / 1e6);
        match name {
            "status" => answer.status.map(Value::from),
            "headers" => Some(self.headers().clone()),
            "body" => Some(self.body().as_ref().into()),
            "text" => Some(answer.text.as_str().into()),
            "reasoning" => Some(answer.reasoning.as_str().into()),
            "json" => Some(self.json().clone()).filter(|json| !json.is_undefined()),
            "tool_calls" => Some(self.tools().clone()),
            "finish" => Some(answer.finish.map_or(Value::from(()), |finish| finish.name().into())),
            "usage" => Some(Value::from_pairs([
                ("input_tokens", answer.input_tokens.map_or(Value::from(()), Value::from)),
                ("output_tokens", answer.output_tokens.map_or(Value::from(()), Value::from)),
            ])),
            "outcome" => Some(answer.outcome.name().into()),
            "ttft_ms" => Some(answer.ttft.map_or(Value::from(()), ms)),
            "latency_ms" => Some(answer.latency.map_or(Value::from(()), ms)),
            _ => None,
        }
    }

    /// The body as JSON, or what the model said if that is JSON; undefined if neither is.
    pub(super) fn json(&self) -> &Value {
        self.json.get_or_init(|| {
            let of = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
            of(&self.answer.body).or_else(|| of(self.answer.text.as_bytes())).unwrap_or(Value::UNDEFINED)
        })
    }

    fn headers(&self) -> &Value {
        self.headers.get_or_init(|| {
            Value::from_pairs(self.answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        })
    }

    /// Arguments are values if they are JSON, else the text that they are.
    pub(super) fn tools(&self) -> &Value {
        self.tools.get_or_init(|| {
            let tool = |tool: &floodline_core::journey::AskedTool| {
                let text = tool.arguments.as_str();
                let arguments = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
                let [id, name] = [&tool.id, &tool.name].map(|text| Value::from(text.as_str()));
                Value::from_pairs([("id", id), ("name", name), ("arguments", arguments)])
            };
            Value::from(self.answer.tools.iter().map(tool).collect::<Vec<Value>>())
        })
    }
}
