//! How much went through, in words: throughput, tokens, finish reasons, what it cost.

use floodline_core::summary::RunSummary;

use crate::format::{count, counted, fraction, maybe, one_line};
use crate::{retries, stated};

/// What there is to say, each under its heading of at most ten letters.
pub(crate) fn facts(summary: &RunSummary) -> Vec<(&'static str, String)> {
    let mut facts = vec![("throughput", throughput(summary)), ("tokens", tokens(summary))];
    facts.extend(summary.warnings.iter().map(|warning| ("warning", one_line(warning, 300))));
    if !summary.finish.is_empty() {
        let finish: Vec<String> =
            summary.finish.iter().map(|(name, n)| format!("{} {name}", count(*n))).collect();
        facts.push(("finish", finish.join(", ")));
    }
    if let Some(goodput) = summary.goodput {
        let share = fraction(goodput);
        let which = if summary.journeys.is_some() { "started" } else { "planned" };
        facts.push(("goodput", format!("{share} of the {which} requests met every latency objective")));
    }
    if let Some(spent) = &summary.cost.spent_usd {
        let reserved = summary.cost.reserved_max_usd.as_ref();
        let reserved = reserved
            .map_or_else(String::new, |most| format!(", at most ${} reserved at once", one_line(most, 40)));
        facts.push(("cost", format!("${}{reserved}", one_line(spent, 40))));
    }
    facts.extend(retries::facts(summary));
    if summary.reconnects > 0 {
        let connections = counted(summary.reconnects, "kept connection");
        facts.push((
            "reconnects",
            format!("{connections} closed by the server before an answer began, and replaced"),
        ));
    }
    for (i, line) in stated::lines(&summary.stated_limits).into_iter().enumerate() {
        facts.push((if i == 0 { "limits" } else { "" }, line));
    }
    facts
}

fn throughput(summary: &RunSummary) -> String {
    let t = &summary.throughput;
    let mut parts = vec![format!("{} requests/s", maybe(t.requests_per_s))];
    if summary.tokens.output.is_some() {
        parts.push(format!("{} output tokens/s", maybe(t.output_tokens_per_s)));
    }
    if summary.generator.events > 0 {
        parts.push(format!("{} events/s", maybe(t.events_per_s)));
    }
    parts.join(", ")
}

fn tokens(summary: &RunSummary) -> String {
    let tokens = &summary.tokens;
    let output = match tokens.output {
        Some(n) => format!("{} output ({})", count(n), source(&tokens.source)),
        None => "output not counted by anybody".into(),
    };
    format!("{} input, {output}", count(tokens.input))
}

/// Who counted the output tokens.
fn source(source: &str) -> String {
    match source {
        "usage" => "counted by the server".into(),
        "mixed" => "counted partly by the server, partly by a tokenizer".into(),
        other => match other.strip_prefix("tokenizer:") {
            Some(name) => format!("counted with the {} vocabulary", one_line(name, 40)),
            None => one_line(other, 60),
        },
    }
}
