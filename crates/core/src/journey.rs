//! Journeys: a virtual user's way through a [`Flow`], as those see it who walk it.
//!
//! A [`Script`] belongs to a scenario and makes an [`Actor`] for each user. The actor holds what the user has saved and
//! its conversation, makes its requests and judges their answers; it is pure, and knows no time. The record of a
//! journey that ended is [`Journey`].

use std::any::Any;

use serde::{Deserialize, Serialize};

use crate::flow::Flow;
use crate::outcome::{Finish, Outcome};
use crate::schedule::Phase;
use crate::time::{Moment, Span};
use crate::workload::Head;

/// The flow of a scenario, and who goes through it.
pub trait Script: Send + Sync {
    /// The steps.
    fn flow(&self) -> &Flow;

    /// The user of this number, before its first step.
    fn user(&self, number: u64) -> Box<dyn Actor>;
}

/// One virtual user: what it has saved, and what it says.
pub trait Actor: Any + Send {
    /// Begins its iteration of this number, from 0; or, without a number, its setup.
    ///
    /// # Errors
    /// When there is nothing left for it: a feeder whose rows are used up.
    fn begin(&mut self, iteration: Option<u64>) -> Result<(), NothingLeft>;

    /// Makes the request of a step.
    ///
    /// # Errors
    /// Why there is none to send, for people: a template that cannot be filled in.
    fn request(&mut self, step: usize) -> Result<Outgoing, String>;

    /// Takes in the answer to a step's request: judges it, and saves of it what the step saves.
    ///
    /// # Errors
    /// What the answer fails, for people.
    fn answered(&mut self, step: usize, answer: &Answered) -> Result<(), String>;

    /// Takes in an answer that did not end well, or that there was none: only to be looked at by later conditions.
    fn failed(&mut self, step: usize, answer: &Answered);

    /// Whether a condition holds.
    ///
    /// # Errors
    /// Why that cannot be told, for people.
    fn holds(&mut self, condition: usize) -> Result<bool, String>;

    /// The same user on one of several lanes, with all that it knows so far.
    fn fork(&self, lane: u32) -> Box<dyn Actor>;

    /// Takes back what was saved on the lanes that it was forked into, in their order.
    fn join(&mut self, lanes: Vec<Box<dyn Actor>>);
}

/// Why an actor does not set out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NothingLeft {
    /// In words.
    pub why: String,
    /// Whether there is nothing left for anybody else either.
    pub for_anyone: bool,
}

/// A request that an actor makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Which target it goes to.
    pub target: usize,
    /// The same for the target that is tried when this one fails.
    pub spare: Option<Box<Outgoing>>,
    /// What it says of itself ahead of its body, where that is not what all requests of the target say.
    pub head: Option<Box<Head>>,
    /// The body.
    pub body: Vec<u8>,
    /// Tokens of the prompt, where they are known.
    pub input_tokens: Option<u32>,
    /// The most tokens that any provider can be expected to count of the prompt, where that is known.
    pub input_bound: Option<u32>,
    /// The bound on output tokens that the request carries.
    pub max_tokens: Option<u32>,
    /// Which turn of a conversation it is, from 1.
    pub turn: Option<u32>,
}

/// An answer as an actor sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// How it ended, but for what the actor has to say.
    pub outcome: Outcome,
    /// The HTTP status.
    pub status: Option<u16>,
    /// Header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, of an answer that came whole.
    pub body: Vec<u8>,
    /// What the model said.
    pub text: String,
    /// The reasoning that was shown.
    pub reasoning: String,
    /// The tools that it asks for.
    pub tools: Vec<AskedTool>,
    /// Why it stopped.
    pub finish: Option<Finish>,
    /// Tokens of the prompt, by the server's count.
    pub input_tokens: Option<u32>,
    /// Tokens of the answer, by the server's count.
    pub output_tokens: Option<u32>,
    /// From the sending to the first token.
    pub ttft: Option<Span>,
    /// From the sending to the last byte.
    pub latency: Option<Span>,
}

impl Answered {
    /// No answer: only how it ended.
    pub fn none(outcome: Outcome) -> Answered {
        Answered {
            outcome,
            status: None,
            headers: Vec::new(),
            body: Vec::new(),
            text: String::new(),
            reasoning: String::new(),
            tools: Vec::new(),
            finish: None,
            input_tokens: None,
            output_tokens: None,
            ttft: None,
            latency: None,
        }
    }
}

/// A tool that a model asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskedTool {
    /// What its result is to be returned under.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its arguments, JSON if the model kept to it.
    pub arguments: String,
}

/// How one journey went: an iteration of a user, or its setup or teardown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journey {
    /// The scenario it belongs to, where the plan has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The user, from 0.
    pub user: u64,
    /// Which of its iterations, from 0.
    pub iteration: u64,
    /// The phase it was scheduled in.
    pub phase: Phase,
    /// When the plan wanted it to begin; in a closed loop, when its user became free.
    #[serde(rename = "scheduled_ns")]
    pub scheduled: Moment,
    /// When it was over.
    #[serde(rename = "ended_ns")]
    pub ended: Moment,
    /// How much of that the user spent thinking and waiting between repetitions.
    #[serde(rename = "thought_ns")]
    pub thought: Span,
    /// Requests that it sent.
    pub requests: u32,
    /// How it ended.
    pub end: JourneyEnd,
    /// The step at which it ended, where that was not its last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_step: Option<String>,
    /// What went wrong, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a journey ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JourneyEnd {
    /// Every step was done.
    Completed,
    /// A request did not end well, or a step could not be done.
    Failed,
    /// The user left in the middle of an answer.
    Abandoned,
    /// The run ended first.
    Cut,
}

impl JourneyEnd {
    /// Every way, in the order in which people want to read them.
    pub const ALL: [JourneyEnd; 4] =
        [JourneyEnd::Completed, JourneyEnd::Failed, JourneyEnd::Abandoned, JourneyEnd::Cut];

    /// The name used in every file and on every screen.
    pub const fn name(self) -> &'static str {
        match self {
            JourneyEnd::Completed => "completed",
            JourneyEnd::Failed => "failed",
            JourneyEnd::Abandoned => "abandoned",
            JourneyEnd::Cut => "cut",
        }
    }
}
