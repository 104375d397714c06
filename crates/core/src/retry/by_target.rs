//! Attempts by the target that they went to.

use std::collections::BTreeMap;

use crate::money::Usd;
use crate::record::Record;
use crate::retry::Tries;

/// What each of several targets did with its attempts. A request that was tried at two of them counts at both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TriesByTarget(BTreeMap<String, AtTarget>);

/// The attempts that went to one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtTarget {
    /// What became of them.
    pub tries: Tries,
    /// What they cost; none while none has a price.
    pub cost: Option<Usd>,
}

impl TriesByTarget {
    /// Adds a request.
    pub fn add(&mut self, record: &Record) {
        let mut seen: Vec<&str> = Vec::new();
        for name in record.attempts.iter().filter_map(|attempt| attempt.target.as_deref()) {
            if !seen.contains(&name) {
                seen.push(name);
                self.at(name).tries.add_at(record, name);
            }
        }
        // Attempts that were followed by another one have their own cost, and what is left is the last one's.
        let mut left = record.cost;
        for attempt in &record.attempts {
            if let (Some(cost), Some(name)) = (attempt.cost, attempt.target.as_deref()) {
                self.at(name).add_cost(cost);
                left = left.map(|left| left.saturating_sub(cost));
            }
        }
        if let (Some(left), Some(name)) = (left, record.target.as_deref()) {
            self.at(name).add_cost(left);
        }
    }

    /// By name; none where there are not two.
    pub fn several(&self) -> impl Iterator<Item = (&str, &AtTarget)> {
        let several = self.0.len() > 1;
        self.0.iter().filter(move |_| several).map(|(name, at)| (name.as_str(), at))
    }

    fn at(&mut self, name: &str) -> &mut AtTarget {
        self.0.entry(name.to_owned()).or_default()
    }
}

impl AtTarget {
    fn add_cost(&mut self, cost: Usd) {
        self.cost = Some(self.cost.unwrap_or(Usd::ZERO) + cost);
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
        let (a, b) = (&a.tries, &b.tries);
        assert_eq!((a.requests, a.attempts, a.retried, a.recovered, a.fallbacks), (2, 4, 2, 1, 0));
        assert_eq!((b.requests, b.attempts, b.retried, b.recovered, b.fallbacks), (1, 1, 0, 0, 1));
        assert_eq!(a.refusals, [(Why::RateLimited, 2), (Why::Overloaded, 1)].into());
        assert!(b.refusals.is_empty());
    }

    #[test]
    fn each_target_has_the_cost_of_its_own_attempts() {
        let mut paid = record(&[("a", Outcome::Truncated), ("a", Outcome::Overloaded), ("b", Outcome::Ok)]);
        (paid.target, paid.cost) = (Some("b".into()), Some(Usd::cents(10)));
        paid.attempts[0].cost = Some(Usd::cents(3));
        paid.attempts[1].cost = Some(Usd::ZERO);
        let mut all = TriesByTarget::default();
        all.add(&paid);
        all.add(&record(&[("a", Outcome::Ok)]));
        let costs: Vec<_> = all.several().map(|(_, at)| at.cost).collect();
        assert_eq!(costs, [Some(Usd::cents(3)), Some(Usd::cents(7))]);
    }

    #[test]
    fn one_target_is_not_told_apart() {
        let mut one = TriesByTarget::default();
        one.add(&record(&[("a", Outcome::Ok)]));
        assert_eq!(one.several().count(), 0);
    }
}
