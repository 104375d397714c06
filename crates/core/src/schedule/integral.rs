//! What a schedule comes to before it is drawn: the expected number of arrivals up to any instant.
//!
//! Read from the same layout as the arrivals, so that plan and run cannot differ.

use super::course::{Course, Leg};
use super::shape::{Phase, Stage};
use crate::time::{Moment, Span};

/// How many sections at each end of a stage are looked at for the busiest window.
const MOST_SECTIONS: u128 = 2_000;

/// The integral of the rate over all stages: the expected number of arrivals.
#[derive(Clone, Debug)]
pub struct Integral(Course);

impl Integral {
    /// The integral of these stages.
    ///
    /// # Errors
    /// The same as those of [`Schedule::new`](super::Schedule::new).
    pub fn new(stages: &[Stage]) -> Result<Integral, String> {
        Ok(Integral(Course::new(stages)?))
    }

    /// Expected arrivals from the start to `at`.
    pub fn at(&self, at: Moment) -> f64 {
        let next = self.0.legs.partition_point(|leg| leg.start <= at);
        let Some(leg) = next.checked_sub(1).and_then(|i| self.0.legs.get(i)) else { return 0.0 };
        let ticks = u128::from(at.since(leg.start).0) * leg.ticks;
        self.0.one.as_f64(leg.begins + leg.integral(ticks.min(leg.length)))
    }

    /// Expected arrivals of all stages; none if the last one has no end.
    pub fn total(&self) -> Option<f64> {
        let last = self.0.legs.last().map_or(0.0, |last| self.0.one.as_f64(last.ends));
        (!self.0.open).then_some(last)
    }

    /// Expected arrivals of one phase; none if its last stage has no end.
    pub fn of_phase(&self, phase: Phase) -> Option<f64> {
        let open = self.0.open && self.0.legs.last().is_some_and(|last| last.phase == phase);
        let legs = self.0.legs.iter().filter(|leg| leg.phase == phase);
        (!open).then(|| legs.map(|leg| self.0.one.as_f64(leg.ends - leg.begins)).sum())
    }

    /// The most expected arrivals in any window of this length.
    ///
    /// Off by less than a millionth of it, as long as no stage has more than 4,000 parts (a part is a step, a burst, a
    /// pause between two, or a line between two points of a day): of longer ones, the first and the last 2,000 are
    /// looked at.
    pub fn busiest(&self, window: Span) -> f64 {
        let within = |at: u64| self.at(Moment(at) + window) - self.at(Moment(at));
        let mut edges: Vec<u64> = self
            .edges()
            .into_iter()
            .flat_map(|edge| [edge, edge.saturating_sub(window.0), edge.saturating_add(1)])
            .collect();
        edges.sort_unstable();
        edges.dedup();
        // Between two edges both ends of the window move along one curve each, and the count has at most one hump.
        let humps = edges.windows(2).map(|pair| hump(pair[0], pair[1], within));
        edges.iter().map(|&edge| within(edge)).chain(humps).fold(0.0, f64::max)
    }

    /// The instants at which the rate turns, jumps, or starts another curve.
    fn edges(&self) -> Vec<u64> {
        let mut edges = vec![0];
        for leg in &self.0.legs {
            edges.extend(leg_edges(leg).map(|at| leg.start.0.saturating_add(at)));
        }
        edges
    }
}

/// The edges of one stage, in nanoseconds from its start.
fn leg_edges(leg: &Leg) -> impl Iterator<Item = u64> {
    let per_cycle = leg.sections.len() as u128;
    let cycles = (leg.offset + leg.length).checked_div(leg.cycle).unwrap_or(0) + 1;
    let sections = per_cycle * cycles;
    let first = 0..sections.min(MOST_SECTIONS);
    let last = sections.saturating_sub(MOST_SECTIONS).max(first.end)..sections;
    let inner = first.chain(last).filter_map(move |i| {
        let section = leg.sections.get((i % per_cycle) as usize)?;
        let at = (i / per_cycle * leg.cycle + section.start).checked_sub(leg.offset)?;
        u64::try_from(at.min(leg.length) / leg.ticks).ok()
    });
    inner.chain([0, u64::try_from(leg.length / leg.ticks).unwrap_or(u64::MAX)])
}

/// The highest value of `count` between two instants, if it has one hump there at most: by thirds.
fn hump(mut low: u64, mut high: u64, count: impl Fn(u64) -> f64) -> f64 {
    // The ends of the range are looked at by the caller; a hump as narrow as a microsecond adds nothing.
    let mut best = 0.0;
    while high - low > 1_000 {
        let third = (high - low) / 3;
        let (left, right) = (low + third, high - third);
        let (of_left, of_right) = (count(left), count(right));
        best = f64::max(best, f64::max(of_left, of_right));
        if of_left < of_right { low = left } else { high = right }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Rate;
    use crate::schedule::{Again, Curve, DayCurve, Shape, Spread};

    fn stage(shape: Shape) -> Stage {
        Stage { shape, spread: Spread::Constant, phase: Phase::Main }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-6 * b.abs().max(1.0)
    }

    #[test]
    fn a_ramp_adds_up_like_a_triangle() {
        let (from, to, length) = (Rate::NONE, Rate::per_second(100), Span::from_secs(100));
        let ramp = Shape::Ramp { from, to, length, curve: Curve::Linear };
        let mut stages = vec![stage(ramp), Stage::hold(to, Some(Span::from_secs(10)))];
        stages[1].phase = Phase::Cooldown;
        let integral = Integral::new(&stages).unwrap();
        assert_eq!(integral.total(), Some(6000.0));
        assert_eq!(integral.of_phase(Phase::Main), Some(5000.0));
        assert_eq!(integral.of_phase(Phase::Cooldown), Some(1000.0));
        assert!(close(integral.at(Moment(50_000_000_000)), 1250.0));
        assert!(close(integral.busiest(Span::from_secs(20)), 1950.0));
        assert!(close(integral.busiest(Span::from_secs(1000)), 6000.0));
    }

    #[test]
    fn an_open_hold_has_no_total() {
        let mut stages = vec![Stage::hold(Rate::per_second(2), Some(Span::from_secs(5)))];
        stages[0].phase = Phase::Warmup;
        stages.push(Stage::hold(Rate::per_second(7), None));
        let integral = Integral::new(&stages).unwrap();
        assert_eq!((integral.total(), integral.of_phase(Phase::Main)), (None, None));
        assert_eq!(integral.of_phase(Phase::Warmup), Some(10.0));
        assert!(close(integral.busiest(Span::from_secs(60)), 420.0));
        assert!(close(integral.at(Moment(15_000_000_000)), 80.0));
    }

    #[test]
    fn the_busiest_window_is_found_at_humps_too() {
        let spike =
            Shape::Spike { base: Rate::NONE, peak: Rate::per_second(100), length: Span::from_secs(20) };
        let integral = Integral::new(&[stage(spike)]).unwrap();
        // Around the peak: 100 · 2 − 2 · (10 · 1² / 2).
        assert!(
            close(integral.busiest(Span::from_secs(2)), 190.0),
            "{}",
            integral.busiest(Span::from_secs(2))
        );
        let day = Shape::Diurnal {
            curve: DayCurve::Sine {
                low: Rate::NONE,
                high: Rate::per_second(10),
                peak_at: Span::from_secs(43_200),
            },
            day: Span::from_secs(600),
            start: Span::ZERO,
            length: Span::from_secs(6000),
        };
        let integral = Integral::new(&[stage(day)]).unwrap();
        // 5 · 60 + 5 · 600 / 2π · 2 sin(2π · 30 / 600)
        let expected = 300.0 + 3000.0 / std::f64::consts::PI * libm::sin(std::f64::consts::PI / 10.0);
        assert!(close(integral.busiest(Span::from_secs(60)), expected));
        assert_eq!(integral.total(), Some(30_000.0));
    }

    #[test]
    fn a_million_bursts_are_not_counted_one_by_one() {
        let burst = Shape::Burst {
            rate: Rate::per_second(1000),
            length: Span::from_millis(10),
            again: Some(Again { every: Span::from_secs(1), base: Rate::per_second(1), times: 1_000_000 }),
        };
        let integral = Integral::new(&[stage(burst)]).unwrap();
        assert!(close(integral.total().unwrap(), 10_990_000.0));
        assert!(close(integral.busiest(Span::from_secs(1)), 10.99));
        assert!(close(integral.busiest(Span::from_millis(1010)), 20.99));
    }
}
