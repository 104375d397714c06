//! The requests of a recorded trace: prompts and answers of the recorded lengths.
//!
//! The words of a block that the trace names are a pure function of (seed, name), so prompts share exactly the blocks
//! they shared when they were recorded, in every pass. All other words differ from arrival to arrival.

use floodline_core::budget::input_bound;
use floodline_core::random::{Purpose, Stream};
use floodline_core::replay::{Recording, TraceRow};
use floodline_core::workload::{Ask, Rendered, Workload};

use super::synthetic::Wording;
use super::{Frame, Wanted, synthetic};

/// The requests of a trace.
#[derive(Debug)]
pub(crate) struct Trace {
    seed: u64,
    recording: Recording,
    frame: Frame,
    wording: Wording,
}

impl Trace {
    /// The requests of `recording`; the frame must have room for bounds.
    pub(crate) fn new(seed: u64, recording: Recording, frame: Frame) -> Trace {
        Trace { seed, recording, frame, wording: Wording::new(seed) }
    }

    fn row(&self, i: u64) -> Option<&TraceRow> {
        let rows = &self.recording.rows;
        rows.get((i % rows.len().max(1) as u64) as usize)
    }

    fn words(&self, out: &mut Vec<u8>, i: u64, row: &TraceRow) {
        let mut left = row.input_tokens;
        let blocks = self.recording.blocks_of(row);
        if !blocks.is_empty() {
            // Copies of a request share nothing with it: what a cache hits must not grow with the scale.
            let seed = Stream::new(self.seed, Purpose::Prefix, u64::from(row.copy)).bits();
            let wording = Wording::new(seed);
            for block in blocks {
                let tokens = left.min(self.recording.block_tokens);
                wording.write(out, *block, tokens);
                left -= tokens;
            }
        }
        self.wording.write(out, i, left);
    }
}

impl Workload for Trace {
    fn render(&self, ask: Ask, body: &mut Vec<u8>) -> Rendered {
        body.clear();
        let rendered = self.outline(ask);
        let wanted = Wanted { i: ask.i, max_tokens: rendered.max_tokens };
        let head = self.row(ask.i).and_then(|row| {
            self.frame.render(body, wanted, |body| {
                synthetic::user(body, |body| self.words(body, ask.i, row));
            })
        });
        Rendered { head, ..rendered }
    }

    fn outline(&self, ask: Ask) -> Rendered {
        let row = self.row(ask.i);
        Rendered {
            target: 0,
            prompt: 0,
            input_tokens: row.map(|row| row.input_tokens),
            input_bound: row.map(|row| input_bound(row.input_tokens)),
            max_tokens: row.map(|row| row.output_tokens),
            head: None,
        }
    }
}

#[cfg(test)]
mod tests;
