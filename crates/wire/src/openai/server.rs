//! OpenAI's APIs from the server's side, for the simulated provider: requests read with the faults that the
//! real ones would find, and answers written byte by byte. Azure's are the same with additions.

mod azure;
mod chat_answer;
mod chat_call;
mod completions;
mod embeddings;
mod fault;
mod member;
mod models;
mod responses_answer;
mod responses_call;

pub(crate) use chat_answer::{ChatStream, chat_body};
pub(crate) use chat_call::parse_chat;
pub(crate) use completions::{CompletionsStream, completions_body, parse_completions};
pub(crate) use embeddings::{embeddings_body, parse_embeddings};
pub(crate) use fault::{azure_fault_body, fault_body};
pub(crate) use models::{model_body, models_body};
pub(crate) use responses_answer::{ResponsesStream, responses_body};
pub(crate) use responses_call::parse_responses;
