//! The other side of every API, for the simulated provider, behind one door: which path is what ([`Route`]), what
//! is asked ([`read`]), what is answered ([`Script`]), and how that looks on the wire ([`Stream`], [`whole`], and
//! the bodies of what has no tokens).
//!
//! What holds for all of them:
//! - Requests are refused as the real API would refuse them: with its status, in its shape, in about its words.
//! - The same request and seed give the same answer, streamed or not.
//! - A limit on tokens is kept to exactly, and what it cuts ends with the API's own word for it.
//! - A tool's arguments, and answers with a schema, satisfy the schema as far as [`schema`](crate::schema) goes.
//! - A streamed token costs a few copies: what stands around it is prepared once.
//!
//! The folder of each API holds its parsers and its writer; here is what they have in common.

pub(crate) mod ask;
mod breaks;
pub(crate) mod bytes;
pub(crate) mod dates;
mod door;
pub(crate) mod fault;
pub(crate) mod read;
pub(crate) mod route;
pub(crate) mod script;
pub(crate) mod vectors;
pub(crate) mod writer;

pub use ask::{Ask, Form, Prompt, Shape, Tool, ToolChoice};
pub use door::{Asked, count, embeddings, model, models, read, streams_an_array, told};
pub use fault::{Dialect, Fault};
pub use route::{Endpoint, Route};
pub use script::{Habit, Script, Words, mix};
pub use vectors::{Embed, EmbedShape};
pub use writer::{Identity, Stream, Times, whole};

#[cfg(test)]
mod tests;
