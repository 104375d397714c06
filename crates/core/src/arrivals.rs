//! The token-bearing arrivals of one response, packed small.
//!
//! An arrival is one read of the socket that carried at least one token: its kernel stamp, how many
//! token-bearing events it held (more than one: coalesced, and the stamp is an upper bound for all
//! but the last) and how long the program took to get round to it. Kept as three varints each, as
//! deltas, because there is one per token and ten thousand responses may be open at once.

use crate::time::{Moment, Span};

/// The arrivals of one response, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    packed: Vec<u8>,
    /// Where the newest arrival begins in `packed`, and what came before it.
    newest: Option<(usize, Arrival)>,
    before: Moment,
    count: u32,
    events: u64,
    first: Option<Moment>,
}

/// One read that carried tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When the kernel took the last byte of it in.
    pub at: Moment,
    /// Token-bearing events in it, at least 1.
    pub events: u32,
    /// From the kernel's stamp to the program reading it.
    pub lag: Span,
}

impl Arrivals {
    /// Appends an arrival. Reads that share a stamp are one arrival, and so is one whose stamp lies before
    /// its predecessor's: it cannot be told apart from it.
    pub fn push(&mut self, arrival: Arrival) {
        self.events += u64::from(arrival.events);
        let arrival = match self.newest {
            Some((start, newest)) if arrival.at <= newest.at => {
                self.packed.truncate(start);
                Arrival {
                    at: newest.at,
                    events: newest.events.saturating_add(arrival.events),
                    lag: newest.lag.max(arrival.lag),
                }
            }
            newest => {
                self.before = newest.map_or(Moment::START, |(_, newest)| newest.at);
                self.first.get_or_insert(arrival.at);
                self.count += 1;
                arrival
            }
        };
        self.newest = Some((self.packed.len(), arrival));
        put_varint(&mut self.packed, arrival.at.since(self.before).0);
        put_varint(&mut self.packed, u64::from(arrival.events));
        put_varint(&mut self.packed, arrival.lag.0);
    }

    /// How many arrivals there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Token-bearing events in all of them.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// When the first one arrived.
    pub fn first(&self) -> Option<Moment> {
        self.first
    }

    /// When the last one arrived.
    pub fn last(&self) -> Option<Moment> {
        self.newest.map(|(_, newest)| newest.at)
    }

    /// Each arrival in order.
    pub fn iter(&self) -> impl Iterator<Item = Arrival> + '_ {
        let mut rest = self.packed.as_slice();
        let mut at = Moment::START;
        std::iter::from_fn(move || {
            at = at + Span(take_varint(&mut rest)?);
            let events = u32::try_from(take_varint(&mut rest)?).ok()?;
            Some(Arrival { at, events, lag: Span(take_varint(&mut rest)?) })
        })
    }

    /// The packed form, for storing.
    pub fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// Reads back what [`packed`](Self::packed) gave; none if the bytes are not whole arrivals.
    pub fn from_packed(packed: Vec<u8>) -> Option<Arrivals> {
        let mut arrivals = Arrivals::default();
        let mut rest = packed.as_slice();
        while !rest.is_empty() {
            let start = packed.len() - rest.len();
            arrivals.before = arrivals.last().unwrap_or_default();
            let at = arrivals.before + Span(take_varint(&mut rest)?);
            let events = u32::try_from(take_varint(&mut rest)?).ok()?;
            let lag = Span(take_varint(&mut rest)?);
            arrivals.newest = Some((start, Arrival { at, events, lag }));
            arrivals.first.get_or_insert(at);
            arrivals.count += 1;
            arrivals.events += u64::from(events);
        }
        arrivals.packed = packed;
        Some(arrivals)
    }
}

/// Appends `value` in LEB128: seven bits a byte, low bits first.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a LEB128 number off the front of `bytes`; none if it is cut or too long.
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn packing_loses_nothing(steps in prop::collection::vec((1u64..1 << 40, 1u32..1000, 0u64..1 << 30), 0..50)) {
            let mut arrivals = Arrivals::default();
            let mut at = Moment::START;
            let mut expected = Vec::new();
            for (delta, events, lag) in steps {
                at = at + Span(delta);
                expected.push(Arrival { at, events, lag: Span(lag) });
                arrivals.push(*expected.last().unwrap());
            }
            prop_assert_eq!(arrivals.iter().collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(arrivals.first(), expected.first().map(|a| a.at));
            prop_assert_eq!(arrivals.last(), expected.last().map(|a| a.at));
            prop_assert_eq!(Arrivals::from_packed(arrivals.packed().to_vec()), Some(arrivals));
        }

        #[test]
        fn reads_that_share_a_stamp_are_one_arrival(events in prop::collection::vec(1u32..100, 1..20)) {
            let mut arrivals = Arrivals::default();
            arrivals.push(Arrival { at: Moment(5), events: 1, lag: Span(1) });
            for &events in &events {
                arrivals.push(Arrival { at: Moment(9), events, lag: Span(u64::from(events)) });
            }
            let merged = Arrival {
                at: Moment(9),
                events: events.iter().sum(),
                lag: Span(u64::from(*events.iter().max().unwrap())),
            };
            prop_assert_eq!(arrivals.iter().nth(1), Some(merged));
            prop_assert_eq!(arrivals.count(), 2);
            prop_assert_eq!(arrivals.events(), 1 + u64::from(merged.events));
        }

        #[test]
        fn junk_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Arrivals::from_packed(bytes);
        }
    }
}
