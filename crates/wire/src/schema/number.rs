//! Numbers within bounds.

use serde_json::{Map, Number, Value};

use super::Draw;

/// How far from its one bound a number is that has no other.
const SPAN: i128 = 100;

/// A whole number.
pub(super) fn integer(members: &Map<String, Value>, draw: Draw) -> Value {
    let bound = |name: &str| members.get(name).and_then(Value::as_f64);
    let exact = |name: &str| members.get(name).and_then(whole);
    // In whole numbers where they are such: a float would round the large ones.
    let least = [
        exact("minimum").or_else(|| bound("minimum").map(|n| n.ceil() as i128)),
        exact("exclusiveMinimum")
            .map(|n| n + 1)
            .or_else(|| bound("exclusiveMinimum").map(|n| n.floor() as i128 + 1)),
    ];
    let most = [
        exact("maximum").or_else(|| bound("maximum").map(|n| n.floor() as i128)),
        exact("exclusiveMaximum")
            .map(|n| n - 1)
            .or_else(|| bound("exclusiveMaximum").map(|n| n.ceil() as i128 - 1)),
    ];
    let (least, most) = (least.into_iter().flatten().max(), most.into_iter().flatten().min());
    let (least, most) = range(least, most, SPAN);
    let step = match members.get("multipleOf") {
        None => 1,
        Some(step) => match (whole(step), step.as_f64()) {
            (Some(step), _) if step > 0 => step,
            // Whole multiples of a half are those of one, and so on.
            (_, Some(step)) => (1..=1_000).find(|n| (*n as f64 / step).fract() == 0.0).unwrap_or(1),
            _ => 1,
        },
    };
    let (first, last) =
        (least.div_euclid(step) + i128::from(least.rem_euclid(step) != 0), most.div_euclid(step));
    let steps = usize::try_from((last - first).max(0)).unwrap_or(usize::MAX - 1);
    let chosen = (first + draw.below(steps + 1) as i128) * step;
    match (i64::try_from(chosen), u64::try_from(chosen)) {
        (Ok(number), _) => number.into(),
        (_, Ok(number)) => number.into(),
        _ => Value::from(0),
    }
}

/// A number of any kind.
pub(super) fn number(members: &Map<String, Value>, draw: Draw) -> Value {
    let bound = |name: &str| members.get(name).and_then(Value::as_f64);
    let above = bound("exclusiveMinimum").filter(|n| bound("minimum").is_none_or(|least| *n >= least));
    let below = bound("exclusiveMaximum").filter(|n| bound("maximum").is_none_or(|most| *n <= most));
    let least = above.or(bound("minimum"));
    let most = below.or(bound("maximum"));
    let (least, most) = match (least, most) {
        (Some(least), Some(most)) => (least, most),
        (Some(least), None) => (least, least + SPAN as f64),
        (None, Some(most)) => (most - SPAN as f64, most),
        (None, None) => (0.0, SPAN as f64),
    };
    let fits = |n: f64| n >= least && n <= most && above.is_none_or(|a| n > a) && below.is_none_or(|b| n < b);
    if let Some(step) = bound("multipleOf").filter(|step| *step > 0.0) {
        let (first, last) = ((least / step).ceil(), (most / step).floor());
        let chosen = first + draw.below((last - first).max(0.0) as usize + 1) as f64;
        let multiples = [chosen, first + 1.0, first, last];
        let found = multiples.map(|n| n * step).into_iter().find(|n| fits(*n));
        return float(found.unwrap_or(chosen * step));
    }
    // From the middle half, so that bounds which are excluded are no question; rounded if that stays between them.
    let share = 0.25 + draw.below(1 << 20) as f64 / (1u64 << 21) as f64;
    let between = least + (most - least) * share;
    let rounded = (between * 100.0).round() / 100.0;
    float([rounded, between, least, most].into_iter().find(|n| fits(*n)).unwrap_or(between))
}

fn whole(value: &Value) -> Option<i128> {
    value
        .as_i64()
        .map(i128::from)
        .or_else(|| value.as_u64().map(i128::from))
        .or_else(|| value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e18).map(|n| n as i128))
}

fn range(least: Option<i128>, most: Option<i128>, span: i128) -> (i128, i128) {
    match (least, most) {
        (Some(least), Some(most)) => (least, most.max(least)),
        (Some(least), None) => (least, least.saturating_add(span)),
        (None, Some(most)) => (most.saturating_sub(span), most),
        (None, None) => (0, span),
    }
}

/// A whole number without a point where it is one.
fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::from(0), Value::Number)
}
