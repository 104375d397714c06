//! A worker: one thread with its own event loop, connections, buffers and counters.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use floodline_core::budget::Worst;
use floodline_core::journey::Journey;
use floodline_core::plan::Timeouts;
use floodline_core::{Moment, Phase, Record, Span};
use floodline_wire::own::Format;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinSet, LocalSet};

use crate::alarm::Alarm;
use crate::clock::{self, Clock};
use crate::counter::ToCount;
use crate::flight::{Job, fly};
use crate::hook::Hooks;
use crate::http2::Pool;
use crate::journey::Traveller;
use crate::ledger::{Funds, Ledger};
use crate::retrying::Retrying;
use crate::socket::{Scratch, Socket};
use crate::target::Target;
use crate::users::{Crowd, Users};

/// A request that ended, on its way to the dispatcher.
pub(crate) struct Ended {
    pub(crate) record: Box<Record>,
    /// What is to be counted of its answer.
    pub(crate) to_count: Option<ToCount>,
    /// The texts of attempts before the last whose tokens nobody stated, by the places of the attempts.
    pub(crate) earlier: Vec<(usize, String)>,
}

/// How much of a run is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Halt {
    /// All of it.
    No,
    /// What is in flight; nothing new.
    Drain,
    /// Nothing.
    Now,
}

/// What a worker has to do, side by side.
#[derive(Default)]
pub(crate) struct Work {
    /// Send what comes, when it comes.
    pub(crate) jobs: Option<mpsc::UnboundedReceiver<Due>>,
    /// Be these users.
    pub(crate) users: Vec<Users>,
}

/// What is due at an instant of the plan's choosing.
pub(crate) enum Due {
    /// A request.
    Request(Box<Job>),
    /// A journey, by a user that comes for it.
    Journey {
        /// Those whose flow it is.
        crowd: Arc<Crowd>,
        /// Which of its scenario's journeys it is, from 0.
        nth: u64,
        /// The phase it belongs to.
        phase: Phase,
        /// The instant.
        at: Moment,
    },
}

/// The names that a scenario's records bear.
pub(crate) struct Names {
    /// Its own, where the plan has several.
    pub(crate) scenario: Option<String>,
    /// Those of the prompts of its mix.
    pub(crate) prompts: Vec<String>,
}

/// What all workers of a run have in common.
pub(crate) struct Common {
    /// The targets, the first first.
    pub(crate) targets: Vec<Target>,
    /// Their names in records, where there are several.
    pub(crate) target_names: Vec<String>,
    /// The number of the one that is tried when another fails.
    pub(crate) fallback: Option<usize>,
    /// What is done about attempts that fail, where that is anything.
    pub(crate) retrying: Option<Retrying>,
    /// How the answers to requests of steps' own are read, by scenario and step.
    pub(crate) formats: Vec<Vec<Option<Arc<Format>>>>,
    pub(crate) timeouts: Timeouts,
    /// One for each scenario of the plan.
    pub(crate) scenarios: Vec<Names>,
    /// The name of the key.
    pub(crate) key_name: Option<String>,
    /// The names of the keys that requests are sent with in turn, where there are several.
    pub(crate) key_names: Vec<String>,
    /// Whether answers are kept.
    pub(crate) keep_text: bool,
    /// What the run's requests are named after.
    pub(crate) run_id: String,
    /// What the run may spend.
    pub(crate) ledger: Arc<Ledger>,
    /// The user's own programs, where there are some.
    pub(crate) hooks: Option<Hooks>,
}

/// What the dispatcher sees of a worker while it runs. One thread writes, so plain loads and stores do.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) began: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) ended: AtomicU64,
    pub(crate) ended_sent: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) starved: AtomicU64,
    pub(crate) cpu_ns: AtomicU64,
}

/// Where a worker leaves what has ended, for the dispatcher to collect.
pub(crate) type Outbox = Mutex<Vec<Left>>;

/// What a worker leaves behind, in the order in which it ended.
pub(crate) enum Left {
    /// A request.
    Request(Ended),
    /// A journey.
    Journey(Box<Journey>),
}

/// The state of a worker's thread, shared by its tasks.
pub(crate) struct Worker {
    pub(crate) common: Arc<Common>,
    pub(crate) clock: Clock,
    pub(crate) alarm: Alarm,
    pub(crate) scratch: RefCell<Scratch>,
    /// Those that are kept, for each target.
    idle: RefCell<Vec<Vec<Socket>>>,
    /// With HTTP/2, the connections to each target.
    pub(crate) pools: Vec<Option<Pool>>,
    /// Requests in flight, and users about to ask.
    in_flight: Cell<usize>,
    landed: Notify,
    halt: watch::Receiver<Halt>,
    gauges: Arc<Gauges>,
    outbox: Arc<Outbox>,
}

impl Worker {
    /// A worker without work.
    pub(crate) fn new(
        runtime: &Runtime,
        common: Arc<Common>,
        clock: Clock,
        gauges: Arc<Gauges>,
        outbox: Arc<Outbox>,
        halt: watch::Receiver<Halt>,
    ) -> Rc<Worker> {
        let pools = common.targets.iter().map(|target| target.http2.map(Pool::new)).collect();
        let idle = common.targets.iter().map(|_| Vec::new()).collect();
        Rc::new(Worker {
            common,
            pools,
            clock,
            alarm: Alarm::new(runtime, clock),
            scratch: RefCell::new(Scratch::new()),
            idle: RefCell::new(idle),
            in_flight: Cell::new(0),
            landed: Notify::new(),
            halt,
            gauges,
            outbox,
        })
    }

    /// Closed loops number their own requests: of several scenarios, the number of the scenario tells them apart.
    pub(crate) fn request_id(&self, scenario: usize, index: u64) -> String {
        match self.common.scenarios.len() {
            0 | 1 => format!("{}-{index}", self.common.run_id),
            _ => format!("{}-{scenario}-{index}", self.common.run_id),
        }
    }

    /// The connection to a target that was used last, which is the likeliest to be still open; those on which the server
    /// has said something since, if only goodbye, are let go.
    pub(crate) fn take_idle(&self, target: usize) -> Option<Socket> {
        let mut idle = self.idle.borrow_mut();
        let idle = idle.get_mut(target)?;
        while let Some(socket) = idle.pop() {
            if socket.is_quiet() {
                return Some(socket);
            }
        }
        None
    }

    pub(crate) fn put_idle(&self, target: usize, socket: Socket) {
        let keeps = self.common.targets.get(target).is_some_and(|target| target.keeps);
        if let (true, Some(idle)) = (keeps, self.idle.borrow_mut().get_mut(target)) {
            idle.push(socket);
        }
    }

    /// The target of this number; the first, if there is none.
    pub(crate) fn target(&self, number: usize) -> &Target {
        self.common.targets.get(number).unwrap_or(&self.common.targets[0])
    }

    /// The number of the key that comes `nth`, where requests are sent with several in turn.
    pub(crate) fn key(&self, nth: u64) -> Option<usize> {
        let keys = self.common.key_names.len() as u64;
        (keys > 0).then(|| (nth % keys) as usize)
    }

    /// Whether nothing new is to be sent.
    pub(crate) fn is_halted(&self) -> bool {
        *self.halt.borrow() > Halt::No
    }

    /// Waits until nothing new is to be sent.
    pub(crate) async fn drains(&self) {
        reached(&mut self.halt.clone(), Halt::Drain).await;
    }

    /// Waits for room in the run's budget; or says why there is none, or none any more.
    pub(crate) async fn fund(&self, worst: Worst) -> Result<Funds, String> {
        tokio::select! {
            biased;
            funds = self.common.ledger.reserve(worst, self.clock) => funds.map_err(|why| why.to_string()),
            () = self.drains() => Err("the run ended while it waited for room in its budget".into()),
        }
    }

    /// The same for who asks before the flight begins; a request that may still be changed asks later.
    pub(crate) async fn fund_now(&self, worst: Worst) -> Result<Option<Funds>, String> {
        match self.common.hooks.is_some() {
            true => Ok(None),
            false => self.fund(worst).await.map(Some),
        }
    }

    /// A user who is about to ask and is waited for like a request in flight, as long as this is held.
    pub(crate) fn asking(self: &Rc<Worker>) -> Asking {
        self.in_flight.set(self.in_flight.get() + 1);
        Asking(self.clone())
    }

    pub(crate) fn began(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
        add(&self.gauges.began, 1);
    }

    pub(crate) fn sent(&self) {
        add(&self.gauges.sent, 1);
    }

    pub(crate) fn received(&self, events: u64) {
        add(&self.gauges.events, events);
    }

    pub(crate) fn starved(&self) {
        add(&self.gauges.starved, 1);
    }

    /// So many sendings of a request are over, without its having ended.
    pub(crate) fn set_aside(&self, sendings: u64) {
        add(&self.gauges.ended_sent, sendings);
    }

    /// A request has ended, and so have so many of its sendings that had not been told of.
    pub(crate) fn ended(&self, ended: Ended, sendings: u64) {
        add(&self.gauges.ended, 1);
        add(&self.gauges.ended_sent, sendings);
        lock(&self.outbox).push(Left::Request(ended));
        self.landed();
    }

    pub(crate) fn journey_ended(&self, journey: Box<Journey>) {
        lock(&self.outbox).push(Left::Journey(journey));
    }

    /// The name of a scenario in records: none where there is only one.
    pub(crate) fn scenario_name(&self, scenario: usize) -> Option<String> {
        self.common.scenarios.get(scenario)?.scenario.clone()
    }

    fn landed(&self) {
        self.in_flight.set(self.in_flight.get() - 1);
        self.landed.notify_one();
    }

    async fn all_landed(&self) {
        while self.in_flight.get() > 0 {
            self.landed.notified().await;
        }
    }

    /// Tells the dispatcher now and then how much CPU this thread has used.
    async fn report_cpu(&self) {
        let mut tick = tokio::time::interval(Duration::from_millis(500));
        loop {
            tick.tick().await;
            self.gauges.cpu_ns.store(clock::thread_cpu().0, Relaxed);
        }
    }
}

/// Somebody about to ask.
pub(crate) struct Asking(Rc<Worker>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.landed();
    }
}

/// The thread of a worker: does its work, waits for what is in flight as long as it may, and gives up the rest.
pub(crate) fn run(
    runtime: &Runtime,
    common: Arc<Common>,
    clock: Clock,
    gauges: Arc<Gauges>,
    outbox: Arc<Outbox>,
    work: Work,
    halt: watch::Receiver<Halt>,
) {
    let grace: Span = common.timeouts.grace;
    let worker = Worker::new(runtime, common, clock, gauges.clone(), outbox, halt.clone());
    let local = LocalSet::new();
    let reporter = worker.clone();
    local.spawn_local(async move { reporter.report_cpu().await });
    let waker = worker.clone();
    local.spawn_local(async move { waker.alarm.run().await });
    let mut halted = halt.clone();
    local.block_on(runtime, async {
        let mut parts = JoinSet::new();
        if let Some(jobs) = work.jobs {
            let (worker, halt) = (worker.clone(), halt.clone());
            parts.spawn_local(async move { send_due(&worker, jobs, halt).await });
        }
        for users in work.users {
            let (worker, halt) = (worker.clone(), halt.clone());
            parts.spawn_local(async move { users.run(&worker, halt).await });
        }
        while parts.join_next().await.is_some() {}
        let landed = tokio::time::timeout(grace.into(), worker.all_landed());
        tokio::select! {
            biased;
            _ = landed => {}
            () = reached(&mut halted, Halt::Now) => {}
        }
    });
    // Whatever is still in flight is recorded as cancelled when its task is dropped.
    drop(local);
    gauges.cpu_ns.store(clock::thread_cpu().0, Relaxed);
}

async fn send_due(worker: &Rc<Worker>, mut jobs: mpsc::UnboundedReceiver<Due>, halt: watch::Receiver<Halt>) {
    while let Some(due) = jobs.recv().await {
        match due {
            Due::Request(job) => {
                tokio::task::spawn_local(fly(worker, *job));
            }
            Due::Journey { crowd, nth, phase, at } => {
                if let Some(mut traveller) = Traveller::new(&crowd, worker, &halt, nth) {
                    // It is in flight from here on.
                    let asking = worker.asking();
                    tokio::task::spawn_local(async move {
                        let _asking = asking;
                        traveller.travel(phase, at, None).await;
                        traveller.leave(phase).await;
                    });
                }
            }
        }
    }
}

/// Waits until the run is to be halted at least this much.
pub(crate) async fn reached(halt: &mut watch::Receiver<Halt>, level: Halt) {
    if halt.wait_for(|h| *h >= level).await.is_err() {
        // The dispatcher is gone; nobody is left to halt anything.
        std::future::pending::<()>().await;
    }
}

fn add(gauge: &AtomicU64, n: u64) {
    gauge.store(gauge.load(Relaxed) + n, Relaxed);
}

/// Locks a mutex whose content is valid even if a holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
