//! `floodline plan`: what a scenario would send and what that can cost, without sending anything.

use floodline_core::Plan;
use floodline_core::forecast::{self, Forecast};
use floodline_core::workload::Workload;
use floodline_report::terminal;

use crate::args::PlanArgs;
use crate::outside::Unarmed;
use crate::{Failure, scenario, screen};

/// Shows the plan and returns the exit code.
pub(crate) fn plan(args: &PlanArgs) -> Result<u8, Failure> {
    let resolved = scenario::resolve(&args.scenario, &Unarmed)?.0;
    for warning in &resolved.warnings {
        screen::note(&format!("warning: {warning}"));
    }
    let (plan, forecast) = (&resolved.plan, forecast(&resolved.plan, &resolved.workloads)?);
    let text = match args.json {
        true => {
            let both = serde_json::json!({ "plan": plan, "forecast": forecast });
            format!("{both:#}\n")
        }
        false => terminal::plan(plan, &forecast, None, screen::output_style()),
    };
    screen::print(&text)?;
    if let Some(why) = forecast.to_confirm(plan).filter(|_| !args.json) {
        screen::note(&format!("note: {why}: `floodline run` will want --yes"));
    }
    Ok(0)
}

/// Looks ahead.
pub(crate) fn forecast(plan: &Plan, workloads: &[Box<dyn Workload>]) -> Result<Forecast, Failure> {
    let workloads: Vec<&dyn Workload> = workloads.iter().map(AsRef::as_ref).collect();
    forecast::forecast(plan, &workloads).map_err(Failure::usage)
}
