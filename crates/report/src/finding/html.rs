//! A finding as one HTML file without script and network.

use floodline_core::finding::Finding;
use floodline_core::limits::Limits;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use super::sentences::{facts, headline, not_met, short, used};
use super::yaml;

const TEMPLATE: &str = include_str!("page.html");

/// The page, with a `limits:` block that makes the simulated provider behave the same, if there is one.
pub fn page(finding: &Finding, limits: Option<&Limits>) -> String {
    let mut environment = Environment::empty();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the delimiters are the usual ones"));
    let page = Page {
        target: &finding.target,
        model: finding.model.as_deref(),
        headline: headline(finding),
        limits: finding
            .limits
            .iter()
            .map(|limit| Part { name: limit.dimension.name(), short: short(limit), facts: facts(limit) })
            .collect(),
        used: used(finding),
        not_met: not_met(finding),
        ended_early: finding.ended_early.as_deref(),
        yaml: limits.filter(|limits| !limits.limits.is_empty()).map(yaml::limits),
    };
    // The template is a constant without filters or calls, and every key it names is a field above.
    environment.render_str(TEMPLATE, Serde(page)).expect("the constant template renders every page")
}

#[derive(Serialize)]
struct Page<'f> {
    target: &'f str,
    model: Option<&'f str>,
    headline: String,
    limits: Vec<Part>,
    used: String,
    not_met: Option<String>,
    ended_early: Option<&'f str>,
    yaml: Option<String>,
}

#[derive(Serialize)]
struct Part {
    name: &'static str,
    short: String,
    facts: Vec<(&'static str, String)>,
}
