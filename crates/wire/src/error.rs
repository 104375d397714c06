//! What an error of an API says, in whatever shape, and which [`Outcome`] it is.

use floodline_core::Outcome;
use serde_json::{Map, Value};

use crate::excerpt::excerpt;
use crate::json::string::mend;

/// The most characters of a message that are kept.
const MAX_MESSAGE: usize = 300;

/// An error as the server described it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// The machine-readable code, such as `rate_limit_exceeded` or `429`.
    pub code: Option<Box<str>>,
    /// The kind (`type`), such as `invalid_request_error`.
    pub kind: Option<Box<str>>,
    /// What it says to people: at most 300 characters on one line. It is the server's text and may
    /// repeat what was sent.
    pub message: Box<str>,
    /// The quota that Google's APIs name (`quotaId`), one of a day before others.
    pub quota: Option<Box<str>>,
}

/// Reads the body of an error response. Any body gives an error: OpenAI's shape, Azure's, Gemini's,
/// Anthropic's, FastAPI's, a bare message, a page of HTML, or nothing at all.
pub fn parse_error(body: &[u8]) -> ApiError {
    let text = String::from_utf8_lossy(body);
    // A message cut inside a character must not cost the code that stands beside it.
    let value = serde_json::from_str(&text).or_else(|_| serde_json::from_str(&mend(&text)));
    match value {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => {
            let mut error = ApiError::default();
            read(&value, &mut error, 0);
            if error.message.is_empty() {
                error.message = excerpt(body, MAX_MESSAGE).into();
            }
            error
        }
        Ok(Value::String(text)) => ApiError { message: message(&text), ..ApiError::default() },
        _ => ApiError { message: page(body).into(), ..ApiError::default() },
    }
}

/// Which outcome an error is.
///
/// `status` is the one of the response. A success (2xx) or 0 means that the error stood inside an
/// answer, and it is judged by its code and type instead.
///
/// 402 counts as quota exceeded (somebody has to pay). 408 and 504 are server errors: the server ran out
/// of its own time, while `timeout` is kept for our own limits. Redirects are client errors: they are
/// not followed.
pub fn classify(status: u16, error: &ApiError) -> Outcome {
    match status {
        0 | 200..=299 => inside(error),
        429 if error.is_quota() => Outcome::QuotaExceeded,
        429 => Outcome::RateLimited,
        402 => Outcome::QuotaExceeded,
        403 if error.is_quota() || error.says(&["quota", "budget"]) => Outcome::QuotaExceeded,
        408 | 504 => Outcome::ServerError,
        400..=499 if error.is_quota() => Outcome::QuotaExceeded,
        300..=499 => Outcome::ClientError,
        529 => Outcome::Overloaded,
        503 if error.names(&["overload"]) || error.says(&OVERLOAD) => Outcome::Overloaded,
        500.. => Outcome::ServerError,
        1..=199 => Outcome::Malformed,
    }
}

/// Words in a 503 that mean overload rather than breakage.
const OVERLOAD: [&str; 5] = ["overload", "capacity", "busy", "high demand", "too many"];

/// Judges an error without a status of its own.
fn inside(error: &ApiError) -> Outcome {
    if error.is_quota() {
        return Outcome::QuotaExceeded;
    }
    let status = [&error.code, &error.kind]
        .into_iter()
        .find_map(|name| name.as_deref()?.parse::<u16>().ok())
        .filter(|status| (300..600).contains(status));
    if let Some(status) = status {
        return classify(status, error);
    }
    const LIMITED: [&str; 5] = ["ratelimit", "resourceexhausted", "toomanyrequests", "throttl", "highdemand"];
    const OVERLOADED: [&str; 3] = ["overload", "capacity", "unavailable"];
    const REFUSED: [&str; 17] = [
        "invalid",
        "badrequest",
        "notfound",
        "permission",
        "authentication",
        "unauthorized",
        "forbidden",
        "unsupported",
        "contextlength",
        "contentfilter",
        "contentpolicy",
        "policyviolation",
        "validation",
        "toolarge",
        "unprocessable",
        "notallowed",
        "conflict",
    ];
    const FAILED: [&str; 4] = ["server", "internal", "apierror", "timeout"];
    if error.names(&LIMITED) || error.is(&["tokens", "requests"]) {
        Outcome::RateLimited
    } else if error.names(&OVERLOADED) {
        Outcome::Overloaded
    } else if error.names(&REFUSED) {
        Outcome::ClientError
    } else if error.names(&FAILED) {
        Outcome::ServerError
    } else if error.says(&["rate limit"]) {
        Outcome::RateLimited
    } else if error.says(&["overloaded", "at capacity", "high demand"]) {
        Outcome::Overloaded
    } else {
        Outcome::ServerError
    }
}

impl ApiError {
    /// Whether it is refused until somebody pays or raises a budget.
    fn is_quota(&self) -> bool {
        self.names(&[
            "insufficientquota",
            "insufficientcredit",
            "insufficientbalance",
            "billingerror",
            "billinghardlimit",
            "billinglimit",
            "billingnotactive",
            "budgetexceeded",
            "spendlimit",
            "servicequotaexceeded",
        ])
    }

    /// Whether code or type contains one of `parts`, compared without case and punctuation.
    pub(crate) fn names(&self, parts: &[&str]) -> bool {
        self.tags().any(|tag| parts.iter().any(|part| tag.contains(part)))
    }

    /// Whether code or type is one of `names`.
    pub(crate) fn is(&self, names: &[&str]) -> bool {
        self.tags().any(|tag| names.contains(&tag.as_str()))
    }

    fn tags(&self) -> impl Iterator<Item = String> {
        [&self.code, &self.kind].into_iter().flatten().map(|tag| {
            tag.chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect::<String>()
        })
    }

    /// Whether the message contains one of `words`.
    pub(crate) fn says(&self, words: &[&str]) -> bool {
        let message = self.message.to_ascii_lowercase();
        words.iter().any(|word| message.contains(word))
    }
}

/// Fills what `error` does not have yet from `value`, outer members after inner ones.
fn read(value: &Value, error: &mut ApiError, depth: u8) {
    match value {
        _ if depth > 4 => {}
        Value::Object(object) => read_object(object, error, depth),
        // Gemini wraps the errors of a stream in an array; FastAPI lists the faults of a body.
        Value::Array(items) => {
            if let Some(first) = items.first() {
                read(first, error, depth + 1);
            }
        }
        Value::String(text) if error.message.is_empty() => error.message = message(text),
        _ => {}
    }
}

fn read_object(object: &Map<String, Value>, error: &mut ApiError, depth: u8) {
    for inner in ["error", "detail", "errors"] {
        if let Some(value) = object.get(inner) {
            read(value, error, depth + 1);
        }
    }
    for name in ["message", "msg", "error_message", "error_description"] {
        if let Some(Value::String(text)) = object.get(name)
            && error.message.is_empty()
        {
            error.message = message(text);
        }
    }
    let details = object.get("details");
    let anthropic = details.and_then(|details| details.get("error_code"));
    let codes = [anthropic, object.get("code"), object.get("http_status_code"), object.get("status_code")];
    error.code = error.code.take().or_else(|| codes.into_iter().flatten().find_map(tag));
    let kinds = ["type", "error_type", "status", "__type"].map(|name| object.get(name));
    let kind = kinds.into_iter().flatten().find_map(tag).filter(|kind| kind.as_ref() != "error");
    error.kind = error.kind.take().or(kind);
    error.quota = error.quota.take().or_else(|| quota_id(details?));
}

/// The `quotaId` of a `google.rpc.QuotaFailure` among the details.
fn quota_id(details: &Value) -> Option<Box<str>> {
    let violations = details.as_array()?.iter().filter_map(|detail| detail.get("violations")?.as_array());
    let ids = violations.flatten().filter_map(|violation| violation.get("quotaId")?.as_str());
    let id =
        ids.reduce(|first, id| if !first.contains("PerDay") && id.contains("PerDay") { id } else { first })?;
    Some(excerpt(id.as_bytes(), 120).into())
}

/// A code or type: some servers write numbers.
fn tag(value: &Value) -> Option<Box<str>> {
    match value {
        Value::String(text) if !text.is_empty() => Some(excerpt(text.as_bytes(), 80).into()),
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

fn message(text: &str) -> Box<str> {
    excerpt(text.as_bytes(), MAX_MESSAGE).into()
}

/// Of a page of HTML its title, of other text its beginning.
fn page(body: &[u8]) -> String {
    if body.trim_ascii().is_empty() {
        return "(empty body)".into();
    }
    let head = &body[..body.len().min(4096)];
    let lower = head.to_ascii_lowercase();
    let title = memchr::memmem::find(&lower, b"<title>").and_then(|start| {
        let start = start + b"<title>".len();
        memchr::memmem::find(&lower[start..], b"</title>").map(|length| &head[start..start + length])
    });
    excerpt(title.filter(|title| !title.trim_ascii().is_empty()).unwrap_or(body), 120)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &str) -> (Option<String>, Option<String>, String) {
        let ApiError { code, kind, message, .. } = parse_error(body.as_bytes());
        (code.map(String::from), kind.map(String::from), message.into())
    }

    fn some(text: &str) -> Option<String> {
        Some(text.into())
    }

    #[test]
    fn shapes_of_errors() {
        let openai =
            r#"{"error":{"message":"slow down","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#;
        assert_eq!(parts(openai), (some("rate_limit_exceeded"), some("tokens"), "slow down".into()));
        let azure = r#"{"error":{"code":"429","message":"Please retry after 22 seconds."}}"#;
        assert_eq!(parts(azure), (some("429"), None, "Please retry after 22 seconds.".into()));
        let gemini = r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[]}}]"#;
        assert_eq!(parts(gemini), (some("429"), some("RESOURCE_EXHAUSTED"), "m".into()));
        let anthropic =
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#;
        assert_eq!(parts(anthropic), (None, some("overloaded_error"), "Overloaded".into()));
        let tgi = r#"{"error":"Model is overloaded","error_type":"overloaded"}"#;
        assert_eq!(parts(tgi), (None, some("overloaded"), "Model is overloaded".into()));
        assert_eq!(parts(r#"{"detail":"Not Found"}"#), (None, None, "Not Found".into()));
        let fastapi =
            r#"{"detail":[{"loc":["body","model"],"msg":"field required","type":"value_error.missing"}]}"#;
        assert_eq!(parts(fastapi), (None, some("value_error.missing"), "field required".into()));
        assert_eq!(parts(r#"{"message":"no"}"#), (None, None, "no".into()));
        let vllm = r#"{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}"#;
        assert_eq!(parts(vllm), (some("400"), some("BadRequestError"), "m".into()));
    }

    #[test]
    fn a_broken_message_does_not_cost_the_code() {
        let before = br#"{"error":{"code":"insufficient_quota","message":"no "#;
        for (broken, shown) in [
            (&b"\xff\xf0\x9f"[..], "no \u{fffd}\u{fffd}"),
            (br"\ud83d", "no \u{fffd}"),
            (br"\\ud83d \udf0a\ud83c\udf0a \\", "no \\ud83d \u{fffd}🌊 \\"),
        ] {
            let error = parse_error(&[before, broken, br#""}}"#].concat());
            assert_eq!((error.code.as_deref(), error.message.as_ref()), (Some("insufficient_quota"), shown));
            assert_eq!(classify(429, &error), Outcome::QuotaExceeded);
        }
    }

    #[test]
    fn bodies_that_are_no_errors() {
        assert_eq!(parts(""), (None, None, "(empty body)".into()));
        assert_eq!(parts(" \n").2, "(empty body)");
        assert_eq!(parts("<html><head><TITLE>502 Bad Gateway</title></head></html>").2, "502 Bad Gateway");
        assert_eq!(parts("upstream connect error\r\n").2, "upstream connect error");
        assert_eq!(parts(r#""text""#).2, "text");
        assert_eq!(parts(r#"{"x":1}"#).2, r#"{"x":1}"#);
        assert_eq!(parts("[]").2, "[]");
        assert_eq!(parts(&"[".repeat(1000)).2.chars().count(), 120);
        assert!(parts(&format!(r#"{{"message":"{}"}}"#, "x".repeat(9000))).2.chars().count() <= MAX_MESSAGE);
    }

    #[test]
    fn statuses_and_codes_are_judged() {
        use Outcome::*;
        let judge = |status: u16, code: &str, kind: &str, message: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| text.into());
            let (code, kind) = (some(code), some(kind));
            classify(status, &ApiError { code, kind, message: message.into(), quota: None })
        };
        for (expected, status, code, kind, message) in [
            (RateLimited, 429, "rate_limit_exceeded", "tokens", "Limit 30000, Used 14567"),
            (RateLimited, 429, "", "", "You exceeded your current quota"),
            (RateLimited, 429, "429", "RESOURCE_EXHAUSTED", ""),
            (QuotaExceeded, 429, "insufficient_quota", "insufficient_quota", ""),
            (QuotaExceeded, 429, "", "budget_exceeded", ""),
            (QuotaExceeded, 429, "enforced_spend_limit_reached", "rate_limit_error", ""),
            (QuotaExceeded, 400, "400", "budget_exceeded", ""),
            (QuotaExceeded, 402, "", "billing_error", ""),
            (QuotaExceeded, 400, "", "ServiceQuotaExceededException", ""),
            (QuotaExceeded, 429, "billing_not_active", "billing_not_active", ""),
            (QuotaExceeded, 400, "billing_hard_limit_reached", "invalid_request_error", ""),
            // Not every word about billing asks for money.
            (ClientError, 400, "invalid_billing_address", "invalid_request_error", ""),
            (ClientError, 200, "invalid_billing_address", "invalid_request_error", ""),
            (QuotaExceeded, 403, "", "", "Out of call volume quota."),
            (QuotaExceeded, 403, "", "", "Budget has been exceeded"),
            (ClientError, 403, "", "permission_error", "no access"),
            (ClientError, 400, "", "", ""),
            (ClientError, 401, "invalid_api_key", "", ""),
            (ClientError, 404, "", "", ""),
            (ClientError, 302, "", "", ""),
            (ServerError, 408, "", "", ""),
            (ServerError, 500, "", "", "overloaded"),
            (ServerError, 502, "", "", ""),
            (ServerError, 503, "", "", "down for maintenance"),
            (ServerError, 504, "", "", ""),
            (Overloaded, 503, "", "", "The server is currently overloaded"),
            (Overloaded, 503, "", "", "no capacity left"),
            (Overloaded, 503, "", "", "Server busy"),
            (Overloaded, 503, "", "overloaded_error", ""),
            (Overloaded, 529, "", "", ""),
            (RateLimited, 200, "rate_limit_exceeded", "", ""),
            (RateLimited, 200, "", "tokens", ""),
            (RateLimited, 200, "", "requests", ""),
            (RateLimited, 200, "429", "", ""),
            (RateLimited, 200, "", "RateLimitError", ""),
            (RateLimited, 200, "", "", "Rate limit reached for m"),
            (QuotaExceeded, 200, "insufficient_quota", "", ""),
            (Overloaded, 200, "", "overloaded_error", ""),
            (Overloaded, 200, "503", "", "overloaded"),
            (ServerError, 200, "", "server_error", ""),
            (ServerError, 200, "", "api_error", ""),
            (ServerError, 200, "500", "InternalServerError", ""),
            (ServerError, 200, "", "", "something broke"),
            (ClientError, 200, "", "invalid_request_error", ""),
            (ClientError, 200, "context_length_exceeded", "", ""),
            (ClientError, 200, "422", "", ""),
            (ClientError, 200, "", "BadRequestError", ""),
        ] {
            assert_eq!(judge(status, code, kind, message), expected, "{status} {code} {kind} {message}");
        }
        for status in 0..=u16::MAX {
            classify(status, &ApiError::default());
        }
    }
}
