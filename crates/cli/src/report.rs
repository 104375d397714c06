//! `floodline report`: a recorded run, shown again from its folder alone.

use std::path::Path;

use floodline_core::Plan;
use floodline_core::fold::Fold;
use floodline_core::summary::{RunInfo, RunSummary};
use floodline_report::{html, json, junit, terminal};
use floodline_store::{RunFolder, StoreError, StoredRun};

use crate::args::ReportArgs;
use crate::{Failure, rivals, screen};

/// Renders a run and returns the exit code.
pub(crate) fn report(args: &ReportArgs) -> Result<u8, Failure> {
    if let Some(shown) = rivals::report(&args.run, args.json) {
        return shown;
    }
    let run =
        StoredRun::open(&args.run).map_err(|e| elsewhere(&args.run).unwrap_or_else(|| Failure::usage(e)))?;
    let mut fold = Fold::of(&run.plan);
    let recovered = run.replay(|event| fold.apply(event)).map_err(Failure::usage)?;
    if let Some(damage) = &recovered.damaged {
        screen::note(&format!("warning: {damage}"));
    }
    if recovered.lost > 0 {
        screen::note(&format!(
            "warning: {} events of this run could not be written (was its disk full?)",
            recovered.lost
        ));
    }
    let mut summary = RunSummary::new(&run.plan, &run.info, &fold);
    if run.goes_on() {
        summary.verdict.reasons =
            vec!["running: the run is still going on; this is what it has recorded so far".into()];
    } else if let Err(e) = keep(&run, &summary, &fold) {
        screen::note(&format!("warning: {e}"));
    }
    let text = match args.json {
        true => json::summary(&summary),
        false => terminal::summary(
            &run.plan,
            &run.info,
            &summary,
            &args.run.display().to_string(),
            screen::output_style(),
        ),
    };
    screen::print(&text).map(|()| 0)
}

/// Where the answer stands in a folder that is no run's.
fn elsewhere(folder: &Path) -> Option<Failure> {
    let kinds = [
        ("finding.json", "limits", "finding.md, and finding.html for a browser"),
        ("ceiling.json", "ceiling", "ceiling.html, and below trials/ the folder of each run"),
    ];
    let (_, command, answer) = kinds.into_iter().find(|(file, ..)| folder.join(file).is_file())?;
    Some(Failure::usage(format!(
        "{} is a folder of `floodline {command}` and no run\n = help: its answer is in {answer}",
        folder.display()
    )))
}

/// Writes what a run that was killed would have written at its end; leaves alone what one wrote itself.
fn keep(run: &StoredRun, summary: &RunSummary, fold: &Fold) -> Result<(), StoreError> {
    match run.summary()? {
        Some(known) if known.requests.sent > summary.requests.sent => {
            screen::note(
                "warning: the journal of this run is incomplete (was its disk full?); summary.json and report.html \
                 still have everything that was measured",
            );
            Ok(())
        }
        Some(known) if known.ended.is_some() => Ok(()),
        _ => write(run.folder(), &run.plan, &run.info, summary, fold),
    }
}

/// Writes everything that follows from a run's events into its folder.
pub(crate) fn write(
    folder: &RunFolder,
    plan: &Plan,
    info: &RunInfo,
    summary: &RunSummary,
    fold: &Fold,
) -> Result<(), StoreError> {
    folder.write_timeline(&fold.timeline.buckets())?;
    folder.write_histograms(&fold.metrics)?;
    folder.write_report(&html::page(plan, info, summary, fold))?;
    if let Some(xml) = junit::xml(plan, summary) {
        folder.write_junit(&xml)?;
    }
    // The last: where it is, all the others are.
    folder.write_summary(summary)
}
