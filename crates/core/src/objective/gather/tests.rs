use super::*;
use crate::arrivals::Arrival;
use crate::record::{Attempt, AttemptEnd};
use crate::schedule::Phase;

/// An ok answer, scheduled and sent at 10 ms, its tokens at the given milliseconds.
pub(crate) fn answer(i: u64, tokens_at_ms: &[u64]) -> Record {
    let ms = |ms: u64| Moment(ms * 1_000_000);
    let mut r = Record::planned(i, Phase::Main, "p".into(), ms(10));
    (r.outcome, r.status, r.sent) = (Outcome::Ok, Some(200), Some(ms(10)));
    for &at in tokens_at_ms {
        r.arrivals.push(Arrival { at: ms(at), events: 1, lag: Span(5_000) });
    }
    r.first_token = r.arrivals.first();
    r.first_content = r.first_token;
    r.last = r.arrivals.last().or(r.sent);
    r.max_gap = tokens_at_ms.windows(2).map(|w| Span::from_millis(w[1] - w[0])).max();
    r.output_tokens = Some(tokens_at_ms.len() as u32);
    r.attempts.push(Attempt {
        sent: r.sent,
        last: r.last.unwrap_or_default(),
        end: AttemptEnd::Outcome(r.outcome),
        status: r.status,
    });
    r
}

pub(crate) fn objective(text: &str) -> Objective {
    Objective::parse(text, None).unwrap_or_else(|m| panic!("{text}: {m:?}"))
}
