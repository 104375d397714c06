//! The server's token counts against our own, as a summary shows them.

use super::{LocalCount, LocalCounts};
use crate::fold::{Compared, Counts};
use crate::plan::{Address, Plan};

/// From this difference of the totals on it is worth a warning.
const WORTH_SAYING: f64 = 0.02;

/// What both sides counted, if there is anything.
pub(super) fn of(plan: &Plan, counts: &Counts) -> Option<LocalCounts> {
    // The built-in provider guesses how long a prompt is: its guess says nothing against a count.
    let guessed = matches!(plan.target.address, Address::Stub(_));
    let output = count(&counts.compared_output);
    let input = count(&counts.compared_input).filter(|_| !guessed);
    (output.is_some() || input.is_some()).then(|| LocalCounts {
        tokenizer: plan.target.tokenizer.as_ref().map_or("unknown", |t| &t.name).to_owned(),
        output,
        input,
    })
}

fn count(compared: &Compared) -> Option<LocalCount> {
    (compared.texts > 0).then(|| LocalCount {
        texts: compared.texts,
        counted: compared.counted,
        stated: compared.stated,
        difference: compared.difference(),
    })
}

impl LocalCounts {
    /// A sentence for each side on which the totals differ by more than 2 %.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let output = mismatch(
            self.output,
            ("output", "answers"),
            &format!("tokenizer:{}", self.tokenizer),
            "hidden tokens",
        );
        let input = mismatch(
            self.input,
            ("input", "prompts"),
            "the plan, beyond 16 a prompt for the chat template",
            "text that the server adds",
        );
        output.into_iter().chain(input)
    }
}

fn mismatch(
    count: Option<LocalCount>,
    (what, texts_are): (&str, &str),
    than: &str,
    or_added: &str,
) -> Option<String> {
    let LocalCount { texts, counted, stated, difference } = count?;
    let difference = difference.filter(|d| d.abs() > WORTH_SAYING)?;
    // What is hidden or added explains a surplus only.
    let (more, why) = match difference > 0.0 {
        true => ("more", format!("a different tokenizer, or {or_added}")),
        false => ("fewer", "a different tokenizer".into()),
    };
    let percent = difference.abs() * 100.0;
    Some(format!(
        "the server counts {percent:.1} % {more} {what} tokens than {than} ({stated} against {counted}, \
         {texts} {texts_are} compared): {why}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(output: (u64, u64), input: (u64, u64)) -> LocalCounts {
        let count = |(counted, stated)| {
            let compared = Compared { texts: 10, counted, stated, allowed: 0 };
            super::count(&compared)
        };
        LocalCounts { tokenizer: "o200k_base".into(), output: count(output), input: count(input) }
    }

    #[test]
    fn counts_within_two_percent_are_not_worth_a_warning() {
        assert_eq!(counts((1000, 1020), (1000, 980)).warnings().count(), 0);
        assert_eq!(counts((0, 5), (0, 0)).warnings().count(), 0);
    }

    #[test]
    fn a_difference_says_which_way_and_what_may_be_the_reason() {
        let said: Vec<String> = counts((1000, 1041), (2000, 1900)).warnings().collect();
        assert_eq!(
            said,
            [
                "the server counts 4.1 % more output tokens than tokenizer:o200k_base (1041 against 1000, \
                 10 answers compared): a different tokenizer, or hidden tokens",
                "the server counts 5.0 % fewer input tokens than the plan, beyond 16 a prompt for the chat \
                 template (1900 against 2000, 10 prompts compared): a different tokenizer",
            ]
        );
    }
}
