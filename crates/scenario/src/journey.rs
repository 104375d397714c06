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

impl Script for Play {
    fn flow(&self) -> &Flow {
        &self.flow
    }

    fn user(&self, number: u64) -> Box<dyn Actor> {
        Box::new(Performer::new(self.parts.clone(), number))
    }
}
