//! Flows in words: what a user does, a line for each step.

use floodline_core::flow::{Abandon, Flow, Parallel, Patience, RequestStep, Step, Times};
use floodline_core::plan::{Plan, Scenario};

use super::users::{drawn, spoken};
use crate::format::{GLUE, count, counted, one_line, share, three_digits};

/// A line about a step, and how deep it lies in others.
pub(crate) struct Line {
    pub(crate) depth: usize,
    pub(crate) text: String,
}

/// More steps than this are summed up.
const SHOWN: usize = 40;

/// What the users of a plan do, scenario by scenario; nothing where they only ask.
pub(crate) fn lines(plan: &Plan) -> Vec<Line> {
    let mut lines = Vec::new();
    let of = |(k, scenario)| Some((k, flow_of(scenario)?));
    for (k, flow) in plan.scenarios.iter().enumerate().filter_map(of) {
        let depth = match plan.scenario_name(k) {
            Some(name) => {
                lines.push(Line { depth: 0, text: format!("{}:", one_line(name, 40)) });
                1
            }
            None => 0,
        };
        if flow.setup.is_empty() && flow.teardown.is_empty() {
            steps(&flow.steps, depth, &mut lines);
            continue;
        }
        let parts = [
            ("first, once:", &flow.setup),
            ("then, in each journey:", &flow.steps),
            ("at the end, once:", &flow.teardown),
        ];
        for (title, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
            lines.push(Line { depth, text: title.into() });
            steps(part, depth + 1, &mut lines);
        }
    }
    if let Some(more) = lines.len().checked_sub(SHOWN).filter(|&more| more > 0) {
        lines.truncate(SHOWN);
        lines.push(Line { depth: 0, text: format!("and {more} more lines in plan.json") });
    }
    lines
}

fn flow_of(scenario: &Scenario) -> Option<&Flow> {
    scenario.flow.as_deref()
}

fn steps(steps_of: &[Step], depth: usize, lines: &mut Vec<Line>) {
    for step in steps_of {
        let mut block = |text: String, inside: &[Step]| {
            lines.push(Line { depth, text });
            steps(inside, depth + 1, lines);
        };
        match step {
            Step::Request(step) => block(request(step), &[]),
            Step::Think(law) => block(format!("thinking {}", drawn(*law)), &[]),
            Step::If { condition, steps, otherwise } => {
                block(format!("if {}:", one_line(&condition.text, 100)), steps);
                if !otherwise.is_empty() {
                    block("else:".into(), otherwise);
                }
            }
            Step::Repeat { times, steps } => block(repeated(times), steps),
            Step::Branch(arms) => {
                let total = arms.iter().map(|arm| u64::from(arm.weight)).sum();
                for arm in arms {
                    block(format!("in {} of all cases:", share(arm.weight.into(), total)), &arm.steps);
                }
            }
            Step::Parallel(parallel) => {
                block(side_by_side(parallel), &[]);
                let several = parallel.lanes.len() > 1;
                for (n, lane) in parallel.lanes.iter().enumerate() {
                    if several {
                        lines.push(Line { depth: depth + 1, text: format!("lane {}:", n + 1) });
                    }
                    steps(lane, depth + 1 + usize::from(several), lines);
                }
            }
        }
    }
}

fn request(step: &RequestStep) -> String {
    let mut text = format!("{}: {}", one_line(&step.name, 40), one_line(&step.what, 160));
    if let Some(think) = step.think {
        text.push_str(&format!(", then thinking {}", drawn(think)));
    }
    if let Some(abandon) = step.abandon {
        text.push_str(&format!(", {}", left(abandon)));
    }
    if step.may_fail {
        text.push_str(", may fail");
    }
    text
}

fn left(Abandon { millionths, after }: Abandon) -> String {
    let share = format!("{}{GLUE}%", three_digits(f64::from(millionths) / 1e4));
    match after {
        Patience::Time(span) => format!("{share} leave after {}", spoken(span)),
        Patience::Tokens(n) => format!("{share} leave after {}", counted(n.into(), "token")),
    }
}

fn repeated(times: &Times) -> String {
    match times {
        Times::Count(n) => format!("{} times:", count((*n).into())),
        Times::Until { condition, every, at_most } => {
            let condition = one_line(&condition.text, 100);
            let most = counted((*at_most).into(), "time");
            format!("until {condition}, every {}, at most {most}:", spoken(*every))
        }
    }
}

fn side_by_side(parallel: &Parallel) -> String {
    let copies = u64::from(parallel.copies) * parallel.lanes.len() as u64;
    match parallel.limit {
        Some(limit) => format!("{} side by side, {} at once:", counted(copies, "lane"), count(limit.into())),
        None => format!("{} side by side:", counted(copies, "lane")),
    }
}
