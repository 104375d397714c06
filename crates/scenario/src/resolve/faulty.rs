//! Faults of the built-in provider: from what is written to what it commits.

use floodline_core::faults::{Fault, FaultError, Faults, Fields, Key};

use super::findings::Findings;
use crate::error::{Error, Problem};
use crate::parse;
use crate::written::{At, Either, FaultFile, FaultForm, Place, Text};
use crate::{Outside, Source};

/// Reads a file of faults: a list, or the block that stands in a scenario's stub.
///
/// # Errors
/// Everything that is wrong with it, with its places.
pub fn read_faults(source: &Source<'_>, outside: &dyn Outside) -> Result<Faults, Error> {
    let mut findings = Findings::new(Some(*source), outside);
    let faults = match parse::read::<Either<Text, FaultFile>>(source)? {
        Either::Other(At { value: FaultFile(forms), place }) => resolve(&forms, place, &mut findings),
        Either::Single(scalar) => {
            findings
                .problem(scalar.place, "a file of faults is a list of them")
                .with_help("such as `- {kind: status, status: 529, rate: 5%}`, or `- status 529 rate 5%`");
            None
        }
    };
    findings.conclude()?;
    faults.ok_or_else(|| Problem::new("the faults cannot be read").in_file(source.name).into())
}

/// The faults, if nothing is wrong with them.
pub(crate) fn resolve(forms: &[FaultForm], place: Place, findings: &mut Findings<'_>) -> Option<Faults> {
    let before = findings.count();
    let faults: Vec<Fault> = forms.iter().filter_map(|form| fault(form, findings)).collect();
    if findings.count() > before {
        return None;
    }
    match Faults::new(faults) {
        Ok(faults) => Some(faults),
        Err(error) => {
            wrong(place, error, findings);
            None
        }
    }
}

fn fault(form: &FaultForm, findings: &mut Findings<'_>) -> Option<Fault> {
    let (read, places, place) = match form {
        Either::Single(line) => (line.text.parse::<Fault>(), Vec::new(), line.place),
        Either::Other(At { value: fields, place }) => {
            let given = fields.given();
            let mut pairs = Fields::default();
            given.iter().for_each(|(name, text, _)| pairs.push(name, text));
            (pairs.read(), given, *place)
        }
    };
    let of_field = |field: &str| places.iter().find(|(name, ..)| *name == field).map(|(.., place)| *place);
    match read {
        Ok(fault) => {
            if let Some(Key::Env(name)) = &fault.when.key
                && findings.outside.env(name).is_none()
            {
                findings
                    .problem(
                        of_field("key").unwrap_or(place),
                        format!("the environment variable {name} is not set"),
                    )
                    .with_help("the fault strikes requests with the key that it holds");
                return None;
            }
            Some(fault)
        }
        Err(error) => {
            let at = error.field.as_deref().and_then(of_field).unwrap_or(place);
            wrong(at, error, findings);
            None
        }
    }
}

fn wrong(place: Place, error: FaultError, findings: &mut Findings<'_>) {
    // What stands where a key should be referred to may be one, on a line too.
    let added = match error.field.as_deref() {
        Some("key") => findings.secret_problem(place, error.message),
        _ => findings.problem(place, error.message),
    };
    if let Some(help) = error.help {
        added.with_help(help);
    }
}
