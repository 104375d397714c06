//! Gemini's `generateContent` and `streamGenerateContent`: what is sent, and what a stream or a whole answer
//! says.
//!
//! A stream is a sequence of whole responses, each of which holds what is new: as server-sent events, or as the
//! items of one JSON array. None of them is marked as the last.

pub(crate) mod request;
mod response;
pub(crate) mod server;
pub(crate) mod stream;
mod usage;
pub(crate) mod whole;
