//! Requests shared among several targets, each of which takes them in its own form.

use floodline_core::plan::Split;
use floodline_core::workload::{Ask, Rendered, Workload};

/// A workload for each target.
pub(crate) struct Shared {
    seed: u64,
    split: Split,
    of: Vec<Box<dyn Workload>>,
}

impl Shared {
    /// The same prompts for each of the targets that share them.
    pub(crate) fn new(seed: u64, split: Split, of: Vec<Box<dyn Workload>>) -> Shared {
        Shared { seed, split, of }
    }
}

impl Workload for Shared {
    fn render(&self, ask: Ask, body: &mut Vec<u8>) -> Rendered {
        self.render_for(self.split.draw(self.seed, ask.i), ask, body)
    }

    fn render_for(&self, target: usize, ask: Ask, body: &mut Vec<u8>) -> Rendered {
        let target = target.min(self.of.len().saturating_sub(1));
        Rendered { target, ..self.of[target].render(ask, body) }
    }

    fn outline(&self, ask: Ask) -> Rendered {
        let target = self.split.draw(self.seed, ask.i).min(self.of.len().saturating_sub(1));
        Rendered { target, ..self.of[target].outline(ask) }
    }
}
