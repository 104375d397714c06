//! Errors in the shapes of OpenAI and of Azure.

use serde::Serialize;

use crate::server::bytes::write_json;
use crate::server::fault::Fault;

#[derive(Serialize)]
struct Body<T> {
    error: T,
}

/// The body of the response that reports `fault`.
pub(crate) fn fault_body(fault: &Fault) -> Vec<u8> {
    #[derive(Serialize)]
    struct Inner<'a> {
        message: &'a str,
        r#type: &'a str,
        param: Option<&'a str>,
        code: Option<&'a str>,
    }
    let error = Inner {
        message: &fault.message,
        r#type: match fault.status {
            500.. => "server_error",
            429 => "requests",
            _ => "invalid_request_error",
        },
        param: fault.param.as_deref(),
        code: fault.code,
    };
    let mut out = Vec::with_capacity(160 + fault.message.len());
    write_json(&mut out, &Body { error });
    out
}

/// The same as Azure says it: what its gateway finds has a code and a message only.
pub(crate) fn azure_fault_body(fault: &Fault) -> Vec<u8> {
    #[derive(Serialize)]
    struct Inner<'a> {
        code: &'a str,
        message: &'a str,
    }
    if fault.status == 400 {
        return fault_body(fault);
    }
    let status = fault.status.to_string();
    let code = match fault.code {
        Some(code @ ("DeploymentNotFound" | "ServiceUnavailable")) => code,
        _ => &status,
    };
    let mut out = Vec::with_capacity(80 + fault.message.len());
    write_json(&mut out, &Body { error: Inner { code, message: &fault.message } });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::parse_error;
    use crate::server::fault::Dialect;

    #[test]
    fn faults_are_written_as_the_client_reads_them() {
        let body = fault_body(&Fault::no_model(Dialect::OpenAi, "gpt-\"9\""));
        assert_eq!(
            String::from_utf8(body.clone()).unwrap(),
            r#"{"error":{"message":"The model `gpt-\"9\"` does not exist or you do not have access to it.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#
        );
        let read = parse_error(&body);
        assert_eq!(
            (read.code.as_deref(), read.kind.as_deref()),
            (Some("model_not_found"), Some("invalid_request_error"))
        );
    }

    #[test]
    fn azure_has_a_shape_of_its_own() {
        let body = |fault: &Fault| String::from_utf8(azure_fault_body(fault)).unwrap();
        assert_eq!(
            body(&Fault::wrong_key(Dialect::Azure)),
            r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}"#
        );
        assert!(body(&Fault::no_model(Dialect::Azure, "d")).contains("\"code\":\"DeploymentNotFound\""));
        assert!(body(&Fault::invalid(Dialect::Azure, "m")).contains("\"type\":\"invalid_request_error\""));
    }
}
