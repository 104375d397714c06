//! OpenAI's chat completions, which most other servers speak too: what is sent ([`ChatRequest`]), what
//! a stream or a whole answer says ([`ChatStream`], [`parse_completion`]), what an error means
//! ([`parse_error`], [`classify`]), and the other side of all that ([`server`]).

mod chunk;
mod completion;
mod error;
mod lenient;
mod request;
pub mod server;
mod shape;
mod stream;
mod string;
mod usage;
mod written;

pub use completion::{Completion, parse_completion};
pub use error::{ApiError, classify, parse_error};
pub use request::{ChatRequest, MaxTokensField, Messages};
pub use stream::ChatStream;
pub use usage::Usage;
pub use written::Signal;
