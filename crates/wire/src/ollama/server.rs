//! Ollama's API from the server's side, for the simulated provider: lines of JSON.

mod answer;
mod call;
mod embeddings;
mod models;

pub(crate) use answer::{LinesStream, answer_body};
pub(crate) use call::{parse_chat, parse_generate, parse_model};
pub(crate) use embeddings::{embeddings_body, parse_embed};
pub(crate) use models::{models_body, running_body, show_body, version_body};

use crate::server::fault::{Fault, plain_body};

/// The body of the response that reports `fault`.
pub(crate) fn fault_body(fault: &Fault) -> Vec<u8> {
    plain_body(&fault.message, None)
}
