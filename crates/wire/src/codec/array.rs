//! Bodies that are one JSON array whose objects are the events, as Google streams to those who do not ask for
//! server-sent events.
//!
//! Objects are found by their brackets, so whitespace and line ends may be anywhere, and what stands between
//! them (commas, the brackets of the array) need not be there: an object that follows the array's end, or has
//! no array around it, is found as well. What else stands between objects is handed out as it is, up to where
//! it ends or the next thing begins, for the codec to find that it is none of the API.
//!
//! An object that arrives whole is handed out without being copied.

use memchr::memchr2;

use super::pending::Pending;
use crate::sse::{Event, EventTooLarge, Unterminated};

/// Finds the objects of a body.
#[derive(Clone, Debug, Default)]
pub struct Array {
    pending: Pending,
    place: Place,
}

/// Where in the body the next byte stands.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    /// Between objects.
    #[default]
    Between,
    /// In something between objects that should not be there.
    Scrap,
    /// In an object, inside so many brackets, that of the object included.
    Object(u32),
    /// In a string there.
    Text(u32),
    /// Behind a backslash in a string there.
    Escape(u32),
}

impl Array {
    /// Takes the next bytes and hands every object that they complete to `sink`.
    ///
    /// # Errors
    /// [`EventTooLarge`], now and on every later call.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Event<'_>)) -> Result<(), EventTooLarge> {
        self.pending.sound()?;
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if let Place::Between = self.place {
                self.place = match first {
                    b'{' => Place::Object(0),
                    _ if is_between(first) => Place::Between,
                    _ => Place::Scrap,
                };
                if let Place::Between = self.place {
                    rest = &rest[1..];
                    continue;
                }
            }
            let Some(end) = self.end(rest) else { return self.pending.push(rest) };
            let (event, after) = rest.split_at(end);
            self.place = Place::Between;
            self.pending.complete(event, |data| sink(Event { name: b"", data }))?;
            rest = after;
        }
        Ok(())
    }

    /// Ends the body and returns the object that it left unfinished.
    pub fn finish(&mut self) -> Option<Unterminated> {
        self.place = Place::Between;
        self.pending.take()
    }

    /// Whether the next byte belongs to an object that has begun.
    pub(super) fn is_inside(&self) -> bool {
        matches!(self.place, Place::Object(_) | Place::Text(_) | Place::Escape(_))
    }

    /// Goes on in what has begun, to its end if that is in `bytes`.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..)?;
            match self.place {
                Place::Between => return Some(at),
                Place::Scrap => return rest.iter().position(|&b| ends_scrap(b)).map(|end| at + end),
                Place::Object(depth) => {
                    let mark = rest.iter().position(|b| matches!(b, b'"' | b'{' | b'}' | b'[' | b']'))?;
                    at += mark + 1;
                    self.place = match rest[mark] {
                        b'"' => Place::Text(depth),
                        b'{' | b'[' => Place::Object(depth.saturating_add(1)),
                        _ if depth <= 1 => return Some(at),
                        _ => Place::Object(depth - 1),
                    };
                }
                Place::Text(depth) => {
                    let mark = memchr2(b'"', b'\\', rest)?;
                    at += mark + 1;
                    self.place = if rest[mark] == b'"' { Place::Object(depth) } else { Place::Escape(depth) };
                }
                Place::Escape(depth) => {
                    rest.first()?;
                    at += 1;
                    self.place = Place::Text(depth);
                }
            }
        }
    }
}

/// What may stand between the objects of an array.
fn is_between(byte: u8) -> bool {
    matches!(byte, b'[' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n')
}

fn ends_scrap(byte: u8) -> bool {
    matches!(byte, b'{' | b'[' | b']' | b',' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::super::frames::Framing;
    use super::super::tests::{Found, every_cut};

    fn objects(bytes: &[u8]) -> Found {
        every_cut(Framing::Array, bytes)
    }

    #[test]
    fn objects_are_found_wherever_they_stand() {
        assert_eq!(objects(b"[{\"a\":[{}]}\n,\r\n{ }]\n"), (vec!["{\"a\":[{}]}", "{ }"], None));
        assert_eq!(objects(b"[]"), (vec![], None));
        assert_eq!(objects(b"{}"), (vec!["{}"], None));
        assert_eq!(objects(b"[{}][{\"error\":1}]"), (vec!["{}", "{\"error\":1}"], None));
    }

    #[test]
    fn brackets_in_strings_are_none() {
        let tricky = r#"{"a":"}]{[\"}\\","b\"}":"\\\"}"}"#;
        assert_eq!(objects(format!("[{tricky},{tricky}]").as_bytes()), (vec![tricky, tricky], None));
    }

    #[test]
    fn a_cut_object_is_left_to_look_at() {
        assert_eq!(objects(b"[{},{\"a\":\"}"), (vec!["{}"], Some("{\"a\":\"}")));
        assert_eq!(objects(b"[{},\n "), (vec!["{}"], None));
    }

    #[test]
    fn what_is_no_object_is_handed_out_for_the_codec_to_refuse() {
        assert_eq!(objects(b"<html>\n<p>"), (vec!["<html>"], Some("<p>")));
        assert_eq!(objects(b"[1, \"x\",{}] }"), (vec!["1", "\"x\"", "{}"], Some("}")));
    }
}
