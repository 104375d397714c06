//! Answers in the making: which bytes go out when so many tokens are due.
//!
//! A streamed answer is never held in memory: its words are a function of (seed, prompt, index), and
//! [`Answer::fill`] writes as much as is due and as fits. The head of the response and what comes before the first
//! token go out together with it, as from the real APIs, and so cost no write of their own.

mod broken;

use floodline_core::faults::Cut;
use floodline_core::time::Moment;
use floodline_wire::http1::{BodyDecoder, Framing};
use floodline_wire::server::{self as api, Dialect, Identity, Script, Shape, Stream, Times, Words};

use super::flaw::{Break, Flaw, Next};
use super::providers::Charge;
use super::respond::{Body, Head};

/// What is to be answered.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) form: Form,
    /// Whether it is to come as a stream, which [`Order::begin`] makes of it.
    pub(super) streamed: bool,
    pub(super) dialect: Dialect,
    pub(super) request_id: Box<str>,
    pub(super) keep_alive: bool,
    /// Whether the client knows no chunked coding.
    pub(super) old_http: bool,
    pub(super) charge: Charge,
    /// Fields that state limits, as lines of the head.
    pub(super) fields: Vec<u8>,
}

/// How an answer is to look.
#[derive(Debug)]
pub(super) enum Form {
    /// An event for each token.
    Stream(Box<Stream>),
    /// One JSON object at the end.
    Whole { shape: Shape, identity: Identity, script: Script },
    /// Vectors: a body without tokens, due when the prompt has been read.
    Vectors(Vec<u8>),
}

impl Order {
    /// How many steps of the model it takes; at least one. A step is a token of each choice.
    pub(super) fn steps(&self) -> u32 {
        match &self.form {
            Form::Stream(stream) => stream.script().steps(),
            Form::Whole { script, .. } => script.steps(),
            Form::Vectors(_) => 1,
        }
    }

    /// Ends the answer after so many steps, as a limit on its tokens would.
    pub(super) fn cut(&mut self, steps: u32) {
        if let Form::Whole { script, .. } = &mut self.form {
            script.cut(steps);
        }
    }

    /// Makes a stream of it, if it is to be one. Until then nothing has been prepared for its tokens.
    pub(super) fn begin(&mut self) {
        if self.streamed
            && let Form::Whole { shape, identity, script } = &self.form
        {
            self.form = Form::Stream(Box::new(Stream::new(*shape, identity, script.clone())));
        }
    }
}

/// One answer, from the request's acceptance to its last byte.
#[derive(Debug)]
pub(super) struct Answer {
    order: Order,
    arrived: Moment,
    /// How many steps may go out by now.
    due: u32,
    /// When the first of those that may go out and have not was due; none if they wait for the client.
    due_at: Option<Moment>,
    times: Times,
    begun: bool,
    ended: bool,
    /// What is wrong with it.
    flaw: Option<Box<Flaw>>,
    /// How it has broken, as long as that has not been written.
    broken: Option<Break>,
    /// How it ends the connection.
    leaves: Option<Cut>,
}

impl Answer {
    /// An answer to a request that arrived at `arrived`.
    pub(super) fn new(order: Order, flaw: Option<Flaw>, arrived: Moment) -> Answer {
        Answer {
            order,
            arrived,
            due: 0,
            due_at: None,
            times: Times::default(),
            begun: false,
            ended: false,
            flaw: flaw.map(Box::new),
            broken: None,
            leaves: None,
        }
    }

    /// What is wrong with it.
    #[inline]
    pub(super) fn flaw(&mut self) -> Option<&mut Flaw> {
        self.flaw.as_deref_mut()
    }

    /// Lets go by `now` what its flaw has held back, and breaks where it is to break. When the last of it was to go out, if
    /// that was all.
    pub(super) fn catch_up(&mut self, now: Moment) -> Option<Moment> {
        let mut last = None;
        // What comes behind a break follows when that has been written.
        while !self.is_breaking()
            && let Some(next) = self.flaw.as_mut().and_then(|flaw| flaw.next(now))
        {
            let (Next::Release { at, .. } | Next::Break { at, .. }) = &next;
            last = Some(*at);
            match next {
                Next::Release { until, at } => self.release(until, at),
                Next::Break { broken: Break::Stall(_), .. } if !self.is_stream() => {}
                Next::Break { broken, at } => {
                    if !self.is_stream() {
                        self.release(self.order.steps(), at);
                    }
                    self.broken = Some(broken);
                }
            }
        }
        // One in one piece is over with its break.
        let is_broken = self.is_breaking() && !self.is_stream();
        last.filter(|_| is_broken || self.flaw.as_ref().is_some_and(|flaw| flaw.is_over()))
    }

    /// Whether it has broken and that has not been written, so that what comes behind it has to wait.
    pub(super) fn is_breaking(&self) -> bool {
        self.broken.is_some()
    }

    /// How it ends the connection, once all that goes out before has been handed over.
    pub(super) fn leaves(&self) -> Option<Cut> {
        self.leaves
    }

    /// The provider that answers.
    pub(super) fn place(&self) -> usize {
        self.order.charge.place
    }

    /// How many steps may have gone out.
    pub(super) fn released(&self) -> u32 {
        self.due
    }

    /// Lets tokens up to the one before `until` go out, due from `at` on.
    pub(super) fn release(&mut self, until: u32, at: Moment) {
        // Behind tokens that wait the new ones are as late as those; an answer in one piece is due with its last.
        if self.told() == self.due || !self.is_stream() {
            self.due_at = Some(at);
        }
        self.times.last = at.since(self.arrived).0;
        if self.due == 0 {
            self.times.first = self.times.last;
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
        self.is_stream() && (self.told() < self.due || self.broken.is_some())
    }

    /// Whether the connection can be used again afterwards.
    pub(super) fn keeps_alive(&self) -> bool {
        self.order.keep_alive && !(self.order.old_http && self.is_stream())
    }

    /// Appends to `out` what is due, until it is longer than `limit`; how many tokens that was.
    pub(super) fn fill(&mut self, words: &Words, out: &mut Vec<u8>, limit: usize) -> u32 {
        if self.ended || self.due == 0 && self.broken.is_none() {
            return 0;
        }
        if self.is_stream() {
            return self.fill_stream(words, out, limit);
        }
        if self.due < self.order.steps() {
            return 0;
        }
        self.ended = true;
        let (body, tokens) = match &mut self.order.form {
            Form::Whole { shape, identity, script } => {
                (api::whole(*shape, identity, script, words, self.times), script.output_tokens())
            }
            Form::Vectors(body) => (std::mem::take(body), 0),
            Form::Stream(_) => return 0,
        };
        if let Some(broken) = self.broken.take() {
            self.damage(out, body, broken);
            return tokens;
        }
        self.head(Body::Length(body.len()), JSON).write(out);
        out.extend_from_slice(&body);
        tokens
    }

    fn fill_stream(&mut self, words: &Words, out: &mut Vec<u8>, limit: usize) -> u32 {
        let start = out.len();
        if !self.begun {
            let Form::Stream(stream) = &self.order.form else { return 0 };
            self.head(Body::Chunked, stream.content_type()).write(out);
            self.begun = true;
        }
        let Form::Stream(stream) = &mut self.order.form else { return 0 };
        let tokens = stream.tell(words, out, self.due, limit, self.times);
        self.ended = stream.has_ended();
        if self.broken.is_some() && stream.told() == self.due {
            self.break_off(out);
        }
        if self.order.old_http {
            take_off_chunks(out, start);
        }
        tokens
    }

    fn is_stream(&self) -> bool {
        matches!(self.order.form, Form::Stream(_))
    }

    /// How many steps have gone out.
    fn told(&self) -> u32 {
        match &self.order.form {
            Form::Stream(stream) => stream.told(),
            Form::Whole { .. } | Form::Vectors(_) => 0,
        }
    }

    fn head<'a>(&'a self, body: Body, content_type: &'a str) -> Head<'a> {
        let body = if self.order.old_http && body == Body::Chunked { Body::UntilClose } else { body };
        Head {
            status: 200,
            content_type,
            body,
            dialect: self.order.dialect,
            request_id: &self.order.request_id,
            keep_alive: self.keeps_alive(),
            old_http: self.order.old_http,
            extra: if self.is_stream() { "cache-control: no-cache\r\n" } else { "" },
            fields: &self.order.fields,
        }
    }
}

const JSON: &str = "application/json";

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
    use crate::limits::KeyId;

    use floodline_wire::server::{Ask, Habit, Prompt};

    fn planned() -> (Shape, Identity, Script) {
        let shape = Shape::Chat { include_usage: true, azure: false };
        let identity = Identity { number: 1, created: 1, model: "m".into(), echo: Box::default() };
        let ask = Ask::new("m".into(), shape, Prompt { tokens: 3, hash: 1 });
        (shape, identity, Script::plan(&ask, Habit { tokens: Some(40), reasoning: 0 }, 7))
    }

    fn order(form: Form, old_http: bool) -> Order {
        Order {
            form,
            streamed: false,
            dialect: Dialect::OpenAi,
            request_id: "r".into(),
            keep_alive: true,
            old_http,
            charge: Charge {
                place: 0,
                key: KeyId::of(""),
                model: "m".into(),
                prompt_tokens: 3,
                max_tokens: Some(40),
                choices: 1,
                operation: "",
                api_version: None,
            },
            fields: Vec::new(),
        }
    }

    fn stream() -> Form {
        let (shape, identity, script) = planned();
        Form::Stream(Box::new(Stream::new(shape, &identity, script)))
    }

    fn whole() -> Form {
        let (shape, identity, script) = planned();
        Form::Whole { shape, identity, script }
    }

    fn written(order: Order, releases: &[u32], limit: usize) -> (String, u32) {
        let (words, mut answer) = (Words::new(), Answer::new(order, None, Moment(0)));
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
        let (text, tokens) = written(order(whole(), false), &[1, 39, 40], 10);
        assert_eq!(tokens, 40);
        assert!(text.contains("\"completion_tokens\":40"));
    }

    #[test]
    fn tokens_are_timed_by_the_first_that_waits_unless_it_waits_for_the_client() {
        let (words, mut answer) = (Words::new(), Answer::new(order(stream(), false), None, Moment(0)));
        answer.release(10, Moment(1));
        answer.fill(&words, &mut Vec::new(), 1);
        answer.release(20, Moment(2));
        assert_eq!(answer.due_at(), Some(Moment(1)), "some of the first ten have not gone out");
        answer.wait_for_client();
        answer.release(30, Moment(3));
        assert_eq!(answer.due_at(), None);
        assert_eq!(answer.fill(&words, &mut Vec::new(), usize::MAX) + answer.told(), 60);
        answer.release(40, Moment(4));
        assert_eq!(answer.due_at(), Some(Moment(4)));

        let mut whole = Answer::new(order(whole(), false), None, Moment(0));
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
}
