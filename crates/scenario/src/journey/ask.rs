//! Steps that say something to the model: the conversation so far, and what is added to it.

use std::sync::Arc;

use floodline_core::journey::{Answered, Outgoing};
use minijinja::Value;
use serde_json::json;

use super::scope::Scope;
use crate::template::{JsonTemplate, Template};
use crate::workload::{Frame, Wanted};

/// Something that is said to the model.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The name of the conversation that it belongs to; empty for the usual one.
    pub(crate) conversation: Arc<str>,
    /// Whether the conversation begins anew with it.
    pub(crate) fresh: bool,
    pub(crate) says: Says,
    /// What the model is told at the beginning of a conversation.
    pub(crate) system: Option<Template>,
    /// One for each target.
    pub(crate) frames: Vec<Frame>,
    pub(crate) max_tokens: Option<u32>,
}

/// What is said.
#[derive(Debug)]
pub(crate) enum Says {
    /// A message of the user.
    Question(Template),
    /// The results of the tools that the model has asked for, one for each call, made with `call` being it.
    Results(Template),
    /// Messages in place of all that was said before.
    Messages(JsonTemplate),
}

/// What has been said, each message as JSON, in OpenAI's form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversation {
    messages: Vec<Arc<str>>,
    /// Questions asked so far.
    turns: u32,
}

/// What a request adds to its conversation once it is answered.
#[derive(Debug, Default)]
pub(crate) struct Said {
    messages: Vec<Arc<str>>,
    replaces: bool,
}

impl Conversation {
    /// Its messages as values.
    pub(super) fn value(&self) -> Value {
        self.messages.iter().filter_map(|message| serde_json::from_str::<Value>(message).ok()).collect()
    }

    /// Takes in what was said, and the answer to it.
    pub(super) fn add(&mut self, said: Said, answer: &Answered) {
        if said.replaces {
            self.messages.clear();
        }
        self.messages.extend(said.messages);
        self.messages.push(reply(answer).into());
        self.turns += 1;
    }
}

impl Ask {
    /// Makes the request, and what is to be added to the conversation when it has been answered.
    pub(super) fn make(&self, scope: &Arc<Scope>, target: usize) -> Result<(Outgoing, Said), String> {
        let before = match self.fresh {
            true => None,
            false => scope.conversations.get(&self.conversation),
        };
        let mut said = Said { messages: Vec::new(), replaces: self.fresh };
        let context = scope.context();
        if let (None, Some(system)) = (before, &self.system) {
            said.messages.push(message("system", &system.render(&context)?));
        }
        match &self.says {
            Says::Question(question) => said.messages.push(message("user", &question.render(&context)?)),
            Says::Results(result) => said.messages.extend(results(result, scope)?),
            Says::Messages(messages) => {
                let mut written = Vec::new();
                messages.write(&context, &mut written)?;
                let list: Vec<&serde_json::value::RawValue> = serde_json::from_slice(&written)
                    .map_err(|_| "`messages` must be a list of messages".to_owned())?;
                said.messages = list.into_iter().map(|message| message.get().into()).collect();
                said.replaces = true;
            }
        }
        let kept = before.filter(|_| !said.replaces).map_or(&[][..], |before| &before.messages);
        let mut body = Vec::new();
        // Of an application, requests are told apart by user and turn.
        let wanted = Wanted { i: scope.user, max_tokens: self.max_tokens };
        let Some(frame) = self.frames.get(target) else { return Err("there is no such target".into()) };
        let head = frame.render(&mut body, wanted, |out| list(kept.iter().chain(&said.messages), out));
        let outgoing = Outgoing {
            // Of what others wrote, every byte may be a token.
            input_bound: u32::try_from(body.len()).ok(),
            max_tokens: self.max_tokens,
            turn: Some(before.map_or(0, |before| before.turns) + 1),
            body,
            head,
            ..Outgoing::default()
        };
        Ok((outgoing, said))
    }
}

/// The results of the tools that the answer before asks for.
fn results(result: &Template, scope: &Arc<Scope>) -> Result<Vec<Arc<str>>, String> {
    let Some(last) = scope.last.as_ref().filter(|last| !last.answer.tools.is_empty()) else {
        return Err("the answer before asks for no tools, so there are no results to give".into());
    };
    let calls = last.tools().try_iter().map_err(|e| e.to_string())?;
    let result = |(tool, call): (&floodline_core::journey::AskedTool, Value)| {
        let content = result.render(&scope.context_with("call", call))?;
        let message = json!({"role": "tool", "tool_call_id": tool.id, "name": tool.name, "content": content});
        Ok(message.to_string().into())
    };
    last.answer.tools.iter().zip(calls).map(result).collect()
}

fn message(role: &str, content: &str) -> Arc<str> {
    json!({"role": role, "content": content}).to_string().into()
}

/// What the model said, as a message.
fn reply(answer: &Answered) -> String {
    if answer.tools.is_empty() {
        return json!({"role": "assistant", "content": answer.text}).to_string();
    }
    let calls: Vec<serde_json::Value> = answer
        .tools
        .iter()
        .map(|tool| json!({"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": tool.arguments}}))
        .collect();
    let content = (!answer.text.is_empty()).then_some(&answer.text);
    json!({"role": "assistant", "content": content, "tool_calls": calls}).to_string()
}

fn list<'a>(messages: impl Iterator<Item = &'a Arc<str>>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (i, message) in messages.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(message.as_bytes());
    }
    out.push(b']');
}
