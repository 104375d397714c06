//! Makes broken bodies out of sound ones, always the same ones from the same number.

/// Pieces of JSON and of framing that readers trip over when they stand in a wrong place.
const FRAGMENTS: [&[u8]; 36] = [
    b"null",
    b"{}",
    b"[]",
    b"\"\"",
    b"-1",
    b"1e400",
    b"18446744073709551616",
    b"true",
    b"[{\"error\":{\"code\":429}}]",
    b"{\"error\":\"x\"}",
    b",\"error\":null",
    b",\"index\":99999999999999999999",
    b"\"\\ud83c\"",
    b"\\u12",
    b"\\",
    b"\"",
    b"}",
    b"{\"a\":",
    b"[[[[[[[[[[[[[[[[",
    b"data: [DONE]\n\n",
    b"data:",
    b"event: error\n",
    b"event: message_stop\n",
    b"\n\n",
    b"\r\n",
    b"\r",
    b": comment\n",
    b"\xef\xbb\xbf",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xf0\x9f\x8c",
    b"\xed\xa0\x80",
    b"{\"content\":[{\"type\":\"text\",\"text\":[]}]}",
    b"{\"id\":1,\"name\":{},\"arguments\":[1,{\"a\":\"}\"}],\"input\":\"x\",\"args\":7}",
    b" \t ",
];

/// Numbers that look random and are always the same (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `limit`, or 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }

    /// A stretch of `bytes`, mostly a short one.
    fn stretch(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(bytes.len() + 1);
        let most = if self.below(4) == 0 { bytes.len() } else { 40 };
        start..(start + self.below(most + 1)).min(bytes.len())
    }
}

/// One of `sound`, changed in one to five places, mostly in few: what is broken all over says little.
pub(crate) fn broken(sound: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = sound[dice.below(sound.len())].clone();
    let most = 1 + dice.below(5);
    for _ in 0..=dice.below(most) {
        change(&mut bytes, sound, dice);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, sound: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(bytes.len());
    match dice.below(10) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => {
            bytes.drain(dice.stretch(bytes));
        }
        2 => {
            let again = bytes[dice.stretch(bytes)].to_vec();
            bytes.splice(at..at, again);
        }
        3 => bytes.truncate(at),
        4 => {
            let other = &sound[dice.below(sound.len())];
            bytes.truncate(at);
            bytes.extend_from_slice(&other[dice.below(other.len() + 1)..]);
        }
        5 => {
            let other = &sound[dice.below(sound.len())];
            bytes.splice(at..at, other[dice.stretch(other)].to_vec());
        }
        6 => {
            bytes.splice(at..at, FRAGMENTS[dice.below(FRAGMENTS.len())].iter().copied());
        }
        // One line in another's place.
        7 => {
            let mut lines: Vec<Vec<u8>> =
                bytes.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
            let (from, to) = (dice.below(lines.len()), dice.below(lines.len()));
            if !lines.is_empty() {
                lines.swap(from, to);
            }
            *bytes = lines.concat();
        }
        // A value of another type.
        8 | 9 => {
            let colons: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b':').collect();
            let Some(&colon) = colons.get(dice.below(colons.len())) else { return };
            let rest = &bytes[colon + 1..];
            let length =
                rest.iter().position(|b| matches!(b, b',' | b'}' | b']' | b'\n')).unwrap_or(rest.len());
            let value = FRAGMENTS[dice.below(FRAGMENTS.len())].iter().copied();
            bytes.splice(colon + 1..colon + 1 + length, value);
        }
        _ => unreachable!("below ten"),
    }
}
