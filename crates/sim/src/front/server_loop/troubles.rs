//! What the loop does for faults: flawed answers go on when they are to, and the way in is closed and opened.
//!
//! None of it costs anything where there are no faults.

use std::cmp::Reverse;
use std::os::fd::{AsFd, OwnedFd};

use floodline_core::faults::Door;
use floodline_core::time::Moment;
use rustix::io::Errno;

use super::super::connection::{Connection, End};
use super::super::net;
use super::super::stats::count;
use super::{ACCEPT_AGAIN, LISTENER, Loop, hand_over};
use crate::model::SeqId;

impl Loop {
    /// Writes what flawed answers have held back until now.
    #[cold]
    pub(super) fn write_what_was_held(&mut self) {
        let Loop { clock, providers, slots, turns, alarms, front, unpublished, .. } = self;
        let now = clock.now();
        while alarms.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            *unpublished = true;
            let Some(Reverse((_, key, number))) = alarms.pop() else { break };
            let Some(connection) = slots.get_mut(key) else { continue };
            let Some(answer) = &mut connection.answer else { continue };
            // The connection may be at a later answer.
            let Some(flaw) = answer.flaw().filter(|flaw| flaw.number() == number) else { continue };
            flaw.wake();
            if let Some(at) = answer.catch_up(now) {
                providers.delivered(answer.place(), at, SeqId(key));
            }
            if connection.blocked {
                answer.wait_for_client();
            } else {
                hand_over(front, turns, key, connection);
            }
            let answer = connection.answer.as_mut().filter(|answer| !answer.is_breaking());
            if let Some(at) = answer.and_then(|answer| answer.flaw()?.await_next()) {
                alarms.push(Reverse((at, key, number)));
            }
        }
        while let Some(key) = self.front.gone.pop() {
            self.close(key);
        }
    }

    /// Has a flawed answer go on that could not because its client did not read.
    #[cold]
    pub(super) fn resume(&mut self, key: u64, connection: &mut Connection) {
        let answer = connection.answer.as_mut().filter(|answer| !answer.is_breaking());
        let Some(flaw) = answer.and_then(|answer| answer.flaw()) else { return };
        if let Some(at) = flaw.await_next() {
            self.alarms.push(Reverse((at, key, flaw.number())));
        }
    }

    /// Drops alarms of answers that are no more, when there are more than two for each connection: an answer has at most
    /// one, and so the work is paid for by as many that have gone.
    pub(super) fn forget_alarms(&mut self) {
        let Loop { alarms, slots, .. } = self;
        if alarms.len() > 2 * slots.open() {
            alarms.retain(|Reverse((_, key, number))| {
                let answer = slots.get_mut(*key).and_then(|connection| connection.answer.as_mut());
                answer.and_then(|answer| answer.flaw()).is_some_and(|flaw| flaw.number() == *number)
            });
        }
    }

    /// Closes the way in, or opens it, as the faults want it now.
    pub(super) fn mind_entrance(&mut self, now: Moment) {
        self.mind_entrance = self.providers.next_change(now);
        let door = self.providers.way_in(now);
        self.unpublished = true;
        match door {
            Door::Open => {
                if self.entrance.open(&self.poller, LISTENER).is_err() {
                    // Until the system has a descriptor to give, or the port is free again.
                    count(&self.front.shared.accept_failures, 1);
                    self.mind_entrance = Some(now + ACCEPT_AGAIN);
                }
            }
            Door::Shut | Door::Down => self.entrance.close(),
        }
        if door == Door::Down {
            let everybody = self.slots.iter().filter(|(_, connection)| !connection.admin);
            for key in everybody.map(|(key, _)| key).collect::<Vec<_>>() {
                if let Some(connection) = self.slots.get_mut(key) {
                    connection.end = End::Reset;
                    self.close(key);
                }
            }
        }
    }

    /// Accepts those who run the server, all that wait.
    pub(super) fn accept_admin(&mut self) {
        self.admin_again = None;
        while let Some(accepted) = self.admin.as_ref().map(net::accept) {
            match accepted {
                Ok(socket) => self.let_in(socket, true),
                Err(Errno::AGAIN) => return,
                Err(Errno::CONNABORTED | Errno::INTR | Errno::PROTO) => {}
                Err(_) => {
                    // As in `accept`: nothing announces again who waits.
                    count(&self.front.shared.accept_failures, 1);
                    self.admin_again = Some(self.clock.now() + ACCEPT_AGAIN);
                    return;
                }
            }
        }
    }

    /// A connection begins.
    pub(super) fn let_in(&mut self, socket: OwnedFd, admin: bool) {
        let key = self.slots.next_key();
        // Without being watched it would be of no use; dropping it closes it.
        if self.poller.add(socket.as_fd(), key).is_ok() {
            let mut connection = Connection::new(socket);
            connection.admin = admin;
            self.slots.insert(Box::new(connection));
            let shared = &self.front.shared;
            if !admin {
                count(&shared.accepted, 1);
                count(&shared.open, 1);
            }
        }
    }
}
