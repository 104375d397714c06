//! That constant arrivals are where the issue of their rates says, to the nanosecond.

use proptest::prelude::*;
use proptest::sample::select;

use super::oracle::Oracle;
use super::*;
use crate::rate::Rate;
use crate::time::Span;

const MS: u64 = 1_000_000;

fn rate(text: &str) -> Rate {
    if text == "0/s" { Rate::NONE } else { Rate::parse(text).unwrap() }
}

fn span(text: &str) -> Span {
    Span::parse(text).unwrap()
}

fn stage(shape: Shape) -> Stage {
    Stage { shape, spread: Spread::Constant, phase: Phase::Main }
}

fn hold(r: &str, length: &str) -> Stage {
    Stage::hold(rate(r), Some(span(length)))
}

fn ramp(from: &str, to: &str, length: &str) -> Stage {
    stage(Shape::Ramp { from: rate(from), to: rate(to), length: span(length), curve: Curve::Linear })
}

fn pause(length: &str) -> Stage {
    stage(Shape::Pause { length: span(length) })
}

fn burst(r: &str, length: &str, every: &str, base: &str, times: u32) -> Stage {
    let again = Some(Again { every: span(every), base: rate(base), times });
    stage(Shape::Burst { rate: rate(r), length: span(length), again })
}

fn times(stages: &[Stage]) -> Vec<u64> {
    Schedule::new(stages.to_vec(), 1).unwrap().map(|a| a.at.0).collect()
}

/// Every arrival, or of many the first, the last and some between, against the oracle.
fn judge(stages: &[Stage]) {
    let list: Vec<Arrival> = Schedule::new(stages.to_vec(), 1).unwrap().collect();
    let oracle = Oracle::new(stages);
    assert_eq!(list.len() as u64, oracle.count(), "{stages:?}");
    let stride = (list.len() / 12).max(1);
    let ends = (0..2).chain(list.len().saturating_sub(2)..list.len());
    for k in ends.chain((0..list.len()).step_by(stride)) {
        let Some(arrival) = list.get(k) else { continue };
        assert_eq!((arrival.at.0, arrival.phase), oracle.arrival(k as u64), "arrival {k} of {stages:?}");
        assert_eq!(arrival.index, k as u64);
    }
    assert!(list.is_sorted_by_key(|a| a.at));
}

#[test]
fn arrival_k_of_a_constant_rate_is_at_k_over_r_rounded_down() {
    let at = times(&[hold("3/s", "2s")]);
    assert_eq!(at, [0, 333_333_333, 666_666_666, 1_000_000_000, 1_333_333_333, 1_666_666_666]);
}

#[test]
fn a_fraction_is_carried_into_the_next_stage() {
    // 1.5 arrivals in the first stage: the third falls half an arrival into the second.
    let at = times(&[hold("1/s", "1500ms"), hold("2/s", "1s")]);
    assert_eq!(at, [0, 1_000_000_000, 1_750_000_000, 2_250_000_000]);
}

#[test]
fn a_stage_without_an_end_goes_on() {
    let mut schedule = Schedule::new(vec![Stage::hold(rate("1000/s"), None)], 1).unwrap();
    assert_eq!(schedule.nth(1_000_000).map(|a| a.at), Some(Moment(1_000_000_000_000)));
}

#[test]
fn a_ramp_up_and_down_sends_where_its_integral_is_whole() {
    // 5 · √(2k/5), then 5.5 s, then 11 − √(10 − 2(k − 3.5)), the roots rounded down by hand to 15 digits.
    let at = times(&[ramp("0/s", "1/s", "5s"), hold("1/s", "1s"), ramp("1/s", "0/s", "5s")]);
    assert_eq!(
        at,
        [3_162_277_660, 4_472_135_954, 5_500_000_000, 6_527_864_045, 7_837_722_339, 11_000_000_000]
    );
}

#[test]
fn a_ramp_between_two_holds_sends_its_mean() {
    let at = times(&[hold("10/s", "1s"), ramp("10/s", "50/s", "1s"), hold("50/s", "1s")]);
    let in_second = |s: u64| at.iter().filter(|at| *at / 1_000_000_000 == s).count();
    assert_eq!([0, 1, 2, 3].map(in_second), [10, 30, 50, 0]);
}

#[test]
fn what_falls_on_an_end_belongs_where_the_first_stage_says() {
    let phases = |stages: &[Stage]| -> Vec<(u64, Phase)> {
        Schedule::new(stages.to_vec(), 1).unwrap().map(|a| (a.at.0 / MS, a.phase)).collect()
    };
    let cooldown = |mut stage: Stage| {
        stage.phase = Phase::Cooldown;
        stage
    };
    use Phase::{Cooldown, Main};
    // After a hold: at the start of the next stage that sends anything.
    let stages = [hold("1/s", "1s"), pause("3s"), cooldown(hold("1/s", "2s"))];
    assert_eq!(phases(&stages), [(0, Main), (4000, Cooldown), (5000, Cooldown)]);
    // After a ramp: in the stage that ends. A ramp of one rate is a ramp.
    let stages = [ramp("1/s", "1/s", "1s"), pause("3s"), cooldown(hold("1/s", "2s"))];
    assert_eq!(phases(&stages), [(1000, Main), (5000, Cooldown), (6000, Cooldown)]);
    // Nothing after the last.
    assert_eq!(phases(&[hold("1/s", "1s"), pause("3s")]), [(0, Main)]);
    assert_eq!(phases(&[pause("1s"), hold("1/s", "1s"), pause("3s")]), [(2000, Main)]);
    assert_eq!(phases(&[pause("1s")]), []);
}

#[test]
fn bursts_come_again() {
    let at: Vec<u64> = times(&[burst("2/s", "1s", "10s", "0/s", 3)]).iter().map(|at| at / MS).collect();
    assert_eq!(at, [0, 500, 10_000, 10_500, 20_000, 20_500]);
    judge(&[burst("7/s", "1300ms", "2s", "0.5/s", 9), hold("3/s", "2s")]);
    judge(&[ramp("1/s", "2/s", "1s"), burst("7/s", "1s", "2s", "0/s", 5)]);
}

#[test]
fn steps_follow_one_another() {
    let steps = |start: &str, down| {
        stage(Shape::Steps { start: rate(start), by: rate("1/s"), down, count: 3, each: span("2s") })
    };
    let at: Vec<u64> = times(&[steps("1/s", false)]).iter().map(|at| at / MS).collect();
    assert_eq!(at, [1000, 2000, 2500, 3000, 3500, 4000, 4333, 4666, 5000, 5333, 5666, 6000]);
    judge(&[steps("2/s", true), pause("1s"), steps("150/min", true)]);
}

#[test]
fn a_spike_is_straight_and_its_half_may_be_half_a_nanosecond() {
    let spike = |length| stage(Shape::Spike { base: rate("1/s"), peak: rate("101/s"), length: Span(length) });
    for length in [2_000_000_000, 1_999_999_999, 7_777_777_777] {
        judge(&[spike(length), hold("2/s", "2s")]);
        judge(&[hold("2/s", "2s"), spike(length)]);
    }
}

fn points(points: &[(u64, &str)], day: &str, start: u64, length: &str) -> Stage {
    let minute = |minutes: u64| Span::from_secs(60 * minutes);
    let points = points.iter().map(|&(at, r)| DayPoint { at: minute(at), rate: rate(r) }).collect();
    let (curve, start) = (DayCurve::Points(points), minute(start));
    stage(Shape::Diurnal { curve, day: span(day), start, length: span(length) })
}

fn wave(low: &str, high: &str, peak_at: u64, day: &str, start: u64, length: &str) -> Stage {
    let minute = |minutes: u64| Span::from_secs(60 * minutes);
    let curve = DayCurve::Sine { low: rate(low), high: rate(high), peak_at: minute(peak_at) };
    stage(Shape::Diurnal { curve, day: span(day), start: minute(start), length: span(length) })
}

#[test]
fn days_through_points_are_exact_also_where_a_point_is_between_nanoseconds() {
    let office = [(0, "1/s"), (500, "2/s"), (540, "50/s"), (1021, "30/s"), (1200, "0/s"), (1300, "0/s")];
    judge(&[points(&office, "10m", 0, "25m")]);
    judge(&[points(&office, "1m", 700, "3m"), hold("2/s", "2s")]);
    judge(&[hold("2/s", "2s"), points(&office, "7s", 1439, "30s")]);
    judge(&[points(&[(600, "5/s")], "1m", 3, "2s")]);
    // Every minute of a day that is a prime number of milliseconds is a fraction of a nanosecond apart.
    judge(&[points(&office[..4], "7919ms", 0, "7919ms")]);
}

#[test]
fn a_days_sine_is_right_to_the_nanosecond() {
    judge(&[wave("0/s", "20/s", 720, "1m", 0, "2m")]);
    judge(&[wave("1/s", "20/s", 800, "10m", 100, "7m"), hold("2/s", "2s")]);
    judge(&[hold("2/s", "2s"), wave("1/min", "1000/s", 800, "10s", 1400, "33s")]);
    judge(&[wave("0/s", "50/h", 720, "24h", 0, "168h")]);
    judge(&[wave("5/s", "5/s", 720, "1m", 0, "20s")]);
    // A whole number of days ends on a whole number of arrivals, exactly.
    assert_eq!(times(&[wave("0/s", "20/s", 720, "1m", 300, "2m")]).last(), Some(&120_000_000_000));
    assert_eq!(times(&[hold("1/s", "1s"), wave("0/s", "20/s", 720, "1m", 300, "2m")]).len(), 1201);
}

fn exponential(from: &str, to: &str, length: &str) -> Stage {
    stage(Shape::Ramp { from: rate(from), to: rate(to), length: span(length), curve: Curve::Exponential })
}

#[test]
fn an_exponential_ramp_is_right_to_the_nanosecond() {
    judge(&[exponential("1/s", "100/s", "10s"), hold("3/s", "2s")]);
    judge(&[exponential("1000/s", "1/h", "10s"), hold("3/s", "2s")]);
    judge(&[hold("3/s", "2s"), exponential("1/h", "1000/s", "100s")]);
    judge(&[exponential("1/h", "100/h", "168h"), exponential("100/h", "1/h", "168h")]);
    judge(&[exponential("10/s", "10.000001/s", "10s"), exponential("7/s", "7/s", "10s")]);
}

#[test]
fn impossible_stages_say_why() {
    let steps = Shape::Steps { start: rate("2/s"), by: rate("1/s"), down: true, count: 4, each: span("1s") };
    let gamma = |burstiness| Stage { spread: Spread::Gamma { burstiness }, ..hold("1/s", "1s") };
    for (stages, part) in [
        (vec![Stage::hold(rate("1/s"), None), pause("1s")], "only the last stage"),
        (vec![exponential("0/s", "1/s", "1s")], "neither start nor end at zero"),
        (vec![stage(steps)], "below zero"),
        (vec![burst("1/s", "2s", "1s", "0/s", 2)], "would begin before it ends"),
        (vec![points(&[], "1m", 0, "1m")], "at least one point"),
        (vec![points(&[(5, "1/s"), (5, "2/s")], "1m", 0, "1m")], "the same time"),
        (vec![points(&[(1440, "1/s")], "1m", 0, "1m")], "no time of day"),
        (vec![points(&[(1, "1/s")], "0s", 0, "1m")], "a day must take"),
        (vec![wave("2/s", "1/s", 0, "1m", 0, "1m")], "above the high one"),
        (vec![gamma(0.0)], "burstiness"),
        (vec![gamma(f64::NAN)], "burstiness"),
        (vec![pause("200000d"), pause("200000d")], "584 years"),
    ] {
        let why = Schedule::new(stages, 1).unwrap_err();
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn what_people_write_has_a_common_unit() {
    let hours: Vec<(u64, &str)> = ["0.333/s", "7/min", "100/h", "12.5/s"]
        .into_iter()
        .cycle()
        .zip((0..24).map(|h| h * 60))
        .map(|(r, at)| (at, r))
        .collect();
    for day in ["24h", "10m", "7m", "1h"] {
        let mut stages = vec![
            hold("1000000/s", "30d"),
            points(&hours, day, 510, "37h"),
            ramp("0.001/d", "999.999/s", "1001ms"),
            wave("1/d", "10000/s", 870, day, 77, "12345s"),
            exponential("1/d", "123456/s", "7d"),
            points(&hours[3..7], "10m", 511, "90s"),
        ];
        stages[0].spread = Spread::Poisson;
        assert!(Integral::new(&stages).unwrap().total().unwrap() > 2.592e12, "{day}");
    }
}

#[test]
fn a_week_of_ten_thousand_a_second_is_walked_without_keeping_it() {
    let week = [hold("0.01/s", "3d"), ramp("0/s", "10000/s", "168h"), Stage::hold(rate("10000/s"), None)];
    let mut schedule = Schedule::new(week.to_vec(), 1).unwrap();
    let oracle = Oracle::new(&week[..2]);
    let seen = schedule.by_ref().take(100_000).last().unwrap();
    assert_eq!((seen.at.0, seen.phase), oracle.arrival(99_999));
    assert!(size_of::<Schedule>() < 1024);
}

/// Guesses start from points at most 36 minutes away, and the integral there was once rounded too coarsely.
#[test]
fn arrivals_of_long_ramps_do_not_slip_where_guesses_start_anew() {
    judge(&[ramp("0.001/s", "0.5/s", "3d")]);
    judge(&[hold("1/h", "1h"), ramp("0.5/s", "0/s", "3d"), exponential("1/d", "0.1/s", "7d")]);
}

#[test]
fn rare_arrivals_of_many_short_cycles_are_found_at_once() {
    // A burst each microsecond for an hour, and one arrival a minute: 60 million bursts between two arrivals.
    let at = times(&[burst("2/min", "500ns", "1us", "0/s", 3_600_000_000)]);
    assert_eq!(at.len(), 60);
    assert_eq!(at[1], 60_000_000_000);
    judge(&[ramp("1/s", "1/s", "1s"), burst("2/min", "500ns", "1us", "0/s", 100_000_000)]);
}

/// Rates and lengths with many shared factors, so that ends often fall on whole numbers.
fn any_rate(with_zero: bool) -> impl Strategy<Value = Rate> {
    let round = [0u64, 1, 2, 3, 5, 10, 20, 50, 200];
    let least = usize::from(!with_zero);
    (select(round[least..].to_vec()), select(vec![1_000u64, 500, 2_000, 3_000, 60_000]))
        .prop_map(|(count, per)| Rate { count, per: Span::from_millis(per) })
}

fn any_length() -> impl Strategy<Value = Span> {
    prop_oneof![
        3 => (1u64..12).prop_map(|halves| Span::from_millis(500 * halves)),
        1 => (1u64..5_000_000_000).prop_map(Span),
        1 => Just(Span::ZERO),
    ]
}

fn any_day() -> impl Strategy<Value = Shape> {
    let minute = |minutes: u64| Span::from_secs(60 * minutes);
    let curve = prop_oneof![
        prop::collection::btree_map(0u64..1440, any_rate(true), 1..5).prop_map(move |points| {
            DayCurve::Points(points.into_iter().map(|(at, rate)| DayPoint { at: minute(at), rate }).collect())
        }),
        (any_rate(true), any_rate(true), 0u64..1440).prop_map(move |(a, b, at)| {
            let (low, high) = if a.as_per_second() < b.as_per_second() { (a, b) } else { (b, a) };
            DayCurve::Sine { low, high, peak_at: minute(at) }
        }),
    ];
    let day = select(vec![1000u64, 3600, 5000, 12_000]).prop_map(Span::from_millis);
    let start = select(vec![0u64, 360, 720, 1000]).prop_map(minute);
    let length = (1u64..40).prop_map(|halves| Span::from_millis(500 * halves));
    (curve, day, start, length).prop_map(|(curve, day, start, length)| Shape::Diurnal {
        curve,
        day,
        start,
        length,
    })
}

fn any_shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (any_rate(true), any_length()).prop_map(|(rate, length)| Shape::Hold { rate, length: Some(length) }),
        (any_rate(true), any_rate(true), any_length()).prop_map(|(from, to, length)| Shape::Ramp {
            from,
            to,
            length,
            curve: Curve::Linear
        }),
        (any_rate(false), any_rate(false), any_length()).prop_map(|(from, to, length)| Shape::Ramp {
            from,
            to,
            length,
            curve: Curve::Exponential
        }),
        (any_rate(true), any_rate(true), 1u32..5, any_length()).prop_map(|(start, by, count, each)| {
            let down = start.as_per_second() >= by.as_per_second() * f64::from(count);
            Shape::Steps { start, by, down, count, each }
        }),
        (any_rate(true), any_length(), prop::option::of((any_rate(true), any_length(), 1u32..5))).prop_map(
            |(rate, length, again)| {
                let again = again.map(|(base, more, times)| Again { every: length + more, base, times });
                Shape::Burst { rate, length, again }
            }
        ),
        (any_rate(true), any_rate(true), any_length()).prop_map(|(base, peak, length)| Shape::Spike {
            base,
            peak,
            length
        }),
        any_day(),
        any_length().prop_map(|length| Shape::Pause { length }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Both conventions, every shape first and after every other, ends on whole numbers and not.
    #[test]
    fn any_stages_match_the_oracle(
        parts in prop::collection::vec((any_shape(), select(Phase::ALL.to_vec())), 1..5)
    ) {
        let stages: Vec<Stage> = parts
            .into_iter()
            .map(|(shape, phase)| Stage { shape, spread: Spread::Constant, phase })
            .collect();
        judge(&stages);
    }
}

fn wild_rate() -> impl Strategy<Value = Rate> {
    let wild = prop_oneof![any::<u64>(), 0u64..3, select(vec![u64::MAX, 1 << 63, 1_000_000_007])];
    (wild.clone(), wild).prop_map(|(count, per)| Rate { count, per: Span(per) })
}

fn wild_stage() -> impl Strategy<Value = Stage> {
    let span =
        || prop_oneof![any::<u64>(), 0u64..3, select(vec![u64::MAX, 86_400_000_000_000])].prop_map(Span);
    let rates = (wild_rate(), wild_rate());
    let curve = select(vec![Curve::Linear, Curve::Exponential]);
    let spread = prop_oneof![
        Just(Spread::Constant),
        Just(Spread::Poisson),
        any::<f64>().prop_map(|burstiness| Spread::Gamma { burstiness }),
        Just(Spread::Gamma { burstiness: 0.001 }),
        Just(Spread::Uniform),
    ];
    let kind = (0..10, any::<u32>(), any::<bool>(), curve);
    (kind, rates, (span(), span(), span(), span()), spread).prop_map(
        |((kind, times, flag, curve), (a, b), (length, day, start, at), spread)| {
            let points = vec![DayPoint { at, rate: a }, DayPoint { at: start, rate: b }];
            let points = DayCurve::Points(points);
            let sine = DayCurve::Sine { low: a, high: b, peak_at: at };
            let shape = match kind {
                0 => Shape::Hold { rate: a, length: Some(length) },
                1 => Shape::Hold { rate: a, length: None },
                2 => Shape::Ramp { from: a, to: b, length, curve },
                3 => Shape::Steps { start: a, by: b, down: flag, count: times % 2000, each: length },
                4 => Shape::Burst { rate: a, length, again: None },
                5 => {
                    let again = Again { every: length + day, base: b, times };
                    Shape::Burst { rate: a, length, again: Some(again) }
                }
                6 => Shape::Spike { base: a, peak: b, length },
                7 => Shape::Diurnal { curve: points, day, start, length },
                8 => Shape::Diurnal { curve: sine, day, start, length },
                _ => Shape::Pause { length },
            };
            Stage { shape, spread, phase: Phase::Main }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn wild_stages_are_refused_or_walked_without_a_panic(stages in prop::collection::vec(wild_stage(), 1..4)) {
        if let Ok(integral) = Integral::new(&stages) {
            let _ = (integral.at(Moment(1 << 60)), integral.total());
        }
        let _ = stages.iter().map(Stage::peak_rate).count();
        if let Ok(schedule) = Schedule::new(stages, 1) {
            let list: Vec<Moment> = schedule.take(50).map(|a| a.at).collect();
            prop_assert!(list.is_sorted());
        }
    }
}
