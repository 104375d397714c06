//! Replays of the log, and what they say of a shape: for which capacity it explains the most.

use super::follow;
use crate::limits::cost::{Events, Kind};
use crate::limits::model::{Shape, State};

/// How well a shape explains the log, with the capacity that does it best: at least `low`, and below `high`.
pub(super) struct Score {
    /// Answers that it does not explain.
    pub(super) misses: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// How generously a replay judges.
#[derive(Clone, Copy)]
pub(super) struct Tolerance {
    /// Seconds by which any event may be off.
    pub(super) time: f64,
    /// Seconds per second of distance from `anchor`, and from the moment of the charge.
    pub(super) drift: f64,
    pub(super) anchor: f64,
}

/// How much was charged until the first refusal; nothing without one.
pub(super) fn filled(events: &Events) -> Option<f64> {
    let mut sum = 0.0;
    for event in &events.list {
        match event.kind {
            Kind::Request { charged, admitted: true, .. } => sum += charged,
            Kind::Request { .. } => return Some(sum.max(1.0)),
            Kind::Settle { more, .. } => sum += more,
        }
    }
    None
}

/// The least that was asked for at once.
pub(super) fn smallest(events: &Events) -> f64 {
    let asked = events.list.iter().filter_map(|event| match event.kind {
        Kind::Request { asked, .. } => Some(asked),
        Kind::Settle { .. } => None,
    });
    asked.fold(f64::INFINITY, f64::min)
}

/// Where a refusal was followed by an admission of as much: the narrowest first.
pub(super) fn brackets(events: &Events) -> Vec<(f64, f64)> {
    let mut found = Vec::new();
    let mut refused: Option<(f64, f64)> = None;
    for event in &events.list {
        match (event.kind, refused) {
            (Kind::Request { asked, admitted: false, .. }, _) => refused = Some((event.at, asked)),
            (Kind::Request { asked, admitted: true, .. }, Some((at, before))) if asked >= 0.8 * before => {
                found.push((at, event.at));
                refused = None;
            }
            _ => {}
        }
    }
    found.sort_by(|one, other| (one.1 - one.0).total_cmp(&(other.1 - other.0)));
    found
}

/// Replays the log.
pub(super) fn score(
    events: &Events,
    shape: Shape,
    refusals: bool,
    tolerance: Tolerance,
    needs: &mut Vec<(f64, bool)>,
) -> Score {
    if !refusals {
        return replay(events, shape, None, tolerance, needs);
    }
    // Refusals fill what there is, which is not known before all of the log is: then they do so once more.
    let whole = |low: f64| if events.whole { (low - 1e-6).ceil() } else { low };
    let first = replay(events, shape, Some(0.0), tolerance, needs);
    let full = whole(first.low);
    let second = replay(events, shape, Some(full), tolerance, needs);
    if second.misses <= first.misses { second } else { first }
}

/// Replays the log once. Refusals count, if they do, until the capacity is full: as far as was admitted so far, or up to `full`.
fn replay(
    events: &Events,
    shape: Shape,
    full: Option<f64>,
    tolerance: Tolerance,
    needs: &mut Vec<(f64, bool)>,
) -> Score {
    needs.clear();
    // What came near a boundary may have been charged before it or after it.
    let mut state = State::new(shape);
    let mut late = matches!(shape, Shape::Fixed { .. } | Shape::FirstHit { .. }).then(|| State::new(shape));
    let off = if late.is_some() { tolerance.time } else { 0.0 };
    let mut most = 0.0f64;
    let mut admitted_in_all = 0.0;
    let reach = match shape {
        // A wrong rate is wrong by a share of what was refilled since the level was known: at most by all of it.
        Shape::Bucket { .. } | Shape::Leaky { .. } => 0.0,
        Shape::Fixed { window, .. } | Shape::Counter { window, .. } => window / 4.0,
        Shape::FirstHit { window } | Shape::Sliding { window } => window * tolerance.drift,
    };
    for event in &events.list {
        if let Kind::Request { asked, admitted, .. } = event.kind {
            let time = tolerance.time
                + match shape {
                    Shape::Bucket { rate } | Shape::Leaky { rate } => {
                        tolerance.drift * if most > 0.0 { most / rate } else { 0.0 }
                    }
                    Shape::Fixed { .. } | Shape::Counter { .. } => {
                        (tolerance.drift * (event.at - tolerance.anchor).abs()).min(reach)
                    }
                    Shape::FirstHit { .. } | Shape::Sliding { .. } => reach,
                };
            let at = if admitted { event.at + time } else { event.at - time };
            let need = state.need(at, asked);
            let need = match late.as_ref().map(|late| late.need(at, asked)) {
                Some(other) if admitted => need.min(other),
                Some(other) => need.max(other),
                None => need,
            };
            needs.push((need, admitted));
            if admitted {
                most = most.max(need);
                admitted_in_all += 1.0;
            }
        }
        let (refusals, capacity) = (full.is_some(), full.map_or(most, |full| full.max(most)));
        follow(&mut state, event.at - off, event.kind.moved(-off), refusals, capacity);
        if let Some(late) = &mut late {
            follow(late, event.at + off, event.kind.moved(off), refusals, capacity);
        }
    }
    let (low, high) = needs.iter().fold((0.0f64, f64::INFINITY), |(low, high), (need, admitted)| {
        if *admitted { (low.max(*need), high) } else { (low, high.min(*need)) }
    });
    if low + 1e-6 * low.max(1.0) < high {
        return Score { misses: 0.0, low, high };
    }
    needs.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(other.1.cmp(&one.1)));
    let mut misses: f64 = admitted_in_all;
    let mut best = Score { misses, low: 0.0, high: needs.first().map_or(f64::INFINITY, |need| need.0) };
    for (index, (need, admitted)) in needs.iter().enumerate() {
        misses += if *admitted { -1.0 } else { 1.0 };
        let next = needs.get(index + 1).map_or(f64::INFINITY, |next| next.0);
        // Floating point is no reason to tell two needs apart.
        if next <= need + 1e-6 * need.abs().max(1.0) && next.is_finite() {
            continue;
        }
        if misses <= best.misses {
            best = Score { misses, low: *need, high: next };
        }
    }
    best
}
