//! Rendering of request bodies: what a request sends, a pure function of scenario, seed and [`Ask`].
//!
//! Whatever does not change from request to request is rendered once, in advance. What is reserved for a prompt is the
//! allowance of [`input_bound`] where the words are our own, and every byte of the body where they are not: other
//! tokenizers differ by more than any allowance in some languages, and not all that is in a message is counted.

mod designed;
mod frame;
mod groups;
pub(crate) mod own;
mod sampled;
mod sizes;
mod split;
mod synthetic;
mod trace;

use floodline_core::budget::input_bound;
use floodline_core::lengths::Lengths;
use floodline_core::random::{Purpose, Stream};
use floodline_core::workload::{Ask, Rendered, Workload};

pub use designed::Designed;
pub(crate) use frame::{Frame, Members, Wanted};
pub(crate) use groups::Groups;
pub(crate) use sampled::Sampled;
pub(crate) use sizes::Sizes;
pub(crate) use split::Shared as SharedOut;
pub(crate) use synthetic::{Shared, Synthetic};
pub(crate) use trace::Trace;

/// Prompts drawn by weight.
#[derive(Debug)]
pub(crate) struct Mix {
    seed: u64,
    /// Running sums of the weights.
    upto: Vec<u32>,
    prompts: Vec<Body>,
}

/// Where the bodies of one prompt come from. A frame has room for a bound if and only if its answers have one.
#[derive(Debug)]
pub(crate) enum Body {
    /// The prompt is the same for every request, and is in the form in which requests carry it.
    Same { frame: Frame, prompt: Box<[u8]>, input_tokens: u32, output: Option<Lengths> },
    /// Synthetic words, different for each arrival.
    Synthetic { frame: Frame, words: Synthetic, sizes: Sizes },
    /// Prompts of a corpus.
    Sampled(Sampled),
}

impl Mix {
    /// Prompts and their weights; their sum must fit 32 bits and not be zero.
    pub(crate) fn new(seed: u64, prompts: Vec<(u32, Body)>) -> Mix {
        let mut sum = 0u32;
        let (upto, prompts) = prompts
            .into_iter()
            .map(|(weight, body)| {
                sum = sum.saturating_add(weight);
                (sum, body)
            })
            .unzip();
        Mix { seed, upto, prompts }
    }

    fn draw(&self, i: u64) -> usize {
        match self.upto.as_slice() {
            [] | [_] => 0,
            [.., total] => {
                let drawn = Stream::new(self.seed, Purpose::Mix, i).below(*total);
                self.upto.partition_point(|&upto| upto <= drawn)
            }
        }
    }
}

impl Workload for Mix {
    fn render(&self, ask: Ask, body: &mut Vec<u8>) -> Rendered {
        body.clear();
        let rendered = self.outline(ask);
        let wanted = Wanted { i: ask.i, max_tokens: rendered.max_tokens };
        let head = match self.prompts.get(rendered.prompt) {
            None => None,
            Some(Body::Same { frame, prompt, .. }) => frame.render_prompt(body, wanted, prompt),
            Some(Body::Synthetic { frame, words, .. }) => {
                let tokens = rendered.input_tokens.unwrap_or(0);
                frame.render(body, wanted, |body| words.messages(body, ask.i, tokens))
            }
            Some(Body::Sampled(sampled)) => sampled.render(ask, wanted, body),
        };
        Rendered { head, ..rendered }
    }

    fn outline(&self, ask: Ask) -> Rendered {
        let prompt = self.draw(ask.i);
        let (input_tokens, input_bound, max_tokens) = match self.prompts.get(prompt) {
            None => (None, None, None),
            Some(Body::Same { frame, prompt, input_tokens, output }) => {
                let max_tokens = sizes::bound(output.as_ref(), self.seed, ask.i);
                (Some(*input_tokens), Some(frame.bytes_around(prompt)), max_tokens)
            }
            Some(Body::Synthetic { sizes, .. }) => {
                let (tokens, max_tokens) = sizes.draw(self.seed, ask.i);
                (Some(tokens), Some(input_bound(tokens)), max_tokens)
            }
            Some(Body::Sampled(sampled)) => sampled.outline(ask, self.seed),
        };
        Rendered { target: 0, prompt, input_tokens, input_bound, max_tokens, head: None }
    }
}

#[cfg(test)]
mod tests;
