//! Exact pacing: token k of a sequence is due at arrival + ttft + k·gap, in absolute time.
//!
//! Sequences do not touch each other, and a token handed over late does not delay the next one. Since
//! every sequence has the same gap, the due times come out in order by themselves: two queues suffice
//! (those before their first token, those after it), and a token costs two queue operations, not a heap.
//! Only when tokens are taken later than a gap do the times come out as two runs, which are merged.

use std::collections::{HashSet, VecDeque};

use floodline_core::time::{Moment, Span};

use super::{Emission, SeqId};

/// The state of an exactly paced provider.
#[derive(Clone, Debug)]
pub struct Exact {
    ttft: Span,
    gap: Span,
    /// Sequences before their first token, in order of due time.
    arrived: VecDeque<Pending>,
    /// Sequences past their first token, in order of due time.
    running: VecDeque<Pending>,
    /// Sequences that have tokens to come.
    live: HashSet<SeqId>,
    /// Sequences that are still in a queue, to be skipped there; never at the front of one.
    cancelled: HashSet<SeqId>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    due: Moment,
    id: SeqId,
    next: u32,
    tokens: u32,
}

impl Exact {
    /// No sequence yet.
    pub fn new(ttft: Span, gap: Span) -> Exact {
        Exact {
            ttft,
            gap,
            arrived: VecDeque::new(),
            running: VecDeque::new(),
            live: HashSet::new(),
            cancelled: HashSet::new(),
        }
    }

    /// A request arrived at `arrived`; its answer has `tokens` tokens, at least one.
    pub fn submit(&mut self, arrived: Moment, id: SeqId, tokens: u32) {
        let pending = Pending { due: arrived + self.ttft, id, next: 0, tokens: tokens.max(1) };
        // Behind everything due no later. That is nearly always the end: only an arrival that was read after a
        // later one has to walk.
        let behind = self.arrived.iter().rev().take_while(|other| other.due > pending.due).count();
        self.arrived.insert(self.arrived.len() - behind, pending);
        self.live.insert(id);
    }

    /// Forgets a sequence.
    pub fn cancel(&mut self, id: SeqId) {
        if self.live.remove(&id) {
            self.cancelled.insert(id);
            self.drop_cancelled();
        }
    }

    /// When the next token is due.
    pub fn next_due(&self) -> Option<Moment> {
        match (self.arrived.front(), self.running.front()) {
            (Some(a), Some(r)) => Some(a.due.min(r.due)),
            (a, r) => a.or(r).map(|pending| pending.due),
        }
    }

    /// Hands over the tokens due by `now`, those of a sequence together, in order of the first one's time.
    pub fn advance(&mut self, now: Moment, emit: &mut impl FnMut(Emission)) {
        let mut in_order = true;
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            let queue = match self.running.front() {
                Some(pending) if pending.due == due => &mut self.running,
                _ => &mut self.arrived,
            };
            let Some(mut pending) = queue.pop_front() else { return };
            let (id, first, left) = (pending.id, pending.next, pending.tokens - pending.next);
            let count = match now.since(due).0.checked_div(self.gap.0) {
                Some(more) => u32::try_from(more).unwrap_or(u32::MAX).saturating_add(1).min(left),
                // Without a gap everything is due with the first token.
                None => left,
            };
            let last = count == left;
            if last {
                self.live.remove(&id);
            } else {
                pending.next += count;
                pending.due = due + Span(self.gap.0.saturating_mul(u64::from(count)));
                in_order &= self.running.back().is_none_or(|other| other.due <= pending.due);
                // It is due after `now`, so whatever is due by `now` is still in order before it.
                self.running.push_back(pending);
            }
            self.drop_cancelled();
            emit(Emission { id, at: due, first, count, last });
        }
        if !in_order {
            // Few runs, each in order: the sort is a merge.
            self.running.make_contiguous().sort_by_key(|pending| pending.due);
            self.drop_cancelled();
        }
    }

    /// Takes cancelled sequences off the front of the queues.
    fn drop_cancelled(&mut self) {
        if self.cancelled.is_empty() {
            return;
        }
        for queue in [&mut self.arrived, &mut self.running] {
            while queue.pop_front_if(|pending| self.cancelled.remove(&pending.id)).is_some() {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (sequence, when, first token, how many, whether it ends) of every emission.
    fn drain(pace: &mut Exact, now: u64) -> Vec<(u64, u64, u32, u32, bool)> {
        let mut seen = Vec::new();
        pace.advance(Moment(now), &mut |e| seen.push((e.id.0, e.at.0, e.first, e.count, e.last)));
        seen
    }

    #[test]
    fn tokens_are_due_in_absolute_time_however_late_they_are_taken() {
        let mut pace = Exact::new(Span(50), Span(10));
        pace.submit(Moment(100), SeqId(1), 4);
        assert_eq!(pace.next_due(), Some(Moment(150)));
        assert_eq!(drain(&mut pace, 149), []);
        assert_eq!(drain(&mut pace, 167), [(1, 150, 0, 2, false)]);
        assert_eq!(pace.next_due(), Some(Moment(170)));
        assert_eq!(drain(&mut pace, 1000), [(1, 170, 2, 2, true)]);
        assert_eq!(pace.next_due(), None);
    }

    #[test]
    fn an_arrival_read_out_of_order_is_still_served_in_order_of_time() {
        let mut pace = Exact::new(Span(50), Span(10));
        pace.submit(Moment(100), SeqId(1), 2);
        pace.submit(Moment(95), SeqId(2), 2);
        pace.submit(Moment(98), SeqId(3), 2);
        let order: Vec<_> =
            [152, 200].map(|now| drain(&mut pace, now)).iter().flatten().map(|e| (e.0, e.1)).collect();
        assert_eq!(order, [(2, 145), (3, 148), (1, 150), (2, 155), (3, 158), (1, 160)]);
    }

    #[test]
    fn a_cancelled_sequence_says_nothing_more() {
        let mut pace = Exact::new(Span(0), Span(10));
        pace.submit(Moment(0), SeqId(1), 5);
        pace.submit(Moment(5), SeqId(2), 1);
        assert_eq!(drain(&mut pace, 0), [(1, 0, 0, 1, false)]);
        pace.cancel(SeqId(1));
        pace.cancel(SeqId(7));
        assert_eq!(drain(&mut pace, 100), [(2, 5, 0, 1, true)]);
    }

    #[test]
    fn a_cancel_of_what_is_over_or_unknown_is_not_kept() {
        let mut pace = Exact::new(Span(0), Span(10));
        pace.submit(Moment(0), SeqId(1), 1);
        pace.submit(Moment(3), SeqId(2), 9);
        pace.submit(Moment(4), SeqId(3), 9);
        assert_eq!(drain(&mut pace, 4).len(), 3);
        for id in [1, 3, 2, 2, 7] {
            pace.cancel(SeqId(id));
        }
        assert_eq!(pace.next_due(), None);
        assert!(pace.cancelled.is_empty() && pace.live.is_empty() && pace.running.is_empty());
    }

    #[test]
    fn however_many_tokens_are_due_at_once_they_are_one_emission() {
        for (gap, count) in [(0, u32::MAX), (1, 4_000_000_001)] {
            let mut pace = Exact::new(Span(5), Span(gap));
            pace.submit(Moment(0), SeqId(1), u32::MAX);
            assert_eq!(drain(&mut pace, 4_000_000_005), [(1, 5, 0, count, count == u32::MAX)]);
            assert_eq!(pace.next_due().is_none(), count == u32::MAX);
        }
    }

    #[test]
    fn sequences_taken_later_than_a_gap_are_in_order_again() {
        let mut pace = Exact::new(Span(0), Span(10));
        for at in 0..10 {
            pace.submit(Moment(at), SeqId(at), 100);
        }
        drain(&mut pace, 9);
        pace.cancel(SeqId(6));
        // Those of 0 to 4 have had three tokens more, those of 5 to 9 two.
        assert_eq!(drain(&mut pace, 34).iter().map(|e| e.3).sum::<u32>(), 5 * 3 + 4 * 2);
        let order: Vec<_> = drain(&mut pace, 44).iter().map(|e| (e.0, e.1)).collect();
        assert_eq!(order, [(5, 35), (7, 37), (8, 38), (9, 39), (0, 40), (1, 41), (2, 42), (3, 43), (4, 44)]);
    }
}
