//! A search for a ceiling, word for word: what is asked, the line that is watched, each trial, the answer, and the page.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing is to fail")]

use floodline_core::ceiling::{
    Bound, By, Ceiling, Depth, Disagreement, FORMAT, Headroom, Knee, Status, Times, Tried, Verdict,
};
use floodline_core::plan::{Address, Load, Plan, Stub, StubPace, Target};
use floodline_core::retry::Dimension;
use floodline_core::schedule::Stage;
use floodline_core::{Objective, Outcome, Rate, Span, Usd};
use floodline_report::terminal::{self, Asked, Searching};
use floodline_report::{Style, html, json};

const PLAIN: Style = Style { colour: false, width: 80, unicode: true };

fn plan() -> Plan {
    let stub = Stub::new(StubPace::Profile("8b-h100".into()));
    let target = Target::new(Address::Stub(stub), "m");
    let load = Load::Open { stages: vec![Stage::hold(Rate::per_second(1), None)], requests: None };
    Plan::new("support <chat>".into(), 7, target, Vec::new(), load)
}

fn tried(number: u32, load: f64, verdict: Verdict, bound: Option<Bound>) -> Tried {
    let refused = if verdict == Verdict::Failed { 12 } else { 0 };
    let times = |ms: f64| Times { count: 600, p50: Some(ms), p95: Some(ms * 1.6), p99: Some(ms * 2.2) };
    Tried {
        number,
        by: By::Rate,
        load,
        depth: if number < 4 { Depth::Glance } else { Depth::Full },
        verdict,
        sure: number != 5,
        bound,
        seconds: 30.1,
        steady_from_s: Some(0.4),
        flooded: number > 3,
        requests: 600,
        ok: 600 - refused,
        refused,
        failed: 0,
        goodput: Some(0.987),
        ok_per_s: Some(load * 0.98),
        ttft: times(40.0 + load),
        latency: times(900.0 + 10.0 * load),
        spent_usd: Some(Usd::parse("0.0125").unwrap()),
        cut: None,
    }
}

fn limit() -> Option<Bound> {
    Some(Bound::Limit { outcome: Outcome::RateLimited, dimension: Some(Dimension::Rpm), share: 0.0213 })
}

fn found() -> Ceiling {
    let trials = vec![
        tried(1, 5.0, Verdict::Passed, None),
        tried(2, 20.0, Verdict::Passed, None),
        tried(3, 40.0, Verdict::Failed, limit()),
        tried(4, 8.223, Verdict::Passed, None),
        tried(5, 8.223, Verdict::Passed, None),
        tried(6, 8.447, Verdict::Failed, limit()),
    ];
    Ceiling {
        format: FORMAT.into(),
        status: Status::Found,
        unit: By::Rate.unit().into(),
        value: Some(8.223),
        interval: (Some(8.223), Some(8.447)),
        bound_by: limit(),
        stopped: None,
        confirmed: true,
        resolution: 0.03,
        objectives: vec!["ttft p95 < 500ms".into(), "errors rate < 1%".into()],
        assumed: Some("errors rate < 1%".into()),
        left_out: Vec::new(),
        headroom: Some(Headroom { need: 4.0, times: 2.05575, met: true }),
        knee: Some(Knee { load: 8.223, method: "highest power".into() }),
        disagreements: vec![Disagreement { load: 8.1, passed: 2, failed: 1 }],
        longest_trial_s: 30.1,
        spent_usd: Some(Usd::parse("0.075").unwrap()),
        took_s: 227.0,
        trials,
    }
}

/// The same where the load that failed could not be judged.
fn invalid(bound: Bound) -> Ceiling {
    let mut invalid = Ceiling {
        status: Status::Invalid,
        bound_by: Some(bound.clone()),
        interval: (Some(8.223), None),
        headroom: None,
        ..found()
    };
    *invalid.trials.last_mut().unwrap() = tried(6, 8.447, Verdict::Invalid, Some(bound));
    invalid
}

/// The answer on the screen.
fn shown(ceiling: &Ceiling, style: Style) -> String {
    terminal::ceiling(ceiling, "support <chat>", "runs/c", style)
}

#[test]
fn an_answer() {
    insta::assert_snapshot!(shown(&found(), PLAIN));
}

#[test]
fn an_answer_fits_any_screen() {
    for width in [60, 72, 80, 100, 120] {
        let style = Style { width, unicode: false, ..PLAIN };
        let text = shown(&found(), style);
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(width)), "{width}:\n{text}");
        assert!(text.is_ascii(), "{text}");
    }
}

#[test]
fn every_other_end() {
    let found = found();
    let generator = Bound::Generator { reason: "generator_late: requests left late (p99 21 ms)".into() };
    let backlog = Bound::Backlog { grows_per_s: 3.38 };
    let objective =
        Bound::Objective { text: "ttft p95 < 500ms".into(), missed: Some(0.12), allowed: Some(0.05) };
    let ends = [
        Ceiling { status: Status::Unbounded, bound_by: None, interval: (Some(8.223), None), ..found.clone() },
        Ceiling { status: Status::Nothing, value: None, bound_by: Some(objective), ..found.clone() },
        invalid(generator),
        invalid(Bound::Silence { seconds: 30.0 }),
        Ceiling { value: None, interval: (None, None), ..invalid(Bound::Silence { seconds: 30.0 }) },
        Ceiling { bound_by: Some(backlog), ..found.clone() },
        Ceiling {
            status: Status::Stopped,
            stopped: Some("all trials together had cost $5.00".into()),
            confirmed: false,
            ..found.clone()
        },
        Ceiling { headroom: Some(Headroom { need: 20.0, times: 0.41115, met: false }), ..found.clone() },
    ];
    let heads = ends.iter().map(|end| {
        let text = shown(end, PLAIN);
        let head: Vec<&str> =
            text.trim_start().lines().take_while(|line| !line.starts_with("knee")).collect();
        format!("{} (exit {})\n", head.join("\n"), end.exit_code())
    });
    insta::assert_snapshot!(heads.collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_is_asked_and_what_is_watched() {
    let objectives =
        ["ttft p95 < 500ms", "errors rate < 1%"].map(|text| Objective::parse(text, None).unwrap());
    let asked = Asked {
        by: By::Rate,
        from: Some(5.0),
        to: None,
        need: Some(20.0),
        objectives: &objectives,
        assumed: Some(&objectives[1]),
        folder: "runs/c",
    };
    let mut text = terminal::asked(&plan(), &asked, PLAIN);
    for trial in found().trials {
        text += &terminal::tried(&trial, PLAIN);
    }
    let users = Tried { by: By::Users, load: 64.0, ..tried(7, 64.0, Verdict::Passed, None) };
    text += &terminal::tried(&users, PLAIN);
    let now = Searching {
        number: 4,
        by: By::Rate,
        load: 8.223,
        held: Some(Span::from_secs(12)),
        ok: 98,
        refused: 1,
        other: 0,
        bracket: (Some(5.0), Some(40.0)),
    };
    text += &terminal::searching(&now, PLAIN);
    text += "\n";
    text += &terminal::searching(&Searching { held: None, bracket: (None, None), ..now }, PLAIN);
    insta::assert_snapshot!(text);
    for width in [20, 40, 79] {
        let line = terminal::searching(&now, Style { width, ..PLAIN });
        assert!(line.chars().count() < usize::from(width), "{line}");
    }
}

#[test]
fn the_page_is_self_contained_escaped_and_says_the_same() {
    let page = html::ceiling(&found(), &plan(), "2026-06-01T12:00:00.123+02:00");
    assert!(page.contains("support &lt;chat&gt;") && !page.contains("<chat>"), "{page}");
    assert!(page.contains("its rate limiter (rpm) refuses 2.1\u{a0}% of the requests"), "{page}");
    assert_eq!(page.matches("<svg").count(), 4);
    for outside in ["<script", "http://", "https://", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<tr").count(), 1 + 5, "a heading and five loads");
}

#[test]
fn the_file_reads_back() {
    let read: Ceiling = serde_json::from_str(&json::ceiling(&found())).unwrap();
    assert_eq!(read, found());
}
