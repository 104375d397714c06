//! A fault on one line: `status 529 rate 5% from 10s until 40s`.

use std::fmt;
use std::str::FromStr;

use super::fields::{Fields, NAMES};
use super::{Fault, FaultError, Kind};

impl FromStr for Fault {
    type Err = FaultError;

    /// Reads the kind, the figure that belongs to it, and fields with their values.
    fn from_str(line: &str) -> Result<Fault, FaultError> {
        let (kind, mut rest) = word(line);
        let kind = kind.replace('-', "_");
        let mut fields = Fields::default();
        if kind.is_empty() {
            return fields.read();
        }
        fields.push("kind", &kind);
        if !Kind::NAMES.contains(&&*kind) {
            return fields.read();
        }
        let (first, behind) = word(rest);
        if !first.is_empty()
            && field(first).is_none()
            && let Some(name) = figure(&kind, first)
        {
            fields.push(name, first);
            rest = behind;
        }
        loop {
            let (name, behind) = word(rest);
            if name.is_empty() {
                return fields.read();
            }
            let Some(known) = field(name) else {
                // Whatever is unknown is told as such, by who knows the fields.
                fields.push(name, "");
                return fields.read();
            };
            let (value, behind) = if known == "message" { (behind.trim(), "") } else { word(behind) };
            if value.is_empty() {
                return Err(FaultError::of(known, format!("`{name}` has no value"))
                    .help("write the field, a blank and its value, such as `rate 5%`"));
            }
            fields.push(known, value);
            rest = match word(behind) {
                ("token" | "tokens", behind) if known == "after_tokens" => behind,
                _ => behind,
            };
        }
    }
}

/// The line that stands for it. A name with blanks in it, which no line can hold, is shown all the same.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.name();
        f.write_str(kind)?;
        let mut pairs = self.pairs();
        // The figure of the kind stands right behind it.
        pairs.sort_by_key(|(name, value)| (*name != "kind", figure(kind, value) != Some(*name)));
        for (name, value) in pairs.iter().skip(1) {
            match *name {
                "factor" => write!(f, " {value}x")?,
                "after_tokens" if kind == "length" => write!(f, " {value}")?,
                "after_tokens" => write!(f, " after {value} tokens")?,
                name if figure(kind, value) == Some(name) => write!(f, " {value}")?,
                name => write!(f, " {name} {value}")?,
            }
        }
        Ok(())
    }
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

/// The field of this name, as it can be written on a line.
fn field(word: &str) -> Option<&'static str> {
    if word == "after" {
        return Some("after_tokens");
    }
    let word = word.replace('-', "_");
    NAMES.into_iter().find(|name| *name == word && *name != "kind")
}

/// The field that the figure behind a kind is.
fn figure(kind: &str, word: &str) -> Option<&'static str> {
    Some(match kind {
        "status" => "status",
        "slow" if word.starts_with('x') || word.ends_with('x') => "factor",
        "slow" => "delay",
        "error" => "error",
        "length" => "after_tokens",
        "content_type" => "content_type",
        "disconnect" => "how",
        "malformed" => "what",
        _ => return None,
    })
}
