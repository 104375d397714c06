//! A provider as a whole: the limiter at the door, the model behind it, and the ledger of who came.
//!
//! A request is handed to [`Provider::accept`] when it arrives, and is answered or refused. Where faults have a say in how
//! it is answered the same is done in three steps: [`Provider::admit`], [`Provider::strike`] and [`Provider::begin`]. Of an answer's tokens
//! [`Provider::next_due`] and [`Provider::advance`] tell as [`Pace`] does; an answer that nobody waits for any more is
//! withdrawn with [`Provider::cancel`]. Nothing here reads a clock, so the same provider serves live traffic and runs in
//! virtual time.
//!
//! What holds:
//! - What is admitted, refused and stated is what the [`Limiter`] alone would say to the same calls.
//! - What an answer holds (its place among concurrent requests, what it was charged too much) is given back when its
//!   last token is due, or when it is withdrawn; then it is settled with the tokens that were handed over. One whose
//!   tokens are held back ([`Asked::held_back`]) keeps it until [`Provider::delivered`] or until it is withdrawn.
//! - Limits that count live are charged with each emission. Without such a limit a token costs nothing here.
//! - Faults are decided for each request by itself. What is refused by a limit, or finds the queue full, meets none.
//!
//! Time is the caller's, and so is its order: what was due before a request arrived should be asked for before the
//! request is handed over, or it has not been given back yet.
//!
//! ```
//! use floodline_core::limits::{Figure, Figures};
//! use floodline_core::Moment;
//! use floodline_sim::limits::KeyId;
//! use floodline_sim::model::{Pace, SeqId};
//! use floodline_sim::provider::{Asked, Decision, Provider};
//!
//! let limits = Figures { concurrency: Some(Figure::Of(1)), ..Figures::default() }.limits()?;
//! let mut provider = Provider::new(Pace::instant(), Some(&limits))?;
//! let asked = Asked { prompt_tokens: 12, steps: 5, ..Asked::new(KeyId::of("sk-a"), "m") };
//! assert!(matches!(provider.accept(Moment(0), SeqId(1), &asked), Decision::Answered(Some(_))));
//! assert!(matches!(provider.accept(Moment(0), SeqId(2), &asked), Decision::Refused(..)));
//! provider.advance(Moment(0), &mut |emission| assert!(emission.last));
//! assert!(matches!(provider.accept(Moment(0), SeqId(3), &asked), Decision::Answered(Some(_))));
//! # Ok::<(), floodline_core::limits::LimitsError>(())
//! ```

use std::collections::HashMap;

use floodline_core::Moment;
use floodline_core::faults::{self, Faults, Kind};
use floodline_core::limits::{Limits, LimitsError, Refusal, Spent, Standing};

use crate::faults::{Injector, Strike};
use crate::limits::ledger::{Fate, Met};
use crate::limits::{KeyId, Ledger, Limiter, ModelId, Request, Ticket, Verdict};
use crate::model::{Emission, Overloaded, Pace, SeqId};

/// A provider.
#[derive(Debug)]
pub struct Provider {
    pace: Pace,
    door: Option<Door>,
    injector: Option<Injector>,
    ledger: Option<Ledger>,
    /// Whether connections are let in, as far as is known.
    way_in: faults::Door,
}

/// A request, as far as it matters to when it is answered and whether.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Whose key.
    pub key: KeyId,
    /// Which model.
    pub model: &'a str,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// The output asked for, of all choices together, if it is said.
    pub max_tokens: Option<u64>,
    /// Steps that the answer takes: tokens of one choice. None of an answer that never comes: it holds its place until
    /// it is withdrawn.
    pub steps: u32,
    /// Tokens in a step, one for each choice; none of what answers without tokens.
    pub choices: u32,
    /// Whether tokens go out later than they are due, and so the answer is not over with its last.
    pub held_back: bool,
    /// What happens to it, as [`Provider::strike`] has said.
    pub strike: Strike,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is answered. With limits: where they stand, this request included.
    Answered(Option<Standing>),
    /// A limit refuses it; and where all limits stand now.
    Refused(Refusal, Standing),
    /// There is no room in the queue.
    Overloaded,
}

/// What the limits say to a request.
#[derive(Debug)]
pub enum Entry {
    /// It may begin.
    Admitted(Admitted),
    /// A limit refuses it; and where all limits stand now.
    Refused(Refusal, Standing),
}

/// A request that the limits have let in, until it [begins](Provider::begin). With limits: what it holds, and where they
/// stand.
#[derive(Debug)]
#[must_use = "hand it to `Provider::begin`, or what it holds is held for ever"]
pub struct Admitted(Option<(Ticket, Standing)>);

/// The limiter, and what it has let in.
#[derive(Debug)]
struct Door {
    limits: Limits,
    limiter: Limiter,
    /// Whether a limit is charged with output as it is produced.
    counts_live: bool,
    open: HashMap<SeqId, Open>,
}

/// An answer that has not been settled.
#[derive(Debug)]
struct Open {
    ticket: Ticket,
    prompt: u64,
    steps: u32,
    choices: u32,
    held_back: bool,
    /// Whether the model has made all of it.
    is_made: bool,
}

impl<'a> Asked<'a> {
    /// A request without a prompt whose answer is one token.
    pub fn new(key: KeyId, model: &'a str) -> Asked<'a> {
        Asked {
            key,
            model,
            prompt_tokens: 0,
            max_tokens: None,
            steps: 1,
            choices: 1,
            held_back: false,
            strike: Strike::default(),
        }
    }
}

impl Provider {
    /// A provider that nobody has asked yet.
    ///
    /// # Errors
    /// Which limit makes no sense.
    pub fn new(pace: Pace, limits: Option<&Limits>) -> Result<Provider, LimitsError> {
        let way_in = faults::Door::default();
        let mut provider = Provider { pace, door: None, injector: None, ledger: None, way_in };
        provider.set_limits(limits)?;
        Ok(provider)
    }

    /// From now on all attempts are recorded.
    pub fn keep(&mut self, ledger: Ledger) {
        self.ledger = Some(ledger);
    }

    /// Puts other limits into force, of which nothing is used yet. Answers under way go on and are charged to none.
    ///
    /// # Errors
    /// Which limit makes no sense; then the old ones stay in force.
    pub fn set_limits(&mut self, limits: Option<&Limits>) -> Result<(), LimitsError> {
        self.door = limits.map(Door::new).transpose()?;
        Ok(())
    }

    /// The limits in force.
    pub fn limits(&self) -> Option<&Limits> {
        self.door.as_ref().map(|door| &door.limits)
    }

    /// From `now` on these are the faults; what is drawn depends on `seed`. Answers under way keep theirs.
    pub fn set_faults(&mut self, faults: Faults, seed: u64, now: Moment) {
        self.injector = (!faults.is_empty()).then(|| Injector::new(faults, seed, now));
    }

    /// What decides about faults, if there are any.
    pub fn injector(&self) -> Option<&Injector> {
        self.injector.as_ref()
    }

    /// What happens to the request that has just been [admitted](Provider::admit), having arrived at `at`. How it is
    /// answered follows from that. Nobody asks for what a limit refuses, and what the model has no room for is not struck:
    /// it uses up no fault.
    pub fn strike(&mut self, at: Moment, key: KeyId, model: &str) -> Strike {
        let injector = self.injector.as_mut().filter(|_| self.pace.has_room());
        injector.map_or_else(Strike::default, |injector| injector.strike(at, key, model))
    }

    /// The attempts, if they are recorded.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// The same, to name keys or to take what is new.
    pub fn ledger_mut(&mut self) -> Option<&mut Ledger> {
        self.ledger.as_mut()
    }

    /// A request arrives at `at`. If it is answered, its tokens come under the number `id`, which must not be in use.
    pub fn accept(&mut self, at: Moment, id: SeqId, asked: &Asked<'_>) -> Decision {
        match self.admit(at, asked) {
            Entry::Admitted(admitted) => self.begin(at, id, asked, admitted),
            Entry::Refused(refusal, standing) => Decision::Refused(refusal, standing),
        }
    }

    /// A request arrives at `at`, where it counts as a connection of its own: whether a fault shuts it out, and then no limit
    /// is asked.
    pub fn shuts_out(&mut self, at: Moment, asked: &Asked<'_>) -> bool {
        let fault = self.injector.as_mut().and_then(|injector| injector.refuses(at));
        if fault.is_some() {
            let strike = Strike { fault, ..Strike::default() };
            self.record(at, &Asked { strike, ..*asked }, Fate::ShutOut);
        }
        fault.is_some()
    }

    /// A connection is made at `at`, though the door is open: whether a fault resets it.
    pub fn refuses(&mut self, at: Moment) -> bool {
        let Some(injector) = &mut self.injector else { return false };
        let Some(place) = injector.refuses(at) else { return false };
        let fault = injector.fault(place).map(|fault| fault.kind.name());
        if let Some(ledger) = &mut self.ledger {
            ledger.record_connection(at, Met { fault, ..Fate::ShutOut.into() });
        }
        true
    }

    /// Whether any connection at all is let in at `at`; that it is otherwise than before is recorded.
    pub fn way_in(&mut self, at: Moment) -> faults::Door {
        let way_in = self.injector.as_ref().map_or(faults::Door::Open, |injector| injector.door(at));
        if std::mem::replace(&mut self.way_in, way_in) != way_in
            && let Some(ledger) = &mut self.ledger
        {
            let met = match way_in {
                faults::Door::Open => Fate::Opened.into(),
                faults::Door::Shut => Met { fault: Some(Kind::Refuse.name()), ..Fate::Closed.into() },
                faults::Door::Down => Met { fault: Some(Kind::Outage.name()), ..Fate::Closed.into() },
            };
            ledger.record_connection(at, met);
        }
        way_in
    }

    /// A request arrives at `at`: whether the limits let it in. How it will be answered need not be known.
    pub fn admit(&mut self, at: Moment, asked: &Asked<'_>) -> Entry {
        let Some(door) = &mut self.door else { return Entry::Admitted(Admitted(None)) };
        let (model, prompt) = (ModelId::of(asked.model), asked.prompt_tokens.into());
        let request = Request::new(asked.key, model, prompt, asked.max_tokens);
        match door.limiter.admit(at, &request) {
            Verdict::Admitted(ticket, standing) => Entry::Admitted(Admitted(Some((ticket, standing)))),
            Verdict::Refused(refusal) => {
                let standing = door.limiter.standing(at, request.key, request.model);
                self.record(at, asked, Fate::Refused(refusal));
                Entry::Refused(refusal, standing)
            }
        }
    }

    /// A request that was admitted at `at` begins, unless there is no room for it. Its tokens come under the number `id`,
    /// which must not be in use.
    pub fn begin(&mut self, at: Moment, id: SeqId, asked: &Asked<'_>, Admitted(held): Admitted) -> Decision {
        let submitted = match asked.steps {
            0 => Ok(()),
            steps => self.pace.submit(at, id, asked.prompt_tokens, steps),
        };
        let held = held.zip(self.door.as_mut());
        match submitted {
            Ok(()) => {
                let standing = held.map(|((ticket, standing), door)| {
                    door.open.insert(id, Open::new(ticket, asked));
                    standing
                });
                self.record(at, asked, Fate::Admitted);
                Decision::Answered(standing)
            }
            Err(Overloaded) => {
                if let Some(((ticket, _), door)) = held {
                    door.limiter.finished(ticket, at, Spent::default());
                }
                self.record(at, asked, Fate::Overloaded);
                Decision::Overloaded
            }
        }
    }

    fn record(&mut self, at: Moment, asked: &Asked<'_>, fate: Fate) {
        let Some(ledger) = &mut self.ledger else { return };
        let kind = |place: Option<usize>| Some(self.injector.as_ref()?.fault(place?)?.kind.name());
        let (fault, slowed) = match fate {
            Fate::Admitted => (kind(asked.strike.fault), asked.strike.slowed.is_any() && asked.steps > 0),
            Fate::ShutOut => (kind(asked.strike.fault), false),
            Fate::Refused(_) | Fate::Overloaded | Fate::Closed | Fate::Opened => (None, false),
        };
        ledger.record(at, asked.key, asked.model, Met { fate, fault, slowed });
    }

    /// The next time at which [`Provider::advance`] has work to do.
    pub fn next_due(&self) -> Option<Moment> {
        self.pace.next_due()
    }

    /// Hands every token due by `now` to `emit`, in order of time; answers end with their last.
    pub fn advance(&mut self, now: Moment, emit: &mut impl FnMut(Emission)) {
        let Provider { pace, door, .. } = self;
        match door {
            None => pace.advance(now, emit),
            Some(door) => pace.advance(now, &mut |emission| {
                door.emitted(&emission);
                emit(emission);
            }),
        }
    }

    /// All tokens that have been due of an answer that is held back have gone out, the last of them at `at`. If the model
    /// will make no more, it is over. Unknown and finished ones are ignored.
    pub fn delivered(&mut self, at: Moment, id: SeqId) {
        if let Some(door) = &mut self.door
            && door.open.get(&id).is_some_and(|open| open.is_made)
        {
            door.end(at, id, u32::MAX);
        }
    }

    /// Nobody waits for this answer any more, of which `steps` were handed over. Unknown and finished ones are ignored.
    pub fn cancel(&mut self, now: Moment, id: SeqId, steps: u32) {
        self.pace.cancel(id);
        if let Some(door) = &mut self.door {
            door.end(now, id, steps);
        }
    }
}

impl Door {
    fn new(limits: &Limits) -> Result<Door, LimitsError> {
        Ok(Door {
            limiter: Limiter::new(limits)?,
            counts_live: limits.limits.iter().any(|limit| limit.live),
            limits: limits.clone(),
            open: HashMap::new(),
        })
    }

    fn emitted(&mut self, emission: &Emission) {
        if self.counts_live
            && let Some(open) = self.open.get_mut(&emission.id)
        {
            let tokens = u64::from(emission.count) * u64::from(open.choices);
            // A limit that an answer crosses refuses what comes next; the answer itself goes on.
            let _ = self.limiter.produced(&mut open.ticket, emission.at, tokens);
        }
        if !emission.last {
            return;
        }
        match self.open.get_mut(&emission.id).filter(|open| open.held_back) {
            Some(open) => open.is_made = true,
            None => self.end(emission.at, emission.id, u32::MAX),
        }
    }

    fn end(&mut self, at: Moment, id: SeqId, steps: u32) {
        let Some(open) = self.open.remove(&id) else { return };
        let Open { ticket, prompt, steps: all, choices, is_made, .. } = open;
        // What has been made is charged, whether or not somebody stayed for it.
        let steps = if is_made { all } else { steps.min(all) };
        let output = u64::from(steps) * u64::from(choices);
        self.limiter.finished(ticket, at, Spent { prompt, cached: 0, output });
    }
}

impl Open {
    fn new(ticket: Ticket, asked: &Asked<'_>) -> Open {
        Open {
            ticket,
            prompt: asked.prompt_tokens.into(),
            steps: asked.steps,
            choices: asked.choices,
            held_back: asked.held_back,
            is_made: false,
        }
    }
}
