//! Bytes of answers: HTTP chunks, frames that are prepared around a text, escapes and numbers.

use std::fmt;

use serde::Serialize;

pub(crate) use crate::request::write_json;

/// Appends `parts` as one HTTP chunk.
#[inline]
pub(crate) fn chunk(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let size: usize = parts.iter().map(|part| part.len()).sum();
    let mut line = [0; 18];
    let line = size_line(size, &mut line);
    out.reserve(line.len() + size + 2);
    out.extend_from_slice(line);
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

/// The chunk that ends a body.
pub(crate) fn last_chunk(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n\r\n");
}

/// What stands around the text of a token's event, prepared once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    before: Box<[u8]>,
    after: Box<[u8]>,
}

impl Frame {
    /// The text stands inside a JSON string that `before` opens and `after` closes.
    pub(crate) fn new(before: impl Into<Vec<u8>>, after: impl Into<Vec<u8>>) -> Frame {
        Frame { before: before.into().into(), after: after.into().into() }
    }

    /// One event with `text`, in a chunk of its own.
    #[inline]
    pub(crate) fn write(&self, out: &mut Vec<u8>, text: &str) {
        if text.bytes().all(stands_for_itself) {
            chunk(out, &[&self.before, text.as_bytes(), &self.after]);
        } else {
            escaped(text, |body| chunk(out, &[&self.before, body, &self.after]));
        }
    }

    /// The same with `tail` between what stands behind the text and the end, such as a number that changes.
    #[inline]
    pub(crate) fn write_with(&self, out: &mut Vec<u8>, text: &str, tail: &[&[u8]; 4]) {
        let [a, b, c, d] = tail;
        if text.bytes().all(stands_for_itself) {
            chunk(out, &[&self.before, text.as_bytes(), &self.after, a, b, c, d]);
        } else {
            escaped(text, |body| chunk(out, &[&self.before, body, &self.after, a, b, c, d]));
        }
    }
}

/// Hands `text` to `write` as it stands in a JSON string, without the quotes.
#[cold]
fn escaped(text: &str, write: impl FnOnce(&[u8])) {
    let mut literal = Vec::with_capacity(text.len() + 8);
    write_json(&mut literal, text);
    write(literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default());
}

/// Whether a byte of a JSON string is written as it is.
#[inline]
fn stands_for_itself(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

/// A number in decimal, written at the end of `buffer`.
#[inline]
pub(crate) fn decimal(number: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let (mut at, mut left) = (buffer.len(), number);
    loop {
        at -= 1;
        buffer[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            return &buffer[at..];
        }
    }
}

/// A value that is shown as JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> fmt::Display for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

/// `size` in hexadecimal and a line end, written at the end of `buffer`.
#[inline]
fn size_line(size: usize, buffer: &mut [u8; 18]) -> &[u8] {
    buffer[16] = b'\r';
    buffer[17] = b'\n';
    let mut at = 16;
    let mut left = size;
    loop {
        at -= 1;
        buffer[at] = b"0123456789abcdef"[left & 15];
        left >>= 4;
        if left == 0 {
            return &buffer[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_hexadecimal() {
        for size in [0, 9, 10, 255, 256, 65_535, usize::MAX] {
            assert_eq!(size_line(size, &mut [0; 18]), format!("{size:x}\r\n").as_bytes());
        }
    }

    #[test]
    fn numbers_in_decimal() {
        for number in [0, 9, 10, 12_345, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }

    #[test]
    fn a_frame_escapes_what_a_string_cannot_hold() {
        let (frame, mut out) = (Frame::new("{\"t\":\"", "\"}"), Vec::new());
        frame.write(&mut out, "plain");
        frame.write(&mut out, "a\"b");
        assert_eq!(out, b"d\r\n{\"t\":\"plain\"}\r\nc\r\n{\"t\":\"a\\\"b\"}\r\n");
    }
}
