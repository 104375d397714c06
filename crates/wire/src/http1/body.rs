//! Message bodies: takes the framing off, for every cut of the bytes.

use super::{Framing, HttpError};

/// The most bytes of chunk extensions and trailers that one body may have; nobody needs any.
const MAX_OVERHEAD: u32 = 64 * 1024;

/// Reads one body. Feed it bytes as they come; the payload goes to the sink without being copied.
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    /// Bytes of extensions and trailers so far.
    overhead: u32,
}

/// What [`BodyDecoder::feed`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    /// Bytes taken from the input: all of them, unless the body ended before.
    pub consumed: usize,
    /// Whether the body has ended.
    pub done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Done,
    Close,
    Length(u64),
    /// In a chunk's size, of which so many digits have been read.
    Size {
        size: u64,
        digits: u8,
    },
    /// After the size: blanks or an extension, up to the end of the line.
    Extension {
        size: u64,
    },
    /// The CR of a size line was read.
    SizeLf {
        size: u64,
    },
    Data(u64),
    DataCr,
    DataLf,
    /// In the trailer section; whether the line has any byte yet.
    Trailer {
        empty: bool,
    },
    /// The CR of a trailer line was read.
    TrailerLf {
        empty: bool,
    },
}

const CHUNK_START: State = State::Size { size: 0, digits: 0 };

impl BodyDecoder {
    /// A decoder for a body with this framing.
    pub fn new(framing: Framing) -> BodyDecoder {
        let state = match framing {
            Framing::Empty | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => CHUNK_START,
            Framing::Close => State::Close,
        };
        BodyDecoder { state, overhead: 0 }
    }

    /// Whether the body has ended; a body without bytes has from the start.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the framing off `input` and hands each run of payload to `sink`, in order, never empty.
    ///
    /// All input is consumed unless the body ends in it; what follows belongs to the next message.
    ///
    /// # Errors
    /// [`HttpError::MalformedChunk`] if the chunked coding is broken; the decoder is of no use afterwards.
    pub fn feed(&mut self, input: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<Fed, HttpError> {
        let mut rest = input;
        while !rest.is_empty() {
            match self.state {
                State::Done => break,
                State::Close => {
                    sink(rest);
                    rest = &[];
                }
                State::Length(left) => {
                    let left = left - take(&mut rest, left, sink);
                    self.state = if left == 0 { State::Done } else { State::Length(left) };
                }
                CHUNK_START => match whole_chunk(rest) {
                    Some((data, after)) => {
                        sink(data);
                        rest = after;
                    }
                    None => self.byte(&mut rest)?,
                },
                State::Data(left) => {
                    let left = left - take(&mut rest, left, sink);
                    self.state = if left == 0 { State::DataCr } else { State::Data(left) };
                }
                _ => self.byte(&mut rest)?,
            }
        }
        Ok(Fed { consumed: input.len() - rest.len(), done: self.is_done() })
    }

    /// Says whether the connection may end here.
    ///
    /// # Errors
    /// [`HttpError::UnexpectedEnd`] unless the body was complete or ends with the connection.
    pub fn finish(&self) -> Result<(), HttpError> {
        match self.state {
            State::Done | State::Close => Ok(()),
            _ => Err(HttpError::UnexpectedEnd),
        }
    }

    /// One byte of chunk framing: the path for lines that are cut, long or unusual.
    fn byte(&mut self, rest: &mut &[u8]) -> Result<(), HttpError> {
        let Some((&byte, after)) = rest.split_first() else { return Ok(()) };
        *rest = after;
        self.state = match (self.state, byte) {
            (State::Size { digits: 0, .. }, byte) if hex(byte).is_none() => {
                return Err(HttpError::MalformedChunk("a chunk without a size"));
            }
            (State::Size { size, digits }, byte) => match (hex(byte), byte) {
                // Sixteen digits fill 64 bits; leading zeros beyond that serve nobody.
                (Some(_), _) if digits == 16 => {
                    return Err(HttpError::MalformedChunk("chunk size too large"));
                }
                (Some(digit), _) => State::Size { size: size << 4 | u64::from(digit), digits: digits + 1 },
                (None, b'\r') => State::SizeLf { size },
                (None, b';' | b' ' | b'\t') => State::Extension { size },
                (None, _) => return Err(HttpError::MalformedChunk("chunk size")),
            },
            (State::Extension { size }, b'\r') => State::SizeLf { size },
            (State::Extension { .. }, b'\n') => {
                return Err(HttpError::MalformedChunk("line end after a chunk size"));
            }
            (State::Extension { size }, _) => {
                self.count_overhead()?;
                State::Extension { size }
            }
            (State::SizeLf { size: 0 }, b'\n') => State::Trailer { empty: true },
            (State::SizeLf { size }, b'\n') => State::Data(size),
            (State::SizeLf { .. }, _) => {
                return Err(HttpError::MalformedChunk("line end after a chunk size"));
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => CHUNK_START,
            (State::DataCr | State::DataLf, _) => {
                return Err(HttpError::MalformedChunk("a chunk longer than its size"));
            }
            (State::Trailer { empty }, b'\r') => State::TrailerLf { empty },
            (State::Trailer { .. }, b'\n') => {
                return Err(HttpError::MalformedChunk("line end in the trailers"));
            }
            (State::Trailer { .. }, _) => {
                self.count_overhead()?;
                State::Trailer { empty: false }
            }
            (State::TrailerLf { empty: true }, b'\n') => State::Done,
            (State::TrailerLf { empty: false }, b'\n') => State::Trailer { empty: true },
            (State::TrailerLf { .. }, _) => {
                return Err(HttpError::MalformedChunk("line end in the trailers"));
            }
            (state @ (State::Done | State::Close | State::Length(_) | State::Data(_)), _) => state,
        };
        Ok(())
    }

    fn count_overhead(&mut self) -> Result<(), HttpError> {
        self.overhead += 1;
        if self.overhead > MAX_OVERHEAD {
            return Err(HttpError::MalformedChunk("extensions and trailers beyond 64 KiB"));
        }
        Ok(())
    }
}

/// Hands up to `left` bytes to the sink and says how many.
fn take(rest: &mut &[u8], left: u64, sink: &mut impl FnMut(&[u8])) -> u64 {
    let count = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
    let (data, after) = rest.split_at(count);
    sink(data);
    *rest = after;
    count as u64
}

/// The payload of the chunk at the start of `input` and what follows it, if the chunk is whole, not
/// empty, and its size line bare and short. Nearly every chunk of a token stream is.
#[inline]
fn whole_chunk(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut size = 0usize;
    let mut at = 0;
    while let Some(digit) = hex(*input.get(at)?) {
        size = size << 4 | usize::from(digit);
        at += 1;
        if at > 6 {
            return None;
        }
    }
    let body = input.get(at..)?.strip_prefix(b"\r\n")?;
    if at == 0 || size == 0 {
        return None;
    }
    let (data, after) = body.split_at_checked(size)?;
    Some((data, after.strip_prefix(b"\r\n")?))
}

#[inline]
fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    /// Feeds `parts` one after the other: payload, bytes consumed in all, and whether it ended.
    fn decode<'a>(
        framing: Framing,
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(Vec<u8>, usize, bool), HttpError> {
        let mut decoder = BodyDecoder::new(framing);
        let (mut out, mut consumed) = (Vec::new(), 0);
        for part in parts {
            let fed = decoder.feed(part, &mut |data| {
                assert!(!data.is_empty());
                out.extend_from_slice(data);
            })?;
            assert!(fed.done || fed.consumed == part.len());
            assert_eq!(fed.done, decoder.is_done());
            assert_eq!(fed.done || framing == Framing::Close, decoder.finish().is_ok());
            consumed += fed.consumed;
            if fed.done {
                break;
            }
        }
        Ok((out, consumed, decoder.is_done()))
    }

    const AWKWARD: &[u8] =
        b"5\r\nhello\r\n0006 ;ext=\"a;b\"\r\n world\r\n1;x\r\n!\r\nA\r\n0123456789\r\n00\r\ntrailer: x\r\nother: y\r\n\r\nHTTP/1.1";

    #[test]
    fn chunked_bodies_are_the_same_for_every_cut() {
        let whole = decode(Framing::Chunked, [AWKWARD]).unwrap();
        assert_eq!(whole, (b"hello world!0123456789".to_vec(), AWKWARD.len() - 8, true));
        for cut in 0..AWKWARD.len() {
            assert_eq!(
                decode(Framing::Chunked, [&AWKWARD[..cut], &AWKWARD[cut..]]),
                Ok(whole.clone()),
                "{cut}"
            );
        }
        assert_eq!(decode(Framing::Chunked, AWKWARD.chunks(1)), Ok(whole));
    }

    #[test]
    fn lengths_and_close() {
        assert_eq!(decode(Framing::Length(3), [&b"ab"[..], b"cd"]), Ok((b"abc".to_vec(), 3, true)));
        assert_eq!(decode(Framing::Close, [&b"ab"[..], b"cd"]), Ok((b"abcd".to_vec(), 4, false)));
        assert!(BodyDecoder::new(Framing::Empty).is_done());
        assert!(BodyDecoder::new(Framing::Length(0)).is_done());
        assert_eq!(decode(Framing::Empty, [&b"x"[..]]), Ok((vec![], 0, true)));
        assert_eq!(BodyDecoder::new(Framing::Length(1)).finish(), Err(HttpError::UnexpectedEnd));
    }

    #[test]
    fn broken_chunks_are_refused_for_every_cut() {
        for wrong in [
            &b"\r\n"[..],
            b"x\r\n",
            b";a\r\n",
            b"-1\r\n",
            b"5\nhello",
            b"5\r\nhello!\r\n",
            b"5\r\nhello\n",
            b"5\rx",
            b"11111111111111111\r\n",
            b"0\r\nabc\n",
            b"0\r\n\rx",
            b"1 \n",
            b"5x\r\n",
        ] {
            let fails = |parts: &[&[u8]]| {
                matches!(decode(Framing::Chunked, parts.iter().copied()), Err(HttpError::MalformedChunk(_)))
            };
            assert!(fails(&[wrong]), "{}", wrong.escape_ascii());
            for cut in 0..wrong.len() {
                assert!(fails(&[&wrong[..cut], &wrong[cut..]]), "{} at {cut}", wrong.escape_ascii());
            }
        }
    }

    #[test]
    fn overhead_is_bounded() {
        let endless = [b"1;".to_vec(), vec![b'x'; 1 << 17]].concat();
        assert!(decode(Framing::Chunked, [&endless[..]]).is_err());
        let endless = [b"0\r\n".to_vec(), b"a: b\r\n".repeat(1 << 15)].concat();
        assert!(decode(Framing::Chunked, [&endless[..]]).is_err());
    }

    #[test]
    fn huge_sizes_wait_for_their_bytes() {
        let (data, _, done) = decode(Framing::Chunked, [&b"ffffffffffffffff\r\nabc"[..]]).unwrap();
        assert_eq!((data.as_slice(), done), (&b"abc"[..], false));
    }

    proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn any_payload_survives_any_chunking_and_any_cut(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..12),
            size in 1usize..30,
        ) {
            let mut bytes = Vec::new();
            for chunk in &chunks {
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            let expected = (chunks.concat(), bytes.len(), true);
            prop_assert_eq!(decode(Framing::Chunked, [&bytes[..]]).unwrap(), expected.clone());
            prop_assert_eq!(decode(Framing::Chunked, bytes.chunks(size)).unwrap(), expected);
        }

        #[test]
        fn junk_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(Framing::Chunked, [&bytes[..]]);
        }
    }
}
