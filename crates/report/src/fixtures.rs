//! Runs for tests and samples: hand-made records, folded as a live run folds them.

#![allow(dead_code, reason = "tests and the sample program each use a part")]

use floodline_core::arrivals::Arrival;
use floodline_core::event::{Ended, Finished, ProviderSample, RunEvent, Sample};
use floodline_core::fold::Fold;
use floodline_core::outcome::{Finish, Outcome};
use floodline_core::plan::{Address, Api, Load, Plan, Prompt, Stub, StubPace, Target, UserStage};
use floodline_core::random::{Purpose, Stream};
use floodline_core::record::{Attempt, AttemptEnd, Record, TokenSource};
use floodline_core::schedule::{Phase, Spread, Stage};
use floodline_core::summary::{RunInfo, RunSummary};
use floodline_core::verdict::Stamps;
use floodline_core::{Moment, Rate, Span};

/// A run as a report gets to see it.
pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) info: RunInfo,
    pub(crate) fold: Fold,
}

impl Run {
    pub(crate) fn new(plan: Plan) -> Run {
        let info = RunInfo {
            format: "floodline-run/1".into(),
            floodline: "0.1.0".into(),
            started: "2026-06-01T12:00:00+02:00".into(),
            started_unix_ns: 1_780_308_000_000_000_000,
            plan_hash: plan.hash(),
            machine: "Linux 6.12 x86_64".into(),
            cores: 2,
            workers: 2,
            stamps: Stamps::Kernel,
            target: "http://127.0.0.1:40001/v1/chat/completions".into(),
        };
        Run { plan, info, fold: Fold::default() }
    }

    pub(crate) fn record(&mut self, record: Record) {
        self.fold.apply(&RunEvent::Ended(Box::new(record)));
    }

    /// Samples once a second and the end of the run.
    pub(crate) fn finish(&mut self, seconds: u64, why: Option<Ended>) {
        let stub = matches!(self.plan.target.address, Address::Stub(_));
        for s in 1..=seconds {
            let sample = Sample {
                at: Moment(s * 1_000_000_000),
                in_flight: if s < seconds { 64 - s % 5 } else { 0 },
                sent: self.fold.counts.sent * s / seconds,
                events: self.fold.counts.events * s / seconds,
                cpu: Span::from_millis(85 * s),
                busiest_worker_cpu: Span::from_millis(44 * s),
                descriptors: (82, 1_048_576),
                provider: stub.then_some(ProviderSample {
                    cpu: Span::from_millis(61 * s),
                    late_p99: Some(Span(84_000)),
                }),
                ..Sample::default()
            };
            self.fold.apply(&RunEvent::Sampled(Box::new(sample)));
        }
        if let Some(why) = why {
            let at = Moment(seconds * 1_000_000_000);
            self.fold.apply(&RunEvent::Finished(Finished { at, why, cpu: Span::from_millis(85 * seconds) }));
        }
    }

    pub(crate) fn summary(&self) -> RunSummary {
        RunSummary::new(&self.plan, &self.info, &self.fold)
    }
}

/// The built-in provider as target.
pub(crate) fn stub_target() -> Target {
    target(Address::Stub(Stub { pace: StubPace::Profile("8b-h100".into()), tokens: None }))
}

/// Somebody's server as target.
pub(crate) fn url_target() -> Target {
    let address = Address::Url("https://llm.example.com/v1/chat/completions".into());
    Target { key_env: Some("OPENAI_API_KEY".into()), ..target(address) }
}

fn target(address: Address) -> Target {
    Target {
        api: Api::OpenAiChat,
        address,
        model: "llama-3.1-8b".into(),
        key_env: None,
        headers: Vec::new(),
        stream: true,
        ca_file: None,
        insecure: false,
    }
}

pub(crate) fn prompt() -> Prompt {
    Prompt { name: "chat".into(), weight: 1, source: "120 tokens".into(), max_tokens: Some(80) }
}

pub(crate) fn closed(users: u32, requests: u64) -> Load {
    Load::Closed {
        stages: vec![UserStage { users, length: None, phase: Phase::Main }],
        requests: Some(requests),
    }
}

/// `rate` a second Poisson, after a warm-up of `warmup` seconds at one a second.
pub(crate) fn open(rate: u64, seconds: u64, warmup: u64) -> Load {
    let stage = |rate, seconds, spread, phase| Stage {
        rate: Rate::per_second(rate),
        length: Some(Span::from_secs(seconds)),
        spread,
        phase,
    };
    let mut stages = vec![stage(rate, seconds, Spread::Poisson, Phase::Main)];
    if warmup > 0 {
        stages.insert(0, stage(1, warmup, Spread::Constant, Phase::Warmup));
    }
    Load::Open { stages, requests: None }
}

/// A request on its way, sent `late` after its schedule.
pub(crate) fn sent(i: u64, scheduled: Moment, late: Span) -> Record {
    let mut r = Record::planned(i, Phase::Main, "chat".into(), scheduled);
    r.sent = Some(scheduled + late);
    r.late = Some(late);
    r.input_tokens = Some(120);
    r
}

/// A streamed answer of `tokens` tokens with times that vary by request and seed.
pub(crate) fn answer(
    i: u64,
    scheduled: Moment,
    late: Span,
    ttft_ms: f64,
    gap_ms: f64,
    tokens: u32,
) -> Record {
    let mut stream = Stream::new(7, Purpose::Words, i);
    let mut r = sent(i, scheduled, late);
    let spread = |mean_ms: f64, e: f64| Span((mean_ms * 1e6 * (0.9 + 0.1 * e)) as u64);
    let mut at = scheduled + late + spread(ttft_ms, stream.exponential());
    let mut longest = None;
    for k in 0..tokens {
        if k > 0 {
            let gap = spread(gap_ms, stream.exponential());
            longest = longest.max(Some(gap));
            at = at + gap;
        }
        r.arrivals.push(Arrival {
            at,
            events: 1,
            lag: Span(20_000 + (stream.exponential() * 8_000.0) as u64),
        });
    }
    r.first_token = r.arrivals.first();
    r.first_content = r.first_token;
    r.max_gap = longest;
    r.outcome = Outcome::Ok;
    r.status = Some(200);
    r.finish = Some(Finish::Length);
    r.output_tokens = Some(tokens);
    r.token_source = Some(TokenSource::Usage);
    r.last = Some(at + Span(40_000));
    end(&mut r, at);
    r
}

/// A request that failed after `after`.
pub(crate) fn failed(
    i: u64,
    at: Moment,
    after: Span,
    outcome: Outcome,
    status: Option<u16>,
    error: &str,
) -> Record {
    let mut r = sent(i, at, Span(90_000));
    r.outcome = outcome;
    r.status = status;
    r.error = Some(error.into());
    r.last = Some(at + after);
    end(&mut r, at + after);
    r
}

fn end(r: &mut Record, last: Moment) {
    r.attempts.push(Attempt { sent: r.sent, last, end: AttemptEnd::Outcome(r.outcome), status: r.status });
}

/// A closed loop of 64 users against the built-in provider: 640 answers.
pub(crate) fn healthy() -> Run {
    let mut run =
        Run::new(Plan::new("quickstart".into(), 42, stub_target(), vec![prompt()], closed(64, 640)));
    for i in 0..640 {
        let at = Moment((i / 64) * 1_020_000_000 + (i % 64) * 400_000);
        let mut r = answer(i, at, Span(60_000 + i % 7 * 9_000), 51.0 + (i % 64) as f64 / 8.0, 10.1, 80);
        r.connect = (i < 64).then_some(Span(210_000 + i * 1_500));
        run.record(r);
    }
    run.finish(10, Some(Ended::Plan));
    run
}

/// Ten requests: too few for most percentiles.
pub(crate) fn small() -> Run {
    let mut run = Run::new(Plan::new("small".into(), 1, url_target(), vec![prompt()], closed(1, 10)));
    for i in 0..10 {
        let mut r = answer(i, Moment(i * 950_000_000), Span(71_000), 180.0 + 3.0 * i as f64, 9.4, 80);
        r.connect = (i == 0).then_some(Span(31_400_000));
        run.record(r);
    }
    run.finish(10, Some(Ended::Plan));
    run
}

/// Every kind of trouble, with messages that want to be markup or to command the terminal.
pub(crate) fn errors() -> Run {
    let mut plan = Plan::new("support-chat".into(), 7, url_target(), vec![prompt()], open(20, 60, 10));
    plan.target.insecure = true;
    let mut run = Run::new(plan);
    for i in 0..10 {
        let mut r = answer(i, Moment(i * 1_000_000_000), Span(80_000), 140.0, 11.0, 80);
        r.phase = Phase::Warmup;
        run.record(r);
    }
    let planned = run.plan.planned_requests().unwrap_or(0);
    for i in 0..planned {
        let at = Moment(10_000_000_000 + i * 60_000_000_000 / planned);
        let ms = Span::from_millis;
        let record = match i % 40 {
            3 | 17 | 31 => {
                let message = "Rate limit reached for requests: limit 500, used 500. Try again in 120ms.";
                failed(i, at, ms(18), Outcome::RateLimited, Some(429), message)
            }
            8 => failed(
                i,
                at,
                ms(9),
                Outcome::ServerError,
                Some(500),
                "<script>alert(\"boom\")</script> & <b>internal</b> error\u{1b}[31m",
            ),
            12 => failed(
                i,
                at,
                ms(1),
                Outcome::Connection,
                None,
                "connecting to llm.example.com:443 failed: connection refused",
            ),
            20 => failed(i, at, ms(60_000), Outcome::Timeout, None, "no byte arrived for 60s"),
            25 if i < 200 => {
                failed(i, at, ms(12), Outcome::ClientError, Some(401), "Incorrect API key provided")
            }
            28 if i < 300 => failed(
                i,
                at,
                ms(12),
                Outcome::ClientError,
                Some(404),
                "The model `llama-3.1-8b` does not exist",
            ),
            33 if i < 80 => failed(i, at, ms(14), Outcome::Overloaded, Some(529), "Overloaded"),
            35 if i < 80 => failed(
                i,
                at,
                ms(400),
                Outcome::Truncated,
                Some(200),
                "the stream ended without a finish reason",
            ),
            _ => {
                let mut r = answer(
                    i,
                    at,
                    Span(90_000 + i % 11 * 12_000),
                    140.0 + (i % 29) as f64,
                    11.0,
                    60 + (i % 21) as u32,
                );
                r.coalesced_first = i % 30 == 0;
                r.finish = Some(if i % 3 == 0 { Finish::Stop } else { Finish::Length });
                r
            }
        };
        run.record(record);
    }
    run.finish(131, Some(Ended::Plan));
    run
}

/// A generator that could not keep up.
pub(crate) fn invalid() -> Run {
    let mut run = Run::new(Plan::new("too-much".into(), 3, url_target(), vec![prompt()], open(400, 10, 0)));
    for i in 0..run.plan.planned_requests().unwrap_or(0) {
        let late = Span(200_000 + i % 100 * 700_000);
        run.record(answer(i, Moment(i * 2_500_000), late, 62.0, 8.0, 20));
    }
    run.finish(11, Some(Ended::Plan));
    run
}

/// A run that somebody interrupted after a third of it.
pub(crate) fn interrupted() -> Run {
    let mut run =
        Run::new(Plan::new("quickstart".into(), 42, stub_target(), vec![prompt()], closed(64, 640)));
    for i in 0..192 {
        let at = Moment((i / 64) * 1_020_000_000);
        run.record(answer(i, at, Span(60_000), 51.0, 10.1, 80));
    }
    for i in 192..256 {
        run.record(failed(
            i,
            Moment(3_060_000_000),
            Span::from_millis(240),
            Outcome::Cancelled,
            None,
            "the run was ended",
        ));
    }
    run.finish(3, Some(Ended::InterruptedNow));
    run
}

/// A run of which nothing was answered.
pub(crate) fn nothing_ok() -> Run {
    let mut plan = Plan::new("quick".into(), 1, url_target(), vec![prompt()], closed(4, 20));
    plan.target.address = Address::Url("http://127.0.0.1:8000/v1/chat/completions".into());
    let mut run = Run::new(plan);
    for i in 0..20 {
        let message = "connecting to 127.0.0.1:8000 failed: connection refused";
        let mut r = failed(i, Moment(i * 1_000_000), Span(300_000), Outcome::Connection, None, message);
        // Nothing was put on the wire.
        (r.sent, r.late) = (None, None);
        r.attempts.clear();
        run.record(r);
    }
    run.finish(1, Some(Ended::Plan));
    run
}

/// Every run by name.
pub(crate) fn all() -> [(&'static str, Run); 6] {
    [
        ("healthy", healthy()),
        ("small", small()),
        ("errors", errors()),
        ("invalid", invalid()),
        ("interrupted", interrupted()),
        ("nothing-ok", nothing_ok()),
    ]
}
