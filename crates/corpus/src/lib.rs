//! Corpora of prompts: what real traffic asked, ready to be asked again.
//!
//! A corpus is read from the bytes of a file ([`read()`]), its tokens are counted with whatever counter the
//! caller has ([`Corpus::count`]), a part of it may be kept ([`Selection`]), a [`Sampler`] says which
//! prompt a request sends, and a [`Summary`] says whether all that resembles real traffic.
//!
//! [`build`] makes a corpus from [`logs`], without what is [personal](privacy) in them.
//!
//! Pure: bytes in, prompts out; the caller reads and writes files, and owns the threads.

#![forbid(unsafe_code)]

pub mod build;
mod category;
mod corpus;
mod count;
mod format;
pub mod logs;
mod messages;
mod permutation;
pub mod privacy;
mod problem;
mod read;
mod sampler;
mod summary;

pub use category::{Bounds, Category, Selection};
pub use corpus::{Corpus, Prompt};
pub use count::Counts;
pub use format::Format;
pub use messages::for_each_text;
pub use problem::{Place, Problem};
pub use read::{Reading, Turns, read};
pub use sampler::{Sampler, Sampling};
pub use summary::{Lengths, Shares, Summary};
