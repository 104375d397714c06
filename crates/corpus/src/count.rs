//! Counting the tokens of a corpus, in parts that any number of threads may share.
//!
//! The caller brings the counter and the threads: [`Corpus::chunks`] cuts the work, [`Corpus::count_range`] does a
//! part of it, [`Corpus::merge`] takes the result. Counted are the texts of all messages' contents, each for
//! itself: what a chat template puts around them is the model's own, and not counted.

use std::num::NonZeroU32;
use std::ops::Range;

use crate::corpus::Corpus;
use crate::messages::for_each_text;

/// What was counted of a range of prompts.
#[derive(Clone, Debug)]
pub struct Counts {
    first: usize,
    tokens: Vec<(u32, Option<NonZeroU32>)>,
}

impl Corpus {
    /// Counts everything on this thread.
    pub fn count(&mut self, count: &dyn Fn(&str) -> u32) {
        let counts = self.count_range(0..self.len(), count);
        self.merge(counts);
    }

    /// At most `parts` ranges of about as many bytes each, which together cover all prompts.
    pub fn chunks(&self, parts: usize) -> Vec<Range<usize>> {
        let total = self.bytes_before(self.len());
        let mut ranges = Vec::new();
        let mut start = 0;
        for part in 1..=parts.max(1) as u128 {
            let upto = (total as u128 * part / parts.max(1) as u128) as usize;
            let end = match part == parts.max(1) as u128 {
                true => self.len(),
                false => self.first_from(upto),
            };
            if end > start {
                ranges.push(start..end);
                start = end;
            }
        }
        ranges
    }

    /// Counts a part of the prompts, and the recorded answers that go with them.
    pub fn count_range(&self, range: Range<usize>, count: &dyn Fn(&str) -> u32) -> Counts {
        let range = range.start.min(self.len())..range.end.min(self.len());
        let first = range.start;
        let tokens = range
            .map(|index| {
                let mut tokens = 0u32;
                if let Some(prompt) = self.get(index) {
                    for_each_text(prompt.messages, &mut |text| tokens = tokens.saturating_add(count(text)));
                }
                (tokens, self.answer(index).and_then(|answer| NonZeroU32::new(count(answer))))
            })
            .collect();
        Counts { first, tokens }
    }

    /// Takes what was counted of a range of these prompts; the order of ranges does not matter.
    pub fn merge(&mut self, counts: Counts) {
        for (i, (tokens, answer)) in counts.tokens.into_iter().enumerate() {
            self.set_tokens(counts.first + i, tokens, answer);
        }
        self.drop_counted_answers();
    }

    /// The first prompt that starts at or behind a byte.
    fn first_from(&self, byte: usize) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.bytes_before(middle) < byte {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(lengths: &[usize]) -> Corpus {
        let mut corpus = Corpus::default();
        for &length in lengths {
            let text = "x".repeat(length);
            corpus.push(None, |out| {
                out.extend_from_slice(format!(r#"[{{"role":"user","content":"{text}"}}]"#).as_bytes());
            });
        }
        corpus
    }

    fn letters(text: &str) -> u32 {
        text.len() as u32
    }

    #[test]
    fn recorded_answers_give_the_length_of_answers_that_the_file_does_not_state() {
        let mut corpus = of(&[1, 2, 3]);
        corpus.push_answer("answer");
        corpus.push(NonZeroU32::new(100), |out| out.extend_from_slice(b"[]"));
        corpus.push_answer("short");
        corpus.count(&letters);
        let seen: Vec<_> = corpus.prompts().map(|p| (p.tokens, p.max_tokens)).collect();
        assert_eq!(seen, [(Some(1), None), (Some(2), None), (Some(3), Some(6)), (Some(0), Some(100))]);
        assert_eq!(corpus.answer(2), None, "answers are forgotten once they are counted");
    }

    #[test]
    fn a_long_prompt_is_a_chunk_of_its_own() {
        assert_eq!(of(&[1, 1, 100_000, 1, 1]).chunks(2), [0..3, 3..5]);
        assert_eq!(of(&[1, 1]).chunks(8), [0..1, 1..2]);
        assert!(of(&[]).chunks(8).is_empty());
        assert_eq!(of(&[5, 5]).chunks(0).as_slice(), std::slice::from_ref(&(0..2)));
    }

    proptest! {
        #[test]
        fn chunks_cover_everything_once_and_count_the_same(lengths in prop::collection::vec(0usize..300, 0..60), parts in 0usize..9) {
            let mut whole = of(&lengths);
            let mut parted = whole.clone();
            whole.count(&letters);
            let chunks = parted.chunks(parts);
            prop_assert!(chunks.len() <= parts.max(1));
            let counts: Vec<Counts> = chunks.into_iter().rev().map(|c| parted.count_range(c, &letters)).collect();
            prop_assert_eq!(counts.iter().map(|c| c.tokens.len()).sum::<usize>(), lengths.len());
            counts.into_iter().for_each(|counts| parted.merge(counts));
            prop_assert_eq!(parted.prompts().collect::<Vec<_>>(), whole.prompts().collect::<Vec<_>>());
        }
    }
}
