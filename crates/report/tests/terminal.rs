//! What a person reads in a terminal, word for word.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing is to fail")]

mod fixtures;

use fixtures::Run;
use floodline_core::fold::Live;
use floodline_core::{Moment, Span};
use floodline_report::Style;
use floodline_report::terminal::{self, Progress};

const PLAIN: Style = Style { colour: false, width: 80, unicode: true };

fn summary(name: &str, style: Style) -> String {
    let (run, summary) = fixtures::named(name);
    terminal::summary(&run.plan, &run.info, summary, "runs/x-20260601-120000", style)
}

fn plan(run: &Run, style: Style) -> String {
    terminal::plan(&run.plan, &run.forecast(), Some((&run.info, "runs/x-20260601-120000")), style)
}

/// The text without what colours it.
fn uncoloured(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain + rest
}

#[test]
fn a_healthy_run() {
    insta::assert_snapshot!(summary("healthy", PLAIN));
}

#[test]
fn a_healthy_run_on_a_wide_screen() {
    insta::assert_snapshot!(summary("healthy", Style { width: 110, ..PLAIN }));
}

#[test]
fn a_small_run_says_what_it_cannot_know() {
    insta::assert_snapshot!(summary("small", PLAIN));
}

#[test]
fn a_run_with_many_kinds_of_errors() {
    insta::assert_snapshot!(summary("errors", PLAIN));
}

#[test]
fn an_invalid_run() {
    insta::assert_snapshot!(summary("invalid", PLAIN));
}

#[test]
fn an_interrupted_run() {
    insta::assert_snapshot!(summary("interrupted", PLAIN));
}

#[test]
fn a_killed_run() {
    insta::assert_snapshot!(summary("killed", PLAIN));
}

#[test]
fn a_run_with_nothing_ok() {
    insta::assert_snapshot!(summary("nothing-ok", PLAIN));
}

#[test]
fn a_run_of_answers_that_are_no_streams() {
    insta::assert_snapshot!(summary("unstreamed", PLAIN));
}

#[test]
fn a_capped_run_says_that_requests_were_held() {
    insta::assert_snapshot!(summary("capped", PLAIN));
}

#[test]
fn a_run_with_objectives_and_several_names() {
    insta::assert_snapshot!(summary("objectives", PLAIN));
}

#[test]
fn a_run_with_objectives_on_a_wide_screen_without_unicode() {
    insta::assert_snapshot!(summary("objectives", Style { width: 120, unicode: false, ..PLAIN }));
}

#[test]
fn a_run_whose_requests_were_tried_again() {
    insta::assert_snapshot!(summary("retries", PLAIN));
}

#[test]
fn retry_policies_side_by_side() {
    let rivals = fixtures::retries::rivals();
    let of = |width| floodline_report::rivals::text(&rivals, "runs/policies", Style { width, ..PLAIN });
    insta::assert_snapshot!([of(80), of(120)].join("\n"));
    let mut cut = rivals.clone();
    cut.runs.truncate(1);
    let said = floodline_report::rivals::text(&cut, "runs/policies", Style { width: 120, ..PLAIN });
    assert!(said.contains("Fewer than two policies were run"), "{said}");
}

#[test]
fn policies_that_answer_as_many_or_have_no_run() {
    let mut runs = fixtures::retries::rivals().runs;
    runs[2].ok = 998;
    let missing = ["aws", "fixed:1s"].map(String::from).to_vec();
    let of = |runs| floodline_core::rivals::Rivals::new("limited", 7, runs, missing.clone());
    let said = |runs| {
        let text = floodline_report::rivals::text(&of(runs), "runs/policies", PLAIN);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let text = said(runs.clone());
    for sentence in [
        "`honour_retry_after` and `openai-sdk` answered as many, 99.8 % of the requests; `honour_retry_after` with the fewest attempts: 1.05 attempts each",
        "`aws` and `fixed:1s` have no run that came to its end.",
    ] {
        assert!(text.contains(sentence), "{text}");
    }
    runs[2].attempts = runs[3].attempts;
    let text = said(runs);
    assert!(text.contains("; none with fewer attempts than `openai-sdk`: 1.24 attempts"), "{text}");
    let mut cut = fixtures::retries::rivals().runs;
    cut.iter_mut().skip(1).for_each(|run| run.exit_code = 130);
    let text = said(cut);
    assert!(text.contains("Only the run under `none` is valid") && !text.contains("answered most"), "{text}");
    let none = said(Vec::new());
    assert!(none.contains("Fewer than two policies were run") && none.contains("have no run"), "{none}");
}

#[test]
fn plans() {
    let all = fixtures::all().iter().map(|(_, run, _)| plan(run, PLAIN));
    let plans = all.chain(fixtures::plans().iter().map(|run| plan(run, PLAIN)).collect::<Vec<_>>());
    insta::assert_snapshot!(plans.collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_live_line() {
    let (run, _) = fixtures::named("healthy");
    let at = |s, length| Progress { elapsed: Span::from_secs(s), length };
    let line = |live: &Live, progress| terminal::live(live, progress, PLAIN);
    let nothing_yet = floodline_core::fold::Fold::default().live();
    let lines = [
        line(&nothing_yet, at(0, None)),
        line(&run.fold.live(), at(12, None)),
        line(&run.fold.live(), at(12, Some(Span::from_secs(600)))),
        line(&fixtures::named("errors").0.fold.live(), at(3_700, Some(Span::from_secs(7_200)))),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_live_line_never_wraps_and_its_figures_never_move() {
    let counts = [0, 7, 640, 9_999, 10_000, 123_456, 12_345_678];
    let rates = [0.0, 0.5, 9.999, 51.6, 999.7, 12_345.6, 3_000_000.0];
    let times =
        [None, Some(740), Some(51_200_000), Some(999_700_000), Some(61_000_000_000), Some(599_000_000_000)];
    for (i, &n) in counts.iter().enumerate() {
        for &ttft in &times {
            for length in [None, Some(Span::from_secs(600)), Some(Span::from_secs(90_000))] {
                let live = Live {
                    at: Moment::START,
                    in_flight: n,
                    waiting: 0,
                    requests_per_s: rates[i],
                    tokens_per_s: rates[rates.len() - 1 - i],
                    ended: n,
                    errors: n,
                    journeys: 0,
                    ttft_p50: ttft.map(|t| Span(t / 2)),
                    ttft_p99: ttft.map(Span),
                };
                let progress = Progress { elapsed: Span::from_secs(59), length };
                let line = terminal::live(&live, progress, PLAIN);
                assert!(line.chars().count() < 80, "{line}");
                assert!(!line.contains('\n'));
                let tokens = line.find(" tok/s").unwrap() - line.find(" in flight").unwrap();
                assert_eq!(tokens, " in flight 12345 req/s 12345".len(), "{line}");
            }
        }
    }
}

/// Journeys say more than tokens, and take their place where there is no room for both.
#[test]
fn the_live_line_of_journeys() {
    let (run, _) = fixtures::named("journeys");
    let progress = Progress { elapsed: Span::from_secs(12), length: Some(Span::from_secs(600)) };
    let line = |width| terminal::live(&run.fold.live(), progress, Style { width, ..PLAIN });
    insta::assert_snapshot!([line(120), line(80)].join("\n"));
}

#[test]
fn a_run_of_journeys() {
    insta::assert_snapshot!(summary("journeys", PLAIN));
}

#[test]
fn no_line_is_wider_than_the_screen() {
    for (name, run, _) in fixtures::all() {
        for width in [60, 72, 80, 100, 200] {
            for unicode in [true, false] {
                let style = Style { width, unicode, ..PLAIN };
                for line in plan(run, style).lines().chain(summary(name, style).lines()) {
                    assert!(line.chars().count() <= usize::from(width), "{name} in {width}: {line}");
                    assert!(unicode || line.is_ascii(), "{name}: {line}");
                    assert_eq!(line, line.trim_end(), "{name}");
                }
            }
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let coloured = Style { colour: true, ..PLAIN };
    for (name, run, _) in fixtures::all() {
        for (with, without) in
            [(plan(run, coloured), plan(run, PLAIN)), (summary(name, coloured), summary(name, PLAIN))]
        {
            assert!(with.contains("\x1b["), "{name}");
            let stripped: Vec<String> = uncoloured(&with).lines().map(|l| l.trim_end().to_owned()).collect();
            assert_eq!(stripped, without.lines().collect::<Vec<_>>(), "{name}");
        }
    }
}

/// A server's message carried an escape sequence; on the screen it must be text.
#[test]
fn a_doubt_about_a_figure_is_shown_beneath_the_tokens() {
    let (run, summary) = fixtures::named("healthy");
    let mut summary = summary.clone();
    summary.warnings = vec!["the server counts 4.1 % more output tokens than \u{1b}[2Jtokenizer:x".into()];
    let shown = terminal::summary(&run.plan, &run.info, &summary, "runs/x", PLAIN);
    let line = |of: &str| shown.lines().position(|line| line.trim_start().starts_with(of)).unwrap();
    assert_eq!(line("warning"), line("tokens") + 1, "{shown}");
    assert!(shown.contains("4.1 % more") && !shown.contains('\u{1b}'), "{shown}");
    let page = floodline_report::html::page(&run.plan, &run.info, &summary, &run.fold);
    assert!(page.contains("4.1 % more output tokens"));
}

#[test]
fn a_message_cannot_command_the_terminal() {
    assert!(!summary("errors", PLAIN).contains('\x1b'));
}
