//! A trial: one load, held for as long as it takes to tell whether it passes; and what it told.

use floodline_core::plan::{Load, Plan};
use floodline_core::retry::Dimension;
use floodline_core::schedule::{Phase, Shape, Spread, Stage};
use floodline_core::users::UserStage;
use floodline_core::{Outcome, Span, Usd};
use serde::{Deserialize, Serialize};

use super::By;

/// A trial to be made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Its number, from 1; each has a seed of its own.
    pub number: u32,
    /// What its load is counted in: the first trial of a search for a rate may have a single user.
    pub by: By,
    /// The load.
    pub load: f64,
    /// How closely it looks.
    pub depth: Depth,
    /// A load and how long it is held before, so that a limiter's allowance is used up. Not measured.
    pub flood: Option<(f64, Span)>,
    /// A load that passes shows so many requests in a row that no limiter refuses.
    pub clean: Option<u64>,
    /// Whether its requests are sent evenly, however the plan spreads them: what an allowance evens out makes no difference
    /// to the ceiling, and a great one to how long it takes to see.
    pub even: bool,
    /// How long an answer takes when the target has nothing else to do, where that is known.
    pub unloaded: Option<Span>,
    /// Whether to stay until a limiter's ways are known, where one refuses.
    pub learn: bool,
    /// How long to leave the target alone before, where it is one that remembers.
    pub rest: Span,
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
    /// The generator was the bottleneck.
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
    /// A rule of the scenario that ends a run.
    Rule {
        /// Which, and what it saw.
        text: String,
    },
}

/// A distribution in five numbers, in milliseconds.
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
    /// Requests of the load, whatever became of them.
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
    /// What it showed of a limiter: not for files.
    #[serde(skip)]
    pub shown: Shown,
}

/// What a trial shows that the search goes on with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shown {
    /// From the start to the first refusal by a rate limit.
    pub until_refused: Option<Span>,
    /// Requests that were admitted before it.
    pub admitted_first: u64,
    /// The longest run of admitted requests between two refusals.
    pub run: Option<u64>,
    /// What goes through at this load where it is too much: of a limiter, or of a target that falls behind; a second.
    pub capacity: Option<f64>,
}

impl Trial {
    /// Makes its load that of a plan of one scenario: held until the run is ended, behind the flood if there is one.
    pub fn load_into(&self, plan: &mut Plan) {
        let Some(scenario) = plan.scenarios.first_mut() else { return };
        let spread = match &scenario.load {
            Load::Open { stages, .. } => {
                stages.iter().rev().find(|s| s.phase == Phase::Main).map(|s| s.spread)
            }
            Load::Closed { .. } | Load::Sessions { .. } | Load::Replay(_) => None,
        };
        let think = match &scenario.load {
            Load::Closed { stages, .. } => {
                stages.iter().rev().find(|s| s.phase == Phase::Main).and_then(|s| s.think)
            }
            Load::Open { .. } | Load::Sessions { .. } | Load::Replay(_) => None,
        };
        let spread = spread.filter(|_| !self.even).unwrap_or(Spread::Constant);
        scenario.start = Span::ZERO;
        scenario.load = match self.by {
            By::Rate => {
                let hold = |load: f64, length, phase| Stage {
                    shape: Shape::Hold { rate: By::rate(load), length },
                    spread,
                    phase,
                };
                let flood = self.flood.map(|(load, length)| hold(load, Some(length), Phase::Warmup));
                let main = hold(self.load, None, Phase::Main);
                Load::Open { stages: flood.into_iter().chain([main]).collect(), requests: None }
            }
            By::Users => {
                let hold = |load: f64, length, phase| UserStage {
                    think,
                    ..UserStage::new(load.round().clamp(1.0, f64::from(u32::MAX)) as u32, length, phase)
                };
                let flood = self.flood.map(|(load, length)| hold(load, Some(length), Phase::Warmup));
                let main = hold(self.load, None, Phase::Main);
                Load::Closed { stages: flood.into_iter().chain([main]).collect(), requests: None }
            }
        };
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
    pub(super) fn of(mut values: Vec<f64>) -> Times {
        use floodline_core::stats::Quantile;
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
