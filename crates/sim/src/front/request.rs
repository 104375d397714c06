//! Requests put together from whatever bytes have come, cut anywhere. No socket here.

use floodline_wire::http1::request::{RequestHead, parse_request};
use floodline_wire::http1::{BodyDecoder, Framing, HttpError};
use floodline_wire::server::{Dialect, Fault, Route};

/// The largest body that is read: far more than the longest context of any model.
pub(super) const MAX_BODY: usize = 64 * 1024 * 1024;

/// A request, read in full.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) head: RequestHead,
    /// Whether the client speaks HTTP/1.0 and so knows no chunked coding.
    pub(super) old_http: bool,
    pub(super) body: Vec<u8>,
}

/// Puts the requests of one connection together.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// The request whose body is being read. Boxed: most connections wait most of the time.
    reading: Option<Box<(Request, BodyDecoder)>>,
}

/// What [`Assembler::feed`] came to.
#[derive(Debug)]
pub(super) enum Progress {
    /// More bytes are needed; those not consumed are to be handed in again, with what follows them.
    Partial,
    /// The head is there, and the client waits to be told to send the body.
    Continue,
    /// A whole request. What follows in the input belongs to the next one.
    Request(Box<Request>),
}

impl Assembler {
    /// Takes what it can from `input`: how many bytes, and what came of them.
    ///
    /// # Errors
    /// The fault to answer with, and then to close the connection.
    pub(super) fn feed(&mut self, input: &[u8]) -> Result<(usize, Progress), Fault> {
        let mut used = 0;
        if self.reading.is_none() {
            let Some((head, length)) = parse_request(input).map_err(fault)? else {
                return Ok((0, Progress::Partial));
            };
            used = length;
            let waits = head.expect_continue && head.framing != Framing::Empty && used == input.len();
            let old_http = says_http_1_0(&input[..used]);
            let mut body = Vec::new();
            if let Framing::Length(length) = head.framing {
                if length > MAX_BODY as u64 {
                    return Err(Fault::too_large(Route::dialect_of(&head), MAX_BODY));
                }
                // What a client announces costs no memory before it comes.
                body.reserve_exact((length as usize).min(256 * 1024));
            }
            let decoder = BodyDecoder::new(head.framing);
            self.reading = Some(Box::new((Request { head, old_http, body }, decoder)));
            if waits {
                return Ok((used, Progress::Continue));
            }
        }
        let Some(mut reading) = self.reading.take() else { return Ok((used, Progress::Partial)) };
        let (request, decoder) = &mut *reading;
        let mut room = true;
        let fed = decoder
            .feed(&input[used..], &mut |bytes| {
                room &= request.body.len() + bytes.len() <= MAX_BODY;
                if room {
                    request.body.extend_from_slice(bytes);
                }
            })
            .map_err(fault)?;
        used += fed.consumed;
        if !room {
            return Err(Fault::too_large(Route::dialect_of(&request.head), MAX_BODY));
        }
        if !fed.done {
            self.reading = Some(reading);
            return Ok((used, Progress::Partial));
        }
        Ok((used, Progress::Request(Box::new(reading.0))))
    }
}

/// What is no HTTP was meant for nobody in particular.
fn fault(error: HttpError) -> Fault {
    Fault::new(Dialect::OpenAi, error.status(), format!("{error}."))
}

fn says_http_1_0(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    line.is_some_and(|line| line.trim_ascii_end().ends_with(b"HTTP/1.0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` in pieces of `size`, as a connection would; the requests' bodies.
    fn bodies(bytes: &[u8], size: usize) -> Result<Vec<String>, u16> {
        let (mut assembler, mut held, mut bodies) = (Assembler::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(size) {
            held.extend_from_slice(piece);
            loop {
                let (used, progress) = assembler.feed(&held).map_err(|fault| fault.status)?;
                held.drain(..used);
                match progress {
                    Progress::Partial => break,
                    Progress::Continue => {}
                    Progress::Request(request) => bodies.push(String::from_utf8(request.body).unwrap()),
                }
                if held.is_empty() {
                    break;
                }
            }
        }
        Ok(bodies)
    }

    #[test]
    fn requests_are_the_same_however_they_are_cut() {
        let bytes = b"POST /a HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n\
            POST /c HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\nGET /d HTTP/1.0\r\n\r\n";
        for size in 1..=bytes.len() {
            assert_eq!(
                bodies(bytes, size),
                Ok(vec!["abc".into(), "".into(), "def".into(), "".into()]),
                "{size}"
            );
        }
    }

    #[test]
    fn a_body_beyond_the_limit_is_refused_before_it_is_read() {
        let head = format!("POST /a HTTP/1.1\r\ncontent-length: {}\r\n\r\n", MAX_BODY + 1);
        assert_eq!(bodies(head.as_bytes(), 1000), Err(413));
        let mut chunked = b"POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        chunked.extend_from_slice(format!("{:x}\r\n", MAX_BODY + 1).as_bytes());
        chunked.resize(chunked.len() + MAX_BODY + 1, b'x');
        assert_eq!(bodies(&chunked, 1 << 20), Err(413));
    }

    #[test]
    fn a_client_that_waits_is_told_to_go_on_once() {
        let mut assembler = Assembler::default();
        let head = b"POST /a HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
        assert!(matches!(assembler.feed(head), Ok((_, Progress::Continue))));
        assert!(matches!(assembler.feed(b"ab"), Ok((2, Progress::Partial))));
        assert!(matches!(assembler.feed(b"c"), Ok((1, Progress::Request(_)))));
    }

    #[test]
    fn the_old_protocol_is_recognised() {
        assert!(says_http_1_0(b"\r\nGET / HTTP/1.0\r\nx: HTTP/1.1\r\n\r\n"));
        assert!(!says_http_1_0(b"GET / HTTP/1.1\r\nx: HTTP/1.0\r\n\r\n"));
    }
}
