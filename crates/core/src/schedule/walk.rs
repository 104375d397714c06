//! The walk along a course, from one arrival to the next.

use std::cmp::Ordering;

use ethnum::U256;

use super::course::{Course, Leg, Section};
use super::foothold::{Foothold, GUESS_ERROR};
use super::shape::{Phase, Spread};
use super::unit::Units;
use crate::random::{Purpose, Stream};
use crate::time::Moment;

/// A place on a course, and the arrival that comes next.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    leg: usize,
    /// Which pass through the leg's sections, and which section.
    cycle: u128,
    section: usize,
    piece: Option<Piece>,
    /// The integral at the start of the piece to come.
    here: Units,
    /// The integral of the next arrival; none before the leg's first.
    target: Option<Units>,
    gaps: Option<Gaps>,
}

/// The part of a section that lies within its stage.
#[derive(Clone, Debug)]
struct Piece {
    /// Where the section starts, in ticks of the stage; before the stage, if that cuts it.
    place: i128,
    /// The first and last nanosecond of the stage that touch the piece.
    bounds: (i128, i128),
    /// The ticks of the section at which the piece starts, and the section's integral there.
    from: u128,
    skipped: Units,
    /// The integral of the whole course at both ends.
    begins: Units,
    ends: Units,
    even: Option<Even>,
    stand: Option<Stand>,
}

/// A foothold of the section's rise, and where that is: a whole nanosecond of the stage, and some ticks after it.
#[derive(Clone, Debug)]
struct Stand {
    foothold: Foothold,
    base: i128,
    rest: f64,
}

/// Constant arrivals at one rate: time grows by the same fraction of nanoseconds each.
#[derive(Clone, Debug)]
struct Even {
    at: i128,
    /// What is over, as a fraction of `unit`.
    rest: Units,
    unit: Units,
    /// From one arrival to the next: whole nanoseconds, and what is over.
    step: (i128, Units),
}

/// Random gaps, and the sum of them since the stage's start.
#[derive(Clone, Debug)]
struct Gaps {
    stream: Stream,
    sum: f64,
}

impl Walk {
    /// At the start of `course`.
    pub(super) fn new(course: &Course) -> Walk {
        Walk::at(0, course)
    }

    /// At the start of a leg.
    fn at(leg: usize, course: &Course) -> Walk {
        let (section, here) =
            course.legs.get(leg).map_or((0, U256::ZERO), |leg| (leg.section_at(leg.offset), leg.begins));
        Walk { leg, cycle: 0, section, piece: None, here, target: None, gaps: None }
    }

    /// The next arrival of `course` under `seed`.
    pub(super) fn next(&mut self, course: &Course, seed: u64) -> Option<(Moment, Phase)> {
        loop {
            let leg = course.legs.get(self.leg)?;
            let at = match leg.spread {
                Spread::Constant => self.next_constant(course, leg),
                Spread::Poisson | Spread::Gamma { .. } | Spread::Uniform => {
                    self.next_random(course, leg, seed)
                }
            };
            if let Some(at) = at {
                return Some((Moment(leg.start.0.saturating_add(at)), leg.phase));
            }
            *self = Walk::at(self.leg + 1, course);
        }
    }

    fn next_constant(&mut self, course: &Course, leg: &Leg) -> Option<u64> {
        let whole = course.one.whole;
        let target = self.target.unwrap_or_else(|| {
            // The first whole number from here on, or the first above.
            let bound = if course.at_once { self.here + (whole - U256::ONE) } else { self.here + whole };
            bound / whole * whole
        });
        self.target = Some(target);
        let section = self.reach(leg, target, !course.at_once)?;
        let piece = self.piece.as_mut()?;
        let at = match (section.rise.flat(), &mut piece.even) {
            (Some(_), Some(even)) => even.next(),
            (Some(slope), None) => {
                let even = Even::new(piece, leg, slope, target, whole);
                piece.even.insert(even).at
            }
            (None, _) => piece.locate(course, leg, section, target),
        };
        self.target = Some(target + whole);
        u64::try_from(at).ok()
    }

    fn next_random(&mut self, course: &Course, leg: &Leg, seed: u64) -> Option<u64> {
        let number = self.leg as u64;
        let gaps = self
            .gaps
            .get_or_insert_with(|| Gaps { stream: Stream::new(seed, Purpose::Arrivals, number), sum: 0.0 });
        gaps.sum += gaps.draw(leg.spread);
        if let Some(at) = leg.even_gap.and_then(|gap| surely(gaps.sum * gap, leg.length)) {
            return Some(at);
        }
        let target = leg.begins + course.one.units(gaps.sum);
        let section = self.reach(leg, target, false)?;
        let at = self.piece.as_mut()?.locate(course, leg, section, target);
        u64::try_from(at).ok()
    }

    /// Goes on to the section in which the integral reaches `target`; its end belongs to it only if `included`.
    fn reach<'leg>(&mut self, leg: &'leg Leg, target: Units, included: bool) -> Option<&'leg Section> {
        loop {
            if let Some(piece) = &self.piece {
                let due = match target.cmp(&piece.ends) {
                    Ordering::Less => true,
                    Ordering::Equal => included,
                    Ordering::Greater => false,
                };
                if due && piece.begins < piece.ends {
                    return leg.sections.get(self.section);
                }
                self.here = piece.ends;
                self.piece = None;
                self.section += 1;
                if self.section >= leg.sections.len() {
                    self.section = 0;
                    self.cycle += 1;
                    self.skip_cycles(leg, target, included);
                }
            }
            let section = leg.sections.get(self.section)?;
            self.piece = Some(Piece::new(leg, self.cycle, section, self.here)?);
        }
    }

    /// Passes over whole cycles that end before `target`, so that rare arrivals cost no more than frequent ones.
    fn skip_cycles(&mut self, leg: &Leg, target: Units, included: bool) {
        let left = ((leg.offset + leg.length) / leg.cycle).saturating_sub(self.cycle);
        let missing = target.saturating_sub(self.here).saturating_sub(U256::from(included));
        let cycles = match leg.total {
            U256::ZERO => left,
            total => (missing / total).min(U256::new(left)).as_u128(),
        };
        self.cycle += cycles;
        self.here += leg.total * U256::new(cycles);
    }
}

/// The whole nanosecond of `at`, if its error in `f64` cannot move it to another nor past the end.
fn surely(at: f64, length: u128) -> Option<u64> {
    let error = at * (1.0 / (1u64 << 49) as f64);
    let (low, high) = ((at - error) as u64, (at + error) as u64);
    (low == high && u128::from(high) + 1 < length).then_some(low)
}

impl Gaps {
    /// The next gap, of mean 1.
    fn draw(&mut self, spread: Spread) -> f64 {
        match spread {
            Spread::Constant => 1.0,
            Spread::Poisson => self.stream.exponential(),
            Spread::Gamma { burstiness } => self.stream.gamma(burstiness) / burstiness,
            Spread::Uniform => 2.0 * self.stream.fraction(),
        }
    }
}

impl Even {
    fn new(piece: &Piece, leg: &Leg, slope: Units, target: Units, whole: Units) -> Even {
        let (ticks, unit) = (leg.ticks as i128, slope * U256::new(leg.ticks));
        let rest = U256::new(piece.place.rem_euclid(ticks).unsigned_abs()) * slope;
        let sum = rest + (target - piece.begins) + piece.skipped;
        let at = piece.place.div_euclid(ticks) + (sum / unit).as_i128();
        Even { at, rest: sum % unit, unit, step: ((whole / unit).as_i128(), whole % unit) }
    }

    fn next(&mut self) -> i128 {
        self.at += self.step.0;
        self.rest += self.step.1;
        if self.rest >= self.unit {
            self.rest -= self.unit;
            self.at += 1;
        }
        self.at
    }
}

impl Piece {
    /// The part of `section` that lies within the stage; none if that is over.
    fn new(leg: &Leg, cycle: u128, section: &Section, here: Units) -> Option<Piece> {
        let place = (cycle * leg.cycle + section.start) as i128 - leg.offset as i128;
        let end = place + section.rise.span as i128;
        let (start, end) = (place.max(0), end.min(leg.length as i128));
        if start >= end {
            return None;
        }
        let (from, until) = ((start - place).unsigned_abs(), (end - place).unsigned_abs());
        let skipped = section.integral(from);
        let ticks = leg.ticks as i128;
        Some(Piece {
            place,
            bounds: (start / ticks, end / ticks),
            from,
            skipped,
            begins: here,
            ends: here + (section.integral(until) - skipped),
            even: None,
            stand: None,
        })
    }

    /// The whole nanosecond of the stage in which the course's integral reaches `target`: the last at whose beginning it
    /// is not above it.
    ///
    /// A guess in `f64` decides where its error cannot matter; else the exact integral is asked.
    fn locate(&mut self, course: &Course, leg: &Leg, section: &Section, target: Units) -> i128 {
        let rise = &section.rise;
        let passed = target - self.begins + self.skipped;
        // What falls is looked at from its end.
        let grown = if section.falls { rise.total.saturating_sub(passed) } else { passed };
        let stand = match &mut self.stand {
            Some(stand) if stand.foothold.carries(grown) => stand,
            old => old.insert(Stand::new(course, leg, section, self.place, grown)),
        };
        let (z, error) = stand.foothold.guess(course.one, grown);
        let at = (if section.falls { stand.rest - z } else { stand.rest + z }) * leg.per_tick;
        let error = (error + (stand.rest + z) * GUESS_ERROR / 4.0) * leg.per_tick;
        let (first, last) = self.bounds;
        let (mut low, mut high) = (first, last);
        // Also false if the guess is not a number.
        if at.abs() + error < (1u64 << 62) as f64 {
            low = (stand.base + i128::from(floor(at - error))).clamp(first, last);
            high = (stand.base + i128::from(floor(at + error))).clamp(first, last);
        }
        let exact = Exact { piece: self, leg, section, grown };
        while low < high {
            let middle = low + (high - low + 1) / 2;
            if exact.reaches(middle) { low = middle } else { high = middle - 1 }
        }
        debug_assert!(low == first || exact.reaches(low), "guessed too late: {self:?}");
        debug_assert!(low == last || !exact.reaches(low + 1), "guessed too early: {self:?}");
        low
    }
}

/// The exact question behind a guess.
struct Exact<'a> {
    piece: &'a Piece,
    leg: &'a Leg,
    section: &'a Section,
    grown: Units,
}

impl Exact<'_> {
    /// Whether the integral is still not above the target at the beginning of a nanosecond.
    fn reaches(&self, nanosecond: i128) -> bool {
        let Section { rise, falls, .. } = self.section;
        let x = (nanosecond * self.leg.ticks as i128 - self.piece.place).unsigned_abs();
        x <= self.piece.from
            || match falls {
                false => rise.compare(x, self.grown) != Ordering::Greater,
                true => rise.compare(rise.span.saturating_sub(x), self.grown) != Ordering::Less,
            }
    }
}

impl Stand {
    fn new(course: &Course, leg: &Leg, section: &Section, place: i128, grown: Units) -> Stand {
        let foothold = Foothold::new(&section.rise, course.one, grown);
        let from_start = if section.falls { section.rise.span - foothold.z } else { foothold.z };
        let (at, ticks) = (place + from_start as i128, leg.ticks as i128);
        Stand { foothold, base: at.div_euclid(ticks), rest: at.rem_euclid(ticks) as f64 }
    }
}

/// The whole number at or below one of less than 2⁶².
fn floor(number: f64) -> i64 {
    let whole = number as i64;
    whole - i64::from(whole as f64 > number)
}
