//! Flows: from steps as written to the plan's steps, and to what makes their requests.

mod data;
mod env;
mod request;
mod verdict;

use std::sync::Arc;

use floodline_core::flow::{Abandon, Arm, Condition, Flow, Parallel, Patience, RequestStep, Step, Times};
use floodline_core::time::Span;
use floodline_core::users::TimeLaw;

use super::findings::Findings;
use super::load;
use super::target::Resolved as Target;
use super::targets::Targets;
use crate::journey::{Parts, Play, Request};
use crate::secret::Secret;
use crate::template::Expression;
use crate::written::{self, At, Either, Given, OneOrMany, Place, Scalar, Text};

use env::Environment;

pub(super) use data::{Feeders, feeders};

/// Repetitions of a loop that has an end of its own, unless the scenario says how many.
const AT_MOST: u32 = 100;

/// Lanes of one user at once: each holds all that its user knows.
const MOST_LANES: u32 = 10_000;

/// A resolved flow: for the plan, and for its users.
pub(super) struct Resolved {
    pub(super) flow: Flow,
    pub(super) play: Play,
    /// What its steps take from the environment.
    pub(super) secrets: Vec<Secret>,
}

/// Resolves a flow. Without a target, after a problem with it, it is checked only.
pub(super) fn resolve(
    written: &At<written::Flow>,
    feeders: &Feeders,
    targets: Option<&Targets>,
    seed: u64,
    findings: &mut Findings<'_>,
) -> Option<Resolved> {
    let At { value: written, place } = written;
    let before = findings.count();
    let mut making = Making {
        targets: targets.map_or(&[], |targets| &targets.all),
        environment: Environment::default(),
        requests: Vec::new(),
        conditions: Vec::new(),
        names: Vec::new(),
    };
    let mut part = |steps: &Given<OneOrMany<At<written::Step>>>, findings: &mut Findings<'_>| {
        steps.as_ref().map_or(Vec::new(), |steps| making.steps(&steps.0, findings))
    };
    let flow = Flow {
        setup: part(&written.setup, findings),
        steps: part(&written.steps, findings),
        teardown: part(&written.teardown, findings),
    };
    if written.steps.is_none() {
        findings.problem(*place, "the flow has no `steps`").with_help(
            "write what users do in each iteration: steps: [{ask: \"...\"}, {post: /path, json: {...}}]",
        );
    }
    let split = targets?.split.clone();
    if findings.count() > before {
        return None;
    }
    let Making { requests, conditions, environment, .. } = making;
    let environment = environment.into_values();
    let secrets = environment.values().cloned().collect();
    let parts = Parts { seed, requests, conditions, feeders: feeders.made(), environment, split };
    Some(Resolved { flow: flow.clone(), play: Play { flow, parts: Arc::new(parts) }, secrets })
}

/// A flow in the making.
struct Making<'t> {
    targets: &'t [Target],
    environment: Environment,
    /// Those so far, each at its number.
    requests: Vec<Request>,
    conditions: Vec<Expression>,
    /// Names of the request steps so far.
    names: Vec<String>,
}

/// The keys that say what a step is.
const KINDS: &str =
    "ask, tool_result, messages, get, post, put, patch, delete, if, repeat, branch, parallel or think";

impl Making<'_> {
    fn steps(&mut self, written: &[At<written::Step>], findings: &mut Findings<'_>) -> Vec<Step> {
        written.iter().filter_map(|step| self.step(step, findings)).collect()
    }

    fn step(&mut self, written: &At<written::Step>, findings: &mut Findings<'_>) -> Option<Step> {
        let At { value: step, place } = written;
        let kinds = [
            ("ask", step.ask.is_some()),
            ("tool_result", step.tool_result.is_some()),
            ("messages", step.messages.is_some()),
            ("get", step.get.is_some()),
            ("post", step.post.is_some()),
            ("put", step.put.is_some()),
            ("patch", step.patch.is_some()),
            ("delete", step.delete.is_some()),
            ("if", step.condition.is_some()),
            // The lanes of a parallel step are counted by `repeat`.
            ("repeat", step.repeat.is_some() && step.parallel.is_none()),
            ("branch", step.branch.is_some()),
            ("parallel", step.parallel.is_some()),
        ];
        let given: Vec<&str> = kinds.into_iter().filter(|(_, given)| *given).map(|(kind, _)| kind).collect();
        match given.as_slice() {
            ["if"] => self.condition_step(step, *place, findings),
            ["repeat"] => self.repeat_step(step, *place, findings),
            ["branch"] => self.branch_step(step, *place, findings),
            ["parallel"] => self.parallel_step(step, *place, findings),
            [_] => self.request_step(step, *place, findings),
            [] if step.think.is_some() => Some(Step::Think(think(step, findings)?)),
            [] => {
                let help = format!("write one of {KINDS}");
                findings.problem(*place, "this step does not say what is done").with_help(help);
                None
            }
            several => {
                let message = format!("this step is both {}", several.join(" and "));
                findings.problem(*place, message).with_help("make it a step each");
                None
            }
        }
    }

    fn request_step(
        &mut self,
        step: &written::Step,
        place: Place,
        findings: &mut Findings<'_>,
    ) -> Option<Step> {
        refuse_structure(step, findings);
        let think = think(step, findings);
        let abandon = step.abandon.as_ref().and_then(|leaves| abandon(leaves, findings));
        let may_fail = findings.read(&step.may_fail).unwrap_or(false);
        let made = {
            let mut with = request::With { targets: self.targets, environment: &mut self.environment };
            request::resolve(step, place, &mut with, findings)
        };
        let name = findings.text(&step.name, "the step's name");
        let request::Made { what, asks, max_tokens, request } = made?;
        let name = name.unwrap_or_else(|| what.clone());
        if self.names.contains(&name) {
            let at = step.name.as_ref().map_or(place, |name| name.place);
            findings
                .problem(at, format!("two steps have the name `{name}`"))
                .with_help("name them apart: figures are shown by name");
        }
        self.names.push(name.clone());
        let number = self.requests.len();
        self.requests.extend(request);
        Some(Step::Request(RequestStep { number, name, what, asks, max_tokens, think, abandon, may_fail }))
    }

    fn condition_step(
        &mut self,
        step: &written::Step,
        place: Place,
        findings: &mut Findings<'_>,
    ) -> Option<Step> {
        let condition = self.condition(&step.condition, findings);
        let steps = self.inner(&step.steps, place, findings);
        let otherwise = step.otherwise.as_ref().map_or(Vec::new(), |steps| self.steps(&steps.0, findings));
        refuse_request(step, place, findings);
        Some(Step::If { condition: condition?, steps, otherwise })
    }

    fn repeat_step(
        &mut self,
        step: &written::Step,
        place: Place,
        findings: &mut Findings<'_>,
    ) -> Option<Step> {
        let times = match step.repeat.as_ref()? {
            Either::Single(count) => findings.read_one(count).map(Times::Count),
            Either::Other(At { value, place }) => {
                if value.until.is_none() {
                    findings.problem(*place, "`repeat` says neither how often nor until when").with_help(
                        "write repeat: 3, or repeat: {until: \"status == 200\", every: 2s, at_most: 30}",
                    );
                }
                let condition = self.condition(&value.until, findings);
                let every = findings.read(&value.every).unwrap_or(Span::ZERO);
                let at_most = findings.above_zero(&value.at_most, "`at_most`").unwrap_or(AT_MOST);
                condition.map(|condition| Times::Until { condition, every, at_most })
            }
        };
        let steps = self.inner(&step.steps, place, findings);
        refuse_request(step, place, findings);
        Some(Step::Repeat { times: times?, steps })
    }

    fn branch_step(
        &mut self,
        step: &written::Step,
        place: Place,
        findings: &mut Findings<'_>,
    ) -> Option<Step> {
        let mut arms = Vec::new();
        for At { value: way, .. } in &step.branch.as_ref()?.0 {
            let weight = if way.weight.is_some() { findings.read(&way.weight)? } else { 1 };
            // A way without steps is a user who does nothing here.
            let steps = way.steps.as_ref().map_or(Vec::new(), |steps| self.steps(&steps.0, findings));
            arms.push(Arm { weight, steps });
        }
        let total: u64 = arms.iter().map(|arm| u64::from(arm.weight)).sum();
        if total == 0 || total > u64::from(u32::MAX) {
            findings
                .problem(place, "the weights of this branch add up to nothing, or to too much")
                .with_help("weights are shares, such as 70 and 30");
            return None;
        }
        refuse_request(step, place, findings);
        Some(Step::Branch(arms))
    }

    fn parallel_step(
        &mut self,
        step: &written::Step,
        place: Place,
        findings: &mut Findings<'_>,
    ) -> Option<Step> {
        let lanes = step.parallel.as_ref()?;
        let limit = findings.above_zero(&lanes.value.limit, "`limit`");
        let steps = self.inner(&step.steps, place, findings);
        refuse_request(step, place, findings);
        let (lanes, copies) = match step.repeat.as_ref() {
            None => (steps.into_iter().map(|step| vec![step]).collect(), 1),
            Some(Either::Single(count)) => (vec![steps], findings.read_one(count)?),
            Some(Either::Other(until)) => {
                findings
                    .problem(until.place, "lanes side by side cannot be repeated until something holds")
                    .with_help("write how many lanes there are: repeat: 20");
                return None;
            }
        };
        if copies > MOST_LANES {
            findings
                .problem(place, format!("{copies} lanes side by side are too many: at most {MOST_LANES}"))
                .with_help("more of the same comes from more users, or from a rate of journeys");
            return None;
        }
        Some(Step::Parallel(Parallel { lanes, copies, limit }))
    }

    /// The steps that a step is made of.
    fn inner(
        &mut self,
        steps: &Given<OneOrMany<At<written::Step>>>,
        place: Place,
        findings: &mut Findings<'_>,
    ) -> Vec<Step> {
        match steps.as_ref() {
            Some(steps) => self.steps(&steps.0, findings),
            None => {
                findings
                    .problem(place, "this step has no `steps`")
                    .with_help("write what is done: steps: [{ask: \"...\"}]");
                Vec::new()
            }
        }
    }

    fn condition(&mut self, written: &Given<Scalar<Text>>, findings: &mut Findings<'_>) -> Option<Condition> {
        let expression = expression(written.as_ref()?, findings)?;
        let (number, text) = (self.conditions.len(), expression.text.clone());
        self.conditions.push(expression);
        Some(Condition { number, text })
    }
}

/// Compiles an expression, or says where and why it cannot be.
fn expression(written: &Scalar<Text>, findings: &mut Findings<'_>) -> Option<Expression> {
    Expression::new(&written.text).map_err(|wrong| findings.wrong(written.place, wrong)).ok()
}

fn think(step: &written::Step, findings: &mut Findings<'_>) -> Option<TimeLaw> {
    load::time(step.think.as_ref()?, "`think`", findings)
}

fn abandon(written: &At<written::Leaves>, findings: &mut Findings<'_>) -> Option<Abandon> {
    let At { value, place } = written;
    let time = findings.above_zero(&value.after, "`after`");
    let tokens = findings.above_zero(&value.after_tokens, "`after_tokens`");
    let share = if value.share.is_some() { findings.read(&value.share)?.0 } else { 1_000_000 };
    let after = match (time, tokens) {
        (Some(time), None) => Patience::Time(time),
        (None, Some(tokens)) => Patience::Tokens(tokens),
        (None, None) | (Some(_), Some(_)) => {
            findings
                .problem(*place, "`abandon` says when users leave in exactly one way")
                .with_help("write abandon: {after: 2s, share: 5%} or abandon: {after_tokens: 40, share: 5%}");
            return None;
        }
    };
    Some(Abandon { millionths: share, after })
}

/// Refuses what belongs to steps that are made of steps.
fn refuse_structure(step: &written::Step, findings: &mut Findings<'_>) {
    let strays = [
        ("steps", step.steps.as_ref().and_then(|steps| steps.0.first()).map(|step| step.place)),
        ("else", step.otherwise.as_ref().and_then(|steps| steps.0.first()).map(|step| step.place)),
    ];
    for (key, place) in strays {
        if let Some(place) = place {
            findings
                .problem(place, format!("`{key}` has no meaning in a step that sends a request"))
                .with_help("it belongs to if, repeat or parallel");
        }
    }
}

/// Refuses what belongs to requests.
fn refuse_request(step: &written::Step, place: Place, findings: &mut Findings<'_>) {
    let given = [
        ("name", step.name.is_some()),
        ("headers", step.headers.is_some()),
        ("json", step.json.is_some()),
        ("form", step.form.is_some()),
        ("body", step.body.is_some()),
        ("query", step.query.is_some()),
        ("answer", step.answer.is_some()),
        ("save", step.save.is_some()),
        ("check", step.check.is_some()),
        ("abandon", step.abandon.is_some()),
        ("system", step.system.is_some()),
        ("tools", step.tools.is_some()),
        ("with", step.with.is_some()),
        ("max_tokens", step.max_tokens.is_some()),
        ("think", step.think.is_some()),
    ];
    if let Some((key, _)) = given.into_iter().find(|(_, given)| *given) {
        findings
            .problem(place, format!("`{key}` has no meaning in a step that is made of steps"))
            .with_help("it belongs to the steps inside, which send the requests");
    }
}
