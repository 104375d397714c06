//! The scenario of one trial as text, for its folder: what was given, with the trial's load, seed and objectives in it, so that the
//! trial can be made again from there.
//!
//! Only what stands at the left margin is replaced, as whole keys of a block of YAML. What cannot be said so (a thinking time that
//! is drawn, a file in another style) is left as it was given, below a comment that says so.

use std::fmt::Write as _;

use floodline_core::Span;
use floodline_core::plan::{Load, Plan};
use floodline_core::schedule::{Phase, Shape, Spread};

/// Keys of a scenario that a trial has its own of. Its limits are what is left of those of all trials; the whole is what is given.
const OWN: [&str; 5] = ["name", "seed", "load", "objectives", "ceiling"];

/// The scenario `text` with what is `plan`'s own in it; its load is held for `held`.
pub(super) fn scenario_of(text: &str, plan: &Plan, held: Span) -> String {
    match load_of(plan, held).zip(without_own(text)) {
        Some((load, rest)) => {
            let mut own = format!("name: {}\nseed: {}\n{load}", quoted(&plan.name), plan.seed);
            own.push_str("objectives:\n");
            for objective in &plan.objectives {
                let _ = writeln!(own, "  - {}", quoted(&objective.to_string()));
            }
            own + &rest
        }
        None => format!(
            "# As it was given to the search. Load, seed and objectives of this trial are in plan.json.\n{text}"
        ),
    }
}

/// A text in double quotes: what JSON writes is YAML too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The load as it is written in a scenario.
fn load_of(plan: &Plan, held: Span) -> Option<String> {
    let [scenario] = plan.scenarios.as_slice() else { return None };
    let length = |length: Option<Span>| format!("for: {}ns", length.unwrap_or(held).0);
    let mut load = String::from("load:\n");
    match &scenario.load {
        Load::Open { stages, .. } => {
            for stage in stages {
                let Shape::Hold { rate, length: lasts } = stage.shape else { return None };
                let spread = match stage.spread {
                    Spread::Constant => String::new(),
                    Spread::Poisson => ", arrivals: poisson".into(),
                    Spread::Uniform => ", arrivals: uniform".into(),
                    Spread::Gamma { burstiness } => format!(", arrivals: gamma, burstiness: {burstiness}"),
                };
                let key = if stage.phase == Phase::Warmup { "warmup" } else { "hold" };
                let rate = rate.as_per_second();
                let _ = writeln!(load, "  - {{{key}: {rate}/s, {}{spread}}}", length(lasts));
            }
        }
        Load::Closed { stages, requests } => {
            for stage in stages {
                let (users, None) = (stage.users, &stage.think) else { return None };
                let end = requests.filter(|_| stage.phase == Phase::Main);
                let end = end.map_or_else(String::new, |requests| format!(", requests: {requests}"));
                let line = match stage.phase {
                    Phase::Warmup => format!("warmup: {{users: {users}}}, {}", length(stage.length)),
                    _ => format!("users: {users}, {}{end}", length(stage.length)),
                };
                let _ = writeln!(load, "  - {{{line}}}");
            }
        }
        Load::Sessions { .. } | Load::Replay(_) => return None,
    }
    Some(load)
}

/// The text without the keys that a trial has its own of; none where it is no block of keys at the left margin.
fn without_own(text: &str) -> Option<String> {
    let key = |line: &str| {
        let name = line.split(':').next().unwrap_or_default().trim_end().to_owned();
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        (plain && line.len() > name.len()).then_some(name)
    };
    let mut kept = String::new();
    let mut dropped = false;
    for line in text.lines() {
        // Sequences may stand at the margin below their key.
        let goes_on = line.is_empty() || line.starts_with([' ', '\t', '#']) || line.starts_with("- ");
        if !goes_on {
            let key = key(line)?;
            // Of scenarios side by side, each has a load of its own.
            if key == "scenarios" {
                return None;
            }
            dropped = OWN.contains(&key.as_str());
        }
        if !dropped {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_trial_has_of_its_own_is_left_out_and_the_rest_is_kept() {
        let text = "# Mine.\nname: a\ntarget:\n  url: http://x # load: y\nload:\n- {hold: 5/s, for: 5s}\n\nceiling: {need: 8/s}\n\
                    limits: {requests: 9}\n";
        let kept = "# Mine.\ntarget:\n  url: http://x # load: y\nlimits: {requests: 9}\n";
        assert_eq!(without_own(text).as_deref(), Some(kept));
        for other in
            ["{target: {url: x}, load: {users: 1}}\n", "---\nname: a\n", "scenarios:\n  - {load: x}\n"]
        {
            assert_eq!(without_own(other), None, "{other}");
        }
    }
}
