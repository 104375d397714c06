//! What is kept of one request: a line of `requests.jsonl.zst` and its arrivals.

use std::fmt;
use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::arrivals::Arrivals;
use crate::money::Usd;
use crate::outcome::{Finish, Outcome};
use crate::prices::Usage;
use crate::retry::Refusal;
use crate::schedule::Phase;
use crate::stated::StatedLimits;
use crate::time::{Moment, Span};

/// How one planned request went. All instants count from the start of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Arrival index; in a closed loop, the order in which users became free.
    pub i: u64,
    /// The scenario it belongs to, where the plan has several: each closed loop numbers its own requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The phase it was scheduled in.
    pub phase: Phase,
    /// The name of its prompt in the mix.
    pub prompt: String,
    /// The name of the key it was sent with, never the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its step in a flow of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Which turn of a conversation it is, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    /// The name of the target that it was sent to, where the plan has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// When the plan wanted it sent; in a closed loop, when its user became free.
    #[serde(rename = "scheduled_ns")]
    pub scheduled: Moment,
    /// Just before its last byte was handed to the kernel, of the last attempt.
    #[serde(rename = "sent_ns", default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Moment>,
    /// Kernel arrival of the first token of a stream.
    #[serde(rename = "first_token_ns", default, skip_serializing_if = "Option::is_none")]
    pub first_token: Option<Moment>,
    /// The same without reasoning.
    #[serde(rename = "first_content_ns", default, skip_serializing_if = "Option::is_none")]
    pub first_content: Option<Moment>,
    /// Kernel arrival of the last byte; where no answer began, when the request was given up.
    #[serde(rename = "last_ns", default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Moment>,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status, if an answer began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why the model stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<Finish>,
    /// Tokens of the prompt: the server's count, else the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u32>,
    /// The plan's count of the prompt, kept for comparison where the server stated its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_input_tokens: Option<u32>,
    /// Tokens of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u32>,
    /// Those of them that were streamed, where some were not (hidden reasoning).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streamed_tokens: Option<u32>,
    /// The tokenizer's count of the answer as shown, reasoning included, of a sample of the answers that
    /// the server counted too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_tokens: Option<u32>,
    /// Who counted the output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_source: Option<TokenSource>,
    /// Of the prompt's tokens, those that the server says it read from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u32>,
    /// Of the answer's tokens, those that the server says were spent on reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u32>,
    /// What it is charged, where there are prices: by the server's count, or what it can have cost at most.
    #[serde(rename = "cost_usd", default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Usd>,
    /// What was tried, in order; the last one is the one the figures are of.
    pub attempts: Vec<Attempt>,
    /// The server's name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What the provider stated of its rate limits, beside the last attempt's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Box<StatedLimits>>,
    /// Resolving, connecting and TLS, where this request opened its connection; of several attempts, all together.
    #[serde(rename = "connect_ns", default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Span>,
    /// First attempt's sent − scheduled, less connecting and less what the plan ordered.
    #[serde(rename = "late_ns", default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Span>,
    /// Waiting that the plan ordered before it was sent.
    #[serde(rename = "held_ns", default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Span>,
    /// Time spent in the user's own programs, before the sending and after the answer; no part of any other time.
    #[serde(rename = "hook_ns", default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<Span>,
    /// The longest time between the kernel taking bytes in and the program reading them.
    #[serde(rename = "lag_max_ns", default, skip_serializing_if = "Option::is_none")]
    pub lag_max: Option<Span>,
    /// The longest gap between two token-bearing arrivals.
    #[serde(rename = "max_gap_ns", default, skip_serializing_if = "Option::is_none")]
    pub max_gap: Option<Span>,
    /// Whether the first token shared its read with later ones, so that its stamp is an upper bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub coalesced_first: bool,
    /// What went wrong, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The answer without reasoning, if bodies are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The token-bearing arrivals; stored in `stamps.bin.zst`.
    #[serde(skip)]
    pub arrivals: Arrivals,
}

/// One try at a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Just before its last byte was handed to the kernel.
    #[serde(rename = "sent_ns", default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Moment>,
    /// When it ended.
    #[serde(rename = "last_ns")]
    pub last: Moment,
    /// How it ended.
    pub end: AttemptEnd,
    /// The HTTP status, if an answer began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it led to no answer, where that is known better than its end says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// How long the retry policy put it off after the one before.
    #[serde(rename = "wait_ns", default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Span>,
    /// Tokens of the prompt that the server counted, of an attempt that was not the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u32>,
    /// Tokens of what was answered, of an attempt that was not the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u32>,
    /// The name of the target it went to, where the plan has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What the provider stated of its rate limits, beside the answer to an attempt that was not the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Box<StatedLimits>>,
    /// What it was charged, where there are prices, of an attempt that was not the last: a part of the request's cost.
    #[serde(rename = "cost_usd", default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Usd>,
}

impl Attempt {
    /// An attempt of which nothing else is known.
    pub fn new(sent: Option<Moment>, last: Moment, end: AttemptEnd, status: Option<u16>) -> Attempt {
        Attempt {
            sent,
            last,
            end,
            status,
            refusal: None,
            wait: None,
            input_tokens: None,
            output_tokens: None,
            target: None,
            limits: None,
            cost: None,
        }
    }

    /// Whether it was one: not the replacing of a kept connection, and not what was not let out.
    pub fn is_try(&self) -> bool {
        match self.end {
            AttemptEnd::Reconnect | AttemptEnd::Outcome(Outcome::NotSent) => false,
            AttemptEnd::Outcome(_) => true,
        }
    }
}

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnd {
    /// As the request did.
    Outcome(Outcome),
    /// The server had closed the kept connection; the request was sent again on a new one.
    Reconnect,
}

/// Who counted the output tokens. In files and on screens: `usage`, or `tokenizer:` and the tokenizer's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenSource {
    /// The server's usage.
    Usage,
    /// A tokenizer of this name, over the text received.
    Tokenizer(Arc<str>),
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenSource::Usage => f.write_str("usage"),
            TokenSource::Tokenizer(name) => write!(f, "tokenizer:{name}"),
        }
    }
}

impl Serialize for TokenSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TokenSource, D::Error> {
        let text = String::deserialize(deserializer)?;
        match (text.as_str(), text.strip_prefix("tokenizer:")) {
            ("usage", _) => Ok(TokenSource::Usage),
            (_, Some(name)) => Ok(TokenSource::Tokenizer(name.into())),
            (_, None) => Err(D::Error::custom(format!("`{text}` is neither usage nor tokenizer:NAME"))),
        }
    }
}

impl Record {
    /// A request of which nothing has happened yet but its being planned.
    pub fn planned(i: u64, phase: Phase, prompt: String, scheduled: Moment) -> Record {
        Record {
            i,
            scenario: None,
            phase,
            prompt,
            key: None,
            step: None,
            turn: None,
            target: None,
            scheduled,
            sent: None,
            first_token: None,
            first_content: None,
            last: None,
            outcome: Outcome::NotSent,
            status: None,
            finish: None,
            input_tokens: None,
            planned_input_tokens: None,
            output_tokens: None,
            streamed_tokens: None,
            counted_tokens: None,
            token_source: None,
            cached_tokens: None,
            reasoning_tokens: None,
            cost: None,
            attempts: Vec::new(),
            request_id: None,
            limits: None,
            connect: None,
            late: None,
            held: None,
            hook: None,
            lag_max: None,
            max_gap: None,
            coalesced_first: false,
            error: None,
            text: None,
            arrivals: Arrivals::default(),
        }
    }

    /// The same request as it is before another attempt: what was planned, and what has been tried, when it was last
    /// sent included. What the attempt before was told is kept with it.
    pub fn renewed(mut self) -> Record {
        let counted = self.token_source == Some(TokenSource::Usage);
        if let Some(before) = self.attempts.iter_mut().rev().find(|attempt| attempt.is_try()) {
            before.input_tokens = self.input_tokens.filter(|_| counted);
            before.output_tokens = self.output_tokens.filter(|_| counted);
            before.limits = self.limits.take();
        }
        let planned = Record::planned(self.i, self.phase, self.prompt, self.scheduled);
        Record {
            scenario: self.scenario,
            key: self.key,
            step: self.step,
            turn: self.turn,
            target: self.target,
            sent: self.sent,
            input_tokens: self.planned_input_tokens.or(self.input_tokens),
            attempts: self.attempts,
            request_id: self.request_id,
            connect: self.connect,
            late: self.late,
            held: self.held,
            hook: self.hook,
            ..planned
        }
    }

    /// (last token − first token) / (streamed output tokens − 1), for an ok answer that has two of each.
    pub fn tpot(&self) -> Option<Span> {
        if self.outcome != Outcome::Ok || self.arrivals.count() < 2 {
            return None;
        }
        let tokens = self.streamed_tokens.or(self.output_tokens)?;
        let gaps = u64::from(tokens).checked_sub(1).filter(|&gaps| gaps > 0)?;
        Some(Span(self.arrivals.last()?.since(self.arrivals.first()?).0 / gaps))
    }

    /// The tokens by which it is priced, by whoever counted them.
    pub fn counted_usage(&self) -> Option<Usage> {
        Some(Usage {
            input: self.input_tokens?.into(),
            cached: self.cached_tokens.unwrap_or(0).into(),
            cache_write: 0,
            output: self.output_tokens?.into(),
            reasoning: self.reasoning_tokens.unwrap_or(0).into(),
        })
    }

    /// When it was over: for an answer that was given up, later than its last byte.
    pub fn over(&self) -> Option<Moment> {
        self.attempts.last().map(|a| a.last).max(self.last)
    }

    /// When it was sent for the first time.
    pub fn first_sent(&self) -> Option<Moment> {
        self.attempts.iter().filter_map(|attempt| attempt.sent).chain(self.sent).min()
    }

    /// How often it was put on the wire.
    pub fn times_sent(&self) -> u64 {
        self.attempts.iter().filter(|a| a.sent.is_some()).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_source_is_a_string_and_may_name_any_tokenizer() {
        for text in ["usage", "tokenizer:o200k_base", "tokenizer:models/qwen/tokenizer.json"] {
            let json = format!("\"{text}\"");
            let source: TokenSource = serde_json::from_str(&json).unwrap();
            assert_eq!(source.to_string(), text);
            assert_eq!(serde_json::to_string(&source).unwrap(), json);
        }
        assert!(serde_json::from_str::<TokenSource>("\"guess\"").is_err());
    }
}
