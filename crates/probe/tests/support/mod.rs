//! Searches in virtual time: trials are rehearsed against a simulated provider that remembers from one to the next.

use std::sync::Arc;

use floodline_core::limits::{Algorithm, Dimension, Figure, Figures, Limit, Period};
use floodline_core::objective::{Misses, Shares};
use floodline_core::plan::{Address, Load, Plan, Target};
use floodline_core::schedule::{Spread, Stage};
use floodline_core::verdict::Stamps;
use floodline_core::{Moment, Objective, Rate, RunEvent, Span};
use floodline_probe::ceiling::{By, Ceiling, Completed, End, Question, Search, Told, Trial, Tried, Watch};
use floodline_sim::limits::Limiter;
use floodline_sim::model::Pace;
use floodline_sim::rehearsal::{Go, Rehearsal};

/// The objectives of these texts.
pub(crate) fn objectives(texts: &[&str]) -> Vec<Objective> {
    texts.iter().map(|text| Objective::parse(text, None).unwrap()).collect()
}

/// Answers of four tokens in 342 ms to prompts of eighty, the network included.
pub(crate) fn exact() -> Rehearsal {
    let pace = Pace::exact(Span::from_millis(250), Span::from_millis(30));
    let mut rehearsal = Rehearsal::new(pace, |_| (80, 4));
    rehearsal.network = Span::from_millis(1);
    rehearsal
}

/// The same behind one limit.
pub(crate) fn behind(limit: Limit) -> Rehearsal {
    let mut limits = Figures { rpm: Some(Figure::Of(1)), ..Figures::default() }.limits().unwrap();
    limits.limits = vec![limit];
    let mut rehearsal = exact();
    rehearsal.limiter = Some(Limiter::new(&limits).unwrap());
    rehearsal
}

/// A limit of so much in a window of so many seconds.
pub(crate) fn limit(dimension: Dimension, value: u64, seconds: u64, algorithm: Algorithm) -> Limit {
    Limit { window: Span::from_secs(seconds), algorithm, ..Limit::new(dimension, value, Period::Minute) }
}

/// One on requests.
pub(crate) fn requests(value: u64, seconds: u64, algorithm: Algorithm) -> Limit {
    limit(Dimension::Requests, value, seconds, algorithm)
}

/// A question for a rate.
pub(crate) fn rate(texts: &[&str]) -> Question {
    Question::new(By::Rate, objectives(texts))
}

/// A question for users.
pub(crate) fn users(texts: &[&str]) -> Question {
    Question::new(By::Users, objectives(texts))
}

/// A plan whose load a trial replaces.
pub(crate) fn plan(spread: Spread, seed: u64, objectives: &[Objective]) -> Plan {
    let target = Target::new(Address::Url(String::new()), "m");
    let stage = Stage { spread, ..Stage::hold(Rate::per_second(1), None) };
    let load = Load::Open { stages: vec![stage], requests: None };
    let mut plan = Plan::new("ceiling".into(), seed, target, Vec::new(), load);
    plan.objectives = objectives.to_vec();
    plan
}

/// Makes one trial, in virtual time.
pub(crate) fn make(
    rehearsal: &mut Rehearsal,
    question: &Question,
    trial: Trial,
    spread: Spread,
    seed: u64,
) -> (Told, Span) {
    let mut plan = plan(spread, seed, &question.objectives);
    trial.load_into(&mut plan);
    let plan = Arc::new(plan);
    rehearsal.rest(trial.rest);
    let mut watch = Watch::new(question, trial, plan.clone(), Stamps::Kernel);
    let mut now = Moment::START;
    let took = rehearsal
        .run(&plan, &mut |at, event| {
            now = now.max(at);
            match event {
                Some(event) => {
                    watch.event(event);
                    Go::On
                }
                None => match watch.look(at) {
                    None => Go::On,
                    Some(End::Drain) => Go::Drain,
                    Some(End::Now) => Go::Now,
                },
            }
        })
        .unwrap();
    (watch.finish(now, None), took)
}

/// Searches to the end.
pub(crate) fn search(rehearsal: &mut Rehearsal, question: Question, spread: Spread, seed: u64) -> Ceiling {
    let (question, completed): (Question, Completed) = question.completed();
    let mut search = Search::new(question);
    let mut took = Span::ZERO;
    while let Some(trial) = search.next() {
        let of_its_own = seed * 1_000 + u64::from(trial.number);
        let (told, length) = make(rehearsal, search.question(), trial, spread, of_its_own);
        took += length + trial.rest;
        search.record(told);
    }
    search.answer(&completed, None, took)
}

/// What was tried, for reading when a test fails.
pub(crate) fn told(ceiling: &Ceiling) -> String {
    let line = |t: &Tried| {
        format!(
            "{:>2} {:>10} {:?} {:?} sure={} {:.1}s steady={:?} n={} ok={} refused={} flooded={} {:?} p95={:?}\n",
            t.number,
            t.load,
            t.depth,
            t.verdict,
            t.sure,
            t.seconds,
            t.steady_from_s,
            t.requests,
            t.ok,
            t.refused,
            t.flooded,
            t.bound,
            t.latency.p95,
        )
    };
    let trials: String = ceiling.trials.iter().map(line).collect();
    format!(
        "{:?} {:?} in {:?} by {:?} confirmed={} {:?} knee={:?} took {:.0}s\n{trials}",
        ceiling.status,
        ceiling.value,
        ceiling.interval,
        ceiling.bound_by,
        ceiling.confirmed,
        ceiling.disagreements,
        ceiling.knee.as_ref().map(|k| k.load),
        ceiling.took_s,
    )
}

/// Whether a load meets the objectives when it is held for ten minutes, the first two left out, without falling behind. What
/// comes back is counted; no code of the search is used.
pub(crate) fn bears(provider: fn() -> Rehearsal, question: &Question, spread: Spread, load: f64) -> bool {
    let (question, _) = question.clone().completed();
    let mut plan = plan(spread, 99, &question.objectives);
    let trial = Trial {
        number: 1,
        by: question.by,
        load,
        depth: floodline_core::ceiling::Depth::Full,
        flood: None,
        clean: None,
        memory: Span::ZERO,
        even: false,
        unloaded: None,
        learn: false,
        leave: true,
        to_the_end: false,
        rest: Span::ZERO,
    };
    trial.load_into(&mut plan);
    let shares = Shares::of(&question.objectives);
    let mut counted = vec![Misses::default(); question.objectives.len()];
    let mut ended = 0u64;
    let (from, to) = (Moment(120_000_000_000), Moment(600_000_000_000));
    let mut rehearsal = provider();
    rehearsal
        .run(&plan, &mut |at, event| {
            if let Some(RunEvent::Ended(record)) = event {
                ended += 1;
                for (sum, one) in
                    counted.iter_mut().zip(shares.misses(record)).filter(|_| record.scheduled >= from)
                {
                    (sum.values, sum.missed) = (sum.values + one.values, sum.missed + one.missed);
                }
            }
            if at >= to { Go::Now } else { Go::On }
        })
        .unwrap();
    let due = load * 600.0;
    let behind = question.by == By::Rate && due - ended as f64 > 0.004 * due + 20.0 * load.sqrt();
    let allowed = shares.allowed();
    !behind
        && counted
            .iter()
            .zip(allowed)
            .all(|(m, allowed)| (m.missed as f64) < allowed.unwrap() * m.values as f64)
}
