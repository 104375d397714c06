//! Whole runs in virtual time: a plan's load against a pace behind a limiter, with the events that a live run has.
//!
//! Time is what the next event makes it: an hour takes as long as its events take to compute. The same plan against the
//! same provider gives the same events. The provider stays as it is from one run to the next, as a real one would; the
//! moments of each run count from its own start.
//!
//! It plays open loops, and closed loops of users who do not think. Requests have no text: their lengths are given.

mod flight;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use floodline_core::event::{Ended, Finished, Sample};
use floodline_core::limits::Spent;
use floodline_core::outcome::Outcome;
use floodline_core::plan::{Load, Plan};
use floodline_core::traffic::Traffic;
use floodline_core::users::{self, Turn, UserStage};
use floodline_core::{Moment, Phase, RunEvent, Span};

use crate::limits::{KeyId, Limiter, ModelId, Request, Verdict};
use crate::model::{Pace, SeqId};
use flight::Flight;

/// A provider in virtual time, and who sends to it.
pub struct Rehearsal {
    /// When tokens are due.
    pub pace: Pace,
    /// What is let through to it.
    pub limiter: Option<Limiter>,
    /// From the generator to the provider, and back.
    pub network: Span,
    /// What sending takes of the generator, which sends one request after another: its capacity is one in this time.
    pub sending: Span,
    /// Tokens of the prompt and of the answer of request i.
    pub lengths: fn(u64) -> (u32, u32),
    now: Moment,
    serial: u64,
}

/// How a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// As planned.
    On,
    /// Nothing more is sent, and what is in flight is waited for.
    Drain,
    /// What is in flight is given up.
    Now,
}

/// Who looks on: at every event and, ten times a second, at the time; and says how the run goes on.
pub type Look<'a> = &'a mut dyn FnMut(Moment, Option<&RunEvent>) -> Go;

/// Between two looks without an event.
const TICK: Span = Span::from_millis(100);
/// Between two samples.
const SAMPLE: Span = Span::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The plan's next request is due.
    Due,
    /// A user is free.
    Free(u32),
    /// A request reaches the provider.
    Arrives(u64),
    /// A refusal reaches the generator.
    Refused(u64),
    /// Time to look.
    Tick,
}

/// A run under way.
struct Run<'a> {
    look: Look<'a>,
    base: Moment,
    queue: BinaryHeap<Reverse<(Moment, u64, Event)>>,
    queued: u64,
    flights: BTreeMap<u64, Flight>,
    go: Go,
    /// When the generator has sent what it was given.
    generator_free: Moment,
    sent: u64,
    events: u64,
}

impl Rehearsal {
    /// A provider with nothing to do, without a limiter, next door to a generator that takes no time.
    pub fn new(pace: Pace, lengths: fn(u64) -> (u32, u32)) -> Rehearsal {
        Rehearsal {
            pace,
            limiter: None,
            network: Span::ZERO,
            sending: Span::ZERO,
            lengths,
            now: Moment::START,
            serial: 0,
        }
    }

    /// Lets time pass without a request.
    pub fn rest(&mut self, span: Span) {
        self.now = self.now + span;
        self.pace.advance(self.now, &mut |_| {});
    }

    /// Makes a run: hands over every event, the last is [`RunEvent::Finished`]. Returns how long it took.
    ///
    /// # Errors
    /// When the plan has no load that can be played.
    pub fn run(&mut self, plan: &Plan, look: Look<'_>) -> Result<Span, String> {
        let base = self.now;
        let (mut traffic, stages) = match plan.scenarios.as_slice() {
            [scenario] => match &scenario.load {
                Load::Open { .. } => (Some(Traffic::new(plan)?.peekable()), Vec::new()),
                Load::Closed { stages, .. } => (None, stages.clone()),
                Load::Sessions { .. } | Load::Replay(_) => {
                    return Err("only rates and users are rehearsed".into());
                }
            },
            _ => return Err("one scenario is rehearsed at a time".into()),
        };
        let mut run = Run {
            look,
            base,
            queue: BinaryHeap::new(),
            queued: 0,
            flights: BTreeMap::new(),
            go: Go::On,
            generator_free: base,
            sent: 0,
            events: 0,
        };
        if let Some(planned) = traffic.as_mut().and_then(|traffic| traffic.peek()) {
            run.queue(base + planned.at.since(Moment::START), Event::Due);
        }
        (0..users::most(&stages)).for_each(|user| run.queue(base, Event::Free(user)));
        run.queue(base + TICK, Event::Tick);
        let mut numbered = 0u64;
        let mut next_sample = base + SAMPLE;
        loop {
            let own = run.queue.peek().map(|Reverse((at, ..))| *at);
            let due = self.pace.next_due();
            let Some(now) = own.into_iter().chain(due).min() else { break };
            self.now = self.now.max(now);
            if due == Some(now) {
                self.emit(&mut run);
            } else if let Some(Reverse((_, _, event))) = run.queue.pop() {
                match event {
                    Event::Due => {
                        let Some(traffic) = traffic.as_mut().filter(|_| run.go == Go::On) else { continue };
                        if let Some(planned) = traffic.next() {
                            let at = base + planned.at.since(Moment::START);
                            self.send(&mut run, planned.index, None, at, planned.phase);
                        }
                        if let Some(next) = traffic.peek() {
                            run.queue(base + next.at.since(Moment::START), Event::Due);
                        }
                    }
                    Event::Free(user) if run.go == Go::On => match turn(&stages, user, now.since(base)) {
                        Ok(phase) => {
                            self.send(&mut run, numbered, Some(user), now, phase);
                            numbered += 1;
                        }
                        Err(Some(until)) => run.queue(base + until, Event::Free(user)),
                        Err(None) => {}
                    },
                    Event::Free(_) => {}
                    Event::Arrives(id) => self.arrive(&mut run, id, now),
                    Event::Refused(id) => self.end(&mut run, id, now),
                    Event::Tick => {
                        if now >= next_sample {
                            next_sample = next_sample + SAMPLE;
                            let sample = run.sample(now);
                            run.tell(now, &RunEvent::Sampled(Box::new(sample)));
                        }
                        let at = run.moment(now);
                        let go = (run.look)(at, None);
                        run.heed(go);
                        let goes_on = run.go == Go::On && (traffic.is_some() || !stages.is_empty());
                        let more = run.queue.iter().any(|Reverse((_, _, e))| *e != Event::Tick);
                        if !run.flights.is_empty() || (goes_on && more) {
                            run.queue(now + TICK, Event::Tick);
                        }
                    }
                }
            }
            if run.go == Go::Now {
                self.give_up(&mut run);
                break;
            }
            if run.go == Go::Drain && run.flights.is_empty() {
                break;
            }
        }
        let at = run.moment(self.now);
        let why = if run.go == Go::On { Ended::Plan } else { Ended::Enough };
        let finished = Finished { at, why, reached: None, cpu: Span::ZERO, books: None };
        run.tell(self.now, &RunEvent::Finished(finished));
        Ok(self.now.since(base))
    }

    fn send(&mut self, run: &mut Run<'_>, i: u64, user: Option<u32>, scheduled: Moment, phase: Phase) {
        let sent = run.generator_free.max(scheduled);
        run.generator_free = sent + self.sending;
        self.serial += 1;
        let (prompt, output) = (self.lengths)(i);
        run.flights.insert(self.serial, Flight::new(i, user, phase, (scheduled, sent), (prompt, output)));
        run.queue(sent + self.network, Event::Arrives(self.serial));
        run.sent += 1;
    }

    fn arrive(&mut self, run: &mut Run<'_>, id: u64, now: Moment) {
        let Some(flight) = run.flights.get_mut(&id) else { return };
        if let Some(limiter) = &mut self.limiter {
            let (key, model) = (KeyId::of("rehearsal"), ModelId::of("m"));
            let request = Request::new(key, model, flight.prompt.into(), Some(flight.output.into()));
            match limiter.admit(now, &request) {
                Verdict::Admitted(ticket, _) => flight.ticket = Some(ticket),
                Verdict::Refused(refusal) => {
                    flight.refuse(Outcome::RateLimited, Some(refusal.dimension));
                    return run.queue(now + self.network, Event::Refused(id));
                }
            }
        }
        if self.pace.submit(now, SeqId(id), flight.prompt, flight.output).is_err() {
            flight.refuse(Outcome::Overloaded, None);
            run.queue(now + self.network, Event::Refused(id));
        }
    }

    /// Hands the tokens that are due to their requests.
    fn emit(&mut self, run: &mut Run<'_>) {
        let Rehearsal { pace, network, now, .. } = self;
        let mut over = Vec::new();
        let mut events = 0;
        pace.advance(*now, &mut |emission| {
            let Some(flight) = run.flights.get_mut(&emission.id.0) else { return };
            events += u64::from(emission.count);
            flight.tokens(emission.at + *network, emission.count);
            if emission.last {
                over.push((emission.id.0, emission.at + *network));
            }
        });
        run.events += events;
        for (id, at) in over {
            if let Some(flight) = run.flights.get_mut(&id) {
                flight.outcome = Outcome::Ok;
            }
            self.end(run, id, at);
        }
    }

    fn end(&mut self, run: &mut Run<'_>, id: u64, at: Moment) {
        let Some(mut flight) = run.flights.remove(&id) else { return };
        if let (Some(ticket), Some(limiter)) = (flight.ticket.take(), &mut self.limiter) {
            let spent = Spent { prompt: flight.prompt.into(), cached: 0, output: flight.told.into() };
            limiter.finished(ticket, self.now, spent);
        }
        if let Some(user) = flight.user {
            run.queue(at.max(self.now), Event::Free(user));
        }
        let record = flight.record(run.base, at);
        run.tell(at, &RunEvent::Ended(Box::new(record)));
    }

    fn give_up(&mut self, run: &mut Run<'_>) {
        for id in run.flights.keys().copied().collect::<Vec<_>>() {
            self.pace.cancel(SeqId(id));
            if let Some(flight) = run.flights.get_mut(&id) {
                flight.outcome = Outcome::Cancelled;
            }
            self.end(run, id, self.now);
        }
    }
}

impl Run<'_> {
    /// The same instant as the run counts it.
    fn moment(&self, at: Moment) -> Moment {
        Moment::START + at.since(self.base)
    }

    fn queue(&mut self, at: Moment, event: Event) {
        self.queued += 1;
        self.queue.push(Reverse((at, self.queued, event)));
    }

    fn tell(&mut self, at: Moment, event: &RunEvent) {
        let at = self.moment(at);
        let go = (self.look)(at, Some(event));
        self.heed(go);
    }

    /// What was once asked to end does not go on.
    fn heed(&mut self, go: Go) {
        self.go = match (self.go, go) {
            (Go::Now, _) | (_, Go::Now) => Go::Now,
            (Go::Drain, _) | (_, Go::Drain) => Go::Drain,
            (Go::On, Go::On) => Go::On,
        };
    }

    fn sample(&self, now: Moment) -> Sample {
        Sample {
            at: self.moment(now),
            in_flight: self.flights.len() as u64,
            sent: self.sent,
            events: self.events,
            ..Sample::default()
        }
    }
}

/// The phase that a user asks in, or until when it waits; it leaves where there is no place for it any more.
fn turn(stages: &[UserStage], user: u32, elapsed: Span) -> Result<Phase, Option<Span>> {
    match users::turn(stages, user, elapsed, 0) {
        Turn::Ask(stage) => Ok(stages.get(stage).map_or(Phase::Main, |stage| stage.phase)),
        Turn::Wait { until, .. } => Err(Some(until)),
        Turn::Leave => Err(None),
    }
}

#[cfg(test)]
mod tests;
