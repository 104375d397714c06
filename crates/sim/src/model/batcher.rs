//! Continuous batching, step by step: the shape that serving engines such as vLLM and SGLang share.
//!
//! Work proceeds in steps. A step carries one token for every sequence that is past its prefill, and spends
//! what is left of its token budget on the prompts of the others, in chunks, first come first served. It
//! takes as long as [`StepCost`] says; at its end every sequence past its prefill has one more token. A
//! sequence whose prefill completes in a step has its first token at the end of that step. At most
//! [`Batching::max_running`] sequences take part; the others wait, up to [`Batching::max_waiting`] of them.
//!
//! From this alone follow queueing, the wider gap that a long prompt tears into everyone else's stream, and
//! saturation at [`Batching::saturated_tokens_per_s`].

use std::collections::VecDeque;

use floodline_core::time::{Moment, Span};

use super::{Emission, Overloaded, SeqId};

/// What a step costs: `max(floor, per_token × tokens) + per_sequence × sequences + per_kv_token × kv tokens
/// + overhead`. In picoseconds, so that the cost of one cached token is a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepCost {
    /// The least time a step's linear layers take: reading the weights once.
    pub floor_ps: u64,
    /// Compute per token in the step, prompt and output tokens alike.
    pub per_token_ps: u64,
    /// Per sequence in the step: scheduling, sampling, its own attention launch.
    pub per_sequence_ps: u64,
    /// Per token of context that the step's attention reads from the KV cache.
    pub per_kv_token_ps: u64,
    /// Per step: scheduling, launching, communication.
    pub overhead_ps: u64,
}

impl StepCost {
    /// How long a step of `tokens` tokens for `sequences` sequences over `kv_tokens` cached tokens takes.
    pub fn step(&self, tokens: u64, sequences: u64, kv_tokens: u64) -> Span {
        let ps = (self.per_token_ps.saturating_mul(tokens).max(self.floor_ps))
            .saturating_add(self.per_sequence_ps.saturating_mul(sequences))
            .saturating_add(self.per_kv_token_ps.saturating_mul(kv_tokens))
            .saturating_add(self.overhead_ps);
        Span((ps / 1_000).max(1))
    }
}

/// The costs and limits of one serving engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// What a step costs.
    pub cost: StepCost,
    /// Token budget of a step. Raised to `max_running` + 1 if smaller, so that a prompt always gets on.
    pub step_tokens: u32,
    /// How many sequences take part in steps at a time; at least one.
    pub max_running: u32,
    /// How many may wait beyond those.
    pub max_waiting: u32,
}

impl Batching {
    /// Time to first token of a prompt that has the engine to itself.
    pub fn unloaded_ttft(&self, prompt_tokens: u32) -> Span {
        let budget = u64::from(self.budget());
        let (mut left, mut done, mut total) = (u64::from(prompt_tokens.max(1)), 0, Span::ZERO);
        while left > 0 {
            let chunk = left.min(budget);
            total += self.cost.step(chunk, 1, done);
            (left, done) = (left - chunk, done + chunk);
        }
        total
    }

    /// The gap before the next token of a sequence that has the engine to itself, after `context` tokens of
    /// prompt and answer.
    pub fn unloaded_gap(&self, context: u32) -> Span {
        self.cost.step(1, 1, u64::from(context))
    }

    /// Output tokens per second when `running` sequences decode with `mean_context` tokens of context each and
    /// no prompt interferes: the most the engine can give at that width.
    pub fn saturated_tokens_per_s(&self, running: u32, mean_context: u32) -> f64 {
        let running = u64::from(running.clamp(1, self.max_running.max(1)));
        running as f64 / self.cost.step(running, running, running * u64::from(mean_context)).as_secs_f64()
    }

    fn budget(&self) -> u32 {
        self.step_tokens.max(self.max_running.max(1).saturating_add(1))
    }
}

/// The state of a serving engine.
#[derive(Clone, Debug)]
pub struct Batcher {
    batching: Batching,
    /// In order of admission.
    running: Vec<Sequence>,
    /// In order of submission.
    waiting: VecDeque<Sequence>,
    /// The end of the step under way.
    step_ends: Option<Moment>,
    /// The end of the last step: the engine is busy until then.
    free_at: Moment,
}

#[derive(Clone, Debug)]
struct Sequence {
    id: SeqId,
    arrived: Moment,
    /// Prompt tokens not yet processed.
    prompt_left: u32,
    /// Tokens in the KV cache.
    cached: u64,
    /// Prompt tokens processed in the step under way.
    chunk: u32,
    /// Whether the step under way gives it a token.
    yields: bool,
    emitted: u32,
    tokens: u32,
}

impl Batcher {
    /// An idle engine.
    pub fn new(batching: Batching) -> Batcher {
        Batcher {
            batching,
            running: Vec::new(),
            waiting: VecDeque::new(),
            step_ends: None,
            free_at: Moment::START,
        }
    }

    /// A request arrived at `arrived`. An idle engine takes it up at once, a busy one at the next step for which
    /// there is room. A prompt or an answer of no tokens counts as one token.
    ///
    /// # Errors
    /// [`Overloaded`] when it would have to wait and as many as may are waiting already.
    pub fn submit(
        &mut self,
        arrived: Moment,
        id: SeqId,
        prompt_tokens: u32,
        output_tokens: u32,
    ) -> Result<(), Overloaded> {
        if !self.has_room() {
            return Err(Overloaded);
        }
        self.waiting.push_back(Sequence {
            id,
            arrived,
            prompt_left: prompt_tokens.max(1),
            cached: 0,
            chunk: 0,
            yields: false,
            emitted: 0,
            tokens: output_tokens.max(1),
        });
        if self.step_ends.is_none() {
            self.begin_step(arrived.max(self.free_at));
        }
        Ok(())
    }

    /// Whether a sequence that comes now is taken.
    pub fn has_room(&self) -> bool {
        let slots = self.batching.max_running.max(1) as usize;
        let free = slots.saturating_sub(self.running.len());
        self.waiting.len() < free.saturating_add(self.batching.max_waiting as usize)
    }

    /// Forgets a sequence and frees its place for the next step. The step under way takes its time regardless.
    pub fn cancel(&mut self, id: SeqId) {
        if let Some(at) = self.running.iter().position(|sequence| sequence.id == id) {
            self.running.remove(at);
        } else if let Some(at) = self.waiting.iter().position(|sequence| sequence.id == id) {
            self.waiting.remove(at);
        }
    }

    /// The end of the step under way; none when idle.
    pub fn next_due(&self) -> Option<Moment> {
        self.step_ends
    }

    /// Ends every step that is over by `now`, handing over its tokens, and begins the next.
    pub fn advance(&mut self, now: Moment, emit: &mut impl FnMut(Emission)) {
        while let Some(end) = self.step_ends.filter(|end| *end <= now) {
            self.end_step(end, emit);
            self.begin_step(end);
        }
    }

    fn end_step(&mut self, at: Moment, emit: &mut impl FnMut(Emission)) {
        self.running.retain_mut(|sequence| {
            sequence.prompt_left -= sequence.chunk;
            sequence.cached += u64::from(sequence.chunk);
            if !sequence.yields {
                return true;
            }
            if sequence.chunk == 0 {
                sequence.cached += 1;
            }
            let first = sequence.emitted;
            sequence.emitted += 1;
            let last = sequence.emitted == sequence.tokens;
            emit(Emission { id: sequence.id, at, first, count: 1, last });
            !last
        });
        self.step_ends = None;
        self.free_at = at;
    }

    /// Plans the step that starts at `now`, or at the first arrival after it; without work the engine is idle.
    fn begin_step(&mut self, now: Moment) {
        let mut start = now;
        if self.running.is_empty() {
            match self.waiting.front() {
                Some(sequence) => start = start.max(sequence.arrived),
                None => return,
            }
        }
        let decoding = self.running.iter().filter(|sequence| sequence.prompt_left == 0).count();
        let mut budget = self.batching.budget().saturating_sub(decoding as u32);
        let (mut tokens, mut sequences, mut kv_tokens) = (0u64, 0u64, 0u64);
        let mut plan = |sequence: &mut Sequence| {
            sequence.chunk = sequence.prompt_left.min(budget);
            budget -= sequence.chunk;
            sequence.yields = sequence.chunk == sequence.prompt_left;
            if sequence.yields || sequence.chunk > 0 {
                tokens += u64::from(sequence.chunk.max(1));
                sequences += 1;
                kv_tokens += sequence.cached;
            }
            budget
        };
        let mut left = u32::MAX;
        for sequence in &mut self.running {
            left = plan(sequence);
        }
        while left > 0 && self.running.len() < self.batching.max_running.max(1) as usize {
            let Some(mut sequence) = self.waiting.pop_front_if(|sequence| sequence.arrived <= start) else {
                break;
            };
            left = plan(&mut sequence);
            self.running.push(sequence);
        }
        self.step_ends = Some(start + self.batching.cost.step(tokens, sequences, kv_tokens));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use floodline_core::random::{Purpose, Stream};
    use proptest::prelude::*;

    use super::*;
    use crate::model::Profile;

    /// Round figures: a step is max(1 ms, 10 µs × tokens) + 100 µs × sequences + 1 ms.
    const ROUND: Batching = Batching {
        cost: StepCost {
            floor_ps: 1_000_000_000,
            per_token_ps: 10_000_000,
            per_sequence_ps: 100_000_000,
            per_kv_token_ps: 0,
            overhead_ps: 1_000_000_000,
        },
        step_tokens: 500,
        max_running: 4,
        max_waiting: 3,
    };

    fn us(us: u64) -> Moment {
        Moment(us * 1_000)
    }

    /// Runs until idle; (sequence, index, µs) of every token.
    fn drain(batcher: &mut Batcher) -> Vec<(u64, u32, u64)> {
        let mut seen = Vec::new();
        while let Some(due) = batcher.next_due() {
            batcher.advance(due, &mut |e| seen.push((e.id.0, e.first, e.at.0 / 1_000)));
        }
        seen
    }

    #[test]
    fn alone_a_request_meets_the_formula() {
        for prompt in [1, 100, 500, 501, 1_700] {
            let mut batcher = Batcher::new(Profile::named("8b-h100").unwrap().batching.unwrap());
            batcher.submit(us(7), SeqId(1), prompt, 3).unwrap();
            let mut at = Vec::new();
            while let Some(due) = batcher.next_due() {
                batcher.advance(due, &mut |e| at.push(e.at));
            }
            let batching = &batcher.batching;
            assert_eq!(at[0].since(us(7)), batching.unloaded_ttft(prompt));
            assert_eq!(at[1].since(at[0]), batching.unloaded_gap(prompt));
            assert_eq!(at[2].since(at[1]), batching.unloaded_gap(prompt + 1));
        }
    }

    #[test]
    fn a_long_prompt_tears_one_wider_gap_into_the_other_streams() {
        let mut batcher = Batcher::new(ROUND);
        batcher.submit(us(0), SeqId(1), 10, 6).unwrap();
        batcher.advance(us(2_100), &mut |_| ());
        batcher.submit(us(2_200), SeqId(2), 400, 2).unwrap();
        let seen = drain(&mut batcher);
        let first: Vec<_> = seen.iter().filter(|s| s.0 == 1).map(|s| s.2).collect();
        // Alone 2.1 ms; with the prompt 401 tokens at 10 µs, two sequences and 1 ms: 5.21 ms; then two decoding.
        assert_eq!(first, [4_200, 9_410, 11_610, 13_710, 15_810]);
        assert_eq!(seen.iter().filter(|s| s.0 == 2).map(|s| s.2).collect::<Vec<_>>(), [9_410, 11_610]);
    }

    #[test]
    fn a_prompt_beyond_the_budget_takes_several_steps() {
        let mut batcher = Batcher::new(ROUND);
        batcher.submit(us(0), SeqId(1), 1_100, 1).unwrap();
        // 500, 500 and 100 tokens.
        assert_eq!(drain(&mut batcher), [(1, 0, 6_100 + 6_100 + 2_100)]);
    }

    #[test]
    fn beyond_the_cap_requests_wait_and_beyond_the_queue_they_are_refused() {
        let mut batcher = Batcher::new(ROUND);
        for id in 0..7 {
            batcher.submit(us(0), SeqId(id), 1, 2).unwrap();
        }
        assert_eq!(batcher.submit(us(0), SeqId(7), 1, 2), Err(Overloaded));
        assert_eq!((batcher.running.len(), batcher.waiting.len()), (1, 6));
        let seen = drain(&mut batcher);
        let first = |id| seen.iter().find(|s| s.0 == id && s.1 == 0).unwrap().2;
        assert_eq!([first(0), first(1), first(3)], [2_100, 4_500, 4_500]);
        // 4, 5 and 6 wait until a place is free.
        assert_eq!([first(4), first(5), first(6)], [6_900, 9_200, 9_200]);
        assert_eq!(seen.len(), 14);
        batcher.submit(us(0), SeqId(7), 1, 1).unwrap();
        assert_eq!(drain(&mut batcher)[0].2, seen[13].2 + 2_100, "the past is not given away twice");
    }

    #[test]
    fn a_cancel_frees_its_place_for_the_next_step() {
        let mut batcher = Batcher::new(Batching { max_running: 1, ..ROUND });
        batcher.submit(us(0), SeqId(1), 1, 100).unwrap();
        batcher.submit(us(0), SeqId(2), 1, 1).unwrap();
        batcher.submit(us(0), SeqId(3), 1, 1).unwrap();
        batcher.cancel(SeqId(1));
        batcher.cancel(SeqId(2));
        assert_eq!(drain(&mut batcher), [(3, 0, 4_200)]);
    }

    #[test]
    fn throughput_saturates_at_the_analytic_value() {
        let profile = Profile::named("8b-h100").unwrap();
        let batching = profile.batching.unwrap();
        let mut batcher = Batcher::new(batching);
        for id in 0..256 {
            batcher.submit(us(0), SeqId(id), 8, 2_000).unwrap();
        }
        let (mut tokens, mut first, mut last) = (0u64, None, Moment::START);
        while let Some(due) = batcher.next_due() {
            batcher.advance(due, &mut |e| {
                if e.first > 0 {
                    first.get_or_insert(e.at);
                    tokens += 1;
                    last = e.at;
                }
            });
        }
        let got = tokens as f64 / last.since(first.unwrap()).as_secs_f64();
        let want = profile.saturated_tokens_per_s(256, 8 + 1_000).unwrap();
        assert!((got / want - 1.0).abs() < 0.01, "{got} tokens/s, not {want}");
    }

    /// Poisson arrivals against an engine, in virtual time: how many tokens, a digest of the whole log, how many
    /// requests were refused.
    fn load(seed: u64, requests: u32, per_s: f64) -> (u64, u64, u32) {
        let mut batcher = Batcher::new(Profile::named("8b-h100").unwrap().batching.unwrap());
        let mut stream = Stream::new(seed, Purpose::Arrivals, 0);
        let (mut tokens, mut digest, mut refused) = (0, 0u64, 0);
        let (mut now, mut last) = (0.0, Moment::START);
        let mut emit = |e: Emission| {
            assert!(last <= e.at);
            last = e.at;
            tokens += 1;
            for word in [e.id.0, u64::from(e.first), e.at.0, u64::from(e.last)] {
                digest = (digest ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
            }
        };
        for id in 0..u64::from(requests) {
            now += stream.exponential() / per_s;
            let arrived = Moment((now * 1e9) as u64);
            batcher.advance(arrived, &mut emit);
            let (prompt, answer) = (1 + stream.below(2_000), 1 + stream.below(400));
            refused += u32::from(batcher.submit(arrived, SeqId(id), prompt, answer).is_err());
        }
        while let Some(due) = batcher.next_due() {
            batcher.advance(due, &mut emit);
        }
        (tokens, digest, refused)
    }

    #[test]
    fn the_same_arrivals_give_the_same_log() {
        assert_eq!(load(1, 5_000, 25.0), load(1, 5_000, 25.0));
        assert_ne!(load(2, 5_000, 25.0).1, load(1, 5_000, 25.0).1);
    }

    /// Hours of virtual time with a hundred thousand requests, below and beyond what the engine can carry: forty
    /// million tokens, some tenths of a second in release and a few seconds without optimisation.
    #[test]
    fn hours_of_a_hundred_thousand_requests_take_seconds() {
        let (tokens, _, refused) = load(1, 100_000, 100_000.0 / 7_200.0);
        assert_eq!(refused, 0);
        assert!((tokens as f64 / 20_050_000.0 - 1.0).abs() < 0.01, "{tokens}");
        assert!(load(1, 100_000, 100_000.0 / 1_800.0).2 > 10_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is submitted and cancelled when: exactly its tokens, in order, never early, none lost.
        #[test]
        fn every_sequence_gets_exactly_its_tokens(
            requests in prop::collection::vec((0u64..200_000, 0u32..3_000, 0u32..40, prop::option::of(0u64..300_000)), 1..40),
            cap in 1u32..6,
            budget in 0u32..700,
            poll in 1u64..20_000,
        ) {
            #[derive(Clone, Copy)]
            enum Act { Submit(usize), Cancel(usize) }
            let mut acts: Vec<(Moment, Act)> = Vec::new();
            for (id, (arrived, _, _, cancelled)) in requests.iter().enumerate() {
                acts.push((us(*arrived), Act::Submit(id)));
                if let Some(after) = cancelled {
                    acts.push((us(arrived + after), Act::Cancel(id)));
                }
            }
            acts.sort_by_key(|(at, _)| *at);
            let mut batcher =
                Batcher::new(Batching { max_running: cap, step_tokens: budget, max_waiting: 100, ..ROUND });
            let mut next: BTreeMap<u64, u32> = BTreeMap::new();
            let mut ended: BTreeMap<u64, bool> = BTreeMap::new();
            let (mut acts, mut now) = (acts.into_iter().peekable(), Moment::START);
            while acts.peek().is_some() || batcher.next_due().is_some() {
                now = now + Span(poll * 1_000);
                let mut failed = None;
                batcher.advance(now, &mut |e| {
                    let request = requests[e.id.0 as usize];
                    let next = next.entry(e.id.0).or_default();
                    let in_order = e.first == *next && e.count == 1;
                    let in_time = e.at <= now && e.at > us(request.0);
                    *next += 1;
                    let last_is_last = e.last == (*next == request.2.max(1));
                    let alive = ended.insert(e.id.0, e.last) != Some(true);
                    if !(in_order && in_time && last_is_last && alive) {
                        failed = Some(e);
                    }
                });
                prop_assert_eq!(failed, None);
                while let Some((at, act)) = acts.next_if(|(at, _)| *at <= now) {
                    match act {
                        Act::Submit(id) => {
                            let (_, prompt, tokens, _) = requests[id];
                            prop_assert!(batcher.submit(at, SeqId(id as u64), prompt, tokens).is_ok());
                        }
                        Act::Cancel(id) => {
                            batcher.cancel(SeqId(id as u64));
                            ended.insert(id as u64, true);
                        }
                    }
                }
            }
            for (id, request) in requests.iter().enumerate() {
                prop_assert_eq!(ended.get(&(id as u64)), Some(&true), "sequence {} never ended", id);
                if request.3.is_none() {
                    prop_assert_eq!(next.get(&(id as u64)), Some(&request.2.max(1)));
                }
            }
            prop_assert_eq!((batcher.running.len(), batcher.waiting.len()), (0, 0));
        }
    }
}
