//! Objectives: what a run is asked to prove, as `METRIC STATISTIC OP VALUE` with clauses behind it.
//!
//! `ttft p95 < 500ms`, `gap p99 < 80ms over 10s for 99% of windows`, `errors rate < 1% in main for chat`. An objective
//! is data: it is read from text ([`Objective::parse`]), shown as text again, and that text is what the plan holds.
//! What a run says to it is counted by the fold and judged by [`judge`].

mod gather;
mod goodput;
mod judge;
mod parse;
mod shares;
mod value;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::journey::{Journey, JourneyEnd};
use crate::metric::Metric;
use crate::outcome::Outcome;
use crate::record::Record;
use crate::schedule::Phase;
use crate::stats::Quantile;
use crate::time::Span;

#[cfg(test)]
pub(crate) use gather::tests as tests_of_records;
pub(crate) use gather::{Cell, Watched, each, each_of_journey, widened};
pub(crate) use goodput::Goodput;
pub use judge::{Finding, Judged, WindowShare, judge};
pub use parse::{Mistake, Names};
pub use shares::{Misses, Shares};
pub use value::{Bound, Kind, Number, Share};

/// One thing that a run is asked to prove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Objective {
    /// What is looked at.
    pub measure: Measure,
    /// How it is compared.
    pub op: Op,
    /// With what; of the kind that the measure has.
    pub bound: Bound,
    /// Windows of this length are looked at one by one, instead of the whole phase.
    pub over: Option<Span>,
    /// The share of windows that must meet it; all of them unless given. Only with `over`.
    pub windows: Option<Share>,
    /// The phase it is about; the main phase unless given.
    pub phase: Option<Phase>,
    /// The requests it is about; all unless given.
    pub scope: Option<Scope>,
}

/// What an objective looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A metric that has a distribution.
    Time(Metric, Statistic),
    /// Requests that ended in an error.
    Errors(Tally),
    /// Requests with one outcome.
    Outcome(Outcome, Tally),
    /// Planned requests that were ok and met every latency objective.
    Goodput,
    /// What a request cost.
    Cost(Statistic),
    /// Tokens of a prompt.
    InputTokens(Statistic),
    /// Tokens of an answer.
    OutputTokens(Statistic),
    /// How much goes through in a second.
    Throughput(Flow),
    /// Journeys that ended in one way.
    Journeys(JourneyEnd, Tally),
    /// How long journeys took that were completed.
    Journey(Statistic),
}

/// A figure of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// The value at rank ⌈p·n⌉.
    Percentile(Quantile),
    /// The mean.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// How many there are.
    Count,
    /// Their sum.
    Total,
}

/// A figure of requests that are told apart by yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// Their share of all that were sent, or that failed before they could be.
    Rate,
    /// How many they are.
    Count,
}

/// Something that is counted per second, from the first sending to the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Requests answered well.
    Requests,
    /// Tokens of answers.
    OutputTokens,
    /// Token-bearing events.
    Events,
}

/// How a figure is compared with its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}

/// The requests that an objective is about, by a name that their records carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// What the name is of.
    pub dimension: Dimension,
    /// The name.
    pub name: String,
}

/// A way in which requests are told apart by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// The scenario of a plan of several.
    Scenario,
    /// The prompt of the mix.
    Mix,
    /// The step of a flow.
    Step,
    /// The key it was sent with.
    Key,
    /// The turn of a conversation, from 1.
    Turn,
    /// The target, of several.
    Target,
}

/// What is said where the data cannot tell whether an objective is met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undecided {
    /// Nothing against the run.
    Pass,
    /// The run fails.
    Fail,
    /// The run is invalid: it was too short for the verdict.
    #[default]
    Invalid,
}

impl Undecided {
    /// The name used in scenarios and files.
    pub const fn name(self) -> &'static str {
        match self {
            Undecided::Pass => "pass",
            Undecided::Fail => "fail",
            Undecided::Invalid => "invalid",
        }
    }

    /// Whether it is what holds where nothing is said.
    pub fn is_usual(&self) -> bool {
        *self == Undecided::default()
    }
}

impl Objective {
    /// Whether it is about the time that one answer takes: what makes a request good.
    pub fn is_of_latency(&self) -> bool {
        goodput::is_of_latency(self)
    }

    /// The phase it is about.
    pub fn phase(&self) -> Phase {
        self.phase.unwrap_or(Phase::Main)
    }

    /// Whether a request is among those it is about, whatever its phase.
    pub fn is_about(&self, record: &Record) -> bool {
        self.scope.as_ref().is_none_or(|scope| scope.dimension.of(record).as_deref() == Some(&scope.name))
    }

    /// Whether a journey is among those it is about, whatever its phase: journeys have no name but their scenario's.
    pub(crate) fn is_about_journey(&self, journey: &Journey) -> bool {
        self.scope.as_ref().is_none_or(|scope| {
            scope.dimension == Dimension::Scenario && journey.scenario.as_ref() == Some(&scope.name)
        })
    }
}

impl Measure {
    /// What its figures are.
    pub const fn kind(self) -> Kind {
        match self {
            Measure::Time(_, Statistic::Count) | Measure::Journey(Statistic::Count) => Kind::Number,
            Measure::Time(..) | Measure::Journey(_) => Kind::Time,
            Measure::Errors(Tally::Rate)
            | Measure::Outcome(_, Tally::Rate)
            | Measure::Journeys(_, Tally::Rate)
            | Measure::Goodput => Kind::Share,
            Measure::Cost(_) => Kind::Money,
            Measure::Errors(Tally::Count)
            | Measure::Outcome(_, Tally::Count)
            | Measure::Journeys(_, Tally::Count)
            | Measure::InputTokens(_)
            | Measure::OutputTokens(_)
            | Measure::Throughput(_) => Kind::Number,
        }
    }

    /// Whether it looks at journeys, and not at requests.
    pub const fn is_of_journeys(self) -> bool {
        matches!(self, Measure::Journeys(..) | Measure::Journey(_))
    }
}

impl Flow {
    /// Every flow.
    pub const ALL: [Flow; 3] = [Flow::Requests, Flow::OutputTokens, Flow::Events];

    /// The name used in every file and on every screen.
    pub const fn name(self) -> &'static str {
        match self {
            Flow::Requests => "requests_per_s",
            Flow::OutputTokens => "output_tokens_per_s",
            Flow::Events => "events_per_s",
        }
    }
}

impl Op {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Op::Below => "<",
            Op::AtMost => "<=",
            Op::Above => ">",
            Op::AtLeast => ">=",
            Op::Equal => "==",
        }
    }

    /// Whether `value` compares so with `bound`.
    pub fn holds<T: PartialOrd>(self, value: T, bound: T) -> bool {
        match self {
            Op::Below => value < bound,
            Op::AtMost => value <= bound,
            Op::Above => value > bound,
            Op::AtLeast => value >= bound,
            Op::Equal => value == bound,
        }
    }

    /// Whether smaller figures are better.
    pub const fn wants_small(self) -> bool {
        matches!(self, Op::Below | Op::AtMost)
    }
}

impl Dimension {
    /// Every dimension, in the order in which people want to read them.
    pub const ALL: [Dimension; 6] = [
        Dimension::Scenario,
        Dimension::Mix,
        Dimension::Step,
        Dimension::Key,
        Dimension::Turn,
        Dimension::Target,
    ];

    /// The word in front of a name.
    pub const fn name(self) -> &'static str {
        match self {
            Dimension::Scenario => "scenario",
            Dimension::Mix => "mix",
            Dimension::Step => "step",
            Dimension::Key => "key",
            Dimension::Turn => "turn",
            Dimension::Target => "target",
        }
    }

    /// The name that a record carries.
    pub fn of(self, record: &Record) -> Option<Cow<'_, str>> {
        match self {
            Dimension::Scenario => record.scenario.as_deref().map(Cow::Borrowed),
            Dimension::Mix => Some(Cow::Borrowed(&record.prompt)),
            Dimension::Step => record.step.as_deref().map(Cow::Borrowed),
            Dimension::Key => record.key.as_deref().map(Cow::Borrowed),
            Dimension::Turn => record.turn.map(|turn| Cow::Owned(turn.to_string())),
            Dimension::Target => record.target.as_deref().map(Cow::Borrowed),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Measure::Time(metric, statistic) => write!(f, "{} {statistic}", metric.name()),
            Measure::Errors(tally) => write!(f, "errors {}", tally.name()),
            Measure::Outcome(outcome, tally) => write!(f, "{} {}", outcome.name(), tally.name()),
            Measure::Goodput => f.write_str("goodput"),
            Measure::Cost(statistic) => write!(f, "cost {statistic}"),
            Measure::InputTokens(statistic) => write!(f, "input_tokens {statistic}"),
            Measure::OutputTokens(statistic) => write!(f, "output_tokens {statistic}"),
            Measure::Throughput(flow) => f.write_str(flow.name()),
            Measure::Journeys(end, tally) => write!(f, "journeys {} {}", end.name(), tally.name()),
            Measure::Journey(statistic) => write!(f, "journey {statistic}"),
        }
    }
}

impl Tally {
    const fn name(self) -> &'static str {
        match self {
            Tally::Rate => "rate",
            Tally::Count => "count",
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statistic::Percentile(q) => q.fmt(f),
            Statistic::Mean => f.write_str("mean"),
            Statistic::Min => f.write_str("min"),
            Statistic::Max => f.write_str("max"),
            Statistic::Count => f.write_str("count"),
            Statistic::Total => f.write_str("total"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.dimension.name())?;
        parse::write_name(f, &self.name)
    }
}

/// As it is written; names always with what they are of.
impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.measure, self.op.name(), self.bound)?;
        if let Some(over) = self.over {
            write!(f, " over {}", value::written(over))?;
        }
        if let Some(share) = self.windows {
            write!(f, " for {share} of windows")?;
        }
        if let Some(phase) = self.phase {
            write!(f, " in {}", phase.name())?;
        }
        match &self.scope {
            Some(scope) => write!(f, " for {scope}"),
            None => Ok(()),
        }
    }
}

impl From<Objective> for String {
    fn from(objective: Objective) -> String {
        objective.to_string()
    }
}

impl TryFrom<String> for Objective {
    type Error = String;

    fn try_from(text: String) -> Result<Objective, String> {
        Objective::parse(&text, None).map_err(|mistake| mistake.message)
    }
}
