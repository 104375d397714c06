//! How long the next try is put off: the formulas, and nothing else.

use crate::random::Stream;
use crate::retry::policy::{Backoff, Honour, Jitter};
use crate::time::Span;

impl Backoff {
    /// The wait before retry `n`, counted from 0, of which `before` is the wait before the last one.
    pub(super) fn wait(&self, n: u32, before: Option<Span>, stream: &mut Stream) -> Span {
        let grown = self.grown(n);
        match self.jitter {
            Jitter::None => grown,
            Jitter::Full => between(Span::ZERO, grown, stream),
            Jitter::Equal => {
                let half = Span(grown.0 / 2);
                half + between(Span::ZERO, grown - half, stream)
            }
            Jitter::Decorrelated => {
                let high = Span(before.unwrap_or(self.base).0.saturating_mul(3));
                between(self.base, high.max(self.base), stream).min(self.cap)
            }
        }
    }

    /// v = min(cap, base · factorⁿ).
    fn grown(&self, n: u32) -> Span {
        let factor = if self.factor.is_finite() { self.factor.max(0.0) } else { 1.0 };
        scaled(self.base, libm::pow(factor, f64::from(n))).min(self.cap)
    }
}

impl Honour {
    /// The wait of a request that was told to wait for `told`; none where that is too long.
    pub(super) fn wait(&self, told: Span, stream: &mut Stream) -> Option<Span> {
        let more = scaled(told, f64::from(self.jitter_millionths) / 1e6);
        (told <= self.cap).then(|| told + between(Span::ZERO, more, stream))
    }
}

/// U(low, high); one number is drawn, whatever the bounds.
pub(super) fn between(low: Span, high: Span, stream: &mut Stream) -> Span {
    let part = 1.0 - stream.fraction();
    low + scaled(high - low, part)
}

/// `span` · `factor`, at most the longest span.
pub(super) fn scaled(span: Span, factor: f64) -> Span {
    // The conversion saturates, and makes zero of what is no number.
    Span((span.0 as f64 * factor) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::Purpose;

    fn backoff(jitter: Jitter) -> Backoff {
        Backoff { jitter, ..Backoff::USUAL }
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let mut stream = Stream::new(1, Purpose::Retries, 0);
        let waits: Vec<u64> =
            (0..6).map(|n| backoff(Jitter::None).wait(n, None, &mut stream).0 / 1_000_000).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 8_000]);
        assert_eq!(backoff(Jitter::None).wait(u32::MAX, None, &mut stream), Span::from_secs(8));
    }

    #[test]
    fn waits_have_the_means_of_their_distributions() {
        let mean = |draw: &mut dyn FnMut(&mut Stream) -> Span| {
            let mut stream = Stream::new(7, Purpose::Retries, 0);
            (0..20_000).map(|_| draw(&mut stream).as_secs_f64()).sum::<f64>() / 20_000.0
        };
        let near = |is: f64, should: f64| assert!((is / should - 1.0).abs() < 0.02, "{is} {should}");
        // v is 2 s before the third retry.
        near(mean(&mut |stream| backoff(Jitter::Full).wait(2, None, stream)), 1.0);
        near(mean(&mut |stream| backoff(Jitter::Equal).wait(2, None, stream)), 1.5);
        near(mean(&mut |stream| backoff(Jitter::Decorrelated).wait(2, None, stream)), 1.0);
        let before = Some(Span::from_secs(2));
        near(mean(&mut |stream| backoff(Jitter::Decorrelated).wait(2, before, stream)), 3.25);
        let told = Span::from_secs(4);
        near(mean(&mut |stream| Honour::USUAL.wait(told, stream).unwrap()), 4.5);
    }

    proptest! {
        #[test]
        fn waits_stay_within_their_distributions(
            base in 0u64..10_000_000_000, cap in 0u64..100_000_000_000, factor in 1.0f64..4.0,
            n in 0u32..200, before in proptest::option::of(0u64..100_000_000_000), seed in 0u64..1_000,
        ) {
            let mut stream = Stream::new(seed, Purpose::Retries, 1);
            let of = |jitter| Backoff { base: Span(base), cap: Span(cap), factor, jitter };
            let v = of(Jitter::None).wait(n, None, &mut stream);
            prop_assert!(v.0 <= cap && v.0 >= base.min(cap));
            prop_assert!(of(Jitter::Full).wait(n, None, &mut stream) <= v);
            let equal = of(Jitter::Equal).wait(n, None, &mut stream);
            prop_assert!(equal >= Span(v.0 / 2) && equal <= v);
            let decorrelated = of(Jitter::Decorrelated).wait(n, before.map(Span), &mut stream);
            let high = (before.unwrap_or(base) * 3).max(base);
            prop_assert!(decorrelated.0 >= base.min(cap) && decorrelated.0 <= high.min(cap));
        }

        #[test]
        fn nobody_comes_back_before_the_time_it_was_told(
            told in 0u64..200_000_000_000, cap in 0u64..200_000_000_000, jitter_millionths in 0u32..3_000_000,
        ) {
            let mut stream = Stream::new(3, Purpose::Retries, 1);
            let honour = Honour { cap: Span(cap), jitter_millionths };
            match honour.wait(Span(told), &mut stream) {
                None => prop_assert!(told > cap),
                Some(wait) => {
                    let most = told as f64 * (1.0 + f64::from(jitter_millionths) / 1e6);
                    prop_assert!(told <= cap && wait.0 >= told && wait.0 as f64 <= most + 1.0);
                }
            }
        }
    }
}
