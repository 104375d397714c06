//! What a model has said, whatever the API: put together from the events of a stream or from one whole answer.

use floodline_core::{Finish, Outcome};

use crate::error::{ApiError, classify, parse_error};
use crate::excerpt::excerpt;
use crate::usage::Usage;

/// The most characters of a malformed event that are kept.
const MAX_EXCERPT: usize = 120;

/// What one event meant for timing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signal {
    /// It carried text, reasoning, a refusal or arguments of a tool call, and not empty ones.
    pub token: bool,
    /// It carried more than reasoning.
    pub content: bool,
}

impl Signal {
    pub(crate) fn note(&mut self, other: Signal) {
        self.token |= other.token;
        self.content |= other.content;
    }
}

/// Which text of an answer a piece belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Part {
    /// The answer itself.
    #[default]
    Content,
    /// Reasoning that precedes it.
    Reasoning,
    /// A refusal, which stands in the place of an answer.
    Refusal,
    /// What belongs to none of them: other alternatives of the answer.
    Other,
}

/// A tool that the model asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// What the result is to be returned under; empty where the API has no such thing.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// Its arguments as the model wrote them: JSON, if the model kept to it.
    pub arguments: String,
    /// Which call of the answer it is, by the API's own count: fragments of one call share it.
    pub(crate) slot: u64,
}

/// An answer as far as it has come.
///
/// Of several alternatives (`n` > 1), text, reasoning, tools and finish are those of the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The answer, without reasoning, refusals and tool calls.
    pub text: String,
    /// The reasoning that was shown.
    pub reasoning: String,
    /// What the model said in place of an answer that it would not give.
    pub refusal: String,
    /// What else was written: refusals, tool calls (names and arguments), other alternatives. Together with
    /// text and reasoning it is what to count when the server gives no usage.
    pub other: String,
    /// The tools that the model asks for, in order.
    pub tools: Vec<ToolCall>,
    /// Why the model stopped, if it said so; the last reason given.
    pub finish: Option<Finish>,
    /// What the server says the answer cost; of each figure the last one given.
    pub usage: Option<Usage>,
    /// The first error that was reported inside the answer.
    pub error: Option<Box<ApiError>>,
    /// An excerpt of the first event that is none of this API.
    pub malformed: Option<Box<str>>,
    /// Whether the answer has said that it is complete: a reason why it ended, or a mark that no more follows.
    pub ended: bool,
    /// Whether the mark that nothing follows was seen (`[DONE]` and its like).
    pub done: bool,
}

impl Said {
    /// How the answer ended, asked once it has.
    pub fn verdict(&self) -> Outcome {
        match (&self.error, &self.malformed) {
            (Some(error), _) => classify(200, error),
            (None, Some(_)) => Outcome::Malformed,
            (None, None) if !self.ended && !self.done => Outcome::Truncated,
            (None, None) => Outcome::Ok,
        }
    }

    /// Bytes of text that are held.
    pub fn length(&self) -> usize {
        let tools: usize = self.tools.iter().map(|tool| tool.arguments.len()).sum();
        self.text.len() + self.reasoning.len() + self.refusal.len() + self.other.len() + tools
    }

    #[inline]
    pub(crate) fn add(&mut self, part: Part, text: &str) -> Signal {
        match part {
            Part::Content => self.text.push_str(text),
            Part::Reasoning => self.reasoning.push_str(text),
            Part::Refusal => {
                self.refusal.push_str(text);
                self.other.push_str(text);
            }
            Part::Other => self.other.push_str(text),
        }
        let token = !text.is_empty();
        Signal { token, content: token && part != Part::Reasoning }
    }

    /// Adds a tool call that comes whole. A tool without parameters may be called without arguments, which are
    /// an object all the same.
    pub(crate) fn add_whole_tool(&mut self, id: &str, name: &str, arguments: &str) -> Signal {
        let arguments = if arguments.is_empty() { "{}" } else { arguments };
        let slot = self.tools.len() as u64;
        self.tools.push(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), slot });
        self.other.push_str(name);
        self.add(Part::Other, arguments)
    }

    /// Adds to the tool call in `slot`, which begins with its first fragment: what of id and name is given, and
    /// some of its arguments. Names are no tokens: they are not streamed.
    pub(crate) fn add_tool(&mut self, slot: u64, id: &str, name: &str, arguments: &str) -> Signal {
        let known = self.tools.iter().rposition(|tool| tool.slot == slot);
        let at = known.unwrap_or_else(|| {
            self.tools.push(ToolCall { slot, ..ToolCall::default() });
            self.tools.len() - 1
        });
        if let Some(tool) = self.tools.get_mut(at) {
            // Some servers repeat id and name with every fragment.
            if tool.id.is_empty() {
                tool.id.push_str(id);
            }
            if tool.name.is_empty() {
                tool.name.push_str(name);
            }
            tool.arguments.push_str(arguments);
        }
        self.other.push_str(name);
        self.add(Part::Other, arguments)
    }

    /// Adds arguments to the tool call in `slot`. If none has begun there, the server runs the tool itself.
    pub(crate) fn add_arguments(&mut self, slot: u64, arguments: &str) -> Signal {
        if let Some(tool) = self.tools.iter_mut().rev().find(|tool| tool.slot == slot) {
            tool.arguments.push_str(arguments);
        }
        self.add(Part::Other, arguments)
    }

    /// Ends the tool call in `slot`, if there is one: if it was given no arguments, they are an empty object.
    pub(crate) fn close_tool(&mut self, slot: u64) {
        if let Some(tool) = self.tools.iter_mut().rev().find(|tool| tool.slot == slot)
            && tool.arguments.is_empty()
        {
            tool.arguments.push_str("{}");
        }
    }

    pub(crate) fn add_usage(&mut self, usage: Usage) {
        self.usage = Some(usage.after(self.usage));
    }

    /// Notes why the answer ended.
    pub(crate) fn end(&mut self, finish: Option<Finish>) {
        self.ended = true;
        self.finish = finish.or(self.finish);
    }

    /// Notes an error that `data` reports, in whatever shape.
    pub(crate) fn fail(&mut self, data: &[u8]) {
        if self.error.is_none() {
            self.error = Some(Box::new(parse_error(data)));
        }
    }

    /// Notes an event whose data is no JSON object.
    pub(crate) fn note_no_object(&mut self, name: &[u8], data: &[u8]) {
        let data = data.trim_ascii();
        // Google's way of reporting an error, passed on by some gateways: an array around the object.
        if data.starts_with(b"[{") && memchr::memmem::find(data, b"\"error\"").is_some() {
            self.fail(data);
        // OpenAI's end mark, which gateways put behind whatever they pass on.
        } else if data.starts_with(b"[DONE]") {
            self.done = true;
        // An event of a name that belongs to another protocol is harmless.
        } else if name.is_empty() || name == b"message" {
            self.note_malformed(data);
        }
    }

    /// Notes an event that is none of the API, unless there is nothing to it.
    pub(crate) fn note_malformed(&mut self, data: &[u8]) {
        if !data.trim_ascii().is_empty() && self.malformed.is_none() {
            self.malformed = Some(excerpt(data, MAX_EXCERPT).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_of_a_tool_call_belong_together_by_their_slot() {
        let mut said = Said::default();
        assert!(!said.add_tool(0, "call_1", "weather", "").token);
        assert!(said.add_tool(0, "", "", "{\"ci").content);
        said.add_tool(1, "call_2", "time", "{}");
        said.add_tool(0, "call_1", "weather", "ty\":1}");
        let calls: Vec<_> =
            said.tools.iter().map(|t| (t.id.as_str(), t.name.as_str(), t.arguments.as_str())).collect();
        assert_eq!(calls, [("call_1", "weather", "{\"city\":1}"), ("call_2", "time", "{}")]);
        assert_eq!(said.other, "weather{\"citime{}weatherty\":1}");
    }

    #[test]
    fn later_usage_replaces_only_what_it_says() {
        let mut said = Said::default();
        said.add_usage(Usage { prompt_tokens: Some(3), completion_tokens: Some(1), ..Usage::default() });
        said.add_usage(Usage { completion_tokens: Some(9), ..Usage::default() });
        assert_eq!(
            said.usage,
            Some(Usage { prompt_tokens: Some(3), completion_tokens: Some(9), ..Usage::default() })
        );
    }
}
