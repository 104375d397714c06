//! What is to be sent, and what is told of its end.

use std::sync::Arc;

use floodline_core::budget::Worst;
use floodline_core::flow::Patience;
use floodline_core::journey::Answered;
use floodline_core::workload::{Ask, Head, Workload};
use floodline_core::{Moment, Outcome, Phase};
use floodline_wire::own::Format;
use tokio::sync::OwnedSemaphorePermit;

use crate::admission::Pass;
use crate::ledger::{Funds, Ledger};

/// A request to be sent now.
pub(crate) struct Job {
    pub(crate) index: u64,
    /// The number of its scenario.
    pub(crate) scenario: usize,
    pub(crate) phase: Phase,
    pub(crate) scheduled: Moment,
    /// The number of its target.
    pub(crate) target: usize,
    /// The number of its key, where requests are sent with several in turn.
    pub(crate) key: Option<usize>,
    /// The same request for the target that is tried when this one fails.
    pub(crate) spare: Option<Box<Spare>>,
    /// Which prompt of the mix it is of.
    pub(crate) prompt: usize,
    /// Its step in a flow.
    pub(crate) step: Option<String>,
    /// Which turn of a conversation it is, from 1.
    pub(crate) turn: Option<u32>,
    /// How its answer is read.
    pub(crate) reading: Reading,
    /// Tokens of the prompt, where the plan knows them.
    pub(crate) input_tokens: Option<u32>,
    pub(crate) body: Vec<u8>,
    /// What its head says that others do not.
    pub(crate) head: Option<Box<Head>>,
    /// The most that it can cost.
    pub(crate) worst: Worst,
    /// The room for it in the run's budget; none if it has yet to ask for it.
    pub(crate) funds: Option<Funds>,
    /// A user's way in, given back once it has its connection.
    pub(crate) door: Option<OwnedSemaphorePermit>,
    /// What it may have to wait for, asked for when it was due.
    pub(crate) pass: Pass,
    /// When its user leaves, whatever comes.
    pub(crate) leaves: Option<Patience>,
    /// Who judges its answer.
    pub(crate) judge: Option<Judge>,
}

/// A request for another target.
pub(crate) struct Spare {
    pub(crate) target: usize,
    pub(crate) head: Option<Box<Head>>,
    pub(crate) body: Vec<u8>,
    /// The most that it can cost.
    pub(crate) worst: Worst,
}

/// A workload's request for the target that stands in, where its own is another.
pub(crate) fn spare(
    fallback: Option<usize>,
    target: usize,
    workload: &dyn Workload,
    ask: Ask,
    ledger: &Ledger,
) -> Option<Box<Spare>> {
    let target = fallback.filter(|fallback| *fallback != target)?;
    let mut body = Vec::new();
    let rendered = workload.render_for(target, ask, &mut body);
    let worst = ledger.worst(&rendered, &body);
    Some(Box::new(Spare { target, head: rendered.head, body, worst }))
}

/// How an answer is read.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    /// As answers of the target's API are.
    Target,
    /// As the scenario says of this request of its own.
    Stated(Arc<Format>),
    /// As whatever it is: a request of its own, of which nothing is said.
    Anything,
}

/// Says what an answer fails, if it does; called once, with an answer that is otherwise ok.
pub(crate) type Judge = Box<dyn FnOnce(&Answered) -> Result<(), String> + Send>;

/// How a flight ended, for whoever waits for it.
pub(crate) struct Told {
    pub(crate) outcome: Outcome,
    /// When.
    pub(crate) ended: Moment,
    /// Whether any of it has been on the wire.
    pub(crate) sent: bool,
    /// Whether its user left in the middle of the answer.
    pub(crate) left: bool,
    /// What went wrong.
    pub(crate) error: Option<String>,
    /// An answer that did not end well, where somebody wants to see it.
    pub(crate) answered: Option<Box<Answered>>,
}
