//! The ways in which a body is cut into events.

use crate::sse::{Deframer, Event, EventTooLarge, Unterminated};

/// How the events of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
}

/// Finds the events in the bytes of a body.
#[derive(Clone, Debug)]
pub enum Frames {
    /// Server-sent events.
    Events(Deframer),
}

impl Frames {
    /// At the start of a body.
    pub fn new(framing: Framing) -> Frames {
        match framing {
            Framing::Events => Frames::Events(Deframer::new()),
        }
    }

    /// Takes the next bytes and hands every event that they complete to `sink`.
    ///
    /// # Errors
    /// [`EventTooLarge`], now and on every later call.
    #[inline]
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Event<'_>)) -> Result<(), EventTooLarge> {
        match self {
            Frames::Events(deframer) => deframer.feed(bytes, sink),
        }
    }

    /// Ends the body and says what it left unfinished.
    pub fn finish(&mut self) -> Option<Unterminated> {
        match self {
            Frames::Events(deframer) => deframer.finish(),
        }
    }
}
