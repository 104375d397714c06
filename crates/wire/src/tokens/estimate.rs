//! An estimate of a text's tokens that needs no vocabulary.
//!
//! Follows the way byte-pair tokenizers split text before they merge anything: words with the space
//! before them, digits by threes, runs of punctuation, runs of blanks. The costs of the pieces were
//! fitted to `o200k_base`: English prose, Markdown and code come out within a few percent, other
//! languages within about a third.

/// About how many tokens `text` has; exactly one per word for lower-case English words joined by
/// single spaces.
pub fn estimate(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let mut quarters = 0u64;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let (length, cost) = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => word(rest),
            b' ' | b'\t' | b'\n' | b'\r' => blanks(rest),
            b'0'..=b'9' => digits(rest),
            0x80.. => wide(rest),
            _ => punctuation(rest),
        };
        at += length;
        quarters += u64::from(cost);
    }
    u32::try_from(quarters.div_ceil(4)).unwrap_or(u32::MAX)
}

/// One token, in the unit that costs are counted in.
const TOKEN: u32 = 4;

/// A word with at most one change from upper to lower case, and its contraction: (bytes, cost).
fn word(bytes: &[u8]) -> (usize, u32) {
    let upper = run(bytes, |b| b.is_ascii_uppercase());
    let lower = run(&bytes[upper..], |b| b.is_ascii_lowercase());
    let end = upper + lower;
    let cost = match (upper, lower) {
        // An abbreviation, such as API or README.
        (_, 0) => TOKEN * tokens(upper, 4),
        (0 | 1, _) => plain_word(end),
        // HTTPServer: the last capital belongs to the word.
        _ => TOKEN * tokens(upper - 1, 4) + plain_word(lower + 1),
    };
    // it's, don't, we'll: mostly one token as a whole; a possessive is one more.
    match bytes[end..] {
        [b'\'', b's', ref after @ ..] if !starts_with_letter(after) => (end + 2, cost + TOKEN / 2),
        [b'\'', b't' | b'd' | b'm', ref after @ ..] if !starts_with_letter(after) => (end + 2, cost),
        [b'\'', b'r' | b'v', b'e', ref after @ ..] if !starts_with_letter(after) => (end + 3, cost),
        [b'\'', b'l', b'l', ref after @ ..] if !starts_with_letter(after) => (end + 3, cost),
        _ => (end, cost),
    }
}

/// The longest everyday words have thirteen letters; what is longer is put together.
fn plain_word(letters: usize) -> u32 {
    if letters <= 13 { TOKEN } else { TOKEN * (1 + tokens(letters - 13, 5)) }
}

fn digits(bytes: &[u8]) -> (usize, u32) {
    let length = run(bytes, |b| b.is_ascii_digit());
    (length, TOKEN * tokens(length, 3))
}

/// A run of punctuation takes line ends that follow it along.
fn punctuation(bytes: &[u8]) -> (usize, u32) {
    let marks = run(bytes, |b| b.is_ascii_punctuation() || b.is_ascii_control() && !is_blank(b));
    let length = marks + run(&bytes[marks..], |b| matches!(b, b'\n' | b'\r'));
    (length, TOKEN * tokens(marks, 3))
}

/// Blanks: the last space goes with the word that follows; line ends and indentation are a token each.
fn blanks(bytes: &[u8]) -> (usize, u32) {
    let length = run(bytes, is_blank);
    let indent = bytes[..length].iter().rev().take_while(|&&b| matches!(b, b' ' | b'\t')).count();
    let lines = if indent < length { TOKEN } else { 0 };
    let spaces = match bytes.get(length) {
        Some(b) if !b.is_ascii_digit() => indent > 1,
        _ => indent > 0,
    };
    (length, lines + if spaces { TOKEN } else { 0 })
}

/// One character beyond ASCII.
fn wide(bytes: &[u8]) -> (usize, u32) {
    match bytes {
        // Typographic quotes, dashes and dots.
        [0xe2, 0x80, ..] => (3, TOKEN),
        // Letters of the alphabets: about three to a token.
        [0xc2..=0xdf, ..] => (2, 1),
        // Chinese, Japanese, Korean and the scripts of India.
        [0xe0..=0xef, ..] => (3.min(bytes.len()), 3),
        [0xf0..=0xff, ..] => (4.min(bytes.len()), TOKEN * 2),
        _ => (1, 0),
    }
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&b| !belongs(b)).unwrap_or(bytes.len())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn starts_with_letter(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(u8::is_ascii_alphabetic)
}

/// How many pieces of `each` it takes to cover `length`.
fn tokens(length: usize, each: usize) -> u32 {
    u32::try_from(length.div_ceil(each)).unwrap_or(u32::MAX / 8)
}

#[cfg(test)]
mod tests {
    use super::super::Vocabulary;
    use super::*;

    const STORY: &str = "The lighthouse keeper woke before dawn, as he had done every day for thirty years, and climbed the narrow stairs to the lamp. It wasn't strictly necessary any more: the machine took care of itself, and a computer on the mainland would have noticed any fault within seconds. But habits don't disappear merely because they've become useless, and he enjoyed the silence of the upper room, the smell of oil that somehow still lingered there, and the long grey line of the horizon. \"You can't stay here forever,\" his daughter had told him on the telephone last Sunday. She was probably right. The doctor's letters were piling up on the kitchen table, unopened, beneath a jar of marmalade; the nearest hospital was two hours away by boat, and the boat only came on Wednesdays. Still, he thought, there are worse ways to grow old than in the company of gulls.";

    const ESSAY: &str = "In economics, a market is said to be efficient when prices reflect all available information. The idea is attractive because it suggests that nobody can consistently outperform the average without taking additional risk; it is controversial because so many people believe that they do. Empirical studies published since the 1970s have found both supporting evidence and a considerable number of anomalies, some of which disappeared after they had been described in the literature.";

    const MANUAL: &str = "To install the software, download the archive, unpack it into a directory of your choice, and run the setup script. If the script reports a missing dependency, install it with the package manager of your operating system and try again. After the installation has finished, restart the service and check the log file for warnings. Most problems at this stage are caused by incorrect permissions, so make sure that the service account is allowed to read the configuration and to write to the data directory.";

    #[test]
    fn prose_is_estimated_within_fifteen_percent() {
        for text in [STORY, ESSAY, MANUAL, &[STORY, ESSAY, MANUAL].join("\n\n")] {
            for vocabulary in [Vocabulary::O200k, Vocabulary::Cl100k] {
                let ratio = f64::from(estimate(text)) / f64::from(vocabulary.count(text));
                assert!((0.85..=1.15).contains(&ratio), "{ratio} of {}", vocabulary.name());
            }
        }
    }

    #[test]
    fn other_texts_are_estimated_within_a_third() {
        for text in [
            include_str!("estimate.rs"),
            include_str!("../../Cargo.toml"),
            "Der Leuchtturmwärter stand vor Tagesanbruch auf, wie er es seit dreißig Jahren getan hatte, und stieg die enge Treppe hinauf.",
            "Смотритель маяка проснулся до рассвета, как делал это каждый день в течение тридцати лет.",
            "灯台守は夜明け前に目を覚まし、狭い階段を上って灯りのところへ行った。",
            "{\"id\": 17, \"name\": \"floodline\", \"limits\": {\"rpm\": 500, \"tpm\": 30000}}",
        ] {
            let ratio = f64::from(estimate(text)) / f64::from(Vocabulary::O200k.count(text));
            assert!((0.66..=1.34).contains(&ratio), "{ratio}: {text}");
        }
    }

    #[test]
    fn small_texts() {
        for (text, tokens) in [
            ("", 0),
            ("one", 1),
            ("one two three", 3),
            ("Hello, world!", 4),
            ("in 2024", 4),
            ("don't", 1),
            ("API", 1),
            ("a\n\nb", 3),
            ("🌊", 2),
        ] {
            assert_eq!(estimate(text), tokens, "{text:?}");
        }
    }

    proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..proptest::prelude::ProptestConfig::default() })]

        #[test]
        fn any_text_has_an_estimate(text: String) {
            let tokens = estimate(&text);
            proptest::prop_assert!(tokens as usize <= text.len());
            proptest::prop_assert_eq!(tokens == 0, text.is_empty());
        }
    }
}
