//! The beginning of an event whose end has not arrived yet.

use crate::sse::{EventTooLarge, MAX_EVENT, Unterminated};

/// Buffers above this size are given back after the event that needed them.
const KEEP: usize = 16 * 1024;

/// What is kept of one event, of bounded size. An event that arrives in one piece is never kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    too_large: bool,
}

impl Pending {
    /// Keeps `more` of an event that goes on.
    pub(super) fn push(&mut self, more: &[u8]) -> Result<(), EventTooLarge> {
        self.check(more.len())?;
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// Hands what was kept, with its `last` bytes, to `sink`.
    pub(super) fn complete(&mut self, last: &[u8], sink: impl FnOnce(&[u8])) -> Result<(), EventTooLarge> {
        self.check(last.len())?;
        if self.bytes.is_empty() {
            sink(last);
            return Ok(());
        }
        self.bytes.extend_from_slice(last);
        sink(&self.bytes);
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new()
        } else {
            self.bytes.clear()
        }
        Ok(())
    }

    /// Whether the stream can still be followed.
    pub(super) fn sound(&self) -> Result<(), EventTooLarge> {
        if self.too_large { Err(EventTooLarge) } else { Ok(()) }
    }

    /// What was kept at the end of the body, if there is anything to it.
    pub(super) fn take(&mut self) -> Option<Unterminated> {
        let bytes = std::mem::take(&mut self.bytes);
        let rest = bytes.trim_ascii();
        (!rest.is_empty()).then(|| Unterminated::without_name(rest.to_vec()))
    }

    fn check(&mut self, more: usize) -> Result<(), EventTooLarge> {
        self.sound()?;
        if self.bytes.len() + more > MAX_EVENT {
            *self = Pending { bytes: Vec::new(), too_large: true };
            return Err(EventTooLarge);
        }
        Ok(())
    }
}
