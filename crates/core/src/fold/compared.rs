//! Two counts of the same texts held against each other: the server's, and our own.
//!
//! A server counts a few tokens that are in no text: those of its chat template around a message, and the one
//! that ends an answer. Up to so many of them are allowed for per text, and what exceeds them is a difference.

/// Tokens that a server may add to an answer: the mark of its end.
pub const PER_ANSWER: u32 = 1;

/// Tokens that a server may add to a prompt of one message: the roles and marks of its chat template.
pub const PER_PROMPT: u32 = 16;

/// Sums over the texts that both sides counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// How many texts.
    pub texts: u64,
    /// Our count.
    pub counted: u64,
    /// The server's count.
    pub stated: u64,
    /// What of the server's count was allowed for.
    pub allowed: u64,
}

impl Compared {
    /// Takes in a text, of whose tokens the server may have added up to `allowance`.
    pub fn add(&mut self, counted: u32, stated: u32, allowance: u32) {
        self.texts += 1;
        self.counted += u64::from(counted);
        self.stated += u64::from(stated);
        self.allowed += u64::from(stated.saturating_sub(counted).min(allowance));
    }

    /// By how much the server's count exceeds ours, as a fraction of ours and beyond what is allowed for;
    /// negative if it falls short. Absent if we counted nothing.
    pub fn difference(&self) -> Option<f64> {
        let excess = self.stated as f64 - self.allowed as f64 - self.counted as f64;
        (self.counted > 0).then(|| excess / self.counted as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(u32, u32)], allowance: u32) -> Compared {
        let mut compared = Compared::default();
        pairs.iter().for_each(|&(counted, stated)| compared.add(counted, stated, allowance));
        compared
    }

    #[test]
    fn equal_counts_do_not_differ() {
        assert_eq!(of(&[(100, 100), (7, 7)], 1).difference(), Some(0.0));
        assert_eq!(of(&[], 1).difference(), None);
    }

    #[test]
    fn the_end_of_an_answer_is_no_difference_but_more_is() {
        assert_eq!(of(&[(8, 9), (12, 13), (5, 5)], PER_ANSWER).difference(), Some(0.0));
        assert_eq!(of(&[(100, 111), (100, 101)], PER_ANSWER).difference(), Some(0.05));
    }

    #[test]
    fn an_allowance_in_one_text_does_not_hide_what_is_missing_in_another() {
        assert_eq!(of(&[(100, 116), (100, 90)], PER_PROMPT).difference(), Some(-0.05));
    }

    #[test]
    fn a_server_that_counts_less_falls_short() {
        assert_eq!(of(&[(1000, 900)], PER_PROMPT).difference(), Some(-0.1));
    }
}
