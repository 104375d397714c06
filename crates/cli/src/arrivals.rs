//! `floodline arrivals`: when each request would be sent, without sending any.

use std::io::{self, BufWriter, Write};

use floodline_core::Span;
use floodline_core::plan::{Load, Plan, Scenario};
use floodline_core::time::Moment;
use floodline_core::traffic::{Planned, Traffic};

use crate::args::ArrivalsArgs;
use crate::outside::Unarmed;
use crate::{Failure, scenario, screen};

/// Prints the planned arrivals and returns the exit code.
pub(crate) fn arrivals(args: &ArrivalsArgs) -> Result<u8, Failure> {
    let mut given = args.scenario.clone();
    if given.scenario.is_none() && given.url.is_none() {
        // Nothing is sent, so that it does not matter where it would go.
        given.url = Some("stub:".into());
    }
    let plan = scenario::resolve(&given, &Unarmed)?.0.plan;
    let until = args.until.as_deref().map(Span::parse).transpose().map_err(Failure::usage)?;
    explain_closed_loops(&plan)?;
    let before = |planned: &Planned| until.is_none_or(|until| planned.at < Moment::START + until);
    let most = args.count.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let traffic = Traffic::new(&plan).map_err(Failure::usage)?.take_while(before).take(most);
    let out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let printed = match args.per_second {
        true => per_second(out, traffic, plan.scenarios.len()),
        false => each(out, traffic, &plan),
    };
    screen::printed(printed).map(|()| 0)
}

/// Users and sessions ask when they have their answers: says whose times there are none of.
fn explain_closed_loops(plan: &Plan) -> Result<(), Failure> {
    let asks_on_answers =
        |scenario: &&Scenario| matches!(scenario.load, Load::Closed { .. } | Load::Sessions { .. });
    let unplanned: Vec<&Scenario> = plan.scenarios.iter().filter(asks_on_answers).collect();
    let sessions = unplanned.iter().any(|scenario| matches!(scenario.load, Load::Sessions { .. }));
    match unplanned.len() {
        0 => Ok(()),
        n if n == plan.scenarios.len() => {
            let why = match sessions {
                true => "sessions come at planned times, but ask when they have their answers",
                false => "this load is a closed loop: its users ask when they have their answers",
            };
            Err(Failure::usage(format!(
                "{why}, and no time is planned\n = help: an open loop has planned times: --rate 20, or load: {{hold: \
                 20/s, for: 1m}}"
            )))
        }
        _ => {
            let names: Vec<&str> = unplanned.iter().map(|scenario| scenario.name.as_str()).collect();
            let whose = if sessions { "sessions and closed loops" } else { "closed loops" };
            screen::note(&format!(
                "note: {whose} have no planned times, and are left out: {}",
                names.join(", ")
            ));
            Ok(())
        }
    }
}

fn each(mut out: impl Write, traffic: impl Iterator<Item = Planned>, plan: &Plan) -> io::Result<()> {
    // A tab or a line end in a name would be taken for another column.
    let plain = |scenario: &Scenario| scenario.name.replace(char::is_control, " ");
    let names: Vec<String> = plan.scenarios.iter().map(plain).collect();
    for planned in traffic {
        let name = &names[planned.scenario];
        writeln!(out, "{}\t{}\t{name}\t{}", planned.index, planned.at.0, planned.phase.name())?;
    }
    out.flush()
}

fn per_second(
    mut out: impl Write,
    traffic: impl Iterator<Item = Planned>,
    scenarios: usize,
) -> io::Result<()> {
    let mut second = 0;
    let mut counts = vec![0u64; scenarios];
    let mut any = false;
    for planned in traffic {
        let at = planned.at.0 / Span::from_secs(1).0;
        while second < at {
            count(&mut out, second, &mut counts)?;
            second += 1;
        }
        counts[planned.scenario] += 1;
        any = true;
    }
    if any {
        count(&mut out, second, &mut counts)?;
    }
    out.flush()
}

/// A line of the table; the counts start anew.
fn count(out: &mut impl Write, second: u64, counts: &mut [u64]) -> io::Result<()> {
    write!(out, "{second}\t{}", counts.iter().sum::<u64>())?;
    if counts.len() > 1 {
        counts.iter().try_for_each(|n| write!(out, "\t{n}"))?;
    }
    counts.fill(0);
    writeln!(out)?;
    // A second can hold a million arrivals: whoever reads the table is not kept waiting for a full buffer.
    out.flush()
}
