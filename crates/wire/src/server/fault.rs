//! Why a request is refused, in the shape of the API that it was meant for.

use super::bytes::Json;
use crate::{anthropic, gemini, ollama, openai, tgi};

/// Whose shapes a path speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI and what is made like it.
    OpenAi,
    /// Azure's OpenAI.
    Azure,
    /// Anthropic.
    Anthropic,
    /// Gemini.
    Gemini,
    /// Ollama.
    Ollama,
    /// Text generation inference.
    Tgi,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whose API it was refused by.
    pub dialect: Dialect,
    /// The HTTP status to answer with.
    pub status: u16,
    /// What it says to people.
    pub message: String,
    /// The member of the request that is at fault, for APIs that say it.
    pub param: Option<String>,
    /// The machine-readable code, for APIs that have one besides the status.
    pub code: Option<&'static str>,
}

impl Fault {
    /// A fault with nothing but a status and a message.
    pub fn new(dialect: Dialect, status: u16, message: impl Into<String>) -> Fault {
        Fault { dialect, status, message: message.into(), param: None, code: None }
    }

    /// 400: the request cannot be understood or asks for something that cannot be.
    pub(crate) fn invalid(dialect: Dialect, message: impl Into<String>) -> Fault {
        Fault::new(dialect, 400, message)
    }

    pub(crate) fn with_param(self, param: &str) -> Fault {
        Fault { param: Some(param.into()), ..self }
    }

    pub(crate) fn with_code(self, code: &'static str) -> Fault {
        Fault { code: Some(code), ..self }
    }

    /// 401: no key was sent.
    pub fn missing_key(dialect: Dialect) -> Fault {
        let message = match dialect {
            Dialect::OpenAi => {
                "You didn't provide an API key. Send it in an Authorization header using Bearer auth \
                 (i.e. Authorization: Bearer YOUR_KEY)."
            }
            Dialect::Azure => "Access denied due to missing subscription key. Send it in an api-key header.",
            Dialect::Anthropic => "x-api-key header is required",
            Dialect::Gemini => {
                "The request has no API key. Send it in an x-goog-api-key header, or as the parameter key."
            }
            Dialect::Ollama | Dialect::Tgi => "unauthorized",
        };
        Fault::new(dialect, 401, message)
    }

    /// 401: the key that was sent is not accepted. It is not repeated.
    pub fn wrong_key(dialect: Dialect) -> Fault {
        let (message, code) = match dialect {
            Dialect::OpenAi => ("Incorrect API key provided.", Some("invalid_api_key")),
            Dialect::Azure => {
                ("Access denied due to invalid subscription key or wrong API endpoint.", Some("401"))
            }
            Dialect::Anthropic => ("invalid x-api-key", None),
            Dialect::Gemini => ("API key not valid. Please pass a valid API key.", Some("API_KEY_INVALID")),
            Dialect::Ollama | Dialect::Tgi => ("unauthorized", None),
        };
        Fault { code, ..Fault::new(dialect, 401, message) }
    }

    /// 404: there is no such model.
    pub fn no_model(dialect: Dialect, model: &str) -> Fault {
        let (message, code) = match dialect {
            Dialect::OpenAi => (
                format!("The model `{model}` does not exist or you do not have access to it."),
                Some("model_not_found"),
            ),
            Dialect::Azure => {
                ("The API deployment for this resource does not exist.".into(), Some("DeploymentNotFound"))
            }
            Dialect::Anthropic => (format!("model: {model}"), None),
            Dialect::Gemini => {
                (format!("models/{model} is not found, or does not support this method."), None)
            }
            Dialect::Ollama => (format!("model '{model}' not found"), None),
            Dialect::Tgi => (format!("The model {model} is not served here"), None),
        };
        let fault = Fault { code, ..Fault::new(dialect, 404, message) };
        if dialect == Dialect::OpenAi { fault.with_param("model") } else { fault }
    }

    /// 404: there is nothing at this path.
    pub fn no_path(dialect: Dialect, method: &str, path: &str) -> Fault {
        let message = match dialect {
            Dialect::Azure => "Resource not found".into(),
            Dialect::Anthropic => "Not Found".into(),
            _ => format!("Invalid URL ({method} {path})"),
        };
        Fault { code: Some("unknown_url"), ..Fault::new(dialect, 404, message) }
    }

    /// 405: the path exists, but not for this method.
    pub fn wrong_method(dialect: Dialect, method: &str, path: &str) -> Fault {
        let message = format!("Not allowed to {method} on {path}.");
        Fault { code: Some("method_not_supported"), ..Fault::new(dialect, 405, message) }
    }

    /// 413: the body is larger than `limit` bytes.
    pub fn too_large(dialect: Dialect, limit: usize) -> Fault {
        let message = format!("The request body is larger than the maximum of {limit} bytes.");
        Fault { code: Some("request_too_large"), ..Fault::new(dialect, 413, message) }
    }

    /// Too many are waiting already.
    pub fn overloaded(dialect: Dialect) -> Fault {
        let (status, message, code) = match dialect {
            Dialect::OpenAi => {
                (503, "The engine is currently overloaded, please try again later.", Some("overloaded"))
            }
            Dialect::Azure => (
                503,
                "The service is temporarily unable to process your request.",
                Some("ServiceUnavailable"),
            ),
            Dialect::Anthropic => (529, "Overloaded", None),
            Dialect::Gemini => (503, "The model is overloaded. Please try again later.", None),
            Dialect::Ollama => {
                (503, "server busy, please try again. maximum pending requests exceeded", None)
            }
            Dialect::Tgi => (429, "Model is overloaded", Some("overloaded")),
        };
        Fault { code, ..Fault::new(dialect, status, message) }
    }

    /// The body of the response that reports it.
    pub fn body(&self, request_id: &str) -> Vec<u8> {
        match self.dialect {
            Dialect::OpenAi => openai::server::fault_body(self),
            Dialect::Azure => openai::server::azure_fault_body(self),
            Dialect::Anthropic => anthropic::server::fault_body(self, request_id),
            Dialect::Gemini => gemini::server::fault_body(self),
            Dialect::Ollama => ollama::server::fault_body(self),
            Dialect::Tgi => tgi::server::fault_body(self),
        }
    }
}

impl Dialect {
    /// The header fields in which this API names a request, each with its line end.
    pub fn id_fields(self, id: &str) -> String {
        match self {
            Dialect::Anthropic => format!("request-id: {id}\r\n"),
            Dialect::Azure => {
                format!("x-request-id: {id}\r\napim-request-id: {id}\r\nx-ms-request-id: {id}\r\n")
            }
            _ => format!("x-request-id: {id}\r\n"),
        }
    }

    /// The identifier that the server makes for a request.
    pub fn request_id(self, number: u64) -> Box<str> {
        match self {
            Dialect::Azure => {
                let (high, low) = (number, super::mix(number));
                format!(
                    "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                    high >> 32,
                    (high >> 16) & 0xffff,
                    high & 0xfff,
                    low >> 52,
                    low & 0xffff_ffff_ffff
                )
                .into()
            }
            _ => format!("req_{number:016x}").into(),
        }
    }
}

/// `{"error": MESSAGE}`, and another member if there is one.
pub(crate) fn plain_body(message: &str, kind: Option<&str>) -> Vec<u8> {
    let message = Json(message);
    match kind {
        None => format!("{{\"error\":{message}}}"),
        Some(kind) => format!("{{\"error\":{message},\"error_type\":{}}}", Json(kind)),
    }
    .into_bytes()
}
