//! The providers of a server: who has them asked, and in which words they refuse.
//!
//! Which provider a request is for has been decided by its path and its model; here it is let in or not.

use std::sync::Arc;

use floodline_core::faults::{Door, Faults};
use floodline_core::limits::{Limit, Limits, LimitsError};
use floodline_core::time::{Moment, Span};
use floodline_wire::limits_server::{self, Fields};
use floodline_wire::server::{Dialect, Fault};

use super::respond::Small;
use super::routes::Behind;
use super::stats::{Shared, Tally};
use super::struck::Struck;
use crate::faults::Strike;
use crate::limits::{KeyId, Ledger};
use crate::model::{Emission, SeqId};
use crate::provider::{Admitted, Asked, Decision, Entry, Provider};

/// How many of the newest attempts are kept for those who ask.
const ATTEMPTS: usize = 10_000;

/// All of a server, by their places.
#[derive(Debug)]
pub(super) struct Providers {
    all: Vec<Named>,
    /// Whether attempts are handed on.
    hands_on: bool,
    /// Whether other faults than before may let others in.
    has_changed: bool,
}

#[derive(Debug)]
struct Named {
    name: Option<Arc<str>>,
    provider: Provider,
    seed: u64,
}

/// What a request will cost its provider, and how it is to be told about it.
#[derive(Debug)]
pub(super) struct Charge {
    /// Which provider is asked.
    pub(super) place: usize,
    pub(super) key: KeyId,
    pub(super) model: Box<str>,
    pub(super) prompt_tokens: u32,
    /// The output asked for, of all choices together.
    pub(super) max_tokens: Option<u64>,
    pub(super) choices: u32,
    /// The operation as Azure names it.
    pub(super) operation: &'static str,
    pub(super) api_version: Option<Box<str>>,
}

/// What became of a request: the fields that its answer states limits in, or the answer itself.
pub(super) type Accepted = Result<Vec<u8>, Small>;

impl Providers {
    /// Those of a configuration. Attempts are recorded if they are to be handed on, if somebody may look at them
    /// (`keeps`), or if there are limits or faults.
    pub(super) fn new(behind: Vec<Behind>, hands_on: bool, keeps: bool) -> Result<Providers, LimitsError> {
        let all = behind.into_iter().map(|Behind { name, pace, limits, key_names, faults, seed }| {
            let name: Option<Arc<str>> = name.map(Into::into);
            let mut provider = Provider::new(pace, limits.as_ref())?;
            if hands_on || keeps || limits.is_some() || !faults.is_empty() {
                let mut ledger = Ledger::new(ATTEMPTS);
                name.iter().for_each(|name| ledger.name_provider(name));
                key_names.iter().for_each(|(key, name)| ledger.name_key(*key, name));
                provider.keep(ledger);
            }
            provider.set_faults(faults, seed, Moment::START);
            Ok(Named { name, provider, seed })
        });
        Ok(Providers { all: all.collect::<Result<_, _>>()?, hands_on, has_changed: true })
    }

    /// The next time at which [`Providers::advance`] has work to do.
    pub(super) fn next_due(&self) -> Option<Moment> {
        match self.all.as_slice() {
            [one] => one.provider.next_due(),
            all => all.iter().filter_map(|named| named.provider.next_due()).min(),
        }
    }

    /// Hands over every token due by `now`.
    pub(super) fn advance(&mut self, now: Moment, emit: &mut impl FnMut(Emission)) {
        for named in &mut self.all {
            named.provider.advance(now, emit);
        }
    }

    /// The client of an answer is gone, of which `steps` were released.
    pub(super) fn cancel(&mut self, place: usize, now: Moment, id: SeqId, steps: u32) {
        if let Some(named) = self.all.get_mut(place) {
            named.provider.cancel(now, id, steps);
        }
    }

    /// Whether the provider of a request that arrives at `now` lets nobody in, though the port that it shares with others
    /// is open.
    pub(super) fn shuts_out(&mut self, charge: &Charge, now: Moment) -> bool {
        let shares_its_port = self.all.len() > 1;
        let named = self.all.get_mut(charge.place).filter(|_| shares_its_port);
        named.is_some_and(|named| named.provider.shuts_out(now, &charge.asked()))
    }

    /// All that has been due of a flawed answer has gone out, the last of it at `at`.
    pub(super) fn delivered(&mut self, place: usize, at: Moment, id: SeqId) {
        if let Some(named) = self.all.get_mut(place) {
            named.provider.delivered(at, id);
        }
    }

    /// What goes wrong with the request that has just been admitted, having arrived at `now`.
    pub(super) fn strike(&mut self, charge: &Charge, now: Moment) -> Struck {
        let Some(Named { provider, .. }) = self.all.get_mut(charge.place) else { return Struck::default() };
        let strike = provider.strike(now, charge.key, &charge.model);
        let fault = strike.fault.and_then(|place| provider.injector()?.fault(place));
        Struck { strike, fault: fault.map(|fault| fault.kind.clone()) }
    }

    /// Whether connections are let in at `now`. The port of several providers is always open: a request to one that
    /// lets nobody in ends with its connection.
    pub(super) fn way_in(&mut self, now: Moment) -> Door {
        match self.all.as_mut_slice() {
            [one] => one.provider.way_in(now),
            _ => Door::Open,
        }
    }

    /// When that may be otherwise.
    pub(super) fn next_change(&self, now: Moment) -> Option<Moment> {
        match self.all.as_slice() {
            [one] => one.provider.injector()?.next_change(now),
            _ => None,
        }
    }

    /// Whether the faults are others since the last call.
    pub(super) fn have_changed(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// Whether a connection that was made at `now` is refused, though the door is open.
    pub(super) fn refuse(&mut self, now: Moment) -> bool {
        match self.all.as_mut_slice() {
            [one] => one.provider.refuses(now),
            _ => false,
        }
    }

    /// The names of the providers; none is the name of one that has none.
    pub(super) fn names(&self) -> impl Iterator<Item = Option<&str>> {
        self.all.iter().map(|named| named.name.as_deref())
    }

    /// The provider at this place.
    pub(super) fn provider(&self, place: usize) -> Option<&Provider> {
        self.all.get(place).map(|named| &named.provider)
    }

    /// From `now` on these are the faults of the provider at this place.
    pub(super) fn set_faults(&mut self, place: usize, faults: Faults, now: Moment) {
        let Some(named) = self.all.get_mut(place) else { return };
        named.provider.set_faults(faults, named.seed, now);
        self.has_changed = true;
    }

    /// From now on these are the limits of the provider at this place.
    pub(super) fn set_limits(&mut self, place: usize, limits: Option<&Limits>) -> Result<(), LimitsError> {
        self.all.get_mut(place).map_or(Ok(()), |named| named.provider.set_limits(limits))
    }

    /// Publishes what became of attempts.
    pub(super) fn publish(&mut self, shared: &Shared) {
        let tally = |named: &Named| {
            let counts = *named.provider.ledger()?.counts();
            let limits = named.provider.limits().map_or(&[][..], |limits| &limits.limits);
            let limits = limits.iter().map(Limit::short_name).collect();
            Some(Tally { provider: named.name.clone(), counts, limits })
        };
        let tallies = self.all.iter().filter_map(tally).collect::<Vec<_>>();
        if tallies.is_empty() {
            return;
        }
        let hands_on = self.hands_on;
        let ledgers = self.all.iter_mut().filter_map(|named| named.provider.ledger_mut());
        shared.publish_attempts(tallies, |taken| {
            ledgers.filter(|_| hands_on).for_each(|ledger| taken.add(ledger.take_fresh()));
        });
    }

    /// Lets a request in that arrived at `arrived`, or refuses it. `now` is the time of day, since 1970.
    pub(super) fn admit(
        &mut self,
        charge: &Charge,
        arrived: Moment,
        now: Span,
        (dialect, request_id): (Dialect, &str),
    ) -> Result<Admitted, Small> {
        let overloaded = || Small::fault(&Fault::overloaded(dialect), request_id);
        let Some(named) = self.all.get_mut(charge.place) else { return Err(overloaded()) };
        let (refusal, standing) = match named.provider.admit(arrived, &charge.asked()) {
            Entry::Admitted(admitted) => return Ok(admitted),
            Entry::Refused(refusal, standing) => (refusal, standing),
        };
        let Some(limits) = named.provider.limits() else { return Err(overloaded()) };
        let name = named.provider.ledger().and_then(|ledger| ledger.key_name(charge.key));
        let name = name.map_or_else(|| format!("key-{}", charge.key), str::to_owned);
        let told = charge.told(&name, now, (dialect, request_id));
        let answer = limits_server::refused(limits, &standing, &refusal, &told);
        Err(Small {
            status: answer.status,
            fields: written(&answer.fields, now),
            ..Small::json(answer.body.into_bytes())
        })
    }

    /// Begins the answer to a request that was admitted: of so many `steps`, and whether they are held back. The times are
    /// the same.
    pub(super) fn begin(
        &mut self,
        charge: &Charge,
        (admitted, id): (Admitted, SeqId),
        (steps, held_back, strike): (u32, bool, Strike),
        arrived: Moment,
        now: Span,
        (dialect, request_id): (Dialect, &str),
    ) -> Accepted {
        let overloaded = || Small::fault(&Fault::overloaded(dialect), request_id);
        let Some(named) = self.all.get_mut(charge.place) else { return Err(overloaded()) };
        let asked = Asked { steps, held_back, strike, ..charge.asked() };
        match (named.provider.begin(arrived, id, &asked, admitted), named.provider.limits()) {
            (Decision::Answered(Some(standing)), Some(limits)) => {
                let told = charge.told("", now, (dialect, request_id));
                Ok(written(&limits_server::admitted(limits, &standing, &told), now))
            }
            (Decision::Answered(_), _) => Ok(Vec::new()),
            (Decision::Overloaded | Decision::Refused(..), _) => Err(overloaded()),
        }
    }
}

impl Charge {
    fn asked(&self) -> Asked<'_> {
        Asked {
            prompt_tokens: self.prompt_tokens,
            max_tokens: self.max_tokens,
            choices: self.choices,
            ..Asked::new(self.key, &self.model)
        }
    }

    fn told<'a>(
        &'a self,
        key_name: &'a str,
        at: Span,
        (dialect, request_id): (Dialect, &'a str),
    ) -> limits_server::Asked<'a> {
        limits_server::Asked {
            dialect,
            model: &self.model,
            key_name,
            operation: self.operation,
            api_version: self.api_version.as_deref(),
            request_id,
            at,
        }
    }
}

/// As lines of a head, with the `Date` that instants are relative to.
fn written(fields: &Fields, now: Span) -> Vec<u8> {
    let mut out = format!("date: {}\r\n", limits_server::date(now)).into_bytes();
    fields.write_http1(&mut out);
    out
}
