//! Faults of the simulated provider, as the command line asks for them.

use floodline_core::faults::{Fault, Faults};
use floodline_scenario::Source;

use crate::args::TroubleArgs;
use crate::outside::World;
use crate::{Failure, limits};

/// Those of `--fault`, and then those of the file.
pub(crate) fn faults(args: &TroubleArgs) -> Result<Faults, Failure> {
    let lines = args.faults.iter().map(|line| {
        line.parse::<Fault>().map_err(|error| {
            let help = error.help.map(|help| format!("\n  help: {help}")).unwrap_or_default();
            Failure::usage(format!("--fault: {}{help}", error.message))
        })
    });
    let mut all = lines.collect::<Result<Vec<_>, _>>()?;
    if let Some(path) = &args.file {
        let text = limits::text("--faults", path)?;
        let source = Source { name: path, text: &text };
        let read = floodline_scenario::read_faults(&source, &World).map_err(Failure::usage)?;
        all.extend(Vec::from(read));
    }
    Faults::new(all).map_err(|error| Failure::usage(format!("faults: {error}")))
}

/// Each on a line of its own.
pub(crate) fn described(faults: &Faults) -> String {
    let mut said = String::new();
    for (number, fault) in faults.iter().enumerate() {
        let head = if number == 0 { "faults" } else { "" };
        said += &format!("\n  {head:<9} {fault}");
    }
    said
}
