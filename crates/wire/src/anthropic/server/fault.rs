//! Errors in Anthropic's shape.

use crate::server::bytes::Json;
use crate::server::fault::Fault;

/// The body of the response that reports `fault`.
pub(crate) fn fault_body(fault: &Fault, request_id: &str) -> Vec<u8> {
    let kind = match fault.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    format!(
        "{{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":{}}},\"request_id\":{}}}",
        Json(&fault.message),
        Json(request_id)
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::fault::Dialect;

    #[test]
    fn the_kind_follows_from_the_status() {
        let body = |fault: &Fault| String::from_utf8(fault_body(fault, "req_1")).unwrap();
        assert_eq!(
            body(&Fault::overloaded(Dialect::Anthropic)),
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#
        );
        assert!(body(&Fault::wrong_key(Dialect::Anthropic)).contains("authentication_error"));
        assert!(body(&Fault::new(Dialect::Anthropic, 405, "m")).contains("invalid_request_error"));
    }
}
