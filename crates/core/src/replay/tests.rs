use proptest::prelude::*;

use super::scale::{Factor, scaled};
use super::*;
use crate::random::{Purpose, Stream};

const SECOND: u64 = 1_000_000_000;

fn rows(times: impl IntoIterator<Item = u64>) -> Vec<TraceRow> {
    (1..).zip(times).map(|(i, at)| TraceRow::new(Moment(at), i, i)).collect()
}

fn source() -> Source {
    Source {
        file: "t.csv".into(),
        format: "csv".into(),
        speed: 1.0,
        window: (Span::ZERO, None),
        scale: 1.0,
        jitter: None,
    }
}

fn replay(times: impl IntoIterator<Item = u64>, extent: Extent) -> Replay {
    Replay::new(source(), extent, "0".into(), rows(times).into())
}

fn all(replay: &Replay) -> Vec<(u64, usize)> {
    (0..).map_while(|i| replay.arrival(i)).map(|(at, row)| (at.0, row)).collect()
}

fn passes(n: u64) -> Option<NonZeroU64> {
    NonZeroU64::new(n)
}

#[test]
fn passes_follow_each_other_without_a_row_being_copied() {
    let replay = replay([5, 7, 10], Extent { passes: passes(3), period: Span(8), ..Extent::ONCE });
    assert_eq!(all(&replay), [(5, 0), (7, 1), (10, 2), (13, 0), (15, 1), (18, 2), (21, 0), (23, 1), (26, 2)]);
    assert_eq!((replay.len(), replay.length()), (Some(9), Some(Span(26))));
    assert_eq!(replay.recording.rows.len(), 3);
}

#[test]
fn a_replay_without_end_has_no_length_and_ends_where_it_is_cut() {
    let endless = Extent { passes: None, period: Span(10), ..Extent::ONCE };
    let forever = replay([0, 4], endless);
    assert_eq!((forever.len(), forever.length()), (None, None));
    assert_eq!(forever.arrival(2_000_001), Some((Moment(10_000_004), 1)));
    assert_eq!([0, 1, 14, 15].map(|ns| forever.before(Moment(ns))), [0, 1, 3, 4]);
    let cut = replay([0, 4], Extent { until: Some(Span(34)), ..endless });
    assert_eq!(cut.before(Moment(1_000)), 7);
    assert_eq!(cut.len(), Some(7), "the end is exclusive");
    let cut = replay([0, 4], Extent { until: Some(Span(34)), at_most: Some(3), ..endless });
    assert_eq!(all(&cut), [(0, 0), (4, 1), (10, 0)]);
}

#[test]
fn a_pause_at_the_beginning_belongs_to_every_pass() {
    let extent = Extent { passes: None, period: Span(10), until: Some(Span(28)), at_most: None };
    assert_eq!(all(&replay([7, 9], extent)), [(7, 0), (9, 1), (17, 0), (19, 1), (27, 0)]);
}

#[test]
fn the_busiest_second_may_lie_across_two_passes() {
    let times = [0, SECOND / 2, 3 * SECOND, 3 * SECOND + 1];
    let once = replay(times, Extent::ONCE);
    assert_eq!(once.busiest_second, 2);
    let twice = Extent { passes: passes(2), period: Span(3 * SECOND + SECOND / 4), ..Extent::ONCE };
    assert_eq!(replay(times, twice).busiest_second, 4);
    let often = Extent { passes: None, period: Span(SECOND / 100), ..Extent::ONCE };
    assert_eq!(replay([0, 1], often).busiest_second, 200);
}

#[test]
fn lengths_are_those_of_what_is_played() {
    let replay = replay([0, 1, 2, 3], Extent { at_most: Some(3), ..Extent::ONCE });
    assert_eq!(replay.input_tokens, Lengths { mean: 2.0, p50: 2, p90: 3, p99: 3, max: 3 });
    assert_eq!(Lengths::of(Vec::new()), Lengths::default());
}

#[test]
fn the_plan_keeps_the_figures_and_not_the_rows() {
    let replay = replay([0, 4], Extent { passes: passes(2), period: Span(10), ..Extent::ONCE });
    let stored: Replay = serde_json::from_str(&serde_json::to_string(&replay).unwrap()).unwrap();
    assert_eq!(stored, Replay { recording: Recording::default(), ..replay });
    assert_eq!(stored.len(), Some(4));
    assert_eq!(stored.arrival(0), None);
}

#[test]
fn nothing_is_played_of_nothing() {
    let replay = replay([], Extent { passes: None, ..Extent::ONCE });
    assert_eq!((replay.len(), replay.length(), replay.arrival(0)), (Some(0), Some(Span::ZERO), None));
}

#[test]
fn blocks_of_a_row_are_found_in_the_arena() {
    let mut row = TraceRow::new(Moment(0), 9, 9);
    row.blocks = BlocksAt::new(2);
    let recording = Recording { rows: [row].into(), blocks: [1, 7, 2, 8, 9, 1].into(), block_tokens: 512 };
    assert_eq!(recording.blocks_of(&recording.rows[0]), [8, 9]);
    assert_eq!(recording.blocks_of(&TraceRow::new(Moment(0), 1, 1)), [] as [u64; 0]);
    assert!(BlocksAt::new(u32::MAX as usize).is_none());
    assert_eq!(size_of::<TraceRow>(), 24);
}

proptest! {
    #[test]
    fn arrivals_equal_a_slow_oracle(
        gaps in prop::collection::vec(0u64..5, 1..12),
        slack in 1u64..9, times in 1u64..5, until in prop::option::of(0u64..90), at_most in prop::option::of(0u64..40),
    ) {
        let times_of: Vec<u64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
        let period = times_of[times_of.len() - 1] - times_of[0] + slack;
        let oracle: Vec<(u64, usize)> = (0..times)
            .flat_map(|pass| times_of.iter().enumerate().map(move |(row, at)| (at + pass * period, row)))
            .filter(|(at, _)| until.is_none_or(|until| *at < until))
            .take(at_most.unwrap_or(u64::MAX) as usize)
            .collect();
        let extent = Extent { passes: passes(times), period: Span(period), until: until.map(Span), at_most };
        let replay = replay(times_of, extent);
        prop_assert_eq!(replay.len(), Some(oracle.len() as u64));
        prop_assert_eq!(all(&replay), oracle);
    }
}

/// Gaps of a Poisson process, or of one that is busy a tenth of the time and nearly idle otherwise.
fn recorded(n: usize, bursty: bool) -> Vec<TraceRow> {
    let mut stream = Stream::new(11, Purpose::Arrivals, 0);
    let mut at = 0.0;
    let times = (0..n).map(|i| {
        let busy = i / 200 % 2 == 0;
        let mean = if bursty && !busy { 50e6 } else { 5e6 };
        at += mean * stream.exponential();
        at as u64
    });
    rows(times.collect::<Vec<_>>())
}

/// The coefficient of variation of the gaps.
fn variation(rows: &[TraceRow]) -> f64 {
    let gaps: Vec<f64> = rows.windows(2).map(|pair| pair[1].at.since(pair[0].at).as_secs_f64()).collect();
    let (mean, variance) = moments(&gaps);
    variance.sqrt() / mean
}

/// Requests in each of the stretches of `width` nanoseconds.
fn counts(rows: &[TraceRow], width: u64) -> Vec<f64> {
    let mut counts = vec![0.0; (rows[rows.len() - 1].at.0 / width) as usize];
    for row in rows {
        if let Some(count) = counts.get_mut((row.at.0 / width) as usize) {
            *count += 1.0;
        }
    }
    counts
}

fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64)
}

const FACTORS: [(u64, u64); 6] = [(1, 10), (1, 3), (9, 10), (2, 1), (5, 2), (10, 1)];

#[test]
fn scaling_keeps_the_share_of_every_stretch() {
    for bursty in [false, true] {
        let rows = recorded(40_000, bursty);
        for (numerator, denominator) in FACTORS {
            let factor = numerator as f64 / denominator as f64;
            let result = scaled(&rows, Factor { numerator, denominator }, rows[39_999].at, 3);
            assert!((result.len() as f64 - 40_000.0 * factor).abs() <= 0.5, "{factor}: {}", result.len());
            // Any stretch of rows, be it ever so short, has its share to within a few.
            for stretch in [10, 100, 1_000, 10_000] {
                for start in (0..40_000 - stretch).step_by(stretch * 3 / 2 + 1) {
                    let before = |row: usize| result.partition_point(|kept| kept.at < rows[row].at);
                    let kept = (before(start + stretch) - before(start)) as f64;
                    assert!((kept - stretch as f64 * factor).abs() <= 8.0, "{factor}: {kept} of {stretch}");
                }
            }
        }
    }
}

#[test]
fn scaling_keeps_the_variation_of_the_gaps() {
    for (bursty, recorded_variation) in [(false, 1.0), (true, 1.53)] {
        let rows = recorded(100_000, bursty);
        let before = variation(&rows);
        assert!((before / recorded_variation - 1.0).abs() < 0.1, "{before}");
        for (numerator, denominator) in FACTORS {
            let result = scaled(&rows, Factor { numerator, denominator }, rows[99_999].at, 3);
            let kept = variation(&result) / before;
            // Copies between neighbours make gaps vary up to √3 times as much when gaps are exponential.
            let bounds = if numerator < denominator { 0.85..1.1 } else { 1.0..1.75 };
            assert!(bounds.contains(&kept), "{bursty} {numerator}/{denominator}: {kept}");
        }
    }
}

#[test]
fn scaling_keeps_the_relative_dispersion_of_counts() {
    for (bursty, width) in [(false, 2 * SECOND), (true, 2 * SECOND)] {
        let rows = recorded(100_000, bursty);
        let relative = |rows: &[TraceRow]| {
            let (mean, variance) = moments(&counts(rows, width));
            (variance.sqrt() / mean, variance / mean)
        };
        let (before, index) = relative(&rows);
        for (numerator, denominator) in FACTORS {
            let factor = numerator as f64 / denominator as f64;
            let (after, scaled_index) =
                relative(&scaled(&rows, Factor { numerator, denominator }, rows[99_999].at, 5));
            assert!((0.95..1.35).contains(&(after / before)), "{bursty} {factor}: {after} {before}");
            let kept = scaled_index / index / factor;
            assert!((0.9..1.8).contains(&kept), "{bursty} {factor}: {scaled_index} {index}");
        }
    }
}

#[test]
fn copies_neither_pile_up_nor_leave_the_gap_of_their_row() {
    // Three requests at one instant, as a recording in whole seconds has them.
    let rows = rows([0, 0, 0, SECOND, 3 * SECOND]);
    let result = scaled(&rows, Factor { numerator: 100, denominator: 1 }, Moment(4 * SECOND), 1);
    assert_eq!(result.len(), 500);
    assert!(result.is_sorted_by_key(|row| row.at));
    let originals: Vec<_> = result.iter().filter(|row| row.copy == 0).copied().collect();
    assert_eq!(originals, rows);
    let within = |from: u64, to: u64| {
        result.iter().filter(|row| row.copy > 0 && (from * SECOND..to * SECOND).contains(&row.at.0)).count()
    };
    assert_eq!([within(0, 1), within(1, 3), within(3, 4)], [3 * 99, 99, 99]);
    let most = result.chunk_by(|a, b| a.at == b.at).map(<[TraceRow]>::len).max();
    assert_eq!(most, Some(3));
    for row in &result {
        assert_eq!(row.output_tokens, rows[row.input_tokens as usize - 1].output_tokens);
    }
}

#[test]
fn another_seed_chooses_other_rows() {
    let rows = recorded(1_000, false);
    let chosen = |seed| scaled(&rows, Factor { numerator: 1, denominator: 4 }, Moment(0), seed);
    assert_eq!(chosen(1), chosen(1));
    assert_ne!(chosen(1), chosen(2));
}

proptest! {
    #[test]
    fn any_factor_keeps_order_and_number(
        n in 0usize..300, numerator in 1u64..1_000, denominator in 1u64..300, seed: u64,
    ) {
        let rows = recorded(n, true);
        let factor = Factor { numerator, denominator };
        let result = scaled(&rows, factor, Moment(u64::MAX), seed);
        prop_assert!(result.is_sorted_by_key(|row| row.at));
        prop_assert!((result.len() as i64 - factor.of(n) as i64).abs() <= 1);
        prop_assert!(result.iter().all(|row| numerator >= denominator || row.copy == 0));
    }

    #[test]
    fn jitter_moves_forward_within_its_width_and_keeps_the_order(
        gaps in prop::collection::vec(prop::sample::select(vec![0, 0, 0, 3_000, 7_000]), 1..200),
        width in 0u64..9_000, seed: u64,
    ) {
        let times = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) });
        let before = rows(times);
        let mut after = before.clone();
        jitter::spread(&mut after, Span(width), seed);
        prop_assert!(after.is_sorted_by_key(|row| row.at));
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!(before.input_tokens, after.input_tokens);
            let moved = after.at.0.checked_sub(before.at.0);
            prop_assert!(moved.is_some_and(|moved| moved < width.max(1)), "{:?}", moved);
        }
    }
}

#[test]
fn jitter_fills_the_buckets_evenly() {
    let mut rows = rows((0..30_000).map(|i| i / 10 * 3 * SECOND));
    jitter::spread(&mut rows, Span(3 * SECOND), 9);
    let mut tenths = [0; 10];
    rows.iter().for_each(|row| tenths[(row.at.0 % (3 * SECOND) * 10 / (3 * SECOND)) as usize] += 1);
    assert!(tenths.iter().all(|count| (2_790..3_210).contains(count)), "{tenths:?}");
    let variation = variation(&rows);
    assert!((variation - 1.0).abs() < 0.1, "{variation}");
}
