//! What a trial told, put together from what was weighed: its figures, and what bounds its load by its proper name.

use std::collections::BTreeMap;

use floodline_core::ceiling::{Bound, Times, Tried, Verdict};
use floodline_core::retry::Dimension;
use floodline_core::{Moment, Outcome, Span, Usd};

use super::trial::{Shown, Told, Trial};
use super::watch::{Row, Watch};
use super::weigh::Weighed;

impl Weighed {
    /// Puts it all together.
    pub(super) fn told(
        self,
        watch: &Watch,
        trial: &Trial,
        spent: Option<Usd>,
        (verdict, bound, sure): (Verdict, Option<Bound>, bool),
        until: Moment,
        cut: Option<String>,
    ) -> Told {
        let rows = self.order.iter().map(|&k| &watch.rows[k as usize]);
        let rows: Vec<&Row> = rows.filter(|row| row.scheduled >= self.begun).collect();
        let steady: Vec<&Row> =
            rows.iter().copied().filter(|r| r.scheduled >= self.since && r.scheduled < self.until).collect();
        let count = |keep: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| keep(row)).count() as u64;
        let (ok, refused) = (count(&|row| row.outcome == Outcome::Ok), count(&Row::is_refused));
        let requests = rows.len() as u64;
        let bound = bound.map(|bound| self.named(bound, &rows));
        let good = steady.iter().filter(|row| row.good == Some(true)).count();
        let judged = steady.iter().filter(|row| row.good.is_some()).count();
        let seconds = until.since(self.since).as_secs_f64();
        let answered =
            rows.iter().filter(|r| r.outcome == Outcome::Ok && r.over >= self.since && r.over < until);
        let limited = rows.iter().find(|row| row.outcome == Outcome::RateLimited);
        let capacity = match (&bound, self.pattern.cycles) {
            (Some(Bound::Limit { .. }), Some(cycles)) => cycles.admitted_per_s(),
            (Some(Bound::Backlog { .. }), _) => self.backlog.ended_per_s,
            (_, _) => None,
        };
        let tried = Tried {
            number: trial.number,
            by: trial.by,
            load: trial.load,
            depth: trial.depth,
            verdict,
            sure,
            bound,
            seconds: until.since(watch.from).as_secs_f64(),
            steady_from_s: self.steady.then(|| self.since.since(watch.from).as_secs_f64()),
            flooded: trial.flood.is_some(),
            requests,
            ok,
            refused,
            failed: requests - ok - refused,
            goodput: (judged > 0).then(|| good as f64 / judged as f64),
            ok_per_s: (seconds > 0.0).then(|| answered.count() as f64 / seconds),
            ttft: Times::of(steady.iter().filter_map(|row| row.ttft).collect()),
            latency: Times::of(steady.iter().filter_map(|row| row.latency).collect()),
            spent_usd: spent,
            cut,
        };
        let shown = Shown {
            until_refused: limited.map(|row| row.scheduled.since(watch.from)),
            admitted_first: self.pattern.first.map_or(0, |(_, admitted)| admitted),
            memory: if limited.is_some() { self.pattern.memory() } else { Span::ZERO },
            run: self.pattern.longest_run.filter(|_| limited.is_some()),
            capacity,
            forgotten_in: None,
        };
        Told { tried, shown }
    }

    /// Where most of the errors are refusals, it is their limit that bounds the load.
    fn named(&self, bound: Bound, rows: &[&Row]) -> Bound {
        let Bound::Objective { text, missed: Some(share), .. } = &bound else { return bound };
        let of_refusals = self.judged.iter().any(|judged| judged.of_refusals && judged.text == *text);
        // What our own policy did not let out follows from what the target answered to the others.
        let is_bad = |row: &&&Row| !matches!(row.outcome, Outcome::Ok | Outcome::NotSent);
        let bad = rows.iter().filter(is_bad).count();
        let refused: Vec<&&Row> = rows.iter().filter(|row| row.is_refused_there()).collect();
        if !of_refusals || refused.len() * 2 < bad.max(1) {
            return bound;
        }
        let most = |of: &dyn Fn(&Row) -> bool| refused.iter().filter(|row| of(row)).count();
        let outcomes = [Outcome::RateLimited, Outcome::QuotaExceeded, Outcome::Overloaded];
        let outcome = outcomes.into_iter().max_by_key(|o| most(&|row| row.outcome == *o));
        let mut named: BTreeMap<Dimension, u64> = BTreeMap::new();
        refused.iter().filter_map(|row| row.dimension).for_each(|d| *named.entry(d).or_default() += 1);
        let dimension = named.into_iter().max_by_key(|(_, n)| *n).map(|(dimension, _)| dimension);
        match outcome {
            Some(outcome) => Bound::Limit { outcome, dimension, share: *share },
            None => bound,
        }
    }
}
