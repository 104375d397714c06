//! Heads of responses, and small responses in one piece.

use std::borrow::Cow;
use std::io::Write;

use floodline_wire::server::{Dialect, Fault};

/// The head of a response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) status: u16,
    pub(super) content_type: &'a str,
    pub(super) body: Body,
    /// Whose API it is: that says how the request is named.
    pub(super) dialect: Dialect,
    pub(super) request_id: &'a str,
    pub(super) keep_alive: bool,
    /// Whether the client speaks HTTP/1.0, where keeping the connection has to be said.
    pub(super) old_http: bool,
    /// Further fields, each with its line end.
    pub(super) extra: &'static str,
    /// What is stated of limits, likewise.
    pub(super) fields: &'a [u8],
}

/// How the body's end is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Head<'_> {
    /// Appends the head to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let reason = reason(self.status);
        // Writing into a vector cannot fail.
        let _ = write!(out, "HTTP/1.1 {} {reason}\r\ncontent-type: {}\r\n", self.status, self.content_type);
        let _ = write!(out, "{}{}", self.extra, self.dialect.id_fields(self.request_id));
        out.extend_from_slice(self.fields);
        let _ = match self.body {
            Body::Length(length) => write!(out, "content-length: {length}\r\n"),
            Body::Chunked => write!(out, "transfer-encoding: chunked\r\n"),
            Body::UntilClose => Ok(()),
        };
        out.extend_from_slice(match (self.keep_alive, self.old_http) {
            (false, _) => b"connection: close\r\n\r\n",
            (true, true) => b"connection: keep-alive\r\n\r\n",
            (true, false) => b"\r\n",
        });
    }
}

/// What a request was that is answered in one piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) dialect: Dialect,
    pub(super) request_id: &'a str,
    pub(super) keep_alive: bool,
    pub(super) old_http: bool,
    /// Whether only the head is wanted.
    pub(super) head_only: bool,
}

/// A response in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Small {
    pub(super) status: u16,
    pub(super) content_type: Cow<'static, str>,
    /// Further fields, each with its line end.
    pub(super) extra: &'static str,
    /// What is stated of limits, likewise.
    pub(super) fields: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Small {
    /// A JSON object.
    pub(super) fn json(body: Vec<u8>) -> Small {
        Small { status: 200, content_type: Cow::Borrowed(JSON), extra: "", fields: Vec::new(), body }
    }

    /// The report of a fault.
    pub(super) fn fault(fault: &Fault, request_id: &str) -> Small {
        Small { status: fault.status, ..Small::json(fault.body(request_id)) }
    }

    /// The same to who wants an array of all that comes, as Gemini's streams are that are no event streams: an error is then
    /// the only thing in it.
    pub(super) fn in_array(mut self) -> Small {
        if self.status >= 400 && self.content_type == JSON {
            self.body = [b"[", &*self.body, b"]"].concat();
        }
        self
    }

    /// Appends it to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>, asked: Asked<'_>) {
        let Asked { dialect, request_id, keep_alive, old_http, head_only } = asked;
        let Small { status, content_type, extra, fields, body } = self;
        let length = Body::Length(body.len());
        let (status, content_type, extra) = (*status, &**content_type, *extra);
        Head { status, content_type, body: length, dialect, request_id, keep_alive, old_http, extra, fields }
            .write(out);
        if !head_only {
            out.extend_from_slice(body);
        }
    }
}

const JSON: &str = "application/json";

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        529 => "Overloaded",
        _ => "Error",
    }
}
