//! The figures of journeys in `summary.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::MetricSummary;
use super::metric::of_distribution;
use crate::distribution::Distribution;
use crate::fold::Fold;
use crate::journey::JourneyEnd;
use crate::plan::Plan;

/// Journeys of the main phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journeys {
    /// Begun and over, one way or another.
    pub started: u64,
    /// Every step was done.
    pub completed: u64,
    /// A request did not end well, or a step could not be done.
    pub failed: u64,
    /// The user left in the middle of an answer.
    pub abandoned: u64,
    /// The run ended first.
    pub cut: u64,
    /// Requests of a completed one, on average; absent if none was.
    pub requests_per_journey: Option<f64>,
    /// From when it was to begin to its end, of completed ones.
    pub duration: MetricSummary,
    /// The same without the time in which the user thought.
    pub active: MetricSummary,
    /// Failed ones by the step at which they did.
    pub failed_at: BTreeMap<String, u64>,
    /// Journeys of warm-up and cool-down, which are in no other figure.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub around: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Where there is a flow, what became of it.
pub(super) fn of(plan: &Plan, fold: &Fold) -> Option<Journeys> {
    let journeys = &fold.journeys;
    let has_flow = plan.scenarios.iter().any(|scenario| scenario.flow.is_some());
    if !has_flow && journeys.ended() + journeys.around == 0 {
        return None;
    }
    let nothing = Distribution::default();
    let times = |d: Option<&Distribution>| {
        let d = d.unwrap_or(&nothing);
        of_distribution(d, |q| d.interval(q))
    };
    Some(Journeys {
        started: journeys.ended(),
        completed: journeys.of(JourneyEnd::Completed),
        failed: journeys.of(JourneyEnd::Failed),
        abandoned: journeys.of(JourneyEnd::Abandoned),
        cut: journeys.of(JourneyEnd::Cut),
        requests_per_journey: journeys.requests_each(),
        duration: times(journeys.duration()),
        active: times(journeys.active()),
        failed_at: journeys.failed_at().clone(),
        around: journeys.around,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Http;
    use crate::event::RunEvent;
    use crate::flow::{Flow, RequestStep, Step};
    use crate::fold::tests_of_journeys::journey;
    use crate::objective::Objective;
    use crate::objective::tests_of_records::answer;
    use crate::outcome::Outcome;
    use crate::plan::{Address, Load, Target};
    use crate::rate::Rate;
    use crate::schedule::{Phase, Stage};
    use crate::summary::{RUN_FORMAT, RunInfo, RunSummary};
    use crate::time::Span;
    use crate::verdict::Stamps;

    fn info() -> RunInfo {
        RunInfo {
            format: RUN_FORMAT.into(),
            floodline: String::new(),
            started: String::new(),
            started_unix_ns: 0,
            plan_hash: String::new(),
            machine: String::new(),
            cores: 1,
            workers: 1,
            stamps: Stamps::Kernel,
            target: String::new(),
            http: Http::One,
        }
    }

    /// Ten journeys a second for a second, of one step each.
    fn plan() -> Plan {
        let target = Target::new(Address::Url(String::new()), "m");
        let stages = vec![Stage::hold(Rate::per_second(10), Some(Span::from_secs(1)))];
        let mut plan = Plan::new("test".into(), 1, target, vec![], Load::Open { stages, requests: None });
        let step = |number, name: &str| {
            let (name, what) = (name.into(), "a request".into());
            Step::Request(RequestStep {
                number,
                name,
                what,
                asks: true,
                max_tokens: None,
                think: None,
                abandon: None,
                may_fail: false,
            })
        };
        let steps = vec![step(0, "login"), step(1, "ask")];
        plan.scenarios[0].flow = Some(Box::new(Flow { steps, ..Flow::default() }));
        plan.objectives = vec![Objective::parse("latency p95 < 1s", None).unwrap()];
        plan
    }

    fn summary(plan: &Plan, events: &[RunEvent]) -> RunSummary {
        let mut fold = Fold::of(plan);
        events.iter().for_each(|event| fold.apply(event));
        RunSummary::new(plan, &info(), &fold)
    }

    #[test]
    fn a_plan_without_a_flow_says_nothing_of_journeys() {
        let mut plan = plan();
        assert!(summary(&plan, &[]).journeys.is_some_and(|j| j.started == 0 && j.duration.p50.is_none()));
        plan.scenarios[0].flow = None;
        let summary = summary(&plan, &[]);
        assert_eq!((&summary.journeys, &summary.hooks), (&None, &None));
        let json = serde_json::to_value(&summary).unwrap();
        assert!(["journeys", "hooks", "by_turn", "by_target"].iter().all(|key| json.get(key).is_none()));
    }

    /// What a journey takes, only its answers decide: nothing is missing from a share because the plan wanted it.
    #[test]
    fn goodput_of_a_flow_is_of_the_requests_that_were_started() {
        let plan = plan();
        let ended = |i, outcome| {
            let mut record = answer(i, &[60, 70]);
            record.outcome = outcome;
            record.step = Some("login".into());
            RunEvent::Ended(Box::new(record))
        };
        let mut events: Vec<RunEvent> = (0..3).map(|i| ended(i, Outcome::Ok)).collect();
        events.push(ended(3, Outcome::CheckFailed));
        events.push(RunEvent::Journey(Box::new(journey(JourneyEnd::Failed, 0, 90, 4))));
        let summary = summary(&plan, &events);
        assert_eq!((summary.requests.planned, summary.requests.ok), (4, 3));
        assert_eq!(summary.requests.by_outcome["not_sent"], 0);
        assert_eq!(summary.goodput, Some(0.75));
        assert_eq!(summary.objectives[0].samples, 3);
        // The only step of a flow is shown by its name, with the run's figures.
        assert_eq!(summary.by_step.keys().collect::<Vec<_>>(), ["login"]);
        assert_eq!(summary.by_step["login"].requests.ended, 4);
        assert_eq!(summary.journeys.unwrap().failed_at, [("ask".into(), 1)].into());
    }

    #[test]
    fn turns_are_sorted_as_numbers_and_targets_as_names() {
        let plan = plan();
        let mut events = Vec::new();
        for i in 0..24u64 {
            let mut record = answer(i, &[60, 70]);
            record.turn = Some(1 + i as u32 % 12);
            record.target = Some(if i % 2 == 0 { "a" } else { "b" }.into());
            events.push(RunEvent::Ended(Box::new(record)));
        }
        let summary = summary(&plan, &events);
        assert_eq!((summary.by_turn.len(), summary.by_turn["10"].requests.ended), (12, 2));
        assert_eq!(summary.by_target.keys().collect::<Vec<_>>(), ["a", "b"]);
        let json = serde_json::to_string(&summary).unwrap();
        let turns = json.split_once("\"by_turn\":{").unwrap().1;
        let at = |turn: &str| turns.find(&format!("\"{turn}\":{{")).unwrap();
        assert!(at("2") < at("10") && at("10") < at("12"));
        assert_eq!(serde_json::from_str::<RunSummary>(&json).unwrap(), summary);
    }

    #[test]
    fn time_in_hooks_is_a_figure_of_its_own_and_no_part_of_others() {
        let plan = plan();
        let plain = answer(0, &[60, 70]);
        let mut hooked = plain.clone();
        hooked.hook = Some(Span::from_millis(25));
        let of = |record: &crate::Record| summary(&plan, &[RunEvent::Ended(Box::new(record.clone()))]);
        let (plain, hooked) = (of(&plain), of(&hooked));
        assert_eq!(plain.metrics, hooked.metrics);
        assert_eq!(hooked.hooks.map(|h| (h.count, h.max)), Some((1, Some(25.0))));
        assert!(!plain.metrics.contains_key("hook") && plain.hooks.is_none());
    }

    #[test]
    fn objectives_are_about_journeys_too() {
        let mut plan = plan();
        plan.objectives = [
            "journeys failed rate < 20%",
            "journeys failed count == 3",
            "journeys cut rate < 50%",
            "journeys completed rate > 80%",
            "journey p50 < 1s",
            "journey max < 1s",
            "journey count == 57",
            "journey p95 < 1s in warmup",
            "journey max < 1s over 10s",
            "journeys failed rate < 1% over 10s for 50% of windows",
        ]
        .map(|text| Objective::parse(text, None).unwrap())
        .into();
        let mut events = Vec::new();
        for i in 0..60u64 {
            let end = if i % 20 == 19 { JourneyEnd::Failed } else { JourneyEnd::Completed };
            events.push(RunEvent::Journey(Box::new(journey(end, i * 100, i * 100 + 500 + i, 2))));
        }
        let cut = journey(JourneyEnd::Cut, 0, 30_000, 1);
        (0..20).for_each(|_| events.push(RunEvent::Journey(Box::new(cut.clone()))));
        let said = summary(&plan, &events).objectives;
        let of = |i: usize| (said[i].verdict.name(), said[i].samples, said[i].value);
        assert_eq!(of(0), ("met", 60, Some(0.05)));
        assert_eq!(of(1), ("met", 60, Some(3.0)));
        assert_eq!(of(2), ("met", 80, Some(0.25)));
        assert_eq!(of(3), ("met", 60, Some(0.95)));
        assert!(said[3].interval.is_some() && said[3].confidence.is_some());
        assert_eq!((of(4).0, of(4).1, said[4].unit.as_str()), ("met", 57, "ms"));
        assert!(said[4].interval.is_some());
        assert_eq!(of(5), ("met", 57, Some(558.0)));
        assert_eq!(of(6), ("met", 57, Some(57.0)));
        assert_eq!((of(7).0, said[7].reason.as_deref()), ("missed", Some("no sample")));
        assert_eq!((of(8).0, of(8).1), ("met", 1));
        assert_eq!((of(9).0, of(9).1), ("missed", 1));
    }

    #[test]
    fn a_journey_of_another_phase_is_in_no_figure() {
        let plan = plan();
        let mut warmup = journey(JourneyEnd::Completed, 0, 100, 2);
        warmup.phase = Phase::Warmup;
        let summary = summary(&plan, &[RunEvent::Journey(Box::new(warmup))]);
        let journeys = summary.journeys.unwrap();
        assert_eq!((journeys.started, journeys.around, journeys.duration.count), (0, 1, 0));
    }
}
