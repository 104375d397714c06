//! Counting tokens: an estimate that needs no vocabulary, the vocabularies in the binary, tokenizers that
//! users bring, and words of exactly one token each to build prompts from.

mod cache;
mod estimate;
mod models;
mod tokenizer;
mod vocabulary;
pub mod words;

pub use cache::CachedCounter;
pub use estimate::estimate;
pub use tokenizer::Tokenizer;
pub use vocabulary::Vocabulary;
