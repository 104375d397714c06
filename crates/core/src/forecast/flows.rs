//! What a plan with a flow will send, as far as the plan says: journeys, and how many requests each is expected to take.
//!
//! What steps send depends on the answers before them, so nothing is looked at one by one: there are no tokens and no
//! cost, and what bounds the cost is a limit.

use serde::Serialize;

use super::Forecast;
use crate::plan::{Load, Plan, Scenario, scenario_seed};

/// The journeys of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Begun {
    /// The scenario.
    pub scenario: String,
    /// About how many will begin; none where only the answers decide.
    pub journeys: Option<u64>,
    /// About how many requests each takes: conditions are taken to hold every other time, branches by their weights, and
    /// repetitions with an end of their own once.
    pub requests_each: f64,
}

/// Looks ahead, if there is a flow.
pub(super) fn forecast(plan: &Plan) -> Option<Forecast> {
    let of = |(k, scenario): (usize, &Scenario)| {
        let requests_each = scenario.flow.as_ref()?.expected_requests();
        let journeys = begun(plan, k);
        Some(Begun { scenario: scenario.name.clone(), journeys, requests_each })
    };
    let journeys: Vec<Begun> = plan.scenarios.iter().enumerate().filter_map(of).collect();
    if journeys.is_empty() {
        return None;
    }
    let each = |scenario: &Scenario| scenario.flow.as_ref().map_or(1.0, |flow| flow.expected_requests());
    let requests = plan.scenarios.iter().enumerate();
    let requests = requests.map(|(k, scenario)| Some(begun(plan, k)? as f64 * each(scenario)));
    let requests = requests.sum::<Option<f64>>().map(|n| libm::round(n) as u64);
    let most = plan.limits.requests;
    Some(Forecast {
        requests: requests.map(|n| most.map_or(n, |most| n.min(most))),
        length: super::length(plan),
        worst: plan.limits.spend.filter(|_| plan.prices.is_some()),
        journeys,
        ..Forecast::default()
    })
}

/// How many journeys of a scenario begin, or, where it has no flow, how many requests it sends.
fn begun(plan: &Plan, k: usize) -> Option<u64> {
    let scenario = &plan.scenarios[k];
    match &scenario.load {
        Load::Open { .. } | Load::Replay(_) => {
            let expected = scenario.expected_arrivals(plan.limits.duration)?;
            Some(libm::round(expected) as u64)
        }
        Load::Closed { .. } | Load::Sessions { .. } => scenario.planned_begun(scenario_seed(plan.seed, k)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Condition, Flow, RequestStep, Step};
    use crate::forecast::forecast;
    use crate::money::Usd;
    use crate::plan::{Address, Target};
    use crate::prices::{Prices, Rates};
    use crate::rate::Rate;
    use crate::schedule::{Phase, Stage};
    use crate::time::Span;
    use crate::users::UserStage;
    use crate::workload::{Ask, Rendered, Workload};

    /// A workload that must not be asked.
    struct Untouched;

    impl Workload for Untouched {
        fn render(&self, _: Ask, _: &mut Vec<u8>) -> Rendered {
            panic!("a flow has no outline")
        }

        fn outline(&self, _: Ask) -> Rendered {
            panic!("a flow has no outline")
        }
    }

    /// Journeys of two requests, and every other time a third.
    fn plan(load: Load) -> Plan {
        let request = |number: usize| {
            let (name, what) = (format!("step {number}"), String::new());
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
        let condition = Condition { number: 0, text: "x".into() };
        let again = Step::If { condition, steps: vec![request(2)], otherwise: vec![] };
        let flow = Flow { steps: vec![request(0), request(1), again], ..Flow::default() };
        let target = Target::new(Address::Url("http://127.0.0.1:1/".into()), "m");
        let mut plan = Plan::new("test".into(), 1, target, Vec::new(), load);
        plan.scenarios[0].flow = Some(Box::new(flow));
        plan
    }

    fn hold(rate: u64, seconds: u64) -> Load {
        let stage = Stage::hold(Rate::per_second(rate), Some(Span::from_secs(seconds)));
        Load::Open { stages: vec![stage], requests: None }
    }

    #[test]
    fn journeys_begin_by_the_plan_and_take_as_many_requests_as_are_expected() {
        let ahead = forecast(&plan(hold(4, 120)), &[&Untouched]).unwrap();
        assert_eq!((ahead.requests, ahead.exact), (Some(1_200), false));
        let begun = Begun { scenario: "test".into(), journeys: Some(480), requests_each: 2.5 };
        assert_eq!(ahead.journeys, [begun]);
        assert_eq!((ahead.input_tokens, ahead.output_tokens, ahead.busiest_minute), (None, None, None));
        assert_eq!(ahead.length, Some(Span::from_secs(120)));
        let mut limited = plan(hold(4, 120));
        limited.limits.requests = Some(100);
        assert_eq!(forecast(&limited, &[&Untouched]).unwrap().requests, Some(100));
    }

    #[test]
    fn users_until_a_time_begin_as_many_as_they_get_round_to() {
        let users = |iterations, length| {
            let stages = vec![UserStage { iterations, ..UserStage::new(8, length, Phase::Main) }];
            forecast(&plan(Load::Closed { stages, requests: None }), &[&Untouched]).unwrap()
        };
        let until = users(None, Some(Span::from_secs(60)));
        assert_eq!((until.requests, until.journeys[0].journeys), (None, None));
        let each = users(Some(5), None);
        assert_eq!((each.requests, each.journeys[0].journeys), (Some(100), Some(40)));
    }

    #[test]
    fn only_a_limit_bounds_what_a_flow_costs() {
        let mut plan = plan(hold(4, 120));
        plan.prices = Some(Prices::flat(Rates { input: Usd::dollars(1), ..Rates::default() }));
        let ahead = forecast(&plan, &[&Untouched]).unwrap();
        assert_eq!((ahead.expected, ahead.worst), (None, None));
        assert_eq!(ahead.to_confirm(&plan).as_deref(), Some("nothing bounds what this run can cost"));
        plan.limits.spend = Some(Usd::dollars(3));
        let ahead = forecast(&plan, &[&Untouched]).unwrap();
        assert_eq!((ahead.worst, ahead.to_confirm(&plan)), (Some(Usd::dollars(3)), None));
    }

    /// Beside a flow, a scenario of plain requests still counts.
    #[test]
    fn requests_beside_a_flow_are_added() {
        let mut plan = plan(hold(1, 10));
        let mut plain = plan.scenarios[0].clone();
        (plain.flow, plain.name) = (None, "plain".into());
        plan.scenarios.push(plain);
        let ahead = forecast(&plan, &[&Untouched, &Untouched]).unwrap();
        assert_eq!((ahead.requests, ahead.journeys.len()), (Some(25 + 10), 1));
    }
}
