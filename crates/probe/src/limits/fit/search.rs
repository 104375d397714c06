//! The search for the figures of a hypothesis: from coarse to fine, with as much tolerance as the grid is wide.

use floodline_core::limits::{Dimension, Precharge, Settlement};

use super::replay::{Score, Tolerance, brackets, filled, score, smallest};
use super::{Family, Hypothesis, MARGIN, Sort, with_scale};
use crate::limits::cost::Events;
use crate::limits::model::Shape;

/// The width of the coarsest grid of scales, in logarithms.
const COARSE: f64 = 0.05;
/// Scales that are nearer to each other than this, in logarithms, are the same.
const TWIN: f64 = 0.02;
/// The shortest time that is looked for, in seconds.
const LEAST: f64 = 0.03;

/// A bucket that is full again within this many times what moments are uncertain by explains whatever one sees,
const UNSEEN: f64 = 3.0;
/// and so nothing: as if it had missed so many answers.
const VACUOUS: f64 = 100.0;

/// The best figures for a kind of hypothesis, and others that are as good: a window and its parts often are, until they
/// have been told apart. Nothing where the log says too little; and where even the most generous look finds more than
/// `most` answers that are not explained, no more than that look. The search begins at the shapes in `known`, if they are
/// nearly as good as they were, with a loss of `before`.
pub(super) fn search(
    events: &Events,
    sort: Sort,
    window: Option<f64>,
    most: f64,
    (known, before): (&[Shape], f64),
) -> Vec<Hypothesis> {
    let Some(mut search) = Search::new(events, sort, window) else { return Vec::new() };
    search.most = most;
    let near = search.near(known, before);
    let found = match near {
        Some(found) => Some(found),
        None => search.wide(most),
    };
    found.unwrap_or_default()
}

struct Search<'e> {
    events: &'e Events,
    sort: Sort,
    window: Option<f64>,
    /// What was charged until the first refusal.
    filled: f64,
    first: f64,
    last: f64,
    /// With more answers than this that are not explained it is not worth a closer look.
    most: f64,
    buffer: Vec<(f64, bool)>,
}

/// Where a search goes on: a shape, by how much its windows may begin elsewhere, and the width of the grid.
type Seed = (Shape, f64, f64);

impl<'e> Search<'e> {
    fn new(events: &'e Events, sort: Sort, window: Option<f64>) -> Option<Search<'e>> {
        let (first, last) = (events.list.first()?.at, events.list.last()?.at);
        let buffer = Vec::with_capacity(events.list.len());
        Some(Search {
            events,
            sort,
            window,
            filled: filled(events)?,
            first,
            last,
            most: f64::INFINITY,
            buffer,
        })
    }

    /// Around what is known; nothing if that does not explain the log any more.
    fn near(&mut self, known: &[Shape], before: f64) -> Option<Vec<Hypothesis>> {
        const WORSE: f64 = 1.2;
        let slack = self.events.slack;
        let width = COARSE / 4.0;
        let judged = known.iter().map(|shape| (*shape, self.judge(*shape, width))).collect::<Vec<_>>();
        let least = judged.iter().min_by(|(_, one), (_, other)| one.misses.total_cmp(&other.misses))?;
        if least.1.misses > self.most && least.1.misses < before + WORSE {
            let scale = least.0.scale();
            return Some(vec![self.hypothesis(least.0, &least.1, (scale, scale))]);
        }
        let worth = least.1.misses + MARGIN;
        let seeds = judged.iter().filter(|(_, score)| score.misses <= worth);
        let seeds = seeds.map(|(shape, _)| (*shape, 2.0 * slack, width)).collect::<Vec<Seed>>();
        let found = self.refined(seeds, 1)?;
        (found.iter().any(|found| found.loss < before + WORSE)).then_some(found)
    }

    /// Over the whole range.
    fn wide(&mut self, most: f64) -> Option<Vec<Hypothesis>> {
        let mut seeds = self.coarse();
        // Of windows that explain as much the longest is the simplest.
        seeds.sort_by(|one, other| one.0.total_cmp(&other.0).then(other.1.scale().total_cmp(&one.1.scale())));
        let (lowest, shape, _) = *seeds.first()?;
        if lowest > most {
            let Sort { charge, refusals, .. } = self.sort;
            return Some(vec![Hypothesis {
                charge,
                refusals,
                shape,
                capacity: self.filled,
                range: (self.filled, self.filled),
                scales: (0.0, f64::INFINITY),
                loss: lowest,
            }]);
        }
        // Seeds that lie side by side are one: each is looked at more closely.
        let mut chosen: Vec<Seed> = Vec::new();
        for (misses, shape, width) in seeds {
            let near = |other: &Seed| (other.0.scale() / shape.scale()).ln().abs() < 2.5 * COARSE;
            if misses > lowest + 2.0 || chosen.len() >= 5 {
                break;
            }
            if !chosen.iter().any(near) {
                chosen.push((shape, width, COARSE));
            }
        }
        self.refined(chosen, 0)
    }

    /// Misses over the whole range, with the shapes and by how much their windows may begin elsewhere. Places at which a
    /// window may begin are those between a refusal and an admission.
    fn coarse(&mut self) -> Vec<(f64, Shape, f64)> {
        let longest = (self.last - self.first).max(1.0) * 2.0;
        let lengths = grid(LEAST, longest).chain(self.window).collect::<Vec<_>>();
        // Down to a rate at which nothing has come back yet.
        let slowest = longest * (self.filled / smallest(self.events)).max(4.0);
        let rates = grid(LEAST, slowest).map(|time| self.filled / time);
        let mut shapes: Vec<(Shape, f64)> = Vec::new();
        match self.sort.family {
            Family::Bucket => shapes.extend(rates.map(|rate| (Shape::Bucket { rate }, 0.0))),
            Family::Leaky => shapes.extend(rates.map(|rate| (Shape::Leaky { rate }, 0.0))),
            Family::FirstHit => {
                shapes.extend(lengths.iter().map(|&window| (Shape::FirstHit { window }, 0.0)))
            }
            Family::Sliding => shapes.extend(lengths.iter().map(|&window| (Shape::Sliding { window }, 0.0))),
            Family::Fixed => {
                let wide =
                    brackets(self.events).into_iter().filter(|(from, to)| to - from > self.events.slack);
                for (from, to) in wide.take(2) {
                    for &window in lengths.iter().filter(|window| **window > (to - from) * 0.5) {
                        for part in [0.5, 1.5, 2.5] {
                            let boundary = from + (to - from) * part / 3.0;
                            shapes.push((Shape::Fixed { window, boundary }, (to - from) / 3.0));
                        }
                    }
                }
            }
            Family::Counter => {
                for window in lengths {
                    for part in 0..10 {
                        let boundary = self.first + window * f64::from(part) / 10.0;
                        shapes.push((Shape::Counter { window, boundary }, window / 10.0));
                    }
                }
            }
        }
        shapes.into_iter().map(|(shape, width)| (self.judge(shape, COARSE).misses, shape, width)).collect()
    }

    /// Looks at each of these more and more closely, from a round on, and returns those that explain the most.
    fn refined(&mut self, seeds: Vec<Seed>, from: usize) -> Option<Vec<Hypothesis>> {
        let mut found = Vec::new();
        for seed in seeds {
            found.push(self.closely(seed, from)?);
        }
        let fewest = found.iter().map(|(_, score, _)| score.misses).fold(f64::INFINITY, f64::min);
        let first = found.iter().find(|(_, score, _)| score.misses <= fewest).map(|(shape, ..)| *shape);
        for seed in first.map(|shape| self.aliases(shape, fewest + MARGIN)).unwrap_or_default() {
            found.push(self.closely(seed, 2)?);
        }
        found.sort_by(|one, other| one.1.misses.total_cmp(&other.1.misses));
        let fewest = found.first()?.1.misses;
        let mut all: Vec<Hypothesis> = Vec::new();
        for (shape, score, scales) in found {
            let twin = |other: &Hypothesis| (other.shape.scale() / shape.scale()).ln().abs() < TWIN;
            if score.misses <= fewest + MARGIN && !all.iter().any(twin) {
                all.push(self.hypothesis(shape, &score, scales));
            }
        }
        Some(all)
    }

    /// Windows of which a few more or fewer lie between the boundary and the last moment that is known to be one: as long as
    /// nobody looked in between, they explain as much.
    fn aliases(&mut self, shape: Shape, most: f64) -> Vec<Seed> {
        const AROUND: i32 = 4;
        const NARROW: f64 = 0.15;
        let Shape::Fixed { window, boundary } = shape else { return Vec::new() };
        let narrow = brackets(self.events).into_iter().filter(|(from, to)| to - from < NARROW * window);
        let Some(last) = narrow.map(|(from, to)| (from + to) / 2.0).reduce(f64::max) else {
            return Vec::new();
        };
        let between = ((last - boundary) / window).round();
        let others = (-AROUND..=AROUND).filter(|more| *more != 0).map(|more| between + f64::from(more));
        let mut seeds = Vec::new();
        for windows in others.filter(|windows| *windows >= 1.0 && between >= 2.0) {
            let other = window * between / windows;
            let shape = Shape::Fixed { window: other, boundary };
            let step = 0.1 / windows;
            if other > LEAST && self.judge(shape, step).misses <= most {
                seeds.push((shape, 2.0 * self.events.slack, step));
            }
        }
        seeds
    }

    /// Narrows a shape down, and says which scales come out as well.
    fn closely(
        &mut self,
        (mut shape, mut width, mut step): Seed,
        from: usize,
    ) -> Option<(Shape, Score, (f64, f64))> {
        const ROUNDS: usize = 4;
        /// How many answers more a corner may explain.
        const CORNER: f64 = 2.0;
        let mut range = (shape.scale(), shape.scale());
        for round in from..ROUNDS {
            let fine = step / 4.0;
            let tolerance = if round + 1 == ROUNDS { 0.0 } else { fine };
            let places: &[f64] = if has_places(shape) { &[-0.6, -0.3, 0.0, 0.3, 0.6] } else { &[0.0] };
            let scales = (-5..=5).map(|i| shape.scale() * (f64::from(i) * fine).exp());
            let tried =
                scales.flat_map(|scale| places.iter().map(move |place| moved(shape, scale, place * width)));
            let (good, _) = self.best_of(tried.collect(), tolerance);
            range = scales_of(&good);
            shape = middle(&good, fine, width)?;
            // While all that was tried comes out the same there is nothing to narrow.
            step = ((range.1 / range.0).ln() / 2.0 + fine).clamp(fine, step);
            width *= 0.6;
        }
        let mut score = self.judge(shape, 0.0);
        if score.misses > 0.0 && score.misses <= self.most + CORNER {
            // What is right may lie in a corner: with as much of a step as the clock allows, once more around.
            let slack = self.events.slack;
            let (step, place) = (slack / (self.last - self.first).max(shape.scale()), slack / 2.0);
            let places = if has_places(shape) { -6..=6 } else { 0..=0 };
            let scales = (-8..=8).map(|i| shape.scale() * (1.0 + f64::from(i) * step));
            let tried = scales
                .flat_map(|scale| places.clone().map(move |j| moved(shape, scale, f64::from(j) * place)))
                .collect();
            let (good, fewest) = self.best_of(tried, 0.0);
            if fewest < score.misses {
                range = scales_of(&good);
                shape = middle(&good, step, place)?;
                score = self.judge(shape, 0.0);
            }
        }
        Some((shape, score, range))
    }

    /// Those of the shapes that explain the most, and how many answers even they do not explain.
    fn best_of(&mut self, shapes: Vec<Shape>, tolerance: f64) -> (Vec<Shape>, f64) {
        let judged = shapes.into_iter().map(|shape| (self.judge(shape, tolerance).misses, shape));
        let judged = judged.collect::<Vec<_>>();
        let fewest = judged.iter().map(|(misses, _)| *misses).fold(f64::INFINITY, f64::min);
        let good = judged.into_iter().filter(|(misses, _)| *misses <= fewest).map(|(_, shape)| shape);
        (good.collect(), fewest)
    }

    /// Replays the log, with as much tolerance as a grid of this width needs.
    fn judge(&mut self, shape: Shape, width: f64) -> Score {
        let anchor = match shape {
            Shape::Fixed { boundary, .. } | Shape::Counter { boundary, .. } => boundary,
            _ => 0.0,
        };
        let tolerance = Tolerance { time: self.events.slack, drift: width * 0.6, anchor };
        let mut score = score(self.events, shape, self.sort.refusals, tolerance, &mut self.buffer);
        if shape.is_level() && score.high < shape.scale() * UNSEEN * self.events.slack {
            score.misses += VACUOUS;
        }
        score
    }

    fn hypothesis(&self, shape: Shape, score: &Score, scales: (f64, f64)) -> Hypothesis {
        let Sort { charge, refusals, .. } = self.sort;
        let whole = charge.dimension == Dimension::Requests;
        let capacity = match score.high {
            _ if whole => Some(score.low.ceil()).filter(|whole| *whole < score.high).unwrap_or(score.low),
            high if high.is_finite() => (score.low + high) / 2.0,
            _ => score.low,
        };
        // Nobody's bucket holds a request and a half.
        let broken = if whole && score.low.ceil() >= score.high { 1.0 } else { 0.0 };
        let level = shape.is_level();
        let unexpected = match self.window.filter(|_| !level) {
            // A part of what was said is a window as well; a longer one was said not to be.
            Some(window) if shape.scale() > 1.06 * window => 2.0,
            Some(window) if shape.scale() < 0.95 * window => 0.3,
            _ => 0.0,
        };
        // Many short windows explain nearly everything that a few long ones do.
        let windows = ((self.last - self.first) / shape.scale()).max(1.0);
        let split = if level { 0.0 } else { 0.04 * (1.0 - 1.0 / windows) };
        let loss = score.misses + unusual(self.sort) + broken + unexpected + split;
        Hypothesis { charge, refusals, shape, capacity, range: (score.low, score.high), scales, loss }
    }
}

/// Times from one to another, in seconds, as far apart as the coarsest grid is wide.
fn grid(from: f64, to: f64) -> impl Iterator<Item = f64> {
    let steps = ((to / from).ln() / COARSE).ceil().max(1.0) as usize;
    (0..=steps).map(move |i| from * (i as f64 * COARSE).exp())
}

fn has_places(shape: Shape) -> bool {
    matches!(shape, Shape::Fixed { .. } | Shape::Counter { .. })
}

fn scales_of(shapes: &[Shape]) -> (f64, f64) {
    shapes.iter().fold((f64::INFINITY, 0.0f64), |(least, most), shape| {
        (least.min(shape.scale()), most.max(shape.scale()))
    })
}

/// The same shape with another scale, and windows that begin elsewhere.
fn moved(shape: Shape, scale: f64, by: f64) -> Shape {
    match with_scale(shape, scale) {
        Shape::Fixed { window, boundary } => Shape::Fixed { window, boundary: boundary + by },
        Shape::Counter { window, boundary } => Shape::Counter { window, boundary: boundary + by },
        other => other,
    }
}

/// The one that lies nearest to the middle of all, with a scale and a place as units.
fn middle(shapes: &[Shape], scale: f64, place: f64) -> Option<Shape> {
    let at = |shape: &Shape| match *shape {
        Shape::Fixed { window, boundary } | Shape::Counter { window, boundary } => {
            (window.ln() / scale, boundary / place)
        }
        _ => (shape.scale().ln() / scale, 0.0),
    };
    let n = shapes.len() as f64;
    let sum = shapes.iter().map(at).fold((0.0, 0.0), |sum, at| (sum.0 + at.0, sum.1 + at.1));
    let mean = (sum.0 / n, sum.1 / n);
    let distance = |shape: &Shape| (at(shape).0 - mean.0).powi(2) + (at(shape).1 - mean.1).powi(2);
    shapes.iter().copied().min_by(|one, other| distance(one).total_cmp(&distance(other)))
}

/// How unusual a hypothesis is: what decides between those that explain the same.
fn unusual(Sort { family, charge, refusals }: Sort) -> f64 {
    let family = match family {
        Family::Bucket | Family::Fixed => 0.0,
        Family::Sliding => 0.01,
        Family::FirstHit => 0.05,
        Family::Leaky | Family::Counter => 0.3,
    };
    let dimension = match charge.dimension {
        Dimension::Requests | Dimension::Concurrency => 0.0,
        Dimension::Tokens => 0.01,
        Dimension::InputTokens | Dimension::OutputTokens => 0.02,
    };
    let settlement = match (charge.settlement, charge.precharge) {
        (Settlement::Refund, _) => 0.02,
        (Settlement::Both, Precharge::MaxTokens | Precharge::MaxOfPromptAndMaxTokens) => 0.03,
        (Settlement::None | Settlement::Both, _) => 0.0,
    };
    family + dimension + settlement + if refusals { 0.2 } else { 0.0 }
}
