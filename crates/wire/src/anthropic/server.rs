//! Anthropic's messages from the server's side, for the simulated provider.

mod answer;
mod call;
mod fault;
mod models;

pub(crate) use answer::{MessagesStream, count_body, message_body};
pub(crate) use call::{parse_count, parse_messages};
pub(crate) use fault::fault_body;
pub(crate) use models::{model_body, models_body};
