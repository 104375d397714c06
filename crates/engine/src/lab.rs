//! Single requests, sent when somebody says so: the bench of experiments that decide by what comes back.
//!
//! The requests fly as those of a run do, with their connections kept and their arrivals stamped by the kernel. There is no
//! thread of its own: requests move while the lab is waited on, and what comes meanwhile is stamped all the same.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use floodline_core::budget::Worst;
use floodline_core::workload::Head;
use floodline_core::{Moment, Phase, Plan, Record, Span};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, watch};
use tokio::task::LocalSet;

use crate::admission::Pass;
use crate::clock::Clock;
use crate::connect::probe;
use crate::flight::{Job, Reading, fly};
use crate::ledger::Ledger;
use crate::stamp::Stamping;
use crate::target::{Endpoint, Target};
use crate::worker::{Common, Gauges, Halt, Left, Names, Outbox, Worker, lock};
use crate::{EngineError, health};

/// A place to send single requests from.
pub struct Lab {
    // In this order: what is in flight is dropped while there is a runtime to drop it in.
    local: LocalSet,
    worker: Rc<Worker>,
    runtime: Runtime,
    outbox: Arc<Outbox>,
    ended: Rc<Notify>,
    _halt: watch::Sender<Halt>,
    _stamping: Stamping,
}

/// A request that somebody wants sent.
pub struct Shot {
    /// Its number, which its record bears.
    pub number: u64,
    /// The number of its key among those of the endpoint, where there are several.
    pub key: Option<usize>,
    /// What its head says that others do not.
    pub head: Option<Box<Head>>,
    /// Its body.
    pub body: Vec<u8>,
    /// Tokens of its prompt.
    pub input_tokens: u32,
}

impl Lab {
    /// Resolves the target, looks whether it takes connections, and starts the clock. Of the plan, the time limits count.
    ///
    /// # Errors
    /// [`EngineError`], for people.
    pub fn open(plan: &Plan, endpoint: &Endpoint, id: String) -> Result<Lab, EngineError> {
        health::raise_descriptor_limit();
        let stamping = Stamping::switch_on()?;
        let mut target = Target::resolve(endpoint)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(probe(&mut target, &plan.target, plan.timeouts.connect))?;
        let mut unlimited = plan.clone();
        // Whoever designs the requests keeps the budget.
        unlimited.limits = Default::default();
        let common = Arc::new(Common {
            targets: vec![target],
            target_names: Vec::new(),
            fallback: None,
            retrying: None,
            formats: Vec::new(),
            timeouts: plan.timeouts,
            scenarios: vec![Names { scenario: None, prompts: vec!["probe".into()] }],
            key_name: plan.target.key_env.clone(),
            key_names: endpoint.keys.iter().enumerate().map(|(k, _)| format!("key-{k}")).collect(),
            keep_text: false,
            run_id: id,
            ledger: Arc::new(Ledger::new(&unlimited)),
            hooks: None,
        });
        let (halt, halted) = watch::channel(Halt::No);
        let outbox = Arc::new(Outbox::default());
        let clock = Clock::starting_in(Span::ZERO);
        let worker =
            Worker::new(&runtime, common, clock, Arc::new(Gauges::default()), outbox.clone(), halted);
        let local = LocalSet::new();
        let waker = worker.clone();
        local.spawn_local(async move { waker.alarm.run().await });
        let ended = Rc::new(Notify::new());
        Ok(Lab { local, worker, runtime, outbox, ended, _halt: halt, _stamping: stamping })
    }

    /// The time that records count in.
    pub fn now(&self) -> Moment {
        self.worker.clock.now()
    }

    /// Sends a request at once. What comes of it is told by [`wait`](Lab::wait).
    pub fn send(&self, shot: Shot) {
        let job = Job {
            index: shot.number,
            scenario: 0,
            phase: Phase::Main,
            scheduled: self.now(),
            target: 0,
            key: shot.key,
            spare: None,
            prompt: 0,
            step: None,
            turn: None,
            reading: Reading::Target,
            input_tokens: Some(shot.input_tokens),
            worst: Worst::new(None, shot.input_tokens, 0),
            body: shot.body,
            head: shot.head,
            funds: None,
            door: None,
            pass: Pass::Free,
            leaves: None,
            judge: None,
        };
        let (worker, ended) = (self.worker.clone(), self.ended.clone());
        self.local.spawn_local(async move {
            fly(&worker, job).await;
            ended.notify_one();
        });
    }

    /// Waits until a request has ended, or until `until`, or for `most` if that is sooner; and returns what has
    /// ended since the last time.
    pub fn wait(&self, until: Option<Moment>, most: Duration) -> Vec<Record> {
        let worker = self.worker.clone();
        self.local.block_on(&self.runtime, async {
            let due = async {
                match until {
                    Some(until) => worker.alarm.until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.ended.notified() => {}
                () = due => {}
                () = tokio::time::sleep(most) => {}
            }
        });
        self.taken()
    }

    /// Gives up what is in flight, and returns what became of it: cancelled, or not sent. Nothing is to be sent after it.
    pub fn give_up(&mut self) -> Vec<Record> {
        self.local = LocalSet::new();
        self.taken()
    }

    fn taken(&self) -> Vec<Record> {
        let left = std::mem::take(&mut *lock(&self.outbox));
        let requests = left.into_iter().filter_map(|left| match left {
            Left::Request(ended) => Some(*ended.record),
            Left::Journey(_) => None,
        });
        requests.collect()
    }
}
