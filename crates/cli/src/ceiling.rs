//! `floodline ceiling`: searches for the highest load that still meets the objectives, by one run after another.
//!
//! Which load is tried next, and how long, is decided in `floodline_probe::ceiling`; here the trials are made, and their
//! limits kept over all of them.

mod question;
mod trials;
mod written;

use std::sync::Arc;

use floodline_core::Span;
use floodline_core::ceiling::Ceiling;
use floodline_engine::Stop;
use floodline_engine::clock::Clock;
use floodline_probe::ceiling::{Cut, Search};
use floodline_report::{html, json, terminal};
use floodline_scenario::Resolved;
use floodline_store::CeilingFolder;

use crate::args::CeilingArgs;
use crate::interrupt::Interrupts;
use crate::launch::{default_folder, rfc3339};
use crate::outside::World;
use crate::{Failure, scenario, screen};
use trials::Trials;

/// Searches and returns the exit code.
pub(crate) fn ceiling(args: Box<CeilingArgs>) -> Result<u8, Failure> {
    question::refuse_what_is_of_one_run(&args)?;
    let (resolved, text) = scenario::resolve(&args.scenario, &World)?;
    let (question, completed) = question::of(&args, &resolved.plan, resolved.ceiling.as_ref())?;
    let max_time = question::max_time(&args, &resolved.plan, resolved.ceiling.as_ref())?;
    confirm(&args, &resolved)?;
    for warning in resolved.warnings.iter().filter(|_| !args.quiet) {
        screen::note(&format!("warning: {warning}"));
    }
    for objective in completed.left_out.iter().filter(|_| !args.quiet) {
        screen::note(&format!(
            "warning: `{objective}` is left out: only a high load can meet it, so it bounds none"
        ));
    }
    let clock = Clock::starting_in(Span::ZERO);
    let started = clock.origin_unix_ns();
    let path = args
        .out
        .clone()
        .unwrap_or_else(|| default_folder(&format!("{}-ceiling", resolved.plan.name), started));
    let stop = Arc::new(Stop::default());
    let interrupts = Interrupts::passed_to(stop.clone(), args.quiet).map_err(Failure::internal)?;
    let folder = CeilingFolder::create(&path).map_err(Failure::usage)?;
    let shown = path.display().to_string();
    if !args.quiet && !args.json {
        let asked = terminal::Asked {
            by: question.by,
            from: question.from,
            to: question.to,
            need: question.need,
            objectives: &question.objectives,
            assumed: completed.assumed.as_ref(),
            folder: &shown,
        };
        screen::print(&terminal::asked(&resolved.plan, &asked, screen::output_style()))?;
    }
    let plan = resolved.plan;
    let mut trials =
        Trials::new(&args, &plan, &text, &folder, Search::new(question), (stop, clock, max_time));
    let made = trials.make_all();
    drop(interrupts);
    let cut = match &made {
        Ok(cut) => cut.clone(),
        Err(failure) => Some(Cut::Failure(failure.message.clone())),
    };
    // The answer on the screen says it; where there is none, it is said all the same.
    if let Ok(Some(Cut::Failure(why))) = &made
        && (args.quiet || args.json)
    {
        screen::complain(why);
    }
    let answer = trials.search().answer(&completed, cut, clock.elapsed());
    // What is known is kept and shown, whatever became of the rest.
    let kept = keep(&folder, &answer, &plan, started);
    // Where nothing came of it but a mistake to be mended, that is all there is to say.
    let printed = match &made {
        Err(_) if !args.json && answer.value.is_none() => Ok(()),
        _ => show(&args, &answer, &plan.name, &shown),
    };
    made?;
    kept.and(printed)?;
    Ok(answer.exit_code())
}

fn keep(
    folder: &CeilingFolder,
    answer: &Ceiling,
    plan: &floodline_core::Plan,
    started: u64,
) -> Result<(), Failure> {
    folder.write_answer(answer).map_err(Failure::internal)?;
    folder.write_page(&html::ceiling(answer, plan, &rfc3339(started))).map_err(Failure::internal)
}

fn show(args: &CeilingArgs, answer: &Ceiling, name: &str, folder: &str) -> Result<(), Failure> {
    match (args.json, args.quiet) {
        (true, _) => screen::print(&json::ceiling(answer)),
        (false, true) => Ok(()),
        (false, false) => screen::print(&terminal::ceiling(answer, name, folder, screen::output_style())),
    }
}

/// A search sends as much as it needs to, and nobody knows beforehand how much that is.
fn confirm(args: &CeilingArgs, resolved: &Resolved) -> Result<(), Failure> {
    let plan = &resolved.plan;
    let free = plan.prices.is_none() || plan.is_all_built_in();
    if free || args.yes || plan.limits.spend.is_some() {
        return Ok(());
    }
    Err(Failure::usage(
        "nothing bounds what this search can cost\n = help: bound it over all trials: limits: {spend: $5}, or start \
         it with --yes",
    ))
}
