//! Runs against a server that says exactly what a test tells it to.

mod peer;

use std::sync::Arc;

use floodline_core::connection::Connection;
use floodline_core::event::Finished;
use floodline_core::journey::{Journey, Script};
use floodline_core::plan::{Address, Load, Plan, Prompt, Target, UserStage};
use floodline_core::workload::{Ask, Rendered, Workload};
use floodline_core::{Phase, Record, RunEvent, Span};
use floodline_engine::{Endpoint, EngineError, Run, Stop};
use floodline_wire::codec::Codec;
use floodline_wire::own::Format;
use floodline_wire::tokens::Tokenizer;

#[allow(unused_imports, reason = "each test file uses its part")]
pub(crate) use peer::*;

/// A small body of its own for each request.
pub(crate) struct Body;

impl Workload for Body {
    fn render(&self, ask: Ask, body: &mut Vec<u8>) -> Rendered {
        body.clear();
        body.extend_from_slice(format!("{{\"i\":{}}}", ask.i).as_bytes());
        self.outline(ask)
    }

    fn outline(&self, _: Ask) -> Rendered {
        Rendered {
            target: 0,
            prompt: 0,
            input_tokens: Some(3),
            input_bound: Some(35),
            max_tokens: Some(10),
            head: None,
        }
    }
}

/// A plan of one user and so many requests, with short limits.
pub(crate) fn plan(requests: u64) -> Plan {
    let target = Target::new(Address::Url(String::new()), "m");
    let prompt = Prompt {
        name: "p".into(),
        weight: 1,
        source: "test".into(),
        max_tokens: None,
        input: None,
        output: None,
        files: Vec::new(),
    };
    let stage = UserStage::new(1, None, Phase::Main);
    let load = Load::Closed { stages: vec![stage], requests: Some(requests) };
    let mut plan = Plan::new("test".into(), 1, target, vec![prompt], load);
    plan.timeouts.grace = Span::from_secs(10);
    plan
}

/// The endpoint of a scripted server.
pub(crate) fn endpoint(url: String) -> Endpoint {
    Endpoint {
        url,
        headers: Vec::new(),
        keys: Vec::new(),
        ca: None,
        insecure: false,
        codec: Codec::Chat,
        stream: true,
        method: "POST".into(),
        content_type: Some("application/json".into()),
        connection: Connection::default(),
        proxy_authorization: None,
    }
}

/// What a run left.
pub(crate) struct Left {
    /// Its records in order of index.
    pub(crate) records: Vec<Record>,
    /// Its journeys, in the order in which they ended.
    pub(crate) journeys: Vec<Journey>,
    /// How it ended.
    pub(crate) finished: Finished,
    /// The most requests that were in flight when it was looked at.
    pub(crate) most_in_flight: u64,
}

/// Runs a plan against a URL.
pub(crate) fn run(plan: Plan, endpoint: Endpoint) -> Result<Left, EngineError> {
    run_until(plan, endpoint, |_| 0)
}

/// Runs a plan, asking it to stop as often as `stops` says after each record.
pub(crate) fn run_until(
    plan: Plan,
    endpoint: Endpoint,
    stops: impl Fn(&Record) -> u32,
) -> Result<Left, EngineError> {
    run_on(1, plan, endpoint, stops)
}

/// The same with several workers.
pub(crate) fn run_on(
    workers: usize,
    plan: Plan,
    endpoint: Endpoint,
    stops: impl Fn(&Record) -> u32,
) -> Result<Left, EngineError> {
    run_of(Arc::new(Body), workers, plan, endpoint, stops)
}

/// The same with bodies of a test's own.
pub(crate) fn run_of(
    workload: Arc<dyn Workload>,
    workers: usize,
    plan: Plan,
    endpoint: Endpoint,
    stops: impl Fn(&Record) -> u32,
) -> Result<Left, EngineError> {
    drive((workload, None, Vec::new()), workers, plan, vec![endpoint], stops)
}

/// A run against several targets.
pub(crate) fn run_at(
    workload: Arc<dyn Workload>,
    plan: Plan,
    endpoints: Vec<Endpoint>,
) -> Result<Left, EngineError> {
    drive((workload, None, Vec::new()), 1, plan, endpoints, |_| 0)
}

/// A run of users who walk through a flow.
pub(crate) fn run_flow(script: Arc<dyn Script>, plan: Plan, endpoint: Endpoint) -> Result<Left, EngineError> {
    run_flow_read(script, Vec::new(), plan, endpoint)
}

/// The same, the answers to its requests of their own being read so, by the numbers of their steps.
pub(crate) fn run_flow_read(
    script: Arc<dyn Script>,
    formats: Formats,
    plan: Plan,
    endpoint: Endpoint,
) -> Result<Left, EngineError> {
    drive((Arc::new(Body), Some(script), vec![formats]), 1, plan, vec![endpoint], |_| 0)
}

type Formats = Vec<Option<Arc<Format>>>;

/// What is sent, what users do, and how the answers to their own requests are read.
type Played = (Arc<dyn Workload>, Option<Arc<dyn Script>>, Vec<Formats>);

fn drive(
    (workload, script, formats): Played,
    workers: usize,
    mut plan: Plan,
    endpoints: Vec<Endpoint>,
    stops: impl Fn(&Record) -> u32,
) -> Result<Left, EngineError> {
    plan.target.stream = endpoints.first().is_some_and(|endpoint| endpoint.stream);
    if let Some(first) = endpoints.first() {
        plan.target.connection = first.connection.clone();
    }
    let run = Run {
        tokenizer: Tokenizer::for_model("m"),
        plan: Arc::new(plan),
        endpoints,
        workloads: vec![workload],
        scripts: vec![script],
        formats,
        workers,
        id: "t".into(),
        provider: None,
    };
    let stop = Stop::default();
    let mut left = (Vec::new(), Vec::new(), None, 0);
    let events = &mut |event| match event {
        Some(RunEvent::Ended(record)) => {
            (0..stops(&record)).for_each(|_| stop.interrupt());
            left.0.push(*record);
        }
        Some(RunEvent::Finished(finished)) => left.2 = Some(finished),
        Some(RunEvent::Journey(journey)) => left.1.push(*journey),
        Some(RunEvent::Sampled(sample)) => left.3 = sample.in_flight.max(left.3),
        None => {}
    };
    run.prepare()?.start()?.drive(&stop, events)?;
    let (mut records, journeys, finished, most_in_flight) = left;
    records.sort_by_key(|r| r.i);
    let finished = finished.expect("a run ends with its Finished event");
    Ok(Left { records, journeys, finished, most_in_flight })
}

/// Runs so many requests of one user against a script.
pub(crate) fn run_script(requests: u64, script: impl Fn(usize, Peer) + Send + Sync + 'static) -> Vec<Record> {
    let port = server(script);
    run(plan(requests), endpoint(format!("http://127.0.0.1:{port}/v1"))).expect("it can be run").records
}
