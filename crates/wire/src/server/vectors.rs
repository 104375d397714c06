//! Embeddings: unit vectors that are functions of their texts.

use super::mix;

/// A request for embeddings, whichever API it came in by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embed {
    /// The model's name.
    pub model: String,
    /// What is to be embedded: of each text, what identifies it.
    pub inputs: Vec<u64>,
    /// The tokens of all inputs.
    pub tokens: u32,
    /// How many numbers each vector has.
    pub dimensions: usize,
    /// How the answer looks.
    pub shape: EmbedShape,
}

/// How an answer with vectors looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbedShape {
    /// OpenAI's, in numbers or in base64.
    OpenAi {
        /// Whether the vectors are base64 of little-endian floats.
        base64: bool,
    },
    /// Gemini's for one content.
    Gemini,
    /// Gemini's for several.
    GeminiBatch,
    /// Ollama's.
    Ollama,
    /// Ollama's of old, for one text.
    OllamaOld,
}

/// The vector of what `text` identifies; its length is one.
pub(crate) fn vector(text: u64, dimensions: usize) -> Vec<f32> {
    let draw = |index: usize| {
        let bits = mix(text ^ mix(index as u64 + 1)) >> 11;
        // In [-1, 1): the 53 upper bits are exact in a double.
        bits as f64 / (1u64 << 52) as f64 - 1.0
    };
    let drawn: Vec<f64> = (0..dimensions).map(draw).collect();
    let length = drawn.iter().map(|x| x * x).sum::<f64>().sqrt();
    let length = if length > 0.0 { length } else { 1.0 };
    drawn.iter().map(|x| (x / length) as f32).collect()
}

/// `numbers` as little-endian floats in base64 (RFC 4648, section 4).
pub(crate) fn base64(numbers: &[f32]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            match digit <= three.len() {
                true => text.push(char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63])),
                false => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_have_length_one_and_depend_on_the_text() {
        for dimensions in [1, 3, 1536] {
            let length: f64 = vector(7, dimensions).iter().map(|x| f64::from(*x).powi(2)).sum();
            assert!((length - 1.0).abs() < 1e-5);
        }
        assert_eq!(vector(7, 5), vector(7, 5));
        assert_ne!(vector(7, 5), vector(8, 5));
    }

    #[test]
    fn base64_is_filled_up() {
        // 1.0 is 00 00 80 3f.
        assert_eq!(base64(&[1.0]), "AACAPw==");
        assert_eq!(base64(&[1.0, 1.0]), "AACAPwAAgD8=");
        assert_eq!(base64(&[1.0, 1.0, 1.0]), "AACAPwAAgD8AAIA/");
        assert_eq!(base64(&[]), "");
    }
}
