//! Ollama's own API, chat and generate: what is sent, and what a stream or a whole answer says. The answers
//! of the two differ only in where the text stands, so both are read by the same code.

pub(crate) mod request;
mod response;
pub(crate) mod server;
pub(crate) mod stream;
pub(crate) mod whole;
