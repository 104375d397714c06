//! A file of frames that is being written: content collects, is sealed into whole frames, and these are appended.
//!
//! The file is made with the first frame that is written to it, or at once.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::StoreError;
use crate::frames::{Effort, Packer};
use crate::tail::Tail;

/// Makes the file of a path, beginning with a header.
pub(crate) type Maker = Box<dyn FnMut(&Path, &[u8]) -> Result<Tail, StoreError> + Send>;

/// Content of a frame, beyond which a new one is begun: it bounds what a reader must hold.
pub(crate) const FRAME: usize = 1 << 20;

/// A file of frames.
pub(crate) struct Blocks {
    path: PathBuf,
    /// The frame that the file begins with.
    header: Vec<u8>,
    /// None until there is something to write.
    tail: Option<Tail>,
    packer: Packer,
    /// Content of the next frame.
    pub(crate) content: Vec<u8>,
    /// Whole frames to be written.
    pub(crate) frames: Vec<u8>,
}

impl Blocks {
    /// A file that is not there before something is written to it.
    pub(crate) fn new(path: PathBuf, header: &str, effort: Effort) -> Result<Blocks, StoreError> {
        let mut packer = Packer::new(effort).map_err(StoreError::write(&path))?;
        let mut frame = Vec::new();
        packer.pack(header.as_bytes(), &mut frame).map_err(StoreError::write(&path))?;
        Ok(Blocks { path, header: frame, tail: None, packer, content: Vec::new(), frames: Vec::new() })
    }

    /// Makes the file, unless it is there.
    pub(crate) fn make(&mut self, maker: &mut Maker) -> Result<(), StoreError> {
        if self.tail.is_none() {
            let made = maker(&self.path, &self.header);
            // What was begun is in the way of the next try; what somebody else made is not ours.
            if let Err(StoreError::Write { source, .. }) = &made
                && source.kind() != io::ErrorKind::AlreadyExists
            {
                let _ = std::fs::remove_file(&self.path);
            }
            self.tail = Some(made?);
        }
        Ok(())
    }

    /// Makes the file if there is something to write.
    pub(crate) fn make_if_needed(&mut self, maker: &mut Maker) -> Result<(), StoreError> {
        if self.unwritten() > 0 { self.make(maker) } else { Ok(()) }
    }

    /// Bytes that wait.
    pub(crate) fn unwritten(&self) -> usize {
        self.content.len() + self.frames.len()
    }

    /// Makes a frame of what there is, if that is enough for one. What cannot be packed now stays where it is, for the
    /// next flush to try and to tell.
    pub(crate) fn seal_if_large(&mut self) {
        if self.content.len() >= FRAME {
            let _ = self.seal();
        }
    }

    /// Makes a frame of what there is.
    fn seal(&mut self) -> Result<(), StoreError> {
        if !self.content.is_empty() {
            self.packer.pack(&self.content, &mut self.frames).map_err(StoreError::write(&self.path))?;
            self.content.clear();
        }
        Ok(())
    }

    /// Writes everything, or leaves the file as it was. The file has been made if there is something.
    pub(crate) fn write(&mut self) -> Result<(), StoreError> {
        self.seal()?;
        match &mut self.tail {
            Some(tail) => tail.append(&self.frames),
            None => Ok(()),
        }
    }

    /// Its length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.tail.as_ref().map_or(0, Tail::length)
    }

    /// Takes back everything from `length` on.
    pub(crate) fn back_to(&mut self, length: u64) {
        if let Some(tail) = &mut self.tail {
            tail.back_to(length);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.content.clear();
        self.frames.clear();
    }
}
