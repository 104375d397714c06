//! What a plan will send and what that can cost, before anything is sent.
//!
//! A plan with its seed is exact: for up to [`WALKED`] requests each is looked at, its instant, its prompt's length and the
//! bound on its answer. Larger plans are looked at up to there and the rest is scaled by the integral of the rate. What
//! only answers decide (how often the users of a closed loop get to ask) is unknown, and said to be.
//!
//! *Expected* takes every answer to be as long as its bound, since what a model will say is not known; it is exact for the
//! simulated provider and too high for most others. *Worst* takes what is reserved for each prompt
//! ([`Rendered::input_bound`]), of every attempt that may be made, and prices nothing as cached.

mod flows;

use std::collections::VecDeque;

use serde::Serialize;

use crate::budget::Worst;
use crate::money::Usd;
use crate::plan::{Address, Limits, Load, Plan, Scenario, scenario_seed};
use crate::retry::Policy;
use crate::schedule::Integral;
use crate::time::{Moment, Span};
use crate::traffic::{Planned, Traffic};
use crate::users::most;
use crate::workload::{Ask, Asker, Rendered, Workload};

pub use flows::Begun;

/// So many requests are looked at one by one.
pub const WALKED: u64 = 200_000;

/// The span of which the busiest is looked for.
const MINUTE: Span = Span::from_secs(60);

/// What is to come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Forecast {
    /// Requests of all phases; none where only the answers decide.
    pub requests: Option<u64>,
    /// Whether they were looked at one by one.
    pub exact: bool,
    /// When the plan's last stage ends, or its limit on time; none where it says neither.
    #[serde(rename = "length_ns")]
    pub length: Option<Span>,
    /// Tokens of prompts; none where a length is not known.
    pub input_tokens: Option<u64>,
    /// Tokens of answers if each is as long as its bound; none where one has no bound.
    pub output_tokens: Option<u64>,
    /// The cost if each answer is as long as its bound; none without prices, or where a length is unknown.
    #[serde(rename = "expected_usd")]
    pub expected: Option<Usd>,
    /// The most that it can cost, the spend limit considered; none without prices, or where nothing bounds it.
    #[serde(rename = "worst_usd")]
    pub worst: Option<Usd>,
    /// The most requests in any minute, of open loops and replays.
    pub busiest_minute: Option<u64>,
    /// The most tokens of prompts and bounds of answers in any minute, of open loops and replays.
    pub busiest_minute_tokens: Option<u64>,
    /// Of scenarios with a flow, the journeys; nothing is known of tokens then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub journeys: Vec<Begun>,
}

/// Looks ahead. `workloads` are those of the plan's scenarios, in order.
///
/// # Errors
/// When the rates of a scenario cannot be added exactly.
pub fn forecast(plan: &Plan, workloads: &[&dyn Workload]) -> Result<Forecast, String> {
    if let Some(ahead) = flows::forecast(plan) {
        return Ok(ahead);
    }
    let mut sums = Sums::new(plan);
    let mut minute = Minute::default();
    let (mut walked, mut whole) = (0, true);
    let planned_only = plan.scenarios.iter().all(is_planned);
    let most = plan.limits.requests.filter(|_| planned_only);
    let in_time =
        |planned: &Planned| plan.limits.duration.is_none_or(|limit| planned.at < Moment::START + limit);
    for planned in Traffic::new(plan)?.take_while(in_time) {
        if Some(walked) == most {
            break;
        }
        if walked == WALKED {
            whole = false;
            break;
        }
        let Some(workload) = workloads.get(planned.scenario) else { continue };
        let tokens = sums.add(&workload.outline(planned.nth.into()));
        minute.add(planned.at.0, tokens);
        walked += 1;
    }
    let (busiest, busiest_tokens) = match whole {
        true => minute.busiest(),
        false => sums.busiest(plan, walked),
    };
    let mut requests = if whole { Some(walked) } else { expected_arrivals(plan).or(most) };
    for (k, scenario) in plan.scenarios.iter().enumerate() {
        if is_planned(scenario) {
            continue;
        }
        let asked = scenario.planned_requests(scenario_seed(plan.seed, k));
        let known = asked.is_some();
        if !known {
            requests = None;
        }
        let Some((workload, asked)) = workloads.get(k).zip(asked.or(plan.limits.requests)) else { continue };
        let seen = asked.min(WALKED);
        for i in 0..seen {
            sums.add(&workload.outline(ask(&scenario.load, i)));
        }
        whole &= seen == asked || !known;
        walked += seen;
        requests = requests.map(|n| n + asked);
    }
    let requests = match (requests, plan.limits.requests) {
        (Some(n), Some(most)) => Some(n.min(most)),
        (n, _) => n,
    };
    let scale =
        |sum: Option<u64>| Some(libm::round(sum? as f64 * requests? as f64 / walked.max(1) as f64) as u64);
    let money = |sum: Option<Usd>| Some(scaled(sum?, requests?, walked.max(1)));
    // Where only answers decide how many there are, a limit of requests still bounds them: each the dearest.
    let by_limit = || Some(sums.dearest?.times(plan.limits.requests?));
    let worst = match requests {
        // Every attempt may cost as much as the first, but a limit of requests counts attempts.
        Some(_) => {
            let all = money(sums.worst).map(|usd| usd.times(attempts(plan)));
            by_limit().map_or(all, |limit| all.map(|all| all.min(limit)))
        }
        None => by_limit(),
    };
    let bounded = |worst: Option<Usd>| match (worst, plan.limits.spend) {
        (Some(worst), Some(limit)) => Some(worst.min(limit)),
        (worst, limit) => worst.or(limit),
    };
    let has_prices = plan.prices.is_some();
    Ok(Forecast {
        requests,
        exact: whole,
        length: length(plan),
        input_tokens: scale(sums.input),
        output_tokens: scale(sums.output),
        expected: money(sums.expected).filter(|_| has_prices),
        worst: bounded(worst).filter(|_| has_prices),
        busiest_minute: Some(busiest).filter(|&n| n > 0),
        busiest_minute_tokens: busiest_tokens,
        journeys: Vec::new(),
    })
}

/// The most attempts that are made of a request, those at the fallback included.
fn attempts(plan: &Plan) -> u64 {
    let attempts = |policy: Policy| u64::from(policy.attempts) * (1 + u64::from(policy.fallback.is_some()));
    plan.policy().map_or(1, attempts)
}

/// When the plan's last stage ends, or its limit on time.
fn length(plan: &Plan) -> Option<Span> {
    [plan.planned_length(), plan.limits.duration].into_iter().flatten().min()
}

/// What a run may cost without being asked for, if nothing else is said.
pub const CONFIRM_ABOVE: Usd = Usd::dollars(10);

impl Forecast {
    /// Why a run of this plan must be confirmed before it starts, if it must: what it can cost is more than its limit
    /// for that, or nothing bounds it. A spend limit is a confirmation in itself; the built-in provider costs nothing.
    pub fn to_confirm(&self, plan: &Plan) -> Option<String> {
        let free = plan.prices.is_none() || matches!(plan.target.address, Address::Stub(_));
        let Limits { spend, confirm_above, .. } = &plan.limits;
        if free || spend.is_some() && confirm_above.is_none() {
            return None;
        }
        let threshold = confirm_above.unwrap_or(CONFIRM_ABOVE);
        match self.worst {
            Some(worst) if worst <= threshold => None,
            Some(worst) => Some(format!("this run can cost up to {worst}, more than {threshold}")),
            None => Some("nothing bounds what this run can cost".into()),
        }
    }
}

/// The sums so far; one that lacks a term is unknown.
struct Sums<'a> {
    plan: &'a Plan,
    input: Option<u64>,
    output: Option<u64>,
    expected: Option<Usd>,
    worst: Option<Usd>,
    /// The worst of a single request, not a sum.
    dearest: Option<Usd>,
}

impl Sums<'_> {
    fn new(plan: &Plan) -> Sums<'_> {
        let (nothing, free) = (Some(0), Some(Usd::ZERO));
        Sums { plan, input: nothing, output: nothing, expected: free, worst: free, dearest: free }
    }

    /// Adds one request; its tokens, where they are known.
    fn add(&mut self, request: &Rendered) -> Option<u64> {
        let prices = self.plan.prices.as_ref();
        let most = request.max_tokens.or(prices.and_then(|prices| prices.max_output_tokens));
        let (input, output) = (request.input_tokens, request.max_tokens);
        let plus = |sum: Option<u64>, n: Option<u32>| Some(sum? + u64::from(n?));
        self.input = plus(self.input, input);
        self.output = plus(self.output, output);
        let cost = |input: Option<u32>, output: Option<u32>| {
            Some(prices?.expected(f64::from(input?), f64::from(output?)))
        };
        self.expected = self.expected.zip(cost(input, output)).map(|(sum, cost)| sum + cost);
        let worst = |input: Option<u32>, most: Option<u32>| Some(Worst::new(prices, input?, most?).usd);
        let worst = worst(request.input_bound, most);
        self.worst = self.worst.zip(worst).map(|(sum, worst)| sum + worst);
        self.dearest = self.dearest.zip(worst).map(|(dearest, worst)| dearest.max(worst));
        Some(u64::from(input?) + u64::from(output?))
    }

    /// The busiest minute of a plan of which `walked` requests have been added: by the integrals of the rates, as if all
    /// scenarios had theirs at once; and its tokens, if requests go on as they began. Unknown where a trace is played.
    fn busiest(&self, plan: &Plan, walked: u64) -> (u64, Option<u64>) {
        let of = |scenario: &Scenario| match &scenario.load {
            Load::Open { stages, .. } => Integral::new(stages).ok().map(|integral| integral.busiest(MINUTE)),
            Load::Replay(_) => None,
            Load::Closed { .. } | Load::Sessions { .. } => Some(0.0),
        };
        let busiest = plan.scenarios.iter().map(of).try_fold(0.0, |sum, n| Some(sum + n?));
        let Some(busiest) = busiest.map(|n: f64| libm::round(n) as u64) else { return (0, None) };
        let tokens = self.input.zip(self.output).map(|(input, output)| (input + output) as f64);
        let share = busiest as f64 / walked.max(1) as f64;
        (busiest, tokens.map(|tokens| libm::round(tokens * share) as u64))
    }
}

/// Whether its requests have planned times.
fn is_planned(scenario: &Scenario) -> bool {
    match scenario.load {
        Load::Open { .. } | Load::Replay(_) => true,
        Load::Closed { .. } | Load::Sessions { .. } => false,
    }
}

/// Request `i` of users or sessions. Of users, as if they took turns: how far each of them gets, only answers decide.
fn ask(load: &Load, i: u64) -> Ask {
    let users = match load {
        Load::Closed { stages, .. } => u64::from(most(stages)).max(1),
        Load::Sessions { .. } | Load::Open { .. } | Load::Replay(_) => return i.into(),
    };
    // Below the number of users, which fits.
    Ask { i, asker: Some(Asker { number: (i % users) as u32, nth: i / users }) }
}

/// The busiest minute so far.
#[derive(Default)]
struct Minute {
    inside: VecDeque<(u64, Option<u64>)>,
    tokens: u64,
    most: u64,
    most_tokens: u64,
    unknown: bool,
}

impl Minute {
    /// A request at `at` nanoseconds, of so many tokens.
    fn add(&mut self, at: u64, tokens: Option<u64>) {
        while self.inside.front().is_some_and(|(first, _)| at - first >= MINUTE.0) {
            let gone = self.inside.pop_front().and_then(|(_, tokens)| tokens);
            self.tokens -= gone.unwrap_or(0);
        }
        self.inside.push_back((at, tokens));
        self.unknown |= tokens.is_none();
        self.tokens += tokens.unwrap_or(0);
        self.most = self.most.max(self.inside.len() as u64);
        self.most_tokens = self.most_tokens.max(self.tokens);
    }

    /// Its requests and, where all are known, its tokens.
    fn busiest(&self) -> (u64, Option<u64>) {
        (self.most, (self.most > 0 && !self.unknown).then_some(self.most_tokens))
    }
}

/// The expected arrivals of the open loops and replays, where they or the time end.
fn expected_arrivals(plan: &Plan) -> Option<u64> {
    let of = |scenario: &Scenario| match is_planned(scenario) {
        true => scenario.expected_arrivals(plan.limits.duration),
        false => Some(0.0),
    };
    plan.scenarios.iter().map(of).try_fold(0.0, |sum, n| Some(sum + n?)).map(|n: f64| libm::round(n) as u64)
}

/// `sum` of `walked` requests, for `requests` of them; rounded up.
fn scaled(sum: Usd, requests: u64, walked: u64) -> Usd {
    if requests == walked { sum } else { sum.times(requests).part_of(u128::from(walked)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Target;
    use crate::prices::{Prices, Rates};
    use crate::rate::Rate;
    use crate::schedule::{Phase, Stage};
    use crate::users::UserStage;

    /// Prompts of 100 tokens and answers of 10, but every fourth answer of 40.
    struct Fixed;

    impl Workload for Fixed {
        fn render(&self, ask: Ask, _: &mut Vec<u8>) -> Rendered {
            self.outline(ask)
        }

        fn outline(&self, ask: Ask) -> Rendered {
            let max_tokens = Some(if ask.i % 4 == 3 { 40 } else { 10 });
            Rendered {
                target: 0,
                prompt: 0,
                input_tokens: Some(100),
                input_bound: Some(157),
                max_tokens,
                head: None,
            }
        }
    }

    fn plan(load: Load) -> Plan {
        let target = Target::new(Address::Url("http://127.0.0.1:1/".into()), "m");
        let mut plan = Plan::new("test".into(), 1, target, Vec::new(), load);
        let million = |dollars| Usd::dollars(dollars);
        plan.prices =
            Some(Prices::flat(Rates { input: million(1), output: million(10), ..Rates::default() }));
        plan
    }

    fn hold(rate: &str, seconds: u64) -> Load {
        let stage = Stage::hold(Rate::parse(rate).unwrap(), Some(Span::from_secs(seconds)));
        Load::Open { stages: vec![stage], requests: None }
    }

    #[test]
    fn a_small_plan_is_looked_at_request_by_request() {
        let forecast = forecast(&plan(hold("4/s", 120)), &[&Fixed]).unwrap();
        assert_eq!((forecast.requests, forecast.exact), (Some(480), true));
        assert_eq!(
            (forecast.input_tokens, forecast.output_tokens),
            (Some(48_000), Some(360 * 10 + 120 * 40))
        );
        assert_eq!(
            (forecast.busiest_minute, forecast.busiest_minute_tokens),
            (Some(240), Some(240 * 100 + 60 * 70))
        );
        // 48,000 tokens at $1 and 8,400 at $10 a million.
        assert_eq!(forecast.expected, Some(Usd::parse("0.132").unwrap()));
        // 157 are reserved for each prompt's 100 tokens.
        assert_eq!(forecast.worst, Some(Usd::parse("0.15936").unwrap()));
    }

    #[test]
    fn a_large_plan_is_scaled_up() {
        let forecast = forecast(&plan(hold("1000/s", 1000)), &[&Fixed]).unwrap();
        assert_eq!((forecast.requests, forecast.exact), (Some(1_000_000), false));
        assert_eq!(forecast.input_tokens, Some(100_000_000));
        assert_eq!(forecast.expected, Some(Usd::parse("275").unwrap()));
    }

    /// Regression: a plan without an end was not known to end with its limits.
    #[test]
    fn limits_on_requests_and_on_time_end_what_has_no_end() {
        let stage = Stage::hold(Rate::per_second(1000), None);
        let mut plan = plan(Load::Open { stages: vec![stage], requests: None });
        let endless = forecast(&plan, &[&Fixed]).unwrap();
        assert_eq!((endless.requests, endless.length, endless.worst), (None, None, None));
        plan.limits.requests = Some(500);
        let few = forecast(&plan, &[&Fixed]).unwrap();
        assert_eq!((few.requests, few.exact, few.input_tokens), (Some(500), true, Some(50_000)));
        plan.limits.requests = Some(1_000_000);
        assert_eq!(forecast(&plan, &[&Fixed]).unwrap().requests, Some(1_000_000));
        plan.limits = Limits { duration: Some(Span::from_secs(10)), ..Limits::default() };
        let short = forecast(&plan, &[&Fixed]).unwrap();
        assert_eq!((short.requests, short.exact, short.length), (Some(10_000), true, plan.limits.duration));
        plan.limits.duration = Some(Span::from_secs(1000));
        let long = forecast(&plan, &[&Fixed]).unwrap();
        assert_eq!((long.requests, long.exact), (Some(1_000_000), false));
    }

    /// Regression: a large plan had no busiest minute.
    #[test]
    fn the_busiest_minute_of_a_large_plan_follows_from_the_integral() {
        let calm = Stage::hold(Rate::per_second(1000), Some(Span::from_secs(600)));
        let rush = Stage::hold(Rate::per_second(3000), Some(Span::from_secs(30)));
        let stages = vec![calm.clone(), rush, calm];
        let forecast = forecast(&plan(Load::Open { stages, requests: None }), &[&Fixed]).unwrap();
        assert!(!forecast.exact);
        assert_eq!(forecast.busiest_minute, Some(120_000));
        assert_eq!(forecast.busiest_minute_tokens, Some(120_000 * 100 + 120_000 * 70 / 4));
    }

    #[test]
    fn a_spend_limit_bounds_what_nothing_else_does() {
        let users = vec![UserStage::new(8, Some(Span::from_secs(60)), Phase::Main)];
        let mut plan = plan(Load::Closed { stages: users, requests: None });
        let unknown = forecast(&plan, &[&Fixed]).unwrap();
        assert_eq!((unknown.requests, unknown.expected, unknown.worst), (None, None, None));
        plan.limits.spend = Some(Usd::dollars(3));
        let bounded = forecast(&plan, &[&Fixed]).unwrap();
        assert_eq!((bounded.requests, bounded.expected, bounded.worst), (None, None, Some(Usd::dollars(3))));
        plan.scenarios[0].load = hold("4/s", 120);
        assert_eq!(forecast(&plan, &[&Fixed]).unwrap().worst, Some(Usd::parse("0.15936").unwrap()));
    }

    /// Regression: such a run was said to be bounded by nothing, and did not start without --yes.
    #[test]
    fn a_limit_of_requests_bounds_what_users_can_cost() {
        let users = vec![UserStage::new(8, Some(Span::from_secs(60)), Phase::Main)];
        let mut plan = plan(Load::Closed { stages: users, requests: None });
        plan.limits.requests = Some(20);
        let bounded = forecast(&plan, &[&Fixed]).unwrap();
        // How many there are is still not known; the dearest is 157 tokens at $1 and 40 at $10 a million.
        assert_eq!((bounded.requests, bounded.expected), (None, None));
        assert_eq!(bounded.worst, Some(Usd::parse("0.000557").unwrap().times(20)));
        assert_eq!(bounded.to_confirm(&plan), None);
        plan.limits.requests = Some(1_000_000);
        let asked = forecast(&plan, &[&Fixed]).unwrap().to_confirm(&plan);
        assert_eq!(asked.as_deref(), Some("this run can cost up to $557.00, more than $10.00"));
    }

    /// Each attempt may cost as much as the first, though none is expected to be needed.
    #[test]
    fn every_attempt_may_cost_something() {
        let mut plan = plan(hold("4/s", 120));
        plan.retry = Some(Policy::naive());
        let several = forecast(&plan, &[&Fixed]).unwrap();
        assert_eq!(several.expected, Some(Usd::parse("0.132").unwrap()));
        assert_eq!(several.worst, Some(Usd::parse("0.15936").unwrap().times(4)));
        // A limit on requests counts attempts.
        plan.limits.requests = Some(500);
        let limited = forecast(&plan, &[&Fixed]).unwrap();
        assert_eq!(limited.worst, Some(Usd::parse("0.000557").unwrap().times(500)));
    }

    #[test]
    fn the_busiest_minute_slides() {
        let mut minute = Minute::default();
        for second in [0, 50, 61, 70, 109, 111] {
            minute.add(second * 1_000_000_000, Some(1));
        }
        // 50, 61, 70 and 109 lie within a minute.
        assert_eq!(minute.busiest(), (4, Some(4)));
    }
}
