//! Server-sent events among which JSON may stand that is no event.
//!
//! When Google breaks a stream off it writes the error as it would to anybody: a bare object, on lines of its
//! own, without `data:`. To a reader of events those are lines with unknown fields, and the answer would seem
//! to have ended for no reason. No field begins with a bracket, so a line that does begins an object.

use memchr::{memchr, memchr_iter};

use super::array::Array;
use crate::sse::{Deframer, Event, EventTooLarge, Unterminated};

/// Finds the events of a body and the objects between them.
#[derive(Clone, Debug, Default)]
pub struct Mixed {
    events: Deframer,
    objects: Array,
    /// Whether the current line belongs to an object; unknown at its start.
    bare: Option<bool>,
}

impl Mixed {
    /// Takes the next bytes and hands every event that they complete to `sink`.
    ///
    /// # Errors
    /// [`EventTooLarge`], now and on every later call.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Event<'_>)) -> Result<(), EventTooLarge> {
        let mut rest = bytes;
        // Both are asked, that one which has failed says so now.
        self.events.feed(&[], sink)?;
        self.objects.feed(&[], sink)?;
        while let Some(&first) = rest.first() {
            let bare = self.bare.unwrap_or_else(|| self.objects.is_inside() || begins_json(first));
            let end = if bare { line_end(rest) } else { events_end(rest) };
            let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
            self.bare = (!part.ends_with(b"\n")).then_some(bare);
            if bare {
                self.objects.feed(part, sink)?;
            } else {
                self.events.feed(part, sink)?;
            }
            rest = after;
        }
        Ok(())
    }

    /// Ends the body and says what it left unfinished.
    pub fn finish(&mut self) -> Option<Unterminated> {
        let object = self.objects.finish();
        self.events.finish().or(object)
    }
}

/// Whether a line that begins so is JSON, or what stands between objects in an array.
fn begins_json(byte: u8) -> bool {
    matches!(byte, b'{' | b'[' | b',')
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    memchr(b'\n', bytes).map(|end| end + 1)
}

/// The end of the lines before one that is JSON.
fn events_end(bytes: &[u8]) -> Option<usize> {
    memchr_iter(b'\n', bytes)
        .map(|end| end + 1)
        .find(|&end| bytes.get(end).is_none_or(|&first| begins_json(first)))
}

#[cfg(test)]
mod tests {
    use super::super::frames::Framing;
    use super::super::tests::{Found, every_cut};

    fn events(bytes: &[u8]) -> Found {
        every_cut(Framing::Mixed, bytes)
    }

    #[test]
    fn events_are_events_as_ever() {
        assert_eq!(events(b": hi\ndata: {}\ndata: {\n\ndata:x\r\n\r\n"), (vec!["{}\n{", "x"], None));
        assert_eq!(events(b"data: {}\n\ndata: {\"a"), (vec!["{}"], Some("{\"a")));
    }

    #[test]
    fn an_object_between_events_is_an_event() {
        let bytes = b"data: 1\n\n{\n  \"error\": {\n\n\"code\": 1 }\n}\n\ndata: 2\n\n";
        assert_eq!(events(bytes), (vec!["1", "{\n  \"error\": {\n\n\"code\": 1 }\n}", "2"], None));
        assert_eq!(events(b"data: 1\r\n\r\n[{\"error\":1}]"), (vec!["1", "{\"error\":1}"], None));
        assert_eq!(events(b"data: 1\n{\"error\":\n"), (vec![], Some("1")));
    }

    #[test]
    fn an_array_is_read_too() {
        assert_eq!(events(b"[{\n\"a\":1}\n,\n{}\n]\n"), (vec!["{\n\"a\":1}", "{}"], None));
    }
}
