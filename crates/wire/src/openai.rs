//! OpenAI's chat completions, which most other servers speak too: what is sent ([`ChatRequest`]), what
//! a stream or a whole answer says, and the other side of all that ([`server`]).

mod choice;
mod chunk;
mod request;
pub mod server;
pub(crate) mod stream;
mod usage;
pub(crate) mod whole;

pub use request::{ChatRequest, MaxTokensField, Messages};
