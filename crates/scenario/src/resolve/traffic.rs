//! The streams of traffic: the one that a scenario file is, or those that it lists.

use std::sync::Arc;

use floodline_core::journey::Script;
use floodline_core::plan::{self, Load, scenario_seed};
use floodline_core::schedule::Schedule;
use floodline_core::time::Span;
use floodline_core::users::most;
use floodline_core::workload::Workload;
use floodline_wire::own::Format;

use super::findings::Findings;
use super::flow::{self, Feeders};
use super::prompts::{Basis, Corpora};
use super::targets::Targets;
use super::{load, prompts};
use crate::secret::Secret;
use crate::workload::SharedOut;
use crate::written::{At, Flow, Given, OneOrMany, Part, Place, Prompt, Scalar, Scenario, Stage};

/// A stream of the plan, and what makes its requests.
pub(super) struct Stream {
    pub(super) scenario: plan::Scenario,
    pub(super) workload: Box<dyn Workload>,
    /// What its users do, where that is more than to ask.
    pub(super) script: Option<Arc<dyn Script>>,
    /// How the answers to the requests of its steps are read, where they say so.
    pub(super) formats: Vec<Option<Arc<Format>>>,
    /// What the steps of its flow take from the environment.
    pub(super) secrets: Vec<Secret>,
}

/// Resolves every stream of traffic. Without a target, after a problem with the target, they are checked only.
pub(super) fn resolve(
    scenario: &mut Scenario,
    name: &str,
    seed: u64,
    targets: Option<&Targets>,
    findings: &mut Findings<'_>,
) -> Option<Vec<Stream>> {
    let mut corpora = Corpora::default();
    let (prompts, load) = (scenario.prompts.0.take(), scenario.load.0.take());
    let cap = std::mem::take(&mut scenario.cap);
    let (flow, feeders) = (scenario.flow.0.take(), flow::feeders(&scenario.data, findings));
    let Some(OneOrMany(parts)) = scenario.scenarios.0.take() else {
        let flow = flow.as_ref();
        let mine = Mine { name: name.into(), start: Span::ZERO, prompts: prompts.as_ref(), flow, load, cap };
        return Some(vec![one(mine, seed, targets, (&mut corpora, &feeders), findings)?]);
    };
    if let Some(stage) = load.as_ref().and_then(|load| load.0.first()) {
        findings
            .problem(stage.place, "`load` stands beside `scenarios`, which have loads of their own")
            .with_help("make it one of them: scenarios: [{name: ..., load: ...}, ...]");
    }
    if let Some(cap) = cap.as_ref() {
        findings
            .problem(cap.place, "`cap` stands beside `scenarios`, which have caps of their own")
            .with_help("move it into the scenario that it is for");
    }
    let mut names: Vec<String> = Vec::new();
    let mut streams = Vec::new();
    let count = parts.len();
    for (k, At { value: part, place }) in parts.into_iter().enumerate() {
        let Part { name, start, prompts: own, flow: own_flow, load, cap } = part;
        let written = name.as_ref().map_or(place, |name| name.place);
        let name =
            findings.text(&name, "the scenario's name").unwrap_or_else(|| format!("scenario {}", k + 1));
        if names.contains(&name) {
            findings
                .problem(written, format!("two scenarios have the name `{name}`"))
                .with_help("name them apart: figures are shown by name");
        }
        names.push(name.clone());
        let start = findings.read(&start).unwrap_or(Span::ZERO);
        // Of what stands above all scenarios, a flow is for those that have no prompts of their own, and the other way
        // round.
        let flow = own_flow.as_ref().or(flow.as_ref().filter(|_| own.is_none()));
        let prompts = own.as_ref().or(prompts.as_ref().filter(|_| own_flow.is_none()));
        let mine = Mine { name, start, prompts, flow, load: load.0, cap };
        streams.extend(one(mine, scenario_seed(seed, k), targets, (&mut corpora, &feeders), findings));
    }
    (streams.len() == count).then_some(streams)
}

/// What belongs to one stream.
struct Mine<'a> {
    name: String,
    start: Span,
    prompts: Option<&'a OneOrMany<At<Prompt>>>,
    flow: Option<&'a At<Flow>>,
    load: Option<OneOrMany<At<Stage>>>,
    cap: Given<Scalar<u32>>,
}

fn one(
    Mine { name, start, prompts, flow, load, cap }: Mine<'_>,
    seed: u64,
    targets: Option<&Targets>,
    (corpora, feeders): (&mut Corpora, &Feeders),
    findings: &mut Findings<'_>,
) -> Option<Stream> {
    let before = findings.count();
    if let Some(flow) = flow {
        refuse_beside_flow(flow.place, prompts, load.as_ref(), findings);
    }
    let load = load::resolve(load, seed, findings);
    // A stage with a mistake would be found wrong once more.
    let sound = findings.count() == before;
    let flow = flow.map(|flow| flow::resolve(flow, feeders, targets, seed, findings));
    if let (Some(Some(flow)), Some(Load::Closed { stages, .. })) = (&flow, &load) {
        refuse_more_users_than_rows(flow, most(stages), findings);
    }
    let sent = match flow {
        Some(_) => Some(prompts::none()),
        None => shared(prompts, targets, load.as_ref(), (seed, corpora), findings),
    };
    let arrivals = match &load {
        Some(Load::Open { stages, .. }) => stages.clone(),
        Some(Load::Sessions { stages, .. }) => stages.iter().map(|stage| stage.arrivals.clone()).collect(),
        Some(Load::Closed { .. } | Load::Replay(_)) | None => Vec::new(),
    };
    if let (true, Err(why)) = (sound, Schedule::new(arrivals, seed)) {
        findings.problem(Place::Nowhere, why);
    }
    if let (Some(Load::Closed { .. }), Some(cap)) = (&load, cap.as_ref()) {
        findings
            .problem(cap.place, "users need no `cap`: there are never more requests in flight than users")
            .with_help("leave it out, or lower the number of users");
    }
    let cap = findings.above_zero(&cap, "`cap`");
    let (prompts, workload) = sent?;
    let (flow, script, formats, secrets) = match flow {
        None => (None, None, Vec::new(), Vec::new()),
        Some(flow) => {
            let flow::Resolved { flow, play, secrets } = flow?;
            let formats = play.formats();
            (Some(Box::new(flow)), Some(Arc::new(play) as Arc<dyn Script>), formats, secrets)
        }
    };
    let scenario = plan::Scenario { name, start, prompts, load: load?, flow, cap };
    Some(Stream { scenario, workload, script, formats, secrets })
}

/// The prompts, in the form of each target.
fn shared(
    written: Option<&OneOrMany<At<Prompt>>>,
    targets: Option<&Targets>,
    load: Option<&Load>,
    (seed, corpora): (u64, &mut Corpora),
    findings: &mut Findings<'_>,
) -> Option<prompts::Sent> {
    let first = targets.and_then(|targets| targets.all.first());
    let sent = prompts::resolve(written, Basis { target: first, load, seed, corpora }, findings);
    let Some(Targets { all, split: Some(split) }) = targets else { return sent };
    let (kinds, workload) = sent?;
    let mut of = vec![workload];
    for target in all.iter().skip(1) {
        of.push(prompts::resolve(written, Basis { target: Some(target), load, seed, corpora }, findings)?.1);
    }
    Some((kinds, Box::new(SharedOut::new(seed, split.clone(), of))))
}

/// Refuses users who would find no row of their own.
fn refuse_more_users_than_rows(flow: &flow::Resolved, users: u32, findings: &mut Findings<'_>) {
    for feeder in &flow.play.parts.feeders {
        if let Some(rows) = feeder.most_users().filter(|rows| *rows < users as usize) {
            let name = &feeder.name;
            findings
                .problem(
                    Place::Nowhere,
                    format!("`{name}` has {rows} rows for {users} users, each of whom needs one"),
                )
                .with_help("add rows, or let users share them: order: random");
        }
    }
}

/// Refuses what cannot stand beside a flow.
fn refuse_beside_flow(
    place: Place,
    prompts: Option<&OneOrMany<At<Prompt>>>,
    load: Option<&OneOrMany<At<Stage>>>,
    findings: &mut Findings<'_>,
) {
    if prompts.is_some() {
        findings
            .problem(place, "a scenario has either a flow or prompts")
            .with_help("say in the flow's steps what is asked: {ask: \"...\"}");
    }
    for At { value: stage, place } in load.iter().flat_map(|load| &load.0) {
        if stage.replay.is_some() {
            findings
                .problem(*place, "a recorded trace has requests of its own, and no flow")
                .with_help("give the flow users, sessions or a rate of journeys: load: {hold: 2/s, for: 1m}");
        }
        if let Some(requests) = stage.requests.as_ref() {
            findings.problem(requests.place, "how many requests a flow takes, its answers decide").with_help(
                "write how many journeys there are: iterations: 10 for each user, or a time: for: 1m",
            );
        }
    }
}

impl Scenario {
    /// The stages of the one stream that the file is; of one that lists several, those of the last.
    pub(super) fn last_load(&mut self) -> &mut Given<OneOrMany<At<Stage>>> {
        match self.scenarios.0.as_mut().and_then(|parts| parts.0.last_mut()) {
            Some(part) => &mut part.value.load,
            None => &mut self.load,
        }
    }
}
