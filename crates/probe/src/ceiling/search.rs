//! Which load is tried next: a function of what was asked and of all trials so far.
//!
//! Loads are told apart by their votes. A trial that passed only on the way up, or whose limiter had its allowance left,
//! has no vote for passing: such a pass is a hint, and is tried again where the answer lies near. Every failure votes. A
//! trial that is invalid says nothing of the target and has no vote either; a load that twice could not be judged is out of
//! reach: nothing above it is tried, and what is found below it is no ceiling of the target.

use floodline_core::Span;
use floodline_core::ceiling::{Bound, By, Depth, Tried, Verdict};
use floodline_core::retry::Dimension;

use super::Question;
use super::question::rounded;
use super::refusals::Limiter;
use super::trial::{Told, Trial};

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    pub(super) question: Question,
    pub(super) told: Vec<Told>,
}

/// A load with its votes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    pub(super) load: f64,
    pub(super) passed: u32,
    pub(super) failed: u32,
    /// Trials that could not be judged.
    invalid: u32,
    /// Passes without a vote.
    pub(super) hinted: u32,
}

/// A load at which a limiter's ways are to be learned.
#[derive(Clone, Copy, Debug)]
struct ToLearn {
    load: f64,
    /// However far beyond the limit it is.
    to_its_end: bool,
}

/// Trials of one load, at most: the third decides between two.
const VOTES: u32 = 3;
/// A load that could not be judged so often is not tried again.
const IN_VAIN: u32 = 2;
/// A search does not start above this rate unless it is told to.
const MODEST_START: f64 = 20.0;
/// Below this share of where it started, a load that fails is the end of the search.
const BOTTOM: f64 = 1.0 / 1024.0;

impl Search {
    /// A search that has tried nothing yet.
    pub fn new(question: Question) -> Search {
        Search { question, told: Vec::new() }
    }

    /// What was asked.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// What was tried so far.
    pub fn all_tried(&self) -> impl DoubleEndedIterator<Item = &Tried> {
        self.told.iter().map(|told| &told.tried)
    }

    /// Takes in what a trial told.
    pub fn record(&mut self, told: Told) {
        self.told.push(told);
    }

    /// The highest load that passes so far, and the lowest that does not.
    pub fn bracket(&self) -> (Option<f64>, Option<f64>) {
        let levels = self.levels();
        let high = levels.iter().find(|level| level.ends()).map(|level| level.load);
        let under = |level: &&Level| high.is_none_or(|high| level.load < high);
        let low = levels.iter().rev().filter(under).find(|level| level.passes() || level.hinted > 0);
        (low.map(|level| level.load), high)
    }

    /// The next trial; none once the search is over.
    pub fn next(&self) -> Option<Trial> {
        if self.told.len() >= self.question.most_trials as usize {
            return None;
        }
        let (load, depth) = match self.scout() {
            None if self.wants_scout() => (1.0, Depth::Scout),
            Some(scout)
                if matches!(scout.bound, Some(Bound::Generator { .. }))
                    && self.told.len() < IN_VAIN as usize =>
            {
                (1.0, Depth::Scout)
            }
            Some(scout) if scout.verdict != Verdict::Passed => return None,
            _ => self.load()?,
        };
        let by = if depth == Depth::Scout { By::Users } else { self.question.by };
        let limiter = self.limiter().filter(|_| depth != Depth::Scout);
        let to_learn = self.to_learn();
        Some(Trial {
            number: self.told.len() as u32 + 1,
            by,
            load,
            depth,
            flood: limiter.map(|limiter| limiter.flood),
            clean: limiter.and_then(|limiter| limiter.run),
            memory: limiter.map_or(Span::ZERO, |limiter| limiter.memory),
            even: limiter.is_some_and(|limiter| limiter.evens_out),
            unloaded: self.fastest().filter(|_| depth != Depth::Scout),
            learn: limiter.is_none(),
            leave: to_learn.is_none_or(|to_learn| !to_learn.to_its_end),
            to_the_end: to_learn.is_some()
                || self.levels().iter().any(|level| level.load == load && level.passed + level.failed > 0),
            rest: self.rest(),
        })
    }

    fn wants_scout(&self) -> bool {
        self.question.from.is_none() && self.question.by == By::Rate
    }

    /// The scout; where the first could not be judged, the second.
    pub(super) fn scout(&self) -> Option<&Tried> {
        self.all_tried().take_while(|tried| tried.depth == Depth::Scout).last()
    }

    /// Where the search starts.
    fn start(&self) -> f64 {
        let pace = self.scout().and_then(|scout| scout.ok_per_s).filter(|pace| *pace > 0.0);
        let start = match (self.question.from, self.question.by) {
            (Some(from), _) => from,
            (None, By::Users) => 1.0,
            (None, By::Rate) => pace.unwrap_or(1.0).min(MODEST_START),
        };
        self.round(self.question.to.map_or(start, |to| start.min(to)))
    }

    fn round(&self, load: f64) -> f64 {
        rounded(self.question.by, load)
    }

    fn load(&self) -> Option<(f64, Depth)> {
        let levels = self.levels();
        // A generator that gave out once may have been disturbed; nothing is built on that before it does again.
        if let Some(doubtful) = levels.iter().find(|level| level.is_doubtful()) {
            return Some((doubtful.load, Depth::Full));
        }
        if let Some(ToLearn { load, .. }) = self.to_learn() {
            return Some((load, Depth::Full));
        }
        let Some(high) = levels.iter().find(|level| level.ends()) else { return self.upwards(&levels) };
        let below: Vec<&Level> = levels.iter().filter(|level| level.load < high.load).collect();
        let Some(low) = below.iter().rev().find(|level| level.passes()) else {
            return self.downwards(high, &below).map(|load| (load, Depth::Full));
        };
        let between = |load: f64| load > low.load && load < high.load;
        // One that two trials disagree about.
        if let Some(open) = below.iter().find(|level| level.load > low.load && level.is_open()) {
            return Some((open.load, Depth::Full));
        }
        if self.is_wide(low.load, high.load) {
            let guess =
                self.guesses().find(|guess| between(*guess) && !levels.iter().any(|l| l.load == *guess));
            let middle = self.round((low.load * high.load).sqrt());
            let load = guess.unwrap_or(middle);
            return between(load).then_some((load, Depth::Full));
        }
        let again = |level: &Level, votes: u32| votes < 2 && level.has_a_vote_left();
        if again(low, low.passed) {
            return Some((low.load, Depth::Full));
        }
        again(high, high.failed).then_some((high.load, Depth::Full))
    }

    /// Where a limiter was met at loads far beyond it only, one at which its ways can be learned: below those that were left, and
    /// above those that an allowance let through. Where there is none between, the lowest that was left, to its end.
    fn to_learn(&self) -> Option<ToLearn> {
        if self.limiter().is_some() {
            return None;
        }
        let left = self.told.iter().filter(|told| told.shown.forgotten_in.is_some());
        let lowest = left.min_by(|a, b| a.tried.load.total_cmp(&b.tried.load))?;
        let high = lowest.tried.load;
        let own = || self.all_tried().filter(|tried| tried.by == self.question.by);
        let through =
            own().filter(|t| t.verdict == Verdict::Passed && t.depth == Depth::Full && t.load < high);
        let load = match through.map(|tried| tried.load).max_by(f64::total_cmp) {
            Some(low) => self.round((low * high).sqrt()),
            None => self.round(lowest.shown.capacity.unwrap_or(high / 5.0)),
        };
        if load < high && own().all(|tried| tried.load != load) {
            return Some(ToLearn { load, to_its_end: false });
        }
        let again = own().filter(|tried| tried.load == high).count() < 2;
        again.then_some(ToLearn { load: high, to_its_end: true })
    }

    fn is_wide(&self, low: f64, high: f64) -> bool {
        match self.question.by {
            By::Rate => high > low * (1.0 + self.question.resolution) * 1.000_1,
            By::Users => high - low > (low * self.question.resolution).max(1.0),
        }
    }

    /// Nothing has failed yet.
    fn upwards(&self, levels: &[Level]) -> Option<(f64, Depth)> {
        let Some(top) = levels.last() else { return Some((self.start(), self.depth_at(self.start()))) };
        let end = self.question.to.map(|to| self.round(to));
        match end {
            Some(end) if top.load >= end => {
                // Nothing failed up to the maximum: that is confirmed like any other answer.
                (top.passed < 2 && top.has_a_vote_left()).then_some((top.load, Depth::Full))
            }
            _ => {
                let next = self.round((top.load * 2.0).min(end.unwrap_or(f64::INFINITY)));
                Some((next, self.depth_at(next)))
            }
        }
    }

    fn depth_at(&self, load: f64) -> Depth {
        match self.question.to {
            Some(to) if load >= self.round(to) => Depth::Full,
            _ => Depth::Glance,
        }
    }

    /// Everything that was tried failed, or passed without a vote.
    fn downwards(&self, high: &Level, below: &[&Level]) -> Option<f64> {
        let guess = self.guesses().find(|guess| *guess < high.load && below.iter().all(|l| l.load != *guess));
        let hint = below.iter().rev().find(|level| level.hinted > 0).map(|level| level.load);
        // A guess from what went through says more than a hint, which may be the doing of an allowance.
        let open = below.iter().rev().find(|level| level.is_open()).map(|level| level.load);
        let half = self.round(high.load / 2.0);
        let load = open.or(guess).or(hint).unwrap_or(half);
        let bottom = if self.question.by == By::Users { 1.0 } else { self.start() * BOTTOM };
        (load < high.load && load >= bottom).then_some(load)
    }

    /// Loads on both sides of what went through where it was too much.
    fn guesses(&self) -> impl Iterator<Item = f64> + '_ {
        let of = |Told { tried, shown }: &Told| {
            let found = shown.capacity.filter(|capacity| *capacity > 0.0);
            found.filter(|_| tried.by == self.question.by && self.question.by == By::Rate)
        };
        let capacity = self.told.iter().rev().find_map(of);
        let half = 1.0 + self.question.resolution * 0.45;
        capacity.into_iter().flat_map(move |at| [self.round(at / half), self.round(at * half)])
    }

    /// Every load that was tried, from the lowest.
    pub(super) fn levels(&self) -> Vec<Level> {
        let mut levels: Vec<Level> = Vec::new();
        for tried in self.all_tried().filter(|t| t.depth != Depth::Scout && t.verdict != Verdict::Cut) {
            let at = levels.partition_point(|level| level.load < tried.load);
            if levels.get(at).is_none_or(|level| level.load != tried.load) {
                levels.insert(at, Level { load: tried.load, ..Level::default() });
            }
            let level = &mut levels[at];
            match tried.verdict {
                Verdict::Passed if self.votes(tried) => level.passed += 1,
                Verdict::Passed => level.hinted += 1,
                Verdict::Failed => level.failed += 1,
                Verdict::Invalid => level.invalid += 1,
                Verdict::Cut => {}
            }
        }
        levels
    }

    /// Whether a pass is one in spite of everything that is known now.
    fn votes(&self, tried: &Tried) -> bool {
        tried.depth == Depth::Full && (tried.flooded || self.limiter().is_none())
    }

    /// What is known of the limiter, if one was met.
    pub(super) fn limiter(&self) -> Option<Limiter> {
        let met = |Told { tried, shown }: &&Told| {
            let by_limit = matches!(tried.bound, Some(Bound::Limit { .. }));
            let learned = shown.until_refused.is_some() && shown.forgotten_in.is_none();
            by_limit && !tried.flooded && tried.by == self.question.by && learned
        };
        let Told { tried: first, shown } = self.told.iter().find(met)?;
        let until = shown.until_refused.unwrap_or(Span::ZERO);
        let run = self
            .told
            .iter()
            .filter(|told| told.tried.verdict == Verdict::Failed)
            .filter_map(|told| told.shown.run)
            .max();
        // Of places for so many at once, those that are refused at first are free again within one answer's time; what comes
        // back more slowly is an allowance.
        let answer = first.latency.p50.unwrap_or(0.0) / 1e3;
        let after = (first.seconds - until.as_secs_f64()).max(1e-3);
        let came_back = first.ok.saturating_sub(shown.admitted_first) as f64 / after * answer;
        let evens_out = match first.bound {
            Some(Bound::Limit { dimension: Some(dimension), .. }) => dimension != Dimension::Concurrency,
            _ => came_back < (0.5 * shown.admitted_first as f64).max(1.5),
        };
        let length = Span(until.0 + until.0 / 5) + Span::from_millis(500);
        let memory = self.told.iter().filter(|told| !told.tried.flooded).map(|told| told.shown.memory).max();
        let memory = memory.unwrap_or(Span::ZERO);
        Some(Limiter { flood: (first.load, length), run, memory, evens_out })
    }

    /// How long a target that was driven too far is left alone.
    fn rest(&self) -> Span {
        // A limiter shows its ways to who comes with all of its allowance.
        if self.to_learn().is_some() {
            return self.told.iter().filter_map(|told| told.shown.forgotten_in).max().unwrap_or(Span::ZERO);
        }
        let piled =
            |tried: &Tried| matches!(tried.bound, Some(Bound::Backlog { .. } | Bound::Objective { .. }));
        if !self.all_tried().next_back().is_some_and(piled) {
            return Span::ZERO;
        }
        let rest = Span(self.fastest().unwrap_or(Span::ZERO).0.saturating_mul(4));
        rest.clamp(Span::from_millis(500), Span::from_secs(10))
    }

    /// The median latency of the trial that was answered fastest.
    fn fastest(&self) -> Option<Span> {
        let medians = self.all_tried().filter_map(|tried| tried.latency.p50);
        medians.min_by(f64::total_cmp).map(|ms| Span((ms * 1e6) as u64))
    }
}

impl Level {
    /// Most of its votes are for passing.
    pub(super) fn passes(&self) -> bool {
        self.passed > self.failed
    }

    /// Most of its votes are against it.
    pub(super) fn fails(&self) -> bool {
        self.failed > self.passed
    }

    /// It could not be judged, as often as it is tried for that.
    pub(super) fn is_out_of_reach(&self) -> bool {
        self.passed == self.failed && self.invalid >= IN_VAIN
    }

    /// It bounds the search from above.
    pub(super) fn ends(&self) -> bool {
        self.fails() || self.is_out_of_reach()
    }

    /// All that is known of it is one trial that could not be judged.
    fn is_doubtful(&self) -> bool {
        self.invalid == 1 && self.failed == 0 && self.passed == 0
    }

    /// Its votes are even, and there is one left to decide.
    fn is_open(&self) -> bool {
        self.passed == self.failed && self.passed > 0 && self.has_a_vote_left()
    }

    fn has_a_vote_left(&self) -> bool {
        self.passed + self.failed < VOTES && self.invalid < IN_VAIN
    }
}
