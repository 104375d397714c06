//! Exact pacing: token k of a sequence is due at arrival + ttft + k·gap, in absolute time.
//!
//! Sequences do not touch each other, and a token handed over late does not delay the next one. Since
//! every sequence has the same gap, the due times come out in order by themselves: two queues suffice
//! (those before their first token, those after it), and a token costs two queue operations, not a heap.

use std::collections::VecDeque;

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
        Exact { ttft, gap, arrived: VecDeque::new(), running: VecDeque::new() }
    }

    /// A request arrived at `arrived`; its answer has `tokens` tokens, at least one.
    pub fn submit(&mut self, arrived: Moment, id: SeqId, tokens: u32) {
        let pending = Pending { due: arrived + self.ttft, id, next: 0, tokens: tokens.max(1) };
        insert(&mut self.arrived, pending);
    }

    /// Forgets a sequence.
    pub fn cancel(&mut self, id: SeqId) {
        for queue in [&mut self.arrived, &mut self.running] {
            if let Some(at) = queue.iter().position(|pending| pending.id == id) {
                queue.remove(at);
                return;
            }
        }
    }

    /// When the next token is due.
    pub fn next_due(&self) -> Option<Moment> {
        match (self.arrived.front(), self.running.front()) {
            (Some(a), Some(r)) => Some(a.due.min(r.due)),
            (a, r) => a.or(r).map(|pending| pending.due),
        }
    }

    /// Hands over the tokens due by `now`, in order of time.
    pub fn advance(&mut self, now: Moment, emit: &mut impl FnMut(Emission)) {
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            let queue = match self.running.front() {
                Some(pending) if pending.due == due => &mut self.running,
                _ => &mut self.arrived,
            };
            let Some(mut pending) = queue.pop_front() else { return };
            let (id, first) = (pending.id, pending.next);
            pending.next += 1;
            let last = pending.next == pending.tokens;
            if !last {
                pending.due = due + self.gap;
                insert(&mut self.running, pending);
            }
            emit(Emission { id, at: due, first, count: 1, last });
        }
    }
}

/// Puts `pending` behind everything due no later. That is nearly always the end: only an arrival that
/// was read after a later one has to walk.
fn insert(queue: &mut VecDeque<Pending>, pending: Pending) {
    let behind = queue.iter().rev().take_while(|other| other.due > pending.due).count();
    match behind {
        0 => queue.push_back(pending),
        _ => queue.insert(queue.len() - behind, pending),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(pace: &mut Exact, now: u64) -> Vec<(u64, u64, u32, bool)> {
        let mut seen = Vec::new();
        pace.advance(Moment(now), &mut |e| seen.push((e.id.0, e.at.0, e.first, e.last)));
        seen
    }

    #[test]
    fn tokens_are_due_in_absolute_time_however_late_they_are_taken() {
        let mut pace = Exact::new(Span(50), Span(10));
        pace.submit(Moment(100), SeqId(1), 4);
        assert_eq!(pace.next_due(), Some(Moment(150)));
        assert_eq!(drain(&mut pace, 149), []);
        assert_eq!(drain(&mut pace, 167), [(1, 150, 0, false), (1, 160, 1, false)]);
        assert_eq!(pace.next_due(), Some(Moment(170)));
        assert_eq!(drain(&mut pace, 1000), [(1, 170, 2, false), (1, 180, 3, true)]);
        assert_eq!(pace.next_due(), None);
    }

    #[test]
    fn an_arrival_read_out_of_order_is_still_served_in_order_of_time() {
        let mut pace = Exact::new(Span(50), Span(10));
        pace.submit(Moment(100), SeqId(1), 2);
        pace.submit(Moment(95), SeqId(2), 2);
        pace.submit(Moment(98), SeqId(3), 2);
        let order: Vec<_> = drain(&mut pace, 200).iter().map(|(id, at, ..)| (*id, *at)).collect();
        assert_eq!(order, [(2, 145), (3, 148), (1, 150), (2, 155), (3, 158), (1, 160)]);
    }

    #[test]
    fn a_cancelled_sequence_says_nothing_more() {
        let mut pace = Exact::new(Span(0), Span(10));
        pace.submit(Moment(0), SeqId(1), 5);
        pace.submit(Moment(5), SeqId(2), 1);
        assert_eq!(drain(&mut pace, 0), [(1, 0, 0, false)]);
        pace.cancel(SeqId(1));
        pace.cancel(SeqId(7));
        assert_eq!(drain(&mut pace, 100), [(2, 5, 0, true)]);
    }

    #[test]
    fn no_gap_means_the_whole_answer_at_once() {
        let mut pace = Exact::new(Span(5), Span::ZERO);
        pace.submit(Moment(0), SeqId(1), 3);
        assert_eq!(drain(&mut pace, 5).len(), 3);
    }
}
