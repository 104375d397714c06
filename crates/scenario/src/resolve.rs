//! From a scenario as written to a plan, a workload and the secrets: every value is read, every
//! mistake is collected, and only a scenario without one is resolved.

mod ceiling;
mod connection;
mod exchange;
mod exec;
mod faulty;
mod findings;
mod flow;
mod headers;
mod lengths;
mod limited;
mod literal;
mod load;
mod objectives;
mod prices;
mod prompts;
mod proxy;
mod replay;
mod retry;
mod stub_file;
mod target;
mod targets;
mod tokenizer;
mod traffic;
mod url;

pub(crate) use literal::is_harmless_member;
pub(crate) use replay::date;

use floodline_core::plan::{self, HealthLimits, Limits, Load, Plan, Timeouts};

pub use faulty::read_faults;
pub use limited::read_limits;
pub use proxy::PROXY_VARIABLES;
pub use retry::NamedPolicy;
pub use stub_file::{StubProvider, read_stub_file};

use crate::secret::Secret;
use crate::workload::Designed;
use crate::written::{Given, Place, Scalar, Scenario, Target};
use crate::{Error, Outside, Part, QuickForm, Resolved, Source, parse};
use findings::Findings;
use targets::Targets;

/// Longer prompts than any model takes are mistakes, and would fill the memory.
const MOST_TOKENS: u32 = 10_000_000;

/// What the command's arguments change in a scenario file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--name`.
    pub name: Option<String>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--duration`: the length of the last measured stage.
    pub duration: Option<String>,
    /// `--requests`: measured requests after which the run ends.
    pub requests: Option<u64>,
    /// `--url`: another target, which is sent the scenario's key and headers, or `stub:PROFILE`, which is not.
    pub url: Option<String>,
    /// `--model`.
    pub model: Option<String>,
    /// `--objective`, any number of times, on top of the scenario's own.
    pub objectives: Vec<String>,
    /// Another policy.
    pub retry: Option<NamedPolicy>,
    /// `--record-bodies`.
    pub record_bodies: bool,
}

/// Resolves a scenario file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn resolve(source: &Source<'_>, overrides: &Overrides, outside: &dyn Outside) -> Result<Resolved, Error> {
    let mut scenario = parse::parse(source)?;
    let mut findings = Findings::new(Some(*source), outside);
    overrides.apply(&mut scenario, &mut findings);
    assemble(scenario, &mut findings)
}

/// Resolves a load test that is given by arguments alone.
///
/// # Errors
/// Everything that is wrong with it.
pub fn resolve_quick(form: &QuickForm, outside: &dyn Outside) -> Result<Resolved, Error> {
    assemble(form.scenario(), &mut Findings::new(None, outside))
}

impl Overrides {
    fn apply(&self, scenario: &mut Scenario, findings: &mut Findings<'_>) {
        let argument = Place::Argument;
        let one_load = [("--duration", self.duration.is_some()), ("--requests", self.requests.is_some())];
        for (name, _) in one_load.into_iter().filter(|(_, given)| *given && scenario.scenarios.is_some()) {
            findings
                .problem(argument(name), "the file has several scenarios, each with a load of its own")
                .with_help("change their loads in the file, or bound the whole run: limits: {duration: 30s}");
        }
        if let Some(name) = &self.name {
            scenario.name = Scalar::new(name, argument("--name")).into();
        }
        if let Some(seed) = self.seed {
            scenario.seed = Scalar::new(seed, argument("--seed")).into();
        }
        if let Some(retry) = &self.retry {
            scenario.retry = retry.written().into();
        }
        if self.record_bodies {
            scenario.record_bodies = Scalar::new(true, argument("--record-bodies")).into();
        }
        if !self.objectives.is_empty() {
            let asked = self.objectives.iter().map(|text| Scalar::new(text, argument("--objective")));
            scenario.objectives.0.get_or_insert_default().0.extend(asked);
        }
        let other = [("--url", self.url.is_some()), ("--model", self.model.is_some())];
        for (name, _) in other.into_iter().filter(|(_, given)| *given && scenario.targets.is_some()) {
            findings
                .problem(argument(name), "the file has several targets, each of its own")
                .with_help("change them in the file");
        }
        if let Some(target) = &mut scenario.target.0 {
            if let Some(url) = &self.url {
                target.value.point_at("--url", Some(url));
                if target.value.stub.is_some() {
                    // The built-in provider needs no secrets, and whoever tries a scenario out may have none.
                    target.value.key = Given(None);
                    target.value.headers = Given(None);
                } else {
                    warn_of_secrets(&target.value, findings);
                }
            }
            if let Some(model) = &self.model {
                target.value.model = Scalar::new(model, argument("--model")).into();
                if scenario.prices.as_ref().is_some_and(|prices| prices.value.file.is_none()) {
                    findings
                        .warn("the prices of the scenario are taken for those of the model given by --model");
                }
            }
        }
        let stages = scenario.last_load().0.get_or_insert_with(load::default_stages);
        if let Some(last) = stages.0.iter_mut().rev().find(|stage| stage.value.cooldown.is_none()) {
            if let Some(duration) = &self.duration {
                let duration = Scalar::new(duration, argument("--duration")).into();
                match last.value.over.is_some() {
                    true => last.value.over = duration,
                    false => last.value.length = duration,
                }
            }
            if let Some(requests) = self.requests {
                last.value.requests = Scalar::new(requests, argument("--requests")).into();
            }
        }
    }
}

/// Says what of the environment goes to another server than the scenario names.
fn warn_of_secrets(target: &Target, findings: &mut Findings<'_>) {
    if target.key.is_some() {
        findings.warn("the key of the scenario is sent to the URL given by --url");
    }
    let headers = target.headers.iter().flat_map(|headers| &headers.0);
    let secret: Vec<String> = headers
        .filter(|header| header.value.text.contains("${env:"))
        .map(|header| format!("`{}`", header.name.value))
        .collect();
    if !secret.is_empty() {
        let names = secret.join(", ");
        findings.warn(format!(
            "values from the environment are sent to the URL given by --url, in the scenario's headers: {names}"
        ));
    }
}

fn assemble(mut scenario: Scenario, findings: &mut Findings<'_>) -> Result<Resolved, Error> {
    let name = name(&scenario, findings);
    let seed = findings.read(&scenario.seed).unwrap_or_else(|| findings.outside.seed());
    let mut targets = targets::resolve(&scenario, seed, findings);
    let keys = targets::keys(&scenario.keys, findings);
    let api = targets.as_ref().and_then(|targets| targets.all.first()).map(|target| target.target.api);
    let retry = retry::resolve(&scenario.retry, api, findings);
    let fallback = retry.as_ref().and_then(|policy| policy.fallback.as_ref());
    if let (Some(targets), Some(fallback), Some(place)) =
        (&mut targets, fallback, retry::place_of_fallback(&scenario.retry))
    {
        targets.fall_back_to(&fallback.target, place, findings);
    }
    let target = targets.as_ref().and_then(|targets| targets.all.first());
    let model = target.map(|target| target.target.model.as_str());
    let costs = prices::resolve(&scenario.prices, model, findings);
    let hard = prices::Hard::of(scenario.limits.as_ref());
    let limits = scenario.limits.as_ref().map(|limits| Limits {
        duration: findings.above_zero(&limits.duration, "`duration`"),
        requests: findings.above_zero(&limits.requests, "`requests`"),
        tokens: findings.above_zero(&limits.tokens, "`tokens`"),
        errors: findings.above_zero(&limits.errors, "`errors`"),
        spend: prices::spend(limits, scenario.prices.is_some(), findings),
        confirm_above: findings.read(&limits.confirm_above),
        stop_when: Vec::new(),
    });
    let timeouts = scenario.timeouts.0.take().map(|timeouts| {
        let usual = Timeouts::default();
        Timeouts {
            connect: findings.above_zero(&timeouts.connect, "`connect`").unwrap_or(usual.connect),
            request: findings.above_zero(&timeouts.request, "`request`").unwrap_or(usual.request),
            idle: findings.above_zero(&timeouts.idle, "`idle`").unwrap_or(usual.idle),
            grace: findings.read(&timeouts.grace).unwrap_or(usual.grace),
        }
    });
    let health = scenario.health.0.take().map(|health| HealthLimits {
        late_p99: findings.above_zero(&health.late_p99, "`late_p99`"),
        lag_p99: findings.above_zero(&health.lag_p99, "`lag_p99`"),
    });
    let hook = exec::resolve(&scenario.exec, findings);
    let record_bodies = findings.read(&scenario.record_bodies).unwrap_or(false);
    if let (Some(keys), Some(target)) = (&scenario.keys.0, target)
        && target.target.key_env.is_some()
    {
        findings
            .problem(keys.place, "`keys` stands beside the key of a target")
            .with_help("keep one of the two");
    }
    let streams = traffic::resolve(&mut scenario, &name, seed, targets.as_ref(), findings);
    hard.refuse_unbounded(costs.as_ref(), unbounded(streams.as_deref()), findings);
    let load = streams.as_deref().and_then(<[_]>::first).map(|stream| &stream.scenario.load);
    let ceiling = ceiling::resolve(&scenario.ceiling, load, findings);
    let undecided = findings.read(&scenario.undecided).unwrap_or_default();
    let (mut asked, mut rules) = (Vec::new(), Vec::new());
    // Names can be looked up only where there are some.
    if let (Some(target), Some(streams)) = (target, &streams) {
        let scenarios: Vec<plan::Scenario> = streams.iter().map(|stream| stream.scenario.clone()).collect();
        let key = target.target.key_env.as_deref();
        let about = objectives::About {
            scenarios: &scenarios,
            key,
            keys: keys.iter().flatten().map(|(name, _)| name.clone()).collect(),
            targets: targets
                .iter()
                .filter_map(|targets| targets.split.as_ref())
                .flat_map(|split| split.names.clone())
                .collect(),
            has_prices: scenario.prices.is_some(),
            streamed: target.target.stream,
        };
        asked = objectives::resolve(&scenario.objectives, &about, findings);
        if let Some(limits) = scenario.limits.as_ref() {
            rules = objectives::stop_when(&limits.stop_when, &about, findings);
        }
    }
    findings.conclude()?;
    match (targets, streams) {
        (Some(Targets { all, split }), Some(streams)) => {
            let (names, keys): (Vec<String>, Vec<Secret>) = keys.into_iter().flatten().unzip();
            let (mut parts, mut first) = (Vec::new(), None);
            for target in all {
                let designed = Designed::new(&target.members, seed).into();
                parts.push(Part { exchange: target.exchange, secrets: target.secrets, designed });
                first.get_or_insert((target.target, target.tokenizer));
            }
            let Some((target, tokenizer)) = first else {
                return Err(crate::Problem::new("the scenario has no target").into());
            };
            let (mut scenarios, mut workloads) = (Vec::new(), Vec::new());
            let (mut scripts, mut formats) = (Vec::new(), Vec::new());
            for stream in streams {
                scenarios.push(stream.scenario);
                workloads.push(stream.workload);
                scripts.push(stream.script);
                formats.push(stream.formats);
                parts[0].secrets.in_steps.extend(stream.secrets);
            }
            let mut plan = Plan::of_scenarios(name, seed, target, scenarios);
            plan.split = split.map(Box::new);
            plan.keys = names;
            plan.limits = Limits { stop_when: rules, ..limits.unwrap_or_default() };
            plan.retry = retry;
            plan.objectives = asked;
            plan.undecided = undecided;
            plan.prices = costs;
            plan.hook = hook;
            plan.timeouts = timeouts.unwrap_or_default();
            plan.health = health.unwrap_or_default();
            plan.record_bodies = record_bodies;
            Ok(Resolved {
                plan,
                workloads,
                scripts,
                formats,
                tokenizer,
                targets: parts,
                keys,
                ceiling,
                warnings: findings.take_warnings(),
            })
        }
        // Whatever is missing was reported; this is for the case that it was not.
        _ => Err(crate::Problem::new("the scenario could not be resolved").into()),
    }
}

/// The names of the prompts, and of the steps of flows, whose answers have no bound.
fn unbounded(streams: Option<&[traffic::Stream]>) -> impl Iterator<Item = &str> {
    let scenarios = streams.unwrap_or_default().iter().map(|stream| &stream.scenario);
    let steps = streams.unwrap_or_default().iter().flat_map(|stream| {
        // An answer of a request of its own is a model's where it is said how it is read.
        let is_read = |number: usize| stream.formats.get(number).is_some_and(Option::is_some);
        let steps = stream.scenario.flow.iter().flat_map(|flow| flow.requests());
        steps.filter(move |step| step.max_tokens.is_none() && (step.asks || is_read(step.number)))
    });
    // The requests of a trace carry the length of the recorded answer.
    let drawn = scenarios.filter(|scenario| !matches!(scenario.load, Load::Replay(_)));
    let prompts = drawn.flat_map(|scenario| &scenario.prompts);
    let prompts = prompts.filter(|p| p.max_tokens.is_none() && p.output.is_none()).map(|p| p.name.as_str());
    prompts.chain(steps.map(|step| step.name.as_str()))
}

/// The name of the run: as given, else the file's.
fn name(scenario: &Scenario, findings: &mut Findings<'_>) -> String {
    let usual = findings.source.map_or("quick", |source| {
        let file = source.name.rsplit(['/', '\\']).next().unwrap_or(source.name);
        file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml")).unwrap_or(file)
    });
    let Given(Some(given)) = &scenario.name else { return usual.to_owned() };
    let bad = |c: char| c.is_control() || matches!(c, '/' | '\\');
    if given.text.trim().is_empty() || given.text.contains(bad) || given.text.starts_with('.') {
        findings
            .problem(given.place, "this cannot be the name of a run")
            .with_help("the run's folder is named after it: no slash, no dot at its start, not empty");
    }
    given.text.trim().to_owned()
}
