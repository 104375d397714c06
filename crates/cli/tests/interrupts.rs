//! Ctrl-C once and twice, SIGTERM, and `kill -9` in mid-run: each leaves a run that can be read.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![cfg(unix)]

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use floodline_core::RunEvent;
use floodline_store::StoredRun;
use rustix::process::Signal;
use support::{Desk, Going, Peer, base, good, server};

/// A run of one user whose first three requests are answered at once, and the fourth when the test says so.
struct Held {
    desk: Desk,
    going: Going,
    /// Lets the answer go.
    release: Sender<()>,
    /// Says that the request has come.
    arrived: Receiver<()>,
}

const ANSWERED: u64 = 3;

impl Held {
    fn run() -> Held {
        Held::run_with(&[])
    }

    fn run_with(options: &[&str]) -> Held {
        let (release, released) = channel();
        let (arrives, arrived) = channel();
        let ends = Mutex::new(Some((arrives, released)));
        let port = server(move |_, mut peer: Peer| {
            for n in 0.. {
                if peer.request().is_none() {
                    return;
                }
                let held = ends.lock().unwrap().take_if(|_| n == ANSWERED);
                if let Some((arrives, released)) = held {
                    let _ = arrives.send(());
                    let _ = released.recv();
                }
                peer.say(good());
            }
        });
        let desk = Desk::new();
        let url = base(port);
        let args = ["run", "--url", &url, "--model", "m", "--duration", "60s", "--out", "r"];
        let going = desk.start(&[&args, options].concat());
        Held { desk, going, release, arrived }
    }

    fn wait_until_held(&self) {
        self.arrived.recv_timeout(Duration::from_secs(20)).expect("the held request comes");
    }
}

/// Regression: a signal right after the plan was shown killed the run and left half a folder.
#[test]
fn a_signal_before_the_first_request_leaves_a_run_too() {
    let desk = Desk::new();
    let url = base(server(|_, mut peer: Peer| while peer.request().is_some() {}));
    let args = ["run", "--url", &url, "--model", "m", "--rate", "1/s", "--warmup", "60s", "--out", "r"];
    let mut going = desk.start(&args);
    assert!(going.out.next().is_some_and(|line| line.is_ok_and(|line| line.starts_with("run "))));
    going.signal(Signal::INT);
    going.signal(Signal::TERM);
    let said = going.end();
    assert_eq!(said.code, 130, "{said:?}");
    assert_eq!(desk.floodline(&["report", "r"]).code, 0);
}

fn one_signal_waits(signal: Signal) {
    let mut held = Held::run();
    held.wait_until_held();
    held.going.signal(signal);
    held.going.wait_for_note("ending: waiting for the requests in flight (Ctrl-C again gives them up)");
    held.release.send(()).unwrap();
    let said = held.going.end();
    assert_eq!(said.code, 130, "{said:?}");
    // Not one was given up; how many there were until the signal reached the users is open.
    assert!(said.summary().contains("\n            All "), "{said:?}");
    assert!(said.out.contains("interrupted; requests in flight were waited for"), "{said:?}");
    assert_eq!(held.desk.floodline(&["report", "r"]).out, said.summary());
}

#[test]
fn ctrl_c_waits_for_what_is_in_flight() {
    one_signal_waits(Signal::INT);
}

#[test]
fn sigterm_is_as_good_as_ctrl_c() {
    one_signal_waits(Signal::TERM);
}

#[test]
fn ctrl_c_twice_gives_up_what_is_in_flight() {
    let mut held = Held::run();
    held.wait_until_held();
    held.going.signal(Signal::INT);
    held.going.wait_for_note("ending: waiting");
    held.going.signal(Signal::INT);
    held.going.wait_for_note("ending now");
    let said = held.going.end();
    assert_eq!(said.code, 130, "{said:?}");
    assert!(said.out.contains("3 of 4 requests were ok"), "{said:?}");
    assert!(said.out.contains("interrupted twice; requests in flight were given up"), "{said:?}");
    assert_eq!(held.desk.floodline(&["report", "r"]).out, said.summary());
}

#[test]
fn an_interrupt_during_the_warm_up_leaves_a_run_without_figures() {
    let mut held = Held::run_with(&["--warmup", "60s"]);
    held.wait_until_held();
    held.going.signal(Signal::INT);
    held.going.wait_for_note("ending: waiting");
    held.release.send(()).unwrap();
    let said = held.going.end();
    assert_eq!(said.code, 130, "{said:?}");
    assert!(said.out.contains("The measured phase had no requests"), "{said:?}");
}

/// Regression: a report on a run that went on called it killed, and its files were kept for good.
#[test]
fn a_report_on_a_run_that_goes_on_says_so_and_writes_nothing() {
    let held = Held::run();
    held.wait_until_held();
    wait_for_records(&held.desk, ANSWERED);
    let said = held.desk.floodline(&["report", "r"]);
    assert!(said.out.contains("The run is still going on; this is what it has recorded so far."), "{said:?}");
    assert!(!held.desk.path("r/summary.json").exists());

    held.going.signal(Signal::KILL);
    held.going.end();
    let said = held.desk.floodline(&["report", "r"]);
    assert!(said.out.contains("The run was killed"), "{said:?}");
    assert!(held.desk.path("r/summary.json").exists());
}

#[test]
fn a_killed_run_is_reported_as_far_as_it_was_recorded() {
    let held = Held::run();
    held.wait_until_held();
    wait_for_records(&held.desk, ANSWERED);
    held.going.signal(Signal::KILL);
    assert_eq!(held.going.end().code, -1);
    assert!(!held.desk.path("r/summary.json").exists());

    let said = held.desk.floodline(&["report", "r"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with("STOPPED "), "{said:?}");
    assert!(said.out.contains("The run was killed; this is what it had recorded until then."), "{said:?}");
    assert!(said.out.contains("outcomes    ok  3"), "{said:?}");
    // What the run could not write any more is there now, and says the same.
    for file in ["summary.json", "report.html", "timeline.json", "histograms/ttft.hdr"] {
        assert!(held.desk.path("r").join(file).exists(), "{file}");
    }
    assert_eq!(held.desk.floodline(&["report", "r"]).out, said.out);
    let json = held.desk.floodline(&["report", "r", "--json"]).json();
    let written = std::fs::read(held.desk.path("r/summary.json")).unwrap();
    assert_eq!(json, serde_json::from_slice::<serde_json::Value>(&written).unwrap());
    assert_eq!(json["requests"]["ok"], 3);
}

/// Records are in the journal at most 200 ms after their requests ended, whatever happens then.
fn wait_for_records(desk: &Desk, wanted: u64) {
    for _ in 0..1_000 {
        let recorded = StoredRun::open(&desk.path("r")).and_then(|run| {
            let mut records = 0;
            run.replay(|event| records += u64::from(matches!(event, RunEvent::Ended(_))))?;
            Ok(records)
        });
        if recorded.is_ok_and(|records| records >= wanted) {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("the records never came");
}
