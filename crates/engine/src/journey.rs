//! Journeys: users who walk through a flow.
//!
//! What each step sends and whether its answer is good is decided by the user's actor (`core::journey`); here the steps
//! are walked, in their order, in time, and side by side where the flow says so. A journey waits like a request in
//! flight: at the end of the plan it has the same grace to come to its end. Whatever happens to it, it leaves one record.

mod lanes;

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use floodline_core::flow::{Abandon, Parallel, RequestStep, Step, Times};
use floodline_core::journey::{Actor, Answered, Journey, JourneyEnd, NothingLeft, Outgoing};
use floodline_core::random::{Purpose, Stream};
use floodline_core::users::TimeLaw;
use floodline_core::workload::Rendered;
use floodline_core::{Moment, Outcome, Phase, Span};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::flight::{Job, Judge, Reading, Spare, Told, fly};
use crate::users::Crowd;
use crate::worker::{Asking, Halt, Worker, lock, reached};

/// A user on its way through the flow of its crowd, from iteration to iteration.
pub(crate) struct Traveller {
    crowd: Arc<Crowd>,
    worker: Rc<Worker>,
    halt: watch::Receiver<Halt>,
    number: u64,
    iteration: u64,
    actor: Shared,
    /// Whether its setup is done, if there is one.
    set_up: bool,
}

/// An actor, shared with those of its requests that are in flight.
type Shared = Arc<Mutex<Box<dyn Actor>>>;

/// Who has neither sent anything nor thought on its way sets out again after so long.
const NOTHING_DONE: Span = Span::from_millis(100);

/// Why a journey goes no further.
struct Stop {
    end: JourneyEnd,
    step: Option<String>,
    error: Option<String>,
    /// How its last request ended.
    outcome: Outcome,
}

/// A journey under way. Dropping it records it as cut.
struct Trip {
    worker: Rc<Worker>,
    record: Option<Box<Journey>>,
    requests: Cell<u32>,
    thought: Cell<Span>,
    /// Waited for like a request in flight.
    _asking: Asking,
}

/// One line of steps of a journey: the journey itself, or one of its lanes.
struct Way<'t> {
    traveller: &'t Traveller,
    trip: &'t Trip,
    actor: Shared,
    phase: Phase,
    random: Stream,
    halt: watch::Receiver<Halt>,
    /// How long its user has thought and waited on it.
    thought: Span,
    /// The user's way in, given back once it has its connection.
    door: Option<OwnedSemaphorePermit>,
}

impl Traveller {
    pub(crate) fn new(
        crowd: &Arc<Crowd>,
        worker: &Rc<Worker>,
        halt: &watch::Receiver<Halt>,
        number: u64,
    ) -> Option<Traveller> {
        let actor = crowd.script()?.user(number);
        Some(Traveller {
            crowd: crowd.clone(),
            worker: worker.clone(),
            halt: halt.clone(),
            number,
            iteration: 0,
            actor: Arc::new(Mutex::new(actor)),
            set_up: false,
        })
    }

    /// Goes through the flow once; returns how the last request ended, or none if there is nothing more to do.
    pub(crate) async fn travel(
        &mut self,
        phase: Phase,
        scheduled: Moment,
        door: Option<OwnedSemaphorePermit>,
    ) -> Option<Outcome> {
        if *self.halt.borrow() > Halt::No {
            return None;
        }
        let script = self.crowd.script()?.clone();
        let flow = script.flow();
        let iteration = self.iteration;
        let trip = self.trip(phase, scheduled);
        let mut way = self.way(&trip, phase, iteration, door);
        let (mut free, mut set_up) = (scheduled, self.set_up);
        let gone = async {
            if !set_up && !flow.setup.is_empty() {
                way.begin(None)?;
                way.steps(&flow.setup, &mut free).await?;
            }
            set_up = true;
            way.begin(Some(iteration))?;
            way.steps(&flow.steps, &mut free).await
        }
        .await;
        trip.thought.set(way.thought);
        drop(way);
        let idle = trip.requests.get() == 0 && trip.thought.get() == Span::ZERO;
        let ended = match gone {
            Ok(()) => Some(Outcome::Ok),
            // A user for whom there is nothing left has not set out.
            Err(Stop { end: JourneyEnd::Cut, .. }) => None,
            Err(Stop { outcome, .. }) => Some(outcome),
        };
        trip.end(gone.err());
        self.set_up = set_up;
        self.iteration += 1;
        // A user whose way leads nowhere must not go round and round.
        if idle && ended.is_some() {
            self.worker.alarm.until(self.worker.clock.now() + NOTHING_DONE).await;
        }
        ended
    }

    /// Takes its leave, where it has set out properly.
    pub(crate) async fn leave(self, phase: Phase) {
        let Some(script) = self.crowd.script().cloned() else { return };
        let flow = script.flow();
        if flow.teardown.is_empty() || self.iteration == 0 || !(self.set_up || flow.setup.is_empty()) {
            return;
        }
        let mut free = self.worker.clock.now();
        // It is no journey of its own.
        let mut trip = self.trip(phase, free);
        trip.record = None;
        let mut way = self.way(&trip, phase, self.iteration, None);
        // What goes wrong is in the records of its requests.
        let _ = way.steps(&flow.teardown, &mut free).await;
    }

    fn trip(&self, phase: Phase, scheduled: Moment) -> Trip {
        let record = Journey {
            scenario: self.worker.scenario_name(self.crowd.scenario()),
            user: self.number,
            iteration: self.iteration,
            phase,
            scheduled,
            ended: scheduled,
            thought: Span::ZERO,
            requests: 0,
            end: JourneyEnd::Cut,
            at_step: None,
            error: None,
        };
        Trip {
            worker: self.worker.clone(),
            record: Some(Box::new(record)),
            requests: Cell::new(0),
            thought: Cell::new(Span::ZERO),
            _asking: self.worker.asking(),
        }
    }

    fn way<'t>(
        &'t self,
        trip: &'t Trip,
        phase: Phase,
        iteration: u64,
        door: Option<OwnedSemaphorePermit>,
    ) -> Way<'t> {
        let random = Stream::new(self.crowd.seed(), Purpose::Journeys, stream_of(self.number, iteration));
        Way {
            traveller: self,
            trip,
            actor: self.actor.clone(),
            phase,
            random,
            halt: self.halt.clone(),
            thought: Span::ZERO,
            door,
        }
    }
}

/// The stream of random numbers of a user's iteration.
fn stream_of(user: u64, iteration: u64) -> u64 {
    const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;
    user.wrapping_mul(SCATTER).wrapping_add(iteration)
}

impl Way<'_> {
    fn begin(&self, iteration: Option<u64>) -> Result<(), Stop> {
        lock(&self.actor).begin(iteration).map_err(|NothingLeft { why, for_anyone }| {
            if for_anyone {
                self.traveller.crowd.exhaust();
            }
            Stop { end: JourneyEnd::Cut, step: None, error: Some(why), outcome: Outcome::NotSent }
        })
    }

    /// Does these steps, one after the other; `free` is when the user became free.
    fn steps<'w>(
        &'w mut self,
        steps: &'w [Step],
        free: &'w mut Moment,
    ) -> Pin<Box<dyn Future<Output = Result<(), Stop>> + 'w>> {
        Box::pin(async move {
            for step in steps {
                self.step(step, free).await?;
            }
            Ok(())
        })
    }

    async fn step(&mut self, step: &Step, free: &mut Moment) -> Result<(), Stop> {
        match step {
            Step::Request(request) => self.request(request, free).await,
            Step::Think(law) => self.think(*law, free).await,
            Step::If { condition, steps, otherwise } => {
                let holds = self.holds(condition.number)?;
                self.steps(if holds { steps } else { otherwise }, free).await
            }
            Step::Repeat { times: Times::Count(times), steps } => {
                for _ in 0..*times {
                    self.steps(steps, free).await?;
                    // Steps that send nothing must let others have their turn.
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
            Step::Repeat { times: Times::Until { condition, every, at_most }, steps } => {
                for time in 1..=*at_most {
                    let next = *free + *every;
                    self.steps(steps, free).await?;
                    if self.holds(condition.number)? {
                        return Ok(());
                    }
                    if time < *at_most {
                        self.pause_until(next, free).await?;
                    }
                    tokio::task::yield_now().await;
                }
                Err(failed(None, format!("`{}` did not hold after {at_most} times", condition.text)))
            }
            Step::Branch(arms) => {
                let total: u32 = arms.iter().map(|arm| arm.weight).sum();
                let mut drawn = self.random.below(total);
                for arm in arms {
                    match drawn.checked_sub(arm.weight) {
                        None => return self.steps(&arm.steps, free).await,
                        Some(left) => drawn = left,
                    }
                }
                Ok(())
            }
            Step::Parallel(parallel) => self.parallel(parallel, free).await,
        }
    }

    /// Lanes side by side; what each has saved is put together when all have ended.
    async fn parallel(&mut self, parallel: &Parallel, free: &mut Moment) -> Result<(), Stop> {
        // Who waits to come in has come.
        self.door = None;
        let kinds = parallel.lanes.iter().flat_map(|lane| (0..parallel.copies).map(move |_| lane));
        let mut lanes = Vec::new();
        for (number, steps) in kinds.enumerate() {
            let actor = lock(&self.actor).fork(number as u32);
            let way = Way {
                actor: Arc::new(Mutex::new(actor)),
                random: Stream::new(self.traveller.crowd.seed(), Purpose::Journeys, self.random.bits()),
                halt: self.halt.clone(),
                thought: Span::ZERO,
                door: None,
                ..*self
            };
            lanes.push((way, steps.as_slice()));
        }
        let start = *free;
        let gone = lanes::side_by_side(lanes, parallel.limit, start).await;
        let (mut actors, mut stopped) = (Vec::new(), None);
        let mut thought = Span::ZERO;
        for (way, done) in gone {
            thought = thought.max(way.thought);
            match done {
                Ok(ended) => *free = (*free).max(ended),
                Err(stop) => stopped = stopped.or(Some(stop)),
            }
            // Nobody else holds a lane's actor once its requests have ended.
            if let Some(actor) = Arc::into_inner(way.actor) {
                actors.push(actor.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
            }
        }
        lock(&self.actor).join(actors);
        self.thought += thought;
        stopped.map_or(Ok(()), Err)
    }

    async fn request(&mut self, step: &RequestStep, free: &mut Moment) -> Result<(), Stop> {
        if *self.halt.borrow() > Halt::No {
            return Err(cut());
        }
        let at = |stop: Stop| Stop { step: Some(step.name.clone()), ..stop };
        let outgoing = lock(&self.actor).request(step.number);
        let outgoing = outgoing.map_err(|why| at(failed(None, format!("{}: {why}", step.name))))?;
        let leaves = step.abandon.filter(|abandon| self.random.below(1_000_000) < abandon.millionths);
        let told = self.send(step, outgoing, *free, leaves).await.ok_or_else(|| at(cut()))?;
        *free = told.ended;
        self.trip.requests.set(self.trip.requests.get() + u32::from(told.sent));
        if told.outcome != Outcome::Ok {
            let answered = told.answered.unwrap_or_else(|| Box::new(Answered::none(told.outcome)));
            lock(&self.actor).failed(step.number, &answered);
        }
        match told.outcome {
            Outcome::Ok => {}
            Outcome::Cancelled if told.left => {
                return Err(at(Stop {
                    end: JourneyEnd::Abandoned,
                    step: None,
                    error: None,
                    outcome: told.outcome,
                }));
            }
            Outcome::Cancelled => return Err(at(cut())),
            Outcome::NotSent if *self.halt.borrow() > Halt::No => return Err(at(cut())),
            _ if step.may_fail => {}
            outcome => return Err(at(failed(Some(outcome), told.error.unwrap_or_default()))),
        }
        match step.think {
            Some(law) => self.think(law, free).await,
            None => Ok(()),
        }
    }

    /// Sends a request and waits for what is told of its end; none if the run is to send nothing new.
    async fn send(
        &mut self,
        step: &RequestStep,
        outgoing: Outgoing,
        scheduled: Moment,
        leaves: Option<Abandon>,
    ) -> Option<Told> {
        let worker = self.traveller.worker.clone();
        let crowd = &self.traveller.crowd;
        let index = crowd.next(self.phase)?;
        let Outgoing { target, spare, head, body, input_tokens, input_bound, max_tokens, turn } = outgoing;
        let reading = self.reading(step);
        // What is no model's costs no tokens.
        let free = matches!(reading, Reading::Anything).then_some(0);
        let worst_of = |target, input_bound, max_tokens, body: &[u8]| {
            let (input_bound, max_tokens) = (free.or(input_bound), free.or(max_tokens));
            let rendered = Rendered { target, prompt: 0, input_tokens, input_bound, max_tokens, head: None };
            worker.common.ledger.worst(&rendered, body)
        };
        let worst = worst_of(target, input_bound, max_tokens, &body);
        let funds = worker.fund_now(worst).await.ok()?;
        let (actor, number) = (self.actor.clone(), step.number);
        let judge: Judge = Box::new(move |answer: &Answered| lock(&actor).answered(number, answer));
        let spare = spare.map(|spare| {
            let Outgoing { target, head, body, input_bound, max_tokens, .. } = *spare;
            Box::new(Spare { target, worst: worst_of(target, input_bound, max_tokens, &body), head, body })
        });
        let job = Job {
            target,
            key: worker.key(self.traveller.number),
            spare,
            index,
            scenario: crowd.scenario(),
            phase: self.phase,
            scheduled,
            prompt: 0,
            step: Some(step.name.clone()),
            turn,
            input_tokens,
            body,
            head,
            reading,
            worst,
            funds,
            door: self.door.take(),
            pass: crowd.admission().ask(crowd.scenario(), scheduled),
            leaves: leaves.map(|abandon| abandon.after),
            judge: Some(judge),
        };
        // A task of its own: many lanes of one journey must not be looked at for each other's tokens.
        tokio::task::spawn_local(fly(&worker, job)).await.ok()
    }

    fn reading(&self, step: &RequestStep) -> Reading {
        if step.asks {
            return Reading::Target;
        }
        let formats = self.traveller.worker.common.formats.get(self.traveller.crowd.scenario());
        let stated = formats.and_then(|formats| formats.get(step.number)).cloned().flatten();
        stated.map_or(Reading::Anything, Reading::Stated)
    }

    fn now(&self) -> Moment {
        self.traveller.worker.clock.now()
    }

    fn holds(&self, condition: usize) -> Result<bool, Stop> {
        lock(&self.actor).holds(condition).map_err(|why| failed(None, why))
    }

    async fn think(&mut self, law: TimeLaw, free: &mut Moment) -> Result<(), Stop> {
        let until = *free + law.draw(&mut self.random);
        self.pause_until(until, free).await
    }

    async fn pause_until(&mut self, until: Moment, free: &mut Moment) -> Result<(), Stop> {
        if until <= *free {
            return Ok(());
        }
        // Who waits to come in has come.
        self.door = None;
        let waited = tokio::select! {
            biased;
            () = reached(&mut self.halt, Halt::Drain) => false,
            () = self.traveller.worker.alarm.until(until) => true,
        };
        let ended = if waited { until } else { self.now().min(until).max(*free) };
        self.thought += ended.since(*free);
        *free = ended;
        if waited { Ok(()) } else { Err(cut()) }
    }
}

fn cut() -> Stop {
    Stop { end: JourneyEnd::Cut, step: None, error: None, outcome: Outcome::NotSent }
}

fn failed(outcome: Option<Outcome>, why: String) -> Stop {
    Stop {
        end: JourneyEnd::Failed,
        step: None,
        error: Some(why),
        outcome: outcome.unwrap_or(Outcome::NotSent),
    }
}

impl Trip {
    fn end(mut self, stop: Option<Stop>) {
        if let Some(record) = &mut self.record {
            record.end = JourneyEnd::Completed;
            if let Some(stop) = stop {
                record.end = stop.end;
                record.at_step = stop.step;
                record.error = stop.error.filter(|why| !why.is_empty());
            }
        }
    }
}

impl Drop for Trip {
    fn drop(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.ended = self.worker.clock.now();
            record.thought = self.thought.get();
            record.requests = self.requests.get();
            self.worker.journey_ended(record);
        }
    }
}
