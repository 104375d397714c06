//! Rejecting requests before they are sent, when the target refuses most of them anyway.

use crate::random::Stream;
use crate::retry::policy::ThrottleRule;
use crate::retry::recent::Recent;
use crate::time::Moment;

/// Attempts and accepts of the last while.
#[derive(Clone, Debug)]
pub(super) struct Throttle {
    k: f64,
    recent: Recent,
}

impl Throttle {
    pub(super) fn new(rule: ThrottleRule) -> Throttle {
        Throttle { k: f64::from(rule.k_thousandths) / 1e3, recent: Recent::over(rule.over) }
    }

    /// Whether an attempt may go out. One that may not counts too: it was asked for.
    pub(super) fn admits(&mut self, now: Moment, stream: &mut Stream) -> bool {
        let rejected = self.rejects_with(now);
        self.recent.count::<0>(now);
        rejected <= 0.0 || stream.fraction() > rejected
    }

    /// The target took one on.
    pub(super) fn accepted(&mut self, now: Moment) {
        self.recent.count::<1>(now);
    }

    /// max(0, (requests − k · accepts) / (requests + 1)).
    fn rejects_with(&mut self, now: Moment) -> f64 {
        let [requests, accepts] = self.recent.at(now).map(|count| count as f64);
        ((requests - self.k * accepts) / (requests + 1.0)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;
    use crate::time::Span;

    #[test]
    fn the_formula_is_that_of_the_book() {
        let mut throttle = Throttle::new(ThrottleRule::SRE);
        let mut stream = Stream::new(1, Purpose::Retries, 0);
        let now = Moment::START;
        assert_eq!(throttle.rejects_with(now), 0.0);
        // The first is let out, whatever is drawn; half as many accepts as requests are enough.
        assert!(throttle.admits(now, &mut stream));
        assert_eq!(throttle.rejects_with(now), 0.5);
        throttle.accepted(now);
        assert_eq!(throttle.rejects_with(now), 0.0);
        for _ in 0..7 {
            throttle.admits(now, &mut stream);
        }
        assert_eq!(throttle.rejects_with(now), 6.0 / 9.0);
        assert_eq!(throttle.rejects_with(now + Span::from_secs(130)), 0.0);
    }

    /// Against a target that takes on a tenth of what is wanted, about k times that goes out.
    #[test]
    fn what_goes_out_settles_at_k_times_what_is_accepted() {
        let mut throttle = Throttle::new(ThrottleRule::SRE);
        let mut stream = Stream::new(5, Purpose::Retries, 0);
        let (mut out, mut accepted) = (0u32, 0u32);
        for k in 0..60_000u64 {
            // A hundred a second for ten minutes, of which ten a second can be accepted; the first minutes settle.
            let now = Moment(k * 10_000_000);
            if throttle.admits(now, &mut stream) {
                let counted = k >= 30_000;
                out += u32::from(counted);
                // Every tenth of a second it takes the first one that comes.
                let room = now.0 / 100_000_000 >= u64::from(accepted);
                if room {
                    accepted += 1;
                    throttle.accepted(now);
                }
            }
        }
        let share = f64::from(out) / 30_000.0;
        assert!((0.17..0.23).contains(&share), "{share}");
    }
}
