//! What tokens are counted with: a vocabulary in the binary, or a `tokenizer.json` that a user brings.
//!
//! Files are read by the library that wrote the format, so that a count here is the count there. The
//! alternative was faster and silently counted a sixth fewer tokens where bytes stand in for unknown
//! characters, as in Llama 2.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Vocabulary, estimate};

/// A tokenizer, cheap to clone. It adds nothing around a text and takes names of special tokens as
/// ordinary text: what is counted is what was written.
#[derive(Clone)]
pub struct Tokenizer(Kind);

#[derive(Clone)]
enum Kind {
    Builtin(Vocabulary),
    File(Arc<File>),
}

struct File {
    name: Box<str>,
    tokenizer: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// One of the vocabularies in the binary.
    pub const fn builtin(vocabulary: Vocabulary) -> Tokenizer {
        Tokenizer(Kind::Builtin(vocabulary))
    }

    /// The tokenizer of a model, as far as it is in the binary; else `o200k_base` in its place.
    pub fn for_model(model: &str) -> Tokenizer {
        Tokenizer::builtin(Vocabulary::for_model(model).unwrap_or(Vocabulary::O200k))
    }

    /// A tokenizer from the contents of a `tokenizer.json`, to be known as `name`.
    ///
    /// # Errors
    /// Why it is no tokenizer, in a sentence that goes on after the file's name.
    pub fn from_json(bytes: &[u8], name: &str) -> Result<Tokenizer, String> {
        let json: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|e| format!("is not JSON: {e}"))?;
        if json.get("model").is_none() {
            return Err(String::from(
                match json.get("tokenizer_class").or(json.get("added_tokens_decoder")) {
                    Some(_) => {
                        "is a tokenizer_config.json; the tokenizer itself is in tokenizer.json beside it"
                    }
                    None => "is no tokenizer.json of Hugging Face: it has no `model`",
                },
            ));
        }
        drop(json);
        let read = catch_unwind(|| tokenizers::Tokenizer::from_bytes(bytes));
        let mut tokenizer = match read {
            Ok(Ok(tokenizer)) => tokenizer,
            Ok(Err(e)) => return Err(format!("cannot be read as a tokenizer.json: {e}")),
            Err(_) => {
                return Err("cannot be read as a tokenizer.json: the library that reads it failed".into());
            }
        };
        // Both are for the inputs of models: a text cut or filled up to so many tokens would be counted wrong.
        if let Err(e) = tokenizer.with_truncation(None) {
            return Err(format!("cannot be used without truncation: {e}"));
        }
        tokenizer.with_padding(None);
        tokenizer.set_encode_special_tokens(true);
        let file = File { name: name.into(), tokenizer };
        // No vocabulary has a character that is assigned to nothing; some have no token for such either.
        for text in ["hello", "\u{10fffd}"] {
            file.count(text).map_err(|why| format!("cannot count every text: {why}"))?;
        }
        Ok(Tokenizer(Kind::File(Arc::new(file))))
    }

    /// Its name: the vocabulary's, or the one given with the file.
    pub fn name(&self) -> &str {
        match &self.0 {
            Kind::Builtin(vocabulary) => vocabulary.name(),
            Kind::File(file) => &file.name,
        }
    }

    /// The vocabulary in the binary that it is; none of a file.
    pub fn vocabulary(&self) -> Option<Vocabulary> {
        match &self.0 {
            Kind::Builtin(vocabulary) => Some(*vocabulary),
            Kind::File(_) => None,
        }
    }

    /// The number of tokens in `text`; none if the tokenizer cannot take it, which only a file can.
    ///
    /// The first count with a vocabulary in the binary unpacks it: see [`Vocabulary`].
    pub fn try_count(&self, text: &str) -> Option<u32> {
        // Text from anywhere meets code that is not ours: a defect there costs a count, not the run.
        catch_unwind(AssertUnwindSafe(|| match &self.0 {
            Kind::Builtin(vocabulary) => Some(vocabulary.count(text)),
            Kind::File(file) => file.count(text).ok(),
        }))
        .ok()
        .flatten()
    }

    /// The number of tokens in `text`; where the tokenizer cannot take it, [`estimate`]'s.
    pub fn count(&self, text: &str) -> u32 {
        self.try_count(text).unwrap_or_else(|| estimate(text))
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tokenizer").field(&self.name()).finish()
    }
}

impl File {
    fn count(&self, text: &str) -> Result<u32, String> {
        let encoded = catch_unwind(AssertUnwindSafe(|| self.tokenizer.encode_fast(text, false)));
        match encoded {
            Ok(Ok(encoding)) => Ok(u32::try_from(encoding.len()).unwrap_or(u32::MAX)),
            Ok(Err(e)) => Err(e.to_string()),
            Err(_) => Err("the library that does it failed".into()),
        }
    }
}

#[cfg(test)]
mod tests;
