//! What trying again came to, and what refused, in words.

use std::collections::BTreeMap;

use floodline_core::outcome::Outcome;
use floodline_core::summary::{Retries, RunSummary};

use crate::format::{count, counted, one_line, three_digits, time};

/// What there is to say, each under its heading; nothing where every request was sent once and none was refused by a limit
/// that said its name.
pub(crate) fn facts(summary: &RunSummary) -> Vec<(&'static str, String)> {
    let retries = &summary.retries;
    let mut facts = Vec::new();
    if tried_again(retries) {
        facts.push(("attempts", attempts(retries)));
        facts.extend(waste(retries).map(|waste| ("waste", waste)));
    } else if summary.attempts > summary.requests.sent {
        let requests = counted(summary.requests.sent, "request");
        facts.push(("attempts", format!("{} for {requests}", count(summary.attempts))));
    }
    if tried_again(retries) || !retries.dimensions.is_empty() {
        facts.extend(refusals(retries).map(|refusals| ("refusals", refusals)));
    }
    for (name, of) in &summary.retries_by_target {
        let refusals = refusals(of).map_or_else(String::new, |refusals| format!(": {refusals}"));
        facts.push((
            "",
            format!(
                "at {}: {}, {} ok{refusals}",
                one_line(name, 40),
                counted(of.attempts, "attempt"),
                count(of.by_outcome.get(Outcome::Ok.name()).copied().unwrap_or(0))
            ),
        ));
    }
    facts
}

/// Whether there is more to say of attempts than of requests.
pub(crate) fn tried_again(retries: &Retries) -> bool {
    retries.attempts > retries.requests || retries.rejected > 0 || retries.put_off > 0
}

fn attempts(retries: &Retries) -> String {
    let each = retries.amplification.map_or_else(String::new, |n| format!(" ({} each)", three_digits(n)));
    let mut text = format!("{} for {}{each}", count(retries.attempts), counted(retries.requests, "request"));
    if retries.retried > 0 {
        let answered = match retries.recovered {
            0 => "none of them answered in the end".to_owned(),
            n if n == retries.retried => "all of them answered in the end".to_owned(),
            n => format!("{} of them answered in the end", count(n)),
        };
        text.push_str(&format!("; {} tried again, {answered}", count(retries.retried)));
    }
    if retries.cut > 0 {
        let waits = match retries.cut {
            1 => "1 wait for another was cut".to_owned(),
            n => format!("{} waits for another were cut", count(n)),
        };
        text.push_str(&format!("; {waits}"));
    }
    if retries.fallbacks > 0 {
        text.push_str(&format!("; {} at the fallback", count(retries.fallbacks)));
    }
    if retries.rejected > 0 {
        text.push_str(&format!("; {} not let out by throttle or breaker", count(retries.rejected)));
    }
    text
}

/// What was spent on attempts that came to nothing, and on waiting.
fn waste(retries: &Retries) -> Option<String> {
    let (input, output) = (retries.wasted_input_tokens, retries.wasted_output_tokens);
    let tokens = match (input, output) {
        (0, 0) => None,
        (input, 0) => Some(format!("{} input tokens sent for nothing", count(input))),
        (0, output) => Some(format!("{} output tokens received for nothing", count(output))),
        (input, output) => {
            Some(format!("{} input and {} output tokens for nothing", count(input), count(output)))
        }
    };
    let waited = (retries.waited_s > 0.0).then(|| {
        let each = match retries.put_off {
            0 => String::new(),
            1 => ", of one request".to_owned(),
            n => format!(", {} for each of {} requests", time(retries.waited_s * 1e3 / n as f64), count(n)),
        };
        format!("{} of waiting for another attempt{each}", time(retries.waited_s * 1e3))
    });
    let parts: Vec<String> = [tokens, waited].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Why attempts failed, and which limits said that it was they.
fn refusals(retries: &Retries) -> Option<String> {
    let listed = |counts: &BTreeMap<String, u64>| {
        let mut counts: Vec<(&String, &u64)> = counts.iter().collect();
        counts.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), name.as_str()));
        counts.into_iter().map(|(name, n)| format!("{name} {}", count(*n))).collect::<Vec<_>>().join(", ")
    };
    let by = match retries.dimensions.is_empty() {
        true => String::new(),
        false => format!("; by limit: {}", listed(&retries.dimensions)),
    };
    (!retries.refusals.is_empty()).then(|| format!("{}{by}", listed(&retries.refusals)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: waits that were all cut had no line, and others were shared out among requests that never waited.
    #[test]
    fn waits_are_told_whether_or_not_an_attempt_followed() {
        let cut =
            Retries { requests: 3, attempts: 3, waited_s: 6.0, put_off: 2, cut: 2, ..Retries::default() };
        assert!(tried_again(&cut));
        assert_eq!(attempts(&cut), "3 for 3 requests; 2 waits for another were cut");
        let said = waste(&cut);
        assert_eq!(
            said.as_deref(),
            Some("6.00\u{a0}s of waiting for another attempt, 3.00\u{a0}s for each of 2 requests")
        );
        let alone = Retries { put_off: 1, cut: 1, ..cut };
        assert_eq!(
            waste(&alone).as_deref(),
            Some("6.00\u{a0}s of waiting for another attempt, of one request")
        );
    }
}
