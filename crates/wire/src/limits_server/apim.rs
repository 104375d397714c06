//! Azure API Management's `llm-token-limit`: 429 for the rate, 403 for the quota.
//!
//! The policy lets its author choose the fields' names; these are `retry-after`, its default, and what is left under the
//! names of the attributes.

use floodline_core::limits::{Dimension, Limits, Reason, RetryAfter, Standing};

use super::clock::seconds_from_one;
use super::{Fields, Told, by_the_minute, json};

pub(super) fn state(limits: &Limits, standing: &Standing, fields: &mut Fields) {
    if let Some(gauge) = by_the_minute(limits, standing, Dimension::Tokens) {
        fields.add("remaining-tokens", gauge.remaining.max(0));
    }
    let quota = limits.limits.iter().zip(standing.gauges()).find(|(limit, _)| limit.quota);
    if let Some((_, gauge)) = quota {
        fields.add("remaining-quota-tokens", gauge.remaining.max(0));
    }
}

pub(super) fn refuse(told: &Told<'_>, fields: &mut Fields) -> (u16, String) {
    let (status, what) = match (told.refusal.reason, told.refusal.dimension) {
        (Reason::Quota, _) => (403, "Token quota"),
        (_, Dimension::Requests | Dimension::Concurrency) => (429, "Rate limit"),
        _ => (429, "Token limit"),
    };
    // The policy says of a quota, too, when its window ends.
    let speaks = status == 403 && told.limits.retry_after != RetryAfter::Absent;
    let quota_ends = told.refusal.wait.filter(|_| speaks);
    let retry = match told.wait.or(quota_ends) {
        Some(wait) => {
            fields.add("retry-after", seconds_from_one(wait));
            format!(" Try again in {} seconds.", seconds_from_one(wait))
        }
        None => String::new(),
    };
    (
        status,
        format!(r#"{{"statusCode":{status},"message":{}}}"#, json(&format!("{what} is exceeded.{retry}"))),
    )
}
