//! How long an arrival's prompt is and how long its answer may become.

use floodline_core::lengths::{Lengths, Pairs};
use floodline_core::random::{Purpose, Stream};

/// The lengths of the requests of a synthetic prompt.
#[derive(Debug)]
pub(crate) enum Sizes {
    /// Drawn one after the other, whatever the other is.
    Apart { input: Lengths, output: Option<Lengths> },
    /// Drawn as pairs.
    Together(Pairs),
}

impl Sizes {
    /// Tokens of arrival `i`'s prompt, and the bound of its answer if there is one.
    pub(super) fn draw(&self, seed: u64, i: u64) -> (u32, Option<u32>) {
        let mut stream = Stream::new(seed, Purpose::Lengths, i);
        match self {
            Sizes::Apart { input, output } => {
                let input = input.draw(&mut stream);
                (input, output.as_ref().map(|output| output.draw(&mut stream)))
            }
            Sizes::Together(pairs) => {
                let (input, output) = pairs.draw(&mut stream);
                (input, Some(output))
            }
        }
    }

    /// Whether answers are bounded.
    pub(crate) fn are_bounded(&self) -> bool {
        match self {
            Sizes::Apart { output, .. } => output.is_some(),
            Sizes::Together(_) => true,
        }
    }
}

/// The bound of an answer whose prompt has a length of its own.
pub(super) fn bound(output: Option<&Lengths>, seed: u64, i: u64) -> Option<u32> {
    output.map(|output| output.draw(&mut Stream::new(seed, Purpose::Lengths, i)))
}
