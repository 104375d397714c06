//! The one line that is watched while a run goes on.

use floodline_core::Span;
use floodline_core::fold::Live;

use crate::format::{Unit, short, short_count, stopwatch, three_digits};
use crate::style::{Ink, Style, columns};

/// How far a run is, and how far it goes if its plan says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Time since the start.
    pub elapsed: Span,
    /// How long the plan is.
    pub length: Option<Span>,
}

/// One line without a newline, at most 79 columns wide, in which nothing moves while numbers change.
pub fn live(live: &Live, progress: Progress, style: Style) -> String {
    let clock = match progress.length {
        Some(length) => format!("{}/{}", stopwatch(progress.elapsed), stopwatch(length)),
        None => stopwatch(progress.elapsed),
    };
    let errors = format!("{:>5} err", short_count(live.errors));
    let ink = if live.errors > 0 { Ink::Bad } else { Ink::Faint };
    let figures = format!(
        "{:>5} in flight {:>5} req/s {:>5} tok/s  ttft {}",
        short_count(live.in_flight),
        short(live.requests_per_s),
        short(live.tokens_per_s),
        ttft(live),
    );
    let (clock, figures) = (style.spell(&clock), style.spell(&figures));
    // Hours need more room than 80 columns leave: then the planned length goes.
    let fits = columns(&clock) + columns(&figures) + columns(&errors) < 80;
    let clock = if fits { clock } else { stopwatch(progress.elapsed) };
    format!("{} {figures} {}", style.ink(Ink::Strong, &clock), style.ink(ink, &errors))
}

/// Median and 99th percentile in the unit of the larger: `51.2/61.9ms`, always eleven columns or more.
fn ttft(live: &Live) -> String {
    let (p50, p99) = (live.ttft_p50.map(Span::as_millis_f64), live.ttft_p99.map(Span::as_millis_f64));
    let (Some(p50), Some(p99)) = (p50, p99) else { return format!("{:>4}/{:<6}", '–', '–') };
    let unit = Unit::of(p99.max(p50));
    let digits = |ms: f64| three_digits(unit.scale(ms));
    let end = format!("{}{}", digits(p99), unit.name());
    format!("{:>4}/{end:<6}", digits(p50))
}
