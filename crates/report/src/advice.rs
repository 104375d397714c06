//! What a verdict means and what to do about what went wrong, in short sentences.

use floodline_core::outcome::Outcome;
use floodline_core::plan::{Address, Plan};
use floodline_core::summary::{ErrorLine, RunInfo, RunSummary};
use floodline_core::verdict::{Status, Verdict};

use crate::format::{count, counted, one_line, time};

/// One finding: what happened and, where something can be done about it, what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) what: String,
    pub(crate) remedy: Option<String>,
}

/// How the requests fared, in one sentence.
pub(crate) fn headline(summary: &RunSummary) -> String {
    let r = &summary.requests;
    let time = time(summary.duration_s * 1e3);
    let mut text = match (r.planned, r.ok) {
        (0, _) => format!("No request was measured in {time}."),
        (1, 1) => format!("The one request was ok, in {time}."),
        (n, ok) if n == ok => format!("All {} requests were ok, in {time}.", count(n)),
        (n, 0) => format!("None of {} was ok, in {time}.", counted(n, "request")),
        (n, ok) => format!("{} of {} requests were ok, in {time}.", count(ok), count(n)),
    };
    if r.ok > 0 && r.failed > 0 {
        text.push_str(&format!(" {} failed.", count(r.failed)));
    }
    if let Some(journeys) = summary.journeys.as_ref().filter(|journeys| journeys.started > 0) {
        let (completed, all) = (journeys.completed, counted(journeys.started, "journey"));
        text.push_str(&format!(" {} of {all} completed.", count(completed)));
    }
    text
}

/// Why the verdict is what it is.
pub(crate) fn findings(plan: &Plan, info: &RunInfo, summary: &RunSummary) -> Vec<Finding> {
    let mut findings: Vec<Finding> = summary.verdict.reasons.iter().map(|reason| finding(reason)).collect();
    let asked_nothing = summary.objectives.is_empty();
    if summary.verdict.status == Status::Pass && summary.requests.failed > 0 && asked_nothing {
        findings.push(Finding {
            what: "The plan has no objective, so failed requests do not fail the run.".into(),
            remedy: None,
        });
    }
    // Where nothing went well, what to do about it comes first.
    if summary.requests.ok == 0
        && let Some(last) = findings.last_mut().filter(|last| last.remedy.is_none())
    {
        last.remedy = remedies(plan, info, &summary.errors).into_iter().next();
    }
    findings
}

/// Reads `code: sentence; what to do`. Only reasons for being invalid come with a remedy.
fn finding(reason: &str) -> Finding {
    const WITH_REMEDY: [&str; 4] = ["generator_", "provider_", "clock_", "undecided"];
    let sentence = reason.split_once(": ").map_or(reason, |(_, sentence)| sentence);
    let (what, remedy) = match sentence.split_once("; ") {
        Some((what, remedy)) if WITH_REMEDY.iter().any(|code| reason.starts_with(code)) => {
            (what, Some(remedy))
        }
        _ => (sentence, None),
    };
    Finding { what: as_sentence(what), remedy: remedy.map(as_sentence) }
}

/// With a capital and a full stop.
pub(crate) fn as_sentence(text: &str) -> String {
    let text = one_line(text, 600);
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let stop = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

/// What the verdict means for the figures below it.
pub(crate) fn meaning(verdict: &Verdict) -> Option<&'static str> {
    match verdict.status {
        Status::Pass | Status::Fail => None,
        Status::Invalid if verdict.valid => Some("These figures are sound, but too few for the verdict."),
        Status::Invalid => Some("Do not take these figures for the target's: the measurement was disturbed."),
        Status::Stopped => Some("The figures are of the part that ran."),
    }
}

/// What went wrong. That requests in flight were given up at the end is known from the outcomes.
pub(crate) fn errors(summary: &RunSummary) -> Vec<&ErrorLine> {
    summary.errors.iter().filter(|line| !matches!(line.outcome, Outcome::Ok | Outcome::Cancelled)).collect()
}

/// A way of going wrong in one line: `rate_limited, status 429: Rate limit reached`.
pub(crate) fn error(line: &ErrorLine) -> String {
    let status = line.status.map_or_else(String::new, |s| format!(", status {s}"));
    format!("{}{status}: {}", line.outcome.name(), one_line(&line.message, 300))
}

/// What to do about the errors of a run, the most frequent first, each thing once.
pub(crate) fn remedies(plan: &Plan, info: &RunInfo, errors: &[ErrorLine]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for remedy in errors.iter().filter_map(|line| remedy(plan, info, line)) {
        if !all.contains(&remedy) {
            all.push(remedy);
        }
    }
    all
}

/// Why no request of this run was answered, and what to do about it, where that has nothing to do with the load: a key that is
/// not taken, nothing at that URL, or no way there.
pub fn in_vain(plan: &Plan, info: &RunInfo, summary: &RunSummary) -> Option<String> {
    let errors = errors(summary);
    let most = errors.first().filter(|_| summary.requests.ok == 0)?;
    let hopeless = |line: &&ErrorLine| match line.outcome {
        Outcome::Connection => true,
        Outcome::ClientError => matches!(line.status, Some(401 | 403 | 404 | 405)),
        _ => false,
    };
    let remedy = remedies(plan, info, &summary.errors).into_iter().next();
    let help = remedy.map_or_else(String::new, |remedy| format!("\n = help: {remedy}"));
    errors.iter().all(hopeless).then(|| format!("no request was answered: {}{help}", error(most)))
}

fn remedy(plan: &Plan, info: &RunInfo, line: &ErrorLine) -> Option<String> {
    let url = match &plan.target.address {
        Address::Url(url) => one_line(url, 200),
        Address::Stub(_) => one_line(&info.target, 200),
    };
    match line.outcome {
        Outcome::Connection => connection(&line.message.to_lowercase(), &url),
        Outcome::Timeout => Some(
            "Timeouts: the target may be overloaded. Lower the load, or raise --timeout or --idle-timeout."
                .into(),
        ),
        Outcome::RateLimited => {
            Some("Rate limited: lower the load, or take the refusals as the result.".into())
        }
        Outcome::QuotaExceeded => {
            Some("Quota exceeded: check plan and billing of this key; waiting does not help.".into())
        }
        Outcome::Malformed => Some(format!("Malformed answers: is {url} an OpenAI-compatible API?")),
        Outcome::ClientError | Outcome::ServerError => refusal(plan, line.status?, &url),
        _ => None,
    }
}

/// Header fields that a key may travel in.
const KEY_HEADERS: [&str; 4] = ["authorization", "api-key", "x-api-key", "cookie"];

fn refusal(plan: &Plan, status: u16, url: &str) -> Option<String> {
    let header =
        plan.target.headers.iter().find(|name| KEY_HEADERS.contains(&name.to_ascii_lowercase().as_str()));
    if let (401 | 403, None, Some(name)) = (status, &plan.target.key_env, header) {
        return Some(format!("Status {status}: check the header {}.", one_line(name, 60)));
    }
    match (status, &plan.target.key_env) {
        (401 | 403, Some(name)) => Some(format!(
            "Status {status}: check the key in the environment variable {}.",
            one_line(name, 60)
        )),
        (401 | 403, None) => Some(format!(
            "Status {status}: no key was sent. Name the environment variable that holds it with --key-env."
        )),
        (404, _) => Some(format!(
            "Status 404: requests went to {url}. The base URL usually ends in /v1, and the model {} must exist there.",
            one_line(&plan.target.model, 60)
        )),
        (405, _) => Some(format!("Status 405: {url} takes no POST. The base URL usually ends in /v1.")),
        _ => None,
    }
}

fn connection(message: &str, url: &str) -> Option<String> {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["refused"]) {
        return Some(format!("Connection refused: is the server running at {url}?"));
    }
    if says(&["certificate", "tls", "handshake"]) {
        return Some(
            "TLS: give a private authority's certificate with --ca-file; a server without TLS wants http://."
                .into(),
        );
    }
    if says(&["resolve", "lookup", "name or service", "no such host", "dns"]) {
        return Some(format!("The name was not found: check the host in {url}."));
    }
    if says(&["unreachable", "no route"]) {
        return Some(format!(
            "No way to the host: check the network, a VPN or a firewall on the way to {url}."
        ));
    }
    if says(&["reset", "broken pipe", "closed"]) {
        let tls = if url.starts_with("http://") { ", or for https on that port" } else { "" };
        return Some(format!(
            "Connections were cut by the other side: look for a limit on connections there{tls}."
        ));
    }
    None
}

/// Which requests are missing from the latencies, if any are: a fast refusal must not improve a figure, nor a timeout.
pub(crate) fn censored(summary: &RunSummary) -> Option<String> {
    let timeouts = summary.requests.by_outcome.get(Outcome::Timeout.name()).copied().unwrap_or(0);
    (timeouts > 0).then(|| {
        format!(
            "Latency is of ok requests only: the {} that timed out would have been longer.",
            count(timeouts)
        )
    })
}
