//! Users and sessions in words: `10 to 100 users over 2m, thinking 1–3 s`.

use floodline_core::Span;
use floodline_core::plan::{SessionStage, UserStage};
use floodline_core::schedule::Phase;
use floodline_core::users::{Asks, Little, TimeLaw};

use super::{Stretch, spread};
use crate::format::{GLUE, count, counted, planned};

impl Stretch for UserStage {
    fn what(&self, _noun: &str) -> String {
        let users = match self.from {
            Some(from) => format!("{} to {}", count(from.into()), counted(self.users.into(), "user")),
            None => counted(self.users.into(), "user"),
        };
        match self.little {
            Some(little) => format!("{users} ({})", law(&little)),
            None => users,
        }
    }

    fn lasts(&self, length: Span) -> String {
        format!("{} {}", if self.from.is_some() { "over" } else { "for" }, planned(length))
    }

    fn manner(&self, noun: &str) -> String {
        let each = self.iterations.map(|n| format!(", {} each", counted(n.into(), noun)));
        each.unwrap_or_default() + &thinking(self.think)
    }

    fn aside(&self) -> String {
        format!("with {}", self.what("request"))
    }

    fn length(&self) -> Option<Span> {
        self.length
    }

    fn phase(&self) -> Phase {
        self.phase
    }

    fn size(&self) -> f64 {
        self.most().into()
    }
}

impl Stretch for SessionStage {
    fn what(&self, noun: &str) -> String {
        let rate = &self.arrivals.shape;
        let (asks, stay) = (self.visit.iterations.map(|of| asks(of, noun)), self.visit.stay.map(drawn));
        match (asks, stay) {
            (Some(asks), None) => format!("{rate} sessions of {asks}"),
            (None, Some(stay)) => format!("{rate} sessions of {stay}"),
            (Some(asks), Some(stay)) => format!("{rate} sessions of {asks} or {stay}"),
            (None, None) => format!("{rate} sessions"),
        }
    }

    fn manner(&self, _noun: &str) -> String {
        let spread = match spread(self.arrivals.spread) {
            Some(spread) => format!(", {spread} arrivals"),
            None => String::new(),
        };
        format!("{spread}{}", thinking(self.visit.think))
    }

    fn aside(&self) -> String {
        format!("with {} sessions", self.arrivals.shape)
    }

    fn length(&self) -> Option<Span> {
        self.arrivals.length()
    }

    fn phase(&self) -> Phase {
        self.arrivals.phase
    }

    fn size(&self) -> f64 {
        self.arrivals.peak_rate().as_per_second()
    }
}

/// `50/s × 5 s, Little's law`.
fn law(little: &Little) -> String {
    let round = match little.think {
        Span::ZERO => spoken(little.latency),
        think => format!("({} + {} thinking)", spoken(little.latency), spoken(think)),
    };
    format!("{} × {round}, Little's law", little.rate)
}

fn thinking(think: Option<TimeLaw>) -> String {
    think.map_or_else(String::new, |think| format!(", thinking {}", drawn(think)))
}

pub(super) fn drawn(law: TimeLaw) -> String {
    match law {
        TimeLaw::Fixed(span) => spoken(span),
        TimeLaw::Uniform { from, to } => {
            let (from, to) = (spoken(from), spoken(to));
            match (from.split_once(GLUE), to.split_once(GLUE)) {
                (Some((low, unit)), Some((_, same))) if unit == same => format!("{low}–{to}"),
                _ => format!("{from}–{to}"),
            }
        }
        TimeLaw::Exponential { mean } => format!("{} on average (exponential)", spoken(mean)),
        TimeLaw::Lognormal { median, p95 } => {
            format!("{} (median) to {} (p95)", spoken(median), spoken(p95))
        }
    }
}

fn asks(asks: Asks, noun: &str) -> String {
    match asks {
        Asks::Exactly(n) => counted(n.into(), noun),
        Asks::Uniform { from, to } => format!("{}–{}", count(from.into()), counted(to.into(), noun)),
        Asks::Geometric { mean } => {
            format!("{} {noun}s on average", (mean * 100.0).round() / 100.0)
        }
    }
}

/// A length of one unit as it is read, `5 s`; of several, as it is planned.
pub(super) fn spoken(span: Span) -> String {
    let text = planned(span);
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    if unit.contains(' ') { text } else { format!("{number}{GLUE}{unit}") }
}
