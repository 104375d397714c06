//! The APIs of applications: what their answers say is found where the scenario says it is.
//!
//! A [`Format`] is all there is to know: how the events of an answer are told apart, and at which
//! [`Path`] of their JSON the text stands. Where no path of the text is given, events are the text.

mod path;
pub(crate) mod read;

pub use path::{Path, PathError};

use crate::codec::Framing;
use crate::http1::ContentType;

/// How the answers of an application are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// How events are told apart; by the content type of the answer unless given.
    pub kind: Option<Kind>,
    /// Where the text of an event stands; events are the text unless given.
    pub text: Option<Path>,
    /// Where its reasoning stands.
    pub reasoning: Option<Path>,
    /// Where it is said why the answer ended: a reason, or `true`.
    pub finish: Option<Path>,
    /// Where an error is reported, if there is one.
    pub error: Option<Path>,
    /// Where the tokens of the prompt are counted.
    pub input_tokens: Option<Path>,
    /// Where the tokens of the answer are counted.
    pub output_tokens: Option<Path>,
    /// The event that says that nothing follows.
    pub done: Option<Box<str>>,
}

/// How the events of an answer are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Server-sent events.
    Sse,
    /// A JSON value on each line.
    Ndjson,
    /// Plain text, as it comes.
    Text,
    /// One JSON value, at once.
    Json,
}

impl Kind {
    /// Every kind, in the order in which people are shown them.
    pub const ALL: [Kind; 4] = [Kind::Sse, Kind::Ndjson, Kind::Text, Kind::Json];

    fn framing(self) -> Option<Framing> {
        match self {
            Kind::Sse => Some(Framing::Events),
            Kind::Ndjson => Some(Framing::Lines),
            Kind::Text => Some(Framing::Plain),
            Kind::Json => None,
        }
    }

    /// The name used in scenarios.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Sse => "sse",
            Kind::Ndjson => "ndjson",
            Kind::Text => "text",
            Kind::Json => "json",
        }
    }
}

impl Format {
    /// How a stream of this content type is framed; none if the answer comes whole.
    pub(crate) fn framing(&self, content_type: &ContentType) -> Option<Framing> {
        match (self.kind, content_type) {
            (Some(kind), _) => kind.framing(),
            (None, ContentType::EventStream) => Kind::Sse.framing(),
            (None, ContentType::Json) => None,
            (None, other) if other.names_lines() => Kind::Ndjson.framing(),
            (None, ContentType::Other(_) | ContentType::Missing) => Kind::Text.framing(),
        }
    }

    /// Whether an answer says by itself that it is over. Others are when the body is.
    pub(crate) fn has_end(&self) -> bool {
        self.done.is_some() || self.finish.is_some()
    }
}
