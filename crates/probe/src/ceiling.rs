//! The ceiling: the highest load that still meets the objectives.
//!
//! A [`Search`] proposes [`Trial`]s, each of which holds one load; a [`Watch`] is handed what happens in it, and says when
//! it has told enough; what it [`Told`] goes back into the search, until there is a [`Ceiling`].
//!
//! - *Bracket*: from the pace of a single user the load doubles until it fails.
//! - *Narrow*: by what went through where it was too much, and by halving on a logarithmic scale, down to the resolution.
//! - *Confirm*: the highest load that passes and the lowest that fails are each tried again with another seed; where two
//!   trials disagree a third one decides, and the interval tells of it.
//!
//! Each trial lasts as long as it takes: objectives are decided by a sequential test ([`sequential`]), on what comes after
//! the start ([`steady`]), and a load at which requests pile up is left early. A limiter lets a new load through for as
//! long as its allowance lasts, so once one was met, trials use its allowance up before they begin, and a load passes only
//! with a longer run of admitted requests than the limiter was ever seen to let through ([`refusals`]).

mod answer;
mod backlog;
mod doubt;
mod knee;
mod patience;
mod question;
pub mod refusals;
mod search;
pub mod sequential;
pub mod steady;
mod tell;
mod trial;
mod watch;
mod weigh;

pub use answer::Cut;
pub use floodline_core::ceiling::{Bound, By, Ceiling, Depth, Status, Tried, Verdict};
pub use question::{Completed, Question};
pub use search::Search;
pub use trial::{Shown, Told, Trial};
pub use watch::{End, SoFar, Watch};
