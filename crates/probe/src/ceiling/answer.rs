//! The answer of a search, as `ceiling.json` holds it.

use floodline_core::{Span, Usd};
use serde::{Deserialize, Serialize};

use super::By;
use super::knee::knee;
use super::question::Completed;
use super::search::{Level, Search};
use super::trial::{Bound, Depth, Tried, Verdict};

/// Name and version of the format of `ceiling.json`.
pub const FORMAT: &str = "floodline-ceiling/1";

/// The answer of a search. Loads are in its unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// [`FORMAT`].
    pub format: String,
    /// What was searched, in a word.
    pub status: Status,
    /// `requests_per_s` or `users`.
    pub unit: String,
    /// The highest load that was seen to pass; missing where none was.
    pub value: Option<f64>,
    /// The ceiling lies between these: the highest load that passes without a trial against it, and the lowest that fails
    /// without a trial for it. A missing end was not found.
    pub interval: (Option<f64>, Option<f64>),
    /// What keeps the next higher load from passing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_by: Option<Bound>,
    /// Why the search ended before it had the answer, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Whether highest and lowest load were each confirmed by a second trial.
    pub confirmed: bool,
    /// By how much the ends of the interval were to differ at most, as a fraction.
    pub resolution: f64,
    /// The objectives, as they are written.
    pub objectives: Vec<String>,
    /// The one of them that was assumed, because none spoke of errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed: Option<String>,
    /// Objectives that were left out, because they do not bound a load from above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// How the ceiling stands against what is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headroom: Option<Headroom>,
    /// Where more load begins to cost more than it brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knee: Option<Knee>,
    /// Loads about which trials disagreed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disagreements: Vec<Disagreement>,
    /// The longest that a load was held.
    pub longest_trial_s: f64,
    /// What all trials cost, where there are prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent_usd: Option<Usd>,
    /// How long the search took.
    pub took_s: f64,
    /// Everything that was tried, in order.
    pub trials: Vec<Tried>,
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Something bounds the load, and it is known where.
    Found,
    /// Nothing failed up to the highest load that was asked for.
    Unbounded,
    /// No load meets the objectives.
    Nothing,
    /// The generator gave out before the target did.
    Invalid,
    /// A limit ended the search; what is known until then is told.
    Stopped,
    /// A person ended it.
    Interrupted,
}

/// The ceiling against a need.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headroom {
    /// What is needed.
    pub need: f64,
    /// The ceiling as a multiple of it.
    pub times: f64,
    /// Whether it is met.
    pub met: bool,
}

/// The knee of the curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// At which load.
    pub load: f64,
    /// How it was found.
    pub method: String,
}

/// A load about which trials disagreed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disagreement {
    /// The load.
    pub load: f64,
    /// Trials that passed.
    pub passed: u32,
    /// Trials that failed.
    pub failed: u32,
}

/// What ended a search before it had its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A limit, in words.
    Limit(String),
    /// A person.
    Person,
}

impl Search {
    /// The answer, of a search that is over or was `cut`, and took so long.
    pub fn answer(&self, completed: &Completed, cut: Option<Cut>, took: Span) -> Ceiling {
        let levels = self.levels();
        let high = levels.iter().find(|level| level.fails());
        let under = |level: &&Level| high.is_none_or(|high| level.load < high.load);
        let low = levels.iter().rev().filter(under).find(|level| level.passes());
        let undisputed_low =
            levels.iter().rev().filter(under).find(|level| level.passes() && level.failed == 0);
        let undisputed_high = levels.iter().find(|level| level.fails() && level.passed == 0);
        let scout_failed =
            self.tried.first().is_some_and(|t| t.depth == Depth::Scout && t.verdict == Verdict::Failed);
        let bound_by = match high {
            Some(high) => self.bound_at(high.load),
            None if scout_failed => self.tried.first().and_then(|tried| tried.bound.clone()),
            None => None,
        };
        let by_generator = matches!(bound_by, Some(Bound::Generator { .. }));
        let out_of_trials = self.next_ignoring_number().is_some();
        let trials = self.question.most_trials;
        let stopped = match &cut {
            Some(Cut::Limit(limit)) => Some(limit.clone()),
            Some(Cut::Person) => Some("somebody interrupted it".into()),
            None if out_of_trials => Some(format!("it had made {trials} trials")),
            None => None,
        };
        let status = match (&cut, stopped.is_some(), high, low) {
            (Some(Cut::Person), ..) => Status::Interrupted,
            (_, true, ..) => Status::Stopped,
            (..) if by_generator => Status::Invalid,
            (_, _, _, None) => Status::Nothing,
            (_, _, Some(_), Some(_)) => Status::Found,
            (_, _, None, Some(_)) => Status::Unbounded,
        };
        let value = low.map(|level| level.load);
        let spent: Option<Usd> = self.tried.iter().filter_map(|t| t.spent_usd).reduce(|a, b| a + b);
        let mut curve: Vec<Tried> = self.tried.iter().filter(|t| t.by == self.question.by).cloned().collect();
        curve.sort_by(|a, b| a.load.total_cmp(&b.load));
        Ceiling {
            format: FORMAT.into(),
            status,
            unit: self.question.by.unit().into(),
            value,
            interval: (undisputed_low.map(|l| l.load), undisputed_high.map(|l| l.load)),
            bound_by,
            stopped,
            confirmed: low.is_some_and(|l| l.passed >= 2) && high.is_none_or(|h| h.failed >= 2),
            resolution: self.question.resolution,
            objectives: self.question.objectives.iter().map(ToString::to_string).collect(),
            assumed: completed.assumed.as_ref().map(ToString::to_string),
            left_out: completed.left_out.iter().map(ToString::to_string).collect(),
            headroom: self
                .question
                .need
                .zip(value.or((status == Status::Nothing).then_some(0.0)))
                .map(|(need, value)| Headroom { need, times: value / need, met: value >= need }),
            knee: knee(&curve, value.unwrap_or(f64::INFINITY)),
            disagreements: levels
                .iter()
                .filter(|level| level.passed > 0 && level.failed > 0)
                .map(|level| Disagreement { load: level.load, passed: level.passed, failed: level.failed })
                .collect(),
            longest_trial_s: self.tried.iter().map(|tried| tried.seconds).fold(0.0, f64::max),
            spent_usd: spent,
            took_s: took.as_secs_f64(),
            trials: self.tried.clone(),
        }
    }

    /// What kept a load from passing: by the target if one trial says so, else by the generator.
    fn bound_at(&self, load: f64) -> Option<Bound> {
        let failed = |verdict: Verdict| {
            let at = move |tried: &&Tried| tried.load == load && tried.verdict == verdict;
            self.tried
                .iter()
                .filter(|t| t.by == self.question.by)
                .rev()
                .find(at)
                .and_then(|t| t.bound.clone())
        };
        failed(Verdict::Failed).or_else(|| failed(Verdict::Invalid))
    }

    fn next_ignoring_number(&self) -> Option<super::Trial> {
        let mut question = self.question.clone();
        question.most_trials = u32::MAX;
        Search { question, tried: self.tried.clone() }.next()
    }
}

impl Ceiling {
    /// The exit code of the command that searched: 0 found, and enough where something is needed; 3 not enough, or no load
    /// meets the objectives; 4 the generator gave out first; 5 stopped by a limit; 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match self.status {
            Status::Interrupted => 130,
            Status::Invalid => 4,
            Status::Stopped => 5,
            Status::Nothing => 3,
            Status::Found | Status::Unbounded => match self.headroom {
                Some(Headroom { met: false, .. }) => 3,
                _ => 0,
            },
        }
    }

    /// What its loads are counted in.
    pub fn by(&self) -> By {
        if self.unit == By::Users.unit() { By::Users } else { By::Rate }
    }
}
