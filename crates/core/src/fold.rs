//! The fold over a run's events from which every figure is taken: live, stored and in virtual time.

mod compared;
mod journeys;

use std::collections::BTreeMap;

pub use compared::{Compared, PER_ANSWER, PER_PROMPT};
pub use journeys::Journeys;
#[cfg(test)]
pub(crate) use journeys::tests as tests_of_journeys;

use crate::breakdown::Breakdowns;
use crate::event::{Finished, RunEvent, Sample};
use crate::journey::Journey;
use crate::metric::{Metric, Metrics};
use crate::money::Usd;
use crate::objective::{Dimension, Goodput, Watched, widened};
use crate::outcome::{Finish, Outcome};
use crate::plan::{Plan, scenario_seed};
use crate::record::{AttemptEnd, Record, TokenSource};
use crate::retry::{Tries, TriesByTarget};
use crate::schedule::Phase;
use crate::stats::Quantile;
use crate::time::{Moment, Span};
use crate::timeline::Timeline;
use crate::window::StopRules;

/// Everything that is known of a run after some of its events. Warm-up and cool-down are counted apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fold {
    /// The distributions of the main phase.
    pub metrics: Metrics,
    /// The counts of the main phase.
    pub counts: Counts,
    /// The journeys through a flow.
    pub journeys: Journeys,
    /// Requests of the warm-up that ended.
    pub warmup: u64,
    /// Requests of the cool-down that ended.
    pub cooldown: u64,
    /// Times that a recorded request was put on the wire, warm-up and cool-down included.
    pub times_sent: u64,
    /// Second by second, warm-up and cool-down included.
    pub timeline: Timeline,
    /// The samples of the generator, in order.
    pub samples: Vec<Sample>,
    /// How the run ended, once it has.
    pub finished: Option<Finished>,
    /// What went wrong, and how often.
    pub faults: BTreeMap<Fault, u64>,
    /// What the whole run cost, warm-up included; none while no request has a price.
    pub spent: Option<Usd>,
    /// What is counted for the objectives of the plan.
    pub(crate) objectives: Watched,
    /// What each target did with its attempts, in the main phase.
    pub targets: TriesByTarget,
    /// Which requests are good.
    pub(crate) goodput: Goodput,
    /// The figures by phase and by name.
    pub breakdowns: Breakdowns,
    /// What the rules that end the run have seen.
    pub(crate) stop_rules: StopRules,
}

/// Counts of the main phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Ended requests by outcome, in the order of [`Outcome::ALL`].
    pub by_outcome: [u64; Outcome::ALL.len()],
    /// Requests that were put on the wire.
    pub sent: u64,
    /// Times a request was put on the wire.
    pub attempts: u64,
    /// Kept connections that the server had closed before any byte of the answer.
    pub reconnects: u64,
    /// Attempts, and what trying again cost.
    pub tries: Tries,
    /// Answers by finish reason, in the order of [`Finish::ALL`].
    pub finish: [u64; Finish::ALL.len()],
    /// Tokens of the prompts that were sent, where known.
    pub input_tokens: u64,
    /// Tokens of the answers, where known.
    pub output_tokens: u64,
    /// Answers with known output tokens, by who counted them.
    pub token_sources: BTreeMap<TokenSource, u64>,
    /// What server and tokenizer counted of the same answers.
    pub compared_output: Compared,
    /// What server and plan counted of the same prompts.
    pub compared_input: Compared,
    /// Token-bearing events.
    pub events: u64,
    /// Those of them that shared a read with a later one, so that their stamp is an upper bound.
    pub coalesced: u64,
    /// Streams that had a token.
    pub first_tokens: u64,
    /// Those of them whose first token shared a read with later ones.
    pub coalesced_first: u64,
    /// The first sending and the last byte.
    pub window: Option<(Moment, Moment)>,
    /// What they cost; none while no request has a price.
    pub cost: Option<Usd>,
    /// Requests that were ok and met every latency objective; none without such objectives.
    pub good: Option<u64>,
}

/// A way in which requests went wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The outcome.
    pub outcome: Outcome,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// What was said.
    pub message: String,
}

/// More ways than this are counted under one heading: a server that never says the same twice must not fill the memory.
const FAULTS_KEPT: usize = 100;

impl Fold {
    /// Nothing yet of a run of `plan`, with what its objectives need to be counted.
    pub fn of(plan: &Plan) -> Fold {
        let goodput = Goodput::of(&plan.objectives);
        let stop_rules = StopRules::of(plan);
        Fold { objectives: Watched::of(plan), goodput, stop_rules, ..Fold::default() }
    }

    /// Takes the next event in.
    pub fn apply(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Ended(record) => self.record(record),
            RunEvent::Journey(journey) => self.journey(journey),
            RunEvent::Sampled(sample) => {
                self.samples.push(**sample);
                self.stop_rules.check(sample.at);
            }
            RunEvent::Finished(finished) => self.finished = Some(finished.clone()),
        }
    }

    fn record(&mut self, record: &Record) {
        self.timeline.record(record);
        self.times_sent += record.times_sent();
        if let Some(cost) = record.cost {
            self.spent = Some(self.spent.unwrap_or(Usd::ZERO) + cost);
        }
        let good = self.goodput.is_good(record);
        self.objectives.record(record, good);
        self.stop_rules.record(record);
        self.breakdowns.record(record, good, &self.counts, &self.metrics);
        match record.phase {
            Phase::Warmup => self.warmup += 1,
            Phase::Cooldown => self.cooldown += 1,
            Phase::Main => {
                self.metrics.record(record);
                self.counts.record(record, good);
                self.targets.add(record);
                self.fault(record);
            }
        }
    }

    fn journey(&mut self, journey: &Journey) {
        self.journeys.record(journey);
        self.objectives.journey(journey);
        self.stop_rules.journey(journey);
    }

    fn fault(&mut self, record: &Record) {
        let Some(message) = record.error.clone().filter(|_| record.outcome != Outcome::Ok) else { return };
        let mut fault = Fault { outcome: record.outcome, status: record.status, message };
        if self.faults.len() >= FAULTS_KEPT && !self.faults.contains_key(&fault) {
            fault.message = "(further messages)".into();
        }
        *self.faults.entry(fault).or_default() += 1;
    }

    /// Requests of the main phase that the plan wanted and no record tells of, scenario by scenario: of one that the
    /// plan has no number for, such as users until a time, there are none.
    pub fn unsent(&self, plan: &Plan) -> u64 {
        let names = plan.scenarios.iter().map(|scenario| scenario.name.as_str());
        names.map(|name| self.unsent_of(plan, name)).sum()
    }

    /// Those of one scenario.
    pub(crate) fn unsent_of(&self, plan: &Plan, name: &str) -> u64 {
        let Some(number) = plan.scenarios.iter().position(|scenario| scenario.name == name) else { return 0 };
        let ended = match plan.scenario_name(number) {
            Some(name) => match self.breakdowns.ended(Dimension::Scenario, name, &self.counts) {
                Some(ended) => ended,
                None => return 0,
            },
            // The only one has all there are, and its records name none.
            None => self.counts.ended(),
        };
        let planned = plan.scenarios[number].planned_requests(scenario_seed(plan.seed, number));
        planned.unwrap_or(0).saturating_sub(ended)
    }

    /// The line a person watches while the run goes on.
    pub fn live(&self) -> Live {
        let (now, before) = match self.samples.as_slice() {
            [.., before, now] => (*now, *before),
            [only] => (*only, Sample::default()),
            [] => (Sample::default(), Sample::default()),
        };
        let seconds = now.at.since(before.at).as_secs_f64();
        let per_second = |now: u64, before: u64| {
            if seconds > 0.0 { now.saturating_sub(before) as f64 / seconds } else { 0.0 }
        };
        // Events are no tokens; until an answer has been counted they are the best guess of them.
        let tokens_per_event = match self.counts {
            Counts { output_tokens, events, .. } if output_tokens > 0 && events > 0 => {
                output_tokens as f64 / events as f64
            }
            _ => 1.0,
        };
        let ttft = self.metrics.distribution(Metric::Ttft);
        Live {
            at: now.at,
            in_flight: now.in_flight,
            waiting: now.waiting,
            requests_per_s: per_second(now.sent, before.sent),
            tokens_per_s: per_second(now.events, before.events) * tokens_per_event,
            ended: self.counts.ended() + self.warmup + self.cooldown,
            errors: self.counts.errors(),
            journeys: self.journeys.ended() + self.journeys.around,
            ttft_p50: ttft.quantile(Quantile::P50),
            ttft_p99: ttft.quantile(Quantile::P99),
        }
    }
}

/// What is shown while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Live {
    /// The instant it is of.
    pub at: Moment,
    /// Requests sent and not yet ended.
    pub in_flight: u64,
    /// Requests due and not yet sent.
    pub waiting: u64,
    /// Requests sent in the last second.
    pub requests_per_s: f64,
    /// Output tokens in the last second; from events until the server's counts are known.
    pub tokens_per_s: f64,
    /// Requests that ended, warm-up and cool-down included.
    pub ended: u64,
    /// Requests of the main phase that ended in an error.
    pub errors: u64,
    /// Journeys that ended, warm-up and cool-down included.
    pub journeys: u64,
    /// Median time to first token so far.
    pub ttft_p50: Option<Span>,
    /// 99th percentile of it.
    pub ttft_p99: Option<Span>,
}

impl Counts {
    pub(crate) fn record(&mut self, r: &Record, good: Option<bool>) {
        if let Some(cost) = r.cost {
            self.cost = Some(self.cost.unwrap_or(Usd::ZERO) + cost);
        }
        if let Some(good) = good {
            self.good = Some(self.good.unwrap_or(0) + u64::from(good));
        }
        self.by_outcome[r.outcome as usize] += 1;
        self.attempts += r.times_sent();
        self.reconnects += r.attempts.iter().filter(|a| a.end == AttemptEnd::Reconnect).count() as u64;
        self.tries.add(r);
        if let Some(finish) = r.finish {
            self.finish[finish as usize] += 1;
        }
        if let (Some(tokens), Some(source)) = (r.output_tokens, &r.token_source) {
            self.output_tokens += u64::from(tokens);
            *self.token_sources.entry(source.clone()).or_default() += 1;
        }
        self.compare(r);
        self.events += r.arrivals.events();
        self.coalesced += r.arrivals.events() - u64::from(r.arrivals.count());
        self.first_tokens += u64::from(r.first_token.is_some());
        self.coalesced_first += u64::from(r.coalesced_first);
        self.window = widened(self.window, r);
        if r.first_sent().is_some() {
            self.sent += 1;
            self.input_tokens += u64::from(r.input_tokens.unwrap_or(0));
        }
    }

    fn compare(&mut self, r: &Record) {
        // Reasoning that was billed but not shown could not be counted here.
        if let (Some(counted), Some(stated)) = (r.counted_tokens, r.streamed_tokens.or(r.output_tokens)) {
            self.compared_output.add(counted, stated, compared::PER_ANSWER);
        }
        if let (Some(planned), Some(stated)) = (r.planned_input_tokens, r.input_tokens) {
            self.compared_input.add(planned, stated, compared::PER_PROMPT);
        }
    }

    /// Requests that ended one way or another.
    pub fn ended(&self) -> u64 {
        self.by_outcome.iter().sum()
    }

    /// Requests with this outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.by_outcome[outcome as usize]
    }

    /// Requests that ended in an error.
    pub fn errors(&self) -> u64 {
        Outcome::ALL.into_iter().filter(|o| o.is_error()).map(|o| self.of(o)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::tests_of_records::answer;
    use crate::plan::{Address, Load, Scenario, Target};
    use crate::rate::Rate;
    use crate::schedule::Stage;
    use crate::users::UserStage;

    /// Ten requests at planned times beside users until a time.
    fn mixed() -> Plan {
        let target = Target::new(Address::Url(String::new()), "m");
        let second = Some(Span::from_secs(1));
        let users = vec![UserStage::new(2, second, Phase::Main)];
        let loads = [
            ("open", Load::Open { stages: vec![Stage::hold(Rate::per_second(10), second)], requests: None }),
            ("users", Load::Closed { stages: users, requests: None }),
        ];
        let scenario = |(name, load): (&str, Load)| Scenario {
            name: name.into(),
            start: Span::ZERO,
            prompts: Vec::new(),
            load,
            flow: None,
            cap: None,
        };
        Plan::of_scenarios("test".into(), 1, target, loads.map(scenario).into())
    }

    /// Regression: beside users until a time, what an open loop had not sent was nobody's.
    #[test]
    fn what_was_not_sent_is_counted_scenario_by_scenario() {
        let plan = mixed();
        let mut fold = Fold::of(&plan);
        assert_eq!(fold.unsent(&plan), 10);
        for i in 0..24 {
            let mut record = answer(i, &[60, 70]);
            record.scenario = Some(if i < 4 { "open" } else { "users" }.into());
            fold.apply(&RunEvent::Ended(Box::new(record)));
            assert_eq!(fold.unsent(&plan), 10 - (i + 1).min(4));
        }
        assert_eq!((fold.unsent_of(&plan, "open"), fold.unsent_of(&plan, "users")), (6, 0));
    }

    #[test]
    fn both_counts_of_a_text_are_summed_and_hidden_reasoning_is_not_compared() {
        let mut counts = Counts::default();
        let mut record = Record::planned(0, Phase::Main, "p".into(), Moment::START);
        record.output_tokens = Some(500);
        record.streamed_tokens = Some(101);
        record.counted_tokens = Some(100);
        record.input_tokens = Some(130);
        counts.record(&record, None);
        // What only one side counted is not compared.
        assert_eq!(counts.compared_input, Compared::default());
        assert_eq!(counts.compared_output, Compared { texts: 1, counted: 100, stated: 101, allowed: 1 });
        record.planned_input_tokens = Some(100);
        record.counted_tokens = None;
        counts.record(&record, None);
        assert_eq!(counts.compared_input, Compared { texts: 1, counted: 100, stated: 130, allowed: 16 });
        assert_eq!(counts.compared_output.texts, 1);
    }
}
