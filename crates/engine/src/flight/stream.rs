//! A request as a stream of HTTP/2: the same from its place on a connection to its record.
//!
//! A stream that the server says it has not looked at is sent once more, as is one on a connection that was open before
//! and ends without having said a word since: what a kept connection that closes is in HTTP/1.1.

use http::HeaderMap;

use super::*;
use crate::http2::{Ending, Exchange, Part, Place as Seat};

impl Flight {
    /// Sends the request on a connection of the worker's pool.
    pub(super) async fn run_streams(
        &mut self,
        request: &[u8],
        mut door: Option<OwnedSemaphorePermit>,
    ) -> Outcome {
        let worker = self.worker.clone();
        let Some(Some(pool)) = worker.pools.get(self.target) else {
            return self.end(Outcome::Connection, Some(UNANSWERED.into()));
        };
        let mut again = false;
        loop {
            let asked = worker.clock.now();
            let found =
                pool.place(worker.target(self.target), worker.clock, worker.common.timeouts.connect).await;
            drop(door.take());
            let seat = match found {
                Err(e) => return self.not_connected(&e),
                Ok(seat) => seat,
            };
            if let (true, Some(record)) = (seat.waited, &mut self.record) {
                let waited = worker.clock.now().since(asked);
                record.connect = Some(record.connect.unwrap_or_default() + waited);
            }
            match self.try_stream(&seat, request, again).await {
                Tried::Over(outcome) => return outcome,
                Tried::Stale => again = true,
            }
            drop(seat);
            if let Err(outcome) = self.funded_again().await {
                return outcome;
            }
        }
    }

    /// One try at the request; what could be sent again is not, the second time.
    async fn try_stream(&mut self, seat: &Seat, request: &[u8], again: bool) -> Tried {
        let worker = self.worker.clone();
        self.answer = Some(Answer::new(self.codec.clone(), self.streamed, self.is_judged()));
        self.sent = None;
        let mut exchange = match seat.link.send(request) {
            Ok(exchange) => exchange,
            Err(ending) => return self.ended(ending, seat, again).await,
        };
        // As long as nothing else is known.
        self.sent = Some(worker.clock.now());
        let limit = worker.common.timeouts.request;
        let sending = poll_fn(|cx| exchange.poll_sent(&worker.clock, cx));
        match tokio::time::timeout(Duration::from(limit), sending).await {
            Ok(Ok(sent)) => self.sent = Some(sent),
            // The server may have answered before it had read everything; if not, the answer says why.
            Ok(Err(_)) => {}
            Err(_) => {
                self.note_sent();
                let why = format!("the server did not take the whole request within {limit}");
                return Tried::Over(self.end(Outcome::Timeout, Some(why)));
            }
        }
        self.note_sent();
        let mut ending = None;
        let end = self
            .receive(|worker, answer, wait, cx| {
                take_parts(worker, &mut exchange, answer, wait, &mut ending, cx)
            })
            .await;
        match (end, ending) {
            (_, Some(ending)) => self.ended(ending, seat, again).await,
            (End::Complete, None) => Tried::Over(self.answered(true, None, None).await),
            (End::Closed(e), None) => Tried::Over(self.answered(false, None, e).await),
            (End::Broken(Broken(why)), None) => Tried::Over(self.end(Outcome::Malformed, Some(why))),
            (End::Timeout(why), None) => Tried::Over(self.end(Outcome::Timeout, Some(why))),
            (End::Left, None) => Tried::Over(self.user_left()),
        }
    }

    /// What follows from the end of a stream that came before the end of its answer.
    async fn ended(&mut self, ending: Ending, seat: &Seat, again: bool) -> Tried {
        let begun = self.answer.as_ref().is_some_and(Answer::begun);
        let renewable = match &ending {
            Ending::Refused(_) => true,
            Ending::Closed { silent, .. } => *silent && !seat.opened,
            Ending::Broken(_) => false,
        };
        if renewable && !begun && !again {
            if self.sent.is_some() {
                self.note_attempt(AttemptEnd::Reconnect);
            }
            (self.sent, self.answer) = (None, None);
            return Tried::Stale;
        }
        Tried::Over(match ending {
            Ending::Broken(why) => self.end(Outcome::Malformed, Some(why)),
            Ending::Refused(why) | Ending::Closed { why, .. } if begun => {
                self.answered(false, None, Some(std::io::Error::other(why))).await
            }
            Ending::Refused(why) | Ending::Closed { why, .. } => {
                self.end(Outcome::Connection, Some(format!("no answer began: {why}")))
            }
        })
    }
}

/// Takes what has come of the answer until nothing is left or the turn is over. None if nothing came.
fn take_parts(
    worker: &Worker,
    exchange: &mut Exchange,
    answer: &mut Answer,
    wait: Wait,
    ending: &mut Option<Ending>,
    cx: &mut Context<'_>,
) -> Option<Poll<End>> {
    let mut any = None;
    for _ in 0..READS_PER_TURN {
        let part = match exchange.poll_answer(cx) {
            Poll::Pending => return any,
            Poll::Ready(Err(e)) => {
                *ending = Some(e);
                return Some(Poll::Ready(End::Closed(None)));
            }
            Poll::Ready(Ok(part)) => part,
        };
        let now = worker.clock.now();
        let at = exchange.arrived();
        let lag = now.since(at);
        let mut events = 0;
        let taken = match part {
            Part::Head(Ok(head), fields) => {
                answer.take_fields(head, || named(&fields), at, lag);
                Ok(false)
            }
            Part::Head(Err(e), _) => Err(e.into()),
            Part::Data(bytes) => answer.take(&bytes, at, lag, &mut events),
            Part::End => return Some(Poll::Ready(End::Complete)),
        };
        worker.received(events);
        match taken {
            // The alarm is not looked at while parts keep coming.
            Ok(_) if wait.has_had_enough(answer, now) => return Some(Poll::Ready(End::Left)),
            Ok(_) if now >= wait.sent + worker.common.timeouts.request => {
                return Some(Poll::Ready(End::Timeout(too_long(worker))));
            }
            Ok(_) => any = Some(Poll::Pending),
            Err(broken) => return Some(Poll::Ready(End::Broken(broken))),
        }
    }
    cx.waker().wake_by_ref();
    any
}

/// The fields of a head; what is no text is replaced.
fn named(fields: &HeaderMap) -> Vec<(String, String)> {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    fields.iter().map(field).collect()
}
