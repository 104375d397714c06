//! The pacer of an open loop: a thread of its own that hands each request over at its instant.
//!
//! An event loop's timers tick in milliseconds; a parked thread with the smallest timer slack is
//! woken within tens of microseconds. The body of the next request is made while waiting for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use floodline_core::Moment;
use floodline_core::traffic::Traffic;
use floodline_core::workload::Workload;
use tokio::sync::mpsc::UnboundedSender;

use crate::admission::Admission;
use crate::clock::Clock;
use crate::flight::{Job, Reading, spare};
use crate::ledger::Ledger;
use crate::users::Crowd;
use crate::worker::Due;

/// The pacer's work.
pub(crate) struct Pacer {
    pub(crate) traffic: Traffic,
    /// One for each scenario of the plan.
    pub(crate) workloads: Vec<Arc<dyn Workload>>,
    /// One for each worker; arrival i goes to worker i modulo their number.
    pub(crate) workers: Vec<UnboundedSender<Due>>,
    /// Those of the scenarios that have a flow: what is due is a journey then.
    pub(crate) crowds: Vec<Option<Arc<Crowd>>>,
    pub(crate) admission: Arc<Admission>,
    /// The number of the target that is tried when another fails.
    pub(crate) fallback: Option<usize>,
    /// With how many keys requests are sent in turn.
    pub(crate) keys: u64,
    /// What the run may spend.
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    /// Set, and the thread unparked, to end the run early.
    pub(crate) stop: Arc<AtomicBool>,
}

impl Pacer {
    /// Sends until the plan ends. The workers learn of the end by their channels being closed.
    pub(crate) fn run(mut self) {
        least_timer_slack();
        while let Some(arrival) = self.traffic.next() {
            let worker = (arrival.index % self.workers.len() as u64) as usize;
            if let Some(crowd) = self.crowds.get(arrival.scenario).cloned().flatten() {
                // Whoever finds nothing left does not set out.
                if crowd.has_enough() {
                    match self
                        .crowds
                        .iter()
                        .all(|crowd| crowd.as_ref().is_some_and(|crowd| crowd.has_enough()))
                    {
                        true => return,
                        false => continue,
                    }
                }
                if !self.wait_until(arrival.at) {
                    return;
                }
                let due = Due::Journey { crowd, nth: arrival.nth, phase: arrival.phase, at: arrival.at };
                let _ = self.workers[worker].send(due);
                continue;
            }
            let mut body = Vec::new();
            let rendered = self.workloads[arrival.scenario].render(arrival.nth.into(), &mut body);
            let workload = &*self.workloads[arrival.scenario];
            let spare = spare(self.fallback, rendered.target, workload, arrival.nth.into(), &self.ledger);
            if !self.wait_until(arrival.at) {
                return;
            }
            let job = Job {
                target: rendered.target,
                key: (self.keys > 0).then(|| (arrival.index % self.keys) as usize),
                spare,
                index: arrival.index,
                scenario: arrival.scenario,
                phase: arrival.phase,
                scheduled: arrival.at,
                prompt: rendered.prompt,
                step: None,
                turn: None,
                reading: Reading::Target,
                leaves: None,
                judge: None,
                input_tokens: rendered.input_tokens,
                worst: self.ledger.worst(&rendered, &body),
                funds: None,
                body,
                head: rendered.head,
                door: None,
                pass: self.admission.ask(arrival.scenario, arrival.at),
            };
            // A worker that is gone has ended its part of the run.
            let _ = self.workers[worker].send(Due::Request(Box::new(job)));
        }
    }

    /// False if the run was stopped meanwhile.
    fn wait_until(&self, at: Moment) -> bool {
        while !self.stop.load(Relaxed) {
            match self.clock.until(at) {
                None => return true,
                Some(left) => std::thread::park_timeout(left),
            }
        }
        false
    }
}

/// Asks to be woken on time and not when it suits the kernel.
fn least_timer_slack() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}
