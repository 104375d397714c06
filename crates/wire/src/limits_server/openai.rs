//! OpenAI: durations as Go prints them, and messages that state the arithmetic.

use floodline_core::limits::{Dimension, Limits, Period, Reason, Standing};

use crate::server::{Dialect, Fault};

use super::clock::{go_duration, millis, seconds_from_one};
use super::{Fields, Told, by_the_minute, json};

/// Requests and tokens per minute; longer windows are not stated.
pub(super) fn state(limits: &Limits, standing: &Standing, fields: &mut Fields) {
    let kinds = [
        (
            Dimension::Requests,
            ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
        ),
        (
            Dimension::Tokens,
            ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
        ),
    ];
    let gauges = kinds
        .map(|(dimension, names)| by_the_minute(limits, standing, dimension).map(|gauge| (gauge, names)));
    for (gauge, [limit, ..]) in gauges.into_iter().flatten() {
        fields.add(limit, gauge.limit);
    }
    for (gauge, [_, remaining, _]) in gauges.into_iter().flatten() {
        fields.add(remaining, gauge.remaining.max(0));
    }
    for (gauge, [.., reset]) in gauges.into_iter().flatten() {
        fields.add(reset, go_duration(gauge.reset));
    }
}

pub(super) fn refuse(told: &Told<'_>, fields: &mut Fields) -> (u16, String) {
    let refusal = told.refusal;
    if refusal.reason == Reason::Quota {
        let message = "You exceeded your current quota, please check your plan and billing details. For more \
                       information on this error, read the docs: \
                       https://platform.openai.com/docs/guides/error-codes/api-errors.";
        let kind = "insufficient_quota";
        return (429, body(message, kind, kind));
    }
    if let Some(wait) = told.wait {
        fields.add("retry-after", seconds_from_one(wait));
        fields.add("retry-after-ms", millis(wait));
    }
    let (model, organisation) = (told.asked.model, &told.limits.organisation);
    let (limit, used, requested) = (refusal.limit_value, refusal.used, refusal.requested);
    let on = measure(refusal.dimension, refusal.per);
    let (start, figures, advice) = match refusal.reason {
        Reason::TooLarge => (
            "Request too large",
            format!("Limit {limit}, Requested {requested}."),
            " The input or output tokens must be reduced in order to run successfully.".to_owned(),
        ),
        _ => (
            "Rate limit reached",
            format!("Limit {limit}, Used {used}, Requested {requested}."),
            told.wait.map(|wait| format!(" Please try again in {}.", go_duration(wait))).unwrap_or_default(),
        ),
    };
    let message = format!(
        "{start} for {model} in organization {organisation} on {on}: {figures}{advice} \
         Visit https://platform.openai.com/account/rate-limits to learn more."
    );
    if let Some(body) = plain(told.asked.dialect, &message, told.asked.request_id) {
        return (429, body);
    }
    let kind = if refusal.dimension.is_tokens() { "tokens" } else { "requests" };
    (429, body(&message, kind, "rate_limit_exceeded"))
}

/// The body in the shape of an API that has one of its own and no words for limits; none of the others.
fn plain(dialect: Dialect, message: &str, request_id: &str) -> Option<String> {
    match dialect {
        Dialect::Ollama | Dialect::Tgi => {
            let body = Fault::new(dialect, 429, message).body(request_id);
            Some(String::from_utf8_lossy(&body).into_owned())
        }
        Dialect::OpenAi | Dialect::Azure | Dialect::Anthropic | Dialect::Gemini => None,
    }
}

fn body(message: &str, kind: &str, code: &str) -> String {
    let message = json(message);
    format!(r#"{{"error":{{"message":{message},"type":"{kind}","param":null,"code":"{code}"}}}}"#)
}

fn measure(dimension: Dimension, per: Period) -> String {
    let (what, letter) = match dimension {
        Dimension::Concurrency => return "concurrent requests".into(),
        Dimension::Requests => ("requests", "R"),
        Dimension::Tokens => ("tokens", "T"),
        Dimension::InputTokens => ("input tokens", "IT"),
        Dimension::OutputTokens => ("output tokens", "OT"),
    };
    match per {
        Period::Minute => format!("{what} per min ({letter}PM)"),
        Period::Hour => format!("{what} per hour ({letter}PH)"),
        Period::Day => format!("{what} per day ({letter}PD)"),
        Period::Month => format!("{what} per month"),
    }
}
