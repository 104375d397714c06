//! What is counted of a run's requests so that its objectives can be judged.
//!
//! An objective about the whole main phase reads the fold's own distributions; others keep what they need and no more.
//! One over windows keeps a few numbers per window: whether a percentile meets a bound is known from how many values
//! lie below it, so no window needs a histogram.

use std::ops::Range;

use super::{Flow, Measure, Objective, Op, Statistic, Tally};
use crate::distribution::Distribution;
use crate::journey::{Journey, JourneyEnd};
use crate::metric::{Metric, Sections};
use crate::objective::value::ONE;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::record::Record;
use crate::time::{Moment, Span};

/// The objectives of a plan, and what was counted for each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Watched {
    pub(crate) each: Vec<Gathered>,
}

/// An objective, and what was counted for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gathered {
    pub(crate) objective: Objective,
    pub(crate) source: Source,
}

/// What is counted for one objective.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// Nothing: the fold's own figures have it.
    Fold,
    /// Every value.
    Values(Box<Values>),
    /// Requests that are told apart by yes or no: how many there are, and how many are yes.
    Tally { n: u64, hits: u64 },
    /// What went through in each second.
    Flow(Flows),
    /// A cell for each window.
    Windows(Windows),
}

/// Values in the steps of their kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Values {
    pub(crate) steps: Distribution,
    /// The same by sections of answers, where one answer has several.
    pub(crate) sections: Sections,
    /// Their sum and ends in atoms, exact.
    pub(crate) exact: Cell,
}

/// What went through, second by second of the run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Flows {
    pub(crate) seconds: Vec<u64>,
    pub(crate) total: u64,
    /// The first sending and the last byte.
    pub(crate) on_the_wire: Option<(Moment, Moment)>,
}

/// Windows side by side from the start of the phase.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Windows {
    pub(crate) origin: Moment,
    pub(crate) length: Span,
    pub(crate) cells: Vec<Cell>,
    /// The first sending and the last byte.
    pub(crate) on_the_wire: Option<(Moment, Moment)>,
}

/// A few numbers about some values, from which every statistic but the percentiles follows, and of those whether they
/// meet the one bound that they are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) n: u64,
    /// Values below the bound.
    below: u64,
    /// Values up to the bound.
    up_to: u64,
    pub(crate) sum: u128,
    pub(crate) low: u128,
    pub(crate) high: u128,
    /// Whether a value was due here and did not come.
    pub(crate) owed: bool,
}

impl Default for Cell {
    fn default() -> Cell {
        Cell { n: 0, below: 0, up_to: 0, sum: 0, low: u128::MAX, high: 0, owed: false }
    }
}

/// More windows than this are not told apart: what is later belongs to the last.
const MOST_WINDOWS: usize = 1_000_000;

impl Watched {
    /// The objectives of a plan, with nothing counted yet.
    pub(crate) fn of(plan: &Plan) -> Watched {
        let gathered = |objective: &Objective| Gathered {
            objective: objective.clone(),
            source: Source::of(objective, plan),
        };
        Watched { each: plan.objectives.iter().map(gathered).collect() }
    }

    /// Counts a request; `good` is whether it counts into goodput.
    pub(crate) fn record(&mut self, record: &Record, good: Option<bool>) {
        for Gathered { objective, source } in &mut self.each {
            if objective.phase() == record.phase && objective.is_about(record) {
                source.record(objective, record, good);
            }
        }
    }

    /// Counts a journey.
    pub(crate) fn journey(&mut self, journey: &Journey) {
        for Gathered { objective, source } in &mut self.each {
            if objective.phase() == journey.phase && objective.is_about_journey(journey) {
                source.journey(objective, journey);
            }
        }
    }
}

impl Source {
    fn of(objective: &Objective, plan: &Plan) -> Source {
        if let Some(length) = objective.over {
            let origin = start(objective, plan);
            return Source::Windows(Windows { origin, length, cells: Vec::new(), on_the_wire: None });
        }
        let whole = objective.phase() == crate::Phase::Main && objective.scope.is_none();
        match objective.measure {
            Measure::Time(..) if whole => Source::Fold,
            Measure::Time(..)
            | Measure::Cost(_)
            | Measure::InputTokens(_)
            | Measure::OutputTokens(_)
            | Measure::Journey(_) => Source::Values(Box::default()),
            Measure::Errors(_) | Measure::Outcome(..) | Measure::Goodput | Measure::Journeys(..) => {
                Source::Tally { n: 0, hits: 0 }
            }
            Measure::Throughput(_) => Source::Flow(Flows::default()),
        }
    }

    fn record(&mut self, objective: &Objective, record: &Record, good: Option<bool>) {
        let (measure, bound) = (objective.measure, objective.bound.atoms());
        match self {
            Source::Fold => {}
            Source::Values(values) => each(measure, record, good, |_, atoms| {
                let steps = values.take(measure, atoms, bound);
                if matches!(measure, Measure::Time(Metric::Gap, _)) {
                    values.sections.record(record.i, steps);
                }
            }),
            Source::Tally { n, hits } => each(measure, record, good, |_, atoms| {
                *n += 1;
                *hits += u64::from(atoms > 0);
            }),
            Source::Flow(flows) => {
                flows.on_the_wire = widened(flows.on_the_wire, record);
                each(measure, record, good, |at, atoms| flows.take(at, (atoms / u128::from(ONE)) as u64));
            }
            Source::Windows(windows) => {
                windows.on_the_wire = widened(windows.on_the_wire, record);
                let mut given = false;
                each(measure, record, good, |at, atoms| {
                    given = true;
                    windows.at(at).take(atoms, bound);
                });
                windows.mark_owed(measure, record, given);
            }
        }
    }

    fn journey(&mut self, objective: &Objective, journey: &Journey) {
        let (measure, bound) = (objective.measure, objective.bound.atoms());
        match self {
            // These are of requests.
            Source::Fold | Source::Flow(_) => {}
            Source::Values(values) => each_of_journey(measure, journey, |_, atoms| {
                values.take(measure, atoms, bound);
            }),
            Source::Tally { n, hits } => each_of_journey(measure, journey, |_, atoms| {
                *n += 1;
                *hits += u64::from(atoms > 0);
            }),
            Source::Windows(windows) => {
                let mut given = !measure.is_of_journeys() || journey.end == JourneyEnd::Cut;
                each_of_journey(measure, journey, |at, atoms| {
                    given = true;
                    windows.at(at).take(atoms, bound);
                });
                // How long a journey takes is its user's business too, so none is due at any time; but one that failed
                // in a window is no window without journeys.
                if !given {
                    windows.at(journey.ended).owed = true;
                }
            }
        }
    }
}

/// When the phase that an objective is about starts: that of its scenario, or the first of all.
fn start(objective: &Objective, plan: &Plan) -> Moment {
    let in_scope = |name: &str| match &objective.scope {
        Some(scope) if scope.dimension == super::Dimension::Scenario => scope.name == name,
        _ => true,
    };
    let scenarios = plan.scenarios.iter().filter(|scenario| in_scope(&scenario.name));
    scenarios.filter_map(|scenario| scenario.start_of(objective.phase())).min().unwrap_or(Moment::START)
}

/// From the first sending of any attempt to the last byte, with one more request.
pub(crate) fn widened(known: Option<(Moment, Moment)>, r: &Record) -> Option<(Moment, Moment)> {
    let Some(sent) = r.first_sent() else { return known };
    // Where no answer began, `last` is when somebody lost patience: no byte, and no throughput.
    let last = r.last.filter(|_| r.status.is_some()).or(r.sent).unwrap_or(sent);
    let (first_sent, last_byte) = known.unwrap_or((sent, last));
    Some((first_sent.min(sent), last_byte.max(last)))
}

#[cfg(test)]
#[test]
fn the_time_on_the_wire_begins_with_the_first_attempt() {
    use crate::record::{Attempt, AttemptEnd};
    use crate::schedule::Phase;
    let refused =
        Attempt::new(Some(Moment(10)), Moment(20), AttemptEnd::Outcome(Outcome::RateLimited), Some(429));
    let answered = Attempt::new(Some(Moment(90)), Moment(100), AttemptEnd::Outcome(Outcome::Ok), Some(200));
    let mut record = Record::planned(0, Phase::Main, String::new(), Moment(5));
    record.attempts = vec![refused, answered];
    (record.sent, record.last, record.status) = (Some(Moment(90)), Some(Moment(100)), Some(200));
    assert_eq!(widened(None, &record), Some((Moment(10), Moment(100))));
}

/// Whether a request was sent, or would have been had it not failed before: what shares of outcomes are of.
fn is_tried(r: &Record) -> bool {
    r.sent.is_some() || r.outcome.is_error()
}

/// Every value of a request in atoms, with the instant at which it arose.
pub(crate) fn each(measure: Measure, r: &Record, good: Option<bool>, mut take: impl FnMut(Moment, u128)) {
    let end = r.over().unwrap_or(r.scheduled);
    let tokens = |n: u32| u128::from(n) * u128::from(ONE);
    match measure {
        Measure::Time(metric, _) => metric.each(r, |at, span| take(at, span.0.into())),
        Measure::Errors(_) if is_tried(r) => take(end, r.outcome.is_error().into()),
        Measure::Outcome(outcome, _) if is_tried(r) || outcome == Outcome::NotSent => {
            take(end, (r.outcome == outcome).into());
        }
        Measure::Errors(_) | Measure::Outcome(..) => {}
        Measure::Goodput => good.into_iter().for_each(|good| take(end, good.into())),
        Measure::Cost(_) => r.cost.into_iter().for_each(|usd| take(end, usd.atoms())),
        Measure::InputTokens(_) => r.input_tokens.into_iter().for_each(|n| take(end, tokens(n))),
        Measure::OutputTokens(_) => r.output_tokens.into_iter().for_each(|n| take(end, tokens(n))),
        Measure::Journeys(..) | Measure::Journey(_) => {}
        Measure::Throughput(Flow::Requests) if r.outcome == Outcome::Ok => take(end, tokens(1)),
        Measure::Throughput(Flow::Requests) => {}
        Measure::Throughput(Flow::OutputTokens) => {
            r.output_tokens.into_iter().for_each(|n| take(end, tokens(n)));
        }
        Measure::Throughput(Flow::Events) => {
            r.arrivals.iter().for_each(|arrival| take(arrival.at, tokens(arrival.events)));
        }
    }
}

/// The value of a journey in atoms, if it has one, with the instant at which it was known.
pub(crate) fn each_of_journey(measure: Measure, j: &Journey, mut take: impl FnMut(Moment, u128)) {
    match measure {
        Measure::Journey(_) if j.end == JourneyEnd::Completed => {
            take(j.ended, j.ended.since(j.scheduled).0.into());
        }
        // Of a journey that the run cut short nobody knows how it would have ended.
        Measure::Journeys(asked, _) if j.end != JourneyEnd::Cut || asked == JourneyEnd::Cut => {
            take(j.ended, (j.end == asked).into());
        }
        _ => {}
    }
}

impl Values {
    /// Counts a value, and gives it in the steps of its kind.
    fn take(&mut self, measure: Measure, atoms: u128, bound: u128) -> Span {
        let steps = atoms.div_ceil(measure.kind().atoms_per_step());
        let steps = Span(u64::try_from(steps).unwrap_or(u64::MAX));
        self.exact.take(atoms, bound);
        self.steps.record(steps);
        steps
    }
}

impl Flows {
    fn take(&mut self, at: Moment, n: u64) {
        self.total += n;
        let second = usize::try_from(at.0 / Span::from_secs(1).0).unwrap_or(usize::MAX);
        if second < MOST_WINDOWS {
            if self.seconds.len() <= second {
                self.seconds.resize(second + 1, 0);
            }
            self.seconds[second] += n;
        }
    }
}

impl Windows {
    /// The window that an instant falls in; what comes before the phase belongs to its first.
    fn index(&self, at: Moment) -> usize {
        let index = at.since(self.origin).0 / self.length.0.max(1);
        usize::try_from(index).unwrap_or(usize::MAX).min(MOST_WINDOWS - 1)
    }

    fn at(&mut self, at: Moment) -> &mut Cell {
        let index = self.index(at);
        self.cell(index)
    }

    fn cell(&mut self, index: usize) -> &mut Cell {
        if self.cells.len() <= index {
            self.cells.resize(index + 1, Cell::default());
        }
        &mut self.cells[index]
    }

    /// Windows that lie wholly between two instants.
    fn within(&self, from: Moment, to: Moment) -> Range<usize> {
        let start = |index: usize| self.origin + Span(self.length.0.saturating_mul(index as u64));
        let first = self.index(from);
        let first = if start(first) < from { first + 1 } else { first };
        first..self.index(to)
    }

    /// The windows from that of the first sending to the last that was over before the last byte.
    pub(crate) fn filled(&self) -> Range<usize> {
        self.on_the_wire.map_or(0..0, |(first, last)| self.index(first)..self.index(last))
    }

    /// Marks the windows in which a value was due and did not come: those through the whole of which the request kept
    /// one waiting, and that in which it failed without having given any.
    fn mark_owed(&mut self, measure: Measure, r: &Record, given: bool) {
        let end = r.over().unwrap_or(r.scheduled);
        let failed = r.outcome.is_error() && !given;
        match measure {
            // What is measured of the generator or the network, and what is counted, is due at no time.
            Measure::Time(Metric::Connect | Metric::Held | Metric::Late | Metric::Lag | Metric::Hook, _)
            | Measure::Throughput(_)
            | Measure::Journeys(..)
            | Measure::Journey(_) => return,
            Measure::Time(Metric::Gap, _) => {
                let mut previous = r.arrivals.first();
                for arrival in r.arrivals.iter() {
                    if let Some(previous) = previous.replace(arrival.at)
                        && arrival.at.since(previous) >= self.length
                    {
                        self.owe(previous, arrival.at);
                    }
                }
                if let Some(last) = previous.filter(|_| r.outcome != Outcome::Ok) {
                    self.owe(last, end);
                }
            }
            Measure::Time(Metric::Ttft | Metric::TtftFromSchedule, _) => {
                self.owe(r.scheduled, r.first_token.unwrap_or(end));
            }
            Measure::Time(Metric::FirstContent, _) => {
                self.owe(r.scheduled, r.first_content.unwrap_or(end));
            }
            Measure::Time(
                Metric::MaxGap | Metric::Tpot | Metric::Latency | Metric::LatencyFromSchedule,
                _,
            )
            | Measure::Errors(_)
            | Measure::Outcome(..)
            | Measure::Goodput
            | Measure::Cost(_)
            | Measure::InputTokens(_)
            | Measure::OutputTokens(_) => self.owe(r.scheduled, end),
        }
        if failed {
            self.at(end).owed = true;
        }
    }

    fn owe(&mut self, from: Moment, to: Moment) {
        for index in self.within(from, to) {
            self.cell(index).owed = true;
        }
    }
}

impl Cell {
    /// Counts a value, which is to be compared with `bound`.
    pub(crate) fn take(&mut self, atoms: u128, bound: u128) {
        self.n += 1;
        self.below += u64::from(atoms < bound);
        self.up_to += u64::from(atoms <= bound);
        self.sum = self.sum.saturating_add(atoms);
        self.low = self.low.min(atoms);
        self.high = self.high.max(atoms);
    }

    /// Adds what another has counted.
    pub(crate) fn merge(&mut self, other: &Cell) {
        self.n += other.n;
        self.below += other.below;
        self.up_to += other.up_to;
        self.sum = self.sum.saturating_add(other.sum);
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.owed |= other.owed;
    }

    /// How many of the values compare so with the bound.
    pub(crate) fn that(&self, op: Op) -> u64 {
        match op {
            Op::Below => self.below,
            Op::AtMost => self.up_to,
            Op::Above => self.n - self.up_to,
            Op::AtLeast => self.n - self.below,
            Op::Equal => self.up_to - self.below,
        }
    }

    /// Whether they meet the objective, taken as all there is; none without a value. Throughput is not judged here.
    pub(crate) fn meets(&self, objective: &Objective) -> Option<bool> {
        let (op, bound) = (objective.op, objective.bound.atoms());
        if self.n == 0 {
            return None;
        }
        let n = u128::from(self.n);
        // A mean compared without dividing.
        let mean = |scale: u128| op.holds(self.sum.saturating_mul(scale), bound.saturating_mul(n));
        let whole = u128::from(super::value::WHOLE);
        let statistic = match objective.measure {
            Measure::Errors(Tally::Rate)
            | Measure::Outcome(_, Tally::Rate)
            | Measure::Journeys(_, Tally::Rate)
            | Measure::Goodput => return Some(mean(whole)),
            Measure::Errors(Tally::Count)
            | Measure::Outcome(_, Tally::Count)
            | Measure::Journeys(_, Tally::Count) => {
                return Some(op.holds(self.sum.saturating_mul(ONE.into()), bound));
            }
            Measure::Throughput(_) => return None,
            Measure::Time(_, statistic)
            | Measure::Journey(statistic)
            | Measure::Cost(statistic)
            | Measure::InputTokens(statistic)
            | Measure::OutputTokens(statistic) => statistic,
        };
        Some(match statistic {
            Statistic::Percentile(q) => {
                let rank = q.rank(self.n);
                // The value at the rank is below the bound when that many are.
                match op {
                    Op::Below => self.below >= rank,
                    Op::AtMost => self.up_to >= rank,
                    Op::Above => self.up_to < rank,
                    Op::AtLeast => self.below < rank,
                    Op::Equal => self.below < rank && rank <= self.up_to,
                }
            }
            Statistic::Mean => mean(1),
            Statistic::Min => op.holds(self.low, bound),
            Statistic::Max => op.holds(self.high, bound),
            Statistic::Count => op.holds(n.saturating_mul(ONE.into()), bound),
            Statistic::Total => op.holds(self.sum, bound),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
