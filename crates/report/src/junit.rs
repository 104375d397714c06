//! The objectives of a run as JUnit XML, which build servers read.
//!
//! One test case for each objective. A missed one is a failure. An undecided one is what the scenario says that it is:
//! an error where it makes the run invalid, since nothing was found out and a build must not go on as if it had been; a
//! failure where it counts as one; skipped where it is let pass.

use std::fmt::Write;

use floodline_core::objective::{Finding, Judged, Undecided};
use floodline_core::plan::Plan;
use floodline_core::summary::RunSummary;

use crate::format::GLUE;
use crate::journeys;
use crate::objectives::{Line, lines};

/// `junit.xml`; none for a run without objectives.
pub fn xml(plan: &Plan, summary: &RunSummary) -> Option<String> {
    if summary.objectives.is_empty() {
        return None;
    }
    let verdicts: Vec<Option<&str>> = summary.objectives.iter().map(|o| element(o, plan.undecided)).collect();
    let number = |name: &str| verdicts.iter().filter(|verdict| **verdict == Some(name)).count();
    let head = format!(
        "name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\"",
        escaped(&summary.name),
        verdicts.len(),
        number("failure"),
        number("error"),
        number("skipped"),
        summary.duration_s
    );
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<testsuites {head}>\n  <testsuite {head} timestamp=\"{}\">",
        escaped(&summary.started)
    );
    let _ = writeln!(out, "    <properties>");
    let _ = writeln!(out, "      <property name=\"verdict\" value=\"{}\"/>", summary.verdict.status.name());
    for (end, n) in summary.journeys.iter().flat_map(journeys::by_end) {
        let _ = writeln!(out, "      <property name=\"journeys.{}\" value=\"{n}\"/>", end.name());
    }
    let _ = writeln!(out, "    </properties>");
    for (line, verdict) in lines(summary).iter().zip(&verdicts) {
        let _ = write!(
            out,
            "    <testcase classname=\"{}\" name=\"{}\"",
            escaped(&summary.name),
            escaped(&line.text)
        );
        match verdict {
            None => out.push_str("/>\n"),
            Some(element) => {
                let message = escaped(&message(line));
                let kind = line.finding.name();
                let _ = match *element {
                    "skipped" => writeln!(out, ">\n      <skipped message=\"{message}\"/>\n    </testcase>"),
                    element => writeln!(
                        out,
                        ">\n      <{element} type=\"{kind}\" message=\"{message}\"/>\n    </testcase>"
                    ),
                };
            }
        }
    }
    if !summary.verdict.reasons.is_empty() {
        let _ =
            writeln!(out, "    <system-out>{}</system-out>", escaped(&summary.verdict.reasons.join("\n")));
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    Some(out)
}

/// The element that says how an objective came out; none where it is met.
fn element(judged: &Judged, undecided: Undecided) -> Option<&'static str> {
    match (judged.verdict, undecided) {
        (Finding::Met, _) => None,
        (Finding::Missed, _) | (Finding::Undecided, Undecided::Fail) => Some("failure"),
        (Finding::Undecided, Undecided::Invalid) => Some("error"),
        (Finding::Undecided, Undecided::Pass) => Some("skipped"),
    }
}

fn message(line: &Line) -> String {
    format!("{}: {}", line.value, line.said)
}

/// Text as XML has it, without what XML cannot have.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            GLUE => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => out.push(' '),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
