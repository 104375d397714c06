//! The official SDKs of OpenAI, Anthropic, Google and Ollama against the stub: they judge whether what it says is
//! what their APIs say. What they ask and expect is in `sdk/*.py`.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![cfg(unix)]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use floodline_core::Moment;
use floodline_core::random::{Purpose, Stream};
use floodline_core::retry::{Failure, Next, Policy, Retry, Start, Waits};
use floodline_wire::error::{classify, parse_error};
use floodline_wire::limits::stated;
use floodline_wire::refusal::refusal;
use support::{Desk, Going};

#[test]
fn openais_sdk_is_content() {
    judge("openai_sdk.py");
}

#[test]
fn anthropics_sdk_is_content() {
    judge("anthropic_sdk.py");
}

#[test]
fn googles_sdk_is_content() {
    judge("gemini_sdk.py");
}

#[test]
fn ollamas_sdk_is_content() {
    judge("ollama_sdk.py");
}

/// Answers that refuse, and what the two SDKs make of each, held against the policies that are named after them: as many
/// attempts, and waits from the range that the policy draws from.
#[test]
fn the_policies_try_again_as_the_sdks_do() {
    const QUOTA: &str =
        r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    let cases: [Case; 17] = [
        (429, &[], "{}"),
        (429, &[("retry-after", "7")], "{}"),
        (429, &[("retry-after-ms", "1500"), ("retry-after", "2")], "{}"),
        (429, &[("retry-after", "0")], "{}"),
        (429, &[("retry-after", "60")], "{}"),
        (429, &[("retry-after", "100")], "{}"),
        (429, &[("retry-after", "121")], "{}"),
        (429, &[("retry-after", "121"), ("x-should-retry", "true")], "{}"),
        (429, &[("retry-after", "5000000")], "{}"),
        (429, &[("x-should-retry", "false")], "{}"),
        (429, &[], QUOTA),
        (400, &[], "{}"),
        (400, &[("x-should-retry", "true"), ("retry-after", "3")], "{}"),
        (408, &[], "{}"),
        (409, &[], "{}"),
        (503, &[("retry-after", "1")], "overloaded"),
        (529, &[], r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
    ];
    let told: Vec<serde_json::Value> = cases
        .iter()
        .map(|(status, fields, body)| {
            let fields: serde_json::Map<_, _> =
                fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
            serde_json::json!({ "status": status, "fields": fields, "body": body })
        })
        .collect();
    let mut command = Command::new(python());
    command.arg("-W").arg("ignore").arg(folder().join("tests/sdk/retries.py"));
    let said = run(command, &serde_json::to_string(&told).unwrap());
    let lines: Vec<Tried> = said.lines().map(Tried::read).collect();
    assert_eq!(lines.len(), 2 * cases.len(), "{said}");
    for (tried, case) in lines.iter().zip(cases.iter().chain(&cases)) {
        let waits = match tried.sdk.as_str() {
            "openai" => Waits::OpenAiSdk,
            _ => Waits::AnthropicSdk,
        };
        let ranges = ranges(&Policy::sdk(waits), *case);
        assert_eq!(tried.attempts, ranges.len() + 1, "{case:?}: {tried:?}, the policy waits {ranges:?}");
        for (wait, (low, high)) in tried.waits.iter().zip(&ranges) {
            let within = (low - 1e-3..=high + 1e-3).contains(wait);
            assert!(within, "{case:?}: {tried:?}, the policy waits {ranges:?}");
        }
    }
}

/// A refusal: status, header fields and body.
type Case = (u16, &'static [(&'static str, &'static str)], &'static str);

/// What an SDK made of a case.
#[derive(Debug)]
struct Tried {
    sdk: String,
    attempts: usize,
    /// In seconds.
    waits: Vec<f64>,
}

impl Tried {
    fn read(line: &str) -> Tried {
        let said: serde_json::Value = serde_json::from_str(line).unwrap();
        Tried {
            sdk: said["sdk"].as_str().unwrap().into(),
            attempts: said["attempts"].as_u64().unwrap() as usize,
            waits: said["waits"].as_array().unwrap().iter().map(|wait| wait.as_f64().unwrap()).collect(),
        }
    }
}

/// The shortest and the longest wait before each retry that a policy draws, in seconds.
fn ranges(policy: &Policy, (status, fields, body): Case) -> Vec<(f64, f64)> {
    let stated = stated(fields.iter().map(|(name, value)| (*name, value.as_bytes())));
    let error = parse_error(body.as_bytes());
    let refusal = refusal(classify(status, &error), Some(status), Some(&error)).unwrap();
    let failure = Failure::new(refusal, Some(status), stated.as_ref());
    let retry = Retry::new(policy);
    let mut ranges: Vec<(f64, f64)> = Vec::new();
    for seed in 0..2_000 {
        let mut stream = Stream::new(seed, Purpose::Retries, 0);
        let (mut shared, mut trying) = (retry.shared(), retry.begin(Moment::START, false));
        for nth in 0.. {
            assert_eq!(retry.before(&mut trying, &mut shared, Moment::START, &mut stream), Start::Go);
            let Next::Wait(wait) =
                retry.after(&mut trying, &mut shared, &failure, Moment::START, &mut stream)
            else {
                break;
            };
            let wait = wait.as_secs_f64();
            match ranges.get_mut(nth) {
                None => ranges.push((wait, wait)),
                Some((low, high)) => (*low, *high) = (low.min(wait), high.max(wait)),
            }
        }
    }
    ranges
}

/// What a program says to what it is told.
fn run(mut command: Command, told: &str) -> String {
    use std::io::Write;
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name);
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(told.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "it failed, see above");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// One provider for each way in which a limit is told. An hour is long enough that none refills meanwhile; but the last
/// one has room again at once.
const LIMITED: &str = "
providers:
  - {path: /of-openai, limits: {preset: openai, rpm: 2, window: 1h, scope: key}}
  - {path: /of-anthropic, limits: {preset: anthropic, rpm: 2, window: 1h}}
  - {path: /of-azure, limits: {preset: azure-ptu, rpm: off, tpm: 100, window: 1h}}
  - {path: /of-gemini, limits: {preset: gemini, rpm: 2, rpd: off, window: 1h}}
  - {path: /of-apim, limits: {preset: apim, tpm: off, estimate: false, quota: 5, quota_per: day}}
  - {path: /of-any, limits: {rpm: 1, window: 1h}}
  - {path: /soon, limits: {rpm: 1, window: 300ms}}
";

/// Runs a script against four stubs: one that answers anyone, one that wants a key and knows one model, one that thinks
/// first, and one that limits.
fn judge(script: &str) {
    let python = python();
    let desk = Desk::new();
    let (_open, open) = stub(&desk, &[]);
    let (_strict, strict) = stub(&desk, &["--key", "sk-right", "--models", "m"]);
    let (_thinking, thinking) = stub(&desk, &["--reasoning", "5"]);
    desk.file("limited.yaml", LIMITED);
    let (_limited, limited) = stub(&desk, &["--config", "limited.yaml"]);
    let mut command = Command::new(python);
    command.arg("-W").arg("ignore").arg(folder().join("tests/sdk").join(script));
    // Nothing of the environment may lead the SDKs anywhere else.
    for name in ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_API_KEY", "GEMINI_API_KEY", "OLLAMA_HOST"] {
        command.env_remove(name);
    }
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name);
    }
    command
        .env("STUB_OPEN", open)
        .env("STUB_STRICT", strict)
        .env("STUB_THINKING", thinking)
        .env("STUB_LIMITED", limited);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", said(&output.stdout), said(&output.stderr));
}

/// A stub on a port of its own, and its address.
fn stub(desk: &Desk, options: &[&str]) -> (Going, String) {
    let mut going = desk.start(&[&["stub", "--port", "0"], options].concat());
    let line = going.out.by_ref().map_while(Result::ok).find(|line| line.contains("base URL"));
    let line = line.expect("it says where it listens");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
    let address = format!("http://{}", address.expect("an address"));
    (going, address)
}

/// The Python that has the SDKs; `./test` makes it.
fn python() -> PathBuf {
    let usual = || folder().join("../../target/sdk/bin/python");
    let python = std::env::var_os("FLOODLINE_SDK_PYTHON").map_or_else(usual, PathBuf::from);
    assert!(
        python.exists(),
        "{} is missing: run ./test, which installs the SDKs, or let FLOODLINE_SDK_PYTHON name a Python that has what \
         crates/cli/tests/sdk/requirements.txt lists",
        python.display()
    );
    python
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What goes wrong, by the name of the model that is asked for.
const FAULTY: [&str; 13] = [
    "status 500 model down",
    "status 529 retry_after 1s model busy",
    "status 500 model flaky nth 1,2",
    "status 503 model flaky-too nth 1,2",
    "error overloaded after 3 tokens model broken",
    "end_early after 3 tokens model short",
    "disconnect close after 3 tokens model gone",
    "length 3 model cut",
    "malformed after 3 tokens model garbled",
    "content_type text/html model page",
    "disconnect after 0 tokens model refused",
    "timeout model mute",
    "stall after 3 tokens model stalled",
];

#[test]
fn faults_are_to_the_sdks_what_they_say() {
    let python = python();
    let desk = Desk::new();
    let options: Vec<&str> = FAULTY.iter().flat_map(|fault| ["--fault", *fault]).collect();
    let (_faulty, faulty) = stub(&desk, &options);
    let mut command = Command::new(python);
    command.arg("-W").arg("ignore").arg(folder().join("tests/sdk/faults_sdk.py"));
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name);
    }
    // The judge knows the others by name; here there is one.
    for name in ["STUB_FAULTY", "STUB_OPEN", "STUB_STRICT", "STUB_THINKING", "STUB_LIMITED"] {
        command.env(name, &faulty);
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", said(&output.stdout), said(&output.stderr));
}
