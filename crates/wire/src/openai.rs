//! OpenAI's APIs: chat completions, which most other servers speak too, completions of a text, Responses and
//! embeddings. What is sent ([`ChatRequest`]), what
//! a stream or a whole answer says.

mod choice;
mod chunk;
pub(crate) mod completions;
pub(crate) mod embeddings;
pub(crate) mod request;
pub(crate) mod responses;
pub(crate) mod server;
pub(crate) mod stream;
mod usage;
pub(crate) mod whole;

pub use request::{ChatRequest, MaxTokensField, Messages};
