//! When a token is due: pure state machines, fed with requests and with the time.
//!
//! A [`Pace`] is given requests ([`Pace::submit`]) and withdrawals ([`Pace::cancel`]), says when it next
//! has something to say ([`Pace::next_due`]) and hands over the tokens due by then ([`Pace::advance`]).
//! Nothing here reads a clock or draws a random number: the same calls give the same emissions.
//!
//! What holds for every pace, and is tested for each:
//! - a submitted sequence emits exactly its tokens, in order, unless it is cancelled; then it emits none after;
//! - no token is emitted before it is due, and emissions of one [`Pace::advance`] come in order of their time.

pub mod batcher;
pub mod exact;
pub mod profile;

use floodline_core::time::{Moment, Span};

pub use batcher::{Batcher, Batching, StepCost};
pub use exact::Exact;
pub use profile::Profile;

/// One answer in the making. The caller chooses the numbers and keeps them distinct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeqId(pub u64);

/// Tokens of one sequence that became due together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emission {
    /// Whose tokens.
    pub id: SeqId,
    /// When the first of them was due.
    pub at: Moment,
    /// The index of the first of them; the sequence's first token has index 0.
    pub first: u32,
    /// How many: those that are due by the time they are asked for. A step of [`Batched`](Pace::Batched) has one.
    pub count: u32,
    /// Whether the sequence ends with them.
    pub last: bool,
}

/// The queue is full: the provider refuses the request instead of keeping it waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overloaded;

/// How the provider hands out tokens.
#[derive(Clone, Debug)]
pub enum Pace {
    /// Every token is due when the request arrives.
    Instant(Unpaced),
    /// The first token a fixed time after the arrival, the others a fixed time apart.
    Exact(Exact),
    /// As a server with continuous batching would.
    Batched(Batcher),
}

impl Pace {
    /// No waiting at all.
    pub fn instant() -> Pace {
        Pace::Instant(Unpaced::default())
    }

    /// Token k is due at arrival + `ttft` + k·`gap`, whatever else goes on.
    pub fn exact(ttft: Span, gap: Span) -> Pace {
        Pace::Exact(Exact::new(ttft, gap))
    }

    /// Continuous batching with the given costs and limits.
    pub fn batched(batching: Batching) -> Pace {
        Pace::Batched(Batcher::new(batching))
    }

    /// A request arrived at `arrived`; the answer will have `output_tokens` tokens (at least one).
    ///
    /// # Errors
    /// [`Overloaded`] when it would have to wait in a queue that is full. The sequence is then unknown.
    pub fn submit(
        &mut self,
        arrived: Moment,
        id: SeqId,
        prompt_tokens: u32,
        output_tokens: u32,
    ) -> Result<(), Overloaded> {
        match self {
            Pace::Instant(pace) => {
                pace.submit(arrived, id, output_tokens);
                Ok(())
            }
            Pace::Exact(pace) => {
                pace.submit(arrived, id, output_tokens);
                Ok(())
            }
            Pace::Batched(pace) => pace.submit(arrived, id, prompt_tokens, output_tokens),
        }
    }

    /// Whether a request that arrives now is taken.
    pub fn has_room(&self) -> bool {
        match self {
            Pace::Instant(_) | Pace::Exact(_) => true,
            Pace::Batched(pace) => pace.has_room(),
        }
    }

    /// Nobody waits for this sequence any more. Unknown and finished ones are ignored.
    pub fn cancel(&mut self, id: SeqId) {
        match self {
            Pace::Instant(pace) => pace.cancel(id),
            Pace::Exact(pace) => pace.cancel(id),
            Pace::Batched(pace) => pace.cancel(id),
        }
    }

    /// The next time at which [`Pace::advance`] has work to do.
    pub fn next_due(&self) -> Option<Moment> {
        match self {
            Pace::Instant(pace) => pace.next_due(),
            Pace::Exact(pace) => pace.next_due(),
            Pace::Batched(pace) => pace.next_due(),
        }
    }

    /// Hands every token due by `now` to `emit`, in order of time.
    pub fn advance(&mut self, now: Moment, emit: &mut impl FnMut(Emission)) {
        match self {
            Pace::Instant(pace) => pace.advance(now, emit),
            Pace::Exact(pace) => pace.advance(now, emit),
            Pace::Batched(pace) => pace.advance(now, emit),
        }
    }
}

/// No pacing: an answer is due in full when its request arrives.
#[derive(Clone, Debug, Default)]
pub struct Unpaced {
    due: Vec<Emission>,
}

impl Unpaced {
    fn submit(&mut self, arrived: Moment, id: SeqId, output_tokens: u32) {
        self.due.push(Emission { id, at: arrived, first: 0, count: output_tokens.max(1), last: true });
    }

    fn cancel(&mut self, id: SeqId) {
        self.due.retain(|emission| emission.id != id);
    }

    fn next_due(&self) -> Option<Moment> {
        self.due.iter().map(|emission| emission.at).min()
    }

    fn advance(&mut self, now: Moment, emit: &mut impl FnMut(Emission)) {
        if self.due.is_empty() {
            return;
        }
        self.due.sort_by_key(|emission| emission.at);
        let until = self.due.partition_point(|emission| emission.at <= now);
        self.due.drain(..until).for_each(emit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_pacing_an_answer_is_due_when_its_request_arrives() {
        let mut pace = Pace::instant();
        pace.submit(Moment(20), SeqId(1), 5, 3).unwrap();
        pace.submit(Moment(10), SeqId(2), 5, 7).unwrap();
        pace.submit(Moment(10), SeqId(3), 5, 7).unwrap();
        pace.cancel(SeqId(3));
        assert_eq!(pace.next_due(), Some(Moment(10)));
        let mut seen = Vec::new();
        pace.advance(Moment(10), &mut |e| seen.push((e.id.0, e.at.0, e.count, e.last)));
        assert_eq!(seen, [(2, 10, 7, true)]);
        pace.advance(Moment(20), &mut |e| seen.push((e.id.0, e.at.0, e.count, e.last)));
        assert_eq!(seen[1..], [(1, 20, 3, true)]);
        assert_eq!(pace.next_due(), None);
    }
}
