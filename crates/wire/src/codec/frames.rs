//! The ways in which a body is cut into events.

use super::array::Array;
use super::lines::Lines;
use super::mixed::Mixed;
use crate::sse::{Deframer, Event, EventTooLarge, Unterminated};

/// How the events of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// Server-sent events, with JSON between them that is none: Google's way of breaking off.
    Mixed,
    /// One JSON value a line.
    Lines,
    /// The objects in one JSON array.
    Array,
    /// Plain text, of which each piece is an event.
    Plain,
}

/// Finds the events in the bytes of a body.
#[derive(Clone, Debug)]
pub enum Frames {
    /// Server-sent events.
    Events(Deframer),
    /// Server-sent events and JSON.
    Mixed(Box<Mixed>),
    /// Lines.
    Lines(Lines),
    /// Objects of an array.
    Array(Array),
    /// Plain text.
    Plain(Plain),
}

/// Plain text, in which characters may be cut anywhere.
#[derive(Clone, Debug, Default)]
pub struct Plain {
    /// The beginning of a character.
    held: Vec<u8>,
}

impl Frames {
    /// At the start of a body.
    pub fn new(framing: Framing) -> Frames {
        match framing {
            Framing::Events => Frames::Events(Deframer::new()),
            Framing::Mixed => Frames::Mixed(Box::default()),
            Framing::Lines => Frames::Lines(Lines::default()),
            Framing::Array => Frames::Array(Array::default()),
            Framing::Plain => Frames::Plain(Plain::default()),
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
            Frames::Mixed(mixed) => mixed.feed(bytes, sink),
            Frames::Lines(lines) => lines.feed(bytes, sink),
            Frames::Array(array) => array.feed(bytes, sink),
            Frames::Plain(plain) => {
                plain.feed(bytes, sink);
                Ok(())
            }
        }
    }

    /// Ends the body and says what it left unfinished.
    pub fn finish(&mut self) -> Option<Unterminated> {
        match self {
            Frames::Events(deframer) => deframer.finish(),
            Frames::Mixed(mixed) => mixed.finish(),
            Frames::Lines(lines) => lines.finish(),
            Frames::Array(array) => array.finish(),
            Frames::Plain(plain) => {
                let held = std::mem::take(&mut plain.held);
                (!held.is_empty()).then(|| Unterminated::without_name(held))
            }
        }
    }
}

impl Plain {
    fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Event<'_>)) {
        let joined;
        let bytes = match self.held.is_empty() {
            true => bytes,
            false => {
                joined = [std::mem::take(&mut self.held).as_slice(), bytes].concat();
                &joined
            }
        };
        let (whole, cut) = bytes.split_at(bytes.len() - cut_character(bytes));
        self.held = cut.to_vec();
        if !whole.is_empty() {
            sink(Event { name: b"", data: whole });
        }
    }
}

/// How many bytes at the end are the beginning of a character that lacks its end.
fn cut_character(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    let start = tail.iter().rposition(|byte| byte & 0xc0 != 0x80);
    let Some(start) = start else { return 0 };
    let length = match tail[start] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let there = tail.len() - start;
    if there < length { there } else { 0 }
}
