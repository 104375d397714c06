//! A block of an answer's content: as it begins in a stream, or whole.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::text_of;
use crate::answer::{Part, Said, Signal};
use crate::json::lenient::members;
use crate::json::value::written;

/// A block of any type; those that are not known have nothing to say here.
#[derive(Default)]
pub(super) struct Block<'a> {
    kind: Option<&'a RawValue>,
    text: Option<&'a RawValue>,
    thinking: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    name: Option<&'a RawValue>,
    input: Option<&'a RawValue>,
}

impl Block<'_> {
    /// Takes in what there is of the block when it begins: of most nothing but what they are.
    pub(super) fn begin(&self, index: u64, said: &mut Said) -> Signal {
        match text_of(self.kind).as_ref() {
            // The input follows in fragments, and until then is an empty object.
            "tool_use" => said.add_tool(index, &text_of(self.id), &text_of(self.name), &self.given_input()),
            _ => self.take(said),
        }
    }

    /// Takes in a block that comes whole.
    pub(super) fn whole(&self, said: &mut Said) -> Signal {
        match text_of(self.kind).as_ref() {
            "tool_use" => said.add_whole_tool(&text_of(self.id), &text_of(self.name), &self.input()),
            _ => self.take(said),
        }
    }

    fn take(&self, said: &mut Said) -> Signal {
        match text_of(self.kind).as_ref() {
            "text" => said.add(Part::Content, &text_of(self.text)),
            "thinking" => said.add(Part::Reasoning, &text_of(self.thinking)),
            // The server runs these itself: the model has written them, but nobody is asked for anything.
            kind if kind.ends_with("_tool_use") => {
                said.other.push_str(&text_of(self.name));
                said.add(Part::Other, &self.given_input())
            }
            _ => Signal::default(),
        }
    }

    fn input(&self) -> Cow<'_, str> {
        self.input.map(written).unwrap_or_default()
    }

    /// The input, unless it is only the mark that there will be one.
    fn given_input(&self) -> Cow<'_, str> {
        let input = self.input();
        let is_empty = input.strip_prefix('{').is_some_and(|rest| rest.trim_start() == "}");
        if is_empty { Cow::Borrowed("") } else { input }
    }
}

members! {
    Block {
        b"type" => kind,
        b"text" => text,
        b"thinking" => thinking,
        b"id" => id,
        b"name" => name,
        b"input" => input,
    }
}
