//! The provider's rate limiter: a pure state machine that admits and refuses.
//!
//! What limits mean is data ([`floodline_core::limits`]); here are the counters. Time is handed in, nothing is random,
//! and all arithmetic is in whole numbers, so the same calls give the same answers to the nanosecond, live and in
//! virtual time. In which words a refusal is told is left to `floodline_wire::limits_server`.
//!
//! A request has to fit all limits or is charged to none. A refused request is told by the limit that keeps it out for
//! longest, those first that it can never pass; the wait is exact where it depends on nothing but time. Limits that
//! count refusals are charged before the wait is reckoned.
//!
//! ```
//! use floodline_core::limits::{Figure, Figures, Spent};
//! use floodline_core::{Moment, Span};
//! use floodline_sim::limits::{KeyId, Limiter, ModelId, Request, Verdict};
//!
//! let limits = Figures { rpm: Some(Figure::Of(2)), ..Figures::default() }.limits()?;
//! let mut limiter = Limiter::new(&limits)?;
//! let request = Request::new(KeyId::of("sk-a"), ModelId::of("m"), 100, Some(50));
//! for _ in 0..2 {
//!     let Verdict::Admitted(ticket, _) = limiter.admit(Moment::START, &request) else { panic!("there is room for two") };
//!     limiter.finished(ticket, Moment::START, Spent { prompt: 100, cached: 0, output: 20 });
//! }
//! let Verdict::Refused(refusal) = limiter.admit(Moment::START, &request) else { panic!("and not for three") };
//! assert_eq!(refusal.wait, Some(Span::from_secs(30)));
//! # Ok::<(), floodline_core::limits::LimitsError>(())
//! ```

mod identity;
pub mod ledger;
mod level;
mod log;
mod meter;
mod pair;
mod rule;
mod subjects;
mod window;

use floodline_core::limits::{
    Dimension, Estimate, Gauge, Limits, LimitsError, MAX_LIMITS, Reason, Refusal, Scope, Settlement, Spent,
    Standing,
};
use floodline_core::{Moment, Span};

pub use identity::{KeyId, ModelId};
pub use ledger::Ledger;

use meter::{Meter, Room};
use rule::Rule;
use subjects::Subjects;

/// Who asks for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whose key.
    pub key: KeyId,
    /// Which model.
    pub model: ModelId,
    /// Tokens of the prompt, as the provider estimates them.
    pub prompt_tokens: u64,
    /// Those of them that it will read from a cache.
    pub cached_tokens: u64,
    /// The output asked for (times `n`), if it is said.
    pub max_tokens: Option<u64>,
}

/// What becomes of a request.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one decision, and a box would be an allocation for each"
)]
pub enum Verdict {
    /// It is answered. The ticket has to be handed back with [`Limiter::finished`], however the answer ends.
    Admitted(Ticket, Standing),
    /// It is refused.
    Refused(Refusal),
}

/// An admitted request that is not over yet.
#[derive(Debug)]
#[must_use = "hand it back with `finished`, or what it holds is held for ever"]
pub struct Ticket {
    /// Its subject in each table.
    slots: [u32; SCOPES.len()],
    at: Moment,
    estimate: Estimate,
    produced: u64,
}

/// The limiter.
#[derive(Clone, Debug)]
pub struct Limiter {
    rules: Vec<Rule>,
    tables: Vec<Table>,
    unstated_max_tokens: u64,
    latest: Moment,
}

/// The limits of one scope, and the counters of all who are in it.
#[derive(Clone, Debug)]
struct Table {
    scope: Scope,
    /// Places in the list of rules; a subject's meters are in the same order.
    rules: Vec<u8>,
    subjects: Subjects,
}

const SCOPES: [Scope; 4] = [Scope::Key, Scope::Organisation, Scope::Model, Scope::KeyAndModel];

impl Request {
    /// A request none of whose prompt is cached.
    pub fn new(key: KeyId, model: ModelId, prompt_tokens: u64, max_tokens: Option<u64>) -> Request {
        Request { key, model, prompt_tokens, cached_tokens: 0, max_tokens }
    }
}

impl Limiter {
    /// A limiter that has seen nothing yet.
    ///
    /// # Errors
    /// Which limit makes no sense.
    pub fn new(limits: &Limits) -> Result<Limiter, LimitsError> {
        limits.check()?;
        let rules = limits.limits.iter().map(Rule::new).collect::<Vec<_>>();
        let table = |scope| {
            let own = (0u8..).zip(&limits.limits).filter(|(_, limit)| limit.scope == scope);
            let own = own.map(|(place, _)| place).collect::<Vec<_>>();
            let kinds = own.iter().filter_map(|&place| rules.get(usize::from(place))).map(Rule::kind);
            let subjects = Subjects::new(kinds.collect());
            (!own.is_empty()).then_some(Table { scope, rules: own, subjects })
        };
        let tables = SCOPES.into_iter().filter_map(table).collect();
        Ok(Limiter { rules, tables, unstated_max_tokens: limits.unstated_max_tokens, latest: Moment::START })
    }

    /// Admits or refuses a request that arrives at `now`. A `now` before that of an earlier call counts as the
    /// latest one.
    pub fn admit(&mut self, now: Moment, request: &Request) -> Verdict {
        let now = self.advance(now);
        let estimate = Estimate {
            prompt: request.prompt_tokens,
            cached: request.cached_tokens.min(request.prompt_tokens),
            max: request.max_tokens.unwrap_or(self.unstated_max_tokens),
        };
        let mut slots = [0; SCOPES.len()];
        for (slot, table) in slots.iter_mut().zip(&mut self.tables) {
            *slot = table.subjects.slot(subject(table.scope, request), now, &self.rules, &table.rules);
        }
        let mut fits = true;
        each(&mut self.tables, &self.rules, &slots, |rule, meter, _| {
            let asked = rule.asked(estimate);
            fits &= matches!(meter.room(rule, now, asked), Room::Fits);
        });
        if !fits {
            return Verdict::Refused(self.refuse(now, &slots, estimate));
        }
        let mut gauges = [Gauge::default(); MAX_LIMITS];
        each(&mut self.tables, &self.rules, &slots, |rule, meter, place| {
            meter.charge(rule, now, rule.limit().precharged(estimate));
            if let Some(gauge) = gauges.get_mut(usize::from(place)) {
                *gauge = meter.gauge(rule, now);
            }
        });
        for (slot, table) in slots.iter().zip(&mut self.tables) {
            table.subjects.hold(*slot);
        }
        let standing = Standing::new(gauges.into_iter().take(self.rules.len()));
        Verdict::Admitted(Ticket { slots, at: now, estimate, produced: 0 }, standing)
    }

    /// Charges `tokens` that an answer has produced to the limits that count live. Says which limit the answer has
    /// crossed, each time while it is crossed; whether it goes on is the caller's choice.
    pub fn produced(&mut self, ticket: &mut Ticket, now: Moment, tokens: u64) -> Option<Refusal> {
        let now = self.advance(now);
        ticket.produced = ticket.produced.saturating_add(tokens);
        let mut crossed: Option<Refusal> = None;
        each(&mut self.tables, &self.rules, &ticket.slots, |rule, meter, place| {
            if !rule.limit().live {
                return;
            }
            let tokens = rule.limit().produced(tokens);
            meter.charge(rule, now, tokens);
            if meter.is_over(rule, now) {
                let room = meter.room(rule, now, 1);
                let refusal = refusal(rule, meter, place, now, tokens, room);
                crossed = Some(worst(crossed, refusal));
            }
        });
        crossed
    }

    /// Ends an answer: gives back its place, and settles what it was charged for with what it came to.
    pub fn finished(&mut self, ticket: Ticket, now: Moment, spent: Spent) {
        let now = self.advance(now);
        let Ticket { slots, at, estimate, produced } = ticket;
        each(&mut self.tables, &self.rules, &slots, |rule, meter, _| {
            let limit = rule.limit();
            if limit.dimension == Dimension::Concurrency {
                return meter.give_back(rule, now, at, 1);
            }
            let live = if limit.live { limit.produced(produced) } else { 0 };
            let charged = limit.precharged(estimate).saturating_add(live);
            let due = limit.spent(spent);
            match limit.settlement {
                Settlement::Refund | Settlement::Both if due < charged => {
                    meter.give_back(rule, now, at, charged - due);
                }
                Settlement::Both if due > charged => meter.charge(rule, now, due - charged),
                Settlement::None | Settlement::Refund | Settlement::Both => {}
            }
        });
        for (slot, table) in slots.iter().zip(&mut self.tables) {
            table.subjects.release(*slot);
        }
    }

    /// Where all limits stand for a key and a model, charged with nothing.
    pub fn standing(&self, now: Moment, key: KeyId, model: ModelId) -> Standing {
        let now = now.max(self.latest);
        let request = Request::new(key, model, 0, None);
        let mut gauges = [Gauge::default(); MAX_LIMITS];
        for table in &self.tables {
            let meters = table.subjects.find(subject(table.scope, &request));
            for (index, place) in table.rules.iter().enumerate() {
                let Some(rule) = self.rules.get(usize::from(*place)) else { continue };
                let fresh = Meter::new(rule.kind());
                let meter = meters.and_then(|meters| meters.get(index)).unwrap_or(&fresh);
                if let Some(gauge) = gauges.get_mut(usize::from(*place)) {
                    *gauge = meter.gauge(rule, now);
                }
            }
        }
        Standing::new(gauges.into_iter().take(self.rules.len()))
    }

    /// How many subjects (keys, models, pairs of them) are remembered. Those whose limits are all untouched again are
    /// forgotten as others come.
    pub fn remembered(&self) -> usize {
        self.tables.iter().map(|table| table.subjects.len()).sum()
    }

    /// Charges the limits that count refusals, and finds the limit that keeps the request out for longest.
    #[cold]
    fn refuse(&mut self, now: Moment, slots: &[u32; SCOPES.len()], estimate: Estimate) -> Refusal {
        each(&mut self.tables, &self.rules, slots, |rule, meter, _| {
            if rule.limit().refusals_count
                && !matches!(meter.room(rule, now, rule.asked(estimate)), Room::Never)
            {
                meter.charge_what_fits(rule, now, rule.limit().precharged(estimate));
            }
        });
        let mut found: Option<Refusal> = None;
        each(&mut self.tables, &self.rules, slots, |rule, meter, place| {
            let asked = rule.asked(estimate);
            let room = meter.room(rule, now, asked);
            if !matches!(room, Room::Fits) {
                let refusal = refusal(rule, meter, place, now, asked, room);
                found = Some(worst(found, refusal));
            }
        });
        // A limit that refused still does: charging makes no room. Without one, there is nothing to wait for.
        found.unwrap_or(Refusal {
            limit: 0,
            dimension: Dimension::Requests,
            per: Default::default(),
            window: Span::ZERO,
            reason: Reason::Rate,
            wait: Some(Span::ZERO),
            used: 0,
            requested: 1,
            limit_value: 0,
        })
    }

    /// Time never runs back.
    fn advance(&mut self, now: Moment) -> Moment {
        self.latest = self.latest.max(now);
        self.latest
    }
}

/// Calls `act` with each rule, the meter that it has for its subject, and its place.
fn each(
    tables: &mut [Table],
    rules: &[Rule],
    slots: &[u32; SCOPES.len()],
    mut act: impl FnMut(&Rule, &mut Meter, u8),
) {
    for (slot, table) in slots.iter().zip(tables) {
        for (meter, place) in table.subjects.meters(*slot).iter_mut().zip(&table.rules) {
            if let Some(rule) = rules.get(usize::from(*place)) {
                act(rule, meter, *place);
            }
        }
    }
}

fn subject(scope: Scope, request: &Request) -> u64 {
    match scope {
        Scope::Key => request.key.0,
        Scope::Organisation => 0,
        Scope::Model => request.model.0,
        Scope::KeyAndModel => identity::of_both(request.key, request.model),
    }
}

fn refusal(rule: &Rule, meter: &Meter, place: u8, now: Moment, requested: u64, room: Room) -> Refusal {
    let limit = rule.limit();
    let gauge = meter.gauge(rule, now);
    let reason = match room {
        _ if limit.quota => Reason::Quota,
        Room::Never => Reason::TooLarge,
        Room::Fits | Room::In(_) | Room::Unknown if rule.is_acceleration() => Reason::Acceleration,
        Room::Fits | Room::In(_) | Room::Unknown => Reason::Rate,
    };
    let wait = match room {
        Room::Fits => Some(Span::ZERO),
        Room::In(wait) => Some(wait),
        Room::Unknown | Room::Never => None,
    };
    Refusal {
        limit: place,
        dimension: limit.dimension,
        per: limit.per,
        window: limit.window,
        reason,
        wait,
        used: gauge.used,
        requested,
        limit_value: gauge.limit,
    }
}

/// The refusal that keeps out for longer; of equals, that of the limit that is written first.
fn worst(one: Option<Refusal>, other: Refusal) -> Refusal {
    let Some(one) = one else { return other };
    let rank = |refusal: &Refusal| (refusal.permanent(), refusal.wait, std::cmp::Reverse(refusal.limit));
    if rank(&other) > rank(&one) { other } else { one }
}
