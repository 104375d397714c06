//! Files of prices, in either of their forms; which one it is shows in what it holds, not in its name.

use floodline_core::prices::Prices;

use super::{inline, litellm, lookup};
use crate::error::Problem;
use crate::resolve::findings::Findings;
use crate::written::{At, Place, PriceFile};
use crate::{Source, parse};

const FORMS: &str = "expected `models: {NAME: {input: $2.50, output: $10}}`, or LiteLLM's model_prices_and_context_window.json";

/// The prices of the model `wanted`, which is named at `place`.
pub(super) fn resolve(
    file: &At<String>,
    wanted: &str,
    place: Place,
    findings: &mut Findings<'_>,
) -> Option<Prices> {
    let (path, bytes) = findings.file(file)?;
    let Ok(text) = std::str::from_utf8(&bytes) else {
        let problem = Problem::new("this file of prices is not text in UTF-8").in_file(path).help(FORMS);
        findings.push(problem);
        return None;
    };
    match litellm::List::read(text) {
        Ok(Some(list)) => {
            let name = lookup::report(list.find(wanted), wanted, &file.value, place, findings)?;
            return match list.prices(name) {
                Ok(prices) => Some(prices),
                Err(why) => {
                    let message = format!("the prices of `{name}` in `{}` cannot be used: {why}", file.value);
                    findings
                        .problem(place, message)
                        .with_help("write the prices into the scenario: prices: {input: $2.50, output: $10}");
                    None
                }
            };
        }
        Ok(None) => {}
        Err(why) => {
            findings.push(Problem::new(format!("this is not valid JSON: {why}")).in_file(path).help(FORMS));
            return None;
        }
    }
    own(file, &Source { name: &path, text }, wanted, place, findings)
}

/// Floodline's own form.
fn own(
    file: &At<String>,
    source: &Source<'_>,
    wanted: &str,
    place: Place,
    findings: &mut Findings<'_>,
) -> Option<Prices> {
    if !source.text.contains("models") {
        findings.push(Problem::new("this is not a file of prices").in_file(source.name).help(FORMS));
        return None;
    }
    let read: PriceFile = match parse::read(source) {
        Ok(read) => read,
        Err(problem) => {
            findings.push(problem);
            return None;
        }
    };
    let models = read.models.0.unwrap_or_default().0;
    let names = models.iter().map(|(name, _)| name.as_str()).collect();
    let name = lookup::report(lookup::find(names, wanted), wanted, &file.value, place, findings)?;
    let (_, At { value: written, place }) = models.iter().find(|(other, _)| other == name)?;
    let mut inside = findings.of_file(*source);
    for scalar in [written.file.as_ref(), written.model.as_ref()].into_iter().flatten() {
        inside
            .problem(scalar.place, "a file of prices refers to no other")
            .with_help("write the prices themselves");
    }
    let prices = inline(written, *place, &mut inside);
    findings.append(inside);
    prices
}
