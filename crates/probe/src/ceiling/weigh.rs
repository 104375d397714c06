//! Weighs what a trial has shown so far: from where on it is steady, what each objective says, and which
//! pattern refusals make.
//!
//! Of requests that are still in flight nobody knows what they will say. Those that were due before a horizon and have
//! not ended count as misses where it is asked whether a load passes, and as none where it is asked whether it fails.

use floodline_core::ceiling::{Bound, Times};
use floodline_core::metric::Metric;
use floodline_core::objective::Measure;
use floodline_core::{Moment, Outcome, Span};

use super::backlog::Backlog;
use super::refusals::{Pattern, pattern};
use super::sequential::{Side, design_effect, side};
use super::steady::warm_up;
use super::watch::{Row, Watch};

/// A trial, weighed at one instant.
pub(super) struct Weighed {
    /// Whether it has shown a steady state.
    pub(super) steady: bool,
    /// From where on it is steady, or might be.
    pub(super) since: Moment,
    pub(super) until: Moment,
    /// When the load begins to count: after a flood, with the first admission after refusals.
    pub(super) begun: Moment,
    /// One for each objective that is a share.
    pub(super) judged: Vec<Judged>,
    /// Whether no objective is a share, so that only the end of its time decides.
    pub(super) only_facts: bool,
    /// What refusals come to; after a flood, from the first admission after it on.
    pub(super) pattern: Pattern,
    /// The longest stretch without a refusal that a refusal ended.
    clean: Option<Clean>,
    /// Requests that the pattern is of, and those of them that were refused.
    shown: u64,
    refused: u64,
    /// After a flood: whether anything was refused.
    pub(super) met_limit: bool,
    /// After a flood: whether everything is refused still.
    pub(super) recovering: bool,
    pub(super) backlog: Backlog,
    /// Rows in the order in which they were due.
    pub(super) order: Vec<u32>,
}

/// What is seen of one objective.
pub(super) struct Judged {
    pub(super) text: String,
    /// Whether refusals miss it.
    pub(super) of_refusals: bool,
    /// Whether it is about how requests ended, and about no time.
    pub(super) of_errors: bool,
    values: f64,
    missed: f64,
    allowed: f64,
    strict: bool,
    /// If every request in flight meets it.
    pub(super) surely: Side,
    /// If none does.
    pub(super) possibly: Side,
    /// Of what was sent, if everything but what the target refused meets it.
    pub(super) refused: Side,
    /// Of what was sent, if everything but wrong answers meets it.
    pub(super) wrong: Side,
}

/// So many refused requests in a row are the doing of a window.
const IN_A_ROW: u64 = 10;
/// Weighs. Once the run is over (`complete`), all that can be known of what was due until then is known.
pub(super) fn weigh(watch: &Watch, now: Moment, complete: bool) -> Weighed {
    let mut order: Vec<u32> = (0..watch.rows.len() as u32).collect();
    order.sort_unstable_by_key(|&k| (watch.rows[k as usize].scheduled, watch.rows[k as usize].i));
    let elapsed = now.since(watch.from);
    let horizon = if complete { Span::ZERO } else { horizon(watch).min(Span(elapsed.0 / 2)) };
    let until = Moment(now.0.saturating_sub(horizon.0)).max(watch.from);
    let due = |since: Moment, until: Moment| {
        let row = |k: &u32| watch.rows[*k as usize].scheduled;
        let from = order.partition_point(|k| row(k) < since);
        let to = order.partition_point(|k| row(k) < until);
        &order[from..to.max(from)]
    };
    // After a flood, the first refusals are the flood's doing, and so is what came before them.
    let clean = longest_clean(watch, due(watch.from, until));
    let mut after = due(watch.from, until).iter().map(|k| &watch.rows[*k as usize]);
    let met_limit = watch.is_flooded() && after.any(Row::is_refused);
    let back = if met_limit { after.find(|row| !row.is_refused()) } else { None };
    let recovering = met_limit && back.is_none();
    let begun = back.map_or(watch.from, |row| row.scheduled);
    let answers: Vec<&Row> = due(begun, until)
        .iter()
        .map(|k| &watch.rows[*k as usize])
        .filter(|row| row.latency.is_some())
        .collect();
    let latencies: Vec<f64> = answers.iter().filter_map(|row| row.latency).collect();
    let cut = warm_up(&latencies);
    let half = begun + Span(until.since(begun).0 / 2);
    let since = match cut {
        Some(0) => begun,
        Some(cut) => answers.get(cut).map_or(half, |row| row.scheduled),
        None => half,
    };
    let steady_rows = due(begun, until).iter().map(|k| &watch.rows[*k as usize]);
    let shown: Vec<(Moment, bool)> = steady_rows.map(|row| (row.scheduled, row.is_refused())).collect();
    let pattern = pattern(&shown);
    let refused = shown.iter().filter(|(_, is_refused)| *is_refused).count() as u64;
    let shown = shown.len() as u64;
    // What a limiter remembers of the time before the trial is seen in its first half, if anywhere.
    let since_echo = if watch.is_even() && met_limit { half.max(begun) } else { begun };
    let mut judged = Vec::new();
    for (k, objective) in watch.plan().objectives.iter().enumerate() {
        let Some(allowed) = watch.allowed[k] else { continue };
        let of_refusals =
            matches!(objective.measure, Measure::Errors(_) | Measure::Outcome(..) | Measure::Goodput);
        let (from, to) = match of_refusals {
            true => stretch(watch, &pattern, allowed, since_echo, since, until),
            false => (since, until),
        };
        let rows = due(from, to);
        let missing = match objective.measure {
            Measure::Time(
                Metric::Ttft
                | Metric::TtftFromSchedule
                | Metric::FirstContent
                | Metric::Latency
                | Metric::LatencyFromSchedule,
                _,
            ) if watch.is_numbered() => missing(watch, rows),
            _ => 0,
        };
        judged.push(Judged {
            text: objective.to_string(),
            of_refusals,
            of_errors: of_refusals && objective.measure != Measure::Goodput,
            strict: matches!(
                objective.op,
                floodline_core::objective::Op::Below | floodline_core::objective::Op::Above
            ),
            allowed,
            ..judge(watch, rows, k, allowed, missing)
        });
    }
    let only_facts = judged.len() < watch.allowed.len();
    let backlog = Backlog::of(watch, now, complete);
    let steady = cut.is_some() || (answers.len() < 20 && elapsed.0 > 0 && complete);
    Weighed {
        steady,
        since,
        begun,
        until,
        judged,
        only_facts,
        pattern,
        clean,
        shown,
        refused,
        met_limit,
        recovering,
        backlog,
        order,
    }
}

/// A stretch without a refusal.
#[derive(Clone, Copy, Debug)]
struct Clean {
    length: Span,
    admitted: u64,
}

fn longest_clean(watch: &Watch, rows: &[u32]) -> Option<Clean> {
    let (mut begun, mut admitted) = (watch.from, 0);
    let mut longest: Option<Clean> = None;
    for row in rows.iter().map(|k| &watch.rows[*k as usize]) {
        if !row.is_refused() {
            admitted += 1;
            continue;
        }
        let length = row.scheduled.since(begun);
        if longest.is_none_or(|longest| longest.length < length) {
            longest = Some(Clean { length, admitted });
        }
        (begun, admitted) = (row.scheduled, 0);
    }
    longest
}

/// How far back most of what was due has ended.
fn horizon(watch: &Watch) -> Span {
    let times = Times::of(watch.rows.iter().filter_map(|row| row.latency).collect());
    Span((times.p95.unwrap_or(0.0) * 1e6) as u64)
}

/// The stretch over which the share of refusals is the true one.
///
/// The last one without a refusal, if it is longer than any before it and than any that the limiter is known to let
/// through, and says enough on its own; else whole cycles of admissions and refusals, if there are any.
fn stretch(
    watch: &Watch,
    pattern: &Pattern,
    allowed: f64,
    begun: Moment,
    since: Moment,
    until: Moment,
) -> (Moment, Moment) {
    let Some((first, _)) = pattern.first else {
        return (since, until);
    };
    // What was admitted before the first refusal may have been an allowance.
    let before = pattern.first.map(|(_, admitted)| admitted).filter(|_| !watch.is_flooded());
    let longest = pattern.longest_run.max(watch.clean_run()).max(before).unwrap_or(0);
    let beyond = pattern.tail as f64 > (1.1 * longest as f64).max(telling(allowed));
    // Refusals that come one by one, as a full queue's do, are no cycles of a window.
    let of_window = watch.is_even() || pattern.longest_refusal >= IN_A_ROW;
    let cycles = pattern.cycles.filter(|_| of_window);
    match (pattern.tail_from.filter(|_| beyond), cycles) {
        (Some(tail), _) => (tail, until),
        (None, Some(cycles)) => (cycles.from.max(begun), cycles.to.max(begun)),
        (None, None) if !of_window => (since, until),
        (None, None) => (first.min(since).max(begun), until),
    }
}

/// So many values without a miss say at 95 % that fewer than `allowed` miss: the rule of three (Hanley and Lippman-Hand,
/// JAMA 249, 1983).
fn telling(allowed: f64) -> f64 {
    if allowed > 0.0 { 3.0 / allowed } else { f64::INFINITY }
}

/// Requests due among these that have not ended: the numbers between the first and the last that no row has.
fn missing(watch: &Watch, rows: &[u32]) -> u64 {
    let numbers = rows.iter().map(|k| watch.rows[*k as usize].i);
    let (Some(first), Some(last)) = (numbers.clone().min(), numbers.max()) else { return 0 };
    (last - first + 1).saturating_sub(rows.len() as u64)
}

fn judge(watch: &Watch, rows: &[u32], objective: usize, allowed: f64, missing: u64) -> Judged {
    const BATCHES: usize = 20;
    let width = watch.allowed.len();
    let of = |k: u32| watch.values[k as usize * width + objective];
    // Of those rows that `keep` keeps, what missed and how many values there are.
    let sum = |rows: &[u32], keep: &dyn Fn(&Row) -> bool| {
        let kept = rows.iter().filter(|k| keep(&watch.rows[**k as usize])).map(|k| of(*k));
        kept.fold((0, 0), |(s, n), one| (s + one.missed, n + one.values))
    };
    let batches = rows.chunks(rows.len().div_ceil(BATCHES).max(1));
    let batches: Vec<(u64, u64)> = batches.map(|batch| sum(batch, &|_| true)).collect();
    let (missed, values) = sum_of(&batches);
    let (missed, values, missing) = (missed as f64, values as f64, missing as f64);
    // Waits come in waves: whichever length of batches shows them best.
    let coarse: Vec<(u64, u64)> = batches.chunks(3).map(sum_of).collect();
    let effect = design_effect(&batches).max(design_effect(&coarse));
    let sent = sum(rows, &|row| row.outcome != Outcome::NotSent).1 as f64;
    let alone =
        |those: &dyn Fn(&Row) -> bool| side(sum(rows, those).0 as f64 / effect, sent / effect, allowed);
    Judged {
        text: String::new(),
        of_refusals: false,
        of_errors: false,
        values: values + missing,
        missed: missed + missing,
        allowed,
        strict: false,
        surely: side(missed / effect, (values + missing) / effect, allowed),
        possibly: side((missed + missing) / effect, (values + missing) / effect, allowed),
        refused: alone(&Row::is_refused_there),
        wrong: alone(&Row::is_wrong),
    }
}

fn sum_of(batches: &[(u64, u64)]) -> (u64, u64) {
    batches.iter().fold((0, 0), |(s, n), batch| (s + batch.0, n + batch.1))
}

impl Weighed {
    /// The fewest values that an objective has been judged by.
    pub(super) fn values(&self) -> u64 {
        self.judged.iter().map(|judged| judged.values as u64).min().unwrap_or(0)
    }

    /// How long a run without a refusal a load that passes has to show. One that began with the end of refusals is told from
    /// the limiter's own by a tenth; one that began anywhere may have met the end of one window and the whole of the next.
    pub(super) fn needed(&self, run: Option<u64>) -> u64 {
        let run = run.unwrap_or(0) as f64;
        let own = if self.met_limit { 1.1 * run } else { 2.1 * run };
        let refused = self.pattern.first.is_some();
        let of_refusals = self.judged.iter().filter(|judged| judged.of_refusals && refused);
        let most = of_refusals.map(|judged| telling(judged.allowed)).fold(own, f64::max);
        // A run that a refusal ended may have been part of a window only.
        let clean = self.clean.map(|clean| clean.admitted);
        let longest = self.pattern.longest_run.max(clean).unwrap_or(0);
        let longest = if refused || self.met_limit { 1.6 * longest as f64 } else { 0.0 };
        most.max(longest).min(1e15) as u64 + 1
    }

    /// How long a limiter remembers, as far as it shows: three times the longest stretch that a refusal ended, since that may
    /// have begun anywhere in a window.
    pub(super) fn memory(&self) -> Span {
        self.clean.map_or(Span::ZERO, |clean| Span(clean.length.0.saturating_mul(3)))
    }

    /// Whether the run without a refusal that goes on might become long enough.
    pub(super) fn is_promising(&self, run: Option<u64>) -> bool {
        let tail = self.pattern.tail;
        tail > 0 && tail >= self.pattern.longest_run.unwrap_or(0) && tail < self.needed(run)
    }

    /// The share of requests that were refused since the first that a flood had left room for.
    pub(super) fn refused_share(&self) -> f64 {
        self.refused as f64 / self.shown.max(1) as f64
    }

    /// Whether nothing ended of what it is judged by.
    pub(super) fn is_silent(&self) -> bool {
        self.judged.iter().any(|judged| judged.of_refusals && judged.values == 0.0)
    }

    /// How long the load has been held that began at `from`.
    pub(super) fn lasted(&self, from: Moment) -> Span {
        self.until.since(from)
    }

    /// The first objective of which `is_missed` says so, as what bounds the load.
    pub(super) fn bound(&self, is_missed: impl Fn(&Judged) -> bool) -> Option<Bound> {
        let judged = self.judged.iter().find(|judged| is_missed(judged))?;
        Some(judged.bound())
    }
}

impl Judged {
    /// Whether it is met by what was seen, sure or not; requests in flight count as misses.
    pub(super) fn meets(&self) -> bool {
        let may = self.allowed * self.values;
        self.values > 0.0
            && if self.strict { self.missed < may || self.missed == 0.0 } else { self.missed <= may }
    }

    fn bound(&self) -> Bound {
        let missed = (self.values > 0.0).then(|| self.missed / self.values);
        Bound::Objective { text: self.text.clone(), missed, allowed: Some(self.allowed) }
    }
}
