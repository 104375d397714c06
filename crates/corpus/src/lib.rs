//! Corpora of prompts: what real traffic asked, ready to be asked again.
//!
//! Pure: bytes in, prompts out; the caller reads and writes files.

#![forbid(unsafe_code)]

pub mod build;
pub mod logs;
pub mod privacy;
