//! What a run is asked to prove, and what ends it early: sentences checked against the plan they are about.

use floodline_core::objective::{Measure, Mistake, Names, Objective};
use floodline_core::plan::Scenario;

use super::findings::Findings;
use crate::written::{Asked, Given, Place, Scalar, Text};

/// What objectives are checked against.
pub(crate) struct About<'a> {
    /// The scenarios of the plan, if they are known.
    pub(crate) scenarios: &'a [Scenario],
    /// The name of the key.
    pub(crate) key: Option<&'a str>,
    /// The names of several keys that are used in turn.
    pub(crate) keys: Vec<String>,
    /// The names of the targets, where there are several.
    pub(crate) targets: Vec<String>,
    /// Whether it is known what a request costs.
    pub(crate) has_prices: bool,
    /// Whether answers are streamed.
    pub(crate) streamed: bool,
}

/// The objectives.
pub(crate) fn resolve(
    asked: &Given<Asked>,
    about: &About<'_>,
    findings: &mut Findings<'_>,
) -> Vec<Objective> {
    let objectives = read(asked, about, findings);
    for (sentence, objective) in &objectives {
        let enters = |other: &Objective| {
            other.is_of_latency() && other.phase.is_none_or(|phase| phase == objective.phase())
        };
        let says_what_is_good = objectives.iter().any(|(_, other)| enters(other));
        if objective.measure == Measure::Goodput && !says_what_is_good {
            findings
                .problem(sentence.place, "goodput needs an objective on latency, which says what is good")
                .with_help("add one on ttft, tpot, latency, max_gap or gap, such as ttft p95 < 500ms");
        }
    }
    objectives.into_iter().map(|(_, objective)| objective).collect()
}

/// The rules that end a run early.
pub(crate) fn stop_when(
    asked: &Given<Asked>,
    about: &About<'_>,
    findings: &mut Findings<'_>,
) -> Vec<Objective> {
    let rules = read(asked, about, findings);
    for (sentence, rule) in &rules {
        if rule.windows.is_some() {
            findings
                .problem(sentence.place, "a rule looks at one window, the last, and not at a share of many")
                .with_help("leave `for … of windows` out");
        }
        if rule.measure == Measure::Goodput {
            findings.problem(sentence.place, "a rule cannot look at goodput").with_help(
                "it can look at what goodput is made of, such as ttft p95 > 5s or errors rate > 20%",
            );
        }
    }
    rules.into_iter().map(|(_, rule)| rule).collect()
}

/// The sentences that are right, each with where it was written.
fn read<'s>(
    asked: &'s Given<Asked>,
    about: &About<'_>,
    findings: &mut Findings<'_>,
) -> Vec<(&'s Scalar<Text>, Objective)> {
    let names = Names::of_parts(about.scenarios, about.key).with(&about.keys, &about.targets);
    let mut right = Vec::new();
    for sentence in asked.iter().flat_map(|asked| &asked.0) {
        match Objective::parse(&sentence.text, Some(&names)) {
            Ok(objective) => {
                check(sentence, &objective, about, findings);
                right.push((sentence, objective));
            }
            Err(Mistake { at, message, help }) => {
                let place = part(sentence, at, findings);
                let added = findings.problem(place, message);
                if let Some(help) = help {
                    added.with_help(help);
                }
            }
        }
    }
    right
}

fn check(sentence: &Scalar<Text>, objective: &Objective, about: &About<'_>, findings: &mut Findings<'_>) {
    if matches!(objective.measure, Measure::Cost(_)) && !about.has_prices {
        findings.problem(sentence.place, "what a request costs is not known").with_help(
            "add prices: {input: $2.50, output: $10} of a million tokens, or prices: {file: prices.json}",
        );
    }
    if objective.measure.is_of_journeys() && about.scenarios.iter().all(|scenario| scenario.flow.is_none()) {
        findings
            .problem(sentence.place, "there are no journeys: no scenario has a flow")
            .with_help("ask for errors or latency instead, or say what a user does in a flow");
    }
    if let Measure::Time(metric, _) = objective.measure
        && !about.streamed
        && metric.needs_streams()
    {
        findings
            .problem(sentence.place, format!("an answer that is no stream has no {}", metric.name()))
            .with_help("ask for latency instead, or for streams: leave `stream: false` out");
    }
    if let Some(phase) = objective.phase
        && !about.scenarios.is_empty()
        && about.scenarios.iter().all(|scenario| scenario.start_of(phase).is_none())
    {
        findings
            .problem(sentence.place, format!("this load has no {} phase", phase.name()))
            .with_help("leave `in` out, or give the load such a stage");
    }
}

/// Where a part of a sentence stands, as far as the sentence stands in its file as it is.
fn part(sentence: &Scalar<Text>, at: std::ops::Range<usize>, findings: &Findings<'_>) -> Place {
    let Place::Text { line, column, .. } = sentence.place else { return sentence.place };
    let (Some(source), Some(before), Some(wrong)) =
        (findings.source, sentence.text.get(..at.start), sentence.text.get(at.clone()))
    else {
        return sentence.place;
    };
    let shown = source.text.lines().nth(line.saturating_sub(1)).unwrap_or("");
    let rest: String = shown.chars().skip(column.saturating_sub(1)).collect();
    let quotes = usize::from(rest.starts_with(['"', '\'']));
    let stands_so = rest.get(quotes..).is_some_and(|rest| rest.starts_with(&sentence.text[..at.end]));
    if !stands_so {
        return sentence.place;
    }
    let column = column + quotes + before.chars().count();
    Place::Text { line, column, chars: wrong.chars().count().max(1) }
}
