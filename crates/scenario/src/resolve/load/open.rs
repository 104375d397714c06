//! Stages of an open loop: requests at rates of the plan's choosing, whatever the target does.

use floodline_core::Rate;
use floodline_core::schedule::{Again, Curve, DayCurve, DayPoint, Phase, Shape, Spread, Stage as RateStage};
use floodline_core::time::Span;

use super::Findings;
use super::kind::Way;
use crate::written::{
    At, Change, Diurnal, Either, GammaSpread, Given, Pace, Place, Points, RateOrMultiple, RateOrZero,
    RateRange, Scalar, Stage, Steps, TimeOfDay, Written,
};

/// A stage of the shape that it gives. `length` is what `for` or `over` says, `before` the rate that the stage before
/// ends with.
pub(super) fn stage(
    At { value: stage, place }: &At<Stage>,
    length: Option<Span>,
    phase: Phase,
    before: Option<Rate>,
    findings: &mut Findings<'_>,
) -> Option<RateStage> {
    let shape = shape(stage, *place, length, before, findings);
    let spread = spread(stage, findings);
    Some(RateStage { shape: shape?, spread: spread?, phase })
}

fn shape(
    stage: &Stage,
    place: Place,
    length: Option<Span>,
    before: Option<Rate>,
    findings: &mut Findings<'_>,
) -> Option<Shape> {
    if let Some(Either::Single(written)) = stage.warmup.as_ref().or(stage.cooldown.as_ref()) {
        return pace(written, stage, length, findings);
    }
    if let Some(hold) = stage.hold.as_ref() {
        return Some(Shape::Hold { rate: paceable(hold, findings)?, length });
    }
    if let Some(written) = stage.ramp.as_ref() {
        let range = findings.read_one(written)?;
        return ramp(range, written.place, stage, length?, findings);
    }
    if let Some(At { value: written, place }) = stage.steps.as_ref() {
        return steps(written, *place, findings);
    }
    if let Some(burst) = stage.burst.as_ref() {
        let rate = multiple(burst, before, findings);
        return Some(Shape::Burst {
            rate: rate?,
            length: length?,
            again: again(stage, place, length?, before, findings)?,
        });
    }
    if let Some(spike) = stage.spike.as_ref() {
        let base = base(stage, findings)?.or(before).unwrap_or(Rate::NONE);
        let peak = multiple(spike, Some(base).filter(|base| base.count > 0), findings)?;
        return Some(Shape::Spike { base, peak, length: length? });
    }
    if let Some(At { value: written, place }) = stage.diurnal.as_ref() {
        return diurnal(written, *place, length, findings);
    }
    let length = findings.above_zero(&stage.pause, "`pause`")?;
    Some(Shape::Pause { length })
}

fn ramp(
    RateRange { from, to }: RateRange,
    place: Place,
    stage: &Stage,
    length: Span,
    findings: &mut Findings<'_>,
) -> Option<Shape> {
    let curve = match stage.curve.is_some() {
        true => findings.read(&stage.curve)?,
        false => Curve::Linear,
    };
    if curve == Curve::Exponential && (from.count == 0 || to.count == 0) {
        findings
            .problem(place, "an exponential ramp can neither start at nothing nor end there")
            .with_help("start at a small rate, such as 0.1/s..20/s, or leave `curve` out");
        return None;
    }
    for rate in [from, to] {
        within_reach(rate, place, findings)?;
    }
    Some(Shape::Ramp { from, to, length, curve })
}

fn steps(written: &Steps, place: Place, findings: &mut Findings<'_>) -> Option<Shape> {
    let start = rate_of(&written.start, "steps", "start: 10/s", place, findings);
    let increment = required(&written.increment, "steps", "increment: 5/s", place, findings);
    let count = required(&written.count, "steps", "count: 4", place, findings);
    let each = required(&written.each, "steps", "each: 30s", place, findings);
    let (start, Change { by, down }, count, each) = (start?, increment?, count?, each?);
    let place_of = |given: &Given<Scalar<u32>>| given.as_ref().map_or(place, |scalar| scalar.place);
    if count == 0 || each == Span::ZERO {
        findings
            .problem(place_of(&written.count), "steps without length")
            .with_help("`count` and `each` must be above zero, such as count: 4, each: 30s");
        return None;
    }
    let (first, change) = (start.as_per_second(), by.as_per_second() * f64::from(count - 1));
    if down && change > first {
        findings.problem(place_of(&written.count), "these steps lead below zero").with_help(format!(
            "from {start} down by {by}, there are at most {} steps",
            (first / by.as_per_second()).floor() + 1.0
        ));
        return None;
    }
    if !down && first + change > FASTEST as f64 {
        findings
            .problem(
                place,
                format!("the last step is faster than requests can be paced: at most {FASTEST}/s"),
            )
            .with_help("fewer or smaller steps");
        return None;
    }
    Some(Shape::Steps { start, by, down, count, each })
}

/// One rate, or a ramp between two.
pub(super) fn pace(
    written: &Scalar<Pace>,
    stage: &Stage,
    length: Option<Span>,
    findings: &mut Findings<'_>,
) -> Option<Shape> {
    match findings.read_one(written)? {
        Pace::Hold(rate) => {
            within_reach(rate, written.place, findings).map(|()| Shape::Hold { rate, length })
        }
        Pace::Ramp(range) => ramp(range, written.place, stage, length?, findings),
    }
}

/// Whether a burst comes again, and when.
fn again(
    stage: &Stage,
    place: Place,
    length: Span,
    before: Option<Rate>,
    findings: &mut Findings<'_>,
) -> Option<Option<Again>> {
    let (Some(written), every) = (stage.every.as_ref(), findings.above_zero(&stage.every, "`every`")) else {
        let misplaced = stage.times.as_ref().map(|s| s.place).or(stage.base.as_ref().map(|s| s.place));
        if let Some(place) = misplaced {
            findings
                .problem(place, "this belongs to a burst that comes again")
                .with_help("say how often: {burst: 100/s, for: 5s, every: 1m, times: 10}");
            return None;
        }
        return Some(None);
    };
    let every = every?;
    if every < length {
        findings.problem(written.place, "the next burst would begin before this one has ended").with_help(
            "`every` is from the start of one burst to the start of the next: at least as long as `for`",
        );
        return None;
    }
    let Some(times) = findings.above_zero(&stage.times, "`times`") else {
        if stage.times.is_none() {
            findings
                .problem(place, "this burst does not say how many times it comes")
                .with_help("add `times`, such as times: 10");
        }
        return None;
    };
    let base = base(stage, findings)?.or(before).unwrap_or(Rate::NONE);
    Some(Some(Again { every, base, times }))
}

/// The rate around a burst or a spike, if it is given; none if it is wrong.
fn base(stage: &Stage, findings: &mut Findings<'_>) -> Option<Option<Rate>> {
    let Some(written) = stage.base.as_ref() else { return Some(None) };
    let RateOrZero(rate) = findings.read_one(written)?;
    within_reach(rate, written.place, findings)?;
    Some(Some(rate))
}

fn multiple(
    written: &Scalar<RateOrMultiple>,
    before: Option<Rate>,
    findings: &mut Findings<'_>,
) -> Option<Rate> {
    let rate = match findings.read_one(written)? {
        RateOrMultiple::Rate(rate) => rate,
        RateOrMultiple::Multiple(count, per) => {
            let Some(before) = before else {
                findings
                    .problem(
                        written.place,
                        format!("`{}` of what? There is no rate before this stage", written.text),
                    )
                    .with_help(
                        "write a rate such as 100/s, or put a stage such as {hold: 20/s, for: 1m} before it",
                    );
                return None;
            };
            let product = (before.count.checked_mul(count), before.per.0.checked_mul(per));
            let (Some(count), Some(per)) = product else {
                findings.problem(written.place, "this multiple is too large");
                return None;
            };
            Rate { count, per: Span(per) }
        }
    };
    within_reach(rate, written.place, findings)?;
    Some(rate)
}

fn diurnal(
    written: &Diurnal,
    place: Place,
    length: Option<Span>,
    findings: &mut Findings<'_>,
) -> Option<Shape> {
    let day = match written.day.is_some() {
        true => findings.above_zero(&written.day, "`day`")?,
        false => DAY,
    };
    let start = match written.start.is_some() {
        true => of_day(findings.read(&written.start)?),
        false => Span::ZERO,
    };
    let wave = [
        written.low.as_ref().map(|s| s.place),
        written.high.as_ref().map(|s| s.place),
        written.peak.as_ref().map(|s| s.place),
    ];
    let curve = match (written.points.as_ref(), wave.into_iter().flatten().next()) {
        (Some(_), Some(place)) => {
            findings
                .problem(place, "this day has points and a sine: only one of them can be its curve")
                .with_help("keep `points`, or keep `low`, `high` and `peak`");
            return None;
        }
        (Some(points), None) => DayCurve::Points(points_of(points, findings)?),
        (None, _) => sine(written, place, findings)?,
    };
    Some(Shape::Diurnal { curve, day, start, length: length.unwrap_or(day) })
}

/// How long a day is that is not compressed.
const DAY: Span = Span::from_secs(86_400);

/// 24:00 is midnight.
fn of_day(TimeOfDay(at): TimeOfDay) -> Span {
    Span(at.0 % DAY.0)
}

fn points_of(
    At { value: written, place }: &At<Points>,
    findings: &mut Findings<'_>,
) -> Option<Vec<DayPoint>> {
    let mut points: Vec<DayPoint> = Vec::new();
    for (time, rate) in &written.0 {
        let (at, value) = (findings.read_one(time).map(of_day), findings.read_one(rate));
        let (Some(at), Some(RateOrZero(value))) = (at, value) else { continue };
        within_reach(value, rate.place, findings);
        if points.iter().any(|point| point.at == at) {
            findings
                .problem(time.place, "this time of day has two rates")
                .with_help("00:00 and 24:00 are the same");
        }
        points.push(DayPoint { at, rate: value });
    }
    if points.iter().all(|point| point.rate.count == 0) {
        findings
            .problem(*place, "a day whose points are all zero sends nothing")
            .with_help("write rates by time of day: {\"00:00\": 2/s, \"14:00\": 20/s}");
        return None;
    }
    (points.len() == written.0.len()).then_some(points)
}

fn sine(written: &Diurnal, place: Place, findings: &mut Findings<'_>) -> Option<DayCurve> {
    let high = rate_of(
        &written.high,
        "diurnal",
        "low: 2/s, high: 20/s, or points: {\"14:00\": 20/s, ...}",
        place,
        findings,
    );
    let low = required(&written.low, "diurnal", "low: 2/s", place, findings).map(|RateOrZero(rate)| rate);
    let (low, high) = (low?, high?);
    if low.as_per_second() > high.as_per_second() {
        findings
            .problem(written.low.as_ref().map_or(place, |s| s.place), "`low` is above `high`")
            .with_help("exchange the two; `peak` says when the rate is highest");
        return None;
    }
    let peak_at = match written.peak.is_some() {
        true => of_day(findings.read(&written.peak)?),
        false => Span::from_secs(14 * 3600),
    };
    Some(DayCurve::Sine { low, high, peak_at })
}

pub(super) fn spread(stage: &Stage, findings: &mut Findings<'_>) -> Option<Spread> {
    let (named, within) = match stage.arrivals.as_ref() {
        None => (Spread::Constant, None),
        Some(Either::Single(name)) => (findings.read_one(name)?, None),
        Some(Either::Other(At { value: GammaSpread { gamma }, place })) => {
            let gamma = gamma.as_ref().and_then(|gamma| gamma.value.burstiness.as_ref());
            if gamma.is_none() {
                findings.problem(*place, "this way to spread arrivals says nothing").with_help(GAMMA);
                return None;
            }
            (Spread::Gamma { burstiness: 1.0 }, gamma)
        }
    };
    let beside = stage.burstiness.as_ref();
    match (named, within.or(beside)) {
        (Spread::Gamma { .. }, Some(written)) => {
            let burstiness = findings.read_one(written)?.0;
            if !(0.001..=1_000_000.0).contains(&burstiness) {
                findings
                    .problem(
                        written.place,
                        format!("a burstiness of {burstiness} is out of range: 0.001 to 1,000,000"),
                    )
                    .with_help("1 is Poisson, below it arrivals come in bursts, above it evenly");
                return None;
            }
            Some(Spread::Gamma { burstiness })
        }
        (Spread::Gamma { .. }, None) => {
            let place = stage.arrivals.as_ref().map_or(Place::Nowhere, Either::place);
            findings.problem(place, "gamma arrivals need their burstiness").with_help(GAMMA);
            None
        }
        (Spread::Constant | Spread::Poisson | Spread::Uniform, Some(written)) => {
            findings.problem(written.place, "`burstiness` belongs to gamma arrivals").with_help(GAMMA);
            None
        }
        (spread @ (Spread::Constant | Spread::Poisson | Spread::Uniform), None) => Some(spread),
    }
}

const GAMMA: &str = "write arrivals: gamma, burstiness: 0.5 (1 is Poisson, below it arrivals come in bursts)";

/// Keys that mean nothing in this stage, and what each belongs to.
pub(super) fn out_of_place(stage: &Stage, way: Way) -> Vec<(Place, &'static str, &'static str)> {
    let rate = way == Way::Rate;
    let (burst, spike) = (rate && stage.burst.is_some(), rate && stage.spike.is_some());
    let keys = [
        (is_ramp(stage), stage.curve.as_ref().map(|s| s.place), "curve", "a ramp of rates"),
        (burst, stage.every.as_ref().map(|s| s.place), "every", "a burst that comes again"),
        (burst, stage.times.as_ref().map(|s| s.place), "times", "a burst that comes again"),
        (
            burst || spike,
            stage.base.as_ref().map(|s| s.place),
            "base",
            "a spike, or a burst that comes again",
        ),
        (
            matches!(way, Way::Rate | Way::Sessions),
            stage.burstiness.as_ref().map(|s| s.place),
            "burstiness",
            "gamma arrivals of a rate or of sessions",
        ),
    ];
    keys.into_iter().filter(|key| !key.0).filter_map(|(_, place, key, of)| Some((place?, key, of))).collect()
}

/// The rate with which a stage ends, on which a multiple in the next one is based.
pub(super) fn end_rate(stage: &RateStage, before: Option<Rate>) -> Option<Rate> {
    match &stage.shape {
        Shape::Hold { rate, .. } => Some(*rate),
        Shape::Ramp { to, .. } => Some(*to).filter(|rate| rate.count > 0),
        // Stairs that lead down end with a rate that need not have a plain form.
        Shape::Steps { down: false, .. } => Some(stage.peak_rate()),
        Shape::Steps { down: true, .. } => None,
        Shape::Burst { again: Some(again), .. } => Some(again.base).filter(|rate| rate.count > 0),
        Shape::Spike { base, .. } => Some(*base).filter(|rate| rate.count > 0),
        // What was going on before goes on after it.
        Shape::Burst { again: None, .. } | Shape::Pause { .. } => before,
        Shape::Diurnal { .. } => None,
    }
}

/// A value that must be there.
fn required<T: Written>(
    given: &Given<Scalar<T>>,
    of: &str,
    example: &str,
    place: Place,
    findings: &mut Findings<'_>,
) -> Option<T> {
    if given.is_none() {
        let key = example.split(':').next().unwrap_or(example);
        findings
            .problem(place, format!("`{of}` does not say its `{key}`"))
            .with_help(format!("add {example}"));
    }
    findings.read(given)
}

fn rate_of(
    given: &Given<Scalar<Rate>>,
    of: &str,
    example: &str,
    place: Place,
    findings: &mut Findings<'_>,
) -> Option<Rate> {
    match given.as_ref() {
        Some(written) => paceable(written, findings),
        None => required(given, of, example, place, findings),
    }
}

/// Requests per second that one process could come near to; more would only be late.
const FASTEST: u64 = 1_000_000;

/// A rate at which requests can be sent at their times.
pub(super) fn paceable(written: &Scalar<Rate>, findings: &mut Findings<'_>) -> Option<Rate> {
    let rate = findings.read_one(written)?;
    within_reach(rate, written.place, findings)?;
    Some(rate)
}

fn within_reach(rate: Rate, place: Place, findings: &mut Findings<'_>) -> Option<()> {
    let nanoseconds = u128::from(rate.count) * u128::from(Span::from_secs(1).0);
    if nanoseconds <= u128::from(FASTEST) * u128::from(rate.per.0) {
        return Some(());
    }
    findings
        .problem(place, format!("{rate} is faster than requests can be paced: at most {FASTEST}/s"))
        .with_help("lower the rate, or share it among several runs on several machines");
    None
}

/// How long a stage lasts, where its shape says so and not `for` or `over`.
pub(super) fn says_its_length(stage: &Stage) -> bool {
    stage.steps.is_some() || stage.pause.is_some() || stage.diurnal.is_some()
}

/// The key that says all of how long a stage lasts, so that `for`, given at `place`, would say it again; and what to do.
pub(super) fn says_all_of_its_length(stage: &Stage, place: Place) -> Option<(&'static str, &'static str)> {
    let on_top = matches!(place, Place::Argument(_));
    let (key, help) = match (stage.steps.is_some(), stage.pause.is_some()) {
        (true, _) => ("steps", "leave it out: steps last `count` times `each`"),
        (_, true) => ("pause", "leave it out, such as {pause: 30s}"),
        // In a file it is the length of one burst, but whoever asks for a duration means all of them.
        _ if on_top && stage.every.is_some() => ("every", ""),
        _ => return None,
    };
    Some((
        key,
        if on_top {
            "it sets how long the last measured stage lasts, which here is for the file to say"
        } else {
            help
        },
    ))
}

/// Whether it changes from one rate to another, so that `over` says how long it takes.
pub(super) fn is_ramp(stage: &Stage) -> bool {
    let beside = stage.warmup.as_ref().or(stage.cooldown.as_ref());
    let pace = match beside {
        Some(Either::Single(pace)) => Some(pace),
        Some(Either::Other(beside)) => beside.value.sessions.as_ref(),
        None => stage.sessions.as_ref(),
    };
    stage.ramp.is_some() || pace.is_some_and(|pace| pace.text.contains(".."))
}
