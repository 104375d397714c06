//! A plan in sentences: where requests go, what is sent, when, and what ends the run.

pub(crate) mod flow;
pub(crate) mod retry;
mod users;

use floodline_core::Span;
use floodline_core::connection::{Connection, Connections, Dns, Http};
use floodline_core::forecast::{Begun, Forecast};
use floodline_core::plan::{Address, Limits, Load, Plan, Prompt, Scenario, Stub, StubPace, Target};
use floodline_core::replay::{Replay, Source};
use floodline_core::schedule::{Phase, Shape, Spread, Stage};

use crate::format::{count, counted, one_line, planned, share, short_count, three_digits};

/// More stages than this are summed up.
const STAGES_SHOWN: usize = 4;

/// Where requests go: `built-in provider, profile 8b-h100` or the URL.
pub(crate) fn target(target: &Target) -> String {
    match &target.address {
        Address::Url(url) => one_line(url, 200),
        Address::Stub(stub) => format!("built-in provider, {}", pace(stub)),
    }
}

/// The targets of a plan that has several, each with its share, and the keys where there are several: `primary, weight 3:
/// ...`.
pub(crate) fn several(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(split) = &plan.split {
        let shares = split.names.iter().zip(&split.weights);
        for (number, ((name, weight), of)) in shares.zip(plan.targets()).enumerate() {
            let stands_in =
                if split.fallback == Some(number) { ", stands in when another fails" } else { "" };
            let (name, where_, model) = (one_line(name, 60), target(of), model(of));
            lines.push(format!("{name}, weight {weight}{stands_in}: {where_}, {model}"));
        }
    }
    if !plan.keys.is_empty() {
        let names = one_line(&plan.keys.join(", "), 200);
        lines.push(format!("{} in turn: {names}", counted(plan.keys.len() as u64, "key")));
    }
    lines
}

fn pace(stub: &Stub) -> String {
    let pace = match &stub.pace {
        StubPace::Profile(name) => format!("profile {}", one_line(name, 60)),
        StubPace::Exact { ttft, gap } => format!("ttft {}, gap {}", planned(*ttft), planned(*gap)),
    };
    let mut said = pace;
    if let Some(tokens) = stub.tokens {
        said += &format!(", answers of {}", counted(tokens.into(), "token"));
    }
    if stub.reasoning > 0 {
        said += &format!(", {} of reasoning before each", counted(stub.reasoning.into(), "token"));
    }
    if let Some(limits) = &stub.limits {
        said += &format!(", limits {}", one_line(&limits.to_string(), 200));
    }
    if !stub.faults.is_empty() {
        let faults: Vec<String> = stub.faults.iter().map(ToString::to_string).collect();
        said += &format!(", faults {}", one_line(&faults.join("; "), 200));
    }
    said
}

/// As whom and how: `m over openai-chat, streamed, key from OPENAI_API_KEY`.
pub(crate) fn model(target: &Target) -> String {
    let mut parts = vec![format!("{} over {}", one_line(&target.model, 100), target.api.name())];
    parts.push(if target.stream { "streamed" } else { "not streamed" }.into());
    if let Some(name) = &target.key_env {
        parts.push(format!("key from {}", one_line(name, 60)));
    }
    if !target.headers.is_empty() {
        parts.push(format!("headers {}", one_line(&target.headers.join(" "), 100)));
    }
    if let Some(file) = &target.ca_file {
        parts.push(format!("certificates of {}", one_line(file, 100)));
    }
    parts.join(", ")
}

/// How the target is connected to, where that is not as usual: `HTTP/2 on 4 connections of each worker, through the
/// proxy 10.0.0.1:3128`.
pub(crate) fn connection(target: &Target) -> Option<String> {
    let Connection { http, connections, proxy, source_addresses, dns, compression } = &target.connection;
    let mut parts = Vec::new();
    match (http, connections) {
        (Http::One, Connections::PerRequest) => parts.push("a new connection for each request".to_owned()),
        (Http::One, Connections::Kept | Connections::PerWorker(_)) => {}
        (Http::Two, _) => parts.push(match target.connection.per_worker() {
            1 => "HTTP/2 on one connection of each worker".into(),
            n => format!("HTTP/2 on {} connections of each worker", count(n.into())),
        }),
    }
    if let Some(proxy) = proxy {
        parts.push(format!("through the proxy {}", one_line(proxy, 100)));
    }
    match source_addresses.as_slice() {
        [] => {}
        [one] => parts.push(format!("from {one}")),
        several => parts.push(format!("from {} addresses in turn", several.len())),
    }
    if *dns == Dns::PerConnection {
        parts.push("its name looked up for each connection".into());
    }
    if *compression {
        parts.push("asked for gzip and br".into());
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What `--insecure` means, for a line nobody overlooks.
pub const INSECURE: &str =
    "certificates are not checked: anybody on the way can read the key and change the answers";

/// What is sent, one line for each prompt of each mix.
pub(crate) fn prompts(plan: &Plan) -> Vec<String> {
    let of = |(k, scenario): (usize, &Scenario)| {
        let lines = mix(&scenario.prompts);
        lines.into_iter().map(|line| named(plan, k, line)).collect::<Vec<String>>()
    };
    plan.scenarios.iter().enumerate().flat_map(of).collect()
}

/// With the name of its scenario, where there are several.
fn named(plan: &Plan, scenario: usize, line: String) -> String {
    match plan.scenario_name(scenario) {
        Some(name) => format!("{}: {line}", one_line(name, 40)),
        None => line,
    }
}

fn mix(prompts: &[Prompt]) -> Vec<String> {
    const SHOWN: usize = 6;
    /// The summary of a corpus is long, and all of it is worth knowing before the start.
    const SOURCE: usize = 500;
    let whole: u64 = prompts.iter().map(|p| u64::from(p.weight)).sum();
    let mut lines: Vec<String> = prompts
        .iter()
        .take(SHOWN)
        .map(|prompt| {
            let most =
                prompt.max_tokens.map_or_else(String::new, |n| format!(", max_tokens {}", count(n.into())));
            let source = one_line(&prompt.source, SOURCE);
            match prompts.len() {
                1 => format!("{source}{most}"),
                _ => {
                    let name = one_line(&prompt.name, 40);
                    format!("{name} ({}): {source}{most}", share(prompt.weight.into(), whole))
                }
            }
        })
        .collect();
    if prompts.len() > SHOWN {
        lines.push(format!("and {} more", prompts.len() - SHOWN));
    }
    lines
}

/// When it is sent: a sentence for each scenario.
pub(crate) fn loads(plan: &Plan) -> Vec<String> {
    let of = |(k, scenario): (usize, &Scenario)| {
        let line = match scenario.start {
            Span::ZERO => load(scenario),
            start => format!("{}, from {} on", load(scenario), planned(start)),
        };
        named(plan, k, line)
    };
    plan.scenarios.iter().enumerate().map(of).collect()
}

/// The same as one text.
pub(crate) fn load_of(plan: &Plan) -> String {
    loads(plan).join("; ")
}

fn load(scenario: &Scenario) -> String {
    let text = uncapped(scenario, began(scenario));
    match scenario.cap {
        Some(cap) => format!("{text}, at most {} in flight", count(cap.into())),
        None => text,
    }
}

/// What the load begins: journeys where there is a flow.
fn began(scenario: &Scenario) -> &'static str {
    if scenario.flow.is_some() { "journey" } else { "request" }
}

fn uncapped(scenario: &Scenario, noun: &str) -> String {
    let of = if scenario.flow.is_some() { " of journeys" } else { "" };
    match &scenario.load {
        Load::Open { stages, requests } => {
            format!("open loop{of}, {}", stages_and_requests(stages, *requests, noun))
        }
        Load::Closed { stages, requests } => {
            format!("closed loop{of}, {}", stages_and_requests(stages, *requests, noun))
        }
        Load::Sessions { stages, requests } => stages_and_requests(stages, *requests, noun),
        Load::Replay(replay) => replayed(scenario, replay),
    }
}

/// A stretch of load: of a rate, of users or of sessions.
trait Stretch {
    /// What there is of it, where it begins `noun`s.
    fn what(&self, noun: &str) -> String;
    /// How long that goes on.
    fn lasts(&self, length: Span) -> String {
        format!("for {}", planned(length))
    }
    /// What else there is to say.
    fn manner(&self, _noun: &str) -> String {
        String::new()
    }
    /// The same in short: how a warm-up or a cool-down is spread matters to nobody.
    fn aside(&self) -> String;
    fn length(&self) -> Option<Span>;
    fn phase(&self) -> Phase;
    /// What is compared to find the smallest and the largest of many.
    fn size(&self) -> f64;
}

impl Stretch for Stage {
    fn what(&self, _noun: &str) -> String {
        match (spread(self.spread), &self.shape) {
            (Some(spread), _) => format!("{} {spread}", self.shape),
            // Of a single rate, people ask how it is meant.
            (None, Shape::Hold { .. }) => format!("{} constant", self.shape),
            (None, _) => self.shape.to_string(),
        }
    }

    fn aside(&self) -> String {
        format!("at {}", self.shape)
    }

    fn length(&self) -> Option<Span> {
        self.length()
    }

    fn phase(&self) -> Phase {
        self.phase
    }

    fn size(&self) -> f64 {
        self.peak_rate().as_per_second()
    }
}

/// How arrivals are spread, where it is not evenly.
fn spread(spread: Spread) -> Option<String> {
    match spread {
        Spread::Constant => None,
        Spread::Poisson => Some("Poisson".into()),
        Spread::Gamma { burstiness } => Some(format!("gamma of burstiness {burstiness}")),
        Spread::Uniform => Some("uniform".into()),
    }
}

fn stages_and_requests<S: Stretch>(stages: &[S], requests: Option<u64>, noun: &str) -> String {
    let of = |phase| stages.iter().filter(|s| s.phase() == phase).collect::<Vec<&S>>();
    let (warmup, main, cooldown) = (of(Phase::Warmup), of(Phase::Main), of(Phase::Cooldown));
    let mut text = in_order(&main, noun);
    if let Some(n) = requests {
        text.push_str(&format!(", {}", counted(n, noun)));
    }
    // A comma where the warm-up could be taken for that of the last stage only.
    let manners = main.iter().any(|stage| !stage.manner(noun).is_empty());
    let comma = if main.len() > 1 || requests.is_some() || manners { "," } else { "" };
    if let Some(warmup) = aside(&warmup, "warm-up", noun) {
        text.push_str(&format!("{comma} after a {warmup}"));
    }
    if let Some(cooldown) = aside(&cooldown, "cool-down", noun) {
        text.push_str(&format!(", then a {cooldown}"));
    }
    text
}

/// A warm-up or a cool-down, if there is one.
fn aside<S: Stretch>(stages: &[&S], word: &str, noun: &str) -> Option<String> {
    match stages {
        [] => None,
        [only] => {
            let length = only.length().map_or_else(String::new, |l| format!("{} ", planned(l)));
            Some(format!("{length}{word} {}", only.aside()))
        }
        many => Some(format!("{word} of {}", in_order(many, noun))),
    }
}

fn in_order<S: Stretch>(stages: &[&S], noun: &str) -> String {
    let for_its_length = |s: &&S| match s.length() {
        Some(length) => format!("{} {}{}", s.what(noun), s.lasts(length), s.manner(noun)),
        None => format!("{}{}", s.what(noun), s.manner(noun)),
    };
    if stages.len() <= STAGES_SHOWN {
        return stages.iter().map(for_its_length).collect::<Vec<_>>().join(", then ");
    }
    let by_size = |a: &&&S, b: &&&S| a.size().total_cmp(&b.size());
    // Stages are of many shapes and in any order: these two are no ends of anything. A pause is not what people ask for.
    let least = stages.iter().filter(|s| s.size() > 0.0).min_by(by_size).map(|s| s.what(noun));
    let most = stages.iter().max_by(by_size).map(|s| s.what(noun)).unwrap_or_default();
    let least = least.unwrap_or_else(|| most.clone());
    let length = stages.iter().try_fold(Span::ZERO, |sum, s| Some(sum + s.length()?));
    let length = length.map_or_else(String::new, |l| format!(" over {}", planned(l)));
    format!("{} stages{length}, the smallest {least}, the largest {most}", stages.len())
}

fn replayed(scenario: &Scenario, replay: &Replay) -> String {
    let Source { file, format: _, speed, window, scale, jitter } = &replay.source;
    let requests = match replay.len() {
        Some(requests) => counted(requests, "request"),
        None => format!("{} again and again", counted(replay.rows, "request")),
    };
    let mut text = format!("replay of {}, {requests} at ", one_line(file, 100));
    match *speed {
        1.0 => text.push_str("recorded speed"),
        speed => text.push_str(&format!("{}× speed", speed_digits(speed))),
    }
    if let Some(length) = scenario.planned_length() {
        text.push_str(&format!(", over {}", planned(whole_seconds(length))));
    }
    match *window {
        (Span::ZERO, None) => {}
        (Span::ZERO, Some(to)) => text.push_str(&format!(", the first {} of the recording", planned(to))),
        (from, None) => text.push_str(&format!(", the recording from {} on", planned(from))),
        (from, Some(to)) => {
            text.push_str(&format!(", the recording from {} to {}", planned(from), planned(to)))
        }
    }
    match *scale {
        1.0 => {}
        scale => text.push_str(&format!(", scaled to {}×", speed_digits(scale))),
    }
    if let Some(jitter) = *jitter {
        text.push_str(&format!(", spread over {}", planned(jitter)));
    }
    match replay.extent.passes.map(std::num::NonZero::get) {
        None if replay.len().is_some() => text.push_str(", again and again"),
        None | Some(1) => {}
        Some(passes) => text.push_str(&format!(", {passes} times")),
    }
    text
}

fn speed_digits(speed: f64) -> String {
    if speed.fract() == 0.0 { format!("{speed}") } else { three_digits(speed) }
}

fn whole_seconds(span: Span) -> Span {
    span.0.checked_next_multiple_of(1_000_000_000).map_or(span, Span)
}

/// How much is expected: requests and the most of them, and tokens. Empty when the plan does not say.
pub(crate) fn expected(plan: &Plan, forecast: &Forecast) -> Vec<String> {
    let about = if forecast.exact { "" } else { "about " };
    let requests = forecast.requests.map(|n| format!("{about}{}", counted(n, "request")));
    let peak = |(k, scenario): (usize, &Scenario)| Some(named(plan, k, peak(scenario)?));
    let minute = forecast.busiest_minute.map(|n| format!("at most {about}{} in any minute", count(n)));
    let peaks = plan.scenarios.iter().enumerate().filter_map(peak);
    let length = forecast.length.map(|length| format!("over {}", planned(whole_seconds(length))));
    let first = requests.into_iter().chain(length).chain(peaks).chain(minute);
    let mut lines = vec![first.collect::<Vec<_>>().join(", ")];
    let several = plan.scenarios.len() > 1;
    lines.extend(forecast.journeys.iter().map(|begun| journeys(begun, several)));
    let tokens = [(forecast.input_tokens, "input"), (forecast.output_tokens, "output")];
    let tokens = tokens.into_iter().filter_map(|(n, what)| Some(format!("{} {what}", count(n?))));
    let tokens = tokens.collect::<Vec<_>>().join(" and ");
    if !tokens.is_empty() {
        let bound =
            if forecast.output_tokens.is_some() { " if every answer is as long as it may be" } else { "" };
        let minute =
            forecast.busiest_minute_tokens.map(|n| format!(", at most {about}{} in any minute", count(n)));
        lines.push(format!("{about}{tokens} tokens{bound}{}", minute.unwrap_or_default()));
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// `480 journeys of about 2.5 requests each`.
fn journeys(begun: &Begun, several: bool) -> String {
    let each = match begun.requests_each {
        1.0 => "about 1 request each".into(),
        each => format!("about {} requests each", three_digits(each)),
    };
    let text = match begun.journeys {
        Some(n) => format!("about {} of {each}", counted(n, "journey")),
        None => format!("as many journeys as there is time for, of {each}"),
    };
    if several { format!("{}: {text}", one_line(&begun.scenario, 40)) } else { text }
}

/// What it can cost; none without prices.
pub(crate) fn cost(plan: &Plan, forecast: &Forecast) -> Option<String> {
    plan.prices.as_ref()?;
    let expected = forecast.expected.map(|usd| format!("{usd} if every answer is as long as it may be"));
    let beyond = forecast.expected > plan.limits.spend;
    let worst = match (forecast.worst, plan.limits.spend) {
        (_, Some(limit)) if beyond => format!("more than the spend limit of {limit}, which will end the run"),
        (Some(worst), Some(limit)) if worst == limit => format!("at most {worst}, the spend limit"),
        (Some(worst), _) => format!("at most {worst}"),
        (None, _) => "how much at most is not known: nothing bounds it".into(),
    };
    Some(expected.into_iter().chain([worst]).collect::<Vec<_>>().join(", "))
}

fn peak(scenario: &Scenario) -> Option<String> {
    match &scenario.load {
        Load::Open { .. } => scenario.peak_rate().map(|rate| match &scenario.flow {
            Some(_) => format!("peak {rate} journeys"),
            None => format!("peak {rate}"),
        }),
        Load::Closed { stages, .. } => {
            let most = floodline_core::users::most(stages);
            Some(match &scenario.flow {
                // On parallel lanes, a user has several requests in flight.
                Some(_) => format!("at most {} at once", counted(most.into(), "user")),
                None => format!("at most {} in flight", short_count(most.into())),
            })
        }
        Load::Sessions { stages, .. } => {
            let rates = stages.iter().map(|stage| stage.arrivals.peak_rate());
            let peak = rates.max_by(|a, b| a.as_per_second().total_cmp(&b.as_per_second()));
            peak.map(|rate| format!("peak {rate} sessions"))
        }
        Load::Replay(replay) => Some(format!("{} in the busiest second", count(replay.busiest_second))),
    }
}

/// What ends the run before its plan does.
pub(crate) fn limits(limits: &Limits) -> Option<String> {
    let Limits { duration, requests, tokens, errors, spend, confirm_above: _, stop_when } = limits;
    let mut parts = Vec::new();
    parts.extend(duration.map(planned));
    parts.extend(requests.map(|n| counted(n, "request")));
    parts.extend(tokens.map(|n| counted(n, "token")));
    parts.extend(errors.map(|n| counted(n, "error")));
    parts.extend(spend.map(|usd| usd.to_string()));
    parts.extend(stop_when.iter().map(|rule| one_line(&rule.to_string(), 200)));
    (!parts.is_empty()).then(|| format!("stops at {}", parts.join(", or ")))
}

/// What the run is to prove, if anything.
pub(crate) fn objectives(plan: &Plan) -> Option<String> {
    let sentences: Vec<String> = plan.objectives.iter().map(|o| one_line(&o.to_string(), 200)).collect();
    (!sentences.is_empty()).then(|| sentences.join("; "))
}

/// How long is waited for what.
pub(crate) fn timeouts(plan: &Plan) -> String {
    let t = &plan.timeouts;
    format!(
        "{} for a request, {} between arrivals, {} for connecting",
        planned(t.request),
        planned(t.idle),
        planned(t.connect)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: the end of all time came out as 290 ms, and as a panic of a debug build.
    #[test]
    fn the_longest_length_stays_long() {
        assert_eq!(whole_seconds(Span(u64::MAX)), Span(u64::MAX));
        assert_eq!(whole_seconds(Span(1_500_000_000)), Span::from_secs(2));
        assert_eq!(whole_seconds(Span::from_secs(2)), Span::from_secs(2));
    }
}
