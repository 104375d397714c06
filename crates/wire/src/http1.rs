//! HTTP/1.0 and 1.1 heads and bodies, as a client ([`response`]) and as a server ([`request`]).
//!
//! Heads are read by `httparse`; what they mean for the connection (framing of the body, keep-alive)
//! is decided here, by RFC 9112. Content codings that are known ([`Coding`]) are named for whoever takes them
//! off; others are refused, but for errors, whose status is enough.

mod body;
mod fields;
pub mod request;
pub mod response;

pub use body::{BodyDecoder, Fed};
pub use fields::{Coding, ContentType};

/// The longest head that is read, in bytes, interim responses included.
pub const MAX_HEAD: usize = 64 * 1024;

/// The most header fields a head may have.
pub const MAX_HEADERS: usize = 128;

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body, or its length is given as zero.
    Empty,
    /// So many bytes (never zero).
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// Until the connection ends.
    Close,
}

/// Why bytes are not the HTTP that this program speaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Not HTTP at all, or broken in the named part.
    #[error("malformed HTTP: {0}")]
    Malformed(&'static str),
    /// The head is longer than [`MAX_HEAD`].
    #[error("the head of the message is longer than 64 KiB")]
    HeadTooLarge,
    /// The head has more than [`MAX_HEADERS`] fields.
    #[error("the head of the message has more than 128 header fields")]
    TooManyHeaders,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    #[error("not HTTP/1.0 or HTTP/1.1")]
    UnsupportedVersion,
    /// Several Content-Length values that differ.
    #[error("conflicting Content-Length values")]
    ConflictingLengths,
    /// A Content-Length that is no number.
    #[error("the Content-Length is not a number")]
    InvalidLength,
    /// A transfer coding other than chunked.
    #[error("unsupported transfer coding `{0}` (only chunked is understood)")]
    UnsupportedTransferCoding(Box<str>),
    /// A content coding that is not understood.
    #[error("the body is encoded as `{0}`, which was not asked for and is not understood")]
    UnsupportedContentCoding(Box<str>),
    /// 101 Switching Protocols, which was not asked for.
    #[error("the server switched protocols (101) without being asked")]
    Upgraded,
    /// The chunked coding is broken in the named part.
    #[error("malformed chunked body: {0}")]
    MalformedChunk(&'static str),
    /// The connection ended inside the body.
    #[error("the connection ended before the body did")]
    UnexpectedEnd,
}

impl HttpError {
    /// The status with which a server answers a request that has this fault.
    pub fn status(&self) -> u16 {
        match self {
            HttpError::HeadTooLarge | HttpError::TooManyHeaders => 431,
            HttpError::UnsupportedTransferCoding(_) => 501,
            HttpError::UnsupportedContentCoding(_) => 415,
            HttpError::UnsupportedVersion => 505,
            HttpError::Malformed(_)
            | HttpError::ConflictingLengths
            | HttpError::InvalidLength
            | HttpError::Upgraded
            | HttpError::MalformedChunk(_)
            | HttpError::UnexpectedEnd => 400,
        }
    }
}

impl From<httparse::Error> for HttpError {
    fn from(error: httparse::Error) -> HttpError {
        match error {
            httparse::Error::HeaderName => HttpError::Malformed("header name"),
            httparse::Error::HeaderValue => HttpError::Malformed("header value"),
            httparse::Error::NewLine => HttpError::Malformed("line end"),
            httparse::Error::Status => HttpError::Malformed("status line"),
            httparse::Error::Token => HttpError::Malformed("start line"),
            httparse::Error::TooManyHeaders => HttpError::TooManyHeaders,
            httparse::Error::Version => HttpError::UnsupportedVersion,
        }
    }
}
