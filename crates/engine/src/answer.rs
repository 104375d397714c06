//! One answer, taken in as it arrives: what its bytes mean and when they came.
//!
//! No I/O here: bytes and their stamps go in; what was measured and how it ended come out. Nothing is
//! allocated per token but the packed arrival.

mod ending;

use floodline_core::arrivals::{Arrival, Arrivals};
use floodline_core::stated::StatedLimits;
use floodline_core::{Moment, Outcome, Record, Span};
use floodline_wire::codec::{Brought, Codec, Stream};
use floodline_wire::http1::response::{Head, parse_head};
use floodline_wire::http1::{BodyDecoder, ContentType, Fed, HttpError};
use floodline_wire::limits::retry_hint;

use crate::counter::ToCount;
use crate::inflate::{Inflate, Stopped};

pub(crate) use ending::{Heard, Judged};
use ending::{count, refused, stream_end, whole_end};

/// How a TLS server begins to say that it was not spoken to in TLS.
const TLS_ALERT: &[u8] = b"\x15\x03";

/// An answer may be this long: a stream by what it says, any other as it comes.
const MAX_WHOLE: usize = 64 * 1024 * 1024;
const TOO_LARGE: &str = "the answer is larger than 64 MiB";
/// A compressed stream may be this long when unpacked: what it says is a fraction of that.
const MAX_UNPACKED: usize = 4 * MAX_WHOLE;

/// An answer on its way in.
pub(crate) struct Answer {
    codec: Codec,
    /// Whether a stream was asked for.
    streamed: bool,
    /// Whether somebody judges it, and wants to see all of it.
    is_judged: bool,
    /// A head that has not arrived whole.
    head: Vec<u8>,
    /// Its header fields and its body, where somebody wants to see them.
    headers: Vec<(String, String)>,
    body_heard: Vec<u8>,
    body: Option<Body>,
    status: Option<u16>,
    request_id: Option<Box<str>>,
    limits: Option<Box<StatedLimits>>,
    keep_alive: bool,
    first_content: Option<Moment>,
    coalesced_first: bool,
    max_gap: Option<Span>,
    lag_max: Option<Span>,
    last: Option<Moment>,
    arrivals: Arrivals,
}

struct Body {
    decoder: BodyDecoder,
    /// Of a compressed body.
    packed: Option<Box<Packed>>,
    content: Content,
}

/// The compression of a body.
struct Packed {
    inflate: Inflate,
    /// How much has come out of it.
    unpacked: usize,
    /// Whether the answer is a success.
    ok: bool,
    /// What is wrong with it, once that is known.
    damage: Option<String>,
}

enum Content {
    /// A stream of events.
    Events(Box<Stream>),
    /// Anything else, kept to be read at the end; and why it cannot be what was asked for, if so.
    Whole { bytes: Vec<u8>, unexpected: Option<String> },
}

/// Bytes that cannot be an answer.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) String);

impl From<HttpError> for Broken {
    fn from(e: HttpError) -> Broken {
        Broken(e.to_string())
    }
}

impl Answer {
    pub(crate) fn new(codec: Codec, streamed: bool, is_judged: bool) -> Answer {
        Answer {
            codec,
            streamed,
            is_judged,
            head: Vec::new(),
            headers: Vec::new(),
            body_heard: Vec::new(),
            body: None,
            status: None,
            request_id: None,
            limits: None,
            keep_alive: false,
            first_content: None,
            coalesced_first: false,
            max_gap: None,
            lag_max: None,
            last: None,
            arrivals: Arrivals::default(),
        }
    }

    /// Whether any byte of it has come.
    pub(crate) fn begun(&self) -> bool {
        self.last.is_some()
    }

    /// Token-bearing events so far.
    pub(crate) fn events(&self) -> u64 {
        self.arrivals.events()
    }

    /// When the last byte came.
    pub(crate) fn last(&self) -> Option<Moment> {
        self.last
    }

    /// Whether the stream has said that it is over, though its framing may not have.
    pub(crate) fn said_done(&self) -> bool {
        matches!(&self.body, Some(Body { content: Content::Events(events), .. }) if events.said().done)
    }

    /// Takes the bytes of one read; true when the answer is complete. The number of token-bearing
    /// events in it is added to `events`.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        at: Moment,
        lag: Span,
        events: &mut u64,
    ) -> Result<bool, Broken> {
        self.last = Some(at);
        self.lag_max = self.lag_max.max(Some(lag));
        match &mut self.body {
            Some(_) => self.take_body(bytes, at, lag, events),
            None if self.head.is_empty() => self.take_head(bytes, at, lag, events),
            None => {
                let mut head = std::mem::take(&mut self.head);
                head.extend_from_slice(bytes);
                self.take_head(&head, at, lag, events)
            }
        }
    }

    fn take_head(&mut self, bytes: &[u8], at: Moment, lag: Span, events: &mut u64) -> Result<bool, Broken> {
        if bytes.starts_with(TLS_ALERT) {
            return Err(Broken("the server speaks TLS on this port; is it https rather than http?".into()));
        }
        let Some((head, length)) = parse_head(bytes)? else {
            self.head = bytes.to_vec();
            return Ok(false);
        };
        if self.is_judged {
            self.headers = fields(&bytes[..length]);
        }
        self.begin(head);
        self.take_body(&bytes[length..], at, lag, events)
    }

    /// Takes a head that came apart from the bytes of its body, as those of HTTP/2 do, and its fields where somebody
    /// wants to see them.
    pub(crate) fn take_fields(
        &mut self,
        head: Head,
        fields: impl FnOnce() -> Vec<(String, String)>,
        at: Moment,
        lag: Span,
    ) {
        self.last = Some(at);
        self.lag_max = self.lag_max.max(Some(lag));
        if self.is_judged {
            self.headers = fields();
        }
        self.begin(head);
    }

    /// Prepares for the body that this head announces.
    fn begin(&mut self, head: Head) {
        self.status = Some(head.status);
        self.keep_alive = head.keep_alive;
        let ok = (200..300).contains(&head.status);
        let framing = self.codec.framing(&head.content_type);
        let content = match (ok, self.streamed, &head.content_type) {
            (true, _, content_type) if self.codec.is_whole(content_type, self.streamed) => {
                Content::Whole { bytes: Vec::new(), unexpected: None }
            }
            (true, true, content_type) => match framing {
                Some(framing) => Content::Events(Box::new(Stream::new(self.codec.clone(), framing))),
                None => Content::Whole { bytes: Vec::new(), unexpected: Some(no_stream(content_type)) },
            },
            (true, false, other) => Content::Whole { bytes: Vec::new(), unexpected: Some(no_json(other)) },
            (false, ..) => Content::Whole {
                bytes: Vec::new(),
                unexpected: match (&head.location, &head.encoded) {
                    (Some(to), _) => Some(format!("redirected to {to}; use that URL")),
                    (None, Some(coding)) => Some(format!("(body encoded as {coding})")),
                    (None, None) => None,
                },
            },
        };
        self.request_id = head.request_id;
        self.limits = head.limits;
        let packed = head
            .coding
            .map(|coding| Box::new(Packed { inflate: Inflate::new(coding), unpacked: 0, ok, damage: None }));
        self.body = Some(Body { decoder: BodyDecoder::new(head.framing), packed, content });
    }

    fn take_body(&mut self, bytes: &[u8], at: Moment, lag: Span, events: &mut u64) -> Result<bool, Broken> {
        let Some(Body { decoder, packed, content }) = &mut self.body else { return Ok(false) };
        let fed = match content {
            Content::Events(stream) => {
                let (mut brought, mut too_large) = (Brought::default(), false);
                let mut feed = |piece: &[u8]| {
                    too_large |= stream.feed(piece, &mut brought).is_err();
                    !too_large
                };
                let fed = match packed {
                    None => decoder.feed(bytes, &mut |piece| {
                        feed(piece);
                    })?,
                    Some(packed) => packed.feed(decoder, bytes, MAX_UNPACKED, &mut feed)?,
                };
                if too_large {
                    return Err(Broken("an event of the stream is larger than 16 MiB".into()));
                }
                if stream.said().length() > MAX_WHOLE {
                    return Err(Broken(TOO_LARGE.into()));
                }
                *events += u64::from(brought.tokens);
                self.arrived(brought.tokens, brought.contents, at, lag);
                fed
            }
            Content::Whole { bytes: whole, .. } => {
                let mut keep = |piece: &[u8]| {
                    whole.extend_from_slice(piece);
                    true
                };
                let fed = match packed {
                    None => decoder.feed(bytes, &mut |piece| {
                        keep(piece);
                    })?,
                    Some(packed) => packed.feed(decoder, bytes, MAX_WHOLE, &mut keep)?,
                };
                if whole.len() > MAX_WHOLE {
                    return Err(Broken(TOO_LARGE.into()));
                }
                fed
            }
        };
        // Bytes after the end of an answer belong to nothing that was asked.
        self.keep_alive &= fed.consumed == bytes.len();
        Ok(fed.done)
    }

    /// Notes the arrival of so many token-bearing events in one read.
    fn arrived(&mut self, tokens: u32, contents: u32, at: Moment, lag: Span) {
        if tokens == 0 {
            return;
        }
        if let Some(before) = self.arrivals.last().filter(|&before| before < at) {
            self.max_gap = self.max_gap.max(Some(at.since(before)));
        }
        if contents > 0 {
            self.first_content.get_or_insert(at);
        }
        self.arrivals.push(Arrival { at, events: tokens, lag });
        if self.arrivals.count() == 1 {
            self.coalesced_first = self.arrivals.events() > 1;
        }
    }

    /// Ends the answer, at the end of its framing (`complete`) or of the connection, and fills in what it says.
    pub(crate) fn finish(mut self, complete: bool, record: &mut Record) -> Judged {
        let framed = complete || self.body.as_ref().is_some_and(|b| b.decoder.finish().is_ok());
        let status = self.status;
        let reusable = complete && self.keep_alive;
        let mut body = self.body.take();
        let damage = body.as_mut().filter(|_| framed).and_then(|body| body.packed.as_mut()?.damage());
        let judged = match body {
            None => Judged::failed(
                Outcome::Connection,
                "the connection was closed before the answer's head was complete",
            ),
            Some(Body { content: Content::Events(stream), .. }) => {
                stream_end(*stream, framed, &mut self, record)
            }
            Some(Body { content: Content::Whole { mut bytes, unexpected }, .. }) => match status {
                Some(200..300) if damage.is_some() => {
                    Judged::failed(Outcome::Malformed, damage.unwrap_or_default())
                }
                Some(status @ 200..300) if framed => {
                    let judged = whole_end(&self.codec, status, &bytes, unexpected, record);
                    self.body_heard = std::mem::take(&mut bytes);
                    judged
                }
                Some(200..300) | None => Judged::failed(
                    Outcome::Truncated,
                    "the connection was closed before the answer was complete",
                ),
                Some(status) => {
                    self.hint(retry_hint(&bytes));
                    let unread = damage.filter(|_| bytes.is_empty()).map(|why| format!("({why})"));
                    let judged = refused(status, &bytes, unexpected.or(unread));
                    self.body_heard = std::mem::take(&mut bytes);
                    judged
                }
            },
        };
        let heard = self.is_judged.then(|| {
            let (headers, body) = (std::mem::take(&mut self.headers), std::mem::take(&mut self.body_heard));
            Box::new(Heard { headers, body })
        });
        self.fill(record);
        Judged { reusable, heard, ..judged }
    }

    /// Ends an answer that did not come to its end, and fills in what there is of it. Returns what is to be
    /// counted.
    pub(crate) fn give_up(mut self, record: &mut Record) -> Option<ToCount> {
        let to_count = match self.body.take() {
            Some(Body { content: Content::Events(stream), .. }) => count(stream.said(), record),
            _ => None,
        };
        self.fill(record);
        to_count
    }

    /// Notes what a refusal says in its body about when to try again, where its head does not.
    fn hint(&mut self, retry_after: Option<Span>) {
        if retry_after.is_some() {
            let limits = self.limits.get_or_insert_default();
            limits.hint = limits.hint.or(retry_after);
        }
    }

    fn fill(self, record: &mut Record) {
        record.status = self.status;
        if let Some(id) = self.request_id {
            record.request_id = Some(id.into());
        }
        record.limits = self.limits;
        record.first_token = self.arrivals.first();
        record.first_content = self.first_content;
        record.coalesced_first = self.coalesced_first;
        record.max_gap = self.max_gap;
        record.lag_max = self.lag_max;
        record.last = self.last;
        record.arrivals = self.arrivals;
    }
}

impl Packed {
    /// Takes the framing off `bytes` and the compression off what is in it, up to `most` bytes in all.
    fn feed(
        &mut self,
        decoder: &mut BodyDecoder,
        bytes: &[u8],
        most: usize,
        sink: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<Fed, Broken> {
        let Packed { ok, inflate, unpacked, damage } = self;
        let mut sink = |piece: &[u8]| {
            *unpacked += piece.len();
            sink(piece) && *unpacked <= most
        };
        let fed = decoder.feed(bytes, &mut |piece| {
            if damage.is_none() {
                *damage = match inflate.feed(piece, &mut sink) {
                    Err(Stopped::Broken(why)) => Some(why),
                    Err(Stopped::Enough) => Some(TOO_LARGE.into()),
                    Ok(()) => None,
                };
            }
        })?;
        // The status of a refusal is worth more than the text that cannot be read.
        match damage.as_ref().filter(|_| *ok) {
            Some(why) => Err(Broken(why.clone())),
            None => Ok(fed),
        }
    }

    /// Why what was unpacked is not the whole body, if so; asked once, when it has ended.
    fn damage(&mut self) -> Option<String> {
        let end = match self.inflate.finish() {
            Err(Stopped::Broken(why)) => Some(why),
            Err(Stopped::Enough) | Ok(()) => None,
        };
        self.damage.take().or(end)
    }
}

/// The fields of a head, names in lower case; what is no text is replaced.
fn fields(head: &[u8]) -> Vec<(String, String)> {
    let field = |line: &[u8]| {
        let text = String::from_utf8_lossy(line);
        let (name, value) = text.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    head.split(|byte| *byte == b'\n').skip(1).filter_map(field).collect()
}

fn no_stream(content_type: &ContentType) -> String {
    format!(
        "the answer is {}, not an event stream; does the server stream? (--no-stream asks it not to)",
        media_type(content_type)
    )
}

fn no_json(content_type: &ContentType) -> String {
    format!("the answer is {}, not JSON", media_type(content_type))
}

fn media_type(content_type: &ContentType) -> &str {
    match content_type {
        ContentType::EventStream => "an event stream",
        ContentType::Json => "JSON",
        ContentType::Other(other) => other,
        ContentType::Missing => "of no stated type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a refusal with this coding and body is judged.
    fn refusal(coding: &str, body: &[u8]) -> (Outcome, Option<String>) {
        let head = format!(
            "HTTP/1.1 429 Too Many\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut answer = Answer::new(Codec::Chat, true, false);
        let bytes = [head.as_bytes(), body].concat();
        assert!(answer.take(&bytes, Moment::START, Span::ZERO, &mut 0).is_ok_and(|complete| complete));
        let mut record = Record::planned(0, floodline_core::Phase::Main, "p".into(), Moment::START);
        let judged = answer.finish(true, &mut record);
        (judged.outcome, judged.error)
    }

    #[test]
    fn a_refusal_whose_body_cannot_be_read_is_judged_by_its_status() {
        let unknown = (Outcome::RateLimited, Some("(body encoded as zstd)".to_owned()));
        assert_eq!(refusal("zstd", b"anything"), unknown);
        let broken = (Outcome::RateLimited, Some("(the gzip data of the answer is broken)".to_owned()));
        assert_eq!(refusal("gzip", b"no gzip at all"), broken);
        let cut = (Outcome::RateLimited, Some("(the gzip data of the answer ends too early)".to_owned()));
        assert_eq!(refusal("gzip", b"\x1f\x8b\x08\x00"), cut);
    }

    #[test]
    fn a_refusal_whose_body_is_compressed_is_read() {
        let body = br#"{"error":{"code":"insufficient_quota","message":"pay"}}"#;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut gzip, body).unwrap();
        assert_eq!(refusal("gzip", &gzip.finish().unwrap()), (Outcome::QuotaExceeded, Some("pay".into())));
    }
}
