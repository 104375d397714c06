//! The report as a browser gets it: well formed, self-contained, escaped, and saying what it should.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing is to fail")]

mod fixtures;

use floodline_report::{html, json};

fn page(name: &str) -> String {
    let (run, summary) = fixtures::named(name);
    html::page(&run.plan, &run.info, summary, &run.fold)
}

/// Elements that have no end.
const VOID: [&str; 3] = ["meta", "!doctype", "br"];

/// The tags of a page in order, each with the text before it.
fn tags(page: &str) -> Vec<(&str, &str)> {
    let mut rest = page;
    let mut all = Vec::new();
    while let Some((text, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').unwrap();
        all.push((text, tag));
        rest = after;
    }
    all
}

/// What is read on the page: its text, a line for each block; drawings are named only.
fn outline(page: &str) -> String {
    const BLOCKS: [&str; 11] =
        ["p", "h1", "h2", "h3", "tr", "div", "dd", "li", "figcaption", "footer", "section"];
    let (mut out, mut line, mut inside) = (String::new(), String::new(), None);
    let body = page.split_once("<body>").unwrap().1;
    for (text, tag) in tags(body) {
        if inside.is_none() {
            line.push_str(text.trim());
        }
        match tag.split(' ').next() {
            Some("svg") => inside = Some("svg"),
            Some("/svg") => {
                line.push_str("[chart]");
                inside = None;
            }
            Some(close) if close.strip_prefix('/').is_some_and(|name| BLOCKS.contains(&name)) => {
                let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
                if !words.is_empty() {
                    out.push_str(words.trim_start_matches("| "));
                    out.push('\n');
                }
                line.clear();
            }
            Some("td" | "th" | "dd") if inside.is_none() => line.push_str(" | "),
            _ => line.push(' '),
        }
    }
    out.replace('\u{a0}', " ")
}

#[test]
fn a_run_whose_requests_were_tried_again() {
    insta::assert_snapshot!(outline(&page("retries")));
}

#[test]
fn retry_policies_side_by_side() {
    let mut rivals = fixtures::retries::rivals();
    rivals.name = "<b>limited</b>".into();
    let page = floodline_report::rivals::page(&rivals);
    assert!(!page.contains("<b>") && page.contains("href=\"naive/report.html\""));
    insta::assert_snapshot!(outline(&page));
}

#[test]
fn a_healthy_run() {
    insta::assert_snapshot!(outline(&page("healthy")));
}

#[test]
fn a_run_with_many_kinds_of_errors() {
    insta::assert_snapshot!(outline(&page("errors")));
}

#[test]
fn a_run_with_nothing_ok() {
    insta::assert_snapshot!(outline(&page("nothing-ok")));
}

#[test]
fn a_run_with_objectives() {
    insta::assert_snapshot!(outline(&page("objectives")));
}

#[test]
fn a_run_of_journeys() {
    insta::assert_snapshot!(outline(&page("journeys")));
}

#[test]
fn every_page_is_well_formed() {
    for (name, ..) in fixtures::all() {
        let page = page(name);
        let mut open = Vec::new();
        for (_, tag) in tags(&page) {
            let element = tag.split([' ', '\n']).next().unwrap();
            match element.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed), "{name}"),
                None if tag.ends_with('/') || VOID.contains(&element) => {}
                None => open.push(element),
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
        assert!(!page.contains("NaN") && !page.contains("inf\""), "{name}");
    }
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    for (name, ..) in fixtures::all() {
        let page = page(name);
        for outside in ["<script", "<link", "<img", "<iframe", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "{name}: {outside}");
        }
    }
}

#[test]
fn what_a_server_said_stays_text() {
    let page = page("errors");
    assert!(page.contains("&lt;b&gt;internal&lt;"), "the message is there");
    assert!(!page.contains("<b>internal"));
    assert!(!page.contains('\u{1b}'));
}

#[test]
fn names_of_a_plan_stay_text() {
    let (run, summary) = fixtures::named("small");
    let (mut plan, mut summary) = (run.plan.clone(), summary.clone());
    summary.name = "</title><script>alert(1)</script>".into();
    plan.target.model = "<img src=x>".into();
    let page = html::page(&plan, &run.info, &summary, &run.fold);
    assert!(!page.contains("<script") && !page.contains("<img"));
}

#[test]
fn the_charts_are_there_and_warm_up_is_shaded() {
    let page = page("errors");
    assert_eq!(page.matches("<svg").count(), 8);
    assert_eq!(page.matches("class=\"shade\"").count(), 4);
}

#[test]
fn a_capped_run_says_so_and_its_cool_down_is_shaded_too() {
    let page = page("capped");
    assert_eq!(page.matches("class=\"shade\"").count(), 8);
    assert!(page.contains("Shaded: warm-up and cool-down, not in the figures."));
    assert!(page.contains("cap 8: ") && page.contains("the loop was closed by the cap"), "{page}");
    assert!(page.contains("the 3 requests of the warm-up and the 3 requests of the cool-down"));
}

#[test]
fn the_summary_for_programs_is_read_back_as_it_was() {
    for (name, _, summary) in fixtures::all() {
        let text = json::summary(summary);
        assert!(text.ends_with("}\n"), "{name}");
        assert_eq!(
            serde_json::from_str::<floodline_core::summary::RunSummary>(&text).unwrap(),
            *summary,
            "{name}"
        );
    }
}
