//! Rendering of request bodies: what arrival `i` sends, a pure function of (scenario, seed, i).
//!
//! Whatever does not change from request to request is rendered once, in advance.

mod frame;
mod synthetic;

use std::sync::Arc;

use floodline_core::plan::TraceRow;
use floodline_core::random::{Purpose, Stream};
use floodline_core::workload::{Rendered, Workload};

pub(crate) use frame::{Frame, Members};

/// Prompts drawn by weight.
#[derive(Debug)]
pub(crate) struct Mix {
    seed: u64,
    /// Running sums of the weights.
    upto: Vec<u32>,
    prompts: Vec<Body>,
}

/// Where the bodies of one prompt come from.
#[derive(Debug)]
pub(crate) enum Body {
    /// Every request is the same.
    Fixed { body: Vec<u8>, input_tokens: Option<u32> },
    /// Synthetic words, different for each arrival.
    Synthetic { frame: Frame, tokens: u32 },
    /// Prepared messages: arrival i sends line i modulo their number.
    Lines { frame: Frame, unbounded: Frame, lines: Vec<Line> },
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
        let prompt = self.draw(i);
        let input_tokens = match self.prompts.get(prompt) {
            None => None,
            Some(Body::Fixed { body: fixed, input_tokens }) => {
                body.extend_from_slice(fixed);
                *input_tokens
            }
            Some(Body::Synthetic { frame, tokens }) => {
                frame.render(body, None, |body| synthetic::message(body, self.seed, i, *tokens));
                Some(*tokens)
            }
            Some(Body::Lines { frame, unbounded, lines }) => {
                if let Some(line) = lines.get((i % lines.len().max(1) as u64) as usize) {
                    let frame = if line.max_tokens.is_some() { frame } else { unbounded };
                    frame.render(body, line.max_tokens, |body| body.extend_from_slice(&line.messages));
                }
                None
            }
        };
        Rendered { prompt, input_tokens }
    }
}

/// The requests of a trace: prompts and answers of the recorded lengths.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) seed: u64,
    pub(crate) rows: Arc<[TraceRow]>,
    pub(crate) frame: Frame,
}

impl Workload for Trace {
    fn render(&self, i: u64, body: &mut Vec<u8>) -> Rendered {
        body.clear();
        let row = self.rows.get((i % self.rows.len().max(1) as u64) as usize);
        if let Some(row) = row {
            self.frame.render(body, Some(row.output_tokens), |body| {
                synthetic::message(body, self.seed, i, row.input_tokens);
            });
        }
        Rendered { prompt: 0, input_tokens: row.map(|row| row.input_tokens) }
    }
}

/// The message of a synthetic prompt, for one that is the same every time.
pub(crate) fn synthetic_message(seed: u64, i: u64, tokens: u32) -> Vec<u8> {
    let mut message = Vec::new();
    synthetic::message(&mut message, seed, i, tokens);
    message
}

#[cfg(test)]
mod tests;
