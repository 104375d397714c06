//! How many retries all requests together may use.

use crate::retry::policy::BudgetRule;
use crate::retry::recent::Recent;
use crate::retry::refusal::Why;
use crate::time::Moment;

/// What is left of a budget.
#[derive(Clone, Debug)]
pub(super) enum Budget {
    /// Requests and retries of the last while.
    Share { millionths: u32, at_least: u32, recent: Recent },
    /// Thousandths of tokens.
    Tokens { left: u64, most: u64, ratio: u64 },
    /// Units of a quota.
    Quota { left: u32, most: u32, retry: u32, timeout: u32 },
}

impl Budget {
    pub(super) fn new(rule: BudgetRule) -> Budget {
        match rule {
            BudgetRule::Share { millionths, over, at_least } => {
                Budget::Share { millionths, at_least, recent: Recent::over(over) }
            }
            BudgetRule::Tokens { most, ratio_thousandths } => {
                let most = u64::from(most) * 1_000;
                Budget::Tokens { left: most, most, ratio: ratio_thousandths.into() }
            }
            BudgetRule::Quota { most, retry, timeout } => Budget::Quota { left: most, most, retry, timeout },
        }
    }

    /// A request begins.
    pub(super) fn begun(&mut self, now: Moment) {
        if let Budget::Share { recent, .. } = self {
            recent.count::<0>(now);
        }
    }

    /// An attempt failed in a way that could be tried again.
    pub(super) fn failed(&mut self) {
        if let Budget::Tokens { left, .. } = self {
            *left = left.saturating_sub(1_000);
        }
    }

    /// A request was answered, whose last retry cost `paid`.
    pub(super) fn succeeded(&mut self, paid: u32) {
        match self {
            Budget::Share { .. } => {}
            Budget::Tokens { left, most, ratio } => *left = (*left + *ratio).min(*most),
            Budget::Quota { left, most, .. } => *left = left.saturating_add(paid.max(1)).min(*most),
        }
    }

    /// Takes what a retry costs, and says how much that was; none if it cannot be afforded.
    pub(super) fn take(&mut self, why: Why, now: Moment) -> Option<u32> {
        match self {
            Budget::Share { millionths, at_least, recent } => {
                let [requests, retries] = recent.at(now);
                let allowed = requests.saturating_mul((*millionths).into()) / 1_000_000;
                let affordable = retries < allowed.max((*at_least).into());
                affordable.then(|| recent.count::<1>(now))?;
                Some(0)
            }
            Budget::Tokens { left, most, .. } => (*left > *most / 2).then_some(0),
            Budget::Quota { left, retry, timeout, .. } => {
                let cost = if why == Why::Timeout { *timeout } else { *retry };
                *left = left.checked_sub(cost)?;
                Some(cost)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Span;

    const AT: Moment = Moment::START;

    #[test]
    fn ten_per_cent_of_requests_are_ten_per_cent() {
        let mut budget = Budget::new(BudgetRule::SRE);
        for _ in 0..99 {
            budget.begun(AT);
        }
        let affordable =
            |budget: &mut Budget| (0..50).filter(|_| budget.take(Why::RateLimited, AT).is_some()).count();
        assert_eq!(affordable(&mut budget), 9);
        budget.begun(AT);
        assert_eq!(affordable(&mut budget), 1);
        let later = AT + Span::from_secs(121);
        assert_eq!(budget.take(Why::RateLimited, later), None);
        let rule = BudgetRule::Share { millionths: 0, over: Span::from_secs(1), at_least: 3 };
        assert_eq!(affordable(&mut Budget::new(rule)), 3);
    }

    /// The example of the proposal: ten tokens, a tenth of one for a success.
    #[test]
    fn grpc_stops_at_half_of_its_tokens() {
        let mut budget = Budget::new(BudgetRule::GRPC);
        for _ in 0..4 {
            budget.failed();
            assert_eq!(budget.take(Why::Overloaded, AT), Some(0));
        }
        budget.failed();
        assert_eq!(budget.take(Why::Overloaded, AT), None);
        budget.succeeded(0);
        assert_eq!(budget.take(Why::Overloaded, AT), Some(0));
        for _ in 0..1_000 {
            budget.succeeded(0);
        }
        assert!(matches!(budget, Budget::Tokens { left: 10_000, .. }));
    }

    #[test]
    fn aws_gives_a_retry_that_succeeds_its_cost_back() {
        let mut budget = Budget::new(BudgetRule::Quota { most: 16, retry: 5, timeout: 10 });
        assert_eq!(budget.take(Why::RateLimited, AT), Some(5));
        assert_eq!(budget.take(Why::Timeout, AT), Some(10));
        assert_eq!(budget.take(Why::RateLimited, AT), None);
        budget.succeeded(0);
        assert!(matches!(budget, Budget::Quota { left: 2, .. }));
        budget.succeeded(10);
        assert_eq!(budget.take(Why::Timeout, AT), Some(10));
    }

    proptest! {
        /// However requests and failures fall, retries never exceed their share of the requests.
        #[test]
        fn a_share_is_never_exceeded(
            millionths in 0u32..1_000_000,
            steps in proptest::collection::vec((0u64..2_000, any::<bool>()), 1..400),
        ) {
            let rule = BudgetRule::Share { millionths, over: Span::from_secs(10), at_least: 0 };
            let mut budget = Budget::new(rule);
            let (mut now, mut requests, mut retries) = (AT, 0u64, 0u64);
            for (ms, asks) in steps {
                now = now + Span::from_millis(ms);
                if asks {
                    budget.begun(now);
                    requests += 1;
                } else if budget.take(Why::RateLimited, now).is_some() {
                    retries += 1;
                }
                prop_assert!(retries * 1_000_000 <= requests * u64::from(millionths));
            }
        }
    }
}
