//! Where a script meets whoever sends its probes.
//!
//! A script is a future, because that is how a sequence of questions reads best; it waits for nothing but what it is told
//! here, so it needs no runtime: each event polls it once. Every request passes the budget before it is asked for.

use std::cell::{Ref, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use floodline_core::Usd;
use floodline_core::budget::{
    Admission, Amounts, Budget, Ended, Exhausted, Reservation, Settled, Worst, charge, input_bound,
};
use floodline_core::prices::Usage;
use floodline_core::retry::{Dimension, Why};
use floodline_core::{Moment, Outcome, Span};

use super::fit::Hypothesis;
use super::log::{Answer, Line, Log, Probe, Reply};
use super::{Settings, script};

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send this at once, and ask again.
    Send(Probe),
    /// Wait until this moment, or for an answer if that comes first; without a moment, for an answer.
    Wait(Option<Moment>),
    /// It is over.
    Done,
}

/// Why an experiment ended before its script did.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// Its time was up.
    Time,
    /// What it may spend is spent.
    Spent(Exhausted),
    /// The target cannot be experimented with; in words.
    Target(Box<str>),
    /// A key, by its number, with which requests neither come through nor meet a limit; in words.
    Key(usize, Box<str>),
    /// A quota is used up: nothing is admitted any more, however long one waits.
    Quota,
    /// What refuses counts by the day, and says that it does so for longer than there is time.
    Day(Span),
    /// Refusals do not depend on what was sent before: so many of so many.
    Chance {
        /// Requests that were refused.
        refused: usize,
        /// Requests that were sent.
        sent: usize,
    },
}

/// Answers in a row that are neither admitted nor refused: then the target is broken, and nothing can be learned.
const MOST_FAILURES: u32 = 5;
/// Refusals in a row that say that a quota is used up: then it is.
const MOST_EXHAUSTED: u32 = 3;

/// A script that is under way.
type Script = Pin<Box<dyn Future<Output = Result<(), Stop>>>>;

/// An experiment.
pub struct Experiment {
    pub(super) bench: Bench,
    script: Option<Script>,
    stop: Option<Stop>,
}

/// What script and sender share.
#[derive(Clone)]
pub(super) struct Bench(Rc<RefCell<Shared>>);

struct Shared {
    settings: Settings,
    budget: Budget,
    reservations: Vec<Option<Reservation>>,
    log: Log,
    /// Asked for, and not handed out yet.
    due: std::collections::VecDeque<Probe>,
    now: Moment,
    /// The next moment at which the script wants to be polled.
    alarm: Option<Moment>,
    open: usize,
    activity: String,
    best: Vec<Hypothesis>,
    notes: Notes,
    /// Answers in a row that were neither admitted nor refused, and what the last of them said.
    failures: u32,
    failure: Box<str>,
    /// Refusals in a row that said that a quota is used up.
    exhausted: u32,
}

/// What the script has concluded so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// The limits that are known, each with what else stands beside it, and in the order of their discovery.
    pub(super) known: Vec<Known>,
    /// Requests at the same time that are admitted and no more.
    pub(super) crowd: Option<Crowd>,
    /// Whether another key was admitted while the first was refused.
    pub(super) other_key: Option<bool>,
    /// Whether refusals come by chance.
    pub(super) chance: bool,
}

impl Notes {
    /// Of each limit on rates that is known, what explains it best.
    pub(super) fn rates(&self) -> impl Iterator<Item = &Hypothesis> {
        self.known.iter().filter_map(|known| known.best.first())
    }
}

/// A limit on rates that is known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The hypotheses that stand, the best first.
    pub(super) best: Vec<Hypothesis>,
    /// Whether another key was admitted while the first was refused.
    pub(super) other_key: Option<bool>,
    /// How its refusals name it, if they do.
    pub(super) named: Option<Dimension>,
    /// Whether all questions were answered.
    pub(super) settled: bool,
}

/// A limit on requests at the same time that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    pub(super) value: usize,
    /// How often it was seen.
    pub(super) seen: usize,
    /// Whether another key was admitted while the first was full.
    pub(super) other_key: Option<bool>,
}

impl Experiment {
    /// An experiment that begins now, which is [`Moment::START`].
    pub fn new(settings: Settings) -> Experiment {
        let bench = Bench(Rc::new(RefCell::new(Shared {
            budget: Budget::new(settings.ceilings),
            settings,
            reservations: Vec::new(),
            log: Log::default(),
            due: Default::default(),
            now: Moment::START,
            alarm: None,
            open: 0,
            activity: "starting".into(),
            best: Vec::new(),
            notes: Notes::default(),
            failures: 0,
            failure: "".into(),
            exhausted: 0,
        })));
        let asking = bench.clone();
        let script: Script = Box::pin(async move {
            let end = script::run(asking.clone()).await;
            if matches!(end, Err(Stop::Spent(ref why)) if !matches!(why, Exhausted::Overrun(_))) {
                // What was asked for before nothing was left is paid for: it is sent, and its answer is waited for.
                asking.at_most_open(0).await;
            }
            end
        });
        Experiment { bench, script: Some(script), stop: None }
    }

    /// What to do at `now`. When its time is up, the script is polled once more, so that it can conclude, and then dropped,
    /// whatever it waits for; and once it has ended, nothing more is asked for.
    pub fn next(&mut self, now: Moment) -> Command {
        self.bench.0.borrow_mut().now = now;
        let end = Moment(self.bench.settings().max_time.0);
        if let Some(script) = &mut self.script {
            self.bench.0.borrow_mut().alarm = None;
            match script.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(over) => (self.script, self.stop) = (None, over.err()),
                Poll::Pending if now >= end => (self.script, self.stop) = (None, Some(Stop::Time)),
                Poll::Pending => {}
            }
        }
        if self.script.is_none() {
            self.bench.withdraw();
            return Command::Done;
        }
        let mut shared = self.bench.0.borrow_mut();
        match shared.due.pop_front() {
            Some(probe) => Command::Send(probe),
            None => Command::Wait(Some(shared.alarm.map_or(end, |alarm| alarm.min(end)))),
        }
    }

    /// How many probes were handed out and are not answered yet.
    pub fn open(&self) -> usize {
        self.bench.open() - self.bench.0.borrow().due.len()
    }

    /// Ends it here, for somebody who does not want to go on: nothing more is asked for.
    pub fn end(&mut self) {
        self.script = None;
        self.bench.withdraw();
    }

    /// Takes what came of a probe. What was never asked for, or is answered already, is ignored.
    pub fn answered(&mut self, probe: usize, answer: Answer) {
        let shared = &mut *self.bench.0.borrow_mut();
        let Some(line) = shared.log.lines.get_mut(probe).filter(|line| line.answer.is_none()) else { return };
        if let Some(reservation) = shared.reservations.get_mut(probe).and_then(Option::take) {
            let worst = reservation.worst();
            let settled = charge(&ended(&answer), worst, shared.settings.prices.as_ref());
            shared.budget.settle(reservation, settled);
        }
        if let Reply::Failed { detail, .. } = &answer.reply {
            shared.failures += 1;
            shared.failure = detail.clone();
        } else {
            shared.failures = 0;
        }
        line.answer = Some(answer);
        let out = line.why() == Some(Why::QuotaExhausted);
        if line.probe.key == 0 {
            shared.exhausted = if out { shared.exhausted + 1 } else { 0 };
        }
        shared.open = shared.open.saturating_sub(1);
    }

    /// Why it ended before its script did, if it did.
    pub fn stopped(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// What it is doing, in words for people.
    pub fn activity(&self) -> String {
        self.bench.0.borrow().activity.clone()
    }
}

impl Bench {
    pub(super) fn settings(&self) -> Ref<'_, Settings> {
        Ref::map(self.0.borrow(), |shared| &shared.settings)
    }

    pub(super) fn log(&self) -> Ref<'_, Log> {
        Ref::map(self.0.borrow(), |shared| &shared.log)
    }

    pub(super) fn budget(&self) -> Ref<'_, Budget> {
        Ref::map(self.0.borrow(), |shared| &shared.budget)
    }

    pub(super) fn now(&self) -> Moment {
        self.0.borrow().now
    }

    /// Seconds since the start.
    pub(super) fn clock(&self) -> f64 {
        self.now().as_secs_f64()
    }

    /// How many probes are not answered yet.
    pub(super) fn open(&self) -> usize {
        self.0.borrow().open
    }

    /// Takes back what was asked for and not handed out.
    fn withdraw(&self) {
        let shared = &mut *self.0.borrow_mut();
        while let Some(probe) = shared.due.pop_front() {
            shared.open = shared.open.saturating_sub(1);
            let never = Settled { usd: Usd::ZERO, tokens: 0, sent: false, proof: false };
            if let Some(reservation) = shared.reservations.get_mut(probe.id).and_then(Option::take) {
                shared.budget.settle(reservation, never);
            }
        }
    }

    /// What was sent, and what it cost: of what is not answered yet, the worst.
    pub(super) fn bill(&self) -> Amounts {
        let budget = self.budget();
        let (spent, open) = (budget.spent(), budget.reserved());
        Amounts {
            usd: spent.usd + open.usd,
            tokens: spent.tokens.saturating_add(open.tokens),
            requests: spent.requests.saturating_add(open.requests),
        }
    }

    pub(super) fn says(&self, activity: impl Into<String>) {
        self.0.borrow_mut().activity = activity.into();
    }

    /// What the last answer said that was neither admitted nor refused.
    pub(super) fn failure(&self) -> Box<str> {
        self.0.borrow().failure.clone()
    }

    pub(super) fn notes(&self) -> Ref<'_, Notes> {
        Ref::map(self.0.borrow(), |shared| &shared.notes)
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Notes)) {
        change(&mut self.0.borrow_mut().notes);
    }

    /// From now on, refusals that name another limit than this one are left for later.
    pub(super) fn focus(&self, on: Option<Dimension>) {
        self.0.borrow_mut().log.focus = on;
    }

    /// Marks refusals that a known limit explains.
    pub(super) fn explain(&self, explained: &[usize]) {
        let shared = &mut *self.0.borrow_mut();
        for id in explained {
            if let Some(line) = shared.log.lines.get_mut(*id) {
                line.explained = true;
            }
        }
    }

    pub(super) fn believes(&self, best: &[Hypothesis]) {
        self.0.borrow_mut().best = best.to_vec();
    }

    pub(super) fn best(&self) -> Ref<'_, [Hypothesis]> {
        Ref::map(self.0.borrow(), |shared| shared.best.as_slice())
    }

    /// Whether what other keys sent counts as well, as far as that is known.
    pub(super) fn shares(&self, shared: bool) {
        self.0.borrow_mut().log.shared = shared;
    }

    /// Asks for a probe to be sent, and returns its number.
    pub(super) fn send(&self, key: usize, prompt_tokens: u32, max_tokens: u32) -> Result<usize, Stop> {
        let shared = &mut *self.0.borrow_mut();
        if shared.now.0 >= shared.settings.max_time.0 {
            return Err(Stop::Time);
        }
        if shared.exhausted >= MOST_EXHAUSTED {
            return Err(Stop::Quota);
        }
        if shared.failures >= MOST_FAILURES {
            return Err(Stop::Target(shared.failure.clone()));
        }
        let worst = Worst::new(shared.settings.prices.as_ref(), input_bound(prompt_tokens), max_tokens);
        let reservation = match shared.budget.try_reserve(worst) {
            Admission::Granted(reservation) => reservation,
            Admission::Exhausted(why) => return Err(Stop::Spent(why)),
            // Too little is left to go on side by side, and so for much else.
            Admission::Wait => {
                let limit = shared.settings.ceilings.requests.unwrap_or(0);
                return Err(Stop::Spent(Exhausted::Requests { limit }));
            }
        };
        let id = shared.log.lines.len();
        let probe = Probe { id, key, prompt_tokens, max_tokens };
        shared.reservations.push(Some(reservation));
        shared.log.lines.push(Line { probe, answer: None, explained: false });
        shared.due.push_back(probe);
        shared.open += 1;
        Ok(id)
    }

    /// Waits until a probe is answered.
    pub(super) async fn answer(&self, id: usize) {
        let answered = || self.0.borrow().log.lines.get(id).is_none_or(|line| line.answer.is_some());
        poll_fn(|_| if answered() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Waits until at most so many probes are not answered yet.
    pub(super) async fn at_most_open(&self, open: usize) {
        poll_fn(|_| if self.open() <= open { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Lets the clock catch up after something that took long to think about.
    pub(super) async fn breathe(&self) {
        let mut before = true;
        poll_fn(|_| {
            if !std::mem::take(&mut before) {
                return Poll::Ready(());
            }
            let shared = &mut *self.0.borrow_mut();
            shared.alarm = Some(shared.now);
            Poll::Pending
        })
        .await;
    }

    /// Waits until a moment, in seconds since the start.
    pub(super) async fn until(&self, clock: f64) -> Result<(), Stop> {
        let moment = Moment((clock.max(0.0) * 1e9) as u64);
        let end = Moment(self.settings().max_time.0);
        if moment >= end {
            return Err(Stop::Time);
        }
        poll_fn(|_| {
            let shared = &mut *self.0.borrow_mut();
            if shared.now >= moment {
                return Poll::Ready(());
            }
            shared.alarm = Some(shared.alarm.map_or(moment, |alarm| alarm.min(moment)));
            Poll::Pending
        })
        .await;
        Ok(())
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Time => f.write_str("the time that it may take was up"),
            Stop::Spent(exhausted) => exhausted.fmt(f),
            Stop::Target(said) => write!(f, "the target does not answer as it should: {said}"),
            Stop::Key(key, said) => write!(f, "key {} is not accepted: {said}", key + 1),
            Stop::Quota => f.write_str("a quota is used up, and nothing more is admitted"),
            Stop::Day(wait) => {
                write!(f, "what refuses counts by the day, and states that it goes on for {wait}")
            }
            Stop::Chance { refused, sent } => write!(
                f,
                "refusals do not depend on the load: {refused} of {sent} requests were refused, whatever came \
                 before them, which no limiter does"
            ),
        }
    }
}

fn ended(answer: &Answer) -> Ended {
    let refused =
        |outcome, status| Ended { outcome, sent: true, status, answered: false, usage: None, counted: None };
    match &answer.reply {
        Reply::Admitted(tokens) => Ended {
            answered: true,
            usage: tokens.map(|tokens| Usage {
                input: tokens.prompt,
                output: tokens.output,
                ..Usage::default()
            }),
            ..refused(Outcome::Ok, Some(200))
        },
        Reply::Refused { status, .. } => refused(Outcome::RateLimited, *status),
        Reply::Failed { outcome, .. } => {
            Ended { sent: *outcome != Outcome::NotSent, ..refused(*outcome, None) }
        }
    }
}
