//! Answers in the making: which words, and which bytes go out when so many tokens are due.
//!
//! A streamed answer is never held in memory: its words are a function of (seed, prompt, index), and
//! [`Answer::fill`] writes as much as is due and as fits. The head of the response and the role chunk go out
//! together with the first token, as from the real API, and so cost no write of their own.

use floodline_core::Finish;
use floodline_core::time::Moment;
use floodline_wire::http1::{BodyDecoder, Framing};
use floodline_wire::openai::server::{self as api, ChunkWriter};
use floodline_wire::tokens::words::WORDS;

use super::respond::{Body, Head};

/// What is to be answered.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) form: Form,
    pub(super) id: Box<str>,
    pub(super) created: u64,
    pub(super) model: Box<str>,
    pub(super) request_id: Box<str>,
    pub(super) keep_alive: bool,
    /// Whether the client knows no chunked coding.
    pub(super) old_http: bool,
    /// The text is a function of this.
    pub(super) text_seed: u64,
    pub(super) prompt_tokens: u32,
    /// How long the answer is; at least one.
    pub(super) tokens: u32,
    pub(super) finish: Finish,
}

/// How an answer is to look.
#[derive(Debug)]
pub(super) enum Form {
    /// A chunk for each token.
    Stream { writer: ChunkWriter, include_usage: bool },
    /// One JSON object at the end.
    Whole,
}

/// One answer, from the request's acceptance to its last byte.
#[derive(Debug)]
pub(super) struct Answer {
    order: Order,
    /// How many tokens may go out by now.
    due: u32,
    /// When the first of those that may go out and have not was due; none if they wait for the client.
    due_at: Option<Moment>,
    /// How many have gone out.
    written: u32,
    begun: bool,
    ended: bool,
}

impl Answer {
    pub(super) fn new(order: Order) -> Answer {
        Answer { order, due: 0, due_at: None, written: 0, begun: false, ended: false }
    }

    /// Lets tokens up to the one before `until` go out, due from `at` on.
    pub(super) fn release(&mut self, until: u32, at: Moment) {
        // Behind tokens that wait the new ones are as late as those; an answer in one piece is due with its last.
        if self.written == self.due || !self.is_stream() {
            self.due_at = Some(at);
        }
        self.due = until;
    }

    /// The tokens that may go out cannot, because the client does not take them: their lateness is its own.
    pub(super) fn wait_for_client(&mut self) {
        self.due_at = None;
    }

    /// When the tokens that [`Answer::fill`] writes next were due, the first of them.
    pub(super) fn due_at(&self) -> Option<Moment> {
        self.due_at
    }

    /// Whether everything has been written.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether tokens that may go out have not, for want of room.
    pub(super) fn has_more(&self) -> bool {
        self.is_stream() && self.written < self.due
    }

    /// Whether the connection can be used again afterwards.
    pub(super) fn keeps_alive(&self) -> bool {
        self.order.keep_alive && !(self.order.old_http && self.is_stream())
    }

    /// Appends to `out` what is due, until it is longer than `limit`; how many tokens that was.
    pub(super) fn fill(&mut self, words: &Words, out: &mut Vec<u8>, limit: usize) -> u32 {
        if self.ended || self.due == 0 {
            return 0;
        }
        let start = out.len();
        let tokens = match &self.order.form {
            Form::Stream { .. } => self.fill_stream(words, out, limit),
            Form::Whole if self.due == self.order.tokens => self.fill_whole(words, out),
            Form::Whole => 0,
        };
        if self.order.old_http && self.is_stream() {
            take_off_chunks(out, start);
        }
        tokens
    }

    fn is_stream(&self) -> bool {
        matches!(self.order.form, Form::Stream { .. })
    }

    fn fill_stream(&mut self, words: &Words, out: &mut Vec<u8>, limit: usize) -> u32 {
        let Form::Stream { writer, include_usage } = &self.order.form else { return 0 };
        if !self.begun {
            self.begun = true;
            self.head(Body::Chunked, "text/event-stream; charset=utf-8").write(out);
            writer.role(out);
        }
        let from = self.written;
        while self.written < self.due && out.len() < limit {
            writer.token(out, words.token(self.order.text_seed, self.written));
            self.written += 1;
        }
        if self.written == self.order.tokens {
            writer.finish(out, self.order.finish);
            if *include_usage {
                writer.usage(out, self.order.prompt_tokens, self.order.tokens);
            }
            writer.done(out);
            self.ended = true;
        }
        self.written - from
    }

    fn fill_whole(&mut self, words: &Words, out: &mut Vec<u8>) -> u32 {
        let text: String = (0..self.order.tokens).map(|at| words.token(self.order.text_seed, at)).collect();
        let body = api::completion_body(&api::Answer {
            id: &self.order.id,
            created: self.order.created,
            model: &self.order.model,
            text: &text,
            finish: self.order.finish,
            prompt_tokens: self.order.prompt_tokens,
            completion_tokens: self.order.tokens,
        });
        self.head(Body::Length(body.len()), "application/json").write(out);
        out.extend_from_slice(&body);
        self.written = self.order.tokens;
        self.ended = true;
        self.written
    }

    fn head(&self, body: Body, content_type: &'static str) -> Head<'_> {
        let body = if self.order.old_http && body == Body::Chunked { Body::UntilClose } else { body };
        Head {
            status: 200,
            content_type,
            body,
            request_id: &self.order.request_id,
            keep_alive: self.keeps_alive(),
            old_http: self.order.old_http,
            extra: if self.is_stream() { "cache-control: no-cache\r\n" } else { "" },
        }
    }
}

/// The words of answers, each with the blank that joins it to the one before.
#[derive(Debug)]
pub(super) struct Words(Box<[Box<str>]>);

impl Words {
    pub(super) fn new() -> Words {
        Words(WORDS.iter().map(|word| format!(" {word}").into_boxed_str()).collect())
    }

    /// Token `index` of the text of `seed`.
    #[inline]
    fn token(&self, seed: u64, index: u32) -> &str {
        let draw = mix(seed.wrapping_add(u64::from(index).wrapping_mul(GOLDEN))) >> 32;
        let word = self.0.get(((draw * self.0.len() as u64) >> 32) as usize).map_or(" ", |word| word);
        if index == 0 { &word[1..] } else { word }
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Scatters 64 bits (the finaliser of SplitMix64, Steele and others 2014).
#[inline]
pub(super) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// For HTTP/1.0: leaves only the payload of the chunks that follow the head, if there is one, at `start`.
#[cold]
fn take_off_chunks(out: &mut Vec<u8>, start: usize) {
    let written = out.split_off(start);
    let head = if written.starts_with(b"HTTP/") {
        written.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(0, |at| at + 4)
    } else {
        0
    };
    let (head, chunks) = written.split_at(head);
    out.extend_from_slice(head);
    // Our own chunks are well formed, and each fill writes whole ones.
    let _ = BodyDecoder::new(Framing::Chunked).feed(chunks, &mut |payload| out.extend_from_slice(payload));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(form: Form, old_http: bool) -> Order {
        Order {
            form,
            id: "chatcmpl-1".into(),
            created: 1,
            model: "m".into(),
            request_id: "r".into(),
            keep_alive: true,
            old_http,
            text_seed: 7,
            prompt_tokens: 3,
            tokens: 40,
            finish: Finish::Stop,
        }
    }

    fn stream() -> Form {
        Form::Stream { writer: ChunkWriter::new("chatcmpl-1", 1, "m", true), include_usage: true }
    }

    fn written(order: Order, releases: &[u32], limit: usize) -> (String, u32) {
        let (words, mut answer) = (Words::new(), Answer::new(order));
        let (mut all, mut tokens) = (Vec::new(), 0);
        for until in releases {
            answer.release(*until, Moment(u64::from(*until)));
            loop {
                let mut out = Vec::new();
                tokens += answer.fill(&words, &mut out, limit);
                if out.is_empty() {
                    break;
                }
                all.append(&mut out);
            }
        }
        assert!(answer.has_ended());
        (String::from_utf8(all).unwrap(), tokens)
    }

    #[test]
    fn the_bytes_do_not_depend_on_when_they_are_asked_for() {
        let (at_once, tokens) = written(order(stream(), false), &[40], usize::MAX);
        assert_eq!(tokens, 40);
        assert_eq!(written(order(stream(), false), &[1, 2, 17, 40], 500), (at_once.clone(), 40));
        assert!(at_once.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"));
    }

    #[test]
    fn a_whole_answer_comes_when_its_last_token_is_due() {
        let (text, tokens) = written(order(Form::Whole, false), &[1, 39, 40], 10);
        assert_eq!(tokens, 40);
        assert!(text.contains("\"completion_tokens\":40"));
    }

    #[test]
    fn tokens_are_timed_by_the_first_that_waits_unless_it_waits_for_the_client() {
        let (words, mut answer) = (Words::new(), Answer::new(order(stream(), false)));
        answer.release(10, Moment(1));
        answer.fill(&words, &mut Vec::new(), 1);
        answer.release(20, Moment(2));
        assert_eq!(answer.due_at(), Some(Moment(1)), "some of the first ten have not gone out");
        answer.wait_for_client();
        answer.release(30, Moment(3));
        assert_eq!(answer.due_at(), None);
        assert_eq!(answer.fill(&words, &mut Vec::new(), usize::MAX) + answer.written, 60);
        answer.release(40, Moment(4));
        assert_eq!(answer.due_at(), Some(Moment(4)));

        let mut whole = Answer::new(order(Form::Whole, false));
        whole.release(1, Moment(1));
        assert_eq!(whole.fill(&words, &mut Vec::new(), usize::MAX), 0);
        whole.release(40, Moment(2));
        assert_eq!(whole.due_at(), Some(Moment(2)), "nothing of it can go out before its last token");
    }

    #[test]
    fn the_old_protocol_gets_no_chunks() {
        let (text, _) = written(order(stream(), true), &[1, 20, 40], 500);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("connection: close") && !head.contains("chunked"));
        assert!(body.starts_with("data: {") && body.ends_with("data: [DONE]\n\n"));
        assert!(body.split_terminator("\n\n").all(|event| event.starts_with("data: ")), "{body}");
    }

    #[test]
    fn the_text_is_a_function_of_its_seed() {
        let words = Words::new();
        let text = |seed| (0..50).map(|at| words.token(seed, at)).collect::<String>();
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
        assert!(!text(1).starts_with(' '));
    }
}
