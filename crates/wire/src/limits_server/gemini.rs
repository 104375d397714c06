//! Google Gemini: no header fields; the body names the quota and says when to come back.

use floodline_core::Span;
use floodline_core::limits::{Dimension, Period, Reason};

use super::clock::seconds_from_one;
use super::{Told, json};

pub(super) fn refuse(told: &Told<'_>) -> (u16, String) {
    let refusal = told.refusal;
    if refusal.reason == Reason::Quota {
        // How a budget's end is told is not documented; the status is that of other Google services.
        let message = "The billing quota of this project is exceeded. Check its budget.";
        return (403, body(403, message, "PERMISSION_DENIED", ""));
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
    let (model, value) = (json(told.asked.model), refusal.limit_value);
    let mut details = format!(
        concat!(
            r#"{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"#,
            r#""quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_{metric}","#,
            r#""quotaId":"{quota_id}","quotaDimensions":{{"location":"global","model":{model}}},"#,
            r#""quotaValue":"{value}"}}]}},"#,
            r#"{{"@type":"type.googleapis.com/google.rpc.Help","links":[{{"#,
            r#""description":"Learn more about Gemini API quotas","#,
            r#""url":"https://ai.google.dev/gemini-api/docs/rate-limits"}}]}}"#,
        ),
        metric = metric,
        quota_id = quota_id,
        model = model,
        value = value,
    );
    if let Some(wait) = told.wait {
        let seconds = seconds_from_one(delay(refusal.per, wait));
        details +=
            &format!(r#",{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{seconds}s"}}"#);
    }
    let message = "You exceeded your current quota, please check your plan and billing details. For more information \
                   on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.";
    (429, body(429, message, "RESOURCE_EXHAUSTED", &format!(r#","details":[{details}]"#)))
}

fn body(code: u16, message: &str, status: &str, details: &str) -> String {
    format!(r#"{{"error":{{"code":{code},"message":{},"status":"{status}"{details}}}}}"#, json(message))
}

/// A day's limit is told with a delay of seconds, as the real one does: only the quota's name says that it is in vain.
fn delay(per: Period, wait: Span) -> Span {
    const MINUTE: u64 = Period::Minute.span().0;
    match per {
        Period::Minute | Period::Hour => wait,
        Period::Day | Period::Month => Span(wait.0 % MINUTE),
    }
}
