//! The dispatcher: starts the workers, collects what they leave, watches limits and health, and turns
//! all of it into the run's one stream of events.
//!
//! It looks ten times a second, so that a record reaches the journal within 200 ms of its request's end
//! without anything being woken per request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use floodline_core::event::{Ended as EndedBy, Finished, ProviderSample, Reached, Sample};
use floodline_core::journey::Script;
use floodline_core::plan::{Limits, Scenario, scenario_seed};
use floodline_core::traffic::Traffic;
use floodline_core::verdict::Stamps;
use floodline_core::window::StopRules;
use floodline_core::workload::Workload;
use floodline_core::{Moment, Plan, Record, RunEvent, Span};
use floodline_wire::own::Format;
use floodline_wire::tokens::Tokenizer;
use tokio::sync::{mpsc, watch};

use crate::admission::Admission;
use crate::clock::{self, Clock};
use crate::connect::probe;
use crate::counter::Counter;
use crate::hook::Hooks;
use crate::ledger::Ledger;
use crate::pacer::Pacer;
use crate::retrying::Retrying;
use crate::stamp::Stamping;
use crate::target::{Endpoint, Target};
use crate::users::{Crowd, Users};
use crate::worker::{self, Common, Gauges, Halt, Left, Names, Outbox, Work, lock};
use crate::{EngineError, health};

/// The built-in provider, as far as the run looks at it.
pub trait Provider {
    /// Its state now.
    fn sample(&self) -> ProviderSample;
}

/// Ends a run early. Asked once, requests in flight are waited for; asked twice, they are given up.
#[derive(Debug, Default)]
pub struct Stop {
    interrupts: AtomicU8,
    /// How much of the run is to be halted because enough of it was seen.
    enough: AtomicU8,
}

impl Stop {
    /// Somebody interrupts it: asks once more.
    pub fn interrupt(&self) {
        let _ = self.interrupts.fetch_update(Relaxed, Relaxed, |n| n.checked_add(1));
    }

    /// Whoever ordered the run has seen enough: nothing more is sent, and what is in flight is waited for.
    pub fn enough(&self) {
        self.enough.fetch_max(1, Relaxed);
    }

    /// The same, and what is in flight is given up.
    pub fn enough_now(&self) {
        self.enough.fetch_max(2, Relaxed);
    }

    /// Another run begins under the same stop: enough of the last one is not enough of this one. Interrupts stay.
    pub fn renew(&self) {
        self.enough.store(0, Relaxed);
    }

    /// Whether somebody interrupted it.
    pub fn is_interrupted(&self) -> bool {
        self.interrupts.load(Relaxed) > 0
    }

    /// Whether what is in flight is given up.
    fn is_now(&self) -> bool {
        self.interrupts.load(Relaxed) > 1 || self.enough.load(Relaxed) > 1
    }

    /// How much is to be halted, and why.
    fn wanted(&self) -> Option<(Halt, EndedBy)> {
        let level = |n: u8| if n > 1 { Halt::Now } else { Halt::Drain };
        match (self.interrupts.load(Relaxed), self.enough.load(Relaxed)) {
            (0, 0) => None,
            (0, enough) => Some((level(enough), EndedBy::Enough)),
            (1, enough) => Some((level(enough), EndedBy::Interrupted)),
            (_, _) => Some((Halt::Now, EndedBy::InterruptedNow)),
        }
    }
}

/// A run to be made.
pub struct Run {
    /// What to do.
    pub plan: Arc<Plan>,
    /// Where to send it: one for each target of the plan.
    pub endpoints: Vec<Endpoint>,
    /// What to send: one for each scenario of the plan.
    pub workloads: Vec<Arc<dyn Workload>>,
    /// What users do: one for each scenario of the plan, none where its users only ask.
    pub scripts: Vec<Option<Arc<dyn Script>>>,
    /// How the answers to the requests of steps are read, where they are no calls of the target's API and say so: by
    /// scenario and by the number of the step.
    pub formats: Vec<Vec<Option<Arc<Format>>>>,
    /// What to count answers with.
    pub tokenizer: Tokenizer,
    /// Threads to do it with.
    pub workers: usize,
    /// What its requests are named after: request i is `ID-i`.
    pub id: String,
    /// The built-in provider, if it was started for this run.
    pub provider: Option<Box<dyn Provider>>,
}

impl Run {
    /// Looks at everything that can be wrong before anything is sent: whether the load fits this machine,
    /// and whether the target takes connections.
    ///
    /// # Errors
    /// [`EngineError`], for people.
    pub fn prepare(self) -> Result<Ready, EngineError> {
        health::raise_descriptor_limit();
        health::fits(&self.plan, self.provider.is_some(), self.workers.max(1) as u64)?;
        let stamping = Stamping::switch_on()?;
        let mut targets = self.endpoints.iter().map(Target::resolve).collect::<Result<Vec<_>, _>>()?;
        if targets.is_empty() {
            return Err(EngineError::Url("the run has no target".into()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for (target, planned) in targets.iter_mut().zip(self.plan.targets()) {
            runtime.block_on(probe(target, planned, self.plan.timeouts.connect))?;
        }
        let counter = Counter::new(self.tokenizer.clone());
        let hooks = self.plan.hook.as_ref().map(Hooks::start).transpose().map_err(EngineError::Hook)?;
        Ok(Ready { run: self, targets, stamping, counter, hooks })
    }
}

/// A run that can start at once.
pub struct Ready {
    run: Run,
    targets: Vec<Target>,
    stamping: Stamping,
    counter: Counter,
    hooks: Option<Hooks>,
}

/// A run under way.
pub struct Running {
    plan: Arc<Plan>,
    counter: Counter,
    ledger: Arc<Ledger>,
    provider: Option<Box<dyn Provider>>,
    clock: Clock,
    workers: Vec<Seat>,
    pacer: Option<Pacing>,
    halt: watch::Sender<Halt>,
    _stamping: Stamping,
}

/// A worker as the dispatcher knows it.
struct Seat {
    thread: Option<JoinHandle<()>>,
    gauges: Arc<Gauges>,
    outbox: Arc<Outbox>,
}

/// The thread of the open loops and replays, and what ends it early.
struct Pacing {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

/// From the decision to start to moment zero.
const LEAD: Span = Span::from_millis(20);
/// Between two looks at the workers.
const LOOK: Span = Span::from_millis(100);
/// How long a look waits for what is being counted, so that it reaches the journal now and not with the next.
const COUNTING: Span = Span::from_millis(20);
/// Between two samples.
const SAMPLE: Span = Span::from_secs(1);

impl Ready {
    /// Where arrival stamps will come from.
    pub fn stamps(&self) -> Stamps {
        if self.stamping.works() { Stamps::Kernel } else { Stamps::Read }
    }

    /// Starts the load.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub fn start(self) -> Result<Running, EngineError> {
        let Ready { run, targets, stamping, counter, hooks } = self;
        let Run { plan, workloads, scripts, formats, workers, id, provider, .. } = run;
        let common = Arc::new(Common {
            targets,
            target_names: plan.split.as_ref().map_or_else(Vec::new, |split| split.names.clone()),
            fallback: plan.fallback(),
            retrying: Retrying::of(&plan),
            key_names: plan.keys.clone(),
            formats,
            timeouts: plan.timeouts,
            scenarios: plan
                .scenarios
                .iter()
                .enumerate()
                .map(|(k, scenario)| names(&plan, k, scenario))
                .collect(),
            key_name: plan.target.key_env.clone(),
            keep_text: plan.record_bodies,
            run_id: id,
            ledger: Arc::new(Ledger::new(&plan)),
            hooks,
        });
        let ledger = common.ledger.clone();
        let (halt, halted) = watch::channel(Halt::No);
        let clock = Clock::starting_in(LEAD);
        let workers = workers.max(1);
        let (work, pacer) = share_out(&plan, (workloads, scripts), workers, clock, &ledger)?;
        let mut seats = Vec::with_capacity(workers);
        for (number, work) in work.into_iter().enumerate() {
            let (gauges, outbox) = (Arc::new(Gauges::default()), Arc::new(Outbox::default()));
            let (common, halted) = (common.clone(), halted.clone());
            let (their_gauges, their_outbox) = (gauges.clone(), outbox.clone());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let dispatcher = thread::current();
            let thread = thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                worker::run(&runtime, common, clock, their_gauges, their_outbox, work, halted);
                dispatcher.unpark();
            })?;
            seats.push(Seat { thread: Some(thread), gauges, outbox });
        }
        Ok(Running {
            plan,
            counter,
            ledger,
            provider,
            clock,
            workers: seats,
            pacer,
            halt,
            _stamping: stamping,
        })
    }
}

fn names(plan: &Plan, number: usize, scenario: &Scenario) -> Names {
    Names {
        scenario: plan.scenario_name(number).map(str::to_owned),
        prompts: scenario.prompts.iter().map(|prompt| prompt.name.clone()).collect(),
    }
}

/// One for each scenario of the plan, none where its users only ask.
type Scripts = Vec<Option<Arc<dyn Script>>>;

/// Deals the plan's load out among the workers: planned instants to a pacer, users to the workers themselves.
fn share_out(
    plan: &Plan,
    (workloads, mut scripts): (Vec<Arc<dyn Workload>>, Scripts),
    workers: usize,
    clock: Clock,
    ledger: &Arc<Ledger>,
) -> Result<(Vec<Work>, Option<Pacing>), EngineError> {
    let mut work: Vec<Work> = (0..workers).map(|_| Work::default()).collect();
    let admission = Arc::new(Admission::new(plan, clock));
    let (mut closed, mut crowds) = (0, Vec::new());
    scripts.resize_with(workloads.len(), || None);
    for (number, (workload, script)) in workloads.iter().zip(scripts).enumerate() {
        let seed = scenario_seed(plan.seed, number);
        let crowd = Crowd::new(plan, number, seed, workload.clone(), script, admission.clone()).map(Arc::new);
        let crowd = match crowd {
            Some(crowd) if crowd.lives() => crowd,
            other => {
                crowds.push(other);
                continue;
            }
        };
        crowds.push(None);
        for (first, work) in work.iter_mut().enumerate() {
            work.users.push(Users { crowd: crowd.clone(), first: first as u32, step: workers as u32 });
        }
        closed += 1;
    }
    if closed == plan.scenarios.len() {
        return Ok((work, None));
    }
    let senders = work
        .iter_mut()
        .map(|work| {
            let (sender, jobs) = mpsc::unbounded_channel();
            work.jobs = Some(jobs);
            sender
        })
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let traffic = Traffic::new(plan).map_err(EngineError::DoesNotFit)?;
    let ledger = ledger.clone();
    let pacer = Pacer {
        traffic,
        workloads,
        crowds,
        workers: senders,
        admission,
        fallback: plan.fallback(),
        keys: plan.keys.len() as u64,
        ledger,
        clock,
        stop: stop.clone(),
    };
    let thread = thread::Builder::new().name("pacer".into()).spawn(move || pacer.run())?;
    Ok((work, Some(Pacing { thread, stop })))
}

impl Running {
    /// The run's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Carries the run to its end, handing every event to `sink`; the last is [`RunEvent::Finished`]. After
    /// each look, ten times a second, it is handed `None`: time to write down what came.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if a worker panicked: what it had in flight is recorded as cancelled, but the
    /// rest of its share was not sent.
    pub fn drive(mut self, stop: &Stop, sink: &mut dyn FnMut(Option<RunEvent>)) -> Result<(), EngineError> {
        let mut watch = Watch { rules: StopRules::of(&self.plan), ..Watch::default() };
        let mut ended_by = None;
        let mut next_sample = Moment::START + SAMPLE;
        loop {
            thread::park_timeout(Duration::from(LOOK));
            let over = self.workers.iter().all(|w| w.thread.as_ref().is_none_or(JoinHandle::is_finished));
            self.collect(&mut watch, sink);
            if over {
                // What ended since the last look may have reached a limit too; only time has not.
                let held = watch.held(Moment::START + self.clock.elapsed());
                let limit = watch.reached(&self.plan.limits, Span::ZERO).or(held);
                ended_by = ended_by.or(limit);
                break;
            }
            let now = Moment::START + self.clock.elapsed();
            if now >= next_sample {
                sink(Some(RunEvent::Sampled(Box::new(self.sample()))));
                next_sample = next_sample.max(Moment(now.0 - now.0 % SAMPLE.0)) + SAMPLE;
            }
            sink(None);
            if let Some((halt, why)) = self.wanted(&mut watch, stop) {
                self.halt_at(halt);
                let open = ended_by.as_ref().is_none_or(|(by, _)| *by == EndedBy::Enough);
                if open || why.0 == EndedBy::InterruptedNow {
                    ended_by = Some(why);
                }
            }
        }
        let at = self.clock.now();
        while self.counter.is_busy() {
            if stop.is_now() {
                self.counter.hurry();
            }
            self.collect_counted(LOOK, &mut watch, sink);
            sink(None);
        }
        let ((why, reached), broken) = self.join(ended_by);
        sink(Some(RunEvent::Sampled(Box::new(self.sample()))));
        let provider = self.provider.as_ref().map_or(Span::ZERO, |p| p.sample().cpu);
        let cpu = clock::process_cpu() - provider;
        sink(Some(RunEvent::Finished(Finished { at, why, reached, cpu, books: self.ledger.books() })));
        if broken { Err(EngineError::Broken) } else { Ok(()) }
    }

    /// Hands over everything that has ended.
    fn collect(&mut self, watch: &mut Watch, sink: &mut dyn FnMut(Option<RunEvent>)) {
        for worker in &self.workers {
            for left in std::mem::take(&mut *lock(&worker.outbox)) {
                match left {
                    Left::Request(ended) => {
                        if let Some(record) = self.counter.take(ended) {
                            watch.hand_over(record, &self.ledger, sink);
                        }
                    }
                    Left::Journey(journey) => sink(Some(RunEvent::Journey(journey))),
                }
            }
        }
        self.collect_counted(COUNTING, watch, sink);
    }

    /// Hands over what has been counted meanwhile, waiting for what is being counted as long as `patience`.
    fn collect_counted(&mut self, patience: Span, watch: &mut Watch, sink: &mut dyn FnMut(Option<RunEvent>)) {
        let until = self.clock.elapsed() + patience;
        while let Some(record) = self.counter.counted((until - self.clock.elapsed()).into()) {
            watch.hand_over(record, &self.ledger, sink);
        }
    }

    /// How much of the run is to be halted now, and why.
    fn wanted(&self, watch: &mut Watch, stop: &Stop) -> Option<(Halt, Why)> {
        if let Some((halt, why)) = stop.wanted() {
            return Some((halt, (why, None)));
        }
        let elapsed = self.clock.elapsed();
        let held = watch.held(Moment::START + elapsed);
        let limit = self.exhausted();
        let limit = limit.or_else(|| watch.reached(&self.plan.limits, elapsed)).or(held)?;
        Some((Halt::Drain, limit))
    }

    fn exhausted(&self) -> Option<Why> {
        let exhausted = self.ledger.exhausted()?;
        Some((EndedBy::Limit(exhausted.to_string()), Some(exhausted.reached())))
    }

    fn halt_at(&self, level: Halt) {
        self.halt.send_if_modified(|halt| std::mem::replace(halt, (*halt).max(level)) < level);
        if let Some(Pacing { thread, stop }) = &self.pacer {
            stop.store(true, Relaxed);
            thread.thread().unpark();
        }
    }

    /// Waits for every thread, and says what ended the run and whether a worker broke down on the way.
    fn join(&mut self, ended_by: Option<Why>) -> (Why, bool) {
        let threads = self.workers.iter_mut().filter_map(|worker| worker.thread.take());
        // A worker that panicked has recorded its flights as cancelled on the way out.
        let broken = threads.map(JoinHandle::join).filter(Result::is_err).count() > 0;
        let _ = self.pacer.take().map(|pacing| pacing.thread.join());
        (ended_by.or_else(|| self.exhausted()).unwrap_or((EndedBy::Plan, None)), broken)
    }

    fn sample(&self) -> Sample {
        let sum = |gauge: fn(&Gauges) -> u64| self.workers.iter().map(|w| gauge(&w.gauges)).sum::<u64>();
        let (began, ended) = (sum(|g| g.began.load(Relaxed)), sum(|g| g.ended.load(Relaxed)));
        let (sent, ended_sent) = (sum(|g| g.sent.load(Relaxed)), sum(|g| g.ended_sent.load(Relaxed)));
        let busiest = self.workers.iter().map(|w| w.gauges.cpu_ns.load(Relaxed)).max().unwrap_or(0);
        let provider = self.provider.as_ref().map(|p| p.sample());
        let in_flight = sent.saturating_sub(ended_sent);
        Sample {
            at: self.clock.now(),
            in_flight,
            waiting: began.saturating_sub(ended).saturating_sub(in_flight),
            sent,
            events: sum(|g| g.events.load(Relaxed)),
            cpu: clock::process_cpu() - provider.map_or(Span::ZERO, |p| p.cpu),
            busiest_worker_cpu: Span(busiest),
            descriptors: (health::open_descriptors(), health::descriptor_limit().unwrap_or(u64::MAX)),
            ports: health::ports(self.plan.target.connection.source_addresses.len() as u64),
            starved: sum(|g| g.starved.load(Relaxed)),
            clock_drift_ns: self.clock.drift_ns(),
            provider,
        }
    }
}

/// What ended a run, and which limit it was.
type Why = (EndedBy, Option<Reached>);

/// What limits are watched by.
#[derive(Debug, Default)]
struct Watch {
    errors: u64,
    rules: StopRules,
}

impl Watch {
    /// Looks at a record on its way out.
    fn hand_over(
        &mut self,
        mut record: Box<Record>,
        ledger: &Ledger,
        sink: &mut dyn FnMut(Option<RunEvent>),
    ) {
        ledger.price(&mut record);
        self.errors += u64::from(record.outcome.is_error());
        self.rules.record(&record);
        sink(Some(RunEvent::Ended(record)));
    }

    /// The limit that is reached, in words.
    fn reached(&self, limits: &Limits, elapsed: Span) -> Option<Why> {
        if let Some(limit) = limits.duration.filter(|&limit| elapsed >= limit) {
            let words = format!("the run had lasted {limit}");
            return Some((EndedBy::Limit(words), Some(Reached::Duration)));
        }
        limits.errors.filter(|&limit| self.errors >= limit)?;
        let words = format!("{} requests had ended in an error", self.errors);
        Some((EndedBy::Limit(words), Some(Reached::Errors)))
    }

    /// The rule that holds, and what it saw.
    fn held(&mut self, now: Moment) -> Option<Why> {
        let words = self.rules.check(now)?.to_owned();
        Some((EndedBy::Limit(words), Some(Reached::Rule)))
    }
}
