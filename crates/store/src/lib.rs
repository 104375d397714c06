//! Run folders: a run is a folder, and everything a report shows can be rebuilt from it.
//!
//! [`RunFolder`] makes one and writes the files that are written whole, [`Journal`] appends what
//! happens while it happens, [`StoredRun`] reads both back, after a `kill -9` as well. Figures,
//! verdicts and pages are made elsewhere; nothing here reads a clock.

#![forbid(unsafe_code)]

mod blocks;
mod ceiling;
pub mod error;
pub mod events;
pub mod folder;
pub mod formats;
mod frames;
mod histograms;
pub mod journal;
mod journeys;
pub mod read;
mod samples;
mod stamps;
mod tail;

pub use ceiling::CeilingFolder;
pub use error::StoreError;
pub use events::{Events, Recovered};
pub use folder::RunFolder;
pub use journal::Journal;
pub use read::StoredRun;
