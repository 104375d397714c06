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

/// One line without a newline, narrower than the screen and 80 columns (100 if there are journeys), in which nothing moves while numbers
/// change.
pub fn live(live: &Live, progress: Progress, style: Style) -> String {
    let clock = match progress.length {
        Some(length) => format!("{}/{}", stopwatch(progress.elapsed), stopwatch(length)),
        None => stopwatch(progress.elapsed),
    };
    let errors = format!("{:>5} err", short_count(live.errors));
    let ink = if live.errors > 0 { Ink::Bad } else { Ink::Faint };
    let room = usize::from(style.width).min(if live.journeys > 0 { WIDER } else { 80 });
    let (long, short_clock) = (style.spell(&clock), stopwatch(progress.elapsed));
    let fits = |clock: &str, figures: &str| columns(clock) + columns(figures) + columns(&errors) + 2 < room;
    // Hours need more room than 80 columns leave: then the planned length goes, and journeys say more than tokens.
    let mut figures = String::new();
    for with_tokens in [true, false] {
        figures = style.spell(&self::figures(live, with_tokens));
        for clock in [&long, &short_clock] {
            if fits(clock, &figures) {
                return format!("{} {figures} {}", style.ink(Ink::Strong, clock), style.ink(ink, &errors));
            }
        }
        if live.journeys == 0 {
            break;
        }
    }
    // A line that wraps could not be written anew.
    let line = format!("{short_clock} {} {figures}", errors.trim_start());
    line.chars().take(room.saturating_sub(1)).collect()
}

/// Columns of a line with journeys, where the screen has so many.
const WIDER: usize = 100;

fn figures(live: &Live, with_tokens: bool) -> String {
    // More requests on their way out than out there: that is the news.
    let where_they_are = if live.waiting > live.in_flight { "  waiting" } else { "in flight" };
    let in_flight = short_count(live.in_flight.max(live.waiting));
    let mut text = format!("{in_flight:>5} {where_they_are} {:>5} req/s", short(live.requests_per_s));
    if with_tokens {
        text.push_str(&format!(" {:>5} tok/s", short(live.tokens_per_s)));
    }
    if live.journeys > 0 {
        text.push_str(&format!(" {:>5} journeys", short_count(live.journeys)));
    }
    text + &format!("  ttft {}", ttft(live))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: in a window of fewer than 80 columns the line wrapped and left its pieces behind.
    #[test]
    fn the_line_is_narrower_than_any_window() {
        let now = floodline_core::fold::Fold::default().live();
        let progress = Progress { elapsed: Span::from_secs(59), length: Some(Span::from_secs(90_000)) };
        for width in [2, 20, 40, 60, 76, 79, 80, 200] {
            let style = Style { colour: false, width, unicode: true };
            assert!(columns(&live(&now, progress, style)) < usize::from(width), "{width}");
            let walking = Live { journeys: 12_345, ..now };
            assert!(columns(&live(&walking, progress, style)) < usize::from(width), "{width}");
        }
    }
}
