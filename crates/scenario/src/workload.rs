//! Rendering of request bodies: what arrival `i` sends, a pure function of (scenario, seed, i).
//!
//! Whatever does not change from request to request is rendered once, in advance.

mod frame;
mod groups;
mod sizes;
mod synthetic;
mod trace;

use floodline_core::lengths::Lengths;
use floodline_core::random::{Purpose, Stream};
use floodline_core::workload::{Rendered, Workload};

pub(crate) use frame::{Frame, Members};
pub(crate) use groups::Groups;
pub(crate) use sizes::Sizes;
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
    /// The messages are the same for every request.
    Same { frame: Frame, messages: Box<[u8]>, input_tokens: Option<u32>, output: Option<Lengths> },
    /// Synthetic words, different for each arrival.
    Synthetic { frame: Frame, words: Synthetic, sizes: Sizes },
    /// Prepared messages: arrival i sends line i modulo their number. A line's own bound comes before `output`.
    Lines { frame: Frame, unbounded: Frame, lines: Vec<Line>, output: Option<Lengths> },
}

/// The messages of one line of a prompts file.
#[derive(Debug)]
pub(crate) struct Line {
    /// A JSON array.
    pub(crate) messages: Box<[u8]>,
    pub(crate) max_tokens: Option<u32>,
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
    fn render(&self, i: u64, body: &mut Vec<u8>) -> Rendered {
        body.clear();
        let rendered = self.outline(i);
        let Rendered { prompt, input_tokens, max_tokens } = rendered;
        match self.prompts.get(prompt) {
            None => {}
            Some(Body::Same { frame, messages, .. }) => {
                frame.render(body, max_tokens, |body| body.extend_from_slice(messages));
            }
            Some(Body::Synthetic { frame, words, .. }) => {
                frame.render(body, max_tokens, |body| words.messages(body, i, input_tokens.unwrap_or(0)));
            }
            Some(Body::Lines { frame, unbounded, lines, .. }) => {
                let frame = if max_tokens.is_some() { frame } else { unbounded };
                if let Some(line) = line(lines, i) {
                    frame.render(body, max_tokens, |body| body.extend_from_slice(&line.messages));
                }
            }
        }
        rendered
    }

    fn outline(&self, i: u64) -> Rendered {
        let prompt = self.draw(i);
        let (input_tokens, max_tokens) = match self.prompts.get(prompt) {
            None => (None, None),
            Some(Body::Same { input_tokens, output, .. }) => {
                (*input_tokens, sizes::bound(output.as_ref(), self.seed, i))
            }
            Some(Body::Synthetic { sizes, .. }) => {
                let (tokens, max_tokens) = sizes.draw(self.seed, i);
                (Some(tokens), max_tokens)
            }
            Some(Body::Lines { lines, output, .. }) => {
                let own = line(lines, i).and_then(|line| line.max_tokens);
                (None, own.or_else(|| sizes::bound(output.as_ref(), self.seed, i)))
            }
        };
        Rendered { prompt, input_tokens, max_tokens }
    }
}

fn line(lines: &[Line], i: u64) -> Option<&Line> {
    lines.get((i % lines.len().max(1) as u64) as usize)
}

#[cfg(test)]
mod tests;
