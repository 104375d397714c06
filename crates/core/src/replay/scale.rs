//! More or fewer requests than recorded, in the same shape.
//!
//! Thinning to a share s takes the recording in strata of consecutive rows that hold `KEPT` of the result each, and
//! keeps that many of each, every choice as likely as any other. So whatever the seed, any stretch keeps its share of the
//! requests to within a few, and within a stratum the choice is free, so that what arrived at random still does:
//! keeping one of every 1/s rows would be exact to within one, but halves the variation of the gaps of Poisson arrivals.
//!
//! Multiplying by m gives each row m − 1 copies (the fraction, by the choice above, to some rows), at random
//! instants between the row's and the next later one. Nothing piles up on an instant, and what was idle
//! stays as idle as it was, measured against the rest.
//!
//! Both leave the relative counts of longer stretches as they are. Where these vary by chance alone, their variance
//! grows with the square of the scale and their mean with the scale: the index of dispersion of long stretches is
//! scaled too, which is what keeping the shape means.

use crate::random::{Purpose, Stream};
use crate::time::Moment;

use super::TraceRow;
use super::jitter::part_of;

/// Rows that are kept of each stratum.
const KEPT: u64 = 8;

/// The streams of the choices and of the instants.
const CHOICES: u64 = 0;
const INSTANTS: u64 = 1;

/// A factor above zero, exactly: `numerator` / `denominator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factor {
    /// Above zero.
    pub numerator: u64,
    /// Above zero.
    pub denominator: u64,
}

impl Factor {
    /// How many rows there will be for each one, and the share of them that gets one more.
    fn parts(self) -> (u64, Factor) {
        let Factor { numerator, denominator } = self;
        let of = |part: fn(u64, u64) -> Option<u64>| part(numerator, denominator).unwrap_or(0);
        (of(u64::checked_div), Factor { numerator: of(u64::checked_rem), denominator })
    }

    /// About how many rows `rows` rows become.
    pub fn of(self, rows: usize) -> u64 {
        share(rows as u64, self)
    }
}

/// Rows in the order of their times, scaled, in that order. `end` is where the recording is over: copies of the last
/// row lie before it.
pub fn scaled(rows: &[TraceRow], by: Factor, end: Moment, seed: u64) -> Vec<TraceRow> {
    let (each, rest) = by.parts();
    let mut chosen = Choice::new(rows.len(), rest, seed);
    if each == 0 {
        return rows.iter().filter(|_| chosen.next()).copied().collect();
    }
    let mut stream = Stream::new(seed, Purpose::Trace, INSTANTS);
    let mut scaled = Vec::with_capacity(usize::try_from(by.of(rows.len())).unwrap_or(0));
    let mut starts = rows.chunk_by(|a, b| a.at == b.at).peekable();
    while let Some(together) = starts.next() {
        let at = together[0].at;
        let gap = starts.peek().map_or(end, |next| next[0].at).since(at);
        scaled.extend_from_slice(together);
        let copies_from = scaled.len();
        for row in together {
            let copies = each - 1 + u64::from(chosen.next());
            scaled.extend((1..=copies).map(|copy| TraceRow {
                at: at + part_of(gap, &mut stream),
                copy: u32::try_from(copy).unwrap_or(u32::MAX),
                ..*row
            }));
        }
        scaled[copies_from..].sort_by_key(|row| row.at);
    }
    scaled
}

/// Which rows are chosen, one after the other.
struct Choice {
    share: Factor,
    rows: u64,
    /// Of the current stratum: its number, rows left, and how many of them are still to be chosen.
    stratum: u64,
    left: u64,
    wanted: u64,
    stream: Stream,
}

impl Choice {
    fn new(rows: usize, share: Factor, seed: u64) -> Choice {
        let stream = Stream::new(seed, Purpose::Trace, CHOICES);
        let mut choice = Choice { share, rows: rows as u64, stratum: 0, left: 0, wanted: 0, stream };
        choice.enter();
        choice
    }

    /// Whether the next row is chosen.
    fn next(&mut self) -> bool {
        if self.left == 0 {
            self.stratum += 1;
            self.enter();
        }
        // Each of the rows left is as likely as any other (Knuth's algorithm S).
        let draw = ((u128::from(self.stream.bits()) * u128::from(self.left)) >> 64) as u64;
        let chosen = draw < self.wanted;
        self.left = self.left.saturating_sub(1);
        self.wanted -= u64::from(chosen);
        chosen
    }

    fn enter(&mut self) {
        let (start, end) = (self.start_of(self.stratum), self.start_of(self.stratum + 1));
        let whole = end <= self.rows;
        self.left = end.min(self.rows).saturating_sub(start);
        let rest = share(self.rows, self.share).saturating_sub(self.stratum * KEPT);
        self.wanted = if whole && self.share.numerator > 0 { KEPT } else { rest.min(KEPT) }.min(self.left);
    }

    /// The first row of a stratum; the number of rows if there is no such stratum.
    fn start_of(&self, stratum: u64) -> u64 {
        let rows = (u128::from(stratum) * u128::from(KEPT) * u128::from(self.share.denominator))
            .div_ceil(u128::from(self.share.numerator.max(1)));
        match self.share.numerator {
            0 if stratum > 0 => u64::MAX,
            _ => u64::try_from(rows).unwrap_or(u64::MAX),
        }
    }
}

/// So many rows' share, rounded to the nearest.
fn share(rows: u64, by: Factor) -> u64 {
    let twice = 2 * u128::from(rows) * u128::from(by.numerator) / u128::from(by.denominator.max(1));
    u64::try_from(twice.div_ceil(2)).unwrap_or(u64::MAX)
}
