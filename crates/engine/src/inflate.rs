//! Takes the compression off an answer as it arrives: what a read holds is handed on at once, so that the events in it
//! keep the stamp of that read.
//!
//! A small answer can unpack to a huge one, so nothing is unpacked into more than a small buffer at a time, and whoever
//! takes the pieces can end it.

use std::io::Write;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::write::MultiGzDecoder;
use floodline_wire::http1::Coding;

/// Unpacks one body.
pub(crate) struct Inflate {
    coding: Coding,
    unpacker: Unpacker,
    /// Whether anything has been fed to it.
    begun: bool,
}

enum Unpacker {
    /// Into a buffer that is emptied after every few bytes.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Brotli(Box<Brotli>),
}

struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    done: bool,
}

/// Why a body cannot be unpacked any further.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It is not what its coding says, in words.
    Broken(String),
    /// Whoever takes the pieces wants no more.
    Enough,
}

/// The buffer for what is unpacked of brotli.
const PIECE: usize = 16 * 1024;
/// Bytes of gzip that are unpacked at once: as deflate can grow by 1032 at most, into 1 MiB.
const BITE: usize = 1024;

impl Inflate {
    pub(crate) fn new(coding: Coding) -> Inflate {
        let unpacker = match coding {
            Coding::Gzip => Unpacker::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Coding::Brotli => {
                let alloc = StandardAlloc::default;
                // A window beyond 16 MiB is not Brotli as HTTP knows it.
                let state = BrotliState::new_strict(alloc(), alloc(), alloc());
                Unpacker::Brotli(Box::new(Brotli { state, done: false }))
            }
        };
        Inflate { coding, unpacker, begun: false }
    }

    /// Unpacks the next bytes, cut anywhere, and hands all that is in them to `sink`, which says whether it takes more.
    ///
    /// # Errors
    /// [`Stopped`]; there is nothing to be had from it after that.
    pub(crate) fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(&[u8]) -> bool) -> Result<(), Stopped> {
        self.begun |= !bytes.is_empty();
        match &mut self.unpacker {
            Unpacker::Gzip(gzip) => {
                for bite in bytes.chunks(BITE) {
                    gzip.write_all(bite).and_then(|()| gzip.flush()).map_err(|_| broken(self.coding))?;
                    let unpacked = gzip.get_mut();
                    let more = unpacked.is_empty() || sink(unpacked);
                    unpacked.clear();
                    if !more {
                        return Err(Stopped::Enough);
                    }
                }
                Ok(())
            }
            Unpacker::Brotli(brotli) => brotli.feed(bytes, sink),
        }
    }

    /// Whether the body can end here; asked once, when it has.
    ///
    /// # Errors
    /// [`Stopped::Broken`] if it is not whole.
    pub(crate) fn finish(&mut self) -> Result<(), Stopped> {
        let whole = match &mut self.unpacker {
            Unpacker::Gzip(gzip) => gzip.try_finish().is_ok(),
            Unpacker::Brotli(brotli) => brotli.done,
        };
        match whole || !self.begun {
            true => Ok(()),
            false => {
                Err(Stopped::Broken(format!("the {} data of the answer ends too early", self.coding.name())))
            }
        }
    }
}

impl Brotli {
    fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(&[u8]) -> bool) -> Result<(), Stopped> {
        let mut piece = [0u8; PIECE];
        let (mut left, mut at) = (bytes.len(), 0);
        loop {
            if self.done {
                return if left == 0 { Ok(()) } else { Err(broken(Coding::Brotli)) };
            }
            let (mut room, mut filled, mut total) = (PIECE, 0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut at,
                bytes,
                &mut room,
                &mut filled,
                &mut piece,
                &mut total,
                &mut self.state,
            );
            if filled > 0 && !sink(&piece[..filled]) {
                return Err(Stopped::Enough);
            }
            match result {
                BrotliResult::ResultSuccess => self.done = true,
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::ResultFailure => return Err(broken(Coding::Brotli)),
            }
        }
    }
}

fn broken(coding: Coding) -> Stopped {
    Stopped::Broken(format!("the {} data of the answer is broken", coding.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(pieces: &[&str]) -> Vec<Vec<u8>> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let mut packed = Vec::new();
        for piece in pieces {
            encoder.write_all(piece.as_bytes()).unwrap();
            encoder.flush().unwrap();
            packed.push(std::mem::take(encoder.get_mut()));
        }
        packed.push(encoder.finish().unwrap());
        packed
    }

    fn brotli(pieces: &[&str]) -> Vec<Vec<u8>> {
        let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
        let mut packed = Vec::new();
        for piece in pieces {
            encoder.write_all(piece.as_bytes()).unwrap();
            encoder.flush().unwrap();
            packed.push(std::mem::take(encoder.get_mut()));
        }
        packed.push(encoder.into_inner());
        packed
    }

    fn unpacked(inflate: &mut Inflate, bytes: &[u8]) -> Result<Vec<u8>, Stopped> {
        let mut all = Vec::new();
        inflate.feed(bytes, &mut |piece| {
            all.extend_from_slice(piece);
            true
        })?;
        Ok(all)
    }

    const PIECES: [&str; 3] = ["data: {\"a\":1}\n\n", "data: {\"a\":2}\n\n", "data: [DONE]\n\n"];

    #[test]
    fn what_was_flushed_is_handed_on_at_once() {
        for (coding, packed) in [(Coding::Gzip, gzip(&PIECES)), (Coding::Brotli, brotli(&PIECES))] {
            let mut inflate = Inflate::new(coding);
            for (packed, plain) in packed.iter().zip(PIECES) {
                assert_eq!(unpacked(&mut inflate, packed).unwrap(), plain.as_bytes(), "{coding:?}");
            }
            assert_eq!(unpacked(&mut inflate, packed.last().unwrap()).unwrap(), b"");
            assert_eq!(inflate.finish(), Ok(()), "{coding:?}");
            let mut cut = Inflate::new(coding);
            unpacked(&mut cut, &packed[0]).unwrap();
            assert!(cut.finish().is_err(), "{coding:?}");
        }
    }

    #[test]
    fn any_cut_gives_the_same() {
        let plain = PIECES.concat();
        // Two members of gzip, one behind the other, are one body.
        let members = [gzip(&PIECES[..1]).concat(), gzip(&PIECES[1..]).concat()].concat();
        for (coding, packed) in [
            (Coding::Gzip, gzip(&PIECES).concat()),
            (Coding::Gzip, members),
            (Coding::Brotli, brotli(&PIECES).concat()),
        ] {
            for size in 1..packed.len() {
                let mut inflate = Inflate::new(coding);
                let all: Vec<u8> =
                    packed.chunks(size).flat_map(|cut| unpacked(&mut inflate, cut).unwrap()).collect();
                assert_eq!(String::from_utf8(all).unwrap(), plain, "{coding:?} by {size}");
                assert_eq!(inflate.finish(), Ok(()), "{coding:?} by {size}");
            }
        }
    }

    #[test]
    fn broken_data_is_no_panic_and_no_text() {
        for (coding, mut packed) in
            [(Coding::Gzip, gzip(&PIECES).concat()), (Coding::Brotli, brotli(&PIECES).concat())]
        {
            assert!(unpacked(&mut Inflate::new(coding), b"<html>never packed</html>").is_err(), "{coding:?}");
            for at in 0..packed.len() {
                packed[at] ^= 0xff;
                let mut inflate = Inflate::new(coding);
                let _ = unpacked(&mut inflate, &packed).map(|_| inflate.finish());
                packed[at] ^= 0xff;
            }
        }
        assert_eq!(Inflate::new(Coding::Gzip).finish(), Ok(()), "an empty body needs no coding");
    }

    #[test]
    fn a_bomb_is_stopped_by_whoever_takes_the_pieces() {
        let zeros = "\0".repeat(8 * 1024 * 1024);
        for (coding, packed) in
            [(Coding::Gzip, gzip(&[&zeros]).concat()), (Coding::Brotli, brotli(&[&zeros]).concat())]
        {
            let (mut taken, mut most) = (0, 0);
            let stopped = Inflate::new(coding).feed(&packed, &mut |piece| {
                taken += piece.len();
                most = most.max(piece.len());
                taken < 2_000_000
            });
            assert_eq!(stopped, Err(Stopped::Enough), "{coding:?}");
            assert!(taken < 4_000_000 && most <= 1_100_000, "{coding:?}: {taken} in pieces of {most}");
        }
    }
}
