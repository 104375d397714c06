//! The providers of a server: who has them asked, and in which words they refuse.
//!
//! Which provider a request is for has been decided by its path and its model; here it is let in or not.

use std::sync::Arc;

use floodline_core::limits::{Limit, LimitsError};
use floodline_core::time::{Moment, Span};
use floodline_wire::limits_server::{self, Fields};
use floodline_wire::server::{Dialect, Fault};

use super::respond::Small;
use super::routes::Behind;
use super::stats::{Shared, Tally};
use crate::limits::{KeyId, Ledger};
use crate::model::{Emission, SeqId};
use crate::provider::{Asked, Decision, Provider};

/// How many of the newest attempts are kept for those who ask.
const ATTEMPTS: usize = 10_000;

/// All of a server, by their places.
#[derive(Debug)]
pub(super) struct Providers {
    all: Vec<Named>,
    /// Whether attempts are handed on.
    hands_on: bool,
}

#[derive(Debug)]
struct Named {
    name: Option<Arc<str>>,
    provider: Provider,
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
    /// Those of a configuration. Attempts are recorded if `keeps` or if there are limits.
    pub(super) fn new(behind: Vec<Behind>, keeps: bool) -> Result<Providers, LimitsError> {
        let all = behind.into_iter().map(|Behind { name, pace, limits, key_names }| {
            let name: Option<Arc<str>> = name.map(Into::into);
            let mut provider = Provider::new(pace, limits.as_ref())?;
            if keeps || limits.is_some() {
                let mut ledger = Ledger::new(ATTEMPTS);
                name.iter().for_each(|name| ledger.name_provider(name));
                key_names.iter().for_each(|(key, name)| ledger.name_key(*key, name));
                provider.keep(ledger);
            }
            Ok(Named { name, provider })
        });
        Ok(Providers { all: all.collect::<Result<_, _>>()?, hands_on: keeps })
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

    /// Lets a request in that arrived at `arrived` and whose answer takes so many `steps`, or refuses it. `now` is the
    /// time of day, since 1970.
    pub(super) fn accept(
        &mut self,
        charge: &Charge,
        (id, steps): (SeqId, u32),
        arrived: Moment,
        now: Span,
        (dialect, request_id): (Dialect, &str),
    ) -> Accepted {
        let overloaded = || Small::fault(&Fault::overloaded(dialect), request_id);
        let Some(named) = self.all.get_mut(charge.place) else { return Err(overloaded()) };
        let decision = named.provider.accept(arrived, id, &charge.asked(steps));
        let told = |key_name| limits_server::Asked {
            dialect,
            model: &charge.model,
            key_name,
            operation: charge.operation,
            api_version: charge.api_version.as_deref(),
            request_id,
            at: now,
        };
        match (decision, named.provider.limits()) {
            (Decision::Answered(Some(standing)), Some(limits)) => {
                let fields = limits_server::admitted(limits, &standing, &told(""));
                Ok(written(&fields, now))
            }
            (Decision::Answered(_), _) => Ok(Vec::new()),
            (Decision::Refused(refusal, standing), Some(limits)) => {
                let named = named.provider.ledger().and_then(|ledger| ledger.key_name(charge.key));
                let name = named.map_or_else(|| format!("key-{}", charge.key), str::to_owned);
                let answer = limits_server::refused(limits, &standing, &refusal, &told(&name));
                Err(Small {
                    status: answer.status,
                    fields: written(&answer.fields, now),
                    ..Small::json(answer.body.into_bytes())
                })
            }
            (Decision::Overloaded | Decision::Refused(..), _) => Err(overloaded()),
        }
    }
}

impl Charge {
    fn asked(&self, steps: u32) -> Asked<'_> {
        Asked {
            prompt_tokens: self.prompt_tokens,
            max_tokens: self.max_tokens,
            steps,
            choices: self.choices,
            ..Asked::new(self.key, &self.model)
        }
    }
}

/// As lines of a head, with the `Date` that instants are relative to.
fn written(fields: &Fields, now: Span) -> Vec<u8> {
    let mut out = format!("date: {}\r\n", limits_server::date(now)).into_bytes();
    fields.write_http1(&mut out);
    out
}
