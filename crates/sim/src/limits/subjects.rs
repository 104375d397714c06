//! All who are limited by a scope, and their meters.
//!
//! The meters of a subject lie side by side. Each newcomer makes the limiter look at two others, and forget those that
//! are as if they had never been there, so that memory follows those who are active and no decision waits for a sweep.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use floodline_core::Moment;

use super::meter::Meter;
use super::rule::{Kind, Rule};

/// How many others a newcomer makes the limiter look at.
const LOOKS: usize = 2;

#[derive(Clone, Debug)]
pub(super) struct Subjects {
    kinds: Vec<Kind>,
    slots: HashMap<u64, u32, BuildHasherDefault<AsItIs>>,
    owners: Vec<Owner>,
    /// Those of slot 0, those of slot 1, and so on.
    meters: Vec<Meter>,
    free: Vec<u32>,
    /// Where the next look goes.
    hand: usize,
}

#[derive(Clone, Copy, Debug)]
struct Owner {
    subject: u64,
    /// Requests that hold a ticket; none is forgotten who has one.
    open: u32,
    is_free: bool,
}

impl Subjects {
    pub(super) fn new(kinds: Vec<Kind>) -> Subjects {
        Subjects {
            kinds,
            slots: HashMap::default(),
            owners: Vec::new(),
            meters: Vec::new(),
            free: Vec::new(),
            hand: 0,
        }
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The slot of a subject; a new one gets one.
    pub(super) fn slot(&mut self, subject: u64, now: Moment, rules: &[Rule], own: &[u8]) -> u32 {
        if let Some(slot) = self.slots.get(&subject) {
            return *slot;
        }
        for _ in 0..LOOKS {
            self.look(now, rules, own);
        }
        let owner = Owner { subject, open: 0, is_free: false };
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(place) = self.owners.get_mut(slot as usize) {
                    *place = owner;
                }
                let kinds = self.kinds.clone();
                for (meter, kind) in self.meters(slot).iter_mut().zip(kinds) {
                    *meter = Meter::new(kind);
                }
                slot
            }
            None => {
                self.owners.push(owner);
                self.meters.extend(self.kinds.iter().map(|kind| Meter::new(*kind)));
                u32::try_from(self.owners.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.slots.insert(subject, slot);
        slot
    }

    /// The meters of a slot.
    pub(super) fn meters(&mut self, slot: u32) -> &mut [Meter] {
        let length = self.kinds.len();
        let start = slot as usize * length;
        self.meters.get_mut(start..start + length).unwrap_or_default()
    }

    /// The meters of a subject, if it is remembered.
    pub(super) fn find(&self, subject: u64) -> Option<&[Meter]> {
        let start = *self.slots.get(&subject)? as usize * self.kinds.len();
        self.meters.get(start..start + self.kinds.len())
    }

    /// A request of this slot is being answered.
    pub(super) fn hold(&mut self, slot: u32) {
        if let Some(owner) = self.owners.get_mut(slot as usize) {
            owner.open = owner.open.saturating_add(1);
        }
    }

    /// It is over.
    pub(super) fn release(&mut self, slot: u32) {
        if let Some(owner) = self.owners.get_mut(slot as usize) {
            owner.open = owner.open.saturating_sub(1);
        }
    }

    /// Looks at the next slot, and frees it if nothing is to be remembered of it.
    fn look(&mut self, now: Moment, rules: &[Rule], own: &[u8]) {
        let slot = self.hand;
        self.hand = if slot + 1 < self.owners.len() { slot + 1 } else { 0 };
        let length = self.kinds.len();
        let Some(owner) = self.owners.get_mut(slot) else { return };
        let Some(meters) = self.meters.get_mut(slot * length..(slot + 1) * length) else { return };
        let empty = |(meter, place): (&Meter, &u8)| {
            rules.get(usize::from(*place)).is_some_and(|rule| meter.is_empty(rule, now))
        };
        if owner.is_free || owner.open > 0 || !meters.iter().zip(own).all(empty) {
            return;
        }
        owner.is_free = true;
        self.slots.remove(&owner.subject);
        for meter in meters {
            // The list of a sliding window goes with its owner.
            *meter = Meter::Open(0);
        }
        self.free.extend(u32::try_from(slot));
    }
}

/// Subjects are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
