//! Heads of requests, as a server reads them.

use super::{ContentType, Framing, HttpError, MAX_HEAD, MAX_HEADERS, fields};

/// The methods that the servers of this program tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// OPTIONS.
    Options,
    /// Any other, as sent.
    Other(Box<str>),
}

impl Method {
    /// The name as it stands in a request.
    pub fn name(&self) -> &str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Options => "OPTIONS",
            Method::Other(name) => name,
        }
    }

    fn parse(name: &str) -> Method {
        match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "OPTIONS" => Method::Options,
            other => Method::Other(other.into()),
        }
    }
}

/// What a request's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The host that the client believes to speak with, as sent.
    pub host: Option<Box<str>>,
    /// The path, percent-encoded as sent and without its query; of an absolute target, its path.
    pub path: Box<str>,
    /// What follows the question mark, as sent.
    pub query: Box<str>,
    /// Whether the client wants to send another request over this connection.
    pub keep_alive: bool,
    /// How the end of the body is found; never [`Framing::Close`].
    pub framing: Framing,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
    /// `Authorization`, as sent.
    pub authorization: Option<Box<str>>,
    /// The key, where it has a field of its own: `x-api-key` or `api-key`.
    pub api_key: Option<Box<str>>,
    /// The key as Google's clients send it: `x-goog-api-key`.
    pub google_key: Option<Box<str>>,
    /// `anthropic-version`, by which Anthropic's clients are known.
    pub anthropic_version: Option<Box<str>>,
    /// The identifier that the client gave this request.
    pub request_id: Option<Box<str>>,
    /// The media type of the body.
    pub content_type: ContentType,
}

impl RequestHead {
    /// The value of the parameter `name`, percent-encoded as sent.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

/// Reads the head at the start of `buf`.
///
/// Returns the head and the number of bytes it took, or `None` if `buf` does not hold a whole head yet.
///
/// # Errors
/// [`HttpError`]; [`HttpError::status`] is what to answer before the connection is closed.
pub fn parse_request(buf: &[u8]) -> Result<Option<(RequestHead, usize)>, HttpError> {
    let mut storage = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut storage);
    let end = match parsed.parse(buf)? {
        httparse::Status::Complete(end) if end <= MAX_HEAD => end,
        httparse::Status::Partial if buf.len() <= MAX_HEAD => return Ok(None),
        _ => return Err(HttpError::HeadTooLarge),
    };
    let version = parsed.version.unwrap_or(1);
    let headers: &[httparse::Header<'_>] = parsed.headers;
    let framing = fields::framing(headers)?.unwrap_or(Framing::Empty);
    if version == 0 && framing == Framing::Chunked {
        return Err(HttpError::Malformed("chunked coding in an HTTP/1.0 request"));
    }
    // Which of them is meant, nobody can tell (RFC 9112, section 3.2).
    if headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host")).count() > 1 {
        return Err(HttpError::Malformed("more than one Host field"));
    }
    if let Some(coding) = fields::content_coding(headers).filter(|_| framing != Framing::Empty) {
        return Err(HttpError::UnsupportedContentCoding(coding.into()));
    }
    let target = parsed.path.unwrap_or("/");
    let head = RequestHead {
        method: Method::parse(parsed.method.unwrap_or("")),
        host: fields::owned(headers, "host"),
        path: path(target).into(),
        query: query(target).into(),
        keep_alive: fields::keep_alive(version, headers) && !fields::framed_twice(headers),
        framing,
        expect_continue: version >= 1
            && fields::tokens(headers, "expect").any(|token| token.eq_ignore_ascii_case("100-continue")),
        authorization: fields::owned(headers, "authorization"),
        api_key: fields::first_of(headers, &["x-api-key", "api-key"]),
        google_key: fields::owned(headers, "x-goog-api-key"),
        anthropic_version: fields::owned(headers, "anthropic-version"),
        request_id: fields::owned(headers, "x-request-id"),
        content_type: fields::content_type(headers),
    };
    Ok(Some((head, end)))
}

/// The path of a request target, without its query; an absolute one (`http://host/path`) loses its authority.
fn path(target: &str) -> &str {
    let local = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => {
            rest.find(['/', '?']).map_or("/", |start| &rest[start..])
        }
        _ => target,
    };
    match local.split(['?', '#']).next() {
        None | Some("") => "/",
        Some(path) => path,
    }
}

/// What follows the first question mark of a request target, without a fragment.
fn query(target: &str) -> &str {
    let target = target.split('#').next().unwrap_or_default();
    target.split_once('?').map_or("", |(_, query)| query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> RequestHead {
        let bytes = format!("{text}\r\n\r\n");
        let (head, used) = parse_request(bytes.as_bytes()).unwrap().unwrap();
        assert_eq!(used, bytes.len());
        head
    }

    fn status(text: &str) -> u16 {
        parse_request(format!("{text}\r\n\r\n").as_bytes()).unwrap_err().status()
    }

    #[test]
    fn a_usual_request() {
        let head = head(
            "POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nX-Request-Id: 7\r\nContent-Type: application/json\r\nContent-Length: 12\r\nExpect: 100-Continue",
        );
        assert_eq!(
            head,
            RequestHead {
                method: Method::Post,
                host: Some("x".into()),
                path: "/v1/chat/completions".into(),
                query: "a=b".into(),
                keep_alive: true,
                framing: Framing::Length(12),
                expect_continue: true,
                authorization: Some("Bearer k".into()),
                api_key: None,
                google_key: None,
                anthropic_version: None,
                request_id: Some("7".into()),
                content_type: ContentType::Json,
            }
        );
    }

    #[test]
    fn every_prefix_of_a_request_is_incomplete() {
        let bytes = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(parse_request(&bytes[..cut]), Ok(None), "{cut}");
        }
        assert!(parse_request(bytes).unwrap().is_some());
    }

    #[test]
    fn targets_and_methods() {
        assert_eq!(path("/a?b?c#d"), "/a");
        assert_eq!(path("/a#b?c"), "/a");
        assert_eq!(path("http://host:80/a"), "/a");
        assert_eq!(path("http://host"), "/");
        assert_eq!(path("http://host?x"), "/");
        assert_eq!(path("/to?url=http://other/"), "/to");
        assert_eq!(path("*"), "*");
        assert_eq!(query("/a?b?c#d"), "b?c");
        assert_eq!(query("/a#b?c"), "");
        let asked = head("GET /a?alt=sse&key=k&x HTTP/1.1\r\nx-goog-api-key: g\r\napi-key: a");
        assert_eq!((asked.query_value("key"), asked.query_value("x")), (Some("k"), None));
        assert_eq!((asked.google_key.as_deref(), asked.api_key.as_deref()), (Some("g"), Some("a")));
        assert_eq!(head("DELETE / HTTP/1.1").method, Method::Other("DELETE".into()));
        assert_eq!(head("GET / HTTP/1.1").framing, Framing::Empty);
        assert!(!head("GET / HTTP/1.0").keep_alive);
        assert!(head("GET / HTTP/1.0\r\nconnection: keep-alive").keep_alive);
    }

    #[test]
    fn faults_have_the_status_to_answer_with() {
        assert_eq!(status("POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2"), 400);
        assert_eq!(status("POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked"), 501);
        assert_eq!(status("POST / HTTP/1.0\r\ntransfer-encoding: chunked"), 400);
        assert_eq!(status("POST / HTTP/1.1\r\ncontent-encoding: gzip\r\ncontent-length: 3"), 415);
        assert_eq!(status("GET / HTTP/2.0"), 505);
        assert_eq!(status("\u{1}"), 400);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(MAX_HEAD))), 431);
        assert_eq!(status(&format!("GET / HTTP/1.1{}", "\r\nx: y".repeat(MAX_HEADERS + 1))), 431);
    }
}
