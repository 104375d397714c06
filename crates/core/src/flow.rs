//! Flows: what a virtual user does, step by step, as data of the plan.
//!
//! Here is only the shape: which steps there are, in which order, how often. What a step sends, what it saves and
//! whether a condition holds is the business of an [`Actor`](crate::journey::Actor), which knows each step and each
//! condition by its number; who walks the steps, and when, is the business of whoever plays the users.

use serde::{Deserialize, Serialize};

use crate::time::Span;
use crate::users::TimeLaw;

/// What a virtual user does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Once, before the first iteration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<Step>,
    /// In each iteration.
    pub steps: Vec<Step>,
    /// Once, after the last iteration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teardown: Vec<Step>,
}

/// One step of a flow, or several that belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A request, and thinking about its answer.
    Request(RequestStep),
    /// Only a pause.
    Think(TimeLaw),
    /// Some steps or others.
    If {
        /// What decides.
        condition: Condition,
        /// Where it holds.
        steps: Vec<Step>,
        /// Where it does not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        otherwise: Vec<Step>,
    },
    /// The same steps again and again.
    Repeat {
        /// How often.
        times: Times,
        /// What.
        steps: Vec<Step>,
    },
    /// One of several ways, drawn by weight.
    Branch(Vec<Arm>),
    /// Several lanes side by side; the next step begins when all have ended.
    Parallel(Parallel),
}

/// A step that sends a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestStep {
    /// Its number, by which an actor knows it.
    pub number: usize,
    /// Its name in figures and records.
    pub name: String,
    /// What it sends, in a few words for people.
    pub what: String,
    /// Whether it says something to the model, over the target's API.
    pub asks: bool,
    /// The bound on the tokens of its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// How long the user thinks after the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<TimeLaw>,
    /// Whether and when some users leave in the middle of its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abandon: Option<Abandon>,
    /// Whether the journey goes on when the request does not end well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_fail: bool,
}

/// An expression that holds or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Its number, by which an actor knows it.
    pub number: usize,
    /// As it is written.
    pub text: String,
}

/// How often steps are repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// So often.
    Count(u32),
    /// Until a condition holds, looked at after each time.
    Until {
        /// The condition.
        condition: Condition,
        /// From the start of one time to the start of the next, where they are not longer themselves.
        #[serde(rename = "every_ns")]
        every: Span,
        /// After so many times the journey has failed.
        at_most: u32,
    },
}

/// One way of a branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Its share, against the other weights.
    pub weight: u32,
    /// What is done on it.
    pub steps: Vec<Step>,
}

/// Lanes that run side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parallel {
    /// What each lane does.
    pub lanes: Vec<Vec<Step>>,
    /// How many of each there are.
    pub copies: u32,
    /// So many lanes may be at work at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Users who leave in the middle of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abandon {
    /// How many of a million do.
    pub millionths: u32,
    /// When.
    pub after: Patience,
}

/// What a user who leaves has waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Patience {
    /// This long, from the sending on.
    #[serde(rename = "time_ns")]
    Time(Span),
    /// So many token-bearing events.
    Tokens(u32),
}

impl Flow {
    /// Every request step, in the order of the file.
    pub fn requests(&self) -> Vec<&RequestStep> {
        let mut found = Vec::new();
        for steps in [&self.setup, &self.steps, &self.teardown] {
            collect(steps, &mut found);
        }
        found
    }

    /// How many requests one iteration sends, as far as the plan says: conditions are taken to hold every other time,
    /// branches by their weights, and repetitions with an end of their own once.
    pub fn expected_requests(&self) -> f64 {
        expected(&self.steps)
    }
}

fn collect<'a>(steps: &'a [Step], found: &mut Vec<&'a RequestStep>) {
    for step in steps {
        match step {
            Step::Request(request) => found.push(request),
            Step::Think(_) => {}
            Step::If { steps, otherwise, .. } => {
                collect(steps, found);
                collect(otherwise, found);
            }
            Step::Repeat { steps, .. } => collect(steps, found),
            Step::Branch(arms) => arms.iter().for_each(|arm| collect(&arm.steps, found)),
            Step::Parallel(parallel) => parallel.lanes.iter().for_each(|lane| collect(lane, found)),
        }
    }
}

fn expected(steps: &[Step]) -> f64 {
    let of = |step: &Step| match step {
        Step::Request(_) => 1.0,
        Step::Think(_) => 0.0,
        Step::If { steps, otherwise, .. } => (expected(steps) + expected(otherwise)) / 2.0,
        Step::Repeat { times: Times::Count(n), steps } => f64::from(*n) * expected(steps),
        Step::Repeat { times: Times::Until { .. }, steps } => expected(steps),
        Step::Branch(arms) => {
            let total: f64 = arms.iter().map(|arm| f64::from(arm.weight)).sum();
            arms.iter().map(|arm| f64::from(arm.weight) / total * expected(&arm.steps)).sum()
        }
        Step::Parallel(parallel) => {
            f64::from(parallel.copies) * parallel.lanes.iter().map(|lane| expected(lane)).sum::<f64>()
        }
    };
    steps.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: usize) -> Step {
        Step::Request(RequestStep {
            number,
            name: format!("step {number}"),
            what: "ask".into(),
            asks: true,
            max_tokens: None,
            think: None,
            abandon: None,
            may_fail: false,
        })
    }

    #[test]
    fn every_request_is_found_and_their_number_is_expected_by_weights() {
        let condition = Condition { number: 0, text: "x".into() };
        let flow = Flow {
            setup: vec![request(0)],
            steps: vec![
                Step::If { condition, steps: vec![request(1)], otherwise: vec![] },
                Step::Branch(vec![
                    Arm { weight: 3, steps: vec![request(2), request(3)] },
                    Arm { weight: 1, steps: vec![] },
                ]),
                Step::Repeat { times: Times::Count(4), steps: vec![request(4)] },
                Step::Parallel(Parallel { lanes: vec![vec![request(5)]], copies: 20, limit: Some(5) }),
            ],
            teardown: vec![],
        };
        assert_eq!(flow.requests().iter().map(|r| r.number).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(flow.expected_requests(), 0.5 + 1.5 + 4.0 + 20.0);
        let json = serde_json::to_string(&flow).unwrap();
        assert_eq!(serde_json::from_str::<Flow>(&json).unwrap(), flow);
    }
}
