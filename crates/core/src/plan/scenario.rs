//! One stream of traffic, and what its plan alone says of how much comes of it and when.

use serde::{Deserialize, Serialize};

use super::{Load, Prompt, UserStage};
use crate::flow::Flow;
use crate::rate::Rate;
use crate::schedule::{Integral, Phase, Schedule, Stage};
use crate::time::{Moment, Span};

/// One stream of traffic: what is sent, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name in figures and records.
    pub name: String,
    /// When it starts, from the start of the run.
    #[serde(rename = "start_ns")]
    pub start: Span,
    /// What is sent, drawn by weight.
    pub prompts: Vec<Prompt>,
    /// When it is sent.
    pub load: Load,
    /// What its users do, where that is more than to ask: the load then says when journeys begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Box<Flow>>,
    /// So many of its requests may be in flight at once; those beyond wait in the order of their arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<u32>,
}

impl Scenario {
    /// Requests of the main phase, when the plan alone decides how many they are.
    ///
    /// Counting the arrivals of a Poisson schedule means drawing them; beyond a million it is left out.
    pub(crate) fn planned_requests(&self, seed: u64) -> Option<u64> {
        // How many requests a journey takes, its answers decide.
        if self.flow.is_some() {
            return None;
        }
        self.planned_begun(seed)
    }

    /// What its load begins in the main phase, when the plan alone decides how much that is: journeys where there is a
    /// flow, else requests.
    pub(crate) fn planned_begun(&self, seed: u64) -> Option<u64> {
        match &self.load {
            Load::Open { stages, requests } => planned_open(stages, *requests, seed),
            Load::Closed { stages, requests } => planned_closed(stages, *requests),
            // How often sessions ask before the last stage ends, nobody knows beforehand.
            Load::Sessions { requests, .. } => requests.filter(|_| self.planned_length().is_none()),
            Load::Replay(replay) => replay.len(),
        }
    }

    /// Arrivals of all phases that an open loop or a replay can be expected to have before `until`, from the start of the
    /// run, where that or the load itself has an end.
    pub(crate) fn expected_arrivals(&self, until: Option<Span>) -> Option<f64> {
        let own = until.map(|until| until - self.start);
        match &self.load {
            Load::Open { stages, requests } => {
                let (around, measured) = expected_arrivals(stages);
                let expected = around + requests.map_or(measured, |most| measured.min(most as f64));
                let before = |own: Span| Some(Integral::new(stages).ok()?.at(Moment::START + own));
                let expected = own.and_then(before).map_or(expected, |n| n.min(expected));
                expected.is_finite().then_some(expected)
            }
            Load::Replay(replay) => match own {
                Some(own) => Some(replay.before(Moment::START + own) as f64),
                None => replay.len().map(|n| n as f64),
            },
            Load::Closed { .. } | Load::Sessions { .. } => None,
        }
    }

    /// From its start to the end of its last stage, if the plan says so.
    pub fn planned_length(&self) -> Option<Span> {
        match &self.load {
            Load::Replay(replay) => replay.length(),
            Load::Open { .. } | Load::Closed { .. } | Load::Sessions { .. } => {
                self.stretches().into_iter().try_fold(Span::ZERO, |sum, (_, length)| Some(sum + length?))
            }
        }
    }

    /// The phase and the length of each of its stages, in order; a replay has one.
    pub fn stretches(&self) -> Vec<(Phase, Option<Span>)> {
        match &self.load {
            Load::Open { stages, .. } => stages.iter().map(|s| (s.phase, s.length())).collect(),
            Load::Closed { stages, .. } => stages.iter().map(|s| (s.phase, s.length)).collect(),
            Load::Sessions { stages, .. } => {
                stages.iter().map(|s| (s.arrivals.phase, s.arrivals.length())).collect()
            }
            Load::Replay(replay) => vec![(Phase::Main, replay.length())],
        }
    }

    /// When its first stage of `phase` starts, from the start of the run.
    pub fn start_of(&self, phase: Phase) -> Option<Moment> {
        let mut at = Moment::START + self.start;
        for (its, length) in self.stretches() {
            if its == phase {
                return Some(at);
            }
            at = at + length?;
        }
        None
    }

    /// The highest rate of an open loop, for a plan's summary.
    pub fn peak_rate(&self) -> Option<Rate> {
        let Load::Open { stages, .. } = &self.load else { return None };
        stages.iter().map(Stage::peak_rate).max_by(|a, b| a.as_per_second().total_cmp(&b.as_per_second()))
    }
}

/// Of users: with an end in time, nobody knows beforehand how far they get until then.
fn planned_closed(stages: &[UserStage], requests: Option<u64>) -> Option<u64> {
    let last = stages.last().filter(|last| last.length.is_none() && last.phase == Phase::Main)?;
    let measured = stages.iter().filter(|stage| stage.phase == Phase::Main).count();
    let asked = last
        .iterations
        .filter(|_| measured == 1)
        .map(|iterations| u64::from(last.users) * u64::from(iterations));
    match (requests, asked) {
        (Some(requests), Some(asked)) => Some(requests.min(asked)),
        // Where earlier stages are measured too, nobody knows how many are left for the last.
        (Some(_), None) if last.iterations.is_some() => None,
        (requests, asked) => requests.or(asked),
    }
}

fn planned_open(stages: &[Stage], requests: Option<u64>, seed: u64) -> Option<u64> {
    const MOST: u64 = 1_000_000;
    let (around, measured) = expected_arrivals(stages);
    if around + measured > MOST as f64 {
        return requests.filter(|&r| (r as f64) < measured * 0.99);
    }
    let main = Schedule::new(stages.to_vec(), seed).ok()?.filter(|a| a.phase == Phase::Main).count() as u64;
    Some(requests.map_or(main, |r| r.min(main)))
}

/// The integral of the rate, outside the main phase and within it; infinite where the last stage has no end.
fn expected_arrivals(stages: &[Stage]) -> (f64, f64) {
    let integral = Integral::new(stages).ok();
    let of = |phase| integral.as_ref().and_then(|integral| integral.of_phase(phase)).unwrap_or(f64::INFINITY);
    (of(Phase::Warmup) + of(Phase::Cooldown), of(Phase::Main))
}
