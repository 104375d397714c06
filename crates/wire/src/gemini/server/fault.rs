//! Errors in Gemini's shape.

use crate::server::bytes::Json;
use crate::server::fault::Fault;

/// The body of the response that reports `fault`.
pub(crate) fn fault_body(fault: &Fault) -> Vec<u8> {
    let status = match fault.status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        405 | 501 => "UNIMPLEMENTED",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let details = match fault.code {
        Some(reason @ "API_KEY_INVALID") => format!(
            ",\"details\":[{{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"{reason}\",\
             \"domain\":\"googleapis.com\"}}]"
        ),
        _ => String::new(),
    };
    let (code, message) = (fault.status, Json(&fault.message));
    format!("{{\"error\":{{\"code\":{code},\"message\":{message},\"status\":\"{status}\"{details}}}}}")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::fault::Dialect;

    #[test]
    fn the_status_has_a_name() {
        let body = |fault: &Fault| String::from_utf8(fault_body(fault)).unwrap();
        assert_eq!(
            body(&Fault::invalid(Dialect::Gemini, "m")),
            r#"{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}"#
        );
        assert!(body(&Fault::wrong_key(Dialect::Gemini)).contains("\"reason\":\"API_KEY_INVALID\""));
    }
}
