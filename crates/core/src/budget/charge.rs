//! What a request is charged: never less than it can have cost.

use super::{Settled, Worst};
use crate::money::Usd;
use crate::outcome::Outcome;
use crate::prices::{Prices, Usage};

/// How one sending of a request ended, as far as its bill goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether any of it was handed to the kernel.
    pub sent: bool,
    /// The HTTP status, if an answer began.
    pub status: Option<u16>,
    /// Whether any token of an answer arrived.
    pub answered: bool,
    /// The provider's own count, if it gave one of both input and output.
    pub usage: Option<Usage>,
    /// Floodline's count of what arrived, if it was made.
    pub counted: Option<Usage>,
}

/// What a request is charged that was to cost `worst` at most:
///
/// | how it ended | charged |
/// |---|---|
/// | never sent | nothing |
/// | a whole answer with the provider's count | by that count, also above the worst case |
/// | a whole answer without | the worst case, or by Floodline's count if that is more |
/// | refused (3xx, 4xx, 5xx) without a token or a count | nothing |
/// | anything else: cut, timed out, cancelled, not understood, a gateway's time-out | the worst case, or by either count if that is more |
///
/// A count in an answer that did not end is not believed to be the last one.
pub fn charge(ended: &Ended, worst: Worst, prices: Option<&Prices>) -> Settled {
    let nothing = Settled { usd: Usd::ZERO, tokens: 0, sent: ended.sent, proof: false };
    if !ended.sent {
        return nothing;
    }
    let bill = |usage: &Usage| {
        let usd = prices.map_or(Usd::ZERO, |prices| prices.cost(usage));
        Settled { usd, tokens: usage.tokens(), ..nothing }
    };
    let kept = |usage: &Usage| usage.input <= worst.input.into() && usage.output <= worst.output.into();
    match (ended.bill(), ended.usage) {
        (Bill::None, _) => nothing,
        (Bill::Whole, Some(usage)) => Settled { proof: kept(&usage), ..bill(&usage) },
        (Bill::Whole, None) | (Bill::Unknown, _) => {
            let mut most = Settled { usd: worst.usd, tokens: worst.tokens(), ..nothing };
            for count in [ended.usage, ended.counted].iter().flatten().map(bill) {
                most.usd = most.usd.max(count.usd);
                most.tokens = most.tokens.max(count.tokens);
            }
            let whole = matches!(ended.bill(), Bill::Whole);
            Settled { proof: whole && ended.counted.as_ref().is_some_and(kept), ..most }
        }
    }
}

/// What a provider bills for.
enum Bill {
    /// A refusal.
    None,
    /// A whole answer.
    Whole,
    /// Nobody knows what.
    Unknown,
}

impl Ended {
    fn bill(&self) -> Bill {
        match self.outcome {
            Outcome::Ok | Outcome::CheckFailed => Bill::Whole,
            Outcome::NotSent => Bill::None,
            Outcome::RateLimited
            | Outcome::QuotaExceeded
            | Outcome::Overloaded
            | Outcome::ServerError
            | Outcome::ClientError => match self.is_refusal() {
                true => Bill::None,
                false => Bill::Unknown,
            },
            Outcome::Timeout
            | Outcome::Connection
            | Outcome::Truncated
            | Outcome::Malformed
            | Outcome::Cancelled => Bill::Unknown,
        }
    }

    /// Whether the provider said no before it did anything. An error within a 200 is not that, and a gateway that
    /// ran out of patience (408, 504, 524) does not know what the model behind it did.
    fn is_refusal(&self) -> bool {
        let refused = self.status.is_some_and(|status| (300..600).contains(&status));
        let timed_out = matches!(self.status, Some(408 | 504 | 524));
        refused && !timed_out && !self.answered && self.usage.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::Rates;

    /// A millionth of a dollar for a token of either kind.
    fn prices() -> Prices {
        Prices::flat(Rates { input: Usd::dollars(1), output: Usd::dollars(1), ..Rates::default() })
    }

    fn ended(outcome: Outcome, status: Option<u16>) -> Ended {
        Ended { outcome, sent: true, status, answered: false, usage: None, counted: None }
    }

    fn usage(input: u64, output: u64) -> Option<Usage> {
        Some(Usage { input, output, ..Usage::default() })
    }

    /// Tokens charged of a worst case of 100 and 50, and whether that proves anything.
    fn charged(ended: Ended) -> (u64, bool) {
        let settled = charge(&ended, Worst::new(Some(&prices()), 100, 50), Some(&prices()));
        let cost = prices().cost(&Usage { input: settled.tokens, ..Usage::default() });
        assert_eq!(settled.usd, cost);
        (settled.tokens, settled.proof)
    }

    #[test]
    fn a_stated_usage_is_charged_as_stated() {
        let ok = ended(Outcome::Ok, Some(200));
        assert_eq!(charged(Ended { usage: usage(100, 50), ..ok }), (150, true));
        assert_eq!(charged(Ended { usage: usage(80, 1), counted: usage(99, 50), ..ok }), (81, true));
        assert_eq!(charged(Ended { usage: usage(100, 200), ..ok }), (300, false));
        // Cheap as a whole, but not what was asked for.
        assert_eq!(charged(Ended { usage: usage(10, 51), ..ok }), (61, false));
        let failed = ended(Outcome::CheckFailed, Some(200));
        assert_eq!(charged(Ended { usage: usage(80, 20), ..failed }), (100, true));
    }

    #[test]
    fn an_answer_without_usage_is_charged_its_worst_case_or_more() {
        let ok = Ended { answered: true, ..ended(Outcome::Ok, Some(200)) };
        assert_eq!(charged(ok), (150, false));
        assert_eq!(charged(Ended { counted: usage(90, 10), ..ok }), (150, true));
        assert_eq!(charged(Ended { counted: usage(90, 170), ..ok }), (260, false));
    }

    #[test]
    fn a_refusal_costs_nothing_unless_something_was_answered() {
        for (outcome, status) in [
            (Outcome::RateLimited, 429),
            (Outcome::QuotaExceeded, 403),
            (Outcome::Overloaded, 529),
            (Outcome::ServerError, 500),
            (Outcome::ClientError, 400),
            (Outcome::ClientError, 301),
        ] {
            let refused = ended(outcome, Some(status));
            assert_eq!(charged(refused), (0, false), "{outcome}");
            assert_eq!(charged(Ended { answered: true, ..refused }), (150, false), "{outcome}");
            assert_eq!(charged(Ended { usage: usage(9, 9), ..refused }), (150, false), "{outcome}");
            assert_eq!(charged(Ended { status: Some(200), ..refused }), (150, false), "{outcome}");
        }
        for status in [408, 504, 524] {
            assert_eq!(charged(ended(Outcome::ServerError, Some(status))), (150, false), "{status}");
        }
    }

    #[test]
    fn what_nobody_knows_is_charged_the_worst_case() {
        for outcome in [
            Outcome::Timeout,
            Outcome::Connection,
            Outcome::Truncated,
            Outcome::Malformed,
            Outcome::Cancelled,
        ] {
            assert_eq!(charged(ended(outcome, None)), (150, false), "{outcome}");
            // The first of several counts in a stream that was cut.
            let cut = Ended { answered: true, usage: usage(100, 1), ..ended(outcome, Some(200)) };
            assert_eq!(charged(cut), (150, false), "{outcome}");
            assert_eq!(charged(Ended { usage: usage(100, 90), ..cut }), (190, false), "{outcome}");
        }
    }

    #[test]
    fn what_was_never_sent_costs_nothing() {
        for outcome in Outcome::ALL {
            let never = Ended { sent: false, usage: usage(9, 9), ..ended(outcome, None) };
            assert_eq!(charged(never), (0, false), "{outcome}");
        }
    }
}
