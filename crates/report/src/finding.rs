//! What was found out about a limiter, on one page: for a terminal, as Markdown, and in a browser.

mod html;
mod markdown;
mod sentences;
mod terminal;
mod yaml;

pub use html::page;
pub use markdown::markdown;
pub use sentences::{doing, short};
pub use terminal::terminal;
pub use yaml::limits as limits_yaml;
