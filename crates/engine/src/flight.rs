//! One request in flight: from its job to its record.
//!
//! The whole exchange runs in one task, which polls its own connection: between the kernel's stamp and
//! the record stands nothing but this code. Dropping a flight before its end records it as cancelled,
//! so that whatever happens, a planned request ends in exactly one outcome.

mod again;
mod end;
mod held;
mod hooked;
mod job;
mod judge;
mod stand_in;
mod stream;
mod wait;

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use floodline_core::flow::Patience;
use floodline_core::journey::Answered;
use floodline_core::record::{Attempt, AttemptEnd};
use floodline_core::retry::{Next, Refusal};
use floodline_core::workload::Head;
use floodline_core::{Moment, Outcome, Record};
use floodline_wire::codec::Codec;
use tokio::sync::OwnedSemaphorePermit;

use crate::admission::Pass;
use crate::answer::{Answer, Broken};
use crate::connect::{ConnectError, connect};
use crate::counter::ToCount;
use crate::ledger::{Funds, Tab};
use crate::socket::{Scratch, Socket};
use crate::worker::Worker;
use again::{Again, Leave};
use stand_in::{codec, streamed};
use wait::{AFTERGLOW, Wait, poll_alarm, too_long};

pub(crate) use job::{Job, Judge, Reading, Spare, Told, spare};

/// Sends one request and records how it went; the future's output says how it ended. The flight has begun
/// when this returns, so that even a future that is never polled leaves a record.
pub(crate) fn fly(worker: &Rc<Worker>, job: Job) -> impl Future<Output = Told> + use<> {
    let id = worker.request_id(job.scenario, job.index);
    let mut flight = Flight::begin(worker, &job, id.clone());
    let Job { door, pass, funds, head, body, judge, spare, scenario, index, .. } = job;
    flight.judge = judge;
    flight.spare = spare;
    let sending = Sending { scenario, index, id, head, body };
    async move {
        let outcome = flight.whole(sending, (door, pass, funds)).await;
        let ended = flight.over.unwrap_or_else(|| flight.worker.clock.now());
        Told {
            outcome,
            ended,
            sent: flight.first_sent.is_some(),
            left: flight.left,
            error: flight.error.take(),
            answered: flight.refused.take(),
        }
    }
}

/// A request before it is bytes.
struct Sending {
    /// The number of its scenario, and its own within that.
    scenario: usize,
    index: u64,
    id: String,
    head: Option<Box<Head>>,
    body: Vec<u8>,
}

struct Flight {
    worker: Rc<Worker>,
    /// Taken when it ends.
    record: Option<Box<Record>>,
    /// Of the attempt under way.
    sent: Option<Moment>,
    answer: Option<Answer>,
    /// Since when it waits for what the plan ordered, as long as it does.
    held_since: Option<Moment>,
    /// What it owes. Taken when it ends.
    tab: Option<Tab>,
    reading: Reading,
    /// The number of its target, and that of its key.
    target: usize,
    key: Option<usize>,
    /// What is tried when this fails.
    spare: Option<Box<Spare>>,
    /// How trying again stands.
    again: Again,
    /// When any of it was on the wire first, if it has been.
    first_sent: Option<Moment>,
    /// Whether the attempt under way was sent before, on a kept connection that the server had closed.
    stale: bool,
    /// How its answer is read.
    codec: Codec,
    /// Whether the answer is a stream.
    streamed: bool,
    /// When its user leaves.
    leaves: Option<Patience>,
    judge: Option<Judge>,
    /// What the user's own program is asked, where there is one.
    asked: Option<serde_json::Value>,
    /// How a whole answer was found, and what is to be counted of it, while that program is asked about it.
    found: Option<(Outcome, Option<ToCount>)>,
    /// What is told of its end.
    left: bool,
    over: Option<Moment>,
    error: Option<String>,
    /// What came back that was no good.
    refused: Option<Box<Answered>>,
    /// Whether its user is free since the last byte: not where it was waited for more, or for somebody's judgement.
    whole: bool,
}

/// How one attempt ended.
enum Tried {
    /// With an answer or a failure: the request is over.
    Over(Outcome),
    /// On a kept connection that the server had closed.
    Stale,
}

/// What ended the wait for an answer.
enum End {
    /// Its framing.
    Complete,
    /// The end of the connection; the error if it was no orderly one.
    Closed(Option<std::io::Error>),
    /// Bytes that cannot be an answer.
    Broken(Broken),
    /// A limit on time, in words.
    Timeout(String),
    /// The user has had enough.
    Left,
}

const NO_SPARE: &str = "there is no other target for it";
const UNANSWERED: &str = "the server closed the connection without answering";

/// Reads of one wake-up before other connections get their turn.
const READS_PER_TURN: u32 = 16;

impl Flight {
    fn begin(worker: &Rc<Worker>, job: &Job, id: String) -> Flight {
        let names = worker.common.scenarios.get(job.scenario);
        let prompt = names.and_then(|names| names.prompts.get(job.prompt)).cloned().unwrap_or_default();
        let mut record = Box::new(Record::planned(job.index, job.phase, prompt, job.scheduled));
        record.scenario = names.and_then(|names| names.scenario.clone());
        record.step.clone_from(&job.step);
        record.turn = job.turn;
        record.input_tokens = job.input_tokens;
        let key = job.key.and_then(|key| worker.common.key_names.get(key));
        record.key = key.or(worker.common.key_name.as_ref()).cloned();
        record.target = worker.common.target_names.get(job.target).cloned();
        record.request_id = Some(id);
        worker.began();
        Flight {
            worker: worker.clone(),
            record: Some(record),
            sent: None,
            answer: None,
            held_since: None,
            tab: Some(Tab { worst: job.worst, reservation: None, unanswered: None }),
            reading: job.reading.clone(),
            target: job.target,
            key: job.key,
            spare: None,
            again: Again::default(),
            first_sent: None,
            stale: false,
            codec: codec(worker, &job.reading, job.target),
            streamed: streamed(worker, &job.reading, job.target),
            leaves: job.leaves,
            judge: None,
            asked: None,
            found: None,
            left: false,
            over: None,
            error: None,
            refused: None,
            whole: false,
        }
    }

    /// From its being due to its end.
    async fn whole(
        &mut self,
        mut sending: Sending,
        (door, pass, funds): (Option<OwnedSemaphorePermit>, Pass, Option<Funds>),
    ) -> Outcome {
        if let Some(fault) = sending.head.as_mut().and_then(|head| head.fault.take()) {
            if let (Some(tab), Some(funds)) = (&mut self.tab, funds) {
                tab.reservation = funds.reservation;
            }
            return self.end(Outcome::NotSent, Some(fault.into()));
        }
        // The place is held until the flight is over.
        let _place = match self.admitted(pass).await {
            Ok(place) => place,
            Err(outcome) => return outcome,
        };
        if self.worker.common.hooks.is_some()
            && let Err(outcome) = self.changed(&mut sending).await
        {
            return outcome;
        }
        self.attempts(sending, door, funds).await
    }

    /// One attempt after the other, as the policy has it.
    async fn attempts(
        &mut self,
        sending: Sending,
        mut door: Option<OwnedSemaphorePermit>,
        mut funds: Option<Funds>,
    ) -> Outcome {
        let Sending { scenario, index, id, mut head, mut body } = sending;
        let retrying = self.worker.common.retrying.as_ref();
        let (now, spare) = (self.worker.clock.now(), self.spare.is_some());
        self.again.tries = retrying.map(|retrying| retrying.begin(scenario, index, spare, now));
        let mut request = None;
        loop {
            let next = match self.let_out(&mut funds).await {
                Leave::Over(outcome) => return outcome,
                Leave::Elsewhere => Next::Fallback,
                Leave::Go => {
                    if let Err(outcome) = self.funded(funds.take()).await {
                        return outcome;
                    }
                    self.renew();
                    let target = self.worker.target(self.target);
                    let request =
                        request.get_or_insert_with(|| target.request(&id, head.as_deref(), self.key, &body));
                    let outcome = self.run(request, door.take()).await;
                    match self.again.next.take() {
                        None => return outcome,
                        Some(next) => next,
                    }
                }
            };
            match next {
                Next::Wait(wait) => {
                    if let Err(outcome) = self.put_off(wait).await {
                        return outcome;
                    }
                }
                Next::Fallback => {
                    let Some(spare) = self.spare.take() else { return self.end_as_it_stands(NO_SPARE) };
                    self.turn_to(&spare);
                    Spare { head, body, .. } = *spare;
                    request = None;
                }
                // Whoever gives up has ended the request already.
                Next::GiveUp(_) => return self.end_as_it_stands(NO_SPARE),
            }
        }
    }

    /// Whether somebody wants to see all of the answer.
    fn is_judged(&self) -> bool {
        self.judge.is_some() || self.asked.is_some()
    }

    async fn run(&mut self, request: &[u8], door: Option<OwnedSemaphorePermit>) -> Outcome {
        if self.worker.pools.get(self.target).is_some_and(Option::is_some) {
            return self.run_streams(request, door).await;
        }
        if let Some(socket) = self.worker.take_idle(self.target)
            && let Tried::Over(outcome) = self.attempt(socket, request, true).await
        {
            return outcome;
        }
        if let Err(outcome) = self.funded_again().await {
            return outcome;
        }
        let connecting = self.worker.clock.now();
        let worker = self.worker.clone();
        let opened = connect(worker.target(self.target), worker.common.timeouts.connect).await;
        drop(door);
        let socket = match opened {
            Err(e) => return self.not_connected(&e),
            Ok(socket) => socket,
        };
        if let Some(record) = &mut self.record {
            let took = self.worker.clock.now().since(connecting);
            record.connect = Some(record.connect.unwrap_or_default() + took);
        }
        match self.attempt(socket, request, false).await {
            Tried::Over(outcome) => outcome,
            Tried::Stale => self.end(Outcome::Connection, Some(UNANSWERED.into())),
        }
    }

    /// One try at the request, over `socket`.
    async fn attempt(&mut self, mut socket: Socket, request: &[u8], kept: bool) -> Tried {
        self.answer = Some(Answer::new(self.codec.clone(), self.streamed, self.is_judged()));
        self.sent = None;
        let worker = self.worker.clone();
        let limit = worker.common.timeouts.request;
        let sending = socket.send(request, &worker.clock, &mut self.sent);
        let unsent = match tokio::time::timeout(Duration::from(limit), sending).await {
            Ok(Ok(())) => None,
            // The server may have answered before it had read everything: what it said is worth more than
            // that it stopped listening.
            Ok(Err(e)) => Some(e),
            Err(_) => {
                self.note_sent();
                let why = format!("the server did not take the whole request within {limit}");
                return Tried::Over(self.end(Outcome::Timeout, Some(why)));
            }
        };
        self.note_sent();
        let end = self
            .receive(|worker, answer, wait, cx| {
                let mut scratch = worker.scratch.borrow_mut();
                read_all(worker, &mut socket, answer, wait, &mut scratch, cx)
            })
            .await;
        let begun = self.answer.as_ref().is_some_and(Answer::begun);
        match end {
            End::Closed(_) if !begun && kept => {
                self.note_attempt(AttemptEnd::Reconnect);
                (self.sent, self.answer) = (None, None);
                Tried::Stale
            }
            End::Closed(e) if !begun => {
                let why = match e.or(unsent) {
                    Some(e) => format!("the connection broke before an answer began: {e}"),
                    None => UNANSWERED.into(),
                };
                Tried::Over(self.end(Outcome::Connection, Some(why)))
            }
            End::Complete => Tried::Over(self.answered(true, Some(socket), None).await),
            End::Closed(e) => Tried::Over(self.answered(false, None, e).await),
            End::Broken(Broken(why)) => Tried::Over(self.end(Outcome::Malformed, Some(why))),
            End::Timeout(why) => Tried::Over(self.end(Outcome::Timeout, Some(why))),
            End::Left => Tried::Over(self.user_left()),
        }
    }

    fn user_left(&mut self) -> Outcome {
        self.left = true;
        self.end(Outcome::Cancelled, Some("the user left in the middle of the answer".into()))
    }

    /// Waits for the whole answer, or for what ends the wait. `read` takes what has come; none if that is nothing.
    async fn receive(
        &mut self,
        mut read: impl FnMut(&Worker, &mut Answer, Wait, &mut Context<'_>) -> Option<Poll<End>>,
    ) -> End {
        let worker = self.worker.clone();
        let Some(answer) = &mut self.answer else { return End::Closed(None) };
        let wait = Wait {
            sent: self.sent.unwrap_or_default(),
            begun: self.first_sent.or(self.sent).unwrap_or_default(),
            leaves: self.leaves,
        };
        let first = worker.common.timeouts.idle.min(worker.common.timeouts.request);
        let patience = wait.until().map_or(first, |until| first.min(until.since(wait.sent)));
        let mut alarm = std::pin::pin!(tokio::time::sleep(Duration::from(patience)));
        let mut armed = false;
        let mut glowing = false;
        poll_fn(|cx| {
            let read = read(&worker, answer, wait, cx);
            if !glowing && answer.said_done() {
                (glowing, armed) = (true, false);
                alarm.as_mut().set(tokio::time::sleep(AFTERGLOW.into()));
            }
            match read {
                Some(Poll::Ready(end)) => return Poll::Ready(end),
                // The alarm needs to be polled once to be set, and else only when nothing arrived.
                Some(Poll::Pending) if armed => return Poll::Pending,
                _ => {}
            }
            armed = true;
            poll_alarm(&worker, answer, wait, alarm.as_mut(), cx)
        })
        .await
    }

    /// Records the instant of the first sending against the schedule.
    fn note_sent(&mut self) {
        let Some(record) = &mut self.record else { return };
        record.sent = self.sent.or(record.sent);
        // Of what came before a later attempt, nothing is the generator's lateness. One that was not let out was none.
        let is_first = record.attempts.iter().all(|tried| !tried.is_try());
        if let (None, Some(sent), true) = (record.late, self.sent, is_first) {
            let ordered = record.connect.unwrap_or_default() + record.held.unwrap_or_default();
            record.late = Some(sent.since(record.scheduled) - ordered);
        }
        if self.sent.is_some() {
            self.first_sent = self.first_sent.or(self.sent);
            self.worker.sent();
        }
    }

    fn note_attempt(&mut self, end: AttemptEnd) {
        let now = self.worker.clock.now();
        // What replaces a kept connection goes on with the same attempt.
        let (wait, refusal) = match end {
            AttemptEnd::Reconnect => {
                self.stale = true;
                (None, None)
            }
            AttemptEnd::Outcome(outcome) => {
                let told = |refusal: &Refusal| Refusal::by_outcome(outcome) != Some(*refusal);
                (self.waited(), self.again.refusal.filter(told))
            }
        };
        if let Some(record) = &mut self.record {
            let target = record.target.clone();
            let attempt = Attempt::new(self.sent, now, end, record.status);
            record.attempts.push(Attempt { target, wait, refusal, ..attempt });
        }
    }

    /// When its user leaves, where that is a matter of time and it has been sent.
    fn leaves_at(&self) -> Option<Moment> {
        match self.leaves {
            Some(Patience::Time(time)) => Some(self.first_sent? + time),
            Some(Patience::Tokens(_)) | None => None,
        }
    }

    fn not_connected(&mut self, e: &ConnectError) -> Outcome {
        let sent_before = self.first_sent.is_some();
        let outcome = match e {
            // It was sent already, on a kept connection, and is no arrival left unsent.
            ConnectError::Starved(_) if sent_before => Outcome::Connection,
            ConnectError::Starved(_) => {
                self.worker.starved();
                Outcome::NotSent
            }
            ConnectError::Timeout(_) | ConnectError::Crowded(_) => Outcome::Timeout,
            ConnectError::Refused(_) => Outcome::Connection,
        };
        self.end(outcome, Some(e.to_string()))
    }
}

/// Reads until nothing is left or the turn is over. None if nothing came.
fn read_all(
    worker: &Worker,
    socket: &mut Socket,
    answer: &mut Answer,
    wait: Wait,
    scratch: &mut Scratch,
    cx: &mut Context<'_>,
) -> Option<Poll<End>> {
    let mut any = None;
    for _ in 0..READS_PER_TURN {
        let read = match socket.poll_read(cx, scratch) {
            Poll::Pending => return any,
            Poll::Ready(Err(e)) => return Some(Poll::Ready(End::Closed(Some(e)))),
            Poll::Ready(Ok(read)) => read,
        };
        if read.bytes.is_empty() {
            return Some(Poll::Ready(End::Closed(None)));
        }
        let now = worker.clock.now();
        let at = read.stamp.map_or(now, |ns| worker.clock.at_unix(ns));
        let mut events = 0;
        let taken = answer.take(read.bytes, at, now.since(at), &mut events);
        worker.received(events);
        match taken {
            Ok(true) => return Some(Poll::Ready(End::Complete)),
            Ok(false) if wait.has_had_enough(answer, now) => return Some(Poll::Ready(End::Left)),
            // The alarm is not looked at while bytes keep coming.
            Ok(false) if now >= wait.sent + worker.common.timeouts.request => {
                return Some(Poll::Ready(End::Timeout(too_long(worker))));
            }
            Ok(false) => any = Some(Poll::Pending),
            Err(broken) => return Some(Poll::Ready(End::Broken(broken))),
        }
    }
    cx.waker().wake_by_ref();
    any
}
