//! What the arguments and the scenario ask of a search.

use floodline_core::ceiling::By;
use floodline_core::plan::{Load, Plan};
use floodline_core::{Rate, Span};
use floodline_probe::ceiling::{Completed, Question};

use crate::Failure;
use crate::args::CeilingArgs;

/// The question, with what had to be added to it.
pub(super) fn of(args: &CeilingArgs, plan: &Plan) -> Result<(Question, Completed), Failure> {
    let own = own_load(plan)?;
    let by = match args.by.as_deref() {
        None => own,
        Some("rate") => By::Rate,
        Some("users") => By::Users,
        Some(other) => {
            return Err(Failure::usage(format!("--by: `{other}` is neither rate nor users")));
        }
    };
    let load = |option: &str, text: &Option<String>| {
        text.as_deref()
            .map(|text| load(by, text).map_err(|e| Failure::usage(format!("{option}: {e}"))))
            .transpose()
    };
    let longest = time("--trial", &args.trial)?;
    let shortest = match &args.min_trial {
        Some(text) => time("--min-trial", text)?,
        None => Span::from_secs(5).min(Span(longest.0 / 4)),
    };
    if shortest > longest {
        return Err(Failure::usage(format!("--min-trial {shortest} is longer than --trial {longest}")));
    }
    let (from, to) = (load("--from", &args.from)?, load("--to", &args.to)?);
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(Failure::usage(format!("--from {from} lies above --to {to}")));
    }
    let question = Question {
        unit: by.unit_of(plan),
        from,
        to,
        need: load("--need", &args.need)?,
        resolution: resolution(&args.resolution)?,
        shortest,
        longest,
        most_trials: args.max_trials,
        ..Question::new(by, plan.objectives.clone())
    };
    Ok(question.completed())
}

/// What the scenario's own load is counted in.
fn own_load(plan: &Plan) -> Result<By, Failure> {
    let [scenario] = plan.scenarios.as_slice() else {
        return Err(Failure::usage(
            "a ceiling is of one stream of traffic, and this file has several scenarios\n = help: keep one of them, or \
             make their prompts one weighted mix",
        ));
    };
    match &scenario.load {
        Load::Open { .. } => Ok(By::Rate),
        Load::Closed { .. } => Ok(By::Users),
        Load::Sessions { .. } => Err(Failure::usage(
            "a ceiling is searched by rate or by users, and this scenario's load is sessions\n = help: give it a load \
             such as {hold: 1/s, for: 30s} or {users: 1, for: 30s}; which number does not matter",
        )),
        Load::Replay(_) => Err(Failure::usage(
            "a ceiling is searched by rate or by users, and this scenario replays a trace\n = help: draw the trace's \
             lengths as prompts, and give it a load such as {hold: 1/s, for: 30s}",
        )),
    }
}

/// The whole search may take so long.
pub(super) fn max_time(args: &CeilingArgs, plan: &Plan) -> Result<Span, Failure> {
    let own = time("--max-time", &args.max_time)?;
    Ok(plan.limits.duration.map_or(own, |limit| limit.min(own)))
}

fn time(option: &str, text: &str) -> Result<Span, Failure> {
    let span = Span::parse(text).map_err(|e| Failure::usage(format!("{option}: {e}")))?;
    match span {
        Span::ZERO => Err(Failure::usage(format!("{option}: it must be above zero"))),
        span => Ok(span),
    }
}

fn load(by: By, text: &str) -> Result<f64, String> {
    match by {
        By::Rate => Rate::parse(text).map(Rate::as_per_second),
        By::Users => {
            let number = text.trim().trim_end_matches("users").trim_end_matches("user").trim_end();
            match number.parse::<u32>() {
                Ok(users @ 1..) => Ok(f64::from(users)),
                _ => Err(format!(
                    "`{text}` is not a number of users: write one such as 64, or search --by rate"
                )),
            }
        }
    }
}

fn resolution(text: &str) -> Result<f64, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "--resolution: `{text}` is not a share from 0.1 % to 50 %: write one such as 3%"
        ))
    };
    let share = match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map_err(|_| wrong())? / 100.0,
        None => text.trim().parse::<f64>().map_err(|_| wrong())?,
    };
    if (0.001..=0.5).contains(&share) { Ok(share) } else { Err(wrong()) }
}
