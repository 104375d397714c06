//! What goes over the wire, as pure functions over bytes: HTTP/1 framing, event streams, the
//! providers' message formats on both sides of the connection, and token counting.
//!
//! Nothing here owns a socket, a runtime or a clock. Callers hand in whatever bytes have arrived, cut
//! anywhere, and get the same events in the same order for every cut.

#![forbid(unsafe_code)]

pub mod answer;
mod anthropic;
pub mod codec;
pub mod error;
mod gemini;
pub mod http1;
pub mod limits;
pub mod limits_server;
mod ollama;
pub mod openai;
pub mod own;
pub mod refusal;
pub mod request;
pub mod schema;
pub mod server;
pub mod sse;
mod tgi;
pub mod tokens;
pub mod usage;

mod excerpt;
mod json;
