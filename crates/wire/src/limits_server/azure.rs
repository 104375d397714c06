//! Azure OpenAI, standard and provisioned: OpenAI's names with plain seconds.

use floodline_core::limits::{Dimension, Limits, Provider, Reason, Standing};

use super::clock::{dotted, millis, seconds, seconds_from_one};
use super::{Fields, Told, by_the_minute, json};

/// What is left may be below zero, as it is of the real one.
pub(super) fn state(limits: &Limits, standing: &Standing, fields: &mut Fields) {
    let kinds = [(Dimension::Requests, "requests"), (Dimension::Tokens, "tokens")];
    for (dimension, kind) in kinds {
        let Some(gauge) = by_the_minute(limits, standing, dimension) else { continue };
        if limits.provider == Provider::AzurePtu && dimension == Dimension::Tokens {
            let all = i128::from(gauge.remaining) + i128::from(gauge.used);
            let tenths = (i128::from(gauge.used) * 1_000).checked_div(all).unwrap_or(0);
            let percent = format!("{}.{}%", tenths / 10, tenths % 10);
            fields.add("azure-openai-deployment-utilization", percent);
            continue;
        }
        fields.add(format!("x-ratelimit-limit-{kind}"), gauge.limit);
        fields.add(format!("x-ratelimit-remaining-{kind}"), gauge.remaining);
        fields.add(format!("x-ratelimit-reset-{kind}"), seconds(gauge.reset));
    }
}

pub(super) fn refuse(told: &Told<'_>, fields: &mut Fields) -> (u16, String) {
    let refusal = told.refusal;
    if refusal.reason == Reason::Quota {
        let until = refusal.wait.map(|wait| format!(" Quota will be replenished in {}.", dotted(wait)));
        let message = format!("Out of call volume quota.{}", until.unwrap_or_default());
        return (403, body(403, &message));
    }
    let provisioned = told.limits.provider == Provider::AzurePtu;
    if let Some(wait) = told.wait {
        if provisioned {
            fields.add("retry-after-ms", millis(wait));
        }
        fields.add("retry-after", seconds_from_one(wait));
    }
    let retry = told.wait.map(|wait| format!(" Please retry after {} seconds.", seconds_from_one(wait)));
    let retry = retry.unwrap_or_default();
    if provisioned && refusal.dimension.is_tokens() {
        let message = format!(
            "The system is currently experiencing high demand and cannot process your request. Your request exceeds \
             the maximum usage size allowed during peak load.{retry}"
        );
        return (429, body(429, &message));
    }
    let limit = if refusal.dimension.is_tokens() { "token" } else { "call" };
    let message = format!(
        "Requests to the {} Operation under Azure OpenAI API version {} have exceeded {limit} rate limit of your \
         current OpenAI S0 pricing tier.{retry} Please go here: https://aka.ms/oai/quotaincrease if you would like to \
         further increase the default rate limit.",
        told.asked.operation,
        told.asked.api_version.unwrap_or("2024-10-21"),
    );
    (429, body(429, &message))
}

/// The code is a text.
fn body(code: u16, message: &str) -> String {
    format!(r#"{{"error":{{"code":"{code}","message":{}}}}}"#, json(message))
}
