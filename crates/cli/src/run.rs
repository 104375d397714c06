//! `floodline run`: resolve, check, make the run, and show what came of it.

use std::sync::Arc;

use floodline_engine::Stop;
use floodline_report::{INSECURE, json, terminal};

use crate::args::RunArgs;
use crate::interrupt::Interrupts;
use crate::launch::{Prepared, default_folder};
use crate::outside::World;
use crate::screen::{self, LiveLine};
use crate::{Failure, plan, scenario};

/// The one exit code that comes before that of a failure.
pub(crate) const INTERRUPTED: u8 = 130;

/// Makes a run and returns its exit code.
pub(crate) fn run(args: Box<RunArgs>) -> Result<u8, Failure> {
    let (resolved, scenario) = scenario::resolve(&args.scenario, &World)?;
    for warning in resolved.warnings.iter().filter(|_| !args.quiet) {
        screen::note(&format!("warning: {warning}"));
    }
    let forecast = plan::forecast(&resolved.plan, &resolved.workloads)?;
    if let Some(why) = forecast.to_confirm(&resolved.plan).filter(|_| !args.yes) {
        return Err(Failure::usage(format!(
            "{why}\n = help: start it with --yes, or bound it: limits: {{spend: $5}}"
        )));
    }
    let ready = Prepared::new(resolved, args.workers)?;

    // From here on there is something to leave in order.
    let stop = Arc::new(Stop::default());
    let _interrupts = Interrupts::passed_to(stop.clone(), args.quiet).map_err(Failure::internal)?;
    let started = ready.info.started_unix_ns;
    let path = args.out.clone().unwrap_or_else(|| default_folder(&ready.plan.name, started));
    let shown = path.display().to_string();
    let ready = ready.placed(&path, &scenario)?;
    if !args.quiet && !args.json {
        let about = Some((&ready.info, shown.as_str()));
        screen::print(&terminal::plan(&ready.plan, &forecast, about, screen::output_style()))?;
    } else if ready.plan.target.insecure && !args.quiet {
        screen::note(&format!("warning: --insecure: {INSECURE}"));
    }
    let live = (!args.quiet).then(LiveLine::new);
    let made = ready.carry_out(&stop, live, &mut |_, _| {})?;
    // What was measured is shown even where it cannot be kept.
    let printed = if args.json {
        screen::print(&json::summary(&made.summary))
    } else if !args.quiet {
        let style = screen::output_style();
        screen::print(&terminal::summary(&made.plan, &made.info, &made.summary, &shown, style))
    } else {
        Ok(())
    };
    let code = made.summary.verdict.exit_code;
    match made.done.and(printed) {
        Err(failure) if code == INTERRUPTED => {
            screen::complain(&failure.message);
            Ok(code)
        }
        Err(failure) => Err(failure),
        Ok(()) => Ok(code),
    }
}
