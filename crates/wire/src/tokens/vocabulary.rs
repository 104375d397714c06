//! The byte-pair vocabularies in the binary: those whose licences let anybody pass them on.

use super::models;

/// A vocabulary. The first count with it unpacks it (about a tenth of a second and some tens of
/// megabytes), so ask only when a count is needed, and never while measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vocabulary {
    /// `o200k_base`: OpenAI's GPT-4o, GPT-4.1, GPT-5, the o series, gpt-oss. MIT.
    O200k,
    /// `cl100k_base`: OpenAI's GPT-4, GPT-3.5, the embedding models. MIT.
    Cl100k,
    /// `qwen2`: Alibaba's Qwen 1.5, 2, 2.5 and 3, QwQ. Apache-2.0.
    Qwen2,
    /// `deepseek_v3`: DeepSeek V3, R1 and V4, which differ in special tokens only. MIT, as DeepSeek-R1 is.
    DeepseekV3,
    /// `tekken`: Mistral NeMo and what came after it. Apache-2.0.
    Tekken,
    /// `glm4`: Zhipu's GLM-4, 4.5, 4.6 and 4.7. MIT.
    Glm4,
    /// `glm5`: Zhipu's GLM-5. MIT.
    Glm5,
}

impl Vocabulary {
    /// All of them.
    pub const ALL: [Vocabulary; 7] = [
        Vocabulary::O200k,
        Vocabulary::Cl100k,
        Vocabulary::Qwen2,
        Vocabulary::DeepseekV3,
        Vocabulary::Tekken,
        Vocabulary::Glm4,
        Vocabulary::Glm5,
    ];

    /// The name by which scenarios and files know it.
    pub const fn name(self) -> &'static str {
        match self {
            Vocabulary::O200k => "o200k_base",
            Vocabulary::Cl100k => "cl100k_base",
            Vocabulary::Qwen2 => "qwen2",
            Vocabulary::DeepseekV3 => "deepseek_v3",
            Vocabulary::Tekken => "tekken",
            Vocabulary::Glm4 => "glm4",
            Vocabulary::Glm5 => "glm5",
        }
    }

    /// The vocabulary of this name.
    pub fn by_name(name: &str) -> Option<Vocabulary> {
        Vocabulary::ALL.into_iter().find(|vocabulary| vocabulary.name() == name)
    }

    /// The vocabulary that a model is known to use, whoever serves it and in whatever case its name is
    /// written; `None` for every other model.
    pub fn for_model(model: &str) -> Option<Vocabulary> {
        models::vocabulary(model)
    }

    /// The number of tokens in `text`, taken as ordinary text: names of special tokens are not special.
    pub fn count(self, text: &str) -> u32 {
        // The crate unpacks each vocabulary once and keeps it.
        let encoding = tiktoken::get_encoding(self.encoding()).expect("every vocabulary is compiled in");
        u32::try_from(encoding.count(text)).unwrap_or(u32::MAX)
    }

    /// The name by which the crate knows it.
    const fn encoding(self) -> &'static str {
        match self {
            // Mistral's "v3" is the version of its instruct format, and not always this vocabulary.
            Vocabulary::Tekken => "mistral_v3",
            Vocabulary::O200k
            | Vocabulary::Cl100k
            | Vocabulary::Qwen2
            | Vocabulary::DeepseekV3
            | Vocabulary::Glm4
            | Vocabulary::Glm5 => self.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_counts() {
        assert_eq!(Vocabulary::Cl100k.count("hello world"), 2);
        assert_eq!(Vocabulary::Cl100k.count("tiktoken is great!"), 6);
        assert_eq!(Vocabulary::O200k.count("hello world"), 2);
        assert_eq!(Vocabulary::O200k.count(""), 0);
    }

    #[test]
    fn every_vocabulary_counts_and_is_found_by_its_name() {
        for vocabulary in Vocabulary::ALL {
            assert_eq!(vocabulary.count("hello world"), 2, "{}", vocabulary.name());
            assert_eq!(Vocabulary::by_name(vocabulary.name()), Some(vocabulary));
        }
        assert_eq!(Vocabulary::by_name("llama3"), None);
    }

    #[test]
    fn digits_tell_the_vocabularies_apart() {
        // By threes in OpenAI's and DeepSeek's, one by one in Qwen's and Mistral's, mixed in Zhipu's.
        let tokens = Vocabulary::ALL.map(|vocabulary| vocabulary.count("123456"));
        assert_eq!(tokens, [2, 2, 6, 2, 6, 3, 3]);
    }

    #[test]
    fn names_of_special_tokens_are_ordinary_text() {
        for (vocabulary, special) in [
            (Vocabulary::Qwen2, "<|im_start|>"),
            (Vocabulary::DeepseekV3, "</think>"),
            (Vocabulary::Glm4, "<|user|>"),
        ] {
            assert!(vocabulary.count(special) > 1, "{special}");
        }
    }
}
