//! OpenAI's byte-pair vocabularies, carried in the binary.

/// A vocabulary. The first count with it unpacks it (about a tenth of a second and some tens of
/// megabytes), so ask only when a count is needed, and never while measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vocabulary {
    /// `o200k_base`: GPT-4o, GPT-4.1, GPT-5, the o series, gpt-oss.
    O200k,
    /// `cl100k_base`: GPT-4, GPT-3.5, the embedding models.
    Cl100k,
}

impl Vocabulary {
    /// The name by which tokenizers know it.
    pub const fn name(self) -> &'static str {
        match self {
            Vocabulary::O200k => "o200k_base",
            Vocabulary::Cl100k => "cl100k_base",
        }
    }

    /// The vocabulary that a model is known to use; `None` for models of others.
    pub fn for_model(model: &str) -> Option<Vocabulary> {
        // Gateways put the vendor in front: `openai/gpt-4o`.
        let model = model.strip_prefix("openai/").unwrap_or(model);
        match tiktoken::model_to_encoding(model)? {
            // Harmony adds special tokens, which ordinary text never contains.
            "o200k_base" | "o200k_harmony" => Some(Vocabulary::O200k),
            "cl100k_base" => Some(Vocabulary::Cl100k),
            _ => None,
        }
    }

    /// The number of tokens in `text`, taken as ordinary text: names of special tokens are not special.
    pub fn count(self, text: &str) -> u32 {
        // The crate unpacks each vocabulary once and keeps it.
        let encoding = tiktoken::get_encoding(self.name()).expect("both vocabularies are compiled in");
        u32::try_from(encoding.count(text)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_their_vocabularies() {
        for (model, expected) in [
            ("gpt-4o-mini", Some(Vocabulary::O200k)),
            ("gpt-4.1", Some(Vocabulary::O200k)),
            ("gpt-5", Some(Vocabulary::O200k)),
            ("openai/gpt-oss-120b", Some(Vocabulary::O200k)),
            ("o3", Some(Vocabulary::O200k)),
            ("gpt-4-turbo", Some(Vocabulary::Cl100k)),
            ("gpt-3.5-turbo", Some(Vocabulary::Cl100k)),
            ("llama-3.1-8b", None),
            ("m", None),
            ("", None),
        ] {
            assert_eq!(Vocabulary::for_model(model), expected, "{model}");
        }
    }

    #[test]
    fn known_counts() {
        assert_eq!(Vocabulary::Cl100k.count("hello world"), 2);
        assert_eq!(Vocabulary::Cl100k.count("tiktoken is great!"), 6);
        assert_eq!(Vocabulary::O200k.count("hello world"), 2);
        assert_eq!(Vocabulary::O200k.count(""), 0);
    }
}
