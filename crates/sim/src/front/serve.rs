//! What the loop does with the bytes of a connection: requests are taken from them, and answered at once or
//! handed to the pace.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use floodline_core::faults::{Cut, Kind};
use floodline_core::time::{Moment, Span};
use floodline_wire::http1::request::Method;
use floodline_wire::server::{self, Dialect, Route, Words, mix};

use super::admin;
use super::answer::{Answer, Order};
use super::connection::{Connection, End, Gone, Pumped, Sent};
use super::flaw::Flaw;
use super::providers::Providers;
use super::request::{Progress, Request};
use super::respond::{Asked, Small};
use super::routes::{Call, Reply, Routes};
use super::stats::{Lateness, Shared, count};
use super::struck::TurnedAway;
use crate::clock::Clock;
use crate::model::SeqId;

/// The buffer for writing is given back beyond this: a long answer that is not streamed has been through it.
const KEEP: usize = 1024 * 1024;

/// What connections are served with.
pub(super) struct Front {
    pub(super) clock: Clock,
    pub(super) routes: Routes,
    pub(super) words: Words,
    pub(super) shared: Arc<Shared>,
    pub(super) lateness: Lateness,
    /// What is read, and what is written, passes through here; connections hold only what is left over.
    pub(super) reading: Box<[u8]>,
    pub(super) writing: Vec<u8>,
    /// Keys of connections that are to be closed.
    pub(super) gone: Vec<u64>,
}

impl Front {
    /// Takes requests from what was left over and `bytes`, until one has to be answered first.
    pub(super) fn take_requests(
        &mut self,
        providers: &mut Providers,
        key: u64,
        connection: &mut Connection,
        bytes: &[u8],
        arrived: Moment,
    ) {
        // Mostly nothing was left over, and then nothing is copied.
        let mut held = std::mem::take(&mut connection.input);
        if !held.is_empty() {
            held.extend_from_slice(bytes);
        }
        let input = if held.is_empty() { bytes } else { &held[..] };
        let mut used = 0;
        while used < input.len() && connection.takes_requests() {
            match connection.assembler.feed(&input[used..]) {
                Ok((taken, progress)) => {
                    used += taken;
                    match progress {
                        Progress::Partial => break,
                        Progress::Continue => {
                            connection.output().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                        }
                        Progress::Request(request) => {
                            self.answer(providers, key, connection, *request, arrived);
                        }
                    }
                }
                Err(fault) => {
                    let number = count_request(&self.shared);
                    let dialect = fault.dialect;
                    let request_id = self.request_id(dialect, number, None);
                    let asked = Asked {
                        dialect,
                        request_id: &request_id,
                        keep_alive: false,
                        old_http: false,
                        head_only: false,
                    };
                    Small::fault(&fault, &request_id).write(connection.output(), asked);
                    connection.end = End::Drain;
                    used = input.len();
                }
            }
        }
        if held.is_empty() {
            connection.input.extend_from_slice(&bytes[used..]);
        } else {
            held.drain(..used);
            connection.input = held;
        }
    }

    fn answer(
        &mut self,
        providers: &mut Providers,
        key: u64,
        connection: &mut Connection,
        mut request: Request,
        arrived: Moment,
    ) {
        if connection.admin {
            self.administer(providers, connection, &request);
            return;
        }
        let number = count_request(&self.shared);
        let site = self.routes.site(&mut request.head);
        let dialect = Route::dialect_of(&request.head);
        let request_id = self.request_id(dialect, number, request.head.request_id.as_deref());
        let now = self.clock.since_1970();
        let asked = Asked {
            dialect,
            request_id: &request_id,
            keep_alive: request.head.keep_alive,
            old_http: request.old_http,
            head_only: request.head.method == Method::Head,
        };
        let started = self.routes.started;
        let call =
            Call { request: &request, dialect, request_id: &request_id, number, now: now.as_secs(), started };
        let small = match site.reply(&call) {
            Reply::Answer(order) => match start(providers, *order, key, (number, arrived), now) {
                Started::Answer(answer) => {
                    connection.answer = Some(answer);
                    return;
                }
                Started::Cut(cut) => {
                    connection.end = End::of(cut);
                    return;
                }
                Started::Small(small) => small,
            },
            Reply::Small(small) => small,
        };
        let small = if server::streams_an_array(&request.head) { small.in_array() } else { small };
        small.write(connection.output(), asked);
        if !request.head.keep_alive {
            connection.end = End::Close;
        }
    }

    /// Does what those who run the server ask for.
    fn administer(&mut self, providers: &mut Providers, connection: &mut Connection, request: &Request) {
        let small = admin::reply(request, providers, &self.shared, self.clock.now());
        let asked = Asked {
            dialect: Dialect::OpenAi,
            request_id: "",
            keep_alive: request.head.keep_alive,
            old_http: request.old_http,
            head_only: request.head.method == Method::Head,
        };
        small.write(connection.output(), asked);
        if !request.head.keep_alive {
            connection.end = End::Close;
        }
    }

    /// Sends what [`Connection::pump`] finds to send, counts the tokens and notes how late they are.
    pub(super) fn pump(&mut self, connection: &mut Connection) -> Result<Pumped, Gone> {
        let mut sent = Sent::default();
        let pumped = connection.pump(&self.words, &mut self.writing, &mut sent);
        if self.writing.capacity() > KEEP {
            self.writing = Vec::new();
        }
        if sent.tokens > 0 {
            count(&self.shared.tokens, u64::from(sent.tokens));
            if let (Ok(_), Some(due)) = (&pumped, sent.due) {
                self.lateness.record(self.clock.now().since(due), sent.tokens);
            }
        }
        pumped
    }

    /// The client's identifier of a request, or one of our own.
    fn request_id(&self, dialect: Dialect, number: u64, given: Option<&str>) -> Box<str> {
        match given {
            Some(id) => id.into(),
            None => dialect.request_id(mix(!self.routes.seed ^ number)),
        }
    }
}

/// How the answer to a request begins.
enum Started {
    /// With tokens, or none for ever.
    Answer(Box<Answer>),
    /// It is here already, and is no model's.
    Small(Small),
    /// There is none.
    Cut(Cut),
}

/// Has a request admitted, or refused, or struck by a fault.
fn start(
    providers: &mut Providers,
    mut order: Order,
    key: u64,
    (number, arrived): (u64, Moment),
    now: Span,
) -> Started {
    if providers.shuts_out(&order.charge, arrived) {
        return Started::Cut(Cut::Reset);
    }
    let dialect = order.dialect;
    // The limits come first: what they refuse uses up no fault.
    let admitted = match providers.admit(&order.charge, arrived, now, (dialect, &order.request_id)) {
        Ok(admitted) => admitted,
        Err(small) => return Started::Small(small),
    };
    let struck = providers.strike(&order.charge, arrived);
    if let Some(Kind::Length { after_tokens }) = struck.fault {
        order.cut(after_tokens);
    }
    let away = struck.turns_away(dialect, &order.request_id);
    let of_model = (order.steps(), order.streamed);
    let kinds = (struck.strike.slowed, struck.fault.as_ref());
    let flaw = Flaw::new(kinds, dialect, (number, arrived), of_model).filter(|_| away.is_none());
    let steps = match (&away, &flaw) {
        (Some(_), _) => 0,
        (None, Some(flaw)) => flaw.steps(order.steps()),
        (None, None) => order.steps(),
    };
    let (admitted, asked) = ((admitted, SeqId(key)), (steps, flaw.is_some(), struck.strike));
    let told = (dialect, &*order.request_id);
    match providers.begin(&order.charge, admitted, asked, arrived, now, told) {
        Ok(fields) => order.fields = fields,
        Err(small) => return Started::Small(small),
    }
    let answer = |order, flaw| Started::Answer(Box::new(Answer::new(order, flaw, arrived)));
    let started = match away {
        None => {
            order.begin();
            return answer(order, flaw);
        }
        Some(TurnedAway::Silence) => return answer(order, None),
        Some(TurnedAway::Cut(cut)) => Started::Cut(cut),
        Some(TurnedAway::Small(mut small)) => {
            small.fields.append(&mut order.fields);
            Started::Small(small)
        }
    };
    providers.cancel(order.charge.place, arrived, SeqId(key), 0);
    started
}

fn count_request(shared: &Shared) -> u64 {
    count(&shared.requests, 1);
    shared.requests.load(Ordering::Relaxed)
}
