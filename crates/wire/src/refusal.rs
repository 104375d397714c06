//! Which refusal an answer is: finer than its [`Outcome`], as far as trying again depends on it.
//!
//! Providers tell people which limit stands in the way, and programs mostly that there is one; so sentences are read
//! as well as codes. What is not recognised is left as the outcome says it.

use floodline_core::Outcome;
use floodline_core::retry::{Dimension, Refusal, Why};

use crate::error::ApiError;

/// The refusal that an attempt with this outcome met, and that its error describes; none where nothing was refused.
pub fn refusal(outcome: Outcome, status: Option<u16>, error: Option<&ApiError>) -> Option<Refusal> {
    let plain = Refusal::by_outcome(outcome)?;
    let Some(error) = error else {
        return Some(plain);
    };
    Some(match plain.why {
        Why::RateLimited => limited(error),
        Why::QuotaExhausted => {
            Refusal { why: Why::QuotaExhausted, dimension: money(error).or(dimension(error)) }
        }
        Why::ClientError if is_spent(error) => Refusal::of(Why::QuotaExhausted, Dimension::Spend),
        Why::ClientError if error.names(&["servicequotaexceeded"]) => Refusal::new(Why::QuotaExhausted),
        Why::ClientError if is_too_large(error) || status == Some(413) => {
            Refusal { why: Why::TooLarge, dimension: dimension(error) }
        }
        Why::Overloaded
        | Why::TooLarge
        | Why::ServerError
        | Why::Timeout
        | Why::Connection
        | Why::Broken
        | Why::ClientError
        | Why::RejectedLocally => plain,
    })
}

/// What is behind a 429.
fn limited(error: &ApiError) -> Refusal {
    let dimension = dimension(error);
    if is_spent(error) {
        return Refusal::of(Why::QuotaExhausted, Dimension::Spend);
    }
    if is_too_large(error) {
        return Refusal { why: Why::TooLarge, dimension };
    }
    if error.names(&["modelnotready"]) || error.says(&["high demand"]) {
        return Refusal::new(Why::Overloaded);
    }
    // Google's day ends at midnight on the Pacific, whatever its `retryDelay` says.
    let for_the_day = error.quota.is_some() && matches!(dimension, Some(Dimension::Rpd | Dimension::Tpd));
    Refusal { why: if for_the_day { Why::QuotaExhausted } else { Why::RateLimited }, dimension }
}

/// Whether a budget is used up that only the message speaks of.
fn is_spent(error: &ApiError) -> bool {
    error.says(&["budget has been exceeded"])
}

/// Whether it asks for more than the limit admits at any time.
fn is_too_large(error: &ApiError) -> bool {
    error.names(&["requesttoolarge"]) || error.says(&["request too large", "must be reduced in order to run"])
}

/// Money, where that is what has run out: every code of that kind speaks of it, and of the messages that of OpenAI.
fn money(error: &ApiError) -> Option<Dimension> {
    let spent =
        error.names(&["insufficient", "billing", "budget", "spend"]) || error.says(&["budget", "billing"]);
    spent.then_some(Dimension::Spend)
}

fn dimension(error: &ApiError) -> Option<Dimension> {
    if let Some(id) = error.quota.as_deref() {
        return of_google(id);
    }
    let said = SENTENCES.iter().find(|(words, _)| error.says(words)).map(|(_, dimension)| *dimension);
    // OpenAI's type names what was counted, and nothing else does where the message is cut.
    said.or_else(|| error.is(&["tokens"]).then_some(Dimension::Tpm))
        .or_else(|| error.is(&["requests"]).then_some(Dimension::Rpm))
}

/// A quota by its name, such as `GenerateContentInputTokensPerModelPerMinute-FreeTier`.
fn of_google(id: &str) -> Option<Dimension> {
    match (id.contains("PerDay"), id.contains("Request"), id.contains("InputToken"), id.contains("Token")) {
        (true, _, _, true) => Some(Dimension::Tpd),
        (false, _, true, _) => Some(Dimension::InputTpm),
        (false, _, _, true) => Some(Dimension::Tpm),
        (true, true, _, _) => Some(Dimension::Rpd),
        (false, true, _, _) => Some(Dimension::Rpm),
        (_, false, _, false) => None,
    }
}

/// What messages say, in small letters; the first that fits counts.
const SENTENCES: [(&[&str], Dimension); 10] = [
    (&["max_parallel_requests", "concurrent", "parallel requests"], Dimension::Concurrency),
    (&["acceleration", "usage increase rate", "more gradually"], Dimension::Acceleration),
    (&["tokens per day", "(tpd)"], Dimension::Tpd),
    (&["requests per day", "(rpd)"], Dimension::Rpd),
    (&["input tokens per min"], Dimension::InputTpm),
    (&["output tokens per min"], Dimension::OutputTpm),
    (&["tokens per min", "(tpm)"], Dimension::Tpm),
    (&["requests per min", "(rpm)"], Dimension::Rpm),
    // LiteLLM, Azure, Bedrock and API Management count by the minute without saying so.
    (
        &["limit type: tokens", "token rate limit", "too many tokens", "token limit is exceeded"],
        Dimension::Tpm,
    ),
    (
        &[
            "limit type: requests",
            "call rate limit",
            "request rate",
            "too many requests",
            "frequency of requests",
        ],
        Dimension::Rpm,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{classify, parse_error};

    fn of(status: u16, body: &str) -> Refusal {
        let error = parse_error(body.as_bytes());
        refusal(classify(status, &error), Some(status), Some(&error)).unwrap()
    }

    fn message(status: u16, text: &str) -> Refusal {
        of(status, &serde_json::json!({ "error": { "message": text } }).to_string())
    }

    #[test]
    fn openai() {
        let body = |message: &str, kind: &str, code: &str| {
            let error = serde_json::json!({ "message": message, "type": kind, "param": null, "code": code });
            of(429, &serde_json::json!({ "error": error }).to_string())
        };
        let limited = "Rate limit reached for gpt-4o in organization org-XXX on tokens per min (TPM): Limit 30000, \
                       Used 14567, Requested 24754. Please try again in 18.642s. Visit https://platform.openai.com.";
        let tokens = Refusal::of(Why::RateLimited, Dimension::Tpm);
        assert_eq!(body(limited, "tokens", "rate_limit_exceeded"), tokens);
        assert_eq!(body("Rate limit reached", "tokens", "rate_limit_exceeded"), tokens);
        let too_large = "Request too large for gpt-4o in organization org-XXX on tokens per min (TPM): Limit 30000, \
                         Requested 30601. The input or output tokens must be reduced in order to run successfully.";
        let expected = Refusal::of(Why::TooLarge, Dimension::Tpm);
        assert_eq!(body(too_large, "tokens", "rate_limit_exceeded"), expected);
        let spent = "You exceeded your current quota, please check your plan and billing details.";
        let expected = Refusal::of(Why::QuotaExhausted, Dimension::Spend);
        assert_eq!(body(spent, "insufficient_quota", "insufficient_quota"), expected);
        for (text, kind, dimension) in [
            ("on requests per min (RPM): Limit 3, Used 3, Requested 1.", "requests", Dimension::Rpm),
            ("on requests per day (RPD): Limit 200, Used 200, Requested 1.", "requests", Dimension::Rpd),
            ("on tokens per day (TPD): Limit 100000, Used 99910, Requested 385.", "tokens", Dimension::Tpd),
            ("Rate limit reached", "requests", Dimension::Rpm),
        ] {
            let expected = Refusal::of(Why::RateLimited, dimension);
            assert_eq!(body(text, kind, "rate_limit_exceeded"), expected, "{text}");
        }
    }

    #[test]
    fn anthropic() {
        let body = |status: u16, kind: &str, message: &str| {
            let error = serde_json::json!({ "type": kind, "message": message });
            of(status, &serde_json::json!({ "type": "error", "error": error, "request_id": "r" }).to_string())
        };
        for (limit, dimension) in [
            ("20,000 input tokens per minute", Dimension::InputTpm),
            ("8,000 output tokens per minute", Dimension::OutputTpm),
            ("50 requests per minute", Dimension::Rpm),
        ] {
            let text = format!(
                "This request would exceed the rate limit for your organization of {limit}. For details, refer to: \
                 https://docs.anthropic.com/en/api/rate-limits. You can see the response headers for current usage. \
                 Please reduce the prompt length or the maximum tokens requested, or try again later."
            );
            assert_eq!(body(429, "rate_limit_error", &text), Refusal::of(Why::RateLimited, dimension));
        }
        let sharp = "This request would exceed your organization's maximum usage increase rate for input tokens per \
                     minute. Please scale up your input tokens usage more gradually.";
        let expected = Refusal::of(Why::RateLimited, Dimension::Acceleration);
        assert_eq!(body(429, "rate_limit_error", sharp), expected);
        let crowd = "Number of concurrent connections has exceeded your rate limit.";
        assert_eq!(
            body(429, "rate_limit_error", crowd),
            Refusal::of(Why::RateLimited, Dimension::Concurrency)
        );
        let spent = r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
        assert_eq!(of(429, spent), Refusal::of(Why::QuotaExhausted, Dimension::Spend));
        assert_eq!(body(529, "overloaded_error", "Overloaded"), Refusal::new(Why::Overloaded));
        assert_eq!(
            body(413, "request_too_large", "Request exceeds the maximum size"),
            Refusal::new(Why::TooLarge)
        );
        assert_eq!(
            body(400, "invalid_request_error", "max_tokens: required"),
            Refusal::new(Why::ClientError)
        );
        assert_eq!(body(402, "billing_error", "m"), Refusal::of(Why::QuotaExhausted, Dimension::Spend));
        assert_eq!(body(504, "timeout_error", "m"), Refusal::new(Why::ServerError));
    }

    #[test]
    fn azure_and_its_gateway() {
        let text = |rate: &str| {
            format!(
                "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2023-12-01-preview \
                 have exceeded {rate} of your current OpenAI S0 pricing tier. Please retry after 22 seconds."
            )
        };
        let tokens = Refusal::of(Why::RateLimited, Dimension::Tpm);
        assert_eq!(message(429, &text("token rate limit")), tokens);
        assert_eq!(message(429, &text("call rate limit")), Refusal::of(Why::RateLimited, Dimension::Rpm));
        let busy = "The system is currently experiencing high demand and cannot process your request. Your request \
                    exceeds the maximum usage size allowed during peak load. Please retry after 6 seconds.";
        assert_eq!(message(429, busy), Refusal::new(Why::Overloaded));
        let gateway = r#"{"statusCode":429,"message":"Token limit is exceeded. Try again in 12 seconds."}"#;
        assert_eq!(of(429, gateway), tokens);
        let quota = r#"{"statusCode":403,"message":"Token quota is exceeded. Try again in 3 hours."}"#;
        assert_eq!(of(403, quota), Refusal::new(Why::QuotaExhausted));
    }

    #[test]
    fn gemini_by_the_quota_it_names() {
        let body = |ids: &[&str]| {
            let violations: Vec<_> = ids.iter().map(|id| serde_json::json!({ "quotaId": id })).collect();
            let details = serde_json::json!([
                { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations },
                { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "26s" }
            ]);
            let error = serde_json::json!({
                "code": 429, "status": "RESOURCE_EXHAUSTED", "details": details,
                "message": "You exceeded your current quota, please check your plan and billing details."
            });
            of(429, &serde_json::json!([{ "error": error }]).to_string())
        };
        let input = "GenerateContentInputTokensPerModelPerMinute-FreeTier";
        let minute = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";
        let day = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";
        assert_eq!(body(&[input]), Refusal::of(Why::RateLimited, Dimension::InputTpm));
        assert_eq!(body(&[minute]), Refusal::of(Why::RateLimited, Dimension::Rpm));
        for ids in [&[day][..], &[minute, day], &[day, input]] {
            assert_eq!(body(ids), Refusal::of(Why::QuotaExhausted, Dimension::Rpd));
        }
        assert_eq!(body(&["SomethingElsePerMinute"]), Refusal::new(Why::RateLimited));
        for text in
            ["Resource has been exhausted (e.g. check quota).", "Resource exhausted. Please try again later."]
        {
            let body = serde_json::json!({ "error": { "code": 429, "message": text, "status": "RESOURCE_EXHAUSTED" } });
            assert_eq!(of(429, &body.to_string()), Refusal::new(Why::RateLimited));
        }
    }

    #[test]
    fn bedrock_and_litellm() {
        let aws = |text: &str| of(429, &serde_json::json!({ "message": text }).to_string());
        let (requests, tokens) = (Some(Dimension::Rpm), Some(Dimension::Tpm));
        for (text, dimension) in [
            ("Too many requests, please wait before trying again.", requests),
            ("Too many tokens, please wait before trying again.", tokens),
            ("Too many tokens per day, please wait before trying again.", Some(Dimension::Tpd)),
            ("Your request rate is too high. Reduce the frequency of requests.", requests),
            ("Throttled.", None),
        ] {
            assert_eq!(aws(text), Refusal { why: Why::RateLimited, dimension }, "{text}");
        }
        let quota = r#"{"__type":"ServiceQuotaExceededException","message":"m"}"#;
        assert_eq!(of(400, quota), Refusal::new(Why::QuotaExhausted));
        let loading = r#"{"__type":"ModelNotReadyException","message":"m"}"#;
        assert_eq!(of(429, loading), Refusal::new(Why::Overloaded));

        for (kind, dimension) in [
            ("requests", Dimension::Rpm),
            ("tokens", Dimension::Tpm),
            ("max_parallel_requests", Dimension::Concurrency),
        ] {
            let text = format!(
                "Rate limit exceeded for api_key: 88dc28. Limit type: {kind}. Current limit: 2, Remaining: 0. \
                 Limit resets at: 2026-10-01 10:00:00 UTC"
            );
            let body = serde_json::json!({ "detail": text }).to_string();
            assert_eq!(of(429, &body), Refusal::of(Why::RateLimited, dimension));
        }
        let spent = "Budget has been exceeded! Current cost: 5.0, Max budget: 1.0";
        let typed =
            serde_json::json!({ "error": { "message": spent, "type": "budget_exceeded" } }).to_string();
        for status in [400, 429] {
            let expected = Refusal::of(Why::QuotaExhausted, Dimension::Spend);
            assert_eq!((of(status, &typed), message(status, spent)), (expected, expected));
        }
    }

    #[test]
    fn what_says_nothing_is_what_its_outcome_is() {
        for outcome in Outcome::ALL {
            assert_eq!(refusal(outcome, None, None), Refusal::by_outcome(outcome));
            let nothing = parse_error(b"");
            assert_eq!(refusal(outcome, Some(418), Some(&nothing)), Refusal::by_outcome(outcome));
        }
        // An error inside a stream that began well.
        let inside =
            r#"{"error":{"code":"rate_limit_exceeded","message":"on tokens per min (TPM): Limit 1"}}"#;
        assert_eq!(of(200, inside), Refusal::of(Why::RateLimited, Dimension::Tpm));
    }
}
