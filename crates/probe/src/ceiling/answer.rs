//! The answer of a search, from everything that was tried.

use floodline_core::ceiling::{Bound, Ceiling, Disagreement, FORMAT, Headroom, Status, Tried, Verdict};
use floodline_core::{Span, Usd};

use super::knee::knee;
use super::question::Completed;
use super::search::{Level, Search};

/// What ended a search before it had its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A limit, in words.
    Limit(String),
    /// A trial that could not be made, and why.
    Failure(String),
    /// A person.
    Person,
}

impl Search {
    /// The answer, of a search that is over or was `cut`, and took so long.
    pub fn answer(&self, completed: &Completed, cut: Option<Cut>, took: Span) -> Ceiling {
        let levels = self.levels();
        let high = levels.iter().find(|level| level.ends());
        let under = |level: &&Level| high.is_none_or(|high| level.load < high.load);
        let low = levels.iter().rev().filter(under).find(|level| level.passes());
        let undisputed_low =
            levels.iter().rev().filter(under).find(|level| level.passes() && level.failed == 0);
        let undisputed_high = levels.iter().find(|level| level.fails() && level.passed == 0);
        let scout = self.scout().filter(|scout| scout.verdict != Verdict::Passed);
        let bound_by = match high {
            Some(high) => self.bound_at(high.load),
            None => scout.and_then(|scout| scout.bound.clone()),
        };
        let is_invalid = matches!(bound_by, Some(Bound::Generator { .. } | Bound::Silence { .. }));
        let out_of_trials = self.next_ignoring_number().is_some();
        let trials = self.question.most_trials;
        let stopped = match &cut {
            Some(Cut::Limit(why) | Cut::Failure(why)) => Some(why.clone()),
            Some(Cut::Person) => Some("somebody interrupted it".into()),
            None if out_of_trials => Some(format!("it had made {trials} trials")),
            None => None,
        };
        let status = match (&cut, stopped.is_some(), high, low) {
            (Some(Cut::Person), ..) => Status::Interrupted,
            (_, true, ..) => Status::Stopped,
            (..) if is_invalid => Status::Invalid,
            (_, _, _, None) => Status::Nothing,
            (_, _, Some(_), Some(_)) => Status::Found,
            (_, _, None, Some(_)) => Status::Unbounded,
        };
        let value = low.map(|level| level.load);
        let spent: Option<Usd> = self.all_tried().filter_map(|t| t.spent_usd).reduce(|a, b| a + b);
        let mut curve: Vec<Tried> = self.all_tried().filter(|t| t.by == self.question.by).cloned().collect();
        curve.sort_by(|a, b| a.load.total_cmp(&b.load));
        Ceiling {
            format: FORMAT.into(),
            status,
            unit: self.question.unit.into(),
            value,
            interval: (undisputed_low.map(|l| l.load), undisputed_high.map(|l| l.load)),
            bound_by,
            stopped,
            confirmed: low.is_some_and(|l| l.passed >= 2)
                && high.is_none_or(|h| h.failed >= 2 || h.is_out_of_reach()),
            resolution: self.question.resolution,
            objectives: self.question.objectives.iter().map(ToString::to_string).collect(),
            assumed: completed.assumed.as_ref().map(ToString::to_string),
            left_out: completed.left_out.iter().map(ToString::to_string).collect(),
            headroom: self
                .question
                .need
                .zip(value.or((status == Status::Nothing).then_some(0.0)))
                // How much the target holds beyond what could be judged, nobody knows.
                .filter(|_| status != Status::Invalid)
                .map(|(need, value)| Headroom { need, times: value / need, met: value >= need }),
            // Where it was the generator that bent the curve, it says nothing of the target.
            knee: knee(&curve, value.unwrap_or(f64::INFINITY)).filter(|_| !is_invalid),
            disagreements: levels
                .iter()
                .filter(|level| level.passed > 0 && level.failed > 0)
                .map(|level| Disagreement { load: level.load, passed: level.passed, failed: level.failed })
                .collect(),
            longest_trial_s: self.all_tried().map(|tried| tried.seconds).fold(0.0, f64::max),
            spent_usd: spent,
            took_s: took.as_secs_f64(),
            trials: self.all_tried().cloned().collect(),
        }
    }

    /// What kept a load from passing: by the target if one trial says so, else by the generator.
    fn bound_at(&self, load: f64) -> Option<Bound> {
        let failed = |verdict: Verdict| {
            let at = move |tried: &&Tried| tried.load == load && tried.verdict == verdict;
            self.all_tried().filter(|t| t.by == self.question.by).rev().find(at).and_then(|t| t.bound.clone())
        };
        failed(Verdict::Failed).or_else(|| failed(Verdict::Invalid))
    }

    fn next_ignoring_number(&self) -> Option<super::Trial> {
        let mut question = self.question.clone();
        question.most_trials = u32::MAX;
        Search { question, told: self.told.clone() }.next()
    }
}
