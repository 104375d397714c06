//! The figures by target: a request stands at the target where it ended, an attempt and its cost at the one it went to.

use std::collections::BTreeMap;

use crate::breakdown::Part;
use crate::fold::Fold;
use crate::money::Usd;
use crate::objective::Dimension;

use super::Cost;

/// The figures of each of several targets. One whose every attempt was followed by another elsewhere has attempts, and no
/// requests.
pub(super) fn of(fold: &Fold) -> BTreeMap<String, Part> {
    if fold.targets.several().next().is_none() {
        return fold.breakdowns.by_name(Dimension::Target);
    }
    let mut parts = fold.breakdowns.by_any_name(Dimension::Target, &fold.counts, &fold.metrics);
    for (name, at) in fold.targets.several() {
        let part = parts.entry(name.to_owned()).or_insert_with(Part::of_nothing);
        part.retries = (&at.tries).into();
        part.cost = Cost { spent_usd: at.cost.map(Usd::to_decimal), ..Cost::default() };
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunEvent;
    use crate::objective::tests_of_records::answer;
    use crate::outcome::Outcome;
    use crate::record::{Attempt, AttemptEnd, Record};
    use crate::time::Moment;

    /// Two attempts at `a`, a cent each, and one at `b` that costs four.
    fn stood_in(i: u64) -> Record {
        let attempt = |target: &str, outcome| Attempt {
            target: Some(target.into()),
            ..Attempt::new(Some(Moment(1)), Moment(2), AttemptEnd::Outcome(outcome), None)
        };
        let failed = Attempt { cost: Some(Usd::cents(1)), ..attempt("a", Outcome::Overloaded) };
        let mut record = answer(i, &[60, 70]);
        (record.target, record.cost) = (Some("b".into()), Some(Usd::cents(6)));
        record.attempts = vec![failed.clone(), failed, attempt("b", Outcome::Ok)];
        record
    }

    /// Regression: all attempts, and what they had cost, stood at the target of the last one.
    #[test]
    fn an_attempt_stands_at_the_target_that_it_went_to() {
        let mut fold = Fold::default();
        (0..3).for_each(|i| fold.apply(&RunEvent::Ended(Box::new(stood_in(i)))));
        let parts = of(&fold);
        let [(_, a), (_, b)] = parts.iter().collect::<Vec<_>>()[..] else { panic!("{parts:?}") };
        assert_eq!((a.requests.ended, a.retries.attempts, a.retries.refusals["overloaded"]), (0, 6, 6));
        assert_eq!((b.requests.ended, b.retries.attempts, b.retries.refusals.len()), (3, 3, 0));
        assert_eq!((b.requests.ok, b.retries.fallbacks), (3, 3));
        let costs = [a, b].map(|part| part.cost.spent_usd.as_deref());
        assert_eq!(costs, [Some("0.06"), Some("0.12")]);
    }
}
