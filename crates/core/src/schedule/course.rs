//! Stages laid out one after the other in a common unit: where each starts, and what the integral is there.

use ethnum::U256;

use super::draft::{Draft, TOO_FINE};
use super::fraction::lcm;
use super::rise::Rise;
use super::shape::{Phase, Spread, Stage};
use super::unit::{Arrivals, Units, bits};
use crate::time::{Moment, Span};

/// How many bits an arrival's units have at least, where something is rounded to them.
const FINE_BITS: u32 = 100;

/// The stages of a schedule, ready to be walked.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) one: Arrivals,
    pub(super) legs: Vec<Leg>,
    /// Whether arrival k is where the integral is k, and stage ends are excluded; else k + 1, and they are included.
    pub(super) at_once: bool,
    /// Whether the last stage goes on until the run ends otherwise.
    pub(super) open: bool,
}

/// One stage, laid out.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub(super) start: Moment,
    /// The integral at its start and at its end.
    pub(super) begins: Units,
    pub(super) ends: Units,
    pub(super) spread: Spread,
    pub(super) phase: Phase,
    /// Ticks to the nanosecond, and its inverse.
    pub(super) ticks: u128,
    pub(super) per_tick: f64,
    /// What follows one another, over and over; empty only if the stage takes no time.
    pub(super) sections: Vec<Section>,
    /// How long the sections take, and what they add up to.
    pub(super) cycle: u128,
    pub(super) total: Units,
    /// How far into the sections the stage starts, and how many ticks it takes.
    pub(super) offset: u128,
    pub(super) length: u128,
    /// Nanoseconds from one arrival to the next, if there is one rate all along.
    pub(super) even_gap: Option<f64>,
}

/// A rise or a fall in its place.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// When it starts, in ticks of the cycle.
    pub(super) start: u128,
    /// The integral of the sections before it.
    before: Units,
    pub(super) rise: Rise,
    /// Whether the rise is passed backwards.
    pub(super) falls: bool,
}

impl Course {
    /// Lays out `stages`.
    ///
    /// # Errors
    /// When a stage is impossible, or the rates have no common unit that fits.
    pub(super) fn new(stages: &[Stage]) -> Result<Course, String> {
        let mut starts = Vec::with_capacity(stages.len());
        let mut drafts = Vec::with_capacity(stages.len());
        let mut start: u64 = 0;
        for (i, stage) in stages.iter().enumerate() {
            if stage.length().is_none() && i + 1 < stages.len() {
                return Err("only the last stage can go on without an end: give this one a length".into());
            }
            let draft = Draft::of(stage, Span(u64::MAX - start))?;
            starts.push(Moment(start));
            start = start
                .checked_add(stage.length().map_or(0, |length| length.0))
                .ok_or("these stages take longer than 584 years: shorten one")?;
            drafts.push(draft);
        }
        let mut whole =
            drafts.iter().try_fold(1, |whole, draft| lcm(whole, draft.divisor()?)).ok_or(TOO_FINE)?;
        let rounds = |stage: &Stage, draft: &Draft| {
            stage.spread != Spread::Constant || draft.parts.iter().any(|part| part.from != part.to)
        };
        if stages.iter().zip(&drafts).any(|(stage, draft)| rounds(stage, draft)) {
            whole <<= FINE_BITS.saturating_sub(u128::BITS - whole.leading_zeros());
        }
        let one = Arrivals::of(whole);
        let mut begins = U256::ZERO;
        let mut legs = Vec::with_capacity(stages.len());
        for ((stage, draft), start) in stages.iter().zip(drafts).zip(starts) {
            let leg = Leg::new(one, stage, &draft, start, begins).ok_or(
                "the rates of these stages are too large or too finely divided to be added exactly: write them \
                 with fewer digits, or make the stages shorter",
            )?;
            begins = leg.ends;
            legs.push(leg);
        }
        let at_once = stages.first().is_some_and(Stage::starts_at_once);
        Ok(Course { one, legs, at_once, open: stages.last().is_some_and(|last| last.length().is_none()) })
    }
}

impl Leg {
    fn new(one: Arrivals, stage: &Stage, draft: &Draft, start: Moment, begins: Units) -> Option<Leg> {
        let mut leg = Leg {
            start,
            begins,
            ends: begins,
            spread: stage.spread,
            phase: stage.phase,
            ticks: draft.ticks,
            per_tick: 1.0 / draft.ticks as f64,
            sections: Vec::with_capacity(draft.parts.len()),
            cycle: draft.cycle(),
            total: U256::ZERO,
            offset: draft.offset,
            length: draft.length,
            even_gap: None,
        };
        let mut at = 0;
        for part in draft.parts.iter().filter(|part| part.span > 0) {
            let falls = part.to.is_below(part.from)?;
            let rates = if falls { (part.to, part.from) } else { (part.from, part.to) };
            let rise = Rise::new(one, part.bend, rates, part.span, draft.ticks)?;
            let (start, before) = (at, leg.total);
            at += part.span;
            leg.total += rise.total;
            if bits(leg.total) > 250 {
                return None;
            }
            leg.sections.push(Section { start, before, rise, falls });
        }
        let cycles = leg.length.checked_div(leg.cycle).unwrap_or(0) + 2;
        if bits(leg.total) + bits(U256::new(cycles)) > 250 {
            return None;
        }
        leg.ends = begins + leg.integral(leg.length);
        if let ([section], 1) = (leg.sections.as_slice(), leg.ticks) {
            leg.even_gap =
                section.rise.flat().map(|slope| 1.0 / one.as_f64(slope)).filter(|gap| gap.is_finite());
        }
        (bits(leg.ends) < 250).then_some(leg)
    }

    /// The integral from its start to `x` ticks later.
    pub(super) fn integral(&self, x: u128) -> Units {
        self.since_cycle(self.offset + x) - self.since_cycle(self.offset)
    }

    /// The integral of the sections from their start to `x` ticks later.
    fn since_cycle(&self, x: u128) -> Units {
        if self.cycle == 0 {
            return U256::ZERO;
        }
        let within = x % self.cycle;
        let section = &self.sections[self.section_at(within)];
        U256::new(x / self.cycle) * self.total + section.before + section.integral(within - section.start)
    }

    /// The section that `x` ticks into the cycle falls in.
    pub(super) fn section_at(&self, x: u128) -> usize {
        self.sections.partition_point(|section| section.start <= x).saturating_sub(1)
    }
}

impl Section {
    /// The integral over its first `x` ticks.
    pub(super) fn integral(&self, x: u128) -> Units {
        if self.falls {
            self.rise.total - self.rise.integral(self.rise.span.saturating_sub(x))
        } else {
            self.rise.integral(x)
        }
    }
}
