//! What a build server reads.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing is to fail")]

mod fixtures;

use floodline_core::objective::Undecided;
use floodline_report::junit;

#[test]
fn every_objective_is_a_test_case() {
    let (run, summary) = fixtures::named("objectives");
    insta::assert_snapshot!(junit::xml(&run.plan, summary).unwrap());
}

#[test]
fn a_run_without_objectives_has_none() {
    let (run, summary) = fixtures::named("healthy");
    assert_eq!(junit::xml(&run.plan, summary), None);
}

#[test]
fn an_undecided_objective_is_what_the_scenario_says_that_it_is() {
    let (run, summary) = fixtures::named("objectives");
    for (undecided, element) in
        [(Undecided::Invalid, "<error "), (Undecided::Fail, "<failure "), (Undecided::Pass, "<skipped ")]
    {
        let mut plan = run.plan.clone();
        plan.undecided = undecided;
        let xml = junit::xml(&plan, summary).unwrap();
        let case = xml.split("<testcase ").find(|case| case.contains("errors rate &lt; 1%")).unwrap();
        assert!(case.contains(element), "{xml}");
    }
}

#[test]
fn journeys_are_properties() {
    let (run, summary) = fixtures::named("journeys");
    let xml = junit::xml(&run.plan, summary).unwrap();
    let journeys = summary.journeys.as_ref().unwrap();
    for (name, n) in [("completed", journeys.completed), ("failed", journeys.failed), ("cut", journeys.cut)] {
        let property = format!("<property name=\"journeys.{name}\" value=\"{n}\"/>");
        assert!(n > 0 && xml.contains(&property), "{xml}");
    }
}

#[test]
fn names_stay_text() {
    let (run, summary) = fixtures::named("objectives");
    let mut summary = summary.clone();
    summary.name = "</testsuite>\u{1b}\"&".into();
    let xml = junit::xml(&run.plan, &summary).unwrap();
    assert!(xml.contains("&lt;/testsuite&gt; &quot;&amp;"));
    assert!(!xml.contains('\u{1b}'));
}
