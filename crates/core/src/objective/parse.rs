//! From text to an [`Objective`], or to what is wrong with it and where.
//!
//! Total: every text is either an objective or has a [`Mistake`], whose place is a range of bytes of the text.

mod clauses;
mod words;

use std::fmt;
use std::ops::Range;

use super::value::{Bound, Kind, Number, Share};
use super::{Dimension, Flow, Measure, Objective, Op, Statistic, Tally};
use crate::journey::JourneyEnd;
use crate::metric::Metric;
use crate::money::Usd;
use crate::outcome::Outcome;
use crate::plan::{self, Plan};
use crate::spelling::did_you_mean;
use crate::stats::Quantile;
use crate::time::Span;
use words::{Word, Words};

/// What is wrong with a text that should be an objective.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The bytes at fault.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// The names by which the requests of a plan are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Of scenarios, where there are several.
    pub scenarios: Vec<String>,
    /// Of prompts.
    pub mix: Vec<String>,
    /// Of the steps of flows.
    pub steps: Vec<String>,
    /// Of keys.
    pub keys: Vec<String>,
    /// Of targets, where there are several.
    pub targets: Vec<String>,
    /// Whether there are journeys. How many turns their conversations have, their answers decide: every turn has a name
    /// then, which is its number.
    pub journeys: bool,
}

impl Names {
    /// The names of a plan.
    pub fn of(plan: &Plan) -> Names {
        let targets = plan.split.as_ref().map_or(&[][..], |split| &split.names);
        Names::of_parts(&plan.scenarios, plan.target.key_env.as_deref()).with(&plan.keys, targets)
    }

    /// The same with several keys and several targets.
    pub fn with(mut self, keys: &[String], targets: &[String]) -> Names {
        self.keys.extend_from_slice(keys);
        self.targets.extend_from_slice(targets);
        self
    }

    /// The names of scenarios, and that of a key.
    pub fn of_parts(scenarios: &[plan::Scenario], key: Option<&str>) -> Names {
        let several = scenarios.len() > 1;
        let mut mix: Vec<String> =
            scenarios.iter().flat_map(|s| &s.prompts).map(|prompt| prompt.name.clone()).collect();
        mix.sort();
        mix.dedup();
        let flows = scenarios.iter().filter_map(|s| s.flow.as_deref());
        let mut steps: Vec<String> = Vec::new();
        for step in flows.flat_map(|flow| flow.requests()) {
            if !steps.contains(&step.name) {
                steps.push(step.name.clone());
            }
        }
        Names {
            scenarios: scenarios.iter().filter(|_| several).map(|s| s.name.clone()).collect(),
            mix,
            steps,
            keys: key.map(str::to_owned).into_iter().collect(),
            targets: Vec::new(),
            journeys: scenarios.iter().any(|s| s.flow.is_some()),
        }
    }

    /// Whether a dimension has such a name.
    fn has(&self, dimension: Dimension, name: &str) -> bool {
        match dimension {
            Dimension::Turn => self.journeys && is_turn(name),
            other => self.in_dimension(other).iter().any(|known| known == name),
        }
    }

    /// The names of one dimension, where they are known.
    fn in_dimension(&self, dimension: Dimension) -> &[String] {
        match dimension {
            Dimension::Scenario => &self.scenarios,
            Dimension::Mix => &self.mix,
            Dimension::Step => &self.steps,
            Dimension::Key => &self.keys,
            Dimension::Turn => &[],
            Dimension::Target => &self.targets,
        }
    }
}

/// Whether it is the name of a turn: a number from 1 on.
fn is_turn(name: &str) -> bool {
    name.parse().is_ok_and(|turn: u32| turn > 0 && turn.to_string() == name)
}

impl Objective {
    /// Reads an objective. With `names`, those in it must be among them; without, each must say what it is of.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(text: &str, names: Option<&Names>) -> Result<Objective, Mistake> {
        let mut words = Words::of(text)?;
        let measure = measure(&mut words)?;
        let op = op(&mut words, measure)?;
        let bound = bound(&mut words, measure.kind())?;
        let mut objective =
            Objective { measure, op, bound, over: None, windows: None, phase: None, scope: None };
        clauses::read(&mut words, &mut objective, names)?;
        Ok(objective)
    }
}

impl Mistake {
    fn new(at: Range<usize>, message: impl Into<String>) -> Mistake {
        Mistake { at, message: message.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Mistake {
        Mistake { help: Some(help.into()), ..self }
    }
}

/// What an objective looks like, for whoever has written none.
const SUCH_AS: &str = "such as `ttft p95 < 500ms`, `errors rate < 1%` or `goodput > 95%`";

/// The names of everything that can be looked at.
fn measures() -> impl Iterator<Item = &'static str> {
    let others = ["goodput", "errors", "cost", "input_tokens", "output_tokens", "journeys", "journey"];
    Metric::ALL
        .map(Metric::name)
        .into_iter()
        .chain(others)
        .chain(Flow::ALL.map(Flow::name))
        .chain(Outcome::ALL.map(Outcome::name))
}

fn measure(words: &mut Words<'_>) -> Result<Measure, Mistake> {
    let Some(word) = words.next() else {
        return Err(Mistake::new(words.end(), "an objective is empty").help(SUCH_AS));
    };
    let name = word.text;
    if let Some(metric) = Metric::ALL.into_iter().find(|metric| metric.name() == name) {
        return Ok(Measure::Time(metric, statistic(words, &word, &TIMES)?));
    }
    if let Some(outcome) = Outcome::ALL.into_iter().find(|outcome| outcome.name() == name) {
        return Ok(Measure::Outcome(outcome, tally(words, &word)?));
    }
    let flow = Flow::ALL.into_iter().find(|flow| flow.name() == name);
    match (name, flow) {
        (_, Some(flow)) => none(words, &word).map(|()| Measure::Throughput(flow)),
        ("goodput", None) => none(words, &word).map(|()| Measure::Goodput),
        ("errors", None) => Ok(Measure::Errors(tally(words, &word)?)),
        ("cost", None) => Ok(Measure::Cost(statistic(words, &word, &AMOUNTS)?)),
        ("input_tokens", None) => Ok(Measure::InputTokens(statistic(words, &word, &AMOUNTS)?)),
        ("journeys", None) => journeys(words, &word),
        ("journey", None) => Ok(Measure::Journey(statistic(words, &word, &TIMES)?)),
        ("output_tokens", None) => Ok(Measure::OutputTokens(statistic(words, &word, &AMOUNTS)?)),
        (_, None) => Err(unknown_measure(&word)),
    }
}

/// Journeys are told apart by how they ended: `journeys failed rate`.
fn journeys(words: &mut Words<'_>, of: &Word<'_>) -> Result<Measure, Mistake> {
    let names = JourneyEnd::ALL.map(JourneyEnd::name);
    let known = format!("write how they ended, which is one of {}: journeys failed rate", names.join(", "));
    let Some(word) = words.next_if(|word| !word.is_op()) else {
        return Err(Mistake::new(of.at.clone(), "`journeys` needs how they ended").help(known));
    };
    let Some(end) = JourneyEnd::ALL.into_iter().find(|end| end.name() == word.text) else {
        let mistake = Mistake::new(word.at.clone(), format!("no journey ends `{}`", word.text));
        return Err(match did_you_mean(word.text, names) {
            Some(near) => mistake.help(format!("did you mean `{near}`?")),
            None => mistake.help(known),
        });
    };
    Ok(Measure::Journeys(end, tally(words, &word)?))
}

fn unknown_measure(word: &Word<'_>) -> Mistake {
    let name = word.text;
    let mistake = Mistake::new(word.at.clone(), format!("`{name}` is nothing that is measured"));
    // Names that others have for the same.
    let meant = match name.to_ascii_lowercase().as_str() {
        "itl" | "inter_token_latency" | "tbt" => Some("gap"),
        "e2e" | "e2el" | "duration" | "http_req_duration" | "response_time" => Some("latency"),
        "rps" | "throughput" | "qps" => Some("requests_per_s"),
        "tps" | "tokens_per_s" => Some("output_tokens_per_s"),
        "error_rate" | "failures" | "failed" => Some("errors rate"),
        "price" | "spend" => Some("cost"),
        lower => did_you_mean(lower, measures()),
    };
    match meant {
        Some(meant) => mistake.help(format!("did you mean `{meant}`?")),
        None => {
            let names: Vec<&str> = measures().collect();
            mistake.help(format!("expected one of {}", names.join(", ")))
        }
    }
}

/// Statistics of times.
const TIMES: [&str; 5] = ["p50", "mean", "min", "max", "count"];
/// Statistics of what each request costs or has.
const AMOUNTS: [&str; 5] = ["p50", "mean", "min", "max", "total"];
/// Statistics of requests that are told apart by yes or no.
const TALLIES: [&str; 2] = ["rate", "count"];

fn statistic(words: &mut Words<'_>, of: &Word<'_>, allowed: &[&str]) -> Result<Statistic, Mistake> {
    let word = named_statistic(words, of, allowed)?;
    let found = match word.text {
        "mean" => Some(Statistic::Mean),
        "min" => Some(Statistic::Min),
        "max" => Some(Statistic::Max),
        "count" => Some(Statistic::Count),
        "total" => Some(Statistic::Total),
        text => match text.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            Some(number) => Some(Statistic::Percentile(percentile(&word, number)?)),
            None => None,
        },
    };
    let is_allowed = |statistic: &Statistic| match statistic {
        Statistic::Percentile(_) => true,
        other => allowed.contains(&other.to_string().as_str()),
    };
    found.filter(is_allowed).ok_or_else(|| not_a_statistic(&word, of, allowed))
}

fn percentile(word: &Word<'_>, number: &str) -> Result<Quantile, Mistake> {
    let parts = Number::parse(number).filter(|n| n.0.is_multiple_of(1_000)).map(|n| n.0 / 1_000);
    parts.and_then(|parts| u32::try_from(parts).ok()).and_then(Quantile::of_millipercent).ok_or_else(|| {
        Mistake::new(word.at.clone(), format!("`{}` is no percentile", word.text))
            .help("percentiles go from p0.1 to p99.999; the ends are `min` and `max`")
    })
}

fn tally(words: &mut Words<'_>, of: &Word<'_>) -> Result<Tally, Mistake> {
    let word = named_statistic(words, of, &TALLIES)?;
    match word.text {
        "rate" => Ok(Tally::Rate),
        "count" => Ok(Tally::Count),
        _ => Err(not_a_statistic(&word, of, &TALLIES)),
    }
}

/// The word that ought to be a statistic.
fn named_statistic<'t>(words: &mut Words<'t>, of: &Word<'_>, allowed: &[&str]) -> Result<Word<'t>, Mistake> {
    words.next_if(|word| !word.is_op()).ok_or_else(|| {
        Mistake::new(of.at.clone(), format!("`{}` needs a statistic", of.text)).help(list(of, allowed))
    })
}

fn not_a_statistic(word: &Word<'_>, of: &Word<'_>, allowed: &[&str]) -> Mistake {
    let meant = match word.text {
        "avg" | "average" | "med" | "median" if !allowed.contains(&"mean") => None,
        "avg" | "average" => Some("mean"),
        "med" | "median" => Some("p50"),
        "share" | "ratio" => Some("rate"),
        "sum" => Some("total"),
        "number" | "n" => Some("count"),
        text => did_you_mean(text, allowed.iter().copied()),
    };
    let mistake = Mistake::new(word.at.clone(), format!("`{}` is no statistic of `{}`", word.text, of.text));
    match meant.filter(|meant| allowed.contains(meant)) {
        Some(meant) => mistake.help(format!("did you mean `{meant}`? {}", list(of, allowed))),
        None => mistake.help(list(of, allowed)),
    }
}

/// Which statistics there are: `ttft has p50, p95, p99.9 and so on, mean, min, max, count`.
fn list(of: &Word<'_>, allowed: &[&str]) -> String {
    let names = allowed.join(", ").replace("p50", "p50, p95, p99.9 (any percentile)");
    format!("`{}` has {names}", of.text)
}

/// A measure that is a figure by itself.
fn none(words: &mut Words<'_>, of: &Word<'_>) -> Result<(), Mistake> {
    match words.next_if(|word| !word.is_op()) {
        None => Ok(()),
        Some(word) => Err(Mistake::new(word.at, format!("`{}` has no statistics", of.text))
            .help(format!("write `{}` and what it is compared with", of.text))),
    }
}

fn op(words: &mut Words<'_>, measure: Measure) -> Result<Op, Mistake> {
    let expected = format!("compare it with <, <=, >, >= or ==, such as `{measure} < …`");
    let Some(word) = words.next() else {
        return Err(
            Mistake::new(words.end(), format!("`{measure}` is not compared with anything")).help(expected)
        );
    };
    match word.text {
        "<" => Ok(Op::Below),
        "<=" => Ok(Op::AtMost),
        ">" => Ok(Op::Above),
        ">=" => Ok(Op::AtLeast),
        "==" => Ok(Op::Equal),
        text => {
            let mistake = Mistake::new(word.at.clone(), format!("`{text}` is no comparison"));
            Err(match text {
                "=" => mistake.help("did you mean `==`?"),
                "=<" | "≤" => mistake.help("did you mean `<=`?"),
                "=>" | "≥" => mistake.help("did you mean `>=`?"),
                _ => mistake.help(expected),
            })
        }
    }
}

fn bound(words: &mut Words<'_>, kind: Kind) -> Result<Bound, Mistake> {
    let such_as = match kind {
        Kind::Time => "a duration such as 500ms or 1.5s",
        Kind::Share => "a share such as 95% or 0.95",
        Kind::Money => "an amount such as $0.02",
        Kind::Number => "a number such as 900",
    };
    let Some((text, at)) = words.next_value() else {
        return Err(
            Mistake::new(words.end(), "there is no value to compare with").help(format!("write {such_as}"))
        );
    };
    let wrong = |message: String| Mistake::new(at.clone(), message);
    let is_number = Number::parse(&text).is_some();
    match kind {
        Kind::Time => Span::parse(&text).map(Bound::Time).map_err(|message| match is_number {
            true => {
                wrong(message).help(format!("a duration needs its unit: did you mean {text}ms or {text}s?"))
            }
            false => wrong(message).help(format!("write {such_as}")),
        }),
        Kind::Share => Share::parse(&text)
            .map(Bound::Share)
            .map_err(|(message, help)| Mistake { help, ..wrong(message) }),
        Kind::Money => Usd::parse(&text).map(Bound::Money).map_err(wrong),
        Kind::Number => {
            let number = text.strip_suffix("/s").unwrap_or(&text);
            Number::parse(number).map(Bound::Number).ok_or_else(|| {
                wrong(format!("`{text}` is not a number"))
                    .help(format!("write {such_as}, with at most six decimals"))
            })
        }
    }
}

/// A name as it is written in an objective: quoted, unless it is plainly one word.
pub(crate) fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':');
    let clause = matches!(name, "over" | "in" | "for");
    if !name.is_empty() && !clause && name.chars().all(plain) {
        return f.write_str(name);
    }
    write!(f, "\"{}\"", name.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests;
