//! An entry of `stamps.bin.zst`: the arrivals of one request.
//!
//! After the header frame the file is a row of entries, one for each line of `requests.jsonl.zst`
//! and in the same order: varint arrival index, varint length, and so many bytes of
//! [`Arrivals::packed`]. Instants count from the start of the run.

use floodline_core::arrivals::{Arrivals, put_varint, take_varint};

/// The arrivals of one request.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    /// The arrival index of the request.
    pub(crate) i: u64,
    pub(crate) arrivals: Arrivals,
}

/// Appends an entry.
pub(crate) fn put(out: &mut Vec<u8>, i: u64, arrivals: &Arrivals) {
    put_varint(out, i);
    put_varint(out, arrivals.packed().len() as u64);
    out.extend_from_slice(arrivals.packed());
}

/// Takes an entry off the front of `bytes`; none if they do not begin with one.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<Entry> {
    let i = take_varint(bytes)?;
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    let (packed, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(Entry { i, arrivals: Arrivals::from_packed(packed.to_vec())? })
}
