//! Objectives and rules in a scenario: what the plan holds of them, and what is said when they are wrong.

mod support;

use floodline_core::objective::Undecided;
use floodline_scenario::{Overrides, QuickForm};
use insta::assert_snapshot;
use support::World;

fn texts(objectives: &[floodline_core::Objective]) -> Vec<String> {
    objectives.iter().map(ToString::to_string).collect()
}

#[test]
fn they_are_in_the_plan_as_they_were_written() {
    let text = "\
target: {stub: {}, model: m}
prices: {input: $1, output: $2}
prompts:
  - {name: chat, text: a, max_tokens: 5}
  - {name: two words, text: b, max_tokens: 5}
load:
  - {warmup: 1/s, for: 5s}
  - {hold: 5/s, for: 10s}
objectives:
  - ttft p95 < 500ms
  - \"gap p99 < 80ms over 10s for 99% of windows\"
  - goodput > 95%
  - cost mean < $0.02
  - ttft p95 < 1s in warmup
  - 'latency p95 < 1s for \"two words\"'
undecided: pass
limits: {stop_when: [errors rate > 20% over 10s, \"ttft p95 > 5s for mix chat\"]}
";
    let plan = World::new().resolve(text).unwrap().plan;
    assert_eq!(
        texts(&plan.objectives),
        [
            "ttft p95 < 500ms",
            "gap p99 < 80ms over 10s for 99% of windows",
            "goodput > 95%",
            "cost mean < $0.02",
            "ttft p95 < 1s in warmup",
            "latency p95 < 1s for mix \"two words\"",
        ]
    );
    assert_eq!(plan.undecided, Undecided::Pass);
    assert_eq!(texts(&plan.limits.stop_when), ["errors rate > 20% over 10s", "ttft p95 > 5s for mix chat"]);
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<floodline_core::Plan>(&json).unwrap(), plan);
}

#[test]
fn one_sentence_stands_for_a_list_of_one() {
    let plan = World::new().resolve("target: {stub: {}}\nobjectives: ttft p95 < 1s\n").unwrap().plan;
    assert_eq!(texts(&plan.objectives), ["ttft p95 < 1s"]);
    assert_eq!(plan.undecided, Undecided::Invalid);
}

#[test]
fn without_a_flow_there_is_no_journey_to_ask_about() {
    let text = "target: {stub: {}}\nobjectives: [journeys failed rate < 1%, journey p95 < 30s]\n";
    let said = World::new().resolve(text).unwrap_err().to_string();
    assert_eq!(said.matches("there are no journeys: no scenario has a flow").count(), 2, "{said}");
}

/// A plan without objectives is what it was before there were any, hash included.
#[test]
fn a_plan_without_them_does_not_mention_them() {
    let plan = World::new().resolve("target: {stub: {}}\n").unwrap().plan;
    let json = serde_json::to_string(&plan).unwrap();
    assert!(!json.contains("objectives") && !json.contains("undecided") && !json.contains("stop_when"));
}

#[test]
fn arguments_add_to_them() {
    let overrides = Overrides { objectives: vec!["errors rate < 1%".into()], ..Overrides::default() };
    let text = "target: {stub: {}}\nobjectives: [ttft p95 < 1s]\n";
    let plan = World::new().resolve_with(text, &overrides).unwrap().plan;
    assert_eq!(texts(&plan.objectives), ["ttft p95 < 1s", "errors rate < 1%"]);
}

#[test]
fn the_quick_form_has_them_and_writes_them_down() {
    let form = QuickForm {
        url: Some("stub:".into()),
        objectives: vec!["ttft p95 < 500ms".into(), "goodput > 95%".into()],
        ..QuickForm::default()
    };
    let quick = World::new().quick(&form).unwrap().plan;
    assert_eq!(texts(&quick.objectives), ["ttft p95 < 500ms", "goodput > 95%"]);
    let written = World::new().resolve(&form.to_yaml()).unwrap().plan;
    assert_eq!(written.objectives, quick.objectives);
}

#[test]
fn a_mistake_in_the_quick_form_names_the_argument() {
    let form = QuickForm {
        url: Some("stub:".into()),
        objectives: vec!["tfft p95 < 500ms".into()],
        ..QuickForm::default()
    };
    assert_snapshot!(World::new().quick(&form).unwrap_err());
}

#[test]
fn the_caret_stands_under_the_word_that_is_wrong() {
    let text = "\
target: {stub: {}}
prompts: {name: chat, text: a}
objectives:
  - tfft p95 < 500ms
  - \"gap p99 < 80\"
  - ttft  p95  <  500ms  for chta
  - 'errors median < 1%'
  - >
    latency p95
    < 500 parsecs
limits: {stop_when: [errors rate => 20%]}
";
    assert_snapshot!(World::new().error(text));
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let text = "\
target: {stub: {}, stream: false}
objectives:
  - goodput > 95%
  - tpot p95 > 5ms for default
  - cost mean < $0.02
  - ttft p95 < 1s in warmup
limits:
  stop_when:
    - goodput < 50%
    - errors rate > 20% over 10s for 50% of windows
";
    assert_snapshot!(World::new().error(text));
}

#[test]
fn goodput_needs_to_be_told_what_is_good() {
    let with =
        |objectives: &str| format!("target: {{stub: {{}}}}\nobjectives: [goodput > 95%, {objectives}]\n");
    assert_snapshot!(World::new().error(&with("errors rate < 1%")));
    for enough in ["ttft p95 < 1s", "gap p99 < 80ms", "latency p95 < 1s over 10s"] {
        assert!(World::new().resolve(&with(enough)).is_ok(), "{enough}");
    }
}

#[test]
fn something_of_another_shape() {
    let texts =
        ["objectives: {ttft: 500ms}", "objectives:", "objectives: [{ttft: 500ms}]", "undecided: maybe"];
    let said: Vec<String> =
        texts.iter().map(|text| World::new().error(&format!("target: {{stub: {{}}}}\n{text}\n"))).collect();
    assert_snapshot!(said.join("\n\n"));
}

#[test]
fn no_objectives_are_no_objectives() {
    let plan = World::new().resolve("target: {stub: {}}\nobjectives: []\n").unwrap().plan;
    assert!(plan.objectives.is_empty());
}
