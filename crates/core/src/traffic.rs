//! Every planned sending of a plan's open loops and replays: one list in the order of time.
//!
//! A pure function of the plan, made as it is asked for. Scenarios run side by side, each from its own
//! start; their arrivals are merged (at the same instant, in the order of the scenarios) and numbered
//! from 0 over all of them, so that any number of workers can each take their share of one list. Closed
//! loops and sessions, whose requests have no planned instants, are not part of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::plan::{Load, Plan, Scenario, scenario_seed};
use crate::schedule::{Phase, Schedule};
use crate::time::Moment;

/// One planned request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its number, from 0, over all scenarios.
    pub index: u64,
    /// When it is wanted.
    pub at: Moment,
    /// The phase it belongs to.
    pub phase: Phase,
    /// The number of its scenario in the plan.
    pub scenario: usize,
    /// Its number within its scenario, from 0.
    pub nth: u64,
}

/// Instants with their phases, in order.
type Instants = Box<dyn Iterator<Item = (Moment, Phase)> + Send>;

/// The planned requests, in the order of time.
pub struct Traffic {
    scenarios: Vec<(Instants, u64)>,
    /// The next instant of each scenario that has one.
    next: BinaryHeap<Reverse<(Moment, usize, Phase)>>,
    index: u64,
}

impl Traffic {
    /// The traffic of a plan.
    ///
    /// # Errors
    /// When the rates of a scenario cannot be added exactly.
    pub fn new(plan: &Plan) -> Result<Traffic, String> {
        let instants = |(k, scenario)| instants(scenario, scenario_seed(plan.seed, k)).map(|them| (them, 0));
        let scenarios =
            plan.scenarios.iter().enumerate().map(instants).collect::<Result<Vec<_>, String>>()?;
        let mut traffic = Traffic { scenarios, next: BinaryHeap::new(), index: 0 };
        (0..traffic.scenarios.len()).for_each(|k| traffic.advance(k));
        Ok(traffic)
    }

    fn advance(&mut self, scenario: usize) {
        if let Some((at, phase)) = self.scenarios[scenario].0.next() {
            self.next.push(Reverse((at, scenario, phase)));
        }
    }
}

impl Iterator for Traffic {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        let Reverse((at, scenario, phase)) = self.next.pop()?;
        let nth = &mut self.scenarios[scenario].1;
        let planned = Planned { index: self.index, at, phase, scenario, nth: *nth };
        *nth += 1;
        self.index += 1;
        self.advance(scenario);
        Some(planned)
    }
}

/// The instants of one scenario, from the start of the run; none of a closed loop.
fn instants(scenario: &Scenario, seed: u64) -> Result<Instants, String> {
    let start = scenario.start;
    Ok(match &scenario.load {
        Load::Open { stages, requests } => {
            let schedule = Schedule::new(stages.clone(), seed)?.map(move |a| (a.at + start, a.phase));
            match requests {
                Some(most) => Box::new(until_main(schedule, *most)),
                None => Box::new(schedule),
            }
        }
        Load::Replay(replay) => {
            let replay = replay.clone();
            Box::new((0..).map_while(move |i| Some((replay.arrival(i)?.0 + start, Phase::Main))))
        }
        Load::Closed { .. } | Load::Sessions { .. } => Box::new(std::iter::empty()),
    })
}

/// Ends after so many requests of the main phase.
fn until_main(
    instants: impl Iterator<Item = (Moment, Phase)>,
    most: u64,
) -> impl Iterator<Item = (Moment, Phase)> {
    let mut main = 0;
    instants.take_while(move |(_, phase)| {
        main += u64::from(*phase == Phase::Main);
        *phase != Phase::Main || main <= most
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::{Address, Prompt, Target};
    use crate::rate::Rate;
    use crate::schedule::{Spread, Stage};
    use crate::time::Span;

    fn scenario(name: &str, start_ms: u64, rate: &str, length_ms: u64, requests: Option<u64>) -> Scenario {
        let stage = Stage::hold(Rate::parse(rate).unwrap(), Some(Span::from_millis(length_ms)));
        let prompt = Prompt {
            name: "p".into(),
            weight: 1,
            source: String::new(),
            max_tokens: None,
            input: None,
            output: None,
            files: Vec::new(),
        };
        Scenario {
            name: name.into(),
            start: Span::from_millis(start_ms),
            prompts: vec![prompt],
            load: Load::Open { stages: vec![stage], requests },
            flow: None,
            cap: None,
        }
    }

    fn plan(scenarios: Vec<Scenario>) -> Plan {
        let target = Target::new(Address::Url("http://127.0.0.1:1/".into()), "m");
        Plan::of_scenarios("test".into(), 1, target, scenarios)
    }

    #[test]
    fn scenarios_run_side_by_side_each_from_its_start() {
        let plan = plan(vec![scenario("a", 0, "10/s", 300, None), scenario("b", 100, "5/s", 400, None)]);
        let all: Vec<_> = Traffic::new(&plan).unwrap().collect();
        let seen: Vec<_> = all.iter().map(|p| (p.at.0 / 1_000_000, p.scenario, p.nth)).collect();
        assert_eq!(seen, [(0, 0, 0), (100, 0, 1), (100, 1, 0), (200, 0, 2), (300, 1, 1)]);
        assert!(all.iter().enumerate().all(|(i, p)| p.index == i as u64));
    }

    #[test]
    fn a_number_of_requests_ends_its_own_scenario_only() {
        let plan = plan(vec![scenario("a", 0, "10/s", 1000, Some(2)), scenario("b", 0, "10/s", 500, None)]);
        let of = |k| Traffic::new(&plan).unwrap().filter(|p| p.scenario == k).count();
        assert_eq!((of(0), of(1)), (2, 5));
        assert_eq!(plan.planned_requests(), Some(7));
    }

    /// Regression: arrivals of the warm-up stood in for requests that the measured stage never had.
    #[test]
    fn a_large_warm_up_does_not_lend_its_arrivals_to_what_is_planned() {
        let mut plan = plan(vec![scenario("a", 0, "10/s", 1000, Some(1000))]);
        let Load::Open { stages, .. } = &mut plan.scenarios[0].load else { panic!("it is an open loop") };
        let warmup = Stage::hold(Rate::parse("1000000/s").unwrap(), Some(Span::from_secs(2)));
        stages.insert(0, Stage { phase: Phase::Warmup, ..warmup });
        assert_eq!(plan.planned_requests(), None);
        assert_eq!(plan.scenarios[0].expected_arrivals(None), Some(2_000_010.0));
        assert_eq!(plan.scenarios[0].expected_arrivals(Some(Span::from_secs(1))), Some(1_000_000.0));
    }

    proptest! {
        /// The merged list of several scenarios is what each would send alone, shifted by its start.
        #[test]
        fn scenarios_keep_their_own_arrivals(
            starts in prop::collection::vec(0u64..3_000, 1..5),
            poisson in any::<bool>(),
            seed in 0u64..100
        ) {
            let spread = if poisson { Spread::Poisson } else { Spread::Constant };
            let of = |&start: &u64| {
                let mut scenario = scenario("s", start, "20/s", 2_000, None);
                if let Load::Open { stages, .. } = &mut scenario.load {
                    stages[0].spread = spread;
                }
                scenario
            };
            let mut plan = plan(starts.iter().map(of).collect());
            plan.seed = seed;
            let all: Vec<Planned> = Traffic::new(&plan).unwrap().collect();
            prop_assert!(all.is_sorted_by_key(|p| (p.at, p.scenario)));
            prop_assert!(all.iter().enumerate().all(|(i, p)| p.index == i as u64));
            for (k, &start) in starts.iter().enumerate() {
                let own = all.iter().filter(|p| p.scenario == k);
                let own: Vec<_> = own.map(|p| (p.nth, p.at.0 - start * 1_000_000)).collect();
                let Load::Open { stages, .. } = &plan.scenarios[k].load else { unreachable!() };
                let alone = Schedule::new(stages.clone(), scenario_seed(seed, k)).unwrap();
                prop_assert_eq!(own, alone.map(|a| (a.index, a.at.0)).collect::<Vec<_>>());
            }
        }
    }
}
