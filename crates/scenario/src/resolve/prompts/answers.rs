//! The bounds of the answers to a corpus: those that its prompts have of their own, and that of the scenario for the others.

use floodline_core::grouped;
use floodline_core::lengths::{Bin, Lengths, LengthsSummary, Weighted};
use floodline_corpus::Corpus;

use super::Described;

/// Points of a distribution that stand for it where it is mixed with other lengths.
const POINTS: u32 = 1000;

/// How the answers to a corpus are bounded.
pub(super) struct Answers<'a> {
    /// The bounds of the prompts that have one.
    own: Vec<u32>,
    /// How many prompts have none.
    without: usize,
    /// What bounds the answers to those.
    output: Option<&'a Described>,
}

impl Answers<'_> {
    pub(super) fn of<'a>(corpus: &Corpus, output: Option<&'a Described>) -> Answers<'a> {
        let own: Vec<u32> = corpus.prompts().filter_map(|prompt| prompt.max_tokens).collect();
        Answers { without: corpus.len() - own.len(), own, output }
    }

    /// The one bound that all have.
    pub(super) fn only(&self) -> Option<u32> {
        let summary = self.summary()?;
        let least = self.others().map(|output| output.lengths.least());
        let least = self.own.iter().copied().chain(least).min();
        summary.most.filter(|most| Some(*most) == least)
    }

    /// What is known of the bounds; nothing where an answer has none.
    pub(super) fn summary(&self) -> Option<LengthsSummary> {
        let Some(output) = self.others() else {
            let own = Weighted::recorded(self.own.iter().copied()).filter(|_| self.without == 0)?;
            return Some(Lengths::from(own).summary());
        };
        if self.own.is_empty() {
            return Some(output.lengths.summary());
        }
        let value = |tokens, weight| Bin { low: tokens, high: tokens, weight };
        let own = self.own.iter().map(|tokens| value(*tokens, 1.0));
        let weight = self.without as f64 / f64::from(POINTS);
        let quantile = |k: u32| output.lengths.quantile((f64::from(k) + 0.5) / f64::from(POINTS));
        let others = (0..POINTS).map(|k| value(quantile(k), weight));
        let summary = Lengths::from(Weighted::new(own.chain(others))?).summary();
        let most = output.lengths.most().and_then(|most| Some(most.max(*self.own.iter().max()?)));
        Some(LengthsSummary { most, ..summary })
    }

    /// For people, where there is more to say than [`only`](Self::only).
    pub(super) fn describe(&self) -> Option<String> {
        let number = |n: usize| grouped(u32::try_from(n).unwrap_or(u32::MAX));
        if self.only().is_some() {
            return None;
        }
        let all = number(self.own.len() + self.without);
        match (self.others(), self.own.len()) {
            (Some(output), 0) => Some(format!("answers: {}", output.text)),
            (Some(output), own) => Some(format!(
                "answers: {}, but for prompts with a bound of their own ({} of {all})",
                output.text,
                number(own)
            )),
            (None, 0) => None,
            (None, _) if self.without > 0 => {
                Some(format!("answers: no bound for {} of {all} prompts", number(self.without)))
            }
            (None, _) => {
                let own = Weighted::recorded(self.own.iter().copied())?;
                Some(format!("answers: {}", Lengths::from(own).describe()))
            }
        }
    }

    /// What bounds the answers to prompts without a bound of their own, if there are such.
    fn others(&self) -> Option<&Described> {
        self.output.filter(|_| self.without > 0)
    }
}
