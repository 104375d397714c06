//! What the vendors' own SDKs do: they look at statuses and heads, not at what a refusal means.
//!
//! The behaviour is that of openai-python 3.57, anthropic-sdk-python 2.13, google-genai and botocore 1.43; the first two are
//! held against the policies by the tests of the command. A stream whose head was a success is out of their hands: what
//! goes wrong in it is never tried again.

use crate::random::Stream;
use crate::retry::policy::{Backoff, Jitter};
use crate::retry::refusal::{Failure, Why};
use crate::retry::waits::{between, scaled};
use crate::time::Span;

/// An SDK's answer to a failure.
pub(super) enum Answer {
    /// It is not tried again.
    No,
    /// Nor is this, because the server wants a longer wait than the SDK would sit through.
    TooLong,
    /// It is, after this.
    After(Span),
}

/// OpenAI's and Anthropic's: they differ in the longest wait that they do as they are told, and in what they do then.
pub(super) struct Stainless {
    /// The longest wait that a server can ask for.
    pub(super) longest: Span,
    /// Whether a longer one ends the trying; else it is waited no longer than that.
    pub(super) gives_up: bool,
}

impl Stainless {
    pub(super) const OPENAI: Stainless = Stainless { longest: Span::from_secs(120), gives_up: true };
    /// It does as it is told, whatever that is: up to the longest time that every platform can sleep, 2³² ms.
    pub(super) const ANTHROPIC: Stainless =
        Stainless { longest: Span::from_secs(4_294_967), gives_up: false };

    /// What is done before retry `n`, counted from 0.
    pub(super) fn answer(&self, n: u32, failure: &Failure, stream: &mut Stream) -> Answer {
        let told = failure.retry_after.filter(|&told| told > Span::ZERO);
        let too_long = self.gives_up && told.is_some_and(|told| told > self.longest);
        match (failure.status, failure.should_retry) {
            (Some(200..=299), _) | (Some(_), Some(false)) => return Answer::No,
            // Whatever else the server wants.
            (Some(_), asked) if too_long => {
                let retries = asked == Some(true) || Self::retries(failure);
                return if retries { Answer::TooLong } else { Answer::No };
            }
            (Some(_), Some(true)) => {}
            (_, _) if !Self::retries(failure) => return Answer::No,
            (_, _) => {}
        }
        Answer::After(match told {
            Some(told) => told.min(self.longest),
            None => Self::own_wait(n, stream),
        })
    }

    fn retries(failure: &Failure) -> bool {
        match failure.status {
            Some(status) => matches!(status, 408 | 409 | 429 | 500..),
            None => never_answered(failure),
        }
    }

    /// min(0.5 s · 2ⁿ, 8 s) · (1 − U(0, ¼)).
    fn own_wait(n: u32, stream: &mut Stream) -> Span {
        const GROWTH: Backoff = Backoff {
            base: Span::from_millis(500),
            cap: Span::from_secs(8),
            factor: 2.0,
            jitter: Jitter::None,
        };
        let grown = GROWTH.wait(n, None, stream);
        grown - between(Span::ZERO, scaled(grown, 0.25), stream)
    }
}

/// Google's: min(60 s, 1 s · 2ⁿ + U(0, 1 s)) after a few statuses; it reads no `RetryInfo`, and errors of the connection
/// are not among what it tries again.
pub(super) fn google(n: u32, failure: &Failure, stream: &mut Stream) -> Answer {
    const LONGEST: Span = Span::from_secs(60);
    if !matches!(failure.status, Some(408 | 429 | 500 | 502 | 503 | 504)) {
        return Answer::No;
    }
    let grown = scaled(Span::from_secs(1), libm::pow(2.0, f64::from(n)));
    Answer::After((grown + between(Span::ZERO, Span::from_secs(1), stream)).min(LONGEST))
}

/// botocore's standard mode: U(0, 1) · min(2ⁿ, 20) s after throttling, a few statuses, timeouts and errors of the connection.
pub(super) fn aws(n: u32, failure: &Failure, stream: &mut Stream) -> Answer {
    let retries = match failure.status {
        Some(200..=299) => false,
        Some(500 | 502 | 503 | 504) => true,
        Some(_) => failure.refusal.why == Why::RateLimited,
        None => never_answered(failure),
    };
    if !retries {
        return Answer::No;
    }
    let most = scaled(Span::from_secs(1), libm::pow(2.0, f64::from(n))).min(Span::from_secs(20));
    Answer::After(between(Span::ZERO, most, stream))
}

fn never_answered(failure: &Failure) -> bool {
    matches!(failure.refusal.why, Why::Timeout | Why::Connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;
    use crate::retry::refusal::Refusal;

    fn refused(status: u16, retry_after: Option<Span>) -> Failure {
        let refusal = Refusal::new(Why::RateLimited);
        Failure { retry_after, ..Failure::new(refusal, Some(status), None) }
    }

    fn unanswered(why: Why) -> Failure {
        Failure::new(Refusal::new(why), None, None)
    }

    /// Seconds, or none where it is not tried again.
    fn seconds(answer: Answer) -> Option<f64> {
        match answer {
            Answer::After(wait) => Some(wait.as_secs_f64()),
            Answer::No | Answer::TooLong => None,
        }
    }

    fn draws(answer: impl Fn(&mut Stream) -> Answer) -> Vec<f64> {
        let mut stream = Stream::new(11, Purpose::Retries, 0);
        (0..4_000).map(|_| seconds(answer(&mut stream)).unwrap()).collect()
    }

    fn within(low: f64, high: f64, mean: f64, waits: &[f64]) {
        assert!(waits.iter().all(|wait| (low..=high).contains(wait)), "{low} {high}");
        let is = waits.iter().sum::<f64>() / waits.len() as f64;
        assert!((is - mean).abs() < 0.03 * mean, "{is} {mean}");
    }

    /// The SDK's own test vectors; what a head says is read in `wire`, which has those of its texts.
    #[test]
    fn openai_waits_as_its_own_tests_say() {
        let sdk = Stainless::OPENAI;
        for told in [20, 60, 61, 120] {
            let told = Span::from_secs(told);
            let waits = draws(|stream| sdk.answer(0, &refused(429, Some(told)), stream));
            assert!(waits.iter().all(|&wait| wait == told.as_secs_f64()));
        }
        for nothing in [None, Some(Span::ZERO)] {
            for (n, most) in [(0, 0.5), (1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (1_000_000, 8.0)] {
                let waits = draws(|stream| sdk.answer(n, &refused(429, nothing), stream));
                within(0.75 * most, most, 0.875 * most, &waits);
            }
        }
        let mut stream = Stream::new(1, Purpose::Retries, 0);
        let long = refused(429, Some(Span::from_secs(121)));
        assert!(matches!(sdk.answer(0, &long, &mut stream), Answer::TooLong));
        // Whatever else the server says.
        let asked = Failure { should_retry: Some(true), ..long };
        assert!(matches!(sdk.answer(0, &asked, &mut stream), Answer::TooLong));
    }

    #[test]
    fn anthropic_waits_as_long_as_it_is_told() {
        let sdk = Stainless::ANTHROPIC;
        let mut stream = Stream::new(1, Purpose::Retries, 0);
        for (told, waited) in [(60, 60), (121, 121), (100_000, 100_000), (99_000_000, 4_294_967)] {
            let told = refused(529, Some(Span::from_secs(told)));
            assert_eq!(seconds(sdk.answer(0, &told, &mut stream)), Some(f64::from(waited)));
        }
        within(0.375, 0.5, 0.4375, &draws(|stream| sdk.answer(0, &refused(429, None), stream)));
    }

    #[test]
    fn statuses_decide_and_the_server_can_overrule_them() {
        let mut stream = Stream::new(1, Purpose::Retries, 0);
        for sdk in [Stainless::OPENAI, Stainless::ANTHROPIC] {
            for status in 300..600 {
                let retried = seconds(sdk.answer(0, &refused(status, None), &mut stream)).is_some();
                assert_eq!(retried, matches!(status, 408 | 409 | 429 | 500..), "{status}");
                for wanted in [true, false] {
                    let failure = Failure { should_retry: Some(wanted), ..refused(status, None) };
                    assert_eq!(seconds(sdk.answer(0, &failure, &mut stream)).is_some(), wanted, "{status}");
                }
            }
            assert!(seconds(sdk.answer(0, &refused(200, None), &mut stream)).is_none());
            for why in Why::ALL {
                let retried = seconds(sdk.answer(0, &unanswered(why), &mut stream)).is_some();
                assert_eq!(retried, matches!(why, Why::Timeout | Why::Connection), "{why}");
            }
        }
    }

    /// A quota that is used up answers 429, and the SDKs try again for nothing.
    #[test]
    fn what_cannot_succeed_is_tried_again_all_the_same() {
        let mut stream = Stream::new(1, Purpose::Retries, 0);
        let spent = Failure::new(Refusal::new(Why::QuotaExhausted), Some(429), None);
        assert!(seconds(Stainless::OPENAI.answer(0, &spent, &mut stream)).is_some());
        assert!(seconds(google(0, &spent, &mut stream)).is_some());
        assert!(seconds(aws(0, &spent, &mut stream)).is_none());
    }

    #[test]
    fn google_adds_up_to_a_second_and_reads_no_hints() {
        for (n, least) in [(0, 1.0), (1, 2.0), (3, 8.0)] {
            let waits = draws(|stream| google(n, &refused(429, Some(Span::from_secs(30))), stream));
            within(least, least + 1.0, least + 0.5, &waits);
        }
        within(60.0, 60.0, 60.0, &draws(|stream| google(6, &refused(503, None), stream)));
        let mut stream = Stream::new(1, Purpose::Retries, 0);
        for failure in [unanswered(Why::Connection), refused(409, None), refused(529, None)] {
            assert!(seconds(google(0, &failure, &mut stream)).is_none());
        }
    }

    #[test]
    fn aws_draws_from_nothing_up_to_twenty_seconds() {
        for (n, most) in [(0, 1.0), (1, 2.0), (4, 16.0), (5, 20.0), (9, 20.0)] {
            within(0.0, most, most / 2.0, &draws(|stream| aws(n, &refused(429, None), stream)));
        }
        let mut stream = Stream::new(1, Purpose::Retries, 0);
        assert!(seconds(aws(0, &unanswered(Why::Timeout), &mut stream)).is_some());
        let wrong = Failure::new(Refusal::new(Why::ClientError), Some(400), None);
        assert!(seconds(aws(0, &wrong, &mut stream)).is_none());
    }
}
