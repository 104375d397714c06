//! A request of HTTP/1.1 as HTTP/2 says it.
//!
//! What is sent is decided in one place, for both: the request's bytes are taken apart again here. They are this
//! program's own, so that little can be wrong with them.

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri};

/// The request, and its body.
pub(super) fn translated(bytes: &[u8], tls: bool) -> Result<(Request<()>, Bytes), String> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or("a request without an end")?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|e| e.to_string())?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().unwrap_or_default();
    let path = first.next().unwrap_or_default();
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|e| e.to_string())?;
    let mut authority = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|e| e.to_string())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|e| e.to_string())?;
        match name {
            HOST => {
                authority = Some(Authority::try_from(value.as_bytes()).map_err(|e| e.to_string())?);
            }
            CONNECTION => {}
            name => {
                request.headers_mut().append(name, value);
            }
        }
    }
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if tls { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = authority;
    parts.path_and_query = Some(PathAndQuery::try_from(path).map_err(|e| e.to_string())?);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|e| e.to_string())?;
    Ok((request, Bytes::copy_from_slice(&bytes[end + 4..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_the_same() {
        let bytes =
            b"POST /v1/x?a=b HTTP/1.1\r\nhost: 127.0.0.1:8000\r\nX-Team: a: b\r\nconnection: close\r\n\
                      content-length: 2\r\n\r\n{}";
        let (request, body) = translated(bytes, true).unwrap();
        assert_eq!((request.method().as_str(), &body[..]), ("POST", &b"{}"[..]));
        assert_eq!(request.uri(), "https://127.0.0.1:8000/v1/x?a=b");
        let fields: Vec<(&str, &str)> =
            request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(fields, [("x-team", "a: b"), ("content-length", "2")]);
    }

    #[test]
    fn what_is_none_is_refused() {
        for wrong in ["", "POST / HTTP/1.1\r\nhost: h", "POST / HTTP/1.1\r\nhost: a b\r\n\r\n"] {
            assert!(translated(wrong.as_bytes(), false).is_err(), "{wrong}");
        }
    }
}
