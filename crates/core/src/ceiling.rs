//! The ceiling of a target, the highest load that still meets the objectives, as data: `ceiling.json`. How it is searched is
//! the business of `floodline_probe`.

use serde::{Deserialize, Serialize};

use crate::money::Usd;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::retry::Dimension;
use crate::stats::Quantile;
use crate::time::Span;

/// Name and version of the format of `ceiling.json`.
pub const FORMAT: &str = "floodline-ceiling/1";

/// The unit of rates at which journeys through a flow begin.
pub const JOURNEYS: &str = "journeys_per_s";

/// The answer of a search. Loads are in its unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// [`FORMAT`].
    pub format: String,
    /// What was searched, in a word.
    pub status: Status,
    /// `requests_per_s`, of a flow `journeys_per_s`, or `users`.
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
    /// How the ceiling stands against what is needed; missing where the search is invalid.
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

/// What a scenario asks of a search. What it does not say has its usual value; loads are in requests a second or users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// What loads are counted in.
    pub by: By,
    /// What the load has to be.
    pub need: Option<f64>,
    /// Where to start.
    pub from: Option<f64>,
    /// What not to go beyond.
    pub to: Option<f64>,
    /// How far the answer's two ends may lie apart, as a fraction.
    pub resolution: Option<f64>,
    /// The longest trial.
    pub longest: Option<Span>,
    /// The shortest trial.
    pub shortest: Option<Span>,
    /// How long the search may take.
    pub max_time: Option<Span>,
    /// The most trials.
    pub max_trials: Option<u32>,
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
    /// The generator gave out before the target did, or trials were too short to tell anything.
    Invalid,
    /// A limit, or a target that went away, ended the search; what is known until then is told.
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

/// What a load is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Requests (of a flow: journeys) a second, whatever the target does.
    Rate,
    /// Users who wait for their answers.
    Users,
}

/// How closely a trial looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// A few requests of a single user: how fast the target is with nothing else to do.
    Scout,
    /// A look, on the way up: what passes it is tried again if the answer lies near.
    Glance,
    /// Until the statistics have decided.
    Full,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The load meets the objectives.
    Passed,
    /// It does not.
    Failed,
    /// Nothing can be said of the target: the generator was the bottleneck, or no request had ended in time.
    Invalid,
    /// It was cut short and says nothing.
    Cut,
}

/// What keeps a load from passing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Bound {
    /// A limiter, a quota or an overload guard that refuses.
    Limit {
        /// As what most of the refusals ended.
        outcome: Outcome,
        /// The limit, where the provider says which.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dimension: Option<Dimension>,
        /// The share of requests that was refused.
        share: f64,
    },
    /// An objective that is missed.
    Objective {
        /// As it is written.
        text: String,
        /// The share of values that missed it, where it can be told as a share.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        missed: Option<f64>,
        /// The share that may.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        allowed: Option<f64>,
    },
    /// The target falls behind: requests pile up.
    Backlog {
        /// By so many a second.
        grows_per_s: f64,
    },
    /// The load generator itself.
    Generator {
        /// Why, as `code: sentence`.
        reason: String,
    },
    /// The time of a trial, in which no request ended: whether the load is too high cannot be told.
    Silence {
        /// How long the load was held, in seconds.
        seconds: f64,
    },
    /// A rule of the scenario that ends a run.
    Rule {
        /// Which, and what it saw.
        text: String,
    },
}

/// A distribution in a few numbers, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// How many values there are.
    pub count: u64,
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}

/// What a trial told: an entry of `trials` in `ceiling.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Its number, from 1.
    pub number: u32,
    /// What its load is counted in.
    pub by: By,
    /// The load, in requests a second or users.
    pub load: f64,
    /// How closely it looked.
    pub depth: Depth,
    /// How it ended.
    pub verdict: Verdict,
    /// Whether the test decided, and not the end of its time.
    pub sure: bool,
    /// What kept it from passing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// How long the load was held, a flood before it excluded.
    pub seconds: f64,
    /// From where on it was steady, in seconds from when the load began; missing where it never was.
    pub steady_from_s: Option<f64>,
    /// Whether a limiter's allowance was used up before.
    pub flooded: bool,
    /// Requests of the load, whatever became of them; after a flood, from when requests were admitted again.
    pub requests: u64,
    /// Those answered well.
    pub ok: u64,
    /// Those refused by a limit, a quota or an overload guard.
    pub refused: u64,
    /// Those that ended in any other error.
    pub failed: u64,
    /// The share of requests that were good, where latency objectives say what that is.
    pub goodput: Option<f64>,
    /// Answers a second while it was steady.
    pub ok_per_s: Option<f64>,
    /// First token − sent, while it was steady.
    pub ttft: Times,
    /// Last byte − sent, while it was steady.
    pub latency: Times,
    /// What it cost, where there are prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent_usd: Option<Usd>,
    /// Why it was cut short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
}

impl Ceiling {
    /// The exit code of the command that searched: 0 found, and enough where something is needed; 3 not enough, or no load
    /// meets the objectives; 4 the generator gave out first, or nothing could be told; 5 stopped by a limit or a failure; 130 interrupted.
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

impl By {
    /// The unit in files of loads of this plan.
    pub fn unit_of(self, plan: &Plan) -> &'static str {
        let walks = plan.scenarios.iter().any(|scenario| scenario.flow.is_some());
        if self == By::Rate && walks { JOURNEYS } else { self.unit() }
    }

    /// The unit in files.
    pub const fn unit(self) -> &'static str {
        match self {
            By::Rate => "requests_per_s",
            By::Users => "users",
        }
    }
}

impl Verdict {
    /// The name used in every file and on every screen.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Invalid => "invalid",
            Verdict::Cut => "cut",
        }
    }
}

impl Times {
    /// Of these values, in any order.
    pub fn of(mut values: Vec<f64>) -> Times {
        values.sort_unstable_by(f64::total_cmp);
        let at = |q: Quantile| values.get(q.rank(values.len() as u64) as usize - 1).copied();
        Times {
            count: values.len() as u64,
            p50: at(Quantile::P50),
            p95: at(Quantile::P95),
            p99: at(Quantile::P99),
        }
    }
}
