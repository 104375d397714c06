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
    let (last, end) = (r.last.unwrap_or_default(), AttemptEnd::Outcome(r.outcome));
    r.attempts.push(Attempt::new(r.sent, last, end, r.status));
    r
}

pub(crate) fn objective(text: &str) -> Objective {
    Objective::parse(text, None).unwrap_or_else(|m| panic!("{text}: {m:?}"))
}

proptest::proptest! {
    /// A cell without a histogram says what sorting all values would say.
    #[test]
    fn a_cell_says_of_a_statistic_what_all_values_would(
        mut values in proptest::collection::vec(0u64..40, 1..60),
        bound in 0u64..40,
        parts in 100u32..100_000,
        split in 0usize..60,
    ) {
        let (mut cell, mut rest) = (Cell::default(), Cell::default());
        for (i, &value) in values.iter().enumerate() {
            let into = if i < split { &mut cell } else { &mut rest };
            into.take(value.into(), bound.into());
        }
        cell.merge(&rest);
        values.sort_unstable();
        let q = crate::stats::Quantile::of_millipercent(parts).unwrap();
        let n = values.len() as u64;
        let (sum, at_rank) = (values.iter().sum::<u64>(), values[q.rank(n) as usize - 1]);
        for op in [Op::Below, Op::AtMost, Op::Above, Op::AtLeast, Op::Equal] {
            for (statistic, holds) in [
                (Statistic::Percentile(q), op.holds(at_rank, bound)),
                (Statistic::Min, op.holds(values[0], bound)),
                (Statistic::Max, op.holds(values[values.len() - 1], bound)),
                (Statistic::Total, op.holds(sum, bound)),
                (Statistic::Mean, op.holds(sum, bound * n)),
            ] {
                let measure = Measure::Time(Metric::Ttft, statistic);
                let bound = crate::objective::Bound::Time(Span(bound));
                let objective = Objective { measure, op, bound, ..objective("ttft p50 < 1s") };
                proptest::prop_assert_eq!(cell.meets(&objective), Some(holds), "{}", objective);
            }
            let that = values.iter().filter(|&&value| op.holds(value, bound)).count() as u64;
            proptest::prop_assert_eq!(cell.that(op), that);
        }
    }
}
