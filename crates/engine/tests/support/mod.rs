//! A server that says exactly what a test tells it to, byte by byte, and a run against it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use floodline_core::event::Finished;
use floodline_core::plan::{Address, Api, Load, Plan, Prompt, Target, UserStage};
use floodline_core::workload::{Rendered, Workload};
use floodline_core::{Phase, Record, RunEvent, Span};
use floodline_engine::{Endpoint, EngineError, Run, Stop};

/// The head of a stream.
pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// One HTTP chunk.
pub(crate) fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// An event that carries a token, as one chunk.
pub(crate) fn token(text: &str) -> String {
    chunk(&format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
    ))
}

/// The event with the finish reason, as one chunk.
pub(crate) fn finish() -> String {
    chunk("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")
}

/// The end mark and the end of the body.
pub(crate) fn done() -> String {
    chunk("data: [DONE]\n\n") + "0\r\n\r\n"
}

/// A connection as a script sees it.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    /// Reads one whole request; none if the client has closed.
    pub(crate) fn request(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        let mut one = [0u8; 1];
        while !bytes.ends_with(b"\r\n\r\n") {
            if self.0.read(&mut one).ok()? == 0 {
                return None;
            }
            bytes.push(one[0]);
        }
        let head = String::from_utf8_lossy(&bytes).into_owned();
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        Some(head + &String::from_utf8_lossy(&body))
    }

    /// Says something.
    pub(crate) fn say(&mut self, text: impl AsRef<[u8]>) {
        let _ = self.0.write_all(text.as_ref());
    }

    /// Waits until the client closes.
    pub(crate) fn wait_for_close(&mut self) {
        let _ = self.0.read(&mut [0u8; 1]);
    }
}

/// A server that hands each connection, in order of arrival, to `script` with its number. The engine's
/// look at the target before a run is answered and not counted.
pub(crate) fn server(script: impl Fn(usize, Peer) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let script = Arc::new(script);
    std::thread::spawn(move || {
        let mut number = 0;
        for stream in listener.incoming().flatten() {
            // A safety net only: no test waits this long.
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a valid time");
            let mut first = [0u8; 1];
            if stream.peek(&mut first).is_ok_and(|n| n == 0) {
                continue;
            }
            let script = script.clone();
            std::thread::spawn(move || script(number, Peer(stream)));
            number += 1;
        }
    });
    port
}

struct Body;

impl Workload for Body {
    fn render(&self, i: u64, body: &mut Vec<u8>) -> Rendered {
        body.clear();
        body.extend_from_slice(format!("{{\"i\":{i}}}").as_bytes());
        Rendered { prompt: 0, input_tokens: Some(3) }
    }
}

/// A plan of one user and so many requests, with short limits.
pub(crate) fn plan(requests: u64) -> Plan {
    let target = Target {
        api: Api::OpenAiChat,
        address: Address::Url(String::new()),
        model: "m".into(),
        key_env: None,
        headers: Vec::new(),
        stream: true,
        max_tokens_field: "max_tokens".into(),
        body: Default::default(),
        ca_file: None,
        insecure: false,
    };
    let prompt = Prompt { name: "p".into(), weight: 1, source: "test".into(), max_tokens: None };
    let stage = UserStage { users: 1, length: None, phase: Phase::Main };
    let load = Load::Closed { stages: vec![stage], requests: Some(requests) };
    let mut plan = Plan::new("test".into(), 1, target, vec![prompt], load);
    plan.timeouts.grace = Span::from_secs(10);
    plan
}

/// The endpoint of a scripted server.
pub(crate) fn endpoint(url: String) -> Endpoint {
    Endpoint { url, headers: Vec::new(), ca: None, insecure: false, stream: true, model: "m".into() }
}

/// What a run left.
pub(crate) struct Left {
    /// Its records in order of index.
    pub(crate) records: Vec<Record>,
    /// How it ended.
    pub(crate) finished: Finished,
}

/// Runs a plan against a URL.
pub(crate) fn run(plan: Plan, endpoint: Endpoint) -> Result<Left, EngineError> {
    run_until(plan, endpoint, |_| 0)
}

/// Runs a plan, asking it to stop as often as `stops` says after each record.
pub(crate) fn run_until(
    mut plan: Plan,
    endpoint: Endpoint,
    stops: impl Fn(&Record) -> u32,
) -> Result<Left, EngineError> {
    plan.target.stream = endpoint.stream;
    let run = Run {
        plan: Arc::new(plan),
        endpoint,
        workload: Arc::new(Body),
        workers: 1,
        id: "t".into(),
        provider: None,
    };
    let stop = Stop::default();
    let mut left = (Vec::new(), None);
    run.prepare()?.start()?.drive(&stop, &mut |event| match event {
        Some(RunEvent::Ended(record)) => {
            (0..stops(&record)).for_each(|_| stop.interrupt());
            left.0.push(*record);
        }
        Some(RunEvent::Finished(finished)) => left.1 = Some(finished),
        Some(RunEvent::Sampled(_)) | None => {}
    });
    let (mut records, finished) = left;
    records.sort_by_key(|r| r.i);
    Ok(Left { records, finished: finished.expect("a run ends with its Finished event") })
}

/// Runs so many requests of one user against a script.
pub(crate) fn run_script(requests: u64, script: impl Fn(usize, Peer) + Send + Sync + 'static) -> Vec<Record> {
    let port = server(script);
    run(plan(requests), endpoint(format!("http://127.0.0.1:{port}/v1"))).expect("it can be run").records
}
