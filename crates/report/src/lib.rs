//! A run put into words, tables and charts: for a terminal, for a browser, for a program.
//!
//! Everything here is a pure function of the plan, the run's description and its summary: no file,
//! no clock, no question to the terminal. Whoever calls says how wide the screen is and whether it
//! knows colours ([`Style`]), and puts the text where it belongs. The figures themselves are
//! computed in `floodline_core`; what is missing there is shown as missing here, never as zero.

#![forbid(unsafe_code)]

mod advice;
mod ceiling;
pub mod finding;
mod format;
mod health;
mod held;
pub mod html;
mod journeys;
pub mod json;
pub mod junit;
mod metrics;
mod objectives;
mod parts;
mod retries;
pub mod rivals;
mod stated;
mod style;
mod svg;
pub mod terminal;
mod volume;
mod words;

pub use advice::in_vain;
pub use style::Style;
pub use words::INSECURE;
