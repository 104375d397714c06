//! Ollama's chat and generate.

pub(crate) mod request;
