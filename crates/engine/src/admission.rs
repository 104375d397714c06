//! What a request passes before it flies: the waiting that the plan orders.
//!
//! That is the cap on requests in flight. Whoever decides that a request is due asks for its pass at
//! that instant, so that places are given out in the order of arrival, whichever worker a request flies
//! from; the flight then waits for what was asked for, and gives its place back when it is over. A pass tells when
//! the place was free, so that only the ordered wait counts as such: getting round to it after that is the
//! generator's lateness. A load without a cap costs nothing here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use floodline_core::{Moment, Plan};
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::worker::lock;

/// Everything that requests of a run may have to wait for.
pub(crate) struct Admission {
    /// One for each scenario of the plan.
    gates: Vec<Option<Arc<Gate>>>,
}

/// Leave to fly, or a place in the queue for it.
pub(crate) enum Pass {
    /// There is nothing to wait for.
    Free,
    /// A place was free.
    Place(Place),
    /// It has to wait, from this moment on.
    Wait(Moment, oneshot::Receiver<Place>),
}

/// A place among those in flight; given back when it is dropped.
pub(crate) struct Place {
    gate: Option<Arc<Gate>>,
    /// When it was given.
    pub(crate) since: Moment,
}

/// Lets so many in at once, and the others in the order in which they asked.
struct Gate {
    clock: Clock,
    queue: Mutex<Queue>,
}

struct Queue {
    free: u32,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

impl Admission {
    pub(crate) fn new(plan: &Plan, clock: Clock) -> Admission {
        let gate = |cap: u32| Arc::new(Gate::new(cap, clock));
        Admission { gates: plan.scenarios.iter().map(|scenario| scenario.cap.map(gate)).collect() }
    }

    /// Asks for a pass for a request of this scenario that is due now, and was scheduled at `scheduled`.
    pub(crate) fn ask(&self, scenario: usize, scheduled: Moment) -> Pass {
        match self.gates.get(scenario) {
            Some(Some(gate)) => gate.ask(scheduled),
            Some(None) | None => Pass::Free,
        }
    }
}

impl Gate {
    fn new(places: u32, clock: Clock) -> Gate {
        Gate { clock, queue: Mutex::new(Queue { free: places, waiting: VecDeque::new() }) }
    }

    fn ask(self: &Arc<Gate>, scheduled: Moment) -> Pass {
        // Waiting goes by another clock than this one: nobody has waited before being scheduled.
        let now = self.clock.now().max(scheduled);
        let mut queue = lock(&self.queue);
        // A free place has nobody waiting for it: whoever gives one back hands it on.
        match queue.free.checked_sub(1) {
            Some(left) => {
                queue.free = left;
                Pass::Place(Place { gate: Some(self.clone()), since: now })
            }
            None => {
                let (sender, receiver) = oneshot::channel();
                queue.waiting.push_back(sender);
                Pass::Wait(now, receiver)
            }
        }
    }

    /// Hands a place on to whoever has waited longest and still does.
    fn give_back(self: Arc<Gate>) {
        let since = self.clock.now();
        let mut place = Place { gate: Some(self.clone()), since };
        loop {
            let next = {
                let mut queue = lock(&self.queue);
                let next = queue.waiting.pop_front();
                if next.is_none() {
                    queue.free += 1;
                }
                next
            };
            let Some(next) = next else {
                place.gate = None;
                return;
            };
            match next.send(place) {
                Ok(()) => return,
                // It was given up meanwhile.
                Err(back) => place = back,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use floodline_core::Span;

    use super::*;

    fn gate(places: u32) -> Arc<Gate> {
        Arc::new(Gate::new(places, Clock::starting_in(Span::ZERO)))
    }

    fn place(pass: Pass) -> Place {
        match pass {
            Pass::Place(place) => place,
            Pass::Free | Pass::Wait(..) => panic!("a place was expected"),
        }
    }

    fn wait(pass: Pass) -> oneshot::Receiver<Place> {
        match pass {
            Pass::Wait(_, grant) => grant,
            Pass::Free | Pass::Place(_) => panic!("a wait was expected"),
        }
    }

    #[test]
    fn places_are_handed_on_in_the_order_of_asking() {
        let gate = gate(1);
        let first = place(gate.ask(Moment::START));
        let (mut second, mut third) = (wait(gate.ask(Moment::START)), wait(gate.ask(Moment::START)));
        assert!(second.try_recv().is_err());
        drop(first);
        assert!(third.try_recv().is_err());
        drop(second.try_recv().unwrap());
        let third = third.try_recv().unwrap();
        let fourth = wait(gate.ask(Moment::START));
        drop((third, fourth));
        assert_eq!(lock(&gate.queue).free, 1);
    }

    #[test]
    fn who_gives_up_waiting_takes_no_place_with_it() {
        let gate = gate(1);
        let first = place(gate.ask(Moment::START));
        let (second, third) = (wait(gate.ask(Moment::START)), wait(gate.ask(Moment::START)));
        drop(second);
        drop(first);
        // The third was given the place and gives up before it has looked.
        drop(third);
        assert_eq!(lock(&gate.queue).free, 1);
        place(gate.ask(Moment::START));
    }
}
