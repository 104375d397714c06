//! Trying again, as far as the requests of a run share it.
//!
//! The rules are `core::retry`'s. Budget, throttle and breaker stand in front of a target for the whole run, whichever worker
//! sends: with one for each worker, what a policy does would depend on how many there are. A lock is taken twice for an
//! attempt, never for a token, and only where the plan has a policy. What is drawn depends on the request alone.

use std::sync::Mutex;

use floodline_core::plan::{Plan, scenario_seed};
use floodline_core::random::{Purpose, Stream};
use floodline_core::retry::{Failure, Next, Retry, Shared, Start, Trying};
use floodline_core::{Moment, Outcome};

use crate::worker::lock;

/// The policy of a run, and what stands in front of its targets.
pub(crate) struct Retrying {
    retry: Retry,
    /// One for each target.
    targets: Vec<Mutex<Shared>>,
    /// One for each scenario.
    seeds: Vec<u64>,
}

/// The attempts of one request.
pub(crate) struct Tries {
    trying: Trying,
    stream: Stream,
}

impl Retrying {
    /// The policy of a plan; none where every request is sent once.
    pub(crate) fn of(plan: &Plan) -> Option<Retrying> {
        let retry = Retry::new(&plan.policy()?);
        let targets = plan.targets().map(|_| Mutex::new(retry.shared())).collect();
        let seeds = (0..plan.scenarios.len()).map(|number| scenario_seed(plan.seed, number)).collect();
        Some(Retrying { retry, targets, seeds })
    }

    /// A request is due; `spare` is whether another target can stand in for its own.
    pub(crate) fn begin(&self, scenario: usize, index: u64, spare: bool, now: Moment) -> Tries {
        let seed = self.seeds.get(scenario).copied().unwrap_or_default();
        let stream = Stream::new(seed, Purpose::Retries, index);
        Tries { trying: self.retry.begin(now, spare), stream }
    }

    /// Whether the next attempt goes out to this target.
    pub(crate) fn before(&self, tries: &mut Tries, target: usize, now: Moment) -> Start {
        let Some(shared) = self.targets.get(target) else { return Start::Go };
        self.retry.before(&mut tries.trying, &mut lock(shared), now, &mut tries.stream)
    }

    /// What comes after an attempt that ended so; none if the request has ended.
    pub(crate) fn after(
        &self,
        tries: &mut Tries,
        target: usize,
        outcome: Outcome,
        failure: Option<&Failure>,
        now: Moment,
    ) -> Option<Next> {
        let shared = &mut *lock(self.targets.get(target)?);
        match (outcome, failure) {
            (Outcome::Ok | Outcome::CheckFailed, _) => {
                self.retry.answered(&mut tries.trying, shared, now);
                None
            }
            (Outcome::Cancelled | Outcome::NotSent, _) | (_, None) => {
                self.retry.called_off(&mut tries.trying, shared, now);
                None
            }
            (_, Some(failure)) => {
                Some(self.retry.after(&mut tries.trying, shared, failure, now, &mut tries.stream))
            }
        }
    }
}
