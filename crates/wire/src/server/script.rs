//! What an answer says, token by token, before anything is known of how it looks on the wire.
//!
//! A long answer is never held in memory: its words are a function of (seed, choice, index). JSON is made
//! when the answer is planned, for it has to satisfy a schema as a whole.

use floodline_core::Finish;

use super::ask::{Ask, Form};
use crate::schema;
use crate::tokens::words::WORDS;

/// The length of an answer when neither the server nor the request says one.
const DEFAULT_TOKENS: u32 = 100;

/// How a provider answers by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Habit {
    /// How long its texts are; as long as the request allows unless given.
    pub tokens: Option<u32>,
    /// Tokens of reasoning before each answer.
    pub reasoning: u32,
}

/// A planned answer.
#[derive(Clone, Debug)]
pub struct Script {
    seed: u64,
    /// How many choices there are, at least one; each has as many tokens as the others.
    pub(crate) choices: u32,
    /// Tokens of reasoning at the beginning.
    pub(crate) reasoning: u32,
    /// What comes then.
    pub(crate) body: Body,
    /// How many tokens of that.
    pub(crate) body_tokens: u32,
    /// Why it ends.
    pub(crate) finish: Finish,
    /// Tokens of the prompt.
    pub(crate) prompt_tokens: u32,
}

/// What an answer consists of, behind its reasoning.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Words drawn by the seed.
    Words,
    /// JSON as text.
    Json(Pieces),
    /// The call of a tool.
    Call(Call),
}

/// The call of a tool.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// What tells this call from others, for each API to make its identifiers of.
    pub(crate) id: u64,
    pub(crate) name: Box<str>,
    pub(crate) arguments: Pieces,
}

/// A text cut into tokens.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    text: Box<str>,
    ends: Box<[u32]>,
}

impl Script {
    /// The answer to `ask` by `habit`. The same seed and the same request give the same answer.
    pub fn plan(ask: &Ask, habit: Habit, seed: u64) -> Script {
        let allowed = ask.max_tokens.unwrap_or(u32::MAX).max(1);
        let body = Body::plan(ask, seed);
        let (wanted, endless) = match &body {
            // A text whose own length is unknown goes on until it is cut.
            Body::Words => match (habit.tokens, ask.max_tokens) {
                (Some(tokens), _) => (tokens.max(1), false),
                (None, Some(_)) => (u32::MAX, true),
                (None, None) => (DEFAULT_TOKENS, false),
            },
            Body::Json(pieces) | Body::Call(Call { arguments: pieces, .. }) => (pieces.count(), false),
        };
        let reasoning = habit.reasoning.min(allowed);
        let body_tokens = wanted.min(allowed - reasoning);
        let finish = match &body {
            _ if endless || body_tokens < wanted => Finish::Length,
            Body::Call(_) => Finish::ToolCalls,
            Body::Words | Body::Json(_) => Finish::Stop,
        };
        let prompt_tokens = ask.prompt.tokens;
        Script { seed, choices: ask.n.max(1), reasoning, body, body_tokens, finish, prompt_tokens }
    }

    /// Tokens of one choice: so many steps a model takes. At least one.
    pub fn steps(&self) -> u32 {
        self.reasoning + self.body_tokens
    }

    /// Tokens of all choices.
    pub fn output_tokens(&self) -> u32 {
        self.steps().saturating_mul(self.choices)
    }

    /// Tokens of reasoning of all choices.
    pub(crate) fn reasoning_tokens(&self) -> u32 {
        self.reasoning.saturating_mul(self.choices)
    }

    /// Prompt and answer together.
    pub(crate) fn total_tokens(&self) -> u32 {
        self.prompt_tokens.saturating_add(self.output_tokens())
    }

    /// Token `index` of the body of `choice`.
    #[inline]
    pub(crate) fn token<'t>(&'t self, words: &'t Words, choice: u32, index: u32) -> &'t str {
        match &self.body {
            Body::Words => words.token(self.choice_seed(choice), index),
            Body::Json(pieces) | Body::Call(Call { arguments: pieces, .. }) => pieces.get(index),
        }
    }

    /// Token `index` of the reasoning of `choice`.
    pub(crate) fn thought<'t>(&self, words: &'t Words, choice: u32, index: u32) -> &'t str {
        words.token(mix(!self.choice_seed(choice)), index)
    }

    /// The whole body of `choice`: a text, or a call's arguments.
    pub(crate) fn text(&self, words: &Words, choice: u32) -> String {
        (0..self.body_tokens).map(|index| self.token(words, choice, index)).collect()
    }

    /// All the reasoning of `choice`.
    pub(crate) fn thoughts(&self, words: &Words, choice: u32) -> String {
        (0..self.reasoning).map(|index| self.thought(words, choice, index)).collect()
    }

    /// The call that the answer makes, if it gets that far.
    pub(crate) fn call(&self) -> Option<&Call> {
        match &self.body {
            Body::Call(call) if self.body_tokens > 0 => Some(call),
            _ => None,
        }
    }

    /// The arguments of the call, if they are complete: for APIs that cannot give half of them.
    pub(crate) fn whole_call(&self) -> Option<(&Call, &str)> {
        let call = self.call().filter(|_| self.finish == Finish::ToolCalls)?;
        Some((call, &call.arguments.text))
    }

    #[inline]
    fn choice_seed(&self, choice: u32) -> u64 {
        match choice {
            0 => self.seed,
            _ => mix(self.seed.wrapping_add(u64::from(choice).wrapping_mul(GOLDEN.rotate_left(17)))),
        }
    }
}

impl Body {
    fn plan(ask: &Ask, seed: u64) -> Body {
        if let Some(tool) = ask.called_tool() {
            let arguments = Pieces::of(schema::instance(&tool.parameters, seed).to_string());
            return Body::Call(Call { id: mix(seed), name: tool.name.as_str().into(), arguments });
        }
        match &ask.form {
            Form::Text => Body::Words,
            Form::Object => Body::Json(Pieces::of(schema::object(seed).to_string())),
            Form::Schema(given) => Body::Json(Pieces::of(schema::instance(given, seed).to_string())),
        }
    }
}

impl Pieces {
    /// `text` in pieces of about four characters, which is what tokens of JSON come to.
    fn of(text: String) -> Pieces {
        const CHARS: usize = 4;
        let starts = text.char_indices().skip(CHARS).step_by(CHARS).map(|(at, _)| at);
        let ends = starts.chain([text.len()]).map(|end| u32::try_from(end).unwrap_or(u32::MAX)).collect();
        Pieces { text: text.into(), ends }
    }

    fn count(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    fn get(&self, index: u32) -> &str {
        let index = index as usize;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(index).copied().unwrap_or(start);
        self.text.get(start as usize..end as usize).unwrap_or("")
    }
}

/// The words of answers, each with the blank that joins it to the one before.
#[derive(Debug)]
pub struct Words(Box<[Box<str>]>);

impl Words {
    /// Prepares them.
    #[expect(clippy::new_without_default, reason = "it is made once, by name")]
    pub fn new() -> Words {
        Words(WORDS.iter().map(|word| format!(" {word}").into_boxed_str()).collect())
    }

    /// Token `index` of the text of `seed`.
    #[inline]
    pub(crate) fn token(&self, seed: u64, index: u32) -> &str {
        let draw = mix(seed.wrapping_add(u64::from(index).wrapping_mul(GOLDEN))) >> 32;
        let word = self.0.get(((draw * self.0.len() as u64) >> 32) as usize).map_or(" ", |word| word);
        if index == 0 { &word[1..] } else { word }
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Scatters 64 bits (the finaliser of SplitMix64, Steele and others 2014).
#[inline]
pub fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::server::ask::{Prompt, Shape, Tool, ToolChoice};

    fn ask() -> Ask {
        Ask::new("m".into(), Shape::Messages, Prompt { tokens: 3, hash: 1 })
    }

    fn lengths(ask: &Ask, tokens: Option<u32>, reasoning: u32) -> (u32, u32, Finish) {
        let script = Script::plan(ask, Habit { tokens, reasoning }, 7);
        (script.reasoning, script.body_tokens, script.finish)
    }

    #[test]
    fn limits_cut_reasoning_and_text_alike() {
        let limited = |max| Ask { max_tokens: Some(max), ..ask() };
        assert_eq!(lengths(&ask(), None, 0), (0, 100, Finish::Stop));
        assert_eq!(lengths(&ask(), Some(20), 5), (5, 20, Finish::Stop));
        assert_eq!(lengths(&limited(7), None, 0), (0, 7, Finish::Length));
        assert_eq!(lengths(&limited(7), Some(7), 0), (0, 7, Finish::Stop));
        assert_eq!(lengths(&limited(7), Some(7), 1), (1, 6, Finish::Length));
        assert_eq!(lengths(&limited(7), None, 9), (7, 0, Finish::Length));
    }

    #[test]
    fn json_is_cut_only_by_the_requests_own_limit() {
        let schema =
            json!({"type": "object", "properties": {"a": {"const": "x".repeat(40)}}, "required": ["a"]});
        let ask = Ask { form: Form::Schema(schema.clone()), ..ask() };
        let script = Script::plan(&ask, Habit { tokens: Some(1), reasoning: 0 }, 7);
        let words = Words::new();
        assert_eq!(serde_json::from_str::<Value>(&script.text(&words, 0)).unwrap()["a"], "x".repeat(40));
        assert_eq!(script.finish, Finish::Stop);
        let cut = Script::plan(&Ask { max_tokens: Some(2), ..ask }, Habit::default(), 7);
        assert_eq!((cut.text(&words, 0).as_str(), cut.finish), ("{\"a\":\"xx", Finish::Length));
    }

    #[test]
    fn tools_are_called_when_they_are_wanted() {
        let tool = |name: &str| Tool { name: name.into(), parameters: json!({"type": "object"}) };
        let ask = Ask { tools: vec![tool("a"), tool("b")], ..ask() };
        let called = |ask: &Ask| {
            let script = Script::plan(ask, Habit::default(), 7);
            script.whole_call().map(|(call, _)| call.name.to_string())
        };
        assert_eq!(called(&ask).as_deref(), Some("a"));
        let after = Ask { users_turn: false, ..ask.clone() };
        assert_eq!(called(&after), None);
        assert_eq!(called(&Ask { choice: ToolChoice::Required, ..after.clone() }).as_deref(), Some("a"));
        assert_eq!(called(&Ask { choice: ToolChoice::Named("b".into()), ..after }).as_deref(), Some("b"));
        assert_eq!(called(&Ask { choice: ToolChoice::None, ..ask }), None);
    }

    #[test]
    fn pieces_are_the_text() {
        for text in ["", "abc", "abcd", "äöüßé", "{\"a\":\"wörld\"}"] {
            let pieces = Pieces::of(text.into());
            let again: String = (0..pieces.count()).map(|index| pieces.get(index)).collect();
            assert_eq!(again, text);
            assert_eq!(pieces.get(pieces.count()), "");
        }
    }

    #[test]
    fn the_text_is_a_function_of_its_seed() {
        let words = Words::new();
        let text = |seed| (0..50).map(|at| words.token(seed, at)).collect::<String>();
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
        assert!(!text(1).starts_with(' '));
    }
}
