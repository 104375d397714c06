//! What a scenario says of a search for its ceiling.

use floodline_core::ceiling::{By, Wanted};
use floodline_core::plan::Load;

use super::findings::Findings;
use crate::written::{Ceiling, Given, LoadFigure, Scalar};

/// The search that is asked for. Where nothing says what loads are counted in, they are counted as the scenario's own is.
pub(super) fn resolve(
    written: &Given<Ceiling>,
    load: Option<&Load>,
    findings: &mut Findings<'_>,
) -> Option<Wanted> {
    let written = written.as_ref()?;
    let own = match load {
        Some(Load::Closed { .. }) => By::Users,
        Some(Load::Open { .. } | Load::Sessions { .. } | Load::Replay(_)) | None => By::Rate,
    };
    let by = findings.read(&written.by).unwrap_or(own);
    let wanted = Wanted {
        by,
        need: figure(&written.need, by, findings),
        from: figure(&written.from, by, findings),
        to: figure(&written.to, by, findings),
        resolution: resolution(written, findings),
        longest: findings.above_zero(&written.trial, "`trial`"),
        shortest: findings.above_zero(&written.min_trial, "`min_trial`"),
        max_time: findings.above_zero(&written.max_time, "`max_time`"),
        max_trials: findings.above_zero(&written.max_trials, "`max_trials`"),
    };
    if let (Some(from), Some(to), Some(place)) =
        (wanted.from, wanted.to, written.from.as_ref().map(|from| from.place))
        && from > to
    {
        findings.problem(place, "the search is to start above where it is to end");
    }
    Some(wanted)
}

fn figure(given: &Given<Scalar<LoadFigure>>, by: By, findings: &mut Findings<'_>) -> Option<f64> {
    let place = given.as_ref()?.place;
    let figure = findings.read(given)?;
    let load = figure.in_unit(by);
    if load.is_none() {
        let (message, help) = match by {
            By::Rate => {
                ("this is no rate, and the search is by rate", "write a rate such as 20/s, or by: users")
            }
            By::Users => (
                "this is no number of users, and the search is by users",
                "write a number such as 64, or by: rate",
            ),
        };
        findings.problem(place, message).with_help(help);
    }
    load
}

fn resolution(written: &Ceiling, findings: &mut Findings<'_>) -> Option<f64> {
    let place = written.resolution.as_ref()?.place;
    let share = f64::from(findings.read(&written.resolution)?.0) / 1e6;
    if !(0.001..=0.5).contains(&share) {
        findings.problem(place, "the resolution must be from 0.1% to 50%");
        return None;
    }
    Some(share)
}
