//! What tokens are counted with: a vocabulary in the binary by its name, a `tokenizer.json` by its path,
//! or what the model is known to use.

use floodline_core::plan;
use floodline_wire::tokens::{Tokenizer, Vocabulary};

use super::findings::Findings;
use crate::error::did_you_mean;
use crate::written::{At, Given, Scalar, Text};

/// The tokenizer, and what the plan says of it.
pub(super) fn resolve(
    written: &Given<Scalar<Text>>,
    model: &str,
    findings: &mut Findings<'_>,
) -> Option<(Tokenizer, plan::Tokenizer)> {
    let Some(given) = written.as_ref() else { return Some(in_binary(Tokenizer::for_model(model))) };
    let name = findings.text(written, "the tokenizer's name")?;
    if let Some(vocabulary) = Vocabulary::by_name(&name) {
        return Some(in_binary(Tokenizer::builtin(vocabulary)));
    }
    if !name.ends_with(".json") {
        let names = || Vocabulary::ALL.into_iter().map(Vocabulary::name);
        let list = format!(
            "write one of {}, or the path of a tokenizer.json",
            names().collect::<Vec<_>>().join(", ")
        );
        let help = match names().find(|full| full.starts_with(&name)).or_else(|| did_you_mean(&name, names()))
        {
            Some(near) => format!("did you mean `{near}`? {list}"),
            None => list,
        };
        findings.problem(given.place, format!("there is no tokenizer `{name}`")).with_help(help);
        return None;
    }
    let (_, bytes) = findings.file(&At { value: name.clone(), place: given.place })?;
    match Tokenizer::from_json(&bytes, &name) {
        Ok(tokenizer) => {
            let hash = format!("{:016x}", plan::fnv1a(&bytes));
            Some((tokenizer, plan::Tokenizer { name, hash: Some(hash) }))
        }
        Err(why) => {
            findings
                .problem(given.place, format!("{name} {why}"))
                .with_help("use the tokenizer.json that comes with the model, or a tokenizer by its name");
            None
        }
    }
}

fn in_binary(tokenizer: Tokenizer) -> (Tokenizer, plan::Tokenizer) {
    let name = tokenizer.name().to_owned();
    (tokenizer, plan::Tokenizer { name, hash: None })
}
