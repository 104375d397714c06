//! A uniform sample of a stream of unknown length (Vitter's algorithm R): memory for the sample alone.

use std::collections::BTreeMap;

use floodline_core::random::{Purpose, Stream};

use super::line::Line;

/// No arrival has this index, so the draw shares no numbers with a run of the same seed.
const STREAM: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Sample {
    size: usize,
    stream: Stream,
    /// How many have taken part so far.
    met: u64,
    lines: Vec<(u64, Line)>,
}

/// A place in a sample that was drawn, and whose turn it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    slot: usize,
    turn: u64,
}

impl Sample {
    pub(super) fn new(size: usize, seed: u64) -> Sample {
        Sample { size, stream: Stream::new(seed, Purpose::Corpus, STREAM), met: 0, lines: Vec::new() }
    }

    /// Draws for the next of the stream: the place that it takes, if it takes one.
    pub(super) fn draw(&mut self) -> Option<Place> {
        let turn = self.met;
        self.met += 1;
        let slot = match usize::try_from(turn) {
            Ok(first) if first < self.size => first,
            // Multiply-shift: its bias is below 2⁻³² for fewer than 2³² lines.
            _ => ((u128::from(self.stream.bits()) * (u128::from(turn) + 1)) >> 64) as usize,
        };
        (slot < self.size).then_some(Place { slot, turn })
    }

    /// Puts a line where it was drawn to.
    pub(super) fn put(&mut self, place: Place, line: Line) {
        // A place before it may have stayed empty, because its line was dropped.
        match self.lines.get_mut(place.slot) {
            Some(taken) => *taken = (place.turn, line),
            None => self.lines.push((place.turn, line)),
        }
    }

    /// The sample in the order of the stream.
    pub(super) fn in_order(self) -> impl Iterator<Item = Line> {
        self.lines.into_iter().collect::<BTreeMap<u64, Line>>().into_values()
    }
}
