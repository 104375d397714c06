//! A trial: one load, held for as long as it takes to tell whether it passes.

use floodline_core::Span;
use floodline_core::ceiling::{Bound, By, Depth, Times, Tried, Verdict};
use floodline_core::plan::{Load, Plan};
use floodline_core::schedule::{Phase, Shape, Spread, Stage};
use floodline_core::users::UserStage;

use super::question::rate_of;

/// The most requests of a scout: a target that answers them all within a moment is known well enough by then.
const SCOUTED: u64 = 128;

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
    /// How far back a limiter was seen to remember: what it refuses for so long may be the echo of what came before.
    pub memory: Span,
    /// Whether its requests are sent evenly, however the plan spreads them: what an allowance evens out makes no difference
    /// to the ceiling, and a great one to how long it takes to see.
    pub even: bool,
    /// How long an answer takes when the target has nothing else to do, where that is known.
    pub unloaded: Option<Span>,
    /// Whether it passes only with its whole time: a second look is to see what the first one did not.
    pub to_the_end: bool,
    /// Whether to stay until a limiter's ways are known, where one refuses.
    pub learn: bool,
    /// Whether to leave a load that is far beyond a limit before its ways are known.
    pub leave: bool,
    /// How long to leave the target alone before, where it is one that remembers.
    pub rest: Span,
}

/// What a trial told: for people, and for the search to go on with.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// For people.
    pub tried: Tried,
    /// For the search.
    pub shown: Shown,
}

/// What a trial shows that the search goes on with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shown {
    /// From the start to the first refusal by a rate limit.
    pub until_refused: Option<Span>,
    /// Requests that were admitted before it.
    pub admitted_first: u64,
    /// How far back a limiter remembers, as far as it shows.
    pub memory: Span,
    /// The longest run of admitted requests between two refusals.
    pub run: Option<u64>,
    /// What goes through at this load where it is too much: of a limiter, or of a target that falls behind; a second.
    pub capacity: Option<f64>,
    /// Of a trial that was left before a limiter's ways were known, because its load was far beyond the limit: how long the
    /// target is to be left alone, so that nothing of it is remembered.
    pub forgotten_in: Option<Span>,
}

impl Trial {
    /// What there is to tell of a trial that this machine could not make.
    pub fn unmade(&self, reason: String) -> Told {
        let tried = Tried {
            number: self.number,
            by: self.by,
            load: self.load,
            depth: self.depth,
            verdict: Verdict::Invalid,
            sure: true,
            bound: Some(Bound::Generator { reason }),
            seconds: 0.0,
            steady_from_s: None,
            flooded: false,
            requests: 0,
            ok: 0,
            refused: 0,
            failed: 0,
            goodput: None,
            ok_per_s: None,
            ttft: Times::default(),
            latency: Times::default(),
            spent_usd: None,
            cut: None,
        };
        Told { tried, shown: Shown::default() }
    }

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
                    shape: Shape::Hold { rate: rate_of(load), length },
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
                let requests = (self.depth == Depth::Scout).then_some(SCOUTED);
                Load::Closed { stages: flood.into_iter().chain([main]).collect(), requests }
            }
        };
    }
}
