//! Errors in OpenAI's shape and, as far as people and programs read them, in its words.

use serde::Serialize;

use crate::openai::request::write_json;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiFault {
    /// The HTTP status to answer with.
    pub status: u16,
    /// What it says to people.
    pub message: String,
    /// The kind (`type`).
    pub kind: &'static str,
    /// The member of the request that is at fault.
    pub param: Option<String>,
    /// The machine-readable code.
    pub code: Option<&'static str>,
}

const INVALID: &str = "invalid_request_error";

impl ApiFault {
    /// 400: the request cannot be understood or asks for something that cannot be.
    pub fn invalid(message: impl Into<String>, param: Option<&str>, code: Option<&'static str>) -> ApiFault {
        ApiFault { status: 400, message: message.into(), kind: INVALID, param: param.map(String::from), code }
    }

    /// 401: no key was sent.
    pub fn missing_key() -> ApiFault {
        let message = "You didn't provide an API key. Send it in an Authorization header using Bearer auth \
                       (i.e. Authorization: Bearer YOUR_KEY).";
        ApiFault { status: 401, ..ApiFault::invalid(message, None, None) }
    }

    /// 401: the key that was sent is not accepted. It is not repeated.
    pub fn wrong_key() -> ApiFault {
        ApiFault {
            status: 401,
            ..ApiFault::invalid("Incorrect API key provided.", None, Some("invalid_api_key"))
        }
    }

    /// 404: there is no such model.
    pub fn no_model(model: &str) -> ApiFault {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        ApiFault { status: 404, ..ApiFault::invalid(message, Some("model"), Some("model_not_found")) }
    }

    /// 404: there is nothing at this path.
    pub fn no_path(method: &str, path: &str) -> ApiFault {
        let message = format!("Invalid URL ({method} {path})");
        ApiFault { status: 404, ..ApiFault::invalid(message, None, Some("unknown_url")) }
    }

    /// 405: the path exists, but not for this method.
    pub fn wrong_method(method: &str, path: &str) -> ApiFault {
        let message = format!("Not allowed to {method} on {path}.");
        ApiFault { status: 405, ..ApiFault::invalid(message, None, Some("method_not_supported")) }
    }

    /// 413: the body is larger than `limit` bytes.
    pub fn too_large(limit: usize) -> ApiFault {
        let message = format!("The request body is larger than the maximum of {limit} bytes.");
        ApiFault { status: 413, ..ApiFault::invalid(message, None, Some("request_too_large")) }
    }

    /// A fault of the HTTP underneath, answered with `status`.
    pub fn http(status: u16, message: impl Into<String>) -> ApiFault {
        ApiFault { status, ..ApiFault::invalid(message, None, None) }
    }
}

/// The body of the response that reports `fault`.
pub fn error_body(fault: &ApiFault) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        error: Inner<'a>,
    }
    #[derive(Serialize)]
    struct Inner<'a> {
        message: &'a str,
        r#type: &'a str,
        param: Option<&'a str>,
        code: Option<&'a str>,
    }
    let mut out = Vec::with_capacity(160 + fault.message.len());
    let error = Inner {
        message: &fault.message,
        r#type: fault.kind,
        param: fault.param.as_deref(),
        code: fault.code,
    };
    write_json(&mut out, &Body { error });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::parse_error;

    #[test]
    fn faults_are_written_as_the_client_reads_them() {
        let body = error_body(&ApiFault::no_model("gpt-\"9\""));
        assert_eq!(
            String::from_utf8(body.clone()).unwrap(),
            r#"{"error":{"message":"The model `gpt-\"9\"` does not exist or you do not have access to it.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#
        );
        let read = parse_error(&body);
        assert_eq!(
            (read.code.as_deref(), read.kind.as_deref()),
            (Some("model_not_found"), Some("invalid_request_error"))
        );
        let statuses = [
            ApiFault::missing_key(),
            ApiFault::wrong_key(),
            ApiFault::no_path("GET", "/x"),
            ApiFault::wrong_method("GET", "/x"),
            ApiFault::too_large(9),
            ApiFault::http(431, "m"),
        ]
        .map(|fault| fault.status);
        assert_eq!(statuses, [401, 401, 404, 405, 413, 431]);
    }
}
