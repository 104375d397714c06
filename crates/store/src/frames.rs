//! Blocks of a journal: whole, independent zstd frames with a checksum.
//!
//! A file of them is what any zstd tool reads; cut anywhere, everything before the cut frame can
//! still be had. A frame is only given out once its checksum has been verified.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use zstd::bulk::Compressor;
use zstd::stream::raw::{CParameter, Decoder, InBuffer, Operation, OutBuffer};

/// Packs bytes into frames.
pub(crate) struct Packer {
    compressor: Compressor<'static>,
    scratch: Vec<u8>,
}

/// How hard to try: the packing must not be felt beside the load.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effort {
    /// For lines, which resemble each other.
    Lines,
    /// For arrivals, which are noise for the most part: to make them a quarter smaller would take twice the time.
    Noise,
}

impl Effort {
    const fn level(self) -> i32 {
        match self {
            Effort::Lines => 1,
            Effort::Noise => -1,
        }
    }
}

impl Packer {
    pub(crate) fn new(effort: Effort) -> io::Result<Packer> {
        let mut compressor = Compressor::new(effort.level())?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Packer { compressor, scratch: Vec::new() })
    }

    /// Appends `content` to `out` as one frame.
    pub(crate) fn pack(&mut self, content: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.scratch.clear();
        self.scratch.reserve(zstd::zstd_safe::compress_bound(content.len()));
        self.compressor.compress_to_buffer(content, &mut self.scratch)?;
        out.extend_from_slice(&self.scratch);
        Ok(())
    }
}

/// Why the next frame cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The file ends in the middle of it.
    Cut,
    /// It is not what was written.
    Altered(String),
}

/// Gives out the contents of a file of frames, one by one.
pub(crate) struct Frames {
    input: BufReader<File>,
    decoder: Decoder<'static>,
    read: u64,
    length: u64,
    /// End of the last whole frame.
    whole: u64,
    /// Content that a frame may have.
    most: usize,
}

/// More than a writer puts in a frame by far; a header that promises more is no reason to fill the memory.
const MOST: usize = 256 << 20;
const STEP: usize = 128 << 10;

impl Frames {
    pub(crate) fn open(path: &Path) -> io::Result<Frames> {
        let file = File::open(path)?;
        Ok(Frames {
            length: file.metadata()?.len(),
            input: BufReader::with_capacity(STEP, file),
            decoder: Decoder::new()?,
            read: 0,
            whole: 0,
            most: MOST,
        })
    }

    /// Bytes after the last whole frame.
    pub(crate) fn left_out(&self) -> u64 {
        self.length.saturating_sub(self.whole)
    }

    /// Replaces `content` by that of the next frame; false at the end of the file.
    pub(crate) fn next(&mut self, content: &mut Vec<u8>) -> Result<bool, Damage> {
        content.clear();
        let altered = |error: io::Error| Damage::Altered(error.to_string());
        self.decoder.reinit().map_err(altered)?;
        loop {
            let input = self.input.fill_buf().map_err(altered)?;
            let at_end = input.is_empty();
            if at_end && self.read == self.whole {
                return Ok(false);
            }
            let before = content.len();
            content.reserve(STEP);
            let mut from = InBuffer::around(input);
            let missing =
                self.decoder.run(&mut from, &mut OutBuffer::around_pos(content, before)).map_err(altered)?;
            let used = from.pos();
            self.input.consume(used);
            self.read += used as u64;
            if missing == 0 {
                self.whole = self.read;
                return Ok(true);
            }
            if at_end && content.len() == before {
                return Err(Damage::Cut);
            }
            if content.len() > self.most {
                return Err(Damage::Altered("a block is larger than any that is written".into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(contents: &[&[u8]]) -> Vec<u8> {
        let mut packer = Packer::new(Effort::Lines).unwrap();
        let mut out = Vec::new();
        contents.iter().for_each(|content| packer.pack(content, &mut out).unwrap());
        out
    }

    fn frames(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<Damage>, u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames");
        std::fs::write(&path, bytes).unwrap();
        let mut frames = Frames::open(&path).unwrap();
        let (mut contents, mut content) = (Vec::new(), Vec::new());
        loop {
            match frames.next(&mut content) {
                Ok(true) => contents.push(content.clone()),
                Ok(false) => return (contents, None, frames.left_out()),
                Err(damage) => return (contents, Some(damage), frames.left_out()),
            }
        }
    }

    #[test]
    fn frames_come_back_one_by_one() {
        let large: Vec<u8> =
            (0..1_000_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let contents: [&[u8]; 4] = [b"one", b"", &large, b"four"];
        let (read, damage, left_out) = frames(&packed(&contents));
        assert!(read.iter().eq(contents.iter()));
        assert_eq!((damage, left_out), (None, 0));
    }

    #[test]
    fn a_cut_leaves_every_frame_before_it() {
        let whole = packed(&[b"one", b"two"]);
        let first = packed(&[b"one"]).len();
        for cut in 0..whole.len() {
            let (read, damage, left_out) = frames(&whole[..cut]);
            assert_eq!(read.len(), usize::from(cut >= first), "cut at {cut}");
            let boundary = if cut >= first { first } else { 0 };
            assert_eq!(damage, (cut != boundary).then_some(Damage::Cut), "cut at {cut}");
            assert_eq!(left_out, (cut - boundary) as u64);
        }
    }

    #[test]
    fn a_promise_of_endless_content_does_not_fill_the_memory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), packed(&[&vec![0u8; 8 * STEP]])).unwrap();
        let mut frames = Frames { most: 2 * STEP, ..Frames::open(file.path()).unwrap() };
        let mut content = Vec::new();
        assert!(matches!(frames.next(&mut content), Err(Damage::Altered(_))));
        assert!(content.capacity() <= 8 * STEP);
    }
}
