//! Text Generation Inference's own API, `/generate` and `/generate_stream`: what is sent, and what a stream or a
//! whole answer says.

pub(crate) mod request;
mod response;
pub(crate) mod server;
pub(crate) mod stream;
pub(crate) mod whole;
