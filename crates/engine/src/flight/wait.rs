//! How long a flight waits for its answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use floodline_core::flow::Patience;
use floodline_core::{Moment, Span};
use tokio::time::Sleep;

use super::End;
use crate::answer::Answer;
use crate::worker::Worker;

/// After a stream has said that it is done, its framing gets this long to say so too.
pub(super) const AFTERGLOW: Span = Span::from_millis(250);

/// What a wait for an answer is measured by.
#[derive(Clone, Copy)]
pub(super) struct Wait {
    pub(super) sent: Moment,
    /// When the first attempt was sent: a user's patience is not renewed by trying again.
    pub(super) begun: Moment,
    pub(super) leaves: Option<Patience>,
}

impl Wait {
    /// When the user leaves, where that is a matter of time.
    pub(super) fn until(&self) -> Option<Moment> {
        match self.leaves {
            Some(Patience::Time(time)) => Some(self.begun + time),
            Some(Patience::Tokens(_)) | None => None,
        }
    }

    pub(super) fn has_had_enough(&self, answer: &Answer, now: Moment) -> bool {
        match self.leaves {
            Some(Patience::Time(time)) => now >= self.begun + time,
            Some(Patience::Tokens(most)) => answer.events() >= u64::from(most),
            None => false,
        }
    }
}

pub(super) fn too_long(worker: &Worker) -> String {
    format!("the answer was not complete within {}", worker.common.timeouts.request)
}

/// Looks whether the wait has been too long; if not, sets the alarm for when it will have been.
pub(super) fn poll_alarm(
    worker: &Worker,
    answer: &Answer,
    wait: Wait,
    mut alarm: Pin<&mut Sleep>,
    cx: &mut Context<'_>,
) -> Poll<End> {
    loop {
        if alarm.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let now = worker.clock.now();
        let idle = if answer.said_done() { AFTERGLOW } else { worker.common.timeouts.idle };
        let whole = wait.sent + worker.common.timeouts.request;
        // Until something has come there is no silence between arrivals, only a wait for the first.
        let quiet = answer.last().map_or(whole, |last| last + idle);
        if wait.has_had_enough(answer, now) {
            return Poll::Ready(End::Left);
        }
        if now >= whole {
            return Poll::Ready(End::Timeout(too_long(worker)));
        }
        if now >= quiet {
            return Poll::Ready(match answer.said_done() {
                true => End::Closed(None),
                false => End::Timeout(format!("nothing arrived for {idle}")),
            });
        }
        let next = quiet.min(whole);
        let left = wait.until().map_or(next, |until| next.min(until)).since(now);
        alarm.as_mut().set(tokio::time::sleep(left.into()));
    }
}
