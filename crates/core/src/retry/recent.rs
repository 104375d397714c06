//! Two counts over a sliding window of time, in a few fixed cells.

use crate::time::{Moment, Span};

/// Cells of a window: a count is forgotten within a sixteenth of the window's length.
const CELLS: usize = 16;

/// Two counts over the last so much time.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    /// The length of one cell in nanoseconds.
    cell: u64,
    /// The number of the newest cell since the start.
    newest: u64,
    counts: [[u32; 2]; CELLS],
    sums: [u64; 2],
}

impl Recent {
    /// Nothing yet, over windows of this length.
    pub(super) fn over(window: Span) -> Recent {
        let cell = window.0.div_ceil(CELLS as u64).max(1);
        Recent { cell, newest: 0, counts: [[0; 2]; CELLS], sums: [0; 2] }
    }

    /// Both counts as of now.
    pub(super) fn at(&mut self, now: Moment) -> [u64; 2] {
        self.turn(now);
        self.sums
    }

    /// Counts one of the first kind (0) or of the second (1).
    pub(super) fn count<const KIND: usize>(&mut self, now: Moment) {
        self.turn(now);
        let count = &mut self.counts[(self.newest % CELLS as u64) as usize][KIND];
        let more = count.saturating_add(1);
        self.sums[KIND] += u64::from(more - *count);
        *count = more;
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.counts = [[0; 2]; CELLS];
        self.sums = [0; 2];
    }

    /// Empties the cells that have become too old. A moment before the newest one counts as that.
    fn turn(&mut self, now: Moment) {
        let cell = now.0 / self.cell;
        let passed = cell.saturating_sub(self.newest);
        if passed >= CELLS as u64 {
            self.clear();
        } else {
            for number in self.newest + 1..=self.newest + passed {
                let old = &mut self.counts[(number % CELLS as u64) as usize];
                for (sum, count) in self.sums.iter_mut().zip(old.iter()) {
                    *sum -= u64::from(*count);
                }
                *old = [0; 2];
            }
        }
        self.newest = self.newest.max(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_forgotten_after_the_window() {
        let mut recent = Recent::over(Span::from_secs(16));
        let at = |s: u64| Moment::START + Span::from_secs(s);
        recent.count::<0>(at(1));
        recent.count::<1>(at(8));
        recent.count::<0>(at(8));
        assert_eq!(recent.at(at(16)), [2, 1]);
        assert_eq!(recent.at(at(17)), [1, 1]);
        // Threads may be a little behind each other.
        recent.count::<1>(at(15));
        assert_eq!(recent.at(at(23)), [1, 2]);
        assert_eq!(recent.at(at(24)), [0, 1]);
        assert_eq!(recent.at(at(1_000)), [0, 0]);
        recent.count::<0>(Moment(u64::MAX));
        assert_eq!(recent.at(Moment(u64::MAX)), [1, 0]);
    }

    #[test]
    fn a_window_of_no_length_does_no_harm() {
        let mut recent = Recent::over(Span::ZERO);
        recent.count::<0>(Moment(3));
        assert_eq!(recent.at(Moment(3)), [1, 0]);
        assert_eq!(recent.at(Moment(100)), [0, 0]);
    }
}
