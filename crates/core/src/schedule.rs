//! When requests are wanted in an open loop: a lazy, exact function of (stages, seed).
//!
//! One integral N(t) of the rate runs over all stages, from 0. Constant arrivals are sent where it reaches whole
//! numbers, by the exact inverse and rounded down to the nanosecond, whatever the shape of the rate; a fraction left
//! at a stage's end is carried into the next.
//! - If the first stage is a hold or a burst, arrival k is where N = k, and stage ends are exclusive: a number that is
//!   reached exactly at an end falls to the start of the next stage with a rate above zero.
//! - If it is any other, arrival k is where N = k + 1, and stage ends are inclusive: such a number falls to the stage
//!   that ends. (A ramp is a ramp even if its two rates are equal.)
//!
//! The same holds within a stage, where a rate falls to nothing for a while. Random arrivals are a renewal process in
//! the time of the integral, mapped to the clock by the same inverse; each stage draws from its own stream, starts anew
//! (which only Poisson arrivals do not notice) and is cut at its end, exclusively. A stage of several rates is one
//! process.
//!
//! Holds, straight ramps and all that is made of them are exact in integers. Exponential ramps and sine waves are
//! computed to about 31 digits. Arrivals are numbered from 0 over all stages, so that any number of workers can
//! each take their own share of one and the same list.
//!
//! The way from stages to arrivals: `shape` is what a person asks for; `draft` takes it apart; `course` lays it out in a
//! common `unit`; `walk` goes along it; `rise` and `foothold` have the mathematics of one part.

mod course;
mod draft;
mod foothold;
mod fraction;
mod integral;
mod rise;
mod shape;
mod unit;
mod walk;

#[cfg(test)]
mod exactness;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod randomness;

use std::sync::Arc;

pub use integral::Integral;
pub use shape::{Again, Curve, DayCurve, DayPoint, Phase, Shape, Spread, Stage};

use crate::time::Moment;
use course::Course;
use walk::Walk;

/// One planned request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its number, from 0.
    pub index: u64,
    /// When it is wanted.
    pub at: Moment,
    /// The phase it belongs to.
    pub phase: Phase,
}

/// The arrivals of a list of stages, in order, generated as they are asked for.
#[derive(Clone, Debug)]
pub struct Schedule {
    course: Arc<Course>,
    walk: Walk,
    seed: u64,
    index: u64,
}

impl Schedule {
    /// The arrivals of `stages`.
    ///
    /// # Errors
    /// When a stage is impossible (it says why), or the rates have no common unit that fits (only with absurdly fine
    /// fractions).
    pub fn new(stages: Vec<Stage>, seed: u64) -> Result<Schedule, String> {
        let course = Arc::new(Course::new(&stages)?);
        Ok(Schedule { walk: Walk::new(&course), course, seed, index: 0 })
    }
}

impl Iterator for Schedule {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let (at, phase) = self.walk.next(&self.course, self.seed)?;
        let index = self.index;
        self.index += 1;
        Some(Arrival { index, at, phase })
    }
}
