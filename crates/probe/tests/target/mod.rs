//! A target in virtual time: the simulated limiter behind a network that jitters and a model that takes its time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use floodline_core::finding::Finding;
use floodline_core::limits::{Dimension, Limits, Spent};
use floodline_core::random::{Purpose, Stream};
use floodline_core::retry::{Dimension as Said, Refusal, Why};
use floodline_core::stated::{Quota, StatedLimits};
use floodline_core::{Moment, Span};
use floodline_probe::limits::{Answer, Command, Experiment, Probe, Reply, Settings, Tokens};
use floodline_sim::limits::{KeyId, Limiter, ModelId, Request, Ticket, Verdict};

/// How a target behaves apart from its limiter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// The least time from here to there.
    pub(crate) way: Span,
    /// By how much it varies, each way.
    pub(crate) jitter: Span,
    /// Until the first token of an answer.
    pub(crate) first: Span,
    /// From token to token.
    pub(crate) gap: Span,
    /// The share of what was asked for that an answer comes to, at random down to this.
    pub(crate) shortest: f64,
    /// Tokens that a chat template adds to a prompt.
    pub(crate) template: u64,
    /// Whether refusals state their wait.
    pub(crate) states_wait: bool,
    /// Whether refusals name the limit.
    pub(crate) names: bool,
}

enum What {
    Arrives(Probe),
    Over(Probe, Ticket, u64),
    Back(Probe, Box<Answer>),
}

/// What is still to happen, in the order of time.
#[derive(Default)]
struct Happenings {
    queue: BinaryHeap<Reverse<(Moment, usize)>>,
    all: Vec<Option<What>>,
}

impl Happenings {
    fn add(&mut self, at: Moment, what: What) {
        self.queue.push(Reverse((at, self.all.len())));
        self.all.push(Some(what));
    }

    fn next(&self) -> Option<Moment> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    fn take(&mut self) -> Option<What> {
        let Reverse((_, index)) = self.queue.pop()?;
        self.all[index].take()
    }
}

/// Runs an experiment to its end, and returns what it found and when it was over.
pub(crate) fn run(limits: &Limits, manner: Manner, settings: Settings, seed: u64) -> (Finding, Moment) {
    let mut limiter = Limiter::new(limits).expect("limits that make sense");
    let mut random = Stream::new(seed, Purpose::Answers, 1);
    let mut experiment = Experiment::new(settings);
    let mut happenings = Happenings::default();
    let mut sent_at: Vec<Moment> = Vec::new();
    let mut now = Moment::START;
    let epoch = Span((random.fraction() * 1e11) as u64);
    let claims = limits.headers.then(|| claimed(limits));
    loop {
        match experiment.next(now) {
            Command::Done => break,
            Command::Send(probe) => {
                assert_eq!(probe.id, sent_at.len());
                // It takes a little to send one.
                now = now + Span(30_000);
                sent_at.push(now);
                let at = now + way(manner, &mut random);
                happenings.add(at, What::Arrives(probe));
                continue;
            }
            Command::Wait(until) => {
                let next = happenings.next();
                match (next, until) {
                    (Some(next), until) if until.is_none_or(|until| next <= until) => now = now.max(next),
                    (_, Some(until)) => {
                        // Nobody wakes on the dot.
                        now = until.max(now) + Span((random.fraction() * 100_000.0) as u64);
                        continue;
                    }
                    (_, None) => panic!("waits for nothing"),
                }
            }
        }
        let Some(what) = happenings.take() else { continue };
        match what {
            What::Arrives(probe) => {
                let prompt = u64::from(probe.prompt_tokens) + manner.template;
                let key = KeyId::of(&format!("sk-{}", probe.key));
                let request = Request::new(key, ModelId::of("m"), prompt, Some(u64::from(probe.max_tokens)));
                match limiter.admit(now + epoch, &request) {
                    Verdict::Admitted(ticket, _) => {
                        let share = manner.shortest + (1.0 - manner.shortest) * random.fraction();
                        let output = ((f64::from(probe.max_tokens) * share).round() as u64).max(1);
                        let takes = Span(manner.first.0 + manner.gap.0 * output);
                        happenings.add(now + takes, What::Over(probe, ticket, output));
                    }
                    Verdict::Refused(refusal) => {
                        let stated = manner.states_wait.then(|| StatedLimits {
                            retry_after: refusal.wait,
                            ..claims.clone().unwrap_or_default()
                        });
                        let reply = Reply::Refused {
                            refusal: Refusal {
                                why: if refusal.permanent() { Why::TooLarge } else { Why::RateLimited },
                                dimension: manner.names.then(|| name(refusal.dimension)),
                            },
                            status: Some(429),
                        };
                        let ended = now + way(manner, &mut random);
                        let answer = Answer { sent: sent_at[probe.id], ended, stated, reply };
                        happenings.add(ended, What::Back(probe, Box::new(answer)));
                    }
                }
            }
            What::Over(probe, ticket, output) => {
                let prompt = u64::from(probe.prompt_tokens) + manner.template;
                limiter.finished(ticket, now + epoch, Spent { prompt, cached: 0, output });
                let ended = now + way(manner, &mut random);
                let reply = Reply::Admitted(Some(Tokens { prompt, output }));
                let answer = Answer { sent: sent_at[probe.id], ended, stated: claims.clone(), reply };
                happenings.add(ended, What::Back(probe, Box::new(answer)));
            }
            What::Back(probe, answer) => experiment.answered(probe.id, *answer),
        }
    }
    (experiment.finding(), now)
}

fn way(manner: Manner, random: &mut Stream) -> Span {
    Span(manner.way.0 + (manner.jitter.0 as f64 * random.fraction()) as u64)
}

/// What head fields claim of all limits.
fn claimed(limits: &Limits) -> StatedLimits {
    let of = |dimension| {
        let limit = limits.limits.iter().find(|limit| limit.dimension == dimension)?;
        Some(Quota { limit: i64::try_from(limit.value).ok(), ..Quota::default() })
    };
    StatedLimits {
        requests: of(Dimension::Requests),
        tokens: of(Dimension::Tokens),
        input: of(Dimension::InputTokens),
        output: of(Dimension::OutputTokens),
        ..StatedLimits::default()
    }
}

fn name(dimension: Dimension) -> Said {
    match dimension {
        Dimension::Requests => Said::Rpm,
        Dimension::Tokens => Said::Tpm,
        Dimension::InputTokens => Said::InputTpm,
        Dimension::OutputTokens => Said::OutputTpm,
        Dimension::Concurrency => Said::Concurrency,
    }
}
