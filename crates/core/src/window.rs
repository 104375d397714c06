//! Rules that end a run: each looks, once a second, at what ended in the last window.
//!
//! A value belongs to the instant at which its request ended, whatever it is of, since that is when it is known. Requests
//! of every phase count unless the rule names one: a rule is there to end what goes wrong. A rule looks for the first time
//! when a whole window has passed, so that one early failure is not 100 % of everything.
//!
//! A look at a window without a sample stops nothing, and is counted, so that a rule that never saw anything cannot be
//! taken for one that never held.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::journey::Journey;
use crate::money::Usd;
use crate::objective::{Cell, Kind, Measure, Objective, Op, Statistic, Tally, each, each_of_journey};
use crate::plan::Plan;
use crate::record::Record;
use crate::time::{Moment, Span};

/// The window of a rule that names none.
pub const USUAL: Span = Span::from_secs(10);
/// Between two looks.
const LOOK: Span = Span::from_secs(1);
/// Parts in which a window moves on.
const SLICES: u64 = 10;

/// The rules of a plan, and what they look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopRules {
    rules: Vec<Rule>,
    next_look: Moment,
    held: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    rule: Objective,
    window: Span,
    /// By their number from the start of the run.
    slices: BTreeMap<u64, Cell>,
    seen: Seen,
}

/// How a rule fared: an entry of `stop_when` in `summary.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The rule as it is written.
    pub text: String,
    /// How often it looked.
    pub looks: u64,
    /// How often there was nothing to see.
    pub without_sample: u64,
}

impl StopRules {
    /// The rules of a plan.
    pub fn of(plan: &Plan) -> StopRules {
        let rule = |rule: &Objective| Rule {
            rule: rule.clone(),
            window: rule.over.unwrap_or(USUAL),
            slices: BTreeMap::new(),
            seen: Seen { text: rule.to_string(), ..Seen::default() },
        };
        StopRules { rules: plan.limits.stop_when.iter().map(rule).collect(), ..StopRules::default() }
    }

    /// Counts a request that ended.
    pub fn record(&mut self, record: &Record) {
        for rule in &mut self.rules {
            let Rule { rule: objective, slices, .. } = rule;
            if objective.phase.is_some_and(|phase| phase != record.phase) || !objective.is_about(record) {
                continue;
            }
            let at = record.over().unwrap_or(record.scheduled);
            let slice = (rule.window.0 / SLICES).max(1);
            let cell = slices.entry(at.0 / slice).or_default();
            each(objective.measure, record, None, |_, atoms| cell.take(atoms, objective.bound.atoms()));
        }
    }

    /// Counts a journey that ended.
    pub fn journey(&mut self, journey: &Journey) {
        for Rule { rule: objective, slices, window, .. } in &mut self.rules {
            let elsewhere = objective.phase.is_some_and(|phase| phase != journey.phase);
            if elsewhere || !objective.is_about_journey(journey) {
                continue;
            }
            let slice = (window.0 / SLICES).max(1);
            let cell = slices.entry(journey.ended.0 / slice).or_default();
            let bound = objective.bound.atoms();
            each_of_journey(objective.measure, journey, |_, atoms| cell.take(atoms, bound));
        }
    }

    /// Looks, if it is time to: the first rule that holds, in words. Once one holds, it is what ends the run.
    pub fn check(&mut self, now: Moment) -> Option<&str> {
        if now >= self.next_look {
            self.next_look = Moment(now.0 - now.0 % LOOK.0) + LOOK;
            for rule in &mut self.rules {
                let found = rule.look(now);
                if self.held.is_none() {
                    self.held = found;
                }
            }
        }
        self.held.as_deref()
    }

    /// How the rules fared, in the order of the plan.
    pub fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.rules.iter().map(|rule| &rule.seen)
    }
}

impl Rule {
    fn look(&mut self, now: Moment) -> Option<String> {
        if now.since(Moment::START) < self.window {
            return None;
        }
        let slice = (self.window.0 / SLICES).max(1);
        let current = now.0 / slice;
        let first = current.saturating_sub(SLICES);
        self.slices = self.slices.split_off(&first);
        let mut seen = Cell::default();
        self.slices.range(..=current).for_each(|(_, cell)| seen.merge(cell));
        self.seen.looks += 1;
        if let Measure::Throughput(_) = self.rule.measure {
            // That nothing went through is a figure too.
            // The slice that has begun counts besides the whole ones, with its time.
            let per_second = seen.sum as f64 / now.since(Moment(first * slice)).as_secs_f64();
            let holds = self.rule.op.holds(per_second, self.rule.bound.atoms() as f64);
            return holds.then(|| self.words(&format!("{:.1} a second", per_second / 1e6)));
        }
        match seen.meets(&self.rule) {
            None => {
                self.seen.without_sample += 1;
                None
            }
            Some(false) => None,
            Some(true) => Some(self.words(&self.figure(&seen))),
        }
    }

    fn words(&self, figure: &str) -> String {
        format!("stop_when {}: {figure}", self.rule)
    }

    /// What was seen: `34.2 % of 120 requests`.
    fn figure(&self, seen: &Cell) -> String {
        let noun = if self.rule.measure.is_of_journeys() { "journey" } else { "request" };
        let statistic = match self.rule.measure {
            Measure::Errors(Tally::Rate)
            | Measure::Outcome(_, Tally::Rate)
            | Measure::Journeys(_, Tally::Rate)
            | Measure::Goodput => {
                let permille = seen.sum * 1000 / u128::from(seen.n.max(1));
                return format!("{}.{} % of {}", permille / 10, permille % 10, counted(seen.n, noun));
            }
            Measure::Errors(Tally::Count)
            | Measure::Outcome(_, Tally::Count)
            | Measure::Journeys(_, Tally::Count)
            | Measure::Throughput(_) => {
                return format!("{} of {}", seen.sum, counted(seen.n, noun));
            }
            Measure::Time(_, statistic)
            | Measure::Journey(statistic)
            | Measure::Cost(statistic)
            | Measure::InputTokens(statistic)
            | Measure::OutputTokens(statistic) => statistic,
        };
        let kind = self.rule.measure.kind();
        let atoms = match statistic {
            // No percentile is kept, but how many values lie beyond the bound, which says more.
            Statistic::Percentile(_) => {
                let beyond = match self.rule.op {
                    Op::Below => "below",
                    Op::AtMost => "at most",
                    Op::Above => "above",
                    Op::AtLeast => "at least",
                    Op::Equal => "exactly",
                };
                let values = counted(seen.n, "value");
                return format!("{} of {values} {beyond} {}", seen.that(self.rule.op), self.rule.bound);
            }
            Statistic::Count => return counted(seen.n, "value"),
            Statistic::Mean => seen.sum / u128::from(seen.n.max(1)),
            Statistic::Min => seen.low,
            Statistic::Max => seen.high,
            Statistic::Total => seen.sum,
        };
        let figure = match kind {
            Kind::Time => Span(u64::try_from(atoms).unwrap_or(u64::MAX)).to_string(),
            Kind::Money => Usd::of_atoms(atoms).to_string(),
            Kind::Share | Kind::Number => (atoms / 1_000_000).to_string(),
        };
        format!("{figure} of {}", counted(seen.n, "value"))
    }
}

fn counted(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::record::{Attempt, AttemptEnd};
    use crate::schedule::Phase;

    fn rules(texts: &[&str]) -> StopRules {
        let rule = |text: &&str| {
            let rule = Objective::parse(text, None).unwrap();
            Rule {
                window: rule.over.unwrap_or(USUAL),
                slices: BTreeMap::new(),
                seen: Seen { text: rule.to_string(), ..Seen::default() },
                rule,
            }
        };
        StopRules { rules: texts.iter().map(rule).collect(), ..StopRules::default() }
    }

    /// A request that ends at `ms`, 100 ms after its start, its first token in the middle.
    fn ended(i: u64, ms: u64, outcome: Outcome) -> Record {
        let at = |ms: u64| Moment(ms * 1_000_000);
        let mut r = Record::planned(i, Phase::Main, "p".into(), at(ms - 100));
        (r.outcome, r.sent, r.last, r.status) = (outcome, Some(at(ms - 100)), Some(at(ms)), Some(200));
        r.first_token = Some(at(ms - 50));
        r.output_tokens = Some(10);
        let end = AttemptEnd::Outcome(outcome);
        r.attempts.push(Attempt::new(r.sent, at(ms), end, r.status));
        r
    }

    fn second(s: u64) -> Moment {
        Moment(s * 1_000_000_000)
    }

    #[test]
    fn a_rule_holds_when_its_last_window_says_so() {
        let mut rules = rules(&["errors rate > 20% over 10s"]);
        // Ten a second; from second 15 on, half of them fail.
        for i in 1..=300u64 {
            let outcome = if i > 150 && i % 2 == 0 { Outcome::ServerError } else { Outcome::Ok };
            rules.record(&ended(i, 100 + i * 100, outcome));
            if i % 10 == 0 {
                let now = second(i / 10);
                match rules.check(now).map(str::to_owned) {
                    None => assert!(i < 200, "at {now:?} it should hold"),
                    Some(why) => {
                        assert!((180..=200).contains(&i), "{i}");
                        assert_eq!(why, "stop_when errors rate > 20% over 10s: 24.5 % of 102 requests");
                        return;
                    }
                }
            }
        }
        panic!("it never held");
    }

    /// Regression: the first request of a run failed and was 100 % of all that had ended.
    #[test]
    fn one_early_failure_is_not_everything() {
        let mut rules = rules(&["errors rate > 20%"]);
        rules.record(&ended(0, 100, Outcome::Connection));
        for s in 0..10 {
            assert_eq!(rules.check(second(s)), None);
        }
        (1..60).for_each(|i| rules.record(&ended(i, 100 + i * 150, Outcome::Ok)));
        assert_eq!(rules.check(second(10)), None);
    }

    #[test]
    fn nothing_seen_stops_nothing_and_is_counted() {
        let mut rules =
            rules(&["ttft p95 > 5s over 3s", "errors rate < 1% over 3s", "requests_per_s < 1 over 3s"]);
        rules.rules.truncate(2);
        for s in 0..10 {
            assert_eq!(rules.check(second(s)), None);
            assert_eq!(rules.check(second(s) + Span::from_millis(500)), None, "it looks once a second");
        }
        let seen: Vec<(u64, u64)> = rules.seen().map(|s| (s.looks, s.without_sample)).collect();
        assert_eq!(seen, [(7, 7), (7, 7)]);
    }

    #[test]
    fn that_nothing_goes_through_is_seen() {
        let mut rules = rules(&["requests_per_s < 1 over 3s"]);
        for s in 1..=4 {
            rules.record(&ended(2 * s, s * 1000 - 500, Outcome::Ok));
            rules.record(&ended(2 * s + 1, s * 1000 - 400, Outcome::Ok));
            assert_eq!(rules.check(second(s)), None);
        }
        assert_eq!(rules.check(second(5)), None);
        assert_eq!(rules.check(second(6)), Some("stop_when requests_per_s < 1 over 3s: 0.7 a second"));
    }

    /// Regression: what went through in eleven tenths of a window was divided by the window.
    #[test]
    fn a_throughput_is_of_the_time_that_was_looked_at() {
        let mut rules = rules(&["requests_per_s < 9.5 over 3s", "requests_per_s > 10.5 over 3s"]);
        for i in 1..=200 {
            rules.record(&ended(i, i * 100, Outcome::Ok));
            // Looks fall at any time between two slices.
            let now = Moment(i * 100_000_000 + 1);
            assert_eq!(rules.check(now), None, "{i}");
        }
    }

    #[test]
    fn every_measure_says_what_it_saw() {
        let mut records: Vec<Record> = (0..20).map(|i| ended(i, 9_000 + i * 10, Outcome::Ok)).collect();
        records[3].outcome = Outcome::RateLimited;
        records.iter_mut().for_each(|r| r.cost = Usd::parse("0.01").ok());
        for (text, figure) in [
            ("errors count > 0", "1 of 20 requests"),
            ("rate_limited rate >= 5%", "5.0 % of 20 requests"),
            ("ttft p95 > 10ms", "20 of 20 values above 10ms"),
            ("ttft mean >= 50ms", "50.0 ms of 20 values"),
            ("latency max > 1ms", "100 ms of 19 values"),
            ("latency count > 5", "19 values"),
            ("cost total > $0.15", "$0.20 of 20 values"),
            ("output_tokens total >= 200", "200 of 20 values"),
        ] {
            let mut rules = rules(&[text]);
            records.iter().for_each(|r| rules.record(r));
            assert_eq!(rules.check(second(10)), Some(format!("stop_when {text}: {figure}").as_str()));
        }
    }

    #[test]
    fn journeys_can_end_a_run_too() {
        use crate::fold::tests_of_journeys::journey;
        use crate::journey::JourneyEnd;
        for (text, figure) in [
            ("journeys failed rate > 20%", "25.0 % of 20 journeys"),
            ("journeys failed count >= 5 in main", "5 of 20 journeys"),
            ("journey mean > 1s", "1.50 s of 15 values"),
        ] {
            let mut rules = rules(&[text]);
            for i in 0..20 {
                let end = if i % 4 == 0 { JourneyEnd::Failed } else { JourneyEnd::Completed };
                rules.journey(&journey(end, 7_000, 8_500, 3));
                rules.record(&ended(i, 8_500, Outcome::ServerError));
            }
            rules.journey(&journey(JourneyEnd::Cut, 0, 8_500, 3));
            assert_eq!(rules.check(second(10)), Some(format!("stop_when {text}: {figure}").as_str()));
        }
        let mut elsewhere = rules(&["journeys failed count > 0 in warmup"]);
        elsewhere.journey(&journey(JourneyEnd::Failed, 7_000, 8_500, 3));
        assert_eq!(elsewhere.check(second(10)), None);
    }

    #[test]
    fn warm_up_counts_unless_the_rule_names_a_phase() {
        for (text, holds) in [("errors rate > 20%", true), ("errors rate > 20% in main", false)] {
            let mut rules = rules(&[text]);
            for i in 0..10 {
                let mut r = ended(i, 5_000 + i, Outcome::ServerError);
                r.phase = Phase::Warmup;
                rules.record(&r);
            }
            assert_eq!(rules.check(second(10)).is_some(), holds, "{text}");
        }
    }
}
