//! From what stands of the hypotheses to a finding.

use floodline_core::Usd;
use floodline_core::finding::{
    FORMAT, Finding, FoundAlgorithm, FoundDimension, FoundLimit, FoundPrecharge, FoundScope, FoundWait,
    NotMet, VERSION,
};
use floodline_core::limits::{Dimension, Precharge, Start};
use floodline_core::retry::{Dimension as Said, Why};

use super::bench::{Bench, Crowd, Experiment, Known};
use super::fit::{Family, Fit, Hypothesis};
use super::log::Reply;
use super::{claims, rounds, waits};

/// Below this confidence a limit beside others is told without a value.
const UNSURE: f64 = 0.6;
/// The window for which a bucket's refill is told where none is known, in seconds.
const MINUTE: f64 = 60.0;
/// Windows that people choose, in seconds.
const USUAL: [f64; 14] = [0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 6.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0];
/// Windows up to this, in seconds, are taken for parts of a longer one unless it is said otherwise.
const SHORT: f64 = 1.02;

impl Experiment {
    /// What is known by now. It can be asked for at any time.
    pub fn finding(&self) -> Finding {
        let bench = &self.bench;
        let mut limits = limits(bench);
        // Beside another limit, whose refusals are in the way, a guess is worse than nothing.
        if limits.len() > 1 {
            for unsure in limits.iter_mut().filter(|limit| limit.confidence < UNSURE) {
                (unsure.value, unsure.interval, unsure.burst) = (None, None, None);
            }
        }
        let confidence = limits.iter().map(|limit| limit.confidence).fold(1.0, f64::min);
        Finding {
            format: FORMAT.into(),
            version: VERSION,
            target: "".into(),
            model: None,
            confidence: if limits.is_empty() { 0.0 } else { confidence },
            not_met: not_met(bench, &limits),
            limits,
            requests_used: bench.bill().requests,
            spent_usd: self.spent(),
            took_s: bench.clock(),
            ended_early: self.stopped().map(|stop| stop.to_string().into()),
        }
    }
}

impl Experiment {
    /// What it has cost so far, with the worst of what is not answered yet; nothing where there are no prices.
    pub fn spent(&self) -> Option<Usd> {
        self.bench.settings().prices.as_ref().map(|_| self.bench.bill().usd)
    }

    /// The limit that it is looking at or has found last, as far as it is known.
    pub fn believes(&self) -> Option<FoundLimit> {
        let best = self.bench.best().to_vec();
        let notes = self.bench.notes();
        match best.is_empty() {
            false => Some(limit(&self.bench, &Known { best, other_key: None, named: None, settled: false })),
            true => notes.known.last().map(|known| limit(&self.bench, known)),
        }
    }
}

/// All limits, the one that was met first at the head.
fn limits(bench: &Bench) -> Vec<FoundLimit> {
    let notes = bench.notes().clone();
    let mut found = notes.known.iter().map(|known| limit(bench, known)).collect::<Vec<_>>();
    // What was being looked at when it ended.
    let mut best = bench.best().to_vec();
    let mut named = bench.log().focus;
    if best.is_empty() && notes.known.is_empty() {
        let first = bench.log().lines.iter().find(|line| line.surprised()).map(|line| line.named());
        if let Some(first) = first {
            let mut log = bench.log().clone();
            (log.focus, named) = (first, first);
            let mut fit = Fit::of(named);
            fit.update(&log, bench.settings().window.map(|window| window.as_secs_f64()));
            best = fit.best;
        }
    }
    if rounds::is_another(bench, &best, named) {
        found.push(limit(bench, &Known { best, other_key: notes.other_key, named, settled: false }));
    }
    if let Some(crowd) = notes.crowd {
        found.insert(0, concurrency(bench, crowd));
    }
    found.extend(quotas(bench));
    let named = named_only(bench, &found);
    found.extend(named);
    found
}

/// The window that a limit has by its name, in seconds.
fn window_of(dimension: FoundDimension) -> Option<f64> {
    matches!(dimension, FoundDimension::Rpd | FoundDimension::Tpd).then_some(86_400.0)
}

/// Limits that refusals name and that were not measured: nothing is known of them but that they were met, and what head
/// fields claim.
fn named_only(bench: &Bench, found: &[FoundLimit]) -> Vec<FoundLimit> {
    let log = bench.log();
    let mut more: Vec<FoundLimit> = Vec::new();
    for line in &log.lines {
        let Some(Reply::Refused { refusal, status }) = line.answer.as_ref().map(|answer| &answer.reply)
        else {
            continue;
        };
        let Some(said) = line.named().filter(|_| matches!(refusal.why, Why::RateLimited | Why::TooLarge))
        else {
            continue;
        };
        let listed = |limit: &FoundLimit| {
            limit.dimension == dimension_of(said) && limit.dimension != FoundDimension::Quota
                || limit.stated_dimension.as_deref() == Some(said.name())
        };
        if !found.iter().chain(&more).any(listed) {
            more.push(FoundLimit {
                status: *status,
                window_s: window_of(dimension_of(said)),
                stated_dimension: Some(said.name().into()),
                confidence: 0.9,
                ..blank(bench, dimension_of(said))
            });
        }
    }
    more
}

/// What a refusal of this name is about.
fn dimension_of(named: Said) -> FoundDimension {
    match named {
        Said::Rpm => FoundDimension::Rpm,
        Said::Tpm => FoundDimension::Tpm,
        Said::InputTpm => FoundDimension::InputTpm,
        Said::OutputTpm => FoundDimension::OutputTpm,
        Said::Rpd => FoundDimension::Rpd,
        Said::Tpd => FoundDimension::Tpd,
        Said::Concurrency => FoundDimension::Concurrency,
        Said::Acceleration | Said::Spend => FoundDimension::Quota,
    }
}

/// What was sent without being refused, where no limit was found.
fn not_met(bench: &Bench, found: &[FoundLimit]) -> NotMet {
    let log = bench.log();
    let admitted = || log.lines.iter().filter(|line| line.admitted());
    let some = |value: usize| (value > 0).then_some(value as u64);
    let has = |dimension| found.iter().any(|limit| limit.dimension == dimension);
    let tokens = admitted().map(|line| {
        let prompt = line.tokens().map_or(u64::from(line.probe.prompt_tokens), |tokens| tokens.prompt);
        prompt + u64::from(line.probe.max_tokens)
    });
    NotMet {
        concurrency: if has(FoundDimension::Concurrency) { None } else { some(log.together()) },
        requests: if found.is_empty() { some(admitted().count()) } else { None },
        tokens: found.is_empty().then(|| tokens.sum()).filter(|sum| *sum > 0),
        claimed: claims::unmet(&log, found),
    }
}

fn concurrency(bench: &Bench, crowd: Crowd) -> FoundLimit {
    let value = crowd.value as f64;
    let log = bench.log();
    FoundLimit {
        value: Some(value),
        interval: Some((value, value)),
        algorithm: FoundAlgorithm::Unknown,
        precharge: FoundPrecharge::None,
        scope: scope(crowd.other_key),
        refusals_count: Some(false),
        confidence: if crowd.seen >= 3 { 0.97 } else { 0.8 },
        retry_after: match log.lines.iter().any(|line| line.explained && line.stated_wait().is_some()) {
            true => FoundWait::Unknown,
            false => FoundWait::Absent,
        },
        ..blank(bench, FoundDimension::Concurrency)
    }
}

/// Limits over long times that refusals speak of: nothing is known of them but that they were met.
fn quotas(bench: &Bench) -> Vec<FoundLimit> {
    let log = bench.log();
    let mut found: Vec<FoundLimit> = Vec::new();
    for line in &log.lines {
        let Some(Reply::Refused { refusal, status }) = line.answer.as_ref().map(|answer| &answer.reply)
        else {
            continue;
        };
        if refusal.why != Why::QuotaExhausted {
            continue;
        }
        let dimension = match refusal.dimension {
            Some(Said::Rpd) => FoundDimension::Rpd,
            Some(Said::Tpd) => FoundDimension::Tpd,
            _ => FoundDimension::Quota,
        };
        if found.iter().all(|limit| limit.dimension != dimension) {
            found.push(FoundLimit {
                status: *status,
                window_s: window_of(dimension),
                confidence: 0.9,
                ..blank(bench, dimension)
            });
        }
    }
    found
}

/// A limit of which nothing is known but what it counts.
fn blank(bench: &Bench, dimension: FoundDimension) -> FoundLimit {
    let log = bench.log();
    let said = log.lines.iter().filter_map(|line| line.named());
    let said = said.into_iter().find(|said| dimension_of(*said) == dimension);
    FoundLimit {
        dimension,
        value: None,
        interval: None,
        window_s: None,
        algorithm: FoundAlgorithm::Unknown,
        burst: None,
        precharge: FoundPrecharge::Unknown,
        settlement: None,
        scope: FoundScope::Unknown,
        refusals_count: None,
        status: log.lines.iter().find_map(|line| match &line.answer.as_ref()?.reply {
            Reply::Refused { status, .. } => *status,
            Reply::Admitted(_) | Reply::Failed { .. } => None,
        }),
        retry_after: FoundWait::Unknown,
        start: None,
        every_s: None,
        leaky: false,
        approximate: false,
        stated_value: claims::of(&log, dimension),
        stated_dimension: said.map(|said| said.name().into()),
        confidence: 0.0,
    }
}

fn scope(other_key: Option<bool>) -> FoundScope {
    match other_key {
        Some(true) => FoundScope::Key,
        Some(false) => FoundScope::Shared,
        None => FoundScope::Unknown,
    }
}

fn limit(bench: &Bench, known: &Known) -> FoundLimit {
    let all = known.best.as_slice();
    let dimension = |it: &Hypothesis| match it.charge.dimension {
        // Its name tells a day's limit from a minute's, however long its window was.
        _ if known.named.is_some_and(|named| it.charge.is_named(named)) => {
            known.named.map_or(FoundDimension::Quota, dimension_of)
        }
        Dimension::Requests => FoundDimension::Rpm,
        Dimension::Tokens => FoundDimension::Tpm,
        Dimension::InputTokens => FoundDimension::InputTpm,
        Dimension::OutputTokens => FoundDimension::OutputTpm,
        Dimension::Concurrency => FoundDimension::Concurrency,
    };
    let Some(first) = all.first() else { return blank(bench, FoundDimension::Quota) };
    if !bench.log().came_back(known.named) {
        // How much comes back, and when, was not seen.
        return FoundLimit {
            scope: scope(known.other_key),
            window_s: window_of(dimension(first)),
            stated_dimension: known.named.map(|named| named.name().into()),
            confidence: if known.named.is_some() { 0.9 } else { 0.3 },
            ..blank(bench, dimension(first))
        };
    }
    let hint = bench.settings().window.map(|window| window.as_secs_f64());
    let level = first.shape.is_level();
    let log = bench.log();
    let rivals = |kind: fn(&Hypothesis, &Hypothesis) -> bool| all.iter().any(|other| !kind(other, first));
    let mut found = FoundLimit {
        algorithm: match first.family() {
            Family::Bucket | Family::Leaky => FoundAlgorithm::Bucket,
            Family::Fixed | Family::FirstHit => FoundAlgorithm::FixedWindow,
            Family::Sliding | Family::Counter => FoundAlgorithm::SlidingWindow,
        },
        precharge: precharge(first, all),
        scope: scope(known.other_key),
        refusals_count: counts_refusals(first, all),
        retry_after: waits::honesty(&log, first, known.named),
        start: match first.family() {
            Family::Fixed => Some(Start::Epoch),
            Family::FirstHit => Some(Start::FirstHit),
            Family::Bucket | Family::Leaky | Family::Sliding | Family::Counter => None,
        },
        leaky: first.family() == Family::Leaky,
        approximate: first.family() == Family::Counter,
        ..blank(bench, dimension(first))
    };
    let lost = first.loss.floor() * 0.1;
    let family = rivals(|one, other| one.family() == other.family());
    let counts = rivals(|one, other| one.charge.dimension == other.charge.dimension);
    let share = |holds: bool, factor: f64| if holds { factor } else { 1.0 };
    let sure = 0.98 * share(family, 0.7) * share(counts, 0.7) * share(!known.settled, 0.8) - lost;
    found.confidence = (sure.clamp(0.05, 1.0) * 100.0).round() / 100.0;
    // Where answers came to all that was asked for, there was nothing to settle.
    let settled = log
        .lines
        .iter()
        .any(|line| line.tokens().is_some_and(|tokens| tokens.output < u64::from(line.probe.max_tokens)));
    if first.charge.dimension.is_tokens() && (settled || first.charge.precharge == Precharge::None) {
        found.settlement = Some(first.charge.settlement);
    }
    if known.named.is_some() {
        found.stated_dimension = known.named.map(|named| named.name().into());
    }
    if level {
        let window = hint.unwrap_or(MINUTE);
        found.window_s = Some(window);
        found.value = Some(first.shape.scale() * window);
        found.interval = Some((first.scales.0 * window, first.scales.1 * window));
        found.burst = Some(first.capacity);
        return found;
    }
    let window = usual(first.shape.scale(), first.scales, hint);
    found.window_s = Some(window);
    found.value = Some(first.capacity);
    let top = if first.charge.dimension == Dimension::Requests { first.capacity } else { first.range.1 };
    found.interval = Some((first.range.0.min(first.capacity), top));
    let part_of_hint = hint.is_some_and(|hint| window < hint * 0.6);
    if first.family() == Family::Fixed && (part_of_hint || hint.is_none() && window <= SHORT) {
        found.algorithm = FoundAlgorithm::Quantised;
        found.every_s = Some(window);
        let whole = hint.unwrap_or(MINUTE);
        let times = whole / window;
        found.window_s = Some(whole);
        found.value = found.value.map(|value| value * times);
        found.interval = found.interval.map(|(low, high)| (low * times, high * times));
    }
    found
}

/// Whether refusals count, where that makes a difference that was seen.
fn counts_refusals(first: &Hypothesis, all: &[Hypothesis]) -> Option<bool> {
    let same = |other: &&Hypothesis| other.family() == first.family() && other.charge == first.charge;
    let windows = matches!(first.family(), Family::Fixed | Family::FirstHit);
    let blind = windows && first.charge.dimension == Dimension::Requests;
    let both = all
        .iter()
        .filter(same)
        .any(|other| other.refusals != first.refusals && other.loss < first.loss + 0.9);
    (!blind && !both).then_some(first.refusals)
}

fn precharge(first: &Hypothesis, all: &[Hypothesis]) -> FoundPrecharge {
    let rivals = all.iter().filter(|other| other.charge.dimension == first.charge.dimension);
    if rivals
        .into_iter()
        .any(|other| other.charge.precharge != first.charge.precharge && other.loss < first.loss + 0.5)
    {
        return FoundPrecharge::Unknown;
    }
    match first.charge.precharge {
        Precharge::None => FoundPrecharge::None,
        Precharge::Prompt => FoundPrecharge::Prompt,
        Precharge::MaxTokens => FoundPrecharge::MaxTokens,
        Precharge::PromptPlusMaxTokens => FoundPrecharge::PromptPlusMaxTokens,
        Precharge::MaxOfPromptAndMaxTokens => FoundPrecharge::MaxOfPromptAndMaxTokens,
    }
}

/// The window that was meant: the one that was said or that people choose, if it is as good as any, else as it was measured.
fn usual(measured: f64, (low, high): (f64, f64), hint: Option<f64>) -> f64 {
    let slack = 0.015;
    let fits = |window: &f64| *window >= low * (1.0 - slack) && *window <= high * (1.0 + slack);
    hint.into_iter().chain(USUAL).find(fits).unwrap_or(measured)
}
