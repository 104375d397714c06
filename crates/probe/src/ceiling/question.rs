//! What is asked: the highest load of which kind, under which objectives, how finely, and at what expense.

use floodline_core::ceiling::By;
use floodline_core::objective::{Bound, Flow, Measure, Objective, Share, Tally};
use floodline_core::{Outcome, Rate, Span};

/// What a search is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What loads are counted in.
    pub by: By,
    /// The unit of loads in files.
    pub unit: &'static str,
    /// Where to start, in requests a second or users; without it, at the pace of a single user.
    pub from: Option<f64>,
    /// What not to go beyond.
    pub to: Option<f64>,
    /// The objectives that a load has to meet; see [`Question::completed`].
    pub objectives: Vec<Objective>,
    /// By how much the lowest load that fails may exceed the highest that passes, as a fraction of it.
    pub resolution: f64,
    /// The shortest trial.
    pub shortest: Span,
    /// The longest trial that nothing but statistics keeps going. A limiter's window may take longer.
    pub longest: Span,
    /// The most trials.
    pub most_trials: u32,
    /// What the load has to be; headroom is told against it.
    pub need: Option<f64>,
}

/// A load as it can be sent: whole users, rates of four digits.
pub(super) fn rounded(by: By, load: f64) -> f64 {
    match by {
        By::Users => load.round().clamp(1.0, f64::from(u32::MAX)),
        By::Rate => {
            let load = load.clamp(1e-4, 1e9);
            let step = libm::pow(10.0, libm::floor(libm::log10(load)) - 3.0);
            // Whole ten-thousandths, so that it is a rate exactly.
            ((load / step).round() * step * 1e4).round().max(1.0) / 1e4
        }
    }
}

/// A rounded load as a rate.
pub(super) fn rate_of(load: f64) -> Rate {
    const PARTS: u64 = 10_000;
    let count = (load * PARTS as f64).round().clamp(1.0, 1e15) as u64;
    let (mut a, mut b) = (count, PARTS);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    Rate { count: count / a, per: Span::from_secs(PARTS / a) }
}

impl Question {
    /// A question with every choice at its default.
    pub fn new(by: By, objectives: Vec<Objective>) -> Question {
        Question {
            by,
            unit: by.unit(),
            from: None,
            to: None,
            objectives,
            resolution: 0.03,
            shortest: Span::from_secs(5),
            longest: Span::from_secs(30),
            most_trials: 40,
            need: None,
        }
    }

    /// The same with what has to be added so that it makes sense, and with what makes none taken out.
    ///
    /// Where no objective speaks of errors, goodput or an outcome, at most 1 % of requests may end in one: latencies are
    /// those of answers, and a target that refuses everything has none that is too long. An objective that only a high
    /// load can meet, such as `requests_per_s > 20`, is no part of the question how high the load may be.
    pub fn completed(mut self) -> (Question, Completed) {
        let floors = |objective: &Objective| {
            matches!(
                objective.measure,
                Measure::Throughput(Flow::Requests | Flow::OutputTokens | Flow::Events)
            ) && !objective.op.wants_small()
        };
        let (left_out, kept): (Vec<Objective>, Vec<Objective>) =
            self.objectives.into_iter().partition(floors);
        self.objectives = kept;
        let bounds_errors = |objective: &Objective| match objective.measure {
            Measure::Errors(_) | Measure::Goodput => true,
            Measure::Outcome(outcome, _) => outcome != Outcome::Ok || !objective.op.wants_small(),
            _ => false,
        };
        let assumed = match self.objectives.iter().any(bounds_errors) {
            true => None,
            false => errors_below_one_percent(),
        };
        self.objectives.extend(assumed.clone());
        (self, Completed { assumed, left_out })
    }
}

/// What was added to a question and what was taken out of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completed {
    /// The objective that was added.
    pub assumed: Option<Objective>,
    /// Those that do not bound the load from above.
    pub left_out: Vec<Objective>,
}

fn errors_below_one_percent() -> Option<Objective> {
    let objective = Objective::parse("errors rate < 1%", None).ok()?;
    debug_assert!(matches!(
        (objective.measure, objective.bound),
        (Measure::Errors(Tally::Rate), Bound::Share(Share { .. }))
    ));
    Some(objective)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_whole_users_or_exact_rates() {
        assert_eq!(rounded(By::Users, 0.2), 1.0);
        assert_eq!(rounded(By::Users, 17.5), 18.0);
        for (load, expected) in
            [(8.333_333, 8.333), (123_456.0, 123_500.0), (0.012_345, 0.0123), (0.0, 0.0001)]
        {
            assert_eq!(rounded(By::Rate, load), expected);
            assert_eq!(rate_of(expected).as_per_second(), expected);
        }
        assert_eq!(rate_of(20.0), Rate::per_second(20));
    }

    #[test]
    fn errors_are_bounded_where_nothing_else_does_so_and_floors_are_left_out() {
        let question = |texts: &[&str]| {
            let objectives = texts.iter().map(|text| Objective::parse(text, None).unwrap());
            Question::new(By::Rate, objectives.collect()).completed()
        };
        let texts =
            |question: &Question| question.objectives.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (asked, completed) = question(&["ttft p95 < 500ms", "requests_per_s > 20"]);
        assert_eq!(texts(&asked), ["ttft p95 < 500ms", "errors rate < 1%"]);
        assert!(completed.assumed.is_some() && completed.left_out.len() == 1);
        for text in ["errors rate < 5%", "goodput > 90%", "rate_limited rate < 2%", "errors count < 5"] {
            assert_eq!(question(&[text]).1, Completed::default(), "{text}");
        }
    }
}
