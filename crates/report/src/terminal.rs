//! What a person reads in a terminal: the plan before the start, one live line, the summary at the end.

mod ceiling;
mod live;
mod parts;
mod plan;
mod policies;
mod sheet;
mod summary;
mod table;

pub use ceiling::{Asked, Searching, asked, ceiling, searching, tried};
pub use live::{Progress, live};
pub use plan::plan;
pub use policies::in_a_line;
pub(crate) use policies::table_of_policies;
pub use summary::summary;
