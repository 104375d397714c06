//! A file that only grows by whole writes: what could not be written whole is cut off again, so
//! that whatever follows it stays readable.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// What a [`Tail`] writes to; a file, or in tests something that fails on purpose.
pub(crate) trait Medium: Send {
    /// Writes all bytes at the end; on an error any number of them may have been written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Shortens it to `length` bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(|_| ())
    }
}

/// The end of a growing file.
pub(crate) struct Tail {
    path: PathBuf,
    medium: Box<dyn Medium>,
    /// As far as it is known to be whole.
    length: u64,
    /// Whether there may be more in it than that.
    ragged: bool,
}

impl Tail {
    /// A new file that begins with `header`. It is locked as long as it is written to, so that a reader can
    /// tell a run that goes on from one that was killed; where locks do not work, it cannot.
    pub(crate) fn create(path: &Path, header: &[u8]) -> Result<Tail, StoreError> {
        let file =
            OpenOptions::new().write(true).create_new(true).open(path).map_err(StoreError::write(path))?;
        let _ = file.try_lock();
        Tail::over(path, Box::new(file), header)
    }

    /// The same over any medium.
    pub(crate) fn over(path: &Path, medium: Box<dyn Medium>, header: &[u8]) -> Result<Tail, StoreError> {
        let mut tail = Tail { path: path.to_owned(), medium, length: 0, ragged: false };
        tail.append(header)?;
        Ok(tail)
    }

    /// Its length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Writes all of `bytes`, or leaves the file as it was.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.try_append(bytes) {
            self.ragged = true;
            self.back_to(self.length);
            return Err(StoreError::write(&self.path)(error));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn try_append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.ragged {
            self.medium.cut(self.length)?;
            self.ragged = false;
        }
        self.medium.append(bytes)
    }

    /// Takes back everything from `length` on; if that fails now, it is done before the next write.
    pub(crate) fn back_to(&mut self, length: u64) {
        if self.ragged || length < self.length {
            self.length = length;
            self.ragged = self.medium.cut(length).is_err();
        }
    }
}
