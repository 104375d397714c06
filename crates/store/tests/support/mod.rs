//! Made-up runs for tests: every field of every event takes several values, the same each time.

use floodline_core::arrivals::Arrival;
use floodline_core::connection::Http;
use floodline_core::event::{Ended, Finished, ProviderSample, Reached, Sample};
use floodline_core::flow::{Flow, RequestStep, Step};
use floodline_core::journey::{Journey, JourneyEnd};
use floodline_core::plan::{Address, Load, Prompt, Target, UserStage};
use floodline_core::record::{Attempt, AttemptEnd, TokenSource};
use floodline_core::retry::{Dimension, Refusal, Why};
use floodline_core::stated::{Quota, StatedLimits};
use floodline_core::summary::RunInfo;
use floodline_core::verdict::Stamps;
use floodline_core::{Finish, Moment, Objective, Outcome, Phase, Plan, Record, RunEvent, Span, Usd};

/// A run of `records` requests, with a sample after every third, a journey before or after some, and an end.
pub(crate) fn events(records: u64, seed: u64) -> Vec<RunEvent> {
    let mut dice = Dice(seed);
    let mut events = Vec::new();
    for n in 0..records {
        events.push(RunEvent::Ended(Box::new(record(&mut dice, n))));
        if n % 5 == 1 {
            events.push(RunEvent::Journey(Box::new(journey(&mut dice, n))));
        }
        if n % 3 == 2 {
            events.push(RunEvent::Sampled(Box::new(sample(&mut dice, n))));
        }
        if n % 3 == 2 && n % 2 == 0 {
            events.push(RunEvent::Journey(Box::new(journey(&mut dice, n))));
        }
    }
    let why = Ended::Limit("requests: 10".into());
    events.push(RunEvent::Finished(Finished {
        at: Moment(records * MS),
        why,
        reached: Some(Reached::Requests),
        cpu: Span(7 * MS),
        books: None,
    }));
    events
}

pub(crate) fn plan() -> Plan {
    let target = Target {
        key_env: Some("OPENAI_API_KEY".into()),
        headers: vec!["x-team".into()],
        tokenizer: Some(floodline_core::plan::Tokenizer { name: "o200k_base".into(), hash: None }),
        ..Target::new(Address::Url("http://127.0.0.1:8000/v1/chat/completions".into()), "m")
    };
    let prompt = Prompt {
        name: "short".into(),
        weight: 1,
        source: "120 tokens".into(),
        max_tokens: Some(80),
        input: None,
        output: None,
        files: Vec::new(),
    };
    let stages = vec![UserStage::new(4, Some(Span::from_secs(10)), Phase::Main)];
    let mut plan =
        Plan::new("made-up".into(), 42, target, vec![prompt], Load::Closed { stages, requests: Some(1000) });
    let objective = |text: &str| Objective::parse(text, None).expect("it is one");
    let (name, what) = ("ask".into(), "a question".into());
    let step = RequestStep {
        number: 0,
        name,
        what,
        asks: true,
        max_tokens: None,
        think: None,
        abandon: None,
        may_fail: false,
    };
    plan.scenarios[0].flow = Some(Box::new(Flow { steps: vec![Step::Request(step)], ..Flow::default() }));
    plan.objectives = [
        "ttft p95 < 500ms",
        "gap p99 < 8ms over 1s for 90% of windows",
        "goodput > 50%",
        "errors rate < 5%",
        "cost mean < $0.02",
        "latency max < 30s for key OPENAI_API_KEY",
        "output_tokens_per_s > 1",
        "journeys failed rate < 30%",
        "journey p95 < 80ms",
        "ttft p95 < 1s for turn 2",
        "errors rate < 50% for target eu",
    ]
    .map(objective)
    .into();
    plan.limits.stop_when =
        vec![objective("errors rate > 99% over 200ms"), objective("journeys failed rate > 50% over 100ms")];
    plan
}

pub(crate) fn info() -> RunInfo {
    RunInfo {
        format: floodline_store::formats::RUN.to_string(),
        floodline: "0.1.0".into(),
        started: "2026-11-22T10:00:00+01:00".into(),
        started_unix_ns: 1_795_338_000_000_000_000,
        plan_hash: plan().hash(),
        machine: "Linux 6.1 x86_64".into(),
        cores: 2,
        workers: 2,
        stamps: Stamps::Kernel,
        target: "http://127.0.0.1:8000".into(),
        http: Http::One,
    }
}

const MS: u64 = 1_000_000;

/// Numbers that look random: Knuth's linear congruential generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn maybe<T>(&mut self, value: T) -> Option<T> {
        (self.below(4) > 0).then_some(value)
    }
}

fn record(dice: &mut Dice, i: u64) -> Record {
    let phase = if i == 0 { Phase::Warmup } else { Phase::Main };
    let scheduled = Moment(i * 3 * MS);
    let prompt = if dice.below(3) == 0 { "long" } else { "short" };
    let mut r = Record::planned(i, phase, prompt.into(), scheduled);
    r.outcome = Outcome::ALL[dice.below(Outcome::ALL.len() as u64) as usize];
    r.key = dice.maybe("OPENAI_API_KEY".into());
    r.step = dice.maybe("ask".into());
    r.turn = dice.maybe(1 + i as u32 % 12);
    r.target = dice.maybe(if i.is_multiple_of(2) { "eu" } else { "us" }.into());
    r.hook = dice.maybe(Span(i * MS / 7));
    if r.outcome == Outcome::NotSent {
        return r;
    }
    let sent = scheduled + Span(dice.below(MS));
    r.sent = Some(sent);
    r.late = Some(sent.since(scheduled));
    r.connect = dice.maybe(Span(dice.0 % MS));
    r.attempts = vec![
        Attempt::new(None, scheduled, AttemptEnd::Reconnect, None),
        Attempt {
            refusal: dice.maybe(Refusal::of(Why::RateLimited, Dimension::Tpm)),
            limits: dice.maybe(stated(i)),
            ..Attempt::new(
                Some(sent),
                sent + Span(MS / 2),
                AttemptEnd::Outcome(Outcome::RateLimited),
                Some(429),
            )
        },
        Attempt {
            wait: dice.maybe(Span(MS / 4)),
            ..Attempt::new(Some(sent), sent + Span(MS), AttemptEnd::Outcome(r.outcome), Some(200))
        },
    ];
    r.limits = dice.maybe(stated(i + 1));
    let mut at = sent;
    for _ in 0..dice.below(12) {
        at = at + Span(dice.below(20 * MS));
        r.arrivals.push(Arrival { at, events: 1 + dice.below(3) as u32, lag: Span(dice.below(100_000)) });
    }
    r.first_token = r.arrivals.first();
    r.first_content = r.first_token;
    r.last = Some(at);
    r.max_gap = r.first_token.map(|first| at.since(first));
    r.lag_max = Some(Span(99_999));
    r.status = dice.maybe(200);
    r.finish = dice.maybe(Finish::ALL[i as usize % Finish::ALL.len()]);
    r.input_tokens = dice.maybe(120);
    r.output_tokens = dice.maybe(r.arrivals.events() as u32);
    r.streamed_tokens = r.output_tokens;
    r.counted_tokens = r.output_tokens.map(|tokens| tokens + 1);
    r.planned_input_tokens = r.input_tokens.map(|tokens| tokens - 9);
    r.token_source = r.output_tokens.map(|_| TokenSource::Usage);
    r.request_id = dice.maybe(format!("req-{i}"));
    r.coalesced_first = dice.below(2) == 0;
    r.error = dice.maybe("429 \"slow down\"\n{\"error\":null}".into());
    r.cost = dice.maybe(Usd::parse("0.0123456789").expect("it is an amount"));
    r.text = dice.maybe("An answer — with\nlines, \u{0}, and 日本語.".into());
    r
}

fn stated(i: u64) -> Box<StatedLimits> {
    let quota = Quota { limit: Some(60), remaining: Some(i as i64 % 70 - 5), reset: Some(Span(i * MS)) };
    let also = [("requests-day".into(), quota)].into();
    Box::new(StatedLimits {
        tokens: Some(quota),
        also,
        retry_after: Some(Span(MS)),
        ..StatedLimits::default()
    })
}

fn journey(dice: &mut Dice, n: u64) -> Journey {
    let end = JourneyEnd::ALL[dice.below(4) as usize];
    Journey {
        scenario: dice.maybe("chat".into()),
        user: n % 4,
        iteration: n / 4,
        phase: if n < 2 { Phase::Warmup } else { Phase::Main },
        scheduled: Moment(n * MS),
        ended: Moment(n * 3 * MS + dice.below(MS)),
        thought: Span(dice.below(MS)),
        requests: dice.below(9) as u32,
        end,
        at_step: dice.maybe("ask".into()),
        error: dice.maybe("text | length > 0\nfailed".into()),
    }
}

fn sample(dice: &mut Dice, n: u64) -> Sample {
    Sample {
        at: Moment(n * 3 * MS),
        in_flight: dice.below(64),
        waiting: dice.below(9),
        sent: n,
        events: n * 10,
        cpu: Span(n * MS),
        busiest_worker_cpu: Span(n * MS / 2),
        descriptors: (20, 1024),
        ports: Some((12, 28_232)),
        starved: 0,
        clock_drift_ns: -(n as i64),
        provider: dice.maybe(ProviderSample { cpu: Span(n), late_p99: Some(Span(1)) }),
    }
}
