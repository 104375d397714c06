//! `floodline arrivals`: every planned time, exactly, and nothing sent.

#[allow(dead_code, unused_imports, reason = "each test file uses its part")]
mod support;

use support::Desk;

/// The columns of each line that a scenario's arrivals make.
fn arrivals(scenario: &str, options: &[&str]) -> Vec<Vec<String>> {
    let desk = Desk::new();
    desk.file("load.yaml", scenario);
    let said = desk.floodline(&[&["arrivals", "load.yaml"], options].concat());
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{scenario}");
    let columns = |line: &str| line.split('\t').map(str::to_owned).collect();
    said.out.lines().map(columns).collect()
}

fn times(scenario: &str) -> Vec<u64> {
    arrivals(scenario, &[]).iter().map(|columns| columns[1].parse().expect("nanoseconds")).collect()
}

#[test]
fn a_ramp_sends_where_its_integral_reaches_whole_numbers() {
    let ramp = "target: {stub: {}}\nload:\n  - {ramp: 0..1/s, over: 5s}\n  - {hold: 1/s, for: 1s}\n  \
                - {ramp: 1/s..0/s, over: 5s}";
    // √10, √20, 5.5, 11 − √20, 11 − √10 and 11 seconds, rounded down to the nanosecond.
    assert_eq!(
        times(ramp),
        [3_162_277_660, 4_472_135_954, 5_500_000_000, 6_527_864_045, 7_837_722_339, 11_000_000_000]
    );
}

#[test]
fn a_load_that_starts_with_a_hold_sends_at_once() {
    let load = "target: {stub: {}}\nload:\n  - {hold: 10/s, for: 1s}\n  - {ramp: 10/s..50/s, over: 1s}\n  \
                - {hold: 50/s, for: 1s}";
    let table = arrivals(load, &["--per-second"]);
    assert_eq!(table, [["0", "10"], ["1", "30"], ["2", "50"]]);
    assert_eq!(times(load)[..2], [0, 100_000_000]);
}

#[test]
fn each_line_names_index_time_scenario_and_phase() {
    let load = "name: day\ntarget: {stub: {}}\nload:\n  - {warmup: 2/s, for: 1s}\n  - {burst: 4/s, for: 500ms}\n  \
                - {pause: 1s}\n  - {cooldown: 2/s, for: 1s}";
    let lines: Vec<String> = arrivals(load, &[]).iter().map(|columns| columns.join(" ")).collect();
    assert_eq!(
        lines,
        [
            "0 0 day warmup",
            "1 500000000 day warmup",
            "2 1000000000 day main",
            "3 1250000000 day main",
            "4 2500000000 day cooldown",
            "5 3000000000 day cooldown"
        ]
    );
}

#[test]
fn scenarios_side_by_side_make_one_list() {
    let load = "target: {stub: {}}\nscenarios:\n  - {name: chat, load: {hold: 2/s, for: 1s}}\n  \
                - {name: batch, start: 250ms, load: {hold: 1/s, for: 1s}}";
    let lines = arrivals(load, &[]);
    let seen: Vec<(&str, &str)> = lines.iter().map(|c| (c[1].as_str(), c[2].as_str())).collect();
    assert_eq!(seen, [("0", "chat"), ("250000000", "batch"), ("500000000", "chat")]);
    assert_eq!(arrivals(load, &["--per-second"]), [["0", "3", "2", "1"]]);
}

#[test]
fn a_seed_makes_the_same_list_and_another_seed_another() {
    let list = |seed| {
        let desk = Desk::new();
        let said = desk.floodline(&[
            "arrivals",
            "--rate",
            "50",
            "--arrivals",
            "poisson",
            "--duration",
            "2s",
            "--seed",
            seed,
        ]);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    assert_eq!(list("7"), list("7"));
    assert_ne!(list("7"), list("8"));
}

#[test]
fn what_is_printed_can_be_cut() {
    let load = "target: {stub: {}}\nload: {hold: 1000/s, for: 7d}";
    assert_eq!(arrivals(load, &["--count", "3"]).len(), 3);
    assert_eq!(arrivals(load, &["--until", "5ms"]).len(), 5);
}

#[test]
fn a_secret_is_not_needed_to_look_at_times() {
    let load =
        "target: {url: http://127.0.0.1:1/v1, model: m, key: '${env:NOT_SET}'}\nload: {hold: 1/s, for: 1s}";
    assert_eq!(arrivals(load, &[]).len(), 1);
}

#[test]
fn a_closed_loop_has_no_planned_times() {
    let desk = Desk::new();
    let said = desk.floodline(&["arrivals", "--concurrency", "4"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("closed loop") && said.err.contains("= help:"), "{}", said.err);
}

/// Regression: sessions printed nothing, and that was that.
#[test]
fn sessions_have_no_planned_times() {
    let desk = Desk::new();
    let load = "load: {sessions: 2/s, for: 5s, iterations: 3}";
    let said =
        desk.file("s.yaml", format!("target: {{stub: {{}}}}\n{load}")).floodline(&["arrivals", "s.yaml"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("sessions") && said.err.contains("= help:"), "{}", said.err);
    let both = format!(
        "target: {{stub: {{}}}}\nscenarios: [{{name: a, {load}}}, {{name: b, load: {{hold: 1/s, for: 2s}}}}]"
    );
    let said = desk.file("s.yaml", both).floodline(&["arrivals", "s.yaml"]);
    assert_eq!((said.code, said.out.as_str()), (0, "0\t0\tb\tmain\n1\t1000000000\tb\tmain\n"));
    assert!(said.err.contains("left out: a"), "{}", said.err);
}
