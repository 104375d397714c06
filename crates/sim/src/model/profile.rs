//! Named profiles: what a request would meet on a known engine, model and machine.
//!
//! The figures are orders of magnitude of public measurements, put into the form of [`StepCost`]; each
//! derivation stands with its profile. They are meant to show true *shapes* (queueing, interference,
//! saturation) at plausible sizes, not to predict one deployment.
//!
//! Sources: Vidur (microsoft/vidur, profiled operator times of A100), splitwise-sim (its
//! `perf_model.csv`: prompt and token times of Llama-2-70B on H100), BLIS (inference-sim, `trained-physics`
//! coefficients fitted on H100), and vLLM's defaults for the limits. KV bytes per token are
//! 2 · layers · kv heads · head size · 2 bytes: 128 KiB for Llama-3-8B, 320 KiB for a 70B.

use super::Pace;
use super::batcher::{Batching, StepCost};

/// A provider that can be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name it goes by.
    pub name: &'static str,
    /// What the user gets, in one line.
    pub about: &'static str,
    /// The engine behind it; none answers at once.
    pub batching: Option<Batching>,
}

impl Profile {
    /// Every name that [`Profile::named`] knows.
    pub const NAMES: [&'static str; 4] =
        [INSTANT.name, LLAMA_8B_A100.name, LLAMA_8B_H100.name, LLAMA_70B_H100_TP8.name];

    /// Every profile, in the order of [`Profile::NAMES`].
    pub const ALL: [Profile; 4] = [INSTANT, LLAMA_8B_A100, LLAMA_8B_H100, LLAMA_70B_H100_TP8];

    /// The profile of that name.
    pub fn named(name: &str) -> Option<Profile> {
        Profile::ALL.into_iter().find(|profile| profile.name == name)
    }

    /// A fresh, idle provider of this profile.
    pub fn pace(&self) -> Pace {
        match self.batching {
            Some(batching) => Pace::batched(batching),
            None => Pace::instant(),
        }
    }

    /// [`Batching::saturated_tokens_per_s`] of the engine; none when there is none.
    pub fn saturated_tokens_per_s(&self, running: u32, mean_context: u32) -> Option<f64> {
        self.batching.map(|batching| batching.saturated_tokens_per_s(running, mean_context))
    }
}

/// No model: every token is due when the request arrives. For measuring what the network and the client cost.
const INSTANT: Profile = Profile { name: "instant", about: "answers at once, in full", batching: None };

/// Llama-3-8B on one A100 80 GB.
///
/// Vidur's linear operators per step at 1/32/64/128/256/512/1024/2048/4096 tokens take
/// 9.7/10.9/11.2/13.2/19.5/34.6/75.1/143.7/273 ms: a floor of 9.8 ms (memory bound), 66 µs per token once
/// compute bound, and 22 µs per sequence in small batches. KV reads: 128 KiB at 2.039 TB/s, times BLIS's 1.947
/// for decode attention: 125 ns per cached token. Overhead: BLIS's 32.1 µs per layer (32) and 126 µs per step.
const LLAMA_8B_A100: Profile = Profile {
    name: "8b-a100",
    about: "Llama-3-8B on one A100 80 GB",
    batching: Some(Batching {
        cost: StepCost {
            floor_ps: 9_800_000_000,
            per_token_ps: 66_000_000,
            per_sequence_ps: 22_000_000,
            per_kv_token_ps: 125_000,
            overhead_ps: 1_153_000_000,
        },
        ..VLLM_LIMITS
    }),
};

/// Llama-3-8B on one H100 SXM.
///
/// Floor: 16.06 GB of weights at 3.35 TB/s, times BLIS's 1.363: 6.53 ms. Compute: 2 · 8.03 GFLOP per token at 45 %
/// of 989.5 TFLOP/s: 36 µs. BLIS's 4.42 µs per sequence. KV reads: 128 KiB at 3.35 TB/s times 1.947: 76 ns.
/// Overhead as above. One stream alone gets a token each 7.7 ms.
const LLAMA_8B_H100: Profile = Profile {
    name: "8b-h100",
    about: "Llama-3-8B on one H100",
    batching: Some(Batching {
        cost: StepCost {
            floor_ps: 6_530_000_000,
            per_token_ps: 36_000_000,
            per_sequence_ps: 4_420_000,
            per_kv_token_ps: 76_000,
            overhead_ps: 1_153_000_000,
        },
        ..VLLM_LIMITS
    }),
};

/// A 70B model on eight H100, tensor parallel.
///
/// splitwise-sim's medians of Llama-2-70B: a decode step takes 29.9 ms + 0.31 ms per sequence (at 512 tokens of
/// context), a prompt about 90 µs per token beyond 1,024. Of the 29.9 ms, BLIS's 32.1 µs per layer (80) and 126 µs are
/// overhead and the rest is the floor. KV reads: 320 KiB over eight times 3.35 TB/s, times 1.947: 24 ns per cached
/// token, 12 µs of each sequence's 310 µs.
const LLAMA_70B_H100_TP8: Profile = Profile {
    name: "70b-h100-tp8",
    about: "a 70B model on eight H100, tensor parallel",
    batching: Some(Batching {
        cost: StepCost {
            floor_ps: 27_206_000_000,
            per_token_ps: 90_000_000,
            per_sequence_ps: 298_000_000,
            per_kv_token_ps: 24_000,
            overhead_ps: 2_694_000_000,
        },
        ..VLLM_LIMITS
    }),
};

/// vLLM's documented defaults for online serving with chunked prefill: 2,048 tokens per step, 256 sequences. vLLM's
/// queue is unbounded; the bound of 1,000 is that of llm-d-inference-sim. The cost is filled in by each profile.
const VLLM_LIMITS: Batching = Batching {
    cost: StepCost { floor_ps: 0, per_token_ps: 0, per_sequence_ps: 0, per_kv_token_ps: 0, overhead_ps: 0 },
    step_tokens: 2_048,
    max_running: 256,
    max_waiting: 1_000,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_profile() {
        for (name, profile) in Profile::NAMES.into_iter().zip(Profile::ALL) {
            assert_eq!(Profile::named(name), Some(profile));
        }
        assert_eq!(Profile::named("9b-h100"), None);
    }

    /// Each figure within the spread of the measurement its derivation names.
    #[test]
    fn the_figures_come_near_what_was_measured() {
        let batching = |name| Profile::named(name).and_then(|profile| profile.batching).unwrap();
        let near = |span: floodline_core::time::Span, ms: f64| {
            let got = span.as_millis_f64();
            assert!((got / ms - 1.0).abs() < 0.15, "{got} ms is not about {ms} ms");
        };
        near(batching("8b-a100").unloaded_ttft(2048), 143.7);
        near(batching("8b-a100").unloaded_gap(128), 10.9);
        near(batching("70b-h100-tp8").unloaded_gap(512), 30.3);
        near(batching("70b-h100-tp8").cost.step(64, 64, 64 * 512), 50.2);
        near(batching("70b-h100-tp8").unloaded_ttft(4096), 390.0);
        near(batching("8b-h100").unloaded_gap(512), 7.7);
    }
}
