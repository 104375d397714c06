//! What the header fields of a head say about its connection and its body.

use httparse::Header;

use super::{Framing, HttpError};

/// The media type of a body, as far as this program cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// `text/event-stream`.
    EventStream,
    /// `application/json` or any `+json`.
    Json,
    /// Another media type, in lower case, without parameters.
    Other(Box<str>),
    /// No Content-Type was given.
    Missing,
}

impl ContentType {
    /// Whether a body of this type has a JSON value on each line: there are several names for that, none of them
    /// registered.
    pub(crate) fn names_lines(&self) -> bool {
        const NAMES: [&str; 3] = ["ndjson", "jsonl", "json-lines"];
        matches!(self, ContentType::Other(name) if NAMES.iter().any(|known| name.contains(known)))
    }
}

/// A way in which a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// gzip.
    Gzip,
    /// Brotli.
    Brotli,
}

impl Coding {
    /// Its name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Brotli => "br",
        }
    }

    fn named(name: &str) -> Option<Coding> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("gzip") || is("x-gzip") {
            return Some(Coding::Gzip);
        }
        is("br").then_some(Coding::Brotli)
    }
}

/// The value of the first field called `name` (any case), as text without surrounding blanks.
pub(super) fn text<'h>(headers: &[Header<'h>], name: &str) -> Option<&'h str> {
    values(headers, name).find_map(|value| std::str::from_utf8(value).ok()).map(str::trim)
}

/// The same, owned, and only if it is not empty.
pub(super) fn owned(headers: &[Header<'_>], name: &str) -> Option<Box<str>> {
    text(headers, name).filter(|value| !value.is_empty()).map(Box::from)
}

/// The first of `names` that was sent.
pub(super) fn first_of(headers: &[Header<'_>], names: &[&str]) -> Option<Box<str>> {
    names.iter().find_map(|name| owned(headers, name))
}

pub(super) fn content_type(headers: &[Header<'_>]) -> ContentType {
    let Some(value) = text(headers, "content-type") else { return ContentType::Missing };
    let essence = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match essence.as_str() {
        "" => ContentType::Missing,
        "text/event-stream" => ContentType::EventStream,
        "application/json" => ContentType::Json,
        other if other.ends_with("+json") => ContentType::Json,
        _ => ContentType::Other(essence.into()),
    }
}

/// Whether the connection may be used again, by version and Connection options; `close` beats all.
pub(super) fn keep_alive(version: u8, headers: &[Header<'_>]) -> bool {
    let says = |option: &str| tokens(headers, "connection").any(|token| token.eq_ignore_ascii_case(option));
    !says("close") && (version >= 1 || says("keep-alive"))
}

/// The framing that the fields declare, or `None` if they declare none. Transfer-Encoding beats
/// Content-Length (RFC 9112, 6.3).
pub(super) fn framing(headers: &[Header<'_>]) -> Result<Option<Framing>, HttpError> {
    let mut chunked = false;
    for coding in tokens(headers, "transfer-encoding") {
        if chunked || !coding.eq_ignore_ascii_case("chunked") {
            if coding.eq_ignore_ascii_case("identity") && !chunked {
                continue;
            }
            return Err(HttpError::UnsupportedTransferCoding(coding.into()));
        }
        chunked = true;
    }
    if chunked {
        return Ok(Some(Framing::Chunked));
    }
    let mut length: Option<u64> = None;
    for value in values(headers, "content-length") {
        for part in value.split(|&b| b == b',') {
            let this = decimal(part.trim_ascii()).ok_or(HttpError::InvalidLength)?;
            if length.is_some_and(|other| other != this) {
                return Err(HttpError::ConflictingLengths);
            }
            length = Some(this);
        }
    }
    Ok(length.map(|length| if length == 0 { Framing::Empty } else { Framing::Length(length) }))
}

/// Whether both ways of framing were used at once, after which a connection is not to be trusted.
pub(super) fn framed_twice(headers: &[Header<'_>]) -> bool {
    values(headers, "transfer-encoding").next().is_some()
        && values(headers, "content-length").next().is_some()
}

/// The first content coding other than identity.
pub(super) fn content_coding<'h>(headers: &[Header<'h>]) -> Option<&'h str> {
    tokens(headers, "content-encoding").find(|coding| !coding.eq_ignore_ascii_case("identity"))
}

/// How a body is compressed, if it is; the name of the coding where that is none that is known, or one on top of another.
pub(super) fn known_coding(headers: &[Header<'_>]) -> Result<Option<Coding>, Box<str>> {
    let mut codings =
        tokens(headers, "content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity"));
    match (codings.next(), codings.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => Coding::named(only).map(Some).ok_or_else(|| only.into()),
        (Some(first), Some(second)) => Err(format!("{first}, {second}").into()),
    }
}

/// The non-empty members of a comma-separated list, over all fields called `name`.
pub(super) fn tokens<'h>(headers: &[Header<'h>], name: &str) -> impl Iterator<Item = &'h str> {
    values(headers, name)
        .map(|value| std::str::from_utf8(value).unwrap_or("?"))
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

fn values<'h>(headers: &[Header<'h>], name: &str) -> impl Iterator<Item = &'h [u8]> {
    headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
