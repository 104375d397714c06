//! The connections of a worker, and who gets a place on which.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use floodline_core::Span;
use tokio::sync::{Mutex, OwnedSemaphorePermit};

use super::link::Link;
use crate::clock::Clock;
use crate::connect::{ConnectError, connect};
use crate::target::Target;

/// A server that hangs up this often, as soon as it has greeted, is not asked again.
const PATIENCE: u32 = 3;

/// The connections of a worker: opened when they are needed, and again when they have ended.
pub(crate) struct Pool(Vec<Rc<Slot>>);

/// Where one connection is at a time.
#[derive(Default)]
struct Slot {
    link: RefCell<Option<Rc<Link>>>,
    /// Who is on it, or waits for a place on it.
    load: Cell<usize>,
    /// Held by the one who opens it.
    opening: Mutex<()>,
    /// How often it has been tried, and why the last try failed if it did.
    tries: Cell<u64>,
    failed: RefCell<Option<ConnectError>>,
}

/// A place on a connection; given back when it is dropped.
pub(crate) struct Place {
    pub(crate) link: Rc<Link>,
    /// Whether the connection was opened for it.
    pub(crate) opened: bool,
    /// Whether it had to be waited for, or the connection opened.
    pub(crate) waited: bool,
    _permit: OwnedSemaphorePermit,
    _share: Share,
}

/// Somebody on a slot.
struct Share(Rc<Slot>);

impl Share {
    fn of(slot: &Rc<Slot>) -> Share {
        slot.load.set(slot.load.get() + 1);
        Share(slot.clone())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.load.set(self.0.load.get() - 1);
    }
}

impl Pool {
    /// So many connections, none of them open.
    pub(crate) fn new(connections: u32) -> Pool {
        Pool((0..connections.max(1)).map(|_| Rc::default()).collect())
    }

    /// A place on the connection that has the fewest streams, within `limit`.
    pub(crate) async fn place(
        &self,
        target: &Target,
        clock: Clock,
        limit: Span,
    ) -> Result<Place, ConnectError> {
        match tokio::time::timeout(Duration::from(limit), self.find(target, clock, limit)).await {
            Ok(found) => found,
            Err(_) if self.0.iter().any(|slot| slot.link.borrow().is_some()) => {
                Err(ConnectError::Crowded(limit))
            }
            Err(_) => Err(ConnectError::Timeout(limit)),
        }
    }

    async fn find(&self, target: &Target, clock: Clock, limit: Span) -> Result<Place, ConnectError> {
        let (mut opened, mut waited) = (false, false);
        for _ in 0..PATIENCE {
            let Some(slot) = self.0.iter().min_by_key(|slot| slot.load.get()) else { break };
            let share = Share::of(slot);
            let (link, own) = match slot.current() {
                Some(link) => (link, false),
                None => {
                    waited = true;
                    slot.open(target, clock, limit).await?
                }
            };
            opened |= own;
            if let Some((permit, queued)) = link.place().await {
                return Ok(Place { link, opened, waited: waited || queued, _permit: permit, _share: share });
            }
            waited = true;
        }
        Err(ConnectError::Refused("the server ends its connections as soon as they are open".into()))
    }
}

impl Slot {
    /// The connection, if there is one that takes streams.
    fn current(&self) -> Option<Rc<Link>> {
        let mut link = self.link.borrow_mut();
        if link.as_ref().is_some_and(|link| link.is_leaving()) {
            *link = None;
        }
        link.clone()
    }

    /// Opens the connection, or waits for whoever does; and whether it was opened here.
    async fn open(
        &self,
        target: &Target,
        clock: Clock,
        limit: Span,
    ) -> Result<(Rc<Link>, bool), ConnectError> {
        let before = self.tries.get();
        let _turn = self.opening.lock().await;
        if let Some(link) = self.current() {
            return Ok((link, false));
        }
        // Who waited for a try that failed has been tried for.
        if self.tries.get() != before
            && let Some(why) = self.failed.borrow().clone()
        {
            return Err(why);
        }
        let opened = match connect(target, limit).await {
            Ok(socket) => Link::open(socket, clock, target.tls.is_some()).await,
            Err(e) => Err(e),
        };
        self.tries.set(self.tries.get() + 1);
        *self.failed.borrow_mut() = opened.as_ref().err().cloned();
        let link = opened?;
        *self.link.borrow_mut() = Some(link.clone());
        Ok((link, true))
    }
}
