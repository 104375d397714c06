//! Chat completions from the server's side, for the simulated provider: requests read with the faults
//! that the real API would find, and answers written byte by byte.

mod answer;
mod call;
mod fault;

pub use answer::{Answer, ChunkWriter, completion_body, models_body};
pub use call::{ChatCall, parse_chat};
pub use fault::{ApiFault, error_body};
