//! Counting tokens: an estimate that needs no vocabulary, the vocabularies themselves, and words of
//! exactly one token each to build prompts from.

mod cache;
mod estimate;
mod vocabulary;
pub mod words;

pub use cache::CachedCounter;
pub use estimate::estimate;
pub use vocabulary::Vocabulary;
