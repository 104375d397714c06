//! Where what is printed goes: a full disk is a failure, a reader that has gone away is none.
#![cfg(target_os = "linux")]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use std::fs::OpenOptions;
use std::process::Stdio;

use support::Desk;

/// Commands that print something, in an order in which each finds what it needs.
const PRINTING: [&[&str]; 6] = [
    &["run", "--url", "stub:", "--requests", "2", "--out", "there", "--json"],
    &["report", "there"],
    &["report", "there", "--json"],
    &["plan", "--url", "stub:"],
    &["plan", "--url", "stub:", "--json"],
    &["arrivals", "--url", "stub:", "--rate", "5", "--duration", "1s"],
];

/// Regression: all but `arrivals` said nothing when standard output was full, and ended as if they had printed.
#[test]
fn what_cannot_be_printed_is_said() {
    let desk = Desk::new();
    for args in PRINTING {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("it is there");
        let output = desk.command(args).stdout(Stdio::from(full)).output().expect("it starts");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.contains("error: cannot print: No space left on device"), "{args:?}: {err}");
    }
    assert!(desk.path("there/summary.json").exists());
}

#[test]
fn a_reader_that_has_gone_away_is_no_failure() {
    let desk = Desk::new();
    for args in PRINTING {
        let mut child =
            desk.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {err}");
    }
}
