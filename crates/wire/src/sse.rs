//! Event streams (`text/event-stream`), deframed by the rules of the WHATWG HTML standard, 9.2.5 and
//! 9.2.6, for every cut of the bytes.
//!
//! Works on bytes: invalid UTF-8 passes through and is the codec's business. An event that lies whole
//! in one slice and has one line of data is handed out without being copied; only what is cut between
//! slices, or has several lines of data, is kept. Ids and retry times are not tracked: no provider
//! resumes a stream by them.

use memchr::memchr2;

/// The most bytes one event may hold, its current line included.
pub const MAX_EVENT: usize = 16 * 1024 * 1024;

/// Buffers above this size are given back after the event that needed them.
const KEEP: usize = 16 * 1024;

/// Events above this size take the general path, which alone enforces [`MAX_EVENT`].
const MAX_WHOLE: usize = 1024 * 1024;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// One event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field; empty means `message`.
    pub name: &'a [u8],
    /// The `data` lines, joined by line feeds.
    pub data: &'a [u8],
}

/// An event without the blank line that would have ended it, as the end of the stream left it.
///
/// The standard discards it. Real servers do leave out the last blank line, so a codec may still look
/// at it, knowing that it may be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unterminated {
    name: Vec<u8>,
    data: Vec<u8>,
}

impl Unterminated {
    /// What another framing than that of the standard left unfinished: it has no names.
    pub(crate) fn without_name(data: Vec<u8>) -> Unterminated {
        Unterminated { name: Vec::new(), data }
    }

    /// What there is of the event.
    pub fn event(&self) -> Event<'_> {
        Event { name: &self.name, data: &self.data }
    }
}

/// An event grew beyond [`MAX_EVENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is larger than 16 MiB")]
pub struct EventTooLarge;

/// Finds the events in a stream of bytes.
#[derive(Clone, Debug, Default)]
pub struct Deframer {
    /// The line that is not complete yet. Of a comment only the colon is kept.
    line: Vec<u8>,
    /// The data lines of the event that is not complete yet, each with a line feed.
    data: Vec<u8>,
    name: Vec<u8>,
    /// A line of the current event has begun, so that it cannot be handed out whole any more.
    inside: bool,
    /// Bytes of a byte order mark seen at the start; 3 once it was read or found missing.
    bom: u8,
    /// The last line ended in CR: a LF that follows belongs to it.
    skip_lf: bool,
    too_large: bool,
}

impl Deframer {
    /// A deframer at the start of a stream.
    pub fn new() -> Deframer {
        Deframer::default()
    }

    /// Takes the next bytes of the stream and hands every event that they complete to `sink`.
    ///
    /// # Errors
    /// [`EventTooLarge`], now and on every later call: the stream cannot be followed further.
    #[inline]
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Event<'_>)) -> Result<(), EventTooLarge> {
        if self.too_large {
            return Err(EventTooLarge);
        }
        let mut rest = if self.bom < 3 { self.skip_bom(bytes) } else { bytes };
        while !rest.is_empty() {
            if self.skip_lf {
                self.skip_lf = false;
                if rest[0] == b'\n' {
                    rest = &rest[1..];
                    continue;
                }
            }
            if !self.inside
                && let Some((event, after)) = whole_event(rest)
            {
                if let Some(event) = event {
                    sink(event);
                }
                rest = after;
                continue;
            }
            rest = self.line(rest, sink)?;
        }
        Ok(())
    }

    /// Ends the stream and says what it left unfinished, if that holds any data.
    pub fn finish(&mut self) -> Option<Unterminated> {
        let line = std::mem::take(&mut self.line);
        self.field(&line);
        let mut data = std::mem::take(&mut self.data);
        let name = std::mem::take(&mut self.name);
        // Without its line feed; and none at all if there was no data line.
        data.pop().map(|_| Unterminated { name, data })
    }

    /// The general path: one line, or the part of one that there is.
    fn line<'r>(
        &mut self,
        rest: &'r [u8],
        sink: &mut impl FnMut(Event<'_>),
    ) -> Result<&'r [u8], EventTooLarge> {
        self.inside = true;
        let Some(end) = memchr2(b'\n', b'\r', rest) else {
            match (self.line.first(), rest[0]) {
                (Some(b':'), _) => {}
                (None, b':') => self.line.push(b':'),
                _ => {
                    self.check(rest.len())?;
                    self.line.extend_from_slice(rest);
                }
            }
            return Ok(&[]);
        };
        self.skip_lf = rest[end] == b'\r';
        if self.line.is_empty() {
            let line = &rest[..end];
            if line.is_empty() {
                self.dispatch(sink);
            } else {
                if line[0] != b':' {
                    self.check(line.len())?;
                }
                self.field(line);
            }
        } else {
            if self.line[0] != b':' {
                self.check(end)?;
                self.line.extend_from_slice(&rest[..end]);
            }
            let mut line = std::mem::take(&mut self.line);
            self.field(&line);
            reset(&mut line);
            self.line = line;
        }
        Ok(&rest[end + 1..])
    }

    /// Whether so many more bytes of the current line may be kept.
    fn check(&mut self, more: usize) -> Result<(), EventTooLarge> {
        if self.data.len() + self.line.len() + more > MAX_EVENT {
            *self = Deframer { bom: 3, too_large: true, ..Deframer::default() };
            return Err(EventTooLarge);
        }
        Ok(())
    }

    fn field(&mut self, line: &[u8]) {
        match field(line) {
            (b"data", value) => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            (b"event", value) => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        // Every data line left a line feed, so no data at all means that there is no event.
        if let Some((_, data)) = self.data.split_last() {
            sink(Event { name: &self.name, data });
        }
        reset(&mut self.data);
        reset(&mut self.name);
        self.inside = false;
    }

    /// Passes over one byte order mark at the very start, which may itself be cut.
    fn skip_bom<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            let seen = usize::from(self.bom);
            if byte != BOM[seen] {
                self.line.extend_from_slice(&BOM[..seen]);
                self.inside = seen > 0;
                self.bom = 3;
                break;
            }
            self.bom += 1;
            rest = after;
            if self.bom == 3 {
                break;
            }
        }
        rest
    }
}

/// Reads the event at the start of `bytes` if it is whole and has at most one line of data: the
/// event, if it is one, and what follows its blank line.
#[inline]
fn whole_event(bytes: &[u8]) -> Option<(Option<Event<'_>>, &[u8])> {
    let mut name: &[u8] = b"";
    let mut data: Option<&[u8]> = None;
    let mut rest = bytes;
    loop {
        let end = memchr2(b'\n', b'\r', rest)?;
        let line = &rest[..end];
        // A CR at the very end is left to the general path: its LF may follow in the next slice.
        let ending = if rest[end] == b'\n' {
            1
        } else if *rest.get(end + 1)? == b'\n' {
            2
        } else {
            1
        };
        rest = &rest[end + ending..];
        if line.is_empty() {
            return Some((data.map(|data| Event { name, data }), rest));
        }
        if line.len() > MAX_WHOLE {
            return None;
        }
        match field(line) {
            (b"data", value) if data.is_none() => data = Some(value),
            (b"data", _) => return None,
            (b"event", value) => name = value,
            _ => {}
        }
        // The usual end of a usual event, found without another search.
        if let Some(after) = rest.strip_prefix(b"\n") {
            return Some((data.map(|data| Event { name, data }), after));
        }
    }
}

/// Splits a line into the name of its field and the value, less one leading space.
#[inline]
fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let (name, value) = if let Some(value) = line.strip_prefix(b"data:") {
        (&line[..4], value)
    } else {
        match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        }
    };
    (name, value.strip_prefix(b" ").unwrap_or(value))
}

/// Empties a buffer, and gives its memory back if one large event had made it large.
fn reset(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEEP { *buffer = Vec::new() } else { buffer.clear() }
}

#[cfg(test)]
mod tests;
