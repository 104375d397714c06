//! Google Gemini: no header fields; the body names the quota and says when to come back.

use floodline_core::Span;
use floodline_core::limits::{Dimension, Period, Reason};
use serde_json::{Value, json};

use super::Told;
use super::clock::seconds_from_one;

pub(super) fn refuse(told: &Told<'_>) -> (u16, Value) {
    let refusal = told.refusal;
    if refusal.reason == Reason::Quota {
        // How a budget's end is told is not documented; the status is that of other Google services.
        let message = "The billing quota of this project is exceeded. Check its budget.";
        return (403, json!({"error": {"code": 403, "message": message, "status": "PERMISSION_DENIED"}}));
    }
    let (metric, counted) = match refusal.dimension {
        Dimension::Requests | Dimension::Concurrency => ("requests", "Requests"),
        Dimension::InputTokens => ("input_token_count", "ContentInputTokens"),
        Dimension::OutputTokens => ("output_token_count", "ContentOutputTokens"),
        Dimension::Tokens => ("token_count", "ContentTokens"),
    };
    let per = match refusal.per {
        Period::Minute => "PerMinute",
        Period::Hour => "PerHour",
        Period::Day => "PerDay",
        Period::Month => "PerMonth",
    };
    let quota_id = match refusal.dimension {
        Dimension::Requests => format!("Generate{counted}{per}PerProjectPerModel-FreeTier"),
        Dimension::Concurrency => "GenerateConcurrentRequestsPerProjectPerModel-FreeTier".to_owned(),
        _ => format!("Generate{counted}PerModel{per}-FreeTier"),
    };
    let violation = json!({
        "quotaMetric": format!("generativelanguage.googleapis.com/generate_content_free_tier_{metric}"),
        "quotaId": quota_id,
        "quotaDimensions": {"location": "global", "model": told.asked.model},
        "quotaValue": refusal.limit_value.to_string(),
    });
    let mut details = vec![
        json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}),
        json!({
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [{
                "description": "Learn more about Gemini API quotas",
                "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
            }],
        }),
    ];
    if let Some(wait) = told.wait {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}s", seconds_from_one(delay(refusal.per, wait))),
        }));
    }
    let message = "You exceeded your current quota, please check your plan and billing details. For more information \
                   on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.";
    let error = json!({"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details});
    (429, json!({"error": error}))
}

/// A day's limit is told with a delay of seconds, as the real one does: only the quota's name says that it is in vain.
fn delay(per: Period, wait: Span) -> Span {
    const MINUTE: u64 = Period::Minute.span().0;
    match per {
        Period::Minute | Period::Hour => wait,
        Period::Day | Period::Month => Span(wait.0 % MINUTE),
    }
}
