//! Bodies of which every line is an event (NDJSON, JSON Lines), ended by LF or CRLF. Blank lines are none.
//!
//! A line that arrives whole is handed out without being copied.

use memchr::memchr;

use super::pending::Pending;
use crate::sse::{Event, EventTooLarge, Unterminated};

/// Finds the lines of a body.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    pending: Pending,
}

impl Lines {
    /// Takes the next bytes and hands every line that they complete to `sink`.
    ///
    /// # Errors
    /// [`EventTooLarge`], now and on every later call.
    #[inline]
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Event<'_>)) -> Result<(), EventTooLarge> {
        self.pending.sound()?;
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            self.pending.complete(&rest[..end], |line| {
                let data = line.strip_suffix(b"\r").unwrap_or(line);
                if !data.trim_ascii().is_empty() {
                    sink(Event { name: b"", data });
                }
            })?;
            rest = &rest[end + 1..];
        }
        self.pending.push(rest)
    }

    /// Ends the body and returns its last line, if that lacks its end.
    pub fn finish(&mut self) -> Option<Unterminated> {
        self.pending.take()
    }
}

#[cfg(test)]
mod tests {
    use super::super::frames::Framing;
    use super::super::tests::{Found, every_cut};

    fn lines(bytes: &[u8]) -> Found {
        every_cut(Framing::Lines, bytes)
    }

    #[test]
    fn every_line_is_an_event_and_blank_ones_are_none() {
        assert_eq!(lines(b"{}\n[1]\r\n\n \r\n\r\n x \n"), (vec!["{}", "[1]", " x "], None));
        assert_eq!(lines(b""), (vec![], None));
        // A CR alone ends no line.
        assert_eq!(lines(b"a\rb\r\r\n"), (vec!["a\rb\r"], None));
    }

    #[test]
    fn a_last_line_without_its_end_is_left_to_look_at() {
        assert_eq!(lines(b"{}\n{\"a\":"), (vec!["{}"], Some("{\"a\":")));
        assert_eq!(lines(b"{}\r"), (vec![], Some("{}")));
        assert_eq!(lines(b"{}\n \r"), (vec!["{}"], None));
    }
}
