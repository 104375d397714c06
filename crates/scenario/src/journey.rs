//! Journeys at work: the requests of a flow's steps made from what a user has saved, and their answers judged.
//!
//! Everything is compiled when the scenario is resolved. An actor shares that with all others and holds only what is its
//! own: rows of the feeders, saved values, conversations, the answer before.

mod actor;
mod ask;
mod check;
mod feeder;
mod own;
mod save;
mod scope;

use std::collections::BTreeMap;
use std::sync::Arc;

use floodline_core::flow::Flow;
use floodline_core::journey::{Actor, Script};
use floodline_core::plan::Split;
use floodline_wire::own::Format;

use crate::secret::Secret;
use crate::template::{Expression, Template};
use actor::Performer;

pub(crate) use ask::{Ask, Says};
pub(crate) use check::{Check, Test};
pub(crate) use feeder::{Feeder, Order, Rows};
pub(crate) use own::{Content, Own};
pub(crate) use save::{Save, Source};
pub(crate) use scope::TAKEN;

/// A scenario's flow, compiled.
pub(crate) struct Play {
    pub(crate) flow: Flow,
    pub(crate) parts: Arc<Parts>,
}

/// What all users of a flow share. Requests and conditions stand at their numbers.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) seed: u64,
    pub(crate) requests: Vec<Request>,
    pub(crate) conditions: Vec<Expression>,
    pub(crate) feeders: Vec<Feeder>,
    /// What steps take from the environment, by the variable's name.
    pub(crate) environment: BTreeMap<String, Secret>,
    /// How several targets share the users.
    pub(crate) split: Option<Split>,
}

/// The request of a step.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) what: What,
    /// How its answer is read, where a request of its own says so.
    pub(crate) answer: Option<Arc<Format>>,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) saves: Vec<Save>,
    pub(crate) checks: Vec<Check>,
}

/// What a step sends.
#[derive(Debug)]
pub(crate) enum What {
    /// Something said to the model, over the target's API.
    Ask(Ask),
    /// A request of its own.
    Own(Own),
}

impl Play {
    /// How the answers to its requests are read, by the numbers of their steps; none where nothing is said of it.
    pub(crate) fn formats(&self) -> Vec<Option<Arc<Format>>> {
        self.parts.requests.iter().map(|request| request.answer.clone()).collect()
    }
}

impl Script for Play {
    fn flow(&self) -> &Flow {
        &self.flow
    }

    fn user(&self, number: u64) -> Box<dyn Actor> {
        Box::new(Performer::new(self.parts.clone(), number))
    }
}
