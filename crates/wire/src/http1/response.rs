//! Heads of responses, as a client reads them.

pub use super::{BodyDecoder, Coding, ContentType, Fed, Framing};

use floodline_core::stated::StatedLimits;

use super::{HttpError, MAX_HEAD, MAX_HEADERS, fields};
use crate::limits;

/// The names under which providers send the identifier of a request, best first.
const REQUEST_ID: [&str; 6] = [
    "x-request-id",
    "request-id",
    "x-ms-request-id",
    "apim-request-id",
    "x-amzn-requestid",
    "x-goog-request-id",
];

/// What a response's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status code, 200 to 999.
    pub status: u16,
    /// Whether the connection may carry another request once the body has been read.
    pub keep_alive: bool,
    /// How the end of the body is found.
    pub framing: Framing,
    /// The media type of the body.
    pub content_type: ContentType,
    /// The provider's identifier of this request.
    pub request_id: Option<Box<str>>,
    /// What the provider states of its rate limits.
    pub limits: Option<Box<StatedLimits>>,
    /// `Location`, the target of a redirect (redirects are never followed).
    pub location: Option<Box<str>>,
    /// How the body is compressed, if it is.
    pub coding: Option<Coding>,
    /// The content coding of a body that is no success, where it is not understood: its status counts although its
    /// text cannot be read. The body of a success that cannot be read is refused instead.
    pub encoded: Option<Box<str>>,
}

/// Reads the head at the start of `buf`, passing over interim responses such as 100 and 103.
///
/// Returns the head and the number of bytes it took (interim responses included), or `None` if `buf`
/// does not hold a whole head yet: call again with more bytes at the end of the same buffer.
///
/// # Errors
/// [`HttpError`] if this is no HTTP/1 response, is too large, or a success is coded in a way that was not asked for.
pub fn parse_head(buf: &[u8]) -> Result<Option<(Head, usize)>, HttpError> {
    let mut start = 0;
    loop {
        let mut storage = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut storage);
        let end = match parsed.parse(&buf[start..])? {
            httparse::Status::Complete(length) => start + length,
            httparse::Status::Partial if buf.len() > MAX_HEAD => return Err(HttpError::HeadTooLarge),
            httparse::Status::Partial => return Ok(None),
        };
        if end > MAX_HEAD {
            return Err(HttpError::HeadTooLarge);
        }
        match parsed.code.unwrap_or(0) {
            101 => return Err(HttpError::Upgraded),
            100..=199 => start = end,
            status @ 200.. => {
                return Ok(Some((read(status, parsed.version.unwrap_or(1), parsed.headers)?, end)));
            }
            _ => return Err(HttpError::Malformed("status code")),
        }
    }
}

fn read(status: u16, version: u8, headers: &[httparse::Header<'_>]) -> Result<Head, HttpError> {
    let framing = match status {
        204 | 304 => Framing::Empty,
        _ => fields::framing(headers)?.unwrap_or(Framing::Close),
    };
    // A 1.0 sender does not know chunked coding: whatever stands between put it there (RFC 9112, 6.1).
    let doubtful = fields::framed_twice(headers) || version == 0 && framing == Framing::Chunked;
    let keep_alive = framing != Framing::Close && !doubtful && fields::keep_alive(version, headers);
    head(status, keep_alive, framing, headers)
}

/// What a head of HTTP/2 says, whose bodies need no framing of their own: `framing` is what stands for it.
///
/// # Errors
/// [`HttpError`] if a success is coded in a way that is not understood, or there are too many fields.
pub fn head_of_fields<'f>(
    status: u16,
    framing: Framing,
    fields: impl Iterator<Item = (&'f str, &'f [u8])>,
) -> Result<Head, HttpError> {
    let headers: Vec<httparse::Header<'_>> =
        fields.take(MAX_HEADERS + 1).map(|(name, value)| httparse::Header { name, value }).collect();
    if headers.len() > MAX_HEADERS {
        return Err(HttpError::TooManyHeaders);
    }
    head(status, true, framing, &headers)
}

fn head(
    status: u16,
    keep_alive: bool,
    framing: Framing,
    headers: &[httparse::Header<'_>],
) -> Result<Head, HttpError> {
    let coded = if framing == Framing::Empty { Ok(None) } else { fields::known_coding(headers) };
    let (coding, encoded) = match coded {
        Ok(coding) => (coding, None),
        Err(unknown) if (200..300).contains(&status) => {
            return Err(HttpError::UnsupportedContentCoding(unknown));
        }
        Err(unknown) => (None, Some(unknown)),
    };
    Ok(Head {
        status,
        keep_alive,
        framing,
        content_type: fields::content_type(headers),
        request_id: fields::first_of(headers, &REQUEST_ID),
        limits: limits::stated(headers.iter().map(|header| (header.name, header.value))).map(Box::new),
        location: fields::owned(headers, "location"),
        coding,
        encoded,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        let bytes = format!("{text}\r\n\r\n");
        let (head, used) = parse_head(bytes.as_bytes()).unwrap().unwrap();
        assert_eq!(used, bytes.len());
        head
    }

    fn fault(text: &str) -> HttpError {
        parse_head(format!("{text}\r\n\r\n").as_bytes()).unwrap_err()
    }

    #[test]
    fn a_usual_streaming_head() {
        let head = head(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\nX-Request-Id: req_1",
        );
        assert_eq!(
            head,
            Head {
                status: 200,
                keep_alive: true,
                framing: Framing::Chunked,
                content_type: ContentType::EventStream,
                request_id: Some("req_1".into()),
                limits: None,
                location: None,
                coding: None,
                encoded: None,
            }
        );
    }

    #[test]
    fn every_prefix_of_a_head_is_incomplete() {
        let bytes = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 429 Too Many\r\nx-request-id: 7\r\ncontent-length: 2\r\n\r\n{}";
        let end = bytes.len() - 2;
        for cut in 0..end {
            assert_eq!(parse_head(&bytes[..cut]), Ok(None), "{cut}");
        }
        let (head, used) = parse_head(bytes).unwrap().unwrap();
        assert_eq!((head.status, head.framing, used), (429, Framing::Length(2), end));
        assert_eq!(head.request_id.as_deref(), Some("7"));
    }

    #[test]
    fn interim_responses_are_passed_over_but_not_an_upgrade() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        let (head, used) = parse_head(bytes).unwrap().unwrap();
        assert_eq!((head.status, head.framing, used), (204, Framing::Empty, bytes.len()));
        assert_eq!(fault("HTTP/1.1 101 Switching Protocols"), HttpError::Upgraded);
    }

    #[test]
    fn keep_alive_by_version_and_connection_options() {
        let with = |version: &str, connection: &str| {
            head(&format!("HTTP/{version} 200 OK\r\ncontent-length: 1{connection}")).keep_alive
        };
        assert!(with("1.1", ""));
        assert!(!with("1.1", "\r\nconnection: close"));
        assert!(!with("1.1", "\r\nconnection: Keep-Alive, Close"));
        assert!(!with("1.0", ""));
        assert!(with("1.0", "\r\nConnection: foo\r\nConnection: keep-alive"));
        assert!(!head("HTTP/1.1 200 OK").keep_alive, "close-delimited");
        assert!(!head("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked").keep_alive);
    }

    #[test]
    fn framing_rules() {
        let framing = |fields: &str| head(&format!("HTTP/1.1 200 OK{fields}")).framing;
        assert_eq!(framing(""), Framing::Close);
        assert_eq!(framing("\r\ncontent-length: 0"), Framing::Empty);
        assert_eq!(framing("\r\ncontent-length: 5, 5\r\ncontent-length: 5"), Framing::Length(5));
        assert_eq!(framing("\r\ncontent-length: 5\r\ntransfer-encoding: Chunked"), Framing::Chunked);
        assert!(!head("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked").keep_alive);
        assert_eq!(head("HTTP/1.1 304 Not Modified\r\ncontent-length: 5").framing, Framing::Empty);
        assert_eq!(
            fault("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6"),
            HttpError::ConflictingLengths
        );
        for wrong in ["+5", "5x", "", "99999999999999999999", "-1"] {
            assert_eq!(
                fault(&format!("HTTP/1.1 200 OK\r\ncontent-length: {wrong}")),
                HttpError::InvalidLength
            );
        }
    }

    #[test]
    fn codings_that_are_not_understood_are_named() {
        assert_eq!(
            fault("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked"),
            HttpError::UnsupportedTransferCoding("gzip".into())
        );
        let zstd = fault("HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\ncontent-length: 9");
        assert_eq!(zstd, HttpError::UnsupportedContentCoding("zstd".into()));
        assert!(zstd.to_string().contains("`zstd`"));
        let twice = fault("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-encoding: br");
        assert_eq!(twice, HttpError::UnsupportedContentCoding("gzip, br".into()));
    }

    #[test]
    fn codings_that_are_understood_are_known() {
        let coding = |value: &str| head(&format!("HTTP/1.1 200 OK\r\ncontent-encoding: {value}")).coding;
        assert_eq!(coding("gzip"), Some(Coding::Gzip));
        assert_eq!(coding("X-GZIP"), Some(Coding::Gzip));
        assert_eq!(coding("identity, br"), Some(Coding::Brotli));
        assert_eq!(coding("identity"), None);
    }

    #[test]
    fn fields_of_http2_mean_the_same() {
        let fields = [
            ("content-type", &b"text/event-stream"[..]),
            ("x-request-id", b"r"),
            ("content-encoding", b"br"),
        ];
        let head = head_of_fields(200, Framing::Length(9), fields.into_iter()).unwrap();
        assert_eq!(
            (head.status, head.content_type, head.coding),
            (200, ContentType::EventStream, Some(Coding::Brotli))
        );
        assert_eq!(head.request_id.as_deref(), Some("r"));
        let many = std::iter::repeat_n(("x", &b"y"[..]), MAX_HEADERS + 1);
        assert_eq!(head_of_fields(200, Framing::Close, many), Err(HttpError::TooManyHeaders));
    }

    #[test]
    fn an_encoded_refusal_keeps_its_status() {
        let refused = head("HTTP/1.1 429 Too Many\r\ncontent-encoding: zstd\r\ncontent-length: 9");
        assert_eq!((refused.status, refused.framing), (429, Framing::Length(9)));
        assert_eq!((refused.coding, refused.encoded.as_deref()), (None, Some("zstd")));
        assert!(refused.keep_alive);
        let empty = head("HTTP/1.1 503 No\r\ncontent-encoding: gzip\r\ncontent-length: 0");
        assert_eq!((empty.status, empty.coding, empty.encoded), (503, None, None));
    }

    #[test]
    fn limits_of_a_head() {
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "a".repeat(MAX_HEAD));
        assert_eq!(parse_head(long.as_bytes()), Err(HttpError::HeadTooLarge));
        assert_eq!(fault(&long), HttpError::HeadTooLarge);
        let many = "\r\nx: y".repeat(MAX_HEADERS + 1);
        assert_eq!(fault(&format!("HTTP/1.1 200 OK{many}")), HttpError::TooManyHeaders);
        assert!(matches!(
            fault("SSH-2.0-OpenSSH_9.6"),
            HttpError::UnsupportedVersion | HttpError::Malformed(_)
        ));
    }

    #[test]
    fn media_types() {
        let kind = |value: &str| head(&format!("HTTP/1.1 200 OK\r\ncontent-type: {value}")).content_type;
        assert_eq!(kind("Application/JSON"), ContentType::Json);
        assert_eq!(kind("application/problem+json"), ContentType::Json);
        assert_eq!(kind("Text/HTML; charset=x"), ContentType::Other("text/html".into()));
        assert_eq!(kind(""), ContentType::Missing);
    }
}
