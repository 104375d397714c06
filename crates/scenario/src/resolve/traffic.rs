//! The streams of traffic: the one that a scenario file is, or those that it lists.

use floodline_core::plan::{self, Load, scenario_seed};
use floodline_core::schedule::Schedule;
use floodline_core::time::Span;
use floodline_core::workload::Workload;

use super::findings::Findings;
use super::prompts::{Basis, Corpora};
use super::target::Resolved as Target;
use super::{load, prompts};
use crate::written::{At, Given, OneOrMany, Part, Place, Prompt, Scalar, Scenario, Stage};

/// A stream of the plan, and what renders its bodies.
pub(super) type Stream = (plan::Scenario, Box<dyn Workload>);

/// Resolves every stream of traffic. Without a target, after a problem with the target, they are checked only.
pub(super) fn resolve(
    scenario: &mut Scenario,
    name: &str,
    seed: u64,
    target: Option<&Target>,
    findings: &mut Findings<'_>,
) -> Option<Vec<Stream>> {
    let mut corpora = Corpora::default();
    let (prompts, load) = (scenario.prompts.0.take(), scenario.load.0.take());
    let cap = std::mem::take(&mut scenario.cap);
    let Some(OneOrMany(parts)) = scenario.scenarios.0.take() else {
        let mine = Mine { name: name.into(), start: Span::ZERO, prompts: prompts.as_ref(), load, cap };
        return Some(vec![one(mine, seed, target, &mut corpora, findings)?]);
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
        let Part { name, start, prompts: own, load, cap } = part;
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
        let prompts = own.as_ref().or(prompts.as_ref());
        let mine = Mine { name, start, prompts, load: load.0, cap };
        streams.extend(one(mine, scenario_seed(seed, k), target, &mut corpora, findings));
    }
    (streams.len() == count).then_some(streams)
}

/// What belongs to one stream.
struct Mine<'a> {
    name: String,
    start: Span,
    prompts: Option<&'a OneOrMany<At<Prompt>>>,
    load: Option<OneOrMany<At<Stage>>>,
    cap: Given<Scalar<u32>>,
}

fn one(
    Mine { name, start, prompts, load, cap }: Mine<'_>,
    seed: u64,
    target: Option<&Target>,
    corpora: &mut Corpora,
    findings: &mut Findings<'_>,
) -> Option<Stream> {
    let before = findings.count();
    let load = load::resolve(load, seed, findings);
    // A stage with a mistake would be found wrong once more.
    let sound = findings.count() == before;
    let basis = Basis { target, load: load.as_ref(), seed, corpora };
    let sent = prompts::resolve(prompts, basis, findings);
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
    Some((plan::Scenario { name, start, prompts, load: load?, flow: None, cap }, workload))
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
