use proptest::prelude::*;

use super::*;
use crate::objective::Scope;
use crate::schedule::Phase;

fn names() -> Names {
    let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    Names {
        scenarios: list(&["chat", "batch"]),
        mix: list(&["chat", "long", "two words"]),
        steps: list(&["login"]),
        keys: list(&["OPENAI_API_KEY"]),
        targets: list(&["eu"]),
        journeys: true,
    }
}

fn read(text: &str) -> Objective {
    Objective::parse(text, Some(&names())).unwrap_or_else(|m| panic!("{text}: {m:?}"))
}

#[test]
fn what_is_written_is_shown_as_it_was() {
    for text in [
        "ttft p95 < 500ms",
        "gap p99 < 80ms over 10s for 99% of windows",
        "goodput > 95%",
        "errors rate < 1%",
        "cost mean < $0.02",
        "output_tokens_per_s > 900",
        "rate_limited rate < 0.5%",
        "requests_per_s >= 20",
        "latency max < 30s",
        "ttft mean < 1s",
        "tpot p97.5 <= 12.5ms",
        "late p99.999 < 250us",
        "latency count == 640",
        "input_tokens total < 1000000",
        "ttft p50 < 2s in warmup",
        "ttft p50 < 2s for scenario chat",
        "ok rate > 99% over 1m in main for mix \"two words\"",
        "errors count == 0 for step login",
        "latency p99.9 < 2h for key OPENAI_API_KEY",
        "ttft p95 < 1s for turn 12",
        "errors rate < 1% for target eu",
        "journeys failed rate < 1%",
        "journeys completed count > 100 over 1m in main for scenario chat",
        "journey p95 < 30s",
        "journey count >= 20",
        "hook p99 < 50ms",
    ] {
        assert_eq!(read(text).to_string(), text);
    }
}

#[test]
fn other_ways_of_writing_mean_the_same() {
    for (text, plain) in [
        ("ttft p95<500ms", "ttft p95 < 500ms"),
        ("  ttft\tp95   <   500 ms ", "ttft p95 < 500ms"),
        ("errors rate < 1 %", "errors rate < 1%"),
        ("errors rate < 0.01", "errors rate < 1%"),
        ("goodput >= 1", "goodput >= 100%"),
        ("cost max < 0.02", "cost max < $0.02"),
        ("cost max < $ 5", "cost max < $5"),
        ("requests_per_s > 20/s", "requests_per_s > 20"),
        ("ttft p95 < 500ms for batch", "ttft p95 < 500ms for scenario batch"),
        ("ttft p95 < 500ms for 'two words'", "ttft p95 < 500ms for mix \"two words\""),
        (
            "ttft p95 < 500ms for login in main over 10s for 99 % of windows",
            "ttft p95 < 500ms over 10s for 99% of windows in main for step login",
        ),
        ("ttft p50.0 < 1500ms", "ttft p50 < 1.5s"),
    ] {
        assert_eq!(read(text).to_string(), plain, "{text}");
    }
}

#[test]
fn every_part_is_read() {
    let objective = read("gap p99 <= 80ms over 10s for 99.5% of windows in cooldown for long");
    assert_eq!(objective.measure, Measure::Time(Metric::Gap, Statistic::Percentile(Quantile::P99)));
    assert_eq!((objective.op, objective.bound), (Op::AtMost, Bound::Time(Span::from_millis(80))));
    assert_eq!((objective.over, objective.phase), (Some(Span::from_secs(10)), Some(Phase::Cooldown)));
    assert_eq!(objective.windows.map(Share::fraction), Some(0.995));
    assert_eq!(objective.scope, Some(Scope { dimension: Dimension::Mix, name: "long".into() }));
}

/// Every kind of mistake: the word at fault, what is said, what is advised.
#[test]
fn mistakes() {
    let mut said = String::new();
    for text in [
        "",
        "   ",
        "tfft p95 < 500ms",
        "itl p95 < 500ms",
        "happiness p95 < 500ms",
        "ttft < 500ms",
        "ttft",
        "ttft p95",
        "ttft p95 500ms",
        "ttft p95 = 500ms",
        "ttft p95 =< 500ms",
        "ttft p95 < ",
        "ttft p95 < 500",
        "ttft p95 < fast",
        "ttft p95 < 50%",
        "ttft p100 < 1s",
        "ttft p99.99999 < 1s",
        "ttft median < 1s",
        "ttft rate < 1s",
        "ttft total < 1s",
        "errors p95 < 1%",
        "errors < 1%",
        "errors rate < 5",
        "errors rate < 1s",
        "errors rate < 500%",
        "errors rate < -1%",
        "goodput rate > 95%",
        "cost count < 5",
        "cost mean < -$1",
        "cost mean < five",
        "requests_per_s mean > 20",
        "requests_per_s > 20ms",
        "latency p95 < 1s over",
        "latency p95 < 1s over 10",
        "latency p95 < 1s over 1ms",
        "latency p95 < 1s over 10s over 20s",
        "latency p95 < 1s for 99% of windows",
        "latency p95 < 1s over 10s for 99%",
        "latency p95 < 1s over 10s for 120% of windows",
        "latency p95 < 1s in",
        "latency p95 < 1s in wramup",
        "latency p95 < 1s in the morning",
        "latency p95 < 1s for",
        "latency p95 < 1s for chat",
        "latency p95 < 1s for btach",
        "latency p95 < 1s for scenario login",
        "latency p95 < 1s for step lgoin",
        "latency p95 < 1s for 'two words",
        "latency p95 < 1s for long for batch",
        "latency p95 < 1s please",
        "latency p95 < 1s for turn 0",
        "latency p95 < 1s for turn two",
        "latency p95 < 1s for target us",
        "journeys < 1%",
        "journeys p95 < 1s",
        "journeys faild rate < 1%",
        "journeys failed < 1%",
        "journeys failed rate < 1s",
        "journey rate < 1%",
        "journey p95 < 1s for step login",
        "latency p95 < 1s foor chat",
    ] {
        let mistake = Objective::parse(text, Some(&names())).expect_err(text);
        let Mistake { at, message, help } = mistake;
        let before = text[..at.start].chars().count();
        let width = text[at].chars().count().max(1);
        let help = help.map_or_else(String::new, |help| format!("\n  help: {help}"));
        said.push_str(&format!("{text}\n{}{} {message}{help}\n\n", " ".repeat(before), "^".repeat(width)));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_plan_without_a_flow_has_no_turns() {
    let names = Names::default();
    let mistake = Objective::parse("ttft p95 < 1s for turn 2", Some(&names)).unwrap_err();
    assert_eq!(mistake.message, "there is no turn `2`");
    assert_eq!(mistake.help.as_deref(), Some("leave it out: only the conversations of a flow have turns"));
}

#[test]
fn a_name_without_names_to_look_it_up_must_say_what_it_is_of() {
    assert!(Objective::parse("ttft p95 < 1s for chat", None).is_err());
    let text = "ttft p95 < 1s for mix chat";
    assert_eq!(Objective::parse(text, None), Ok(read(text)));
}

/// Regression: a prompt that is called like a dimension is still a name.
#[test]
fn a_name_can_be_a_word_of_the_language() {
    let mix = vec!["key".into(), "over".into(), "in \"main\" \\".into()];
    let names = Names { mix, ..Names::default() };
    for (text, name) in [
        ("ttft p95 < 1s for key", "key"),
        ("ttft p95 < 1s for mix key", "key"),
        ("ttft p95 < 1s for key over 10s", "key"),
        ("ttft p95 < 1s for mix \"over\" over 10s", "over"),
        (r#"ttft p95 < 1s for "in \"main\" \\""#, "in \"main\" \\"),
    ] {
        let objective = Objective::parse(text, Some(&names)).unwrap_or_else(|m| panic!("{text}: {m:?}"));
        assert_eq!(objective.scope.as_ref().map(|s| s.name.as_str()), Some(name));
        assert_eq!(Objective::parse(&objective.to_string(), None), Ok(objective), "{text}");
    }
}

fn statistics() -> impl Strategy<Value = Statistic> {
    prop_oneof![
        (100u32..100_000).prop_map(|p| Statistic::Percentile(Quantile::of_millipercent(p).unwrap())),
        Just(Statistic::Mean),
        Just(Statistic::Min),
        Just(Statistic::Max),
    ]
}

fn measured() -> impl Strategy<Value = (Measure, Bound)> {
    let metric = (0..Metric::ALL.len()).prop_map(|i| Metric::ALL[i]);
    let tally = || prop_oneof![Just(Tally::Rate), Just(Tally::Count)];
    let measure = prop_oneof![
        (metric, prop_oneof![statistics(), Just(Statistic::Count)]).prop_map(|(m, s)| Measure::Time(m, s)),
        tally().prop_map(Measure::Errors),
        (0..Outcome::ALL.len(), tally()).prop_map(|(i, t)| Measure::Outcome(Outcome::ALL[i], t)),
        Just(Measure::Goodput),
        (0..JourneyEnd::ALL.len(), tally()).prop_map(|(i, t)| Measure::Journeys(JourneyEnd::ALL[i], t)),
        prop_oneof![statistics(), Just(Statistic::Count)].prop_map(Measure::Journey),
        prop_oneof![statistics(), Just(Statistic::Total)].prop_map(Measure::Cost),
        prop_oneof![statistics(), Just(Statistic::Total)].prop_map(Measure::OutputTokens),
        (0..3usize).prop_map(|i| Measure::Throughput(Flow::ALL[i])),
    ];
    (measure, any::<u64>(), any::<u128>()).prop_map(|(measure, n, money)| {
        let bound = match measure.kind() {
            Kind::Time => Bound::Time(Span(n)),
            Kind::Share => Bound::Share(Share(n % 1_000_000_001)),
            Kind::Money => Bound::Money(Usd::parse(&format!("0.{:018}", money % 10u128.pow(18))).unwrap()),
            Kind::Number => Bound::Number(Number(n)),
        };
        (measure, bound)
    })
}

fn objectives() -> impl Strategy<Value = Objective> {
    let op =
        prop_oneof![Just(Op::Below), Just(Op::AtMost), Just(Op::Above), Just(Op::AtLeast), Just(Op::Equal)];
    let over = prop::option::of((100_000_000u64..1 << 50, prop::option::of(0u64..=1_000_000_000)));
    let phase = prop::option::of((0..3usize).prop_map(|i| Phase::ALL[i]));
    let scope = prop::option::of((0..Dimension::ALL.len(), "\\PC{0,12}", 1u32..));
    (measured(), op, over, phase, scope).prop_map(|((measure, bound), op, over, phase, scope)| Objective {
        measure,
        op,
        bound,
        over: over.map(|(length, _)| Span(length)),
        windows: over.and_then(|(_, share)| share).map(Share),
        phase,
        scope: scope.map(|scope| scoped(measure, scope)),
    })
}

/// A scope that the measure can have.
fn scoped(measure: Measure, (i, name, turn): (usize, String, u32)) -> Scope {
    let dimension = if measure.is_of_journeys() { Dimension::Scenario } else { Dimension::ALL[i] };
    let name = if dimension == Dimension::Turn { turn.to_string() } else { name };
    Scope { dimension, name }
}

proptest! {
    #[test]
    fn every_objective_is_read_back_as_it_was(objective in objectives()) {
        let text = objective.to_string();
        prop_assert_eq!(Objective::parse(&text, None), Ok(objective.clone()), "{}", text);
        let json = serde_json::to_string(&objective).unwrap();
        prop_assert_eq!(serde_json::from_str::<Objective>(&json).unwrap(), objective);
    }

    #[test]
    fn no_text_is_too_much(text in "\\PC{0,60}", parts in prop::collection::vec(
        prop_oneof![Just("ttft"), Just("p95"), Just("<"), Just("500ms"), Just("over"), Just("for"), Just("99%"),
            Just("of"), Just("windows"), Just("in"), Just("\""), Just("'"), Just("µ"), Just("$"), Just("chat")],
        0..12,
    )) {
        for text in [text, parts.join(" ")] {
            if let Err(mistake) = Objective::parse(&text, Some(&names())) {
                prop_assert!(text.get(mistake.at).is_some(), "{}", text);
            }
        }
    }
}
