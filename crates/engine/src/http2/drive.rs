//! The task that drives a connection: it reads and writes for all of its streams.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use floodline_core::Moment;
use h2::client::Connection;

use super::link::Link;
use super::wire::{Traffic, Wire};

/// Requests that have been handed to the connection and are not known to have been written.
#[derive(Debug, Default)]
pub(super) struct Unwritten(RefCell<Vec<Rc<Mark>>>);

/// When a request was written, once it has been.
#[derive(Debug, Default)]
pub(super) struct Mark {
    handed: Moment,
    at: Cell<Option<Moment>>,
    waker: RefCell<Option<Waker>>,
}

impl Unwritten {
    /// Notes that the last of a request has just been handed to the connection.
    pub(super) fn mark(&self, handed: Moment) -> Rc<Mark> {
        let mark = Rc::new(Mark { handed, ..Mark::default() });
        self.0.borrow_mut().push(mark.clone());
        mark
    }

    /// The connection has had its turn at writing, and `at` is the instant before its first write. Later ones may be those
    /// of other requests: by then the server can have answered the first. None if the socket took nothing.
    fn written(&self, at: Option<Moment>) {
        for mark in self.0.take() {
            mark.at.set(Some(at.unwrap_or_default().max(mark.handed)));
            if let Some(waker) = mark.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Mark {
    /// The instant before it was written.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Moment> {
        match self.at.get() {
            Some(at) => Poll::Ready(at),
            None => {
                *self.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Drives a connection to its end.
pub(super) async fn drive(mut connection: Connection<Wire, Bytes>, link: Rc<Link>) {
    let traffic: Rc<Traffic> = link.traffic();
    // Once it takes no more streams it is to end with those it has, and so must not be held by its own driver.
    let mut link = Some(link);
    let unwritten = link.as_ref().map(|link| link.unwritten());
    poll_fn(|cx| {
        traffic.written.set(None);
        let polled = Pin::new(&mut connection).poll(cx);
        if let Some(unwritten) = &unwritten {
            unwritten.written(traffic.written.get());
        }
        let leaving = link.as_ref().is_some_and(|link| polled.is_ready() || !link.adjust(cx));
        if leaving && let Some(link) = link.take() {
            link.leave();
        }
        polled.map(drop)
    })
    .await;
}
