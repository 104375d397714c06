//! Instances of JSON schemas: what a model that keeps to a schema might say.
//!
//! The same schema and seed give the same instance. An instance is made and then held against the schema; if it does
//! not satisfy it, a few others are tried. Known are the keywords of draft 2020-12 that are checked without a
//! vocabulary of their own, but for `unevaluated*`, `$dynamicRef` and references to other documents. A schema that
//! nothing satisfies, or that is beyond this, gets the last attempt.

mod check;
mod formats;
mod make;
mod merge;
mod number;
mod pattern;
mod text;

use serde_json::{Value, json};

use crate::server::mix;

/// How many attempts there are.
const ATTEMPTS: u64 = 24;

/// An instance of `schema`.
pub fn instance(schema: &Value, seed: u64) -> Value {
    let mut last = Value::Null;
    for attempt in 0..ATTEMPTS {
        last = make::make(schema, mix(seed.wrapping_add(attempt)));
        if check::satisfies(schema, &last) {
            break;
        }
    }
    last
}

/// A JSON object, for whom no schema is given.
pub(crate) fn object(seed: u64) -> Value {
    instance(
        &json!({"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}),
        seed,
    )
}

/// What `reference` points to in `root`: `#`, `#/$defs/NAME` and the like, or the anchor of a definition.
fn resolve<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    let fragment = crate::server::route::percent_decoded(reference.strip_prefix('#')?).into_owned();
    if fragment.is_empty() || fragment.starts_with('/') {
        return root.pointer(&fragment);
    }
    let definitions = ["$defs", "definitions"].iter().filter_map(|name| root.get(name)?.as_object());
    definitions
        .flat_map(|all| all.values())
        .find(|schema| schema.get("$anchor").is_some_and(|a| *a == fragment))
}

/// Draws that follow from a seed.
#[derive(Clone, Copy, Debug)]
struct Draw(u64);

impl Draw {
    /// The draws of one part, independent of those of its neighbours.
    fn part(self, name: u64) -> Draw {
        Draw(mix(self.0 ^ mix(name.wrapping_add(0x51))))
    }

    /// The draws of a member.
    fn member(self, name: &str) -> Draw {
        self.part(crate::server::ask::hash(name.as_bytes()))
    }

    /// From 0 to the one before `bound`; 0 if that is 0.
    fn below(self, bound: usize) -> usize {
        ((u128::from(mix(self.0 ^ 0xa5)) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests;
