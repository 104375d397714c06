//! What stands of all hypotheses: replays of the log, and the search for figures with which they come out as it did.
//!
//! A replay follows what really happened: an admitted request is charged whether the hypothesis would have admitted it or not. So
//! it yields, for each request, what the capacity would have to be at least (admitted) or below (refused), and the best
//! capacity is found by sorting instead of searching. The loss of a hypothesis is the number of answers that no
//! capacity explains. Figures are searched from coarse to fine, with as much tolerance as the grid is wide.

mod replay;
mod search;
#[cfg(test)]
mod tests;

use floodline_core::retry::Dimension as Named;

use super::cost::{Charge, Events, Kind};
use super::log::Log;
use super::model::{Shape, State};
use search::search;

/// A limiter that may be the one.
#[derive(Clone, Debug)]
pub(super) struct Hypothesis {
    pub(super) charge: Charge,
    /// Whether refusals count.
    pub(super) refusals: bool,
    pub(super) shape: Shape,
    /// The best capacity, and those that come out the same: at least the lower, and below the upper.
    pub(super) capacity: f64,
    pub(super) range: (f64, f64),
    /// The scales of the shape that come out as well.
    pub(super) scales: (f64, f64),
    /// How many answers it does not explain, and a little for being unusual.
    pub(super) loss: f64,
}

/// Which kinds of shape there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Bucket,
    Leaky,
    Fixed,
    FirstHit,
    Sliding,
    Counter,
}

/// A kind of hypothesis, without its figures.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sort {
    family: Family,
    charge: Charge,
    refusals: bool,
}

/// A kind of hypothesis that is not given up.
#[derive(Clone, Debug)]
struct Alive {
    sort: Sort,
    /// The loss of the last look, which says in which order to look next.
    loss: f64,
    /// The shapes that the last look has found.
    known: Vec<Shape>,
}

/// All hypotheses that stand.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    named: Option<Named>,
    alive: Vec<Alive>,
    pub(super) best: Vec<Hypothesis>,
    /// How long the log was when all of them were looked at.
    surveyed: usize,
}

/// How much worse than the best a hypothesis may be and still stand.
const MARGIN: f64 = 1.5;
/// And be looked at again when more is known.
const KEPT: f64 = 4.0;
/// Where even the best is as bad as this, the truth is among what was given up.
const LOST: f64 = 3.0;
/// By how much the log has to be longer for another look at all of them.
const LONGER: f64 = 1.25;

impl Fit {
    /// Those that count what the refusals name; all, if they name nothing.
    pub(super) fn of(named: Option<Named>) -> Fit {
        Fit { named, alive: all(named), best: Vec::new(), surveyed: 0 }
    }

    /// The first look, at what is quickly looked at: ways to charge with which not even that comes near are given up.
    fn survey(&mut self, log: &Log, window: Option<f64>) {
        const QUICK: [Family; 3] = [Family::Bucket, Family::Sliding, Family::FirstHit];
        const FAR: f64 = 6.0;
        let asked = Charge::all().into_iter();
        let asked = asked.filter(|charge| self.alive.iter().any(|alive| alive.sort.charge == *charge));
        let charges = asked.map(|charge| {
            let events = charge.events(log, 0);
            let losses = QUICK
                .into_iter()
                .flat_map(|family| [false, true].map(|refusals| Sort { family, charge, refusals }))
                .filter(|sort| self.alive.iter().any(|alive| alive.sort == *sort))
                .flat_map(|sort| search(&events, sort, window, -1.0, (&[], 0.0)))
                .map(|found| found.loss);
            (charge, losses.fold(f64::INFINITY, f64::min))
        });
        let charges = charges.collect::<Vec<_>>();
        let lowest = charges.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min);
        let near =
            |charge: &Charge| charges.iter().any(|(other, loss)| other == charge && *loss <= lowest + FAR);
        self.alive.retain(|alive| near(&alive.sort.charge));
        self.surveyed = log.lines.len();
    }

    /// Looks at the log again. Hypotheses that are far behind are given up, until nothing else explains the log either.
    pub(super) fn update(&mut self, log: &Log, window: Option<f64>) {
        if self.surveyed == 0 {
            self.survey(log, window);
        }
        let lowest = self.look(log, window);
        if lowest >= LOST && log.lines.len() as f64 > LONGER * self.surveyed as f64 {
            self.alive = all(self.named);
            self.survey(log, window);
            self.look(log, window);
        }
    }

    /// Looks at those that are not given up, and returns the lowest loss.
    fn look(&mut self, log: &Log, window: Option<f64>) -> f64 {
        let mut best: Vec<Hypothesis> = Vec::new();
        let mut events: Vec<(Charge, Events)> = Vec::new();
        let mut lowest = f64::INFINITY;
        self.alive.sort_by(|one, other| one.loss.total_cmp(&other.loss));
        for Alive { sort, loss, known } in &mut self.alive {
            // It takes long to look at, and is needed only where nothing plainer explains what was seen.
            if sort.family == Family::Counter && lowest < 0.9 {
                continue;
            }
            let index = match events.iter().position(|(other, _)| *other == sort.charge) {
                Some(index) => index,
                None => {
                    events.push((sort.charge, sort.charge.events(log, 0)));
                    events.len() - 1
                }
            };
            let Some((_, events)) = events.get(index) else { continue };
            let found = search(events, *sort, window, lowest + MARGIN, (known, *loss));
            if let Some(least) = found.iter().map(|found| found.loss).reduce(f64::min) {
                lowest = lowest.min(least);
                *loss = least;
            }
            *known = found.iter().filter(|found| found.scales.0 > 0.0).map(|found| found.shape).collect();
            best.extend(found);
        }
        best.sort_by(|one, other| one.loss.total_cmp(&other.loss));
        best.retain(|hypothesis| hypothesis.loss <= lowest + MARGIN);
        self.best = best;
        self.alive.retain(|alive| alive.loss <= lowest + KEPT);
        lowest
    }

    /// The best of all.
    pub(super) fn first(&self) -> Option<&Hypothesis> {
        self.best.first()
    }
}

/// All kinds there are that count what is named; all, if nothing is.
fn all(named: Option<Named>) -> Vec<Alive> {
    let families =
        [Family::Bucket, Family::Sliding, Family::FirstHit, Family::Leaky, Family::Fixed, Family::Counter];
    let mut alive = Vec::new();
    let mut add = |family, charge, refusals| {
        alive.push(Alive { sort: Sort { family, charge, refusals }, loss: 0.0, known: Vec::new() });
    };
    for family in families {
        for charge in Charge::all() {
            let tokens = charge.dimension.is_tokens();
            if family == Family::Leaky && !tokens {
                continue;
            }
            add(family, charge, false);
            // A window that is full of requests cannot be fuller.
            let same = matches!(family, Family::Fixed | Family::FirstHit) && !tokens;
            if family != Family::Leaky && !same {
                add(family, charge, true);
            }
        }
    }
    alive.retain(|alive| named.is_none_or(|named| alive.sort.charge.is_named(named)));
    alive
}

impl Hypothesis {
    pub(super) fn family(&self) -> Family {
        match self.shape {
            Shape::Bucket { .. } => Family::Bucket,
            Shape::Leaky { .. } => Family::Leaky,
            Shape::Fixed { .. } => Family::Fixed,
            Shape::FirstHit { .. } => Family::FirstHit,
            Shape::Sliding { .. } => Family::Sliding,
            Shape::Counter { .. } => Family::Counter,
        }
    }

    /// Where it stands after the log.
    pub(super) fn state(&self, log: &Log) -> State {
        self.state_before(log, f64::INFINITY)
    }

    /// Where it stood before a moment.
    pub(super) fn state_before(&self, log: &Log, moment: f64) -> State {
        let events = self.charge.events(log, 0);
        let mut state = State::new(self.shape);
        for event in events.list.iter().take_while(|event| event.at < moment) {
            follow(&mut state, event.at, event.kind, self.refusals, self.capacity);
        }
        state
    }

    /// The same with another scale.
    pub(super) fn scaled(&self, scale: f64) -> Hypothesis {
        Hypothesis { shape: with_scale(self.shape, scale), ..self.clone() }
    }
}

fn with_scale(shape: Shape, scale: f64) -> Shape {
    match shape {
        Shape::Bucket { .. } => Shape::Bucket { rate: scale },
        Shape::Leaky { .. } => Shape::Leaky { rate: scale },
        Shape::Fixed { boundary, .. } => Shape::Fixed { window: scale, boundary },
        Shape::FirstHit { .. } => Shape::FirstHit { window: scale },
        Shape::Sliding { .. } => Shape::Sliding { window: scale },
        Shape::Counter { boundary, .. } => Shape::Counter { window: scale, boundary },
    }
}

fn follow(state: &mut State, at: f64, kind: Kind, refusals: bool, capacity: f64) {
    match kind {
        Kind::Request { charged, admitted: true, .. } => state.charge(at, charged),
        Kind::Request { charged, .. } if refusals && charged > 0.0 => state.fill(at, charged, capacity),
        Kind::Request { .. } => {}
        Kind::Settle { from, more } => state.settle(at, from, more),
    }
}
