//! `floodline run --compare-retries`: the same load under several retry policies, one after the other, each with a run
//! folder of its own, and one table of what came of them.
//!
//! Only the policy differs: the seed, and with it the schedule and what is sent, is that of the first run, and the
//! built-in provider is started afresh for each. What has been compared so far is written down before each run and after
//! the last, so that whatever ends the program leaves a comparison of what ran.

use std::path::Path;
use std::sync::Arc;

use floodline_core::Usd;
use floodline_core::rivals::{FORMAT, Rival, Rivals};
use floodline_engine::Stop;
use floodline_report::{json, rivals, terminal};
use floodline_scenario::Resolved;
use floodline_store::RunFolder;

use crate::args::{RunArgs, ScenarioArgs};
use crate::interrupt::Interrupts;
use crate::launch::{Prepared, default_folder};
use crate::outside::World;
use crate::run::INTERRUPTED;
use crate::screen::{self, LiveLine};
use crate::{Failure, plan, scenario};

/// What was compared, beside the folders of the runs.
const FILE: &str = "compare.json";

/// The policy that stands in the scenario.
const OWN: &str = "scenario";

/// More policies than these are a mistake.
const MOST: usize = 16;

/// A run under one policy that has yet to be made.
struct Rivalry {
    policy: String,
    resolved: Resolved,
    scenario: String,
}

/// Makes the runs and returns the exit code of all of them.
pub(crate) fn run(args: &RunArgs) -> Result<u8, Failure> {
    let rivalries = resolve(args)?;
    confirm(&rivalries, args.yes)?;
    let Some(first) = rivalries.first() else { return Err(Failure::usage("there is no policy to compare")) };
    let (name, seed) = (first.resolved.plan.name.clone(), first.resolved.plan.seed);
    let elsewhere = !first.resolved.plan.is_all_built_in();
    for warning in first.resolved.warnings.iter().filter(|_| !args.quiet) {
        screen::note(&format!("warning: {warning}"));
    }
    if elsewhere && !args.quiet {
        screen::note(
            "note: the runs follow each other at once: what one uses up of a limit, the next one may miss; a load that \
             begins with a `pause` as long as the limit's window leaves none of it",
        );
    }

    let stop = Arc::new(Stop::default());
    let _interrupts = Interrupts::passed_to(stop.clone(), args.quiet).map_err(Failure::internal)?;
    let mut made: Vec<Rival> = Vec::new();
    let mut place = args.out.clone();
    let all = rivalries.len();
    let mut missing: Vec<String> = rivalries.iter().map(|rivalry| rivalry.policy.clone()).collect();
    // What has been compared until something goes wrong is kept.
    let mut failed = None;
    for (nth, Rivalry { policy, resolved, scenario }) in rivalries.into_iter().enumerate() {
        let ready = Prepared::new(resolved, args.workers)?;
        let place = place.get_or_insert_with(|| default_folder(&name, ready.info.started_unix_ns)).as_path();
        if nth == 0 {
            RunFolder::create(place).map_err(Failure::usage)?;
        }
        keep(place, &Rivals::new(&name, seed, made.clone(), missing.clone()))?;
        let folder = folder_of(&policy);
        if !args.quiet {
            screen::note(&format!("{} of {all}: {policy}", nth + 1));
        }
        let ready = ready.placed(&place.join(&folder), &scenario)?;
        let live = (!args.quiet).then(LiveLine::new);
        let run = match ready.carry_out(&stop, live, &mut |_, _| {}) {
            Ok(run) => run,
            Err(why) => {
                failed = Some(why);
                break;
            }
        };
        if !args.quiet && !args.json {
            screen::print(&terminal::in_a_line(&policy, &run.summary, screen::output_style()))?;
        }
        made.push(Rival::new(&policy, &folder, &run.summary));
        missing.retain(|other| *other != policy);
        failed = run.done.err();
        if failed.is_some() || run.summary.verdict.exit_code == INTERRUPTED {
            break;
        }
    }
    let Some(place) = place else { return Err(Failure::usage("there is no policy to compare")) };
    let compared = Rivals::new(&name, seed, made, missing);
    let kept = keep(&place, &compared);
    if args.json {
        screen::print(&json::rivals(&compared))?;
    } else if !args.quiet {
        let shown = place.display().to_string();
        screen::print(&format!("\n{}", rivals::text(&compared, &shown, screen::output_style())))?;
    }
    kept.map(|()| compared.exit_code).and_then(|code| failed.map_or(Ok(code), Err))
}

/// Shows a comparison again, if the folder holds one.
pub(crate) fn report(place: &Path, as_json: bool) -> Option<Result<u8, Failure>> {
    let path = place.join(FILE);
    let text = std::fs::read_to_string(&path).ok()?;
    let compared: Result<Rivals, _> = serde_json::from_str(&text);
    let compared = match compared {
        Ok(compared) if compared.format == FORMAT => compared,
        Ok(Rivals { format, .. }) => {
            let why = format!("{} is of format {format}, and this version reads {FORMAT}", path.display());
            return Some(Err(Failure::usage(why)));
        }
        Err(e) => return Some(Err(Failure::usage(format!("{} cannot be read: {e}", path.display())))),
    };
    let text = match as_json {
        true => json::rivals(&compared),
        false => rivals::text(&compared, &place.display().to_string(), screen::output_style()),
    };
    Some(screen::print(&text).map(|()| 0))
}

/// Every policy resolved before the first run starts, with the seed of the first.
fn resolve(args: &RunArgs) -> Result<Vec<Rivalry>, Failure> {
    let names: Vec<&str> = args.compare_retries.iter().map(|name| name.trim()).collect();
    if !(2..=MOST).contains(&names.len()) {
        return Err(Failure::usage(format!(
            "--compare-retries wants from 2 to {MOST} policies, such as none,naive,honour_retry_after"
        )));
    }
    let mut all: Vec<Rivalry> = Vec::new();
    for name in names {
        if all.iter().any(|other| folder_of(&other.policy) == folder_of(name)) {
            return Err(Failure::usage(format!("--compare-retries names {name} twice")));
        }
        let seed = all.first().map(|first| first.resolved.plan.seed).or(args.scenario.seed);
        let retry = (name != OWN).then(|| name.to_owned());
        let asked = ScenarioArgs { retry, compares_retries: true, seed, ..args.scenario.clone() };
        let (resolved, scenario) = scenario::resolve(&asked, &World)?;
        all.push(Rivalry { policy: name.to_owned(), resolved, scenario });
    }
    Ok(all)
}

/// Asks for what all runs together can cost.
fn confirm(rivalries: &[Rivalry], yes: bool) -> Result<(), Failure> {
    let mut worst = Some(Usd::ZERO);
    let mut why = None;
    for Rivalry { resolved, .. } in rivalries {
        let mut forecast = plan::forecast(&resolved.plan, &resolved.workloads)?;
        worst = worst.zip(forecast.worst).map(|(sum, more)| sum + more);
        forecast.worst = forecast.worst.and(worst);
        why = why.or(forecast.to_confirm(&resolved.plan));
    }
    match why.filter(|_| !yes) {
        None => Ok(()),
        Some(why) => Err(Failure::usage(format!(
            "{why}, of {} runs together\n = help: start it with --yes, or bound each of them: limits: {{spend: $5}}",
            rivalries.len()
        ))),
    }
}

/// The folder of a policy's run: its name in characters that any file system has.
fn folder_of(policy: &str) -> String {
    policy.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect()
}

fn keep(place: &Path, rivals: &Rivals) -> Result<(), Failure> {
    for (name, text) in [(FILE, json::rivals(rivals)), ("compare.html", rivals::page(rivals))] {
        let path = place.join(name);
        std::fs::write(&path, text).map_err(|e| {
            Failure::internal(format!("cannot write {}: {}", path.display(), crate::outside::why(&e)))
        })?;
    }
    Ok(())
}
