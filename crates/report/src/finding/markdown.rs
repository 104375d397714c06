//! A finding as Markdown.

use floodline_core::finding::Finding;
use floodline_core::limits::Limits;

use super::sentences::{facts, headline, not_met, short, used};
use super::yaml;
use crate::format::one_line;

/// The page, with a `limits:` block that makes the simulated provider behave the same, if there is one.
pub fn markdown(finding: &Finding, limits: Option<&Limits>) -> String {
    let mut text = format!("# The limits of {}\n\n", plain(&finding.target));
    if let Some(model) = &finding.model {
        text += &format!("Model: {}\n\n", plain(model));
    }
    text += &format!("**{}**\n", headline(finding));
    for limit in &finding.limits {
        text += &format!("\n## {}: {}\n\n| | |\n|---|---|\n", limit.dimension.name(), short(limit));
        for (name, words) in facts(limit) {
            text += &format!("| {name} | {} |\n", plain(&words));
        }
    }
    text += "\n## How it was found\n\n";
    text += &format!("- Used: {}.\n", used(finding));
    if let Some(words) = not_met(finding) {
        text += &format!("- Not met: {words}.\n");
    }
    if let Some(why) = &finding.ended_early {
        text +=
            &format!("- It ended early: {}. What is not known is left open.\n", plain(&one_line(why, 300)));
    }
    if let Some(limits) = limits.filter(|limits| !limits.limits.is_empty()) {
        text += "\n## A simulated provider that behaves the same\n\n";
        text += "`floodline stub --like finding.json`, or in a scenario under `target: {stub: …}`:\n\n";
        text += &format!("```yaml\nlimits:\n{}```\n", indented(&yaml::limits(limits)));
    }
    text
}

/// Text that says nothing to Markdown.
fn plain(text: &str) -> String {
    text.chars().flat_map(|c| "|`*_<>".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
