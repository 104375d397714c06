//! The event loop: one thread that accepts, reads, asks the providers what is due, and writes.
//!
//! Tokens that are due go out before anything else is looked at, between any two events too. A connection
//! gets at most one turn of 128 KiB at a time, so that none holds up the others, and one that does not read
//! holds up nobody: its tokens wait until it does.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use floodline_core::time::{Moment, Span};
use floodline_wire::server::Words;
use rustix::io::Errno;

use super::connection::{Connection, End, Gone, Pumped};
use super::entrance::Entrance;
use super::net::{self, Interest, Poller, Ready};
use super::providers::Providers;
use super::routes::Routes;
use super::serve::Front;
use super::slots::Slots;
use super::stats::{Lateness, PUBLISH_EVERY, Shared, count};
use crate::clock::{self, Clock};
use crate::model::SeqId;

mod troubles;

const LISTENER: u64 = u64::MAX;
const STOP: u64 = u64::MAX - 1;
const ADMIN: u64 = u64::MAX - 2;

/// How much is read from a socket at a time.
const READ: usize = 64 * 1024;

/// How many connections are accepted at a time.
const ACCEPTS: usize = 64;

/// How long to wait before accepting again when it did not go: mostly the system had no descriptor to give.
const ACCEPT_AGAIN: Span = Span::from_millis(100);

/// How long a client that was sent an error may go on sending before it is cut off.
const DRAIN_TIME: Span = Span::from_secs(2);

/// Everything the loop's thread owns.
pub(super) struct Loop {
    clock: Clock,
    poller: Poller,
    entrance: Entrance,
    /// When it may have to be closed or opened.
    mind_entrance: Option<Moment>,
    /// Where those who run the server come in.
    admin: Option<OwnedFd>,
    /// Connections wait to be accepted, but not before this: others had to have their turn, or the system had no
    /// descriptor to give.
    accept_again: Option<Moment>,
    /// The same of those who run the server.
    admin_again: Option<Moment>,
    /// Readable once the server is to stop.
    stop: UnixStream,
    providers: Providers,
    slots: Slots,
    /// Connections with something to do that no event will announce.
    turns: VecDeque<u64>,
    /// Connections whose last bytes are thrown away, and until when; in order of time.
    drains: VecDeque<(Moment, u64)>,
    /// When flawed answers go on, with the connection and the number of each; the earliest first.
    alarms: BinaryHeap<Reverse<(Moment, u64, u64)>>,
    front: Front,
    published: Moment,
    unpublished: bool,
}

impl Loop {
    pub(super) fn new(
        poller: Poller,
        (entrance, admin): (Entrance, Option<OwnedFd>),
        stop: UnixStream,
        providers: Providers,
        mut routes: Routes,
        shared: Arc<Shared>,
    ) -> io::Result<Loop> {
        for (fd, key) in [(entrance.fd(), LISTENER), (admin.as_ref().map(AsFd::as_fd), ADMIN)] {
            fd.map_or(Ok(()), |fd| poller.add_listener(fd, key))?;
        }
        poller.add(stop.as_fd(), STOP)?;
        let clock = Clock::start();
        routes.started = clock.since_1970().as_secs();
        let front = Front {
            clock,
            routes,
            words: Words::new(),
            shared,
            lateness: Lateness::default(),
            reading: vec![0; READ].into(),
            writing: Vec::new(),
            gone: Vec::new(),
        };
        let mut server_loop = Loop {
            clock,
            poller,
            entrance,
            mind_entrance: None,
            admin,
            accept_again: None,
            admin_again: None,
            stop,
            providers,
            slots: Slots::default(),
            turns: VecDeque::new(),
            drains: VecDeque::new(),
            alarms: BinaryHeap::new(),
            front,
            published: Moment::START,
            unpublished: true,
        };
        // Who comes as soon as there is a server finds the way in as the faults want it.
        let now = server_loop.clock.now();
        server_loop.mind_entrance(now);
        Ok(server_loop)
    }

    /// Serves until told to stop, or until the system gives up on waiting; then [`Shared::failed`] says why.
    pub(super) fn run(mut self) {
        net::prepare_thread();
        let mut ready = Vec::new();
        loop {
            self.write_what_is_due();
            for _ in 0..self.turns.len() {
                self.take_turn();
                self.write_what_is_due();
            }
            let timeout = self.housekeeping();
            if let Err(error) = self.wait(timeout, &mut ready) {
                self.front.shared.fail(&error);
                break;
            }
            self.unpublished |= !ready.is_empty();
            self.write_what_is_due();
            let mut stop = false;
            for event in ready.drain(..) {
                match event.key {
                    LISTENER => self.accept(),
                    ADMIN => self.accept_admin(),
                    STOP => stop |= event.readable,
                    key => self.drive(key, event),
                }
                self.write_what_is_due();
            }
            if stop {
                break;
            }
        }
        self.publish();
    }

    fn wait(&mut self, timeout: Option<Span>, ready: &mut Vec<Ready>) -> io::Result<()> {
        let listening = Interest { read: self.accept_again.is_none(), write: false };
        let running = Interest { read: self.admin_again.is_none(), write: false };
        let always = Interest { read: true, write: false };
        let entrance = self.entrance.fd().map(|fd| (LISTENER, fd, listening));
        let admin = self.admin.as_ref().map(|admin| (ADMIN, admin.as_fd(), running));
        let watched = [entrance, admin, Some((STOP, self.stop.as_fd(), always))].into_iter().flatten();
        let connections =
            self.slots.iter().map(|(key, connection)| (key, connection.fd(), connection.interest()));
        self.poller.wait(timeout, watched.chain(connections), ready)
    }

    /// Publishes, accepts again and cuts off if it is time; how long to wait for events.
    fn housekeeping(&mut self) -> Option<Span> {
        let now = self.clock.now();
        if self.unpublished && now.since(self.published) >= PUBLISH_EVERY {
            self.publish();
        }
        if self.providers.have_changed() || self.mind_entrance.is_some_and(|at| at <= now) {
            self.mind_entrance(now);
        }
        if self.accept_again.is_some_and(|at| at <= now) {
            self.accept();
        }
        if self.admin_again.is_some_and(|at| at <= now) {
            self.accept_admin();
        }
        self.end_drains(now);
        self.forget_alarms();
        if !self.turns.is_empty() {
            return Some(Span::ZERO);
        }
        let publish = self.unpublished.then_some(self.published + PUBLISH_EVERY);
        let drained = self.drains.front().map(|(until, _)| *until);
        let alarm = self.alarms.peek().map(|Reverse((at, ..))| *at);
        let entrance = self.mind_entrance;
        let again = [self.accept_again, self.admin_again];
        let wakes = [self.providers.next_due(), alarm, publish, drained, entrance];
        wakes.into_iter().chain(again).flatten().min().map(|at| at.since(now))
    }

    fn publish(&mut self) {
        self.front.shared.cpu_ns.store(clock::thread_cpu().0, Ordering::Relaxed);
        self.front.shared.publish(&self.front.lateness);
        self.providers.publish(&self.front.shared);
        self.published = self.clock.now();
        self.unpublished = false;
    }

    /// Writes every token that is due.
    fn write_what_is_due(&mut self) {
        if !self.alarms.is_empty() {
            self.write_what_was_held();
        }
        let Loop { clock, providers, slots, turns, alarms, front, .. } = self;
        let Some(due) = providers.next_due() else { return };
        let now = clock.now();
        if due > now {
            return;
        }
        self.unpublished = true;
        providers.advance(now, &mut |emission| {
            let key = emission.id.0;
            let Some(connection) = slots.get_mut(key) else { return };
            let Some(answer) = &mut connection.answer else { return };
            if let Some(flaw) = answer.flaw() {
                let due = flaw.hold(emission.first + emission.count, emission.at);
                alarms.extend(due.map(|at| Reverse((at, key, flaw.number()))));
                return;
            }
            answer.release(emission.first + emission.count, emission.at);
            if connection.blocked {
                answer.wait_for_client();
                return;
            }
            hand_over(front, turns, key, connection);
        });
        if !self.alarms.is_empty() {
            self.write_what_was_held();
        }
        while let Some(key) = self.front.gone.pop() {
            self.close(key);
        }
    }

    /// Gives the connection that has waited longest its turn.
    fn take_turn(&mut self) {
        let Some(key) = self.turns.pop_front() else { return };
        if let Some(connection) = self.slots.get_mut(key) {
            connection.queued = false;
            self.drive(key, Ready { key, readable: false, writable: false, hangup: false });
        }
    }

    /// Does what an event, or what is left of an earlier one, asks for.
    fn drive(&mut self, key: u64, ready: Ready) {
        let Some(mut connection) = self.slots.take(key) else { return };
        let alive = self.serve(key, &mut connection, ready);
        let over = alive.is_err() || connection.is_over();
        self.slots.put_back(key, connection);
        if over {
            self.close(key);
        }
    }

    fn serve(&mut self, key: u64, connection: &mut Connection, ready: Ready) -> Result<(), Gone> {
        if ready.writable {
            connection.blocked = false;
        }
        connection.readable |= ready.readable;
        connection.hangup |= ready.hangup;
        let was_idle = connection.answer.is_none();
        let mut pumped = self.send(key, connection)?;
        if connection.takes_requests() && !connection.input.is_empty() {
            let arrived = self.clock.now();
            self.front.take_requests(&mut self.providers, key, connection, &[], arrived);
            pumped = self.send(key, connection)?;
        }
        if !connection.readable || connection.blocked || pumped == Pumped::More {
            return Ok(());
        }
        if connection.hangup && was_idle && connection.answer.is_some() {
            // The end may be next. An answer that is due at once goes out before it is seen.
            queue(&mut self.turns, key, connection);
            return Ok(());
        }
        self.read(key, connection)
    }

    /// Sends what there is to send; a turn that was not enough is followed by another.
    fn send(&mut self, key: u64, connection: &mut Connection) -> Result<Pumped, Gone> {
        let was = connection.end;
        let pumped = self.front.pump(connection)?;
        if pumped == Pumped::More {
            queue(&mut self.turns, key, connection);
        }
        if connection.answer.as_mut().is_some_and(|answer| answer.flaw().is_some()) {
            self.resume(key, connection);
        }
        if was == End::Drain && connection.end != End::Drain {
            self.drains.push_back((self.clock.now() + DRAIN_TIME, key));
        }
        Ok(pumped)
    }

    /// Reads once. If there may be more, another turn follows: tokens of others may have become due meanwhile.
    fn read(&mut self, key: u64, connection: &mut Connection) -> Result<(), Gone> {
        if connection.has_read_ahead() {
            return Ok(());
        }
        let mut reading = std::mem::take(&mut self.front.reading);
        let received = net::receive(connection.socket(), &mut reading);
        if let Ok((bytes @ 1.., stamp)) = received
            && connection.end == End::Open
        {
            let arrived = stamp.map_or_else(|| self.clock.now(), |stamp| self.clock.moment_of(stamp));
            self.front.take_requests(&mut self.providers, key, connection, &reading[..bytes], arrived);
        }
        self.front.reading = reading;
        match received {
            Ok((0, _)) => return Err(Gone),
            Ok((bytes, _)) => {
                connection.discard(bytes)?;
                // Less than there was room for was all, unless the end follows. What comes later is announced.
                connection.readable = bytes == READ || connection.hangup;
                self.send(key, connection)?;
            }
            Err(Errno::AGAIN) => connection.readable = false,
            Err(Errno::INTR) => {}
            Err(_) => return Err(Gone),
        }
        if connection.readable && !connection.blocked && !connection.has_read_ahead() {
            queue(&mut self.turns, key, connection);
        }
        Ok(())
    }

    /// Cuts off the clients that have been sending for too long after an error.
    fn end_drains(&mut self, now: Moment) {
        while let Some((_, key)) = self.drains.pop_front_if(|(until, _)| *until <= now) {
            self.close(key);
        }
    }

    /// Accepts the connections that wait, or some of them.
    fn accept(&mut self) {
        self.accept_again = None;
        for _ in 0..ACCEPTS {
            let Some(listener) = self.entrance.listener() else { return };
            match net::accept(listener) {
                Ok(socket) if self.providers.refuse(self.clock.now()) => {
                    net::reset_at_end(&socket);
                    count(&self.front.shared.refused, 1);
                }
                Ok(socket) => self.let_in(socket, false),
                Err(Errno::AGAIN) => return,
                // The client has given up, or a signal came: on to the next one.
                Err(Errno::CONNABORTED | Errno::INTR | Errno::PROTO) => {}
                Err(_) => {
                    // Mostly until a connection is closed, here or elsewhere in the process. The listener does
                    // not announce again what waits, and an error that lasts must not keep the thread busy.
                    count(&self.front.shared.accept_failures, 1);
                    self.accept_again = Some(self.clock.now() + ACCEPT_AGAIN);
                    return;
                }
            }
        }
        self.accept_again = Some(Moment::START);
    }

    fn close(&mut self, key: u64) {
        let Some(connection) = self.slots.get_mut(key) else { return };
        if connection.end == End::Reset {
            net::reset_at_end(connection.socket());
        }
        if let Some(answer) = connection.answer.as_deref() {
            self.providers.cancel(answer.place(), self.clock.now(), SeqId(key), answer.released());
        }
        let is_counted = !connection.admin;
        if self.slots.remove(key) {
            let open = &self.front.shared.open;
            open.store(open.load(Ordering::Relaxed).saturating_sub(is_counted.into()), Ordering::Relaxed);
            // There is a descriptor again.
            for again in [&mut self.accept_again, &mut self.admin_again] {
                *again = again.map(|_| Moment::START);
            }
        }
    }
}

/// Sends what is due on a connection, and sees to it that what remains is done later.
fn hand_over(front: &mut Front, turns: &mut VecDeque<u64>, key: u64, connection: &mut Connection) {
    match front.pump(connection) {
        Ok(pumped) => {
            let again = match pumped {
                Pumped::All => false,
                Pumped::More => true,
                Pumped::Ended => connection.is_over() || connection.readable || !connection.input.is_empty(),
            };
            if again {
                queue(turns, key, connection);
            }
        }
        Err(Gone) => front.gone.push(key),
    }
}

/// Gives a connection a further turn, one at a time.
fn queue(turns: &mut VecDeque<u64>, key: u64, connection: &mut Connection) {
    if !connection.queued {
        connection.queued = true;
        turns.push_back(key);
    }
}

#[cfg(test)]
mod tests;
