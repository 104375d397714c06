//! Which fault strikes which request: a pure state machine.
//!
//! What faults mean is data ([`floodline_core::faults`]); here it is decided, request by request. No clock is read: time
//! is handed in, so the same requests at the same moments meet the same faults, live and in virtual time.
//!
//! What holds:
//! - The first fault of the list that strikes is the one that a request meets. Those that only slow down let what is
//!   behind them strike as well, and add up.
//! - Whether a share strikes is a function of the seed, of the request's number and of what goes wrong. Other faults,
//!   other requests and times have no part in it; and a larger share strikes whatever a smaller one struck.
//! - `nth` counts, for each fault by itself, the requests that are meant: of its model and key, within its times.
//!   A request is counted whether or not an earlier fault has struck it.
//! - Times are half-open, and count from the moment at which the faults were set.
//!
//! ```
//! use floodline_core::Moment;
//! use floodline_sim::faults::Injector;
//! use floodline_sim::limits::KeyId;
//!
//! let faults = serde_json::from_str(r#"["status 529 nth 2", "slow 2s"]"#)?;
//! let mut injector = Injector::new(faults, 7, Moment::START);
//! let key = KeyId::of("sk-a");
//! let struck: Vec<_> = (0..3).map(|_| injector.strike(Moment::START, key, "m")).collect();
//! assert_eq!(struck.iter().map(|strike| strike.fault).collect::<Vec<_>>(), [None, Some(0), None]);
//! assert_eq!(struck.iter().map(|strike| strike.slowed.is_any()).collect::<Vec<_>>(), [true, false, true]);
//! # Ok::<(), serde_json::Error>(())
//! ```

use floodline_core::faults::{Door, Fault, Faults, Kind, Slow};
use floodline_core::random::{Purpose, Stream};
use floodline_core::{Moment, Span};

use crate::limits::KeyId;

/// A million, of which a rate is a part.
const MILLION: u32 = 1_000_000;

/// Decides which requests and connections are struck.
#[derive(Clone, Debug)]
pub struct Injector {
    faults: Faults,
    seed: u64,
    /// When the faults were set.
    since: Moment,
    /// In the order of the faults.
    tallies: Vec<Tally>,
    requests: u64,
    connections: u64,
    /// Whether there are faults of connections at all.
    guards: bool,
}

/// What one fault counts.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// What tells its draws from those of others.
    lane: u64,
    /// Requests, or connections, that it was meant for.
    meant: u64,
    /// Those that it struck.
    struck: u64,
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strike {
    /// What slows it down.
    pub slowed: Slowed,
    /// The place of any other fault in their list.
    pub fault: Option<usize>,
}

/// By how much an answer is slowed down, of all faults that do so together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slowed {
    /// By so much, whatever is usual.
    by: Span,
    /// And by so many thousandths of the usual time to its first token.
    thousandths: u64,
}

impl Injector {
    /// These faults, set at `since`; what is drawn depends on `seed`.
    pub fn new(faults: Faults, seed: u64, since: Moment) -> Injector {
        let mut lanes: Vec<u64> = Vec::new();
        let mut lane = |kind: &Kind| {
            // Of several that do the same, each has draws of its own.
            let mut lane = fingerprint(kind);
            while lanes.contains(&lane) {
                lane = lane.wrapping_add(1);
            }
            lanes.push(lane);
            lane
        };
        let tallies =
            faults.iter().map(|fault| Tally { lane: lane(&fault.kind), ..Tally::default() }).collect();
        let guards = faults.iter().any(|fault| fault.kind.is_of_connections());
        Injector { faults, seed, since, tallies, requests: 0, connections: 0, guards }
    }

    /// The faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The fault at this place of the list.
    pub fn fault(&self, place: usize) -> Option<&Fault> {
        self.faults.get(place)
    }

    /// How many requests, or connections, each fault has struck, in their order.
    pub fn struck(&self) -> impl Iterator<Item = u64> {
        self.tallies.iter().map(|tally| tally.struck)
    }

    /// What happens to the next request, which arrives at `now` with this key and asks for `model`.
    pub fn strike(&mut self, now: Moment, key: KeyId, model: &str) -> Strike {
        self.requests += 1;
        let mut strike = Strike::default();
        let (at, seed, number) = (self.at(now), self.seed, self.requests);
        for (place, (fault, tally)) in self.faults.iter().zip(&mut self.tallies).enumerate() {
            if fault.kind.is_of_connections() || !fault.when.means(at, key.hash(), model) {
                continue;
            }
            tally.meant += 1;
            if strike.fault.is_none() && tally.strikes(fault, seed, number) {
                tally.struck += 1;
                if let Kind::Slow(slow) = fault.kind {
                    strike.slowed.add(slow);
                } else {
                    strike.fault = Some(place);
                }
            }
        }
        strike
    }

    /// The place of the fault that resets the next connection, which was made at `now`; none if it is let in.
    pub fn refuses(&mut self, now: Moment) -> Option<usize> {
        self.connections += 1;
        if !self.guards {
            return None;
        }
        let (at, seed, number) = (self.at(now), self.seed, self.connections);
        let mut refused = None;
        for (place, (fault, tally)) in self.faults.iter().zip(&mut self.tallies).enumerate() {
            if !fault.kind.is_of_connections() || !fault.when.times.contain(at) {
                continue;
            }
            tally.meant += 1;
            if refused.is_none() && tally.strikes(fault, seed, number) {
                tally.struck += 1;
                refused = Some(place);
            }
        }
        refused
    }

    /// Whether any connection at all is let in at `now`. Those that are refused by share or by count find the door
    /// open, and are asked about by [`Injector::refuses`].
    pub fn door(&self, now: Moment) -> Door {
        let at = self.at(now);
        let shut = |fault: &&Fault| fault.shuts() && fault.when.times.contain(at);
        let doors = self.faults.iter().filter(shut).map(|fault| match fault.kind {
            Kind::Outage => Door::Down,
            _ => Door::Shut,
        });
        doors.max().unwrap_or_default()
    }

    /// The first moment after `now` at which [`Injector::door`] may say something else.
    pub fn next_change(&self, now: Moment) -> Option<Moment> {
        if !self.guards {
            return None;
        }
        let at = self.at(now);
        let changes = self.faults.iter().filter(|fault| fault.shuts());
        let next = changes.filter_map(|fault| fault.when.times.next_change(at)).min()?;
        Some(self.since + next.since(Moment::START))
    }

    /// A moment as the faults count it.
    fn at(&self, now: Moment) -> Moment {
        Moment::START + now.since(self.since)
    }
}

impl Slowed {
    /// Whether anything does.
    pub fn is_any(&self) -> bool {
        *self != Slowed::default()
    }

    /// How much later an answer comes whose first token was due so long after its request.
    pub fn delay(&self, usual: Span) -> Span {
        let more = u128::from(usual.0) * u128::from(self.thousandths) / 1_000;
        self.by + Span(u64::try_from(more).unwrap_or(u64::MAX))
    }

    /// This slows it down as well.
    pub(crate) fn add(&mut self, slow: Slow) {
        match slow {
            Slow::By(by) => self.by += by,
            Slow::Thousandths(thousandths) => {
                self.thousandths = self.thousandths.saturating_add(thousandths.saturating_sub(1_000));
            }
        }
    }
}

impl Tally {
    /// Whether the fault strikes the request that it is meant for and has just counted.
    fn strikes(&self, fault: &Fault, seed: u64, number: u64) -> bool {
        let rate = fault.when.rate.millionths();
        fault.when.nth.as_ref().is_none_or(|nth| nth.contains(self.meant))
            && (rate == MILLION
                || Stream::new(seed ^ self.lane, Purpose::Faults, number).below(MILLION) < rate)
    }
}

/// FNV-1a of what goes wrong, the same on every machine.
fn fingerprint(kind: &Kind) -> u64 {
    let plain = Fault { kind: kind.clone(), when: Default::default() };
    plain
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
