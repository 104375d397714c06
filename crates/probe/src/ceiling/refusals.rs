//! What the refusals of a trial show of the limiter behind them.
//!
//! A limiter lets a new load through for as long as its allowance lasts: a bucket its burst, a window what is left of it.
//! So a rate above the limit looks good at first. What tells is the pattern of admissions and refusals in the order in
//! which requests were due: runs of admitted requests between refused ones, and the cycles that they make.

use floodline_core::{Moment, Span};

/// The refusals of a trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pattern {
    /// When the first refused request was due, and how many had been admitted before it.
    pub first: Option<(Moment, u64)>,
    /// The most requests in a row that were admitted between two refused ones.
    pub longest_run: Option<u64>,
    /// The most requests in a row that were refused.
    pub longest_refusal: u64,
    /// How long the longest such row took.
    pub refused_for: Span,
    /// Whole cycles of admissions and refusals.
    pub cycles: Option<Cycles>,
    /// Requests that were admitted since the last refused one, or since the start.
    pub tail: u64,
    /// When the first of them was due.
    pub tail_from: Option<Moment>,
}

/// Cycles side by side: each begins with the first admitted request after refused ones. Over whole cycles, the share of
/// refusals is the true one, whatever the window of the limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycles {
    /// How many there are.
    pub count: u64,
    /// When the first begins.
    pub from: Moment,
    /// When the last ends.
    pub to: Moment,
    /// Requests that were admitted in them.
    pub admitted: u64,
    /// Requests that were refused in them.
    pub refused: u64,
    /// Those of the admitted ones that were due in each quarter of their time.
    pub quarters: [u64; 4],
}

impl Cycles {
    /// What the limiter lets through, in requests a second.
    pub fn admitted_per_s(&self) -> Option<f64> {
        let seconds = self.to.since(self.from).as_secs_f64();
        (seconds > 0.0).then(|| self.admitted as f64 / seconds)
    }

    /// Whether as much was let through in one quarter of the time as in any other: else the limiter still forgets what was sent
    /// before the trial.
    pub fn are_even(&self) -> bool {
        let mean = self.admitted as f64 / 4.0;
        self.quarters.iter().all(|n| (*n as f64 - mean).abs() <= 0.15 * mean + 1.0)
    }
}

impl Pattern {
    /// How far back the limiter remembers at least: a cycle, or the time for which it refuses everything.
    pub fn memory(&self) -> Span {
        let cycle = self.cycles.map_or(Span::ZERO, |c| Span(c.to.since(c.from).0 / c.count.max(1)));
        cycle.max(self.refused_for)
    }
}

/// A run of admitted requests after refused ones.
#[derive(Clone, Copy, Debug)]
struct Run {
    from: Moment,
    length: u64,
    /// Requests that were admitted, and that were refused, before it.
    before: (u64, u64),
}

/// The pattern of requests in the order in which they were due, each with whether it was refused.
pub fn pattern(requests: &[(Moment, bool)]) -> Pattern {
    let mut pattern = Pattern::default();
    let mut runs: Vec<Run> = Vec::new();
    let (mut admitted, mut refused, mut refused_run) = (0u64, 0u64, 0u64);
    let mut refusing_since = None;
    for &(at, is_refused) in requests {
        if is_refused {
            if pattern.first.is_none() {
                pattern.first = Some((at, admitted));
            } else if pattern.tail > 0 {
                pattern.longest_run = pattern.longest_run.max(Some(pattern.tail));
            }
            refused += 1;
            refused_run += 1;
            let since = *refusing_since.get_or_insert(at);
            pattern.longest_refusal = pattern.longest_refusal.max(refused_run);
            pattern.refused_for = pattern.refused_for.max(at.since(since));
            (pattern.tail, pattern.tail_from) = (0, None);
        } else {
            if refusing_since.take().is_some() {
                runs.push(Run { from: at, length: 0, before: (admitted, refused) });
            }
            if let Some(run) = runs.last_mut() {
                run.length += 1;
            }
            admitted += 1;
            refused_run = 0;
            pattern.tail += 1;
            pattern.tail_from.get_or_insert(at);
        }
    }
    pattern.cycles = cycles(requests, &runs);
    pattern
}

/// From the first long run to the last: between those of a window that begins anew there may be short ones, which are what
/// was spent before coming back.
fn cycles(requests: &[(Moment, bool)], runs: &[Run]) -> Option<Cycles> {
    let longest = runs.iter().map(|run| run.length).max()?;
    let long = || runs.iter().filter(|run| run.length * 2 >= longest);
    let (first, last) = (long().next()?, long().next_back()?);
    let count = long().count() as u64 - 1;
    let length = last.from.since(first.from).0;
    let mut quarters = [0; 4];
    for &(at, is_refused) in requests.iter().filter(|(at, _)| *at >= first.from && *at < last.from) {
        let quarter = u128::from(at.since(first.from).0) * 4 / u128::from(length.max(1));
        if let Some(n) = quarters.get_mut(quarter as usize).filter(|_| !is_refused) {
            *n += 1;
        }
    }
    (count > 0).then(|| Cycles {
        count,
        from: first.from,
        to: last.from,
        admitted: last.before.0 - first.before.0,
        refused: last.before.1 - first.before.1,
        quarters,
    })
}

/// What is known of a limiter after some trials that met it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limiter {
    /// A load that uses up its allowance, and how long that takes from its being whole.
    pub flood: (f64, Span),
    /// The most requests in a row that it admitted between two refusals: a load that it can bear shows a longer run.
    pub run: Option<u64>,
    /// How far back it remembers, as far as was seen.
    pub memory: Span,
    /// Whether it has an allowance that evens out how requests are spread.
    pub evens_out: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` admitted, `-` refused, a second apart.
    fn of(text: &str) -> Pattern {
        let requests = text.bytes().enumerate().map(|(k, c)| (Moment(k as u64 * 1_000_000_000), c == b'-'));
        pattern(&requests.collect::<Vec<_>>())
    }

    #[test]
    fn runs_and_cycles_are_found() {
        let found = of("+++++--+++--+++--++");
        assert_eq!(found.first, Some((Moment(5_000_000_000), 5)));
        assert_eq!((found.longest_run, found.longest_refusal, found.tail), (Some(3), 2, 2));
        let cycles = found.cycles.unwrap();
        assert_eq!((cycles.count, cycles.admitted, cycles.refused), (2, 6, 4));
        assert!((cycles.admitted_per_s().unwrap() - 0.6).abs() < 1e-12);
        let even = "++++--".repeat(12);
        assert!(of(&even).cycles.unwrap().are_even());
        // Short runs between long ones are part of a cycle.
        let cycles = of("++++---+--+---++++---+--+---++++-").cycles.unwrap();
        assert_eq!((cycles.count, cycles.admitted, cycles.refused), (1, 6, 8));
        // What comes back faster and faster is what was spent so before.
        assert!(!of("++--+---------+-------+-----+--+-+-+-++-++-++-++-++-++-").cycles.unwrap().are_even());
    }

    #[test]
    fn what_was_not_seen_is_missing() {
        assert_eq!(of("++++").first, None);
        assert_eq!(of("++++").tail, 4);
        let found = of("+++---");
        assert_eq!((found.longest_run, found.cycles, found.tail), (None, None, 0));
        assert_eq!(of("+++---+++").cycles, None);
        assert_eq!(of(""), Pattern::default());
        assert_eq!(of("++---+").refused_for, Span::from_secs(2));
    }
}
