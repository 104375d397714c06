//! Connections by key: a slot number and its generation, so that a key outlives its connection without
//! ever naming another.

use super::connection::Connection;

/// All connections of a server.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    connection: Option<Box<Connection>>,
}

impl Slots {
    /// The key that [`Slots::insert`] will give next.
    pub(super) fn next_key(&self) -> u64 {
        let at = self.free.last().map_or(self.slots.len(), |at| *at as usize);
        key(at, self.slots.get(at).map_or(0, |slot| slot.generation))
    }

    pub(super) fn insert(&mut self, connection: Box<Connection>) -> u64 {
        let key = self.next_key();
        match self.free.pop() {
            Some(at) => self.slots[at as usize].connection = Some(connection),
            None => self.slots.push(Slot { generation: 0, connection: Some(connection) }),
        }
        key
    }

    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut Connection> {
        self.slot(key)?.connection.as_deref_mut()
    }

    /// Takes a connection out for a while; [`Slots::put_back`] or [`Slots::remove`] follows.
    pub(super) fn take(&mut self, key: u64) -> Option<Box<Connection>> {
        self.slot(key)?.connection.take()
    }

    pub(super) fn put_back(&mut self, key: u64, connection: Box<Connection>) {
        if let Some(slot) = self.slot(key) {
            slot.connection = Some(connection);
        }
    }

    /// Forgets the connection and its key. False if the key names none.
    pub(super) fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.slot(key) else { return false };
        slot.connection = None;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key as u32);
        true
    }

    /// How many there are.
    pub(super) fn open(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Connection)> {
        self.slots.iter().enumerate().filter_map(|(at, slot)| {
            slot.connection.as_deref().map(|connection| (key(at, slot.generation), connection))
        })
    }

    fn slot(&mut self, key: u64) -> Option<&mut Slot> {
        self.slots.get_mut(key as u32 as usize).filter(|slot| slot.generation == (key >> 32) as u32)
    }
}

fn key(at: usize, generation: u32) -> u64 {
    u64::from(generation) << 32 | at as u64
}
