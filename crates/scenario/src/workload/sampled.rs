//! Prompts of a corpus: which one a request sends, and with what bound.

use std::sync::Arc;

use floodline_core::lengths::Lengths;
use floodline_core::workload::{Ask, Head};
use floodline_corpus::{Corpus, Prompt, Sampler};

use super::frame::{Frame, Members, Wanted};
use super::sizes;

/// A corpus that requests draw their prompts from. A prompt's own bound comes before `output`.
#[derive(Debug)]
pub(crate) struct Sampled {
    bounded: Frame,
    unbounded: Frame,
    corpus: Arc<Corpus>,
    sampler: Sampler,
    output: Option<Lengths>,
}

impl Sampled {
    /// The prompts of `corpus`, in the order of a sampler for as many.
    pub(crate) fn new(
        members: &Members,
        corpus: Arc<Corpus>,
        sampler: Sampler,
        output: Option<Lengths>,
    ) -> Sampled {
        Sampled { bounded: members.frame(true), unbounded: members.frame(false), corpus, sampler, output }
    }

    /// Appends the body of a request.
    pub(super) fn render(&self, ask: Ask, wanted: Wanted, body: &mut Vec<u8>) -> Option<Box<Head>> {
        let prompt = self.prompt(ask)?;
        let frame = if wanted.max_tokens.is_some() { &self.bounded } else { &self.unbounded };
        frame.render(body, wanted, |body| body.extend_from_slice(prompt.messages))
    }

    /// Tokens of a request's prompt, the most they can be, and the bound of its answer.
    pub(super) fn outline(&self, ask: Ask, seed: u64) -> (Option<u32>, Option<u32>, Option<u32>) {
        let Some(prompt) = self.prompt(ask) else { return (None, None, None) };
        let max_tokens = prompt.max_tokens.or_else(|| sizes::bound(self.output.as_ref(), seed, ask.i));
        (prompt.tokens, Some(self.bounded.bytes_with(prompt.messages)), max_tokens)
    }

    fn prompt(&self, ask: Ask) -> Option<Prompt<'_>> {
        let user = ask.asker.map(|asker| (asker.number, asker.nth));
        self.corpus.get(self.sampler.index(ask.i, user))
    }
}
