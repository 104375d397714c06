//! Anthropic: instants in RFC 3339, tokens in thousands, and a limit's figure in the message.

use floodline_core::grouped;
use floodline_core::limits::{Dimension, Gauge, Limits, Reason, Standing};

use super::clock::{rfc3339, seconds_from_one};
use super::{Asked, Fields, Told, by_the_minute, json, words};

pub(super) fn state(limits: &Limits, standing: &Standing, asked: &Asked<'_>, fields: &mut Fields) {
    let of = |dimension| by_the_minute(limits, standing, dimension);
    let tokens = [Dimension::Tokens, Dimension::InputTokens, Dimension::OutputTokens];
    let kinds = [
        ("requests", of(Dimension::Requests)),
        ("tokens", tokens.into_iter().filter_map(of).reduce(nearer_to_its_end)),
        ("input-tokens", of(Dimension::InputTokens)),
        ("output-tokens", of(Dimension::OutputTokens)),
    ];
    for (kind, gauge) in kinds {
        let Some(gauge) = gauge else { continue };
        let left = u64::try_from(gauge.remaining).unwrap_or(0);
        // Tokens are "rounded to the nearest thousand".
        let left = if kind == "requests" { left } else { left.saturating_add(500) / 1_000 * 1_000 };
        let name = |part: &str| format!("anthropic-ratelimit-{kind}-{part}");
        fields.add(name("limit"), gauge.limit);
        fields.add(name("remaining"), left);
        fields.add(name("reset"), rfc3339(asked.at + gauge.reset));
    }
}

pub(super) fn refuse(told: &Told<'_>, fields: &mut Fields) -> (u16, String) {
    let refusal = told.refusal;
    if let Some(wait) = told.wait {
        fields.add("retry-after", seconds_from_one(wait));
    }
    let what = format!("{} per {}", words(refusal.dimension), refusal.per.word());
    let docs = "For details, refer to: https://docs.anthropic.com/en/api/rate-limits.";
    let message = match (refusal.reason, refusal.dimension) {
        (Reason::Quota, _) => "You have reached the spend limit of your organization. Access resumes when the limit is \
                               raised or the next period begins."
            .to_owned(),
        (Reason::Acceleration, _) => format!(
            "This request would exceed your organization's maximum usage increase rate for {what}. Please scale up \
             your usage more gradually to stay within the acceleration limit. {docs}"
        ),
        (_, Dimension::Concurrency) => "Number of concurrent connections has exceeded your rate limit. Please try again \
                                        later or contact sales to discuss your options for a rate limit increase."
            .to_owned(),
        (Reason::Rate | Reason::TooLarge, _) => format!(
            "This request would exceed the rate limit for your organization of {} {what}. {docs} You can see the \
             response headers for current usage. Please reduce the prompt length or the maximum tokens requested, or \
             try again later.",
            grouped(refusal.limit_value)
        ),
    };
    let details = match refusal.reason {
        Reason::Quota => r#","details":{"error_code":"enforced_spend_limit_reached"}"#,
        Reason::Rate | Reason::TooLarge | Reason::Acceleration => "",
    };
    let (message, id) = (json(&message), json(told.asked.request_id));
    let error = format!(r#"{{"type":"rate_limit_error","message":{message}{details}}}"#);
    (429, format!(r#"{{"type":"error","error":{error},"request_id":{id}}}"#))
}

/// The gauge that has the smaller share left.
fn nearer_to_its_end(one: Gauge, other: Gauge) -> Gauge {
    let share = |left: Gauge, of: Gauge| i128::from(left.remaining) * i128::from(of.limit);
    if share(other, one) < share(one, other) { other } else { one }
}
