//! Gemini's contents from the server's side, for the simulated provider.

mod answer;
mod call;
mod embeddings;
mod fault;
mod models;
mod schema;

pub(crate) use answer::{ContentsStream, contents_body, count_body};
pub(crate) use call::{parse_contents, parse_count};
pub(crate) use embeddings::{embeddings_body, parse_embed, parse_embeds};
pub(crate) use fault::fault_body;
pub(crate) use models::{model_body, models_body};
