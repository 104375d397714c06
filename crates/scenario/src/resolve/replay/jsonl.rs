//! Traces in JSON lines: an object on each, with members that are found by their names, whatever else there is.

use std::borrow::Cow;
use std::fmt;

use floodline_core::replay::BlocksAt;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::csv::no_unit;
use super::reading::{Layout, Part, Recorded, Rows, TOKENS, Text, tokens};
use crate::error::Problem;
use crate::written::Unit;

/// Reads every line that is not blank.
pub(super) fn read(text: Text<'_>, layout: &Layout) -> Result<Recorded, Box<Problem>> {
    let mut rows = Rows::default();
    let mut unit = layout.unit;
    for (i, line) in text.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = Line { text, line, number: i + 1 };
        let members = at.members(layout)?;
        let [time, input, output] = members.values;
        let time = at.value(time, &layout.columns[0])?;
        let known = match unit {
            Some(unit) => unit,
            None => Unit::recognise(&layout.columns[0], &unquoted(time))
                .ok_or_else(|| no_unit(text, at.number, at.part(time.get()), &unquoted(time)))?,
        };
        unit = Some(known);
        let ns = known
            .read(&unquoted(time))
            .ok_or_else(|| at.wrong(time, &layout.columns[0], known.expected()))?;
        let length = |value: Option<&RawValue>, name: &str| {
            let value = at.value(value, name)?;
            tokens(value.get()).ok_or_else(|| at.wrong(value, name, TOKENS))
        };
        let lengths = (length(input, &layout.columns[1])?, length(output, &layout.columns[2])?);
        let blocks = match members.blocks {
            Some(names) => at.blocks(names, lengths.0, layout, &mut rows.blocks)?,
            None => None,
        };
        rows.push(layout, ns, lengths, blocks);
    }
    rows.conclude(text.file, layout)
}

/// A line and where it is.
struct Line<'a> {
    text: Text<'a>,
    line: &'a str,
    number: usize,
}

impl<'a> Line<'a> {
    fn members(&self, layout: &'a Layout) -> Result<Members<'a>, Box<Problem>> {
        let mut json = serde_json::Deserializer::from_str(self.line);
        let members = Wanted(layout).deserialize(&mut json);
        members.and_then(|members| json.end().map(|()| members)).map_err(|why| {
            let said = why.to_string();
            let said = said.split_once(" at line ").map_or(said.as_str(), |(said, _)| said);
            let kind = if why.is_data() { "this is not a request" } else { "this is not valid JSON" };
            let part = Part { at: why.column().saturating_sub(1).min(self.line.len()), chars: 1 };
            let help = format!("a line is {}", example(layout));
            self.text.bad(self.number, Some(part), format!("{kind}: {said}"), &help)
        })
    }

    fn value(&self, value: Option<&'a RawValue>, name: &str) -> Result<&'a RawValue, Box<Problem>> {
        let missing = || {
            let message = format!("this line has no `{name}`");
            self.text.bad(self.number, None, message, "every request needs its time and both of its lengths")
        };
        value.filter(|value| value.get() != "null").ok_or_else(missing)
    }

    /// Where a piece of the line stands in it.
    fn part(&self, piece: &str) -> Part {
        let at = (piece.as_ptr() as usize).saturating_sub(self.line.as_ptr() as usize);
        Part { at: at.min(self.line.len()), chars: piece.chars().count() }
    }

    fn wrong(&self, value: &RawValue, name: &str, help: &str) -> Box<Problem> {
        let shown: String = value.get().chars().take(40).collect();
        let message = format!("`{shown}` is not a {name} of this trace");
        self.text.bad(self.number, Some(self.part(value.get())), message, help)
    }

    /// Puts the names of a prompt's blocks into the arena, their number ahead of them.
    fn blocks(
        &self,
        names: &'a RawValue,
        input: u32,
        layout: &Layout,
        arena: &mut Vec<u64>,
    ) -> Result<Option<BlocksAt>, Box<Problem>> {
        let member = layout.blocks.as_deref().unwrap_or_default();
        let Some(list) = names.get().strip_prefix('[').and_then(|list| list.strip_suffix(']')) else {
            return match names.get() {
                "null" => Ok(None),
                _ => Err(self.wrong(names, member, "expected a list of whole numbers")),
            };
        };
        if list.trim().is_empty() {
            return Ok(None);
        }
        let start = arena.len();
        let Some(at) = BlocksAt::new(start) else {
            let message = "this trace names more blocks than can be told apart";
            return Err(self.text.bad(
                self.number,
                None,
                message,
                "play a part of it: at most 4 billion names",
            ));
        };
        arena.push(0);
        for name in list.split(',').map(str::trim) {
            let number = name.parse::<u64>().or_else(|_| name.parse::<i64>().map(i64::cast_unsigned));
            arena.push(number.map_err(|_| {
                let message = format!("`{name}` is not a name of a block");
                self.text.bad(self.number, Some(self.part(name)), message, "expected a whole number")
            })?);
        }
        let count = arena.len() - start - 1;
        let most = input.div_ceil(layout.block_tokens) as usize;
        if count > most {
            let message = format!(
                "{count} blocks for a prompt of {input} tokens: at {} tokens a block, it has {most}",
                layout.block_tokens
            );
            let help = "say how long the blocks of this trace are: block_tokens: 16";
            return Err(self.text.bad(self.number, Some(self.part(names.get())), message, help));
        }
        arena[start] = count as u64;
        Ok(Some(at))
    }
}

fn example(layout: &Layout) -> String {
    let [time, input, output] = &layout.columns;
    format!("{{\"{time}\": ..., \"{input}\": 100, \"{output}\": 20}}")
}

/// A value without the quotes of a string.
fn unquoted(value: &RawValue) -> Cow<'_, str> {
    let text = value.get();
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match inner {
        None => text.into(),
        Some(inner) if !inner.contains('\\') => inner.trim().into(),
        Some(inner) => serde_json::from_str::<String>(text).map_or(inner.into(), Cow::Owned),
    }
}

/// What a line says of its request.
#[derive(Default)]
struct Members<'a> {
    values: [Option<&'a RawValue>; 3],
    blocks: Option<&'a RawValue>,
}

/// The members that are wanted; of several of one name, the last counts.
struct Wanted<'a>(&'a Layout);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Members<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Members<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        // Names with escapes cannot be borrowed.
        while let Some(name) = map.next_key::<Name<'de>>()? {
            if let Some(k) = self.0.columns.iter().position(|column| *column == name.0) {
                members.values[k] = Some(map.next_value()?);
            } else if self.0.blocks.as_deref() == Some(&*name.0) {
                members.blocks = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(members)
    }
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests;
