//! The official SDKs of OpenAI, Anthropic, Google and Ollama against the stub: they judge whether what it says is
//! what their APIs say. What they ask and expect is in `sdk/*.py`.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![cfg(unix)]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

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
