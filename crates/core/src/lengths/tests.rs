use proptest::prelude::*;

use super::*;
use crate::random::Purpose;

fn percentile(percent: u8, tokens: f64) -> Width {
    Width::Percentile { percent, tokens }
}

fn drawn(lengths: &Lengths, count: u64) -> Vec<u32> {
    let mut all: Vec<u32> =
        (0..count).map(|i| lengths.draw(&mut Stream::new(11, Purpose::Lengths, i))).collect();
    all.sort_unstable();
    all
}

/// Which fraction of the sample is at most `tokens`, or less by half of those that equal it.
fn share_up_to(sorted: &[u32], tokens: u32) -> f64 {
    let below = sorted.partition_point(|&x| x < tokens);
    let upto = sorted.partition_point(|&x| x <= tokens);
    (below + upto) as f64 / 2.0 / sorted.len() as f64
}

/// Pinned: a changed number would silently change the lengths of every recorded seed.
#[test]
fn the_lengths_of_a_seed_never_change() {
    let first =
        |lengths: &Lengths| [0, 1, 2].map(|i| lengths.draw(&mut Stream::new(42, Purpose::Lengths, i)));
    let bins = [Bin { low: 1, high: 100, weight: 3.0 }, Bin { low: 101, high: 1000, weight: 1.0 }];
    for (lengths, drawn) in [
        (Lengths::lognormal(Centre::Median(3000.0), percentile(95, 9000.0)).unwrap(), [1774, 5935, 5235]),
        (Lengths::normal(Centre::Mean(500.0), percentile(95, 900.0)).unwrap(), [309, 748, 703]),
        (Lengths::gamma(Centre::Mean(400.0), percentile(95, 1200.0)).unwrap(), [19, 56, 78]),
        (Lengths::uniform(400, 900).unwrap(), [649, 483, 721]),
        (Weighted::new(bins).unwrap().into(), [53, 10, 14]),
    ] {
        assert_eq!(first(&lengths), drawn, "{}", lengths.describe());
    }
}

/// Quoted figures are those of the draws. Five standard errors of a share are 0.5·5/√n.
#[test]
fn drawn_quantiles_are_those_quoted() {
    const N: u64 = 20_000;
    let error = |p: f64| 5.0 * (p * (1.0 - p) / N as f64).sqrt();
    for (lengths, figures) in [
        (Lengths::lognormal(Centre::Median(3000.0), percentile(95, 9000.0)), [(0.5, 3000), (0.95, 9000)]),
        (Lengths::normal(Centre::Mean(500.0), percentile(95, 900.0)), [(0.5, 500), (0.95, 900)]),
        (Lengths::gamma(Centre::Median(400.0), percentile(95, 1200.0)), [(0.5, 400), (0.95, 1200)]),
        (Lengths::gamma(Centre::Mean(400.0), percentile(90, 900.0)), [(0.9, 900), (0.9, 900)]),
        (Lengths::lognormal(Centre::Mean(400.0), percentile(99, 1600.0)), [(0.99, 1600), (0.99, 1600)]),
        (Lengths::uniform(400, 900), [(0.5, 650), (0.9, 850)]),
    ] {
        let lengths = lengths.unwrap();
        let sample = drawn(&lengths, N);
        for (p, tokens) in figures {
            let share = share_up_to(&sample, tokens);
            assert!((share - p).abs() < error(p), "{}: {share} up to {tokens}", lengths.describe());
            assert!(
                lengths.quantile(p).abs_diff(tokens) <= 1,
                "{}: {}",
                lengths.describe(),
                lengths.quantile(p)
            );
        }
    }
}

#[test]
fn quoted_means_and_deviations_are_those_of_the_distribution() {
    for lengths in [
        Lengths::gamma(Centre::Mean(400.0), percentile(95, 1200.0)),
        Lengths::gamma(Centre::Mean(400.0), Width::Deviation(300.0)),
        Lengths::lognormal(Centre::Mean(400.0), percentile(95, 1200.0)),
        Lengths::lognormal(Centre::Mean(400.0), Width::Deviation(300.0)),
        Lengths::normal(Centre::Mean(400.0), Width::Deviation(50.0)),
    ] {
        let lengths = lengths.unwrap();
        assert!((lengths.mean() - 400.0).abs() < 0.05, "{}: {}", lengths.describe(), lengths.mean());
    }
    let lengths = Lengths::gamma(Centre::Median(200.0), Width::Deviation(300.0)).unwrap();
    let sample = drawn(&lengths, 50_000);
    let mean = sample.iter().map(|&x| f64::from(x)).sum::<f64>() / 5e4;
    let variance = sample.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / 5e4;
    assert!((variance.sqrt() / 300.0 - 1.0).abs() < 0.05, "{}", variance.sqrt());
    assert!(lengths.quantile(0.5).abs_diff(200) <= 1);
}

#[test]
fn what_contradicts_itself_is_refused_in_words() {
    let said = |lengths: Result<Lengths, Unfit>| lengths.unwrap_err().to_string();
    assert_eq!(
        said(Lengths::lognormal(Centre::Median(3000.0), percentile(95, 2000.0))),
        "p95 must be above the median of 3000"
    );
    assert_eq!(
        said(Lengths::lognormal(Centre::Mean(400.0), percentile(95, 4000.0))),
        "no lognormal distribution about this middle is as wide: at most 1,547"
    );
    assert!(
        said(Lengths::gamma(Centre::Mean(400.0), percentile(95, 4000.0))).contains("no gamma distribution")
    );
    assert!(said(Lengths::gamma(Centre::Mean(400.0), percentile(95, 401.0))).contains("too narrow"));
    assert_eq!(said(Lengths::normal(Centre::Mean(0.0), Width::Deviation(1.0))), "lengths must be above zero");
    assert_eq!(
        said(Lengths::normal(Centre::Mean(f64::NAN), Width::Deviation(1.0))),
        "lengths must be above zero"
    );
    assert!(said(Lengths::normal(Centre::Mean(9.0), percentile(50, 12.0))).starts_with("p50 does not say"));
    assert_eq!(said(Lengths::uniform(5, 4)), "the shortest length comes first");
    assert_eq!(said(Lengths::uniform(0, 4)), "lengths must be above zero");
}

/// The widest gamma distribution of a mean is found, and the next wider one refused.
#[test]
fn the_bound_of_a_gamma_distribution_is_where_it_says() {
    let Err(Unfit::TooWide { most, .. }) = Lengths::gamma(Centre::Mean(1000.0), percentile(95, 1e6)) else {
        panic!()
    };
    let widest = Lengths::gamma(Centre::Mean(1000.0), percentile(95, most)).unwrap();
    assert!(widest.quantile(0.95).abs_diff(whole(most)) <= 1);
    assert!(Lengths::gamma(Centre::Mean(1000.0), percentile(95, most + 2.0)).is_err());
}

#[test]
fn people_read_what_it_is() {
    let lognormal = Lengths::lognormal(Centre::Median(3000.0), percentile(95, 9000.0)).unwrap();
    assert_eq!(lognormal.describe(), "lognormal, median 3,000, p95 9,000 tokens");
    let clamped = lognormal.clamped(None, Some(16_000));
    assert_eq!(clamped.describe(), "lognormal, median 3,000, p95 9,000 tokens, clamped to at most 16,000");
    let gamma = Lengths::gamma(Centre::Mean(400.0), percentile(95, 1200.0)).unwrap();
    assert_eq!(gamma.describe(), "gamma, mean 400, p95 1,200 tokens");
    let normal =
        Lengths::normal(Centre::Mean(500.0), percentile(95, 900.0)).unwrap().clamped(Some(10), Some(99));
    assert_eq!(normal.describe(), "normal, mean 500, p95 900 tokens, clamped to 10 to 99");
    assert_eq!(Lengths::uniform(400, 900).unwrap().describe(), "uniform, 400 to 900 tokens");
    assert_eq!(Lengths::fixed(1).describe(), "1 token");
    assert_eq!(Lengths::fixed(1_234_567).describe(), "1,234,567 tokens");
    let values = Weighted::recorded([120, 120, 120, 400]).unwrap();
    assert_eq!(Lengths::from(values).describe(), "2 lengths by weight, median 120, p95 400 tokens");
}

#[test]
fn bins_are_drawn_by_weight_and_evenly_within() {
    let bins = [Bin { low: 1, high: 100, weight: 3.0 }, Bin { low: 101, high: 1000, weight: 1.0 }];
    let lengths = Lengths::from(Weighted::new(bins).unwrap());
    let sample = drawn(&lengths, 20_000);
    assert!((share_up_to(&sample, 100) - 0.75).abs() < 0.02);
    assert!((share_up_to(&sample, 50) - 0.375).abs() < 0.02);
    assert!((share_up_to(&sample, 550) - 0.875).abs() < 0.02);
    assert_eq!((lengths.quantile(0.375), lengths.quantile(0.75), lengths.quantile(0.875)), (50, 100, 550));
    assert_eq!((lengths.least(), lengths.most()), (1, Some(1000)));
    assert!((lengths.mean() - (0.75 * 50.5 + 0.25 * 550.5)).abs() < 1e-9);
    assert!((lengths.share_below(51) - 0.375).abs() < 1e-12);
}

#[test]
fn pairs_stay_together_and_have_their_weights() {
    let pair = |input, output, weight| Pair { input, output, weight };
    let pairs = Pairs::new([pair(120, 80, 1.0), pair(3000, 200, 5.0), pair(7, 7, 0.0)]).unwrap();
    let mut long = 0;
    for i in 0..6000 {
        match pairs.draw(&mut Stream::new(3, Purpose::Lengths, i)) {
            (3000, 200) => long += 1,
            other => assert_eq!(other, (120, 80)),
        }
    }
    assert!((4850..5150).contains(&long), "{long}");
    assert_eq!((pairs.input().quantile(0.5), pairs.output().most()), (3000, Some(200)));
    assert_eq!(
        pairs.describe(),
        "2 pairs, prompts of median 3,000, p95 3,000 tokens, answers of median 200, p95 200"
    );
    let text = serde_json::to_string(&pairs).unwrap();
    assert_eq!(serde_json::from_str::<Pairs>(&text).unwrap(), pairs);
    assert!(Pairs::new([pair(1, 1, 0.0)]).is_none());
}

/// A plan that was written by hand, or damaged, draws something and never panics.
#[test]
fn any_parameters_draw_a_length() {
    for text in [
        r#"{"shape": {"uniform": {"low": 0, "high": 4294967295}}}"#,
        r#"{"shape": {"uniform": {"low": 9, "high": 1}}}"#,
        r#"{"shape": {"weighted": []}}"#,
        r#"{"shape": {"weighted": [{"low": 7, "high": 1, "weight": 1}]}, "min": 9, "max": 3}"#,
        r#"{"shape": {"gamma": {"shape": 1e-300, "scale": 1e300}}}"#,
        r#"{"shape": {"normal": {"mean": -1e300, "deviation": 0}}}"#,
        r#"{"shape": {"log_normal": {"mu": 800, "sigma": 1e308}}}"#,
    ] {
        let lengths: Lengths = serde_json::from_str(text).unwrap();
        let _ = (lengths.mean(), lengths.summary(), lengths.describe(), lengths.least());
        assert!(lengths.draw(&mut Stream::new(1, Purpose::Lengths, 0)) >= 1, "{text}");
    }
}

fn any_lengths() -> impl Strategy<Value = Lengths> {
    let figures = (20.0..20_000.0f64, 1.3..3.0f64);
    let family = prop_oneof![
        (1u32..5000).prop_map(Lengths::fixed),
        (1u32..5000, 0u32..5000).prop_map(|(low, more)| Lengths::uniform(low, low + more).unwrap()),
        figures.clone().prop_map(|(m, r)| Lengths::normal(Centre::Mean(m), percentile(95, m * r)).unwrap()),
        figures
            .clone()
            .prop_map(|(m, r)| Lengths::lognormal(Centre::Median(m), percentile(95, m * r)).unwrap()),
        figures.prop_map(|(m, r)| Lengths::gamma(Centre::Mean(m), percentile(95, m * r)).unwrap()),
        prop::collection::vec((1u32..3000, 0u32..500, 0.1..9.0f64), 1..8).prop_map(|bins| {
            let mut low = 0;
            let bins = bins.into_iter().map(|(gap, more, weight)| {
                let bin = Bin { low: low + gap, high: low + gap + more, weight };
                low = bin.high;
                bin
            });
            Lengths::from(Weighted::new(bins).unwrap())
        }),
    ];
    let bounds = (prop::option::of(1u32..3000), prop::option::of(0u32..20_000));
    (family, bounds)
        .prop_map(|(lengths, (min, more))| lengths.clamped(min, more.map(|more| min.unwrap_or(1) + more)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Draws, quantiles, mean and bounds are those of one distribution.
    #[test]
    fn every_figure_is_that_of_the_draws(lengths in any_lengths()) {
        const N: u64 = 4_000;
        let sample = drawn(&lengths, N);
        let (first, last) = (sample[0], sample[N as usize - 1]);
        prop_assert!(first >= lengths.least());
        prop_assert!(lengths.most().is_none_or(|most| last <= most));
        for p in [0.05, 0.5, 0.95] {
            // The quantile is the first length with at least p of the draws up to it.
            let quantile = lengths.quantile(p);
            let upto = sample.partition_point(|&x| x <= quantile) as f64 / N as f64;
            let below = sample.partition_point(|&x| x < quantile) as f64 / N as f64;
            let error = 5.0 * (p * (1.0 - p) / N as f64).sqrt();
            prop_assert!(upto > p - error && below < p + error, "{}: p {p} is {quantile}: {below} {upto}", lengths.describe());
        }
        let mean = sample.iter().map(|&x| f64::from(x)).sum::<f64>() / N as f64;
        let variance = sample.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / N as f64;
        let error = 6.0 * (variance / N as f64).sqrt() + 0.1 + mean * 2e-3;
        prop_assert!((lengths.mean() - mean).abs() < error, "{}: {} {mean}", lengths.describe(), lengths.mean());
    }

    /// The length of an arrival is a function of seed and index: any order, any worker.
    #[test]
    fn draws_do_not_depend_on_one_another(lengths in any_lengths(), order in prop::collection::vec(0u64..50, 1..40)) {
        let one = |i| lengths.draw(&mut Stream::new(5, Purpose::Lengths, i));
        let in_order: Vec<u32> = (0..50).map(one).collect();
        for i in order {
            prop_assert_eq!(one(i), in_order[i as usize]);
        }
    }

    #[test]
    fn a_stored_distribution_is_the_same(lengths in any_lengths()) {
        let text = serde_json::to_string(&lengths).unwrap();
        prop_assert_eq!(serde_json::from_str::<Lengths>(&text).unwrap(), lengths);
    }
}
