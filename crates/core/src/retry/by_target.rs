//! Attempts by the target that they went to.

use std::collections::BTreeMap;

use crate::record::Record;
use crate::retry::Tries;

/// What each of several targets did with its attempts. A request that was tried at two of them counts at both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TriesByTarget(BTreeMap<String, Tries>);

impl TriesByTarget {
    /// Adds a request.
    pub fn add(&mut self, record: &Record) {
        let mut seen: Vec<&str> = Vec::new();
        for name in record.attempts.iter().filter_map(|attempt| attempt.target.as_deref()) {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            match self.0.get_mut(name) {
                Some(tries) => tries.add_at(record, name),
                None => self.0.entry(name.to_owned()).or_default().add_at(record, name),
            }
        }
    }

    /// By name; none where there are not two.
    pub fn several(&self) -> impl Iterator<Item = (&str, &Tries)> {
        let several = self.0.len() > 1;
        self.0.iter().filter(move |_| several).map(|(name, tries)| (name.as_str(), tries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::record::{Attempt, AttemptEnd};
    use crate::retry::Why;
    use crate::schedule::Phase;
    use crate::time::Moment;

    fn record(ends: &[(&str, Outcome)]) -> Record {
        let mut record = Record::planned(0, Phase::Main, "p".into(), Moment(0));
        let attempt = |(name, outcome): &(&str, Outcome)| Attempt {
            target: Some((*name).into()),
            ..Attempt::new(Some(Moment(1)), Moment(2), AttemptEnd::Outcome(*outcome), None)
        };
        record.attempts = ends.iter().map(attempt).collect();
        record.outcome = ends.last().unwrap().1;
        record
    }

    #[test]
    fn each_target_has_its_own_attempts() {
        let mut all = TriesByTarget::default();
        let twice = [("a", Outcome::Overloaded), ("a", Outcome::RateLimited), ("b", Outcome::Ok)];
        all.add(&record(&twice));
        assert_eq!(all.several().count(), 2);
        all.add(&record(&[("a", Outcome::RateLimited), ("a", Outcome::Ok)]));
        let [(_, a), (_, b)] = all.several().collect::<Vec<_>>()[..] else { panic!("{all:?}") };
        assert_eq!((a.requests, a.attempts, a.retried, a.recovered, a.fallbacks), (2, 4, 2, 1, 0));
        assert_eq!((b.requests, b.attempts, b.retried, b.recovered, b.fallbacks), (1, 1, 0, 0, 1));
        assert_eq!(a.refusals, [(Why::RateLimited, 2), (Why::Overloaded, 1)].into());
        assert!(b.refusals.is_empty());
    }

    #[test]
    fn one_target_is_not_told_apart() {
        let mut one = TriesByTarget::default();
        one.add(&record(&[("a", Outcome::Ok)]));
        assert_eq!(one.several().count(), 0);
    }
}
