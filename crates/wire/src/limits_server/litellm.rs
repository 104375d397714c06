//! The LiteLLM proxy: fields that name whose limit it is, and a wait of a whole window.

use floodline_core::Span;
use floodline_core::limits::{Dimension, Limits, Reason, RetryAfter, Scope, Standing};

use super::clock::{seconds_from_one, utc};
use super::{Fields, Told, json};

pub(super) fn state(limits: &Limits, standing: &Standing, fields: &mut Fields) {
    for (limit, gauge) in limits.limits.iter().zip(standing.gauges()) {
        // Of windows, only those of a minute have such fields.
        if limit.quota || limit.per != Default::default() {
            continue;
        }
        let (descriptor, kind) = (descriptor(limit.scope), kind(limit.dimension));
        fields.add(format!("x-ratelimit-{descriptor}-remaining-{kind}"), gauge.remaining.max(0));
        fields.add(format!("x-ratelimit-{descriptor}-limit-{kind}"), gauge.limit);
    }
}

pub(super) fn refuse(told: &Told<'_>, fields: &mut Fields) -> (u16, String) {
    let (refusal, limits) = (told.refusal, told.limits);
    if refusal.reason == Reason::Quota {
        let message = format!(
            "Budget has been exceeded! Current cost: {}, Max budget: {}",
            refusal.used, refusal.limit_value
        );
        let message = json(&message);
        let body = format!(
            r#"{{"error":{{"message":{message},"type":"budget_exceeded","param":null,"code":"400"}}}}"#
        );
        return (400, body);
    }
    let scope = limits.limits.get(usize::from(refusal.limit)).map_or(Scope::Key, |limit| limit.scope);
    let (descriptor, kind) = (descriptor(scope), kind(refusal.dimension));
    let whose = match scope {
        Scope::Key => told.asked.key_name.to_owned(),
        Scope::Organisation => limits.organisation.to_string(),
        Scope::Model => told.asked.model.to_owned(),
        Scope::KeyAndModel => format!("{}:{}", told.asked.key_name, told.asked.model),
    };
    // It is told to wait for a whole window, whatever is left of it, and when the window really ends.
    let window = match limits.retry_after {
        RetryAfter::Exact => Some(refusal.window),
        RetryAfter::Absent => None,
        RetryAfter::Short | RetryAfter::Long => told.wait,
    };
    fields.add("rate_limit_type", kind);
    let mut resets = String::new();
    if let Some(window) = window {
        fields.add("retry-after", seconds_from_one(window));
        let reset = utc(told.asked.at + reset(told).unwrap_or(window));
        resets = format!(" Limit resets at: {reset}");
        fields.add("reset_at", reset);
    }
    let message = format!(
        "Rate limit exceeded for {descriptor}: {whose}. Limit type: {kind}. Current limit: {}, Remaining: 0.{resets}",
        refusal.limit_value
    );
    let message = json(&message);
    (429, format!(r#"{{"error":{{"message":{message},"type":"None","param":"None","code":"429"}}}}"#))
}

fn reset(told: &Told<'_>) -> Option<Span> {
    let gauge = told.standing.gauges().get(usize::from(told.refusal.limit))?;
    Some(gauge.reset).filter(|reset| *reset != Span::ZERO)
}

fn descriptor(scope: Scope) -> &'static str {
    match scope {
        Scope::Key => "api_key",
        Scope::Organisation => "team",
        Scope::Model => "model",
        Scope::KeyAndModel => "model_per_key",
    }
}

fn kind(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Requests => "requests",
        Dimension::Tokens | Dimension::InputTokens | Dimension::OutputTokens => "tokens",
        Dimension::Concurrency => "max_parallel_requests",
    }
}
