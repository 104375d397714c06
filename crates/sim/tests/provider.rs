//! The provider as a whole: it decides as the limiter alone would, gives back what it holds, and keeps count.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::HashMap;

use floodline_core::limits::{
    Dimension, Figure, Figures, Limit, Limits, Period, Provider as Preset, Scope, Spent,
};
use floodline_core::{Moment, Span};
use floodline_sim::limits::ledger::Fate;
use floodline_sim::limits::{KeyId, Ledger, Limiter, ModelId, Request, Ticket, Verdict};
use floodline_sim::model::{Batching, Pace, SeqId, StepCost};
use floodline_sim::provider::{Asked, Decision, Provider};
use proptest::prelude::*;

const S: u64 = 1_000_000_000;

fn asked(prompt_tokens: u32, max: u32) -> Asked<'static> {
    Asked { prompt_tokens, max_tokens: Some(max.into()), steps: max, ..Asked::new(KeyId::of("k"), "m") }
}

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    /// So much later a request comes.
    Ask { after: u64, key: u8, model: u8, prompt: u32, max: u32, choices: u32 },
    /// So much later the client of an earlier request is gone.
    Leave { after: u64, which: usize },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let ask = (0..2 * S, 0..3u8, 0..2u8, 0..200u32, 1..60u32, 1..3u32).prop_map(
        |(after, key, model, prompt, max, choices)| Event::Ask { after, key, model, prompt, max, choices },
    );
    let leave = (0..S, 0..100usize).prop_map(|(after, which)| Event::Leave { after, which });
    prop::collection::vec(prop_oneof![4 => ask, 1 => leave], 1..120)
}

fn paces() -> [Pace; 3] {
    let cost = StepCost {
        floor_ps: 20_000_000_000,
        per_token_ps: 100_000_000,
        per_sequence_ps: 1_000_000_000,
        per_kv_token_ps: 0,
        overhead_ps: 0,
    };
    let batching = Batching { cost, step_tokens: 300, max_running: 3, max_waiting: 2 };
    [Pace::instant(), Pace::exact(Span::from_millis(300), Span::from_millis(40)), Pace::batched(batching)]
}

/// Small enough that all of them are reached.
fn limits(preset: Preset) -> Limits {
    let figures = Figures {
        preset: Some(preset),
        window: Some(Span::from_secs(10)),
        rpm: Some(Figure::Of(6)),
        tpm: Some(Figure::Of(400)),
        output_tpm: Some(Figure::Of(150)),
        concurrency: Some(Figure::Of(3)),
        quota: Some(Figure::Of(5_000)),
        ..Figures::default()
    };
    figures.limits().unwrap()
}

/// An answer as the reference knows it.
struct Open {
    ticket: Ticket,
    prompt: u64,
    choices: u64,
    steps: u64,
}

/// The limiter alone, told about everything by what the caller of a provider sees.
struct Reference {
    limiter: Limiter,
    open: HashMap<u64, Open>,
}

impl Reference {
    fn end(&mut self, at: Moment, id: u64) {
        let Some(Open { ticket, prompt, choices, steps }) = self.open.remove(&id) else { return };
        self.limiter.finished(ticket, at, Spent { prompt, cached: 0, output: steps * choices });
    }
}

/// Lets time pass in both.
fn advance(provider: &mut Provider, reference: &mut Reference, now: Moment) {
    let mut emissions = Vec::new();
    provider.advance(now, &mut |emission| emissions.push(emission));
    for emission in emissions {
        if let Some(open) = reference.open.get_mut(&emission.id.0) {
            open.steps += u64::from(emission.count);
            let tokens = u64::from(emission.count) * open.choices;
            reference.limiter.produced(&mut open.ticket, emission.at, tokens);
        }
        if emission.last {
            reference.end(emission.at, emission.id.0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever happens, it is admitted, refused and stated what the limiter alone says.
    #[test]
    fn the_providers_decisions_are_the_limiters(events in events()) {
        for (preset, pace) in Preset::ALL.into_iter().flat_map(|preset| paces().map(|pace| (preset, pace))) {
            let limits = limits(preset);
            let mut provider = Provider::new(pace, Some(&limits)).unwrap();
            provider.keep(Ledger::new(1_000));
            let mut reference = Reference { limiter: Limiter::new(&limits).unwrap(), open: HashMap::new() };
            let (mut now, mut counted) = (Moment::START, [0u64; 3]);
            for (id, event) in (0u64..).zip(&events) {
                match *event {
                    Event::Ask { after, key, model, prompt, max, choices } => {
                        now = now + Span(after);
                        advance(&mut provider, &mut reference, now);
                        let (key, model) = (KeyId::of(&key.to_string()), format!("m{model}"));
                        let most = u64::from(max) * u64::from(choices);
                        let asked = Asked {
                            prompt_tokens: prompt, max_tokens: Some(most), steps: max, choices, ..Asked::new(key, &model)
                        };
                        let request = Request::new(key, ModelId::of(&model), prompt.into(), Some(most));
                        let decision = provider.accept(now, SeqId(id), &asked);
                        match (reference.limiter.admit(now, &request), decision) {
                            (Verdict::Admitted(ticket, expected), Decision::Answered(Some(standing))) => {
                                prop_assert_eq!(standing, expected);
                                counted[0] += 1;
                                let choices = choices.into();
                                reference.open.insert(id, Open { ticket, prompt: prompt.into(), choices, steps: 0 });
                            }
                            (Verdict::Admitted(ticket, _), Decision::Overloaded) => {
                                counted[2] += 1;
                                reference.limiter.finished(ticket, now, Spent::default());
                            }
                            (Verdict::Refused(expected), Decision::Refused(refusal, standing)) => {
                                counted[1] += 1;
                                prop_assert_eq!(refusal, expected);
                                prop_assert_eq!(standing, reference.limiter.standing(now, key, ModelId::of(&model)));
                            }
                            (verdict, decision) => prop_assert!(false, "{verdict:?} is no {decision:?}"),
                        }
                    }
                    Event::Leave { after, which } => {
                        now = now + Span(after);
                        advance(&mut provider, &mut reference, now);
                        let which = which as u64 % id.max(1);
                        let steps = reference.open.get(&which).map_or(0, |open| open.steps);
                        provider.cancel(now, SeqId(which), u32::try_from(steps).unwrap());
                        reference.end(now, which);
                    }
                }
            }
            let counts = provider.ledger().unwrap().counts();
            prop_assert_eq!([counts.admitted, counts.refused, counts.overloaded], counted);
        }
    }
}

#[test]
fn a_place_is_given_back_when_the_answer_ends_or_nobody_waits_for_it() {
    let figures = Figures { concurrency: Some(Figure::Of(1)), ..Figures::default() };
    let pace = Pace::exact(Span::from_secs(1), Span::from_secs(1));
    let mut provider = Provider::new(pace, Some(&figures.limits().unwrap())).unwrap();
    let admits = |provider: &mut Provider, at: u64, id: u64| {
        provider.advance(Moment(at), &mut |_| {});
        matches!(provider.accept(Moment(at), SeqId(id), &asked(1, 3)), Decision::Answered(_))
    };
    assert!(admits(&mut provider, 0, 1));
    assert!(!admits(&mut provider, 3 * S - 1, 2));
    assert!(admits(&mut provider, 3 * S, 3));
    assert!(!admits(&mut provider, 3 * S, 4));
    provider.cancel(Moment(4 * S), SeqId(3), 1);
    assert!(admits(&mut provider, 4 * S, 5));
    // What is unknown or over gives nothing back.
    provider.cancel(Moment(4 * S), SeqId(3), 1);
    provider.cancel(Moment(4 * S), SeqId(99), 0);
    assert!(!admits(&mut provider, 4 * S, 6));
}

#[test]
fn a_client_that_leaves_is_charged_for_what_it_was_sent() {
    let limits =
        Figures { preset: Some(Preset::Bedrock), tpm: Some(Figure::Of(1_000)), ..Figures::default() };
    let pace = Pace::exact(Span::ZERO, Span::from_millis(1));
    let mut provider = Provider::new(pace, Some(&limits.limits().unwrap())).unwrap();
    let used = |decision| match decision {
        Decision::Answered(Some(standing)) => standing.gauges()[1].used,
        other => panic!("{other:?}"),
    };
    assert_eq!(used(provider.accept(Moment(0), SeqId(1), &asked(100, 800))), 900);
    provider.advance(Moment(6_000_000), &mut |_| {});
    provider.cancel(Moment(6_000_000), SeqId(1), 7);
    // 107 of the first and 2 of this one, less what six milliseconds refill.
    assert_eq!(used(provider.accept(Moment(6_000_000), SeqId(2), &asked(1, 1))), 109);
}

#[test]
fn live_output_crosses_a_limit_in_the_middle_of_an_answer() {
    let figures =
        Figures { preset: Some(Preset::Anthropic), output_tpm: Some(Figure::Of(60)), ..Figures::default() };
    let pace = Pace::exact(Span::ZERO, Span::from_millis(10));
    let mut provider = Provider::new(pace, Some(&figures.limits().unwrap())).unwrap();
    assert!(matches!(provider.accept(Moment(0), SeqId(1), &asked(1, 500)), Decision::Answered(_)));
    provider.advance(Moment(S), &mut |_| {});
    // A hundred and one tokens in a second, of which one has drained: the answer goes on, the next one does not begin.
    let Decision::Refused(refusal, _) = provider.accept(Moment(S), SeqId(2), &asked(1, 1)) else {
        panic!("room")
    };
    assert_eq!((refusal.dimension, refusal.used), (Dimension::OutputTokens, 100));
    let mut rest = 0;
    provider.advance(Moment(10 * S), &mut |emission| rest += emission.count);
    assert_eq!(rest, 399);
}

#[test]
fn a_full_queue_costs_no_tokens_and_is_told_in_the_ledger() {
    let [.., pace] = paces();
    let limits =
        Figures { preset: Some(Preset::Bedrock), tpm: Some(Figure::Of(1_000_000)), ..Figures::default() };
    let mut provider = Provider::new(pace, Some(&limits.limits().unwrap())).unwrap();
    provider.keep(Ledger::new(100));
    let fates = (0..9).map(|id| provider.accept(Moment(0), SeqId(id), &asked(10, 10)));
    let overloaded = fates.filter(|decision| *decision == Decision::Overloaded).count();
    assert_eq!(overloaded, 4, "three run and two wait");
    let last = provider.ledger().unwrap().attempts().last().unwrap();
    assert_eq!(last.met.fate, Fate::Overloaded);
    let standing = match provider.accept(Moment(0), SeqId(10), &Asked { steps: 1, ..asked(10, 10) }) {
        Decision::Overloaded => provider.ledger().unwrap().counts(),
        other => panic!("{other:?}"),
    };
    assert_eq!((standing.admitted, standing.overloaded), (5, 5));
}

#[test]
fn other_limits_can_be_put_into_force() {
    let of = |value| {
        let limits = vec![Limit::new(Dimension::Requests, value, Period::Minute)];
        Limits { limits, ..Limits::preset(Preset::OpenAi) }
    };
    let mut provider = Provider::new(Pace::exact(Span(S), Span(S)), Some(&of(1))).unwrap();
    let admits = |provider: &mut Provider, id| {
        matches!(provider.accept(Moment(0), SeqId(id), &asked(1, 1)), Decision::Answered(_))
    };
    assert!(admits(&mut provider, 1) && !admits(&mut provider, 2));
    provider.set_limits(Some(&of(2))).unwrap();
    assert!(admits(&mut provider, 3) && admits(&mut provider, 4) && !admits(&mut provider, 5));
    let nonsense = Limits { limits: vec![Limit { value: 0, ..of(1).limits[0].clone() }], ..of(1) };
    assert!(provider.set_limits(Some(&nonsense)).is_err());
    assert_eq!(provider.limits(), Some(&of(2)));
    // The answers of before end, and give back nothing to limits that they were not charged to.
    provider.advance(Moment(S), &mut |_| {});
    assert!(!admits(&mut provider, 6));
    provider.set_limits(None).unwrap();
    assert!(admits(&mut provider, 7));
}

#[test]
fn a_hundred_thousand_keys_have_a_limit_each() {
    const KEYS: u64 = 100_000;
    let figures = Figures { rpm: Some(Figure::Of(1)), scope: Some(Scope::Key), ..Figures::default() };
    let mut provider = Provider::new(Pace::instant(), Some(&figures.limits().unwrap())).unwrap();
    let keys = (0..KEYS).map(|key| KeyId::of(&format!("sk-{key}"))).collect::<Vec<_>>();
    let mut admitted = |at: u64, id: u64, key: KeyId| {
        provider.advance(Moment(at), &mut |_| {});
        let asked = Asked { max_tokens: Some(1), ..Asked::new(key, "m") };
        matches!(provider.accept(Moment(at), SeqId(id), &asked), Decision::Answered(_))
    };
    // All within a second; none has room for a second request, and each has a minute later.
    for (id, key) in (0..).zip(&keys) {
        assert!(admitted(id * 10_000, id, *key));
    }
    for (id, key) in (KEYS..).zip(&keys) {
        assert!(!admitted(id * 10_000, id, *key));
    }
    for (id, key) in (2 * KEYS..).zip(&keys) {
        assert!(admitted(62 * S + id * 10_000, id, *key));
    }
}
