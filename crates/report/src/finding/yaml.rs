//! Limits as a block of YAML, in the form in which `floodline stub --limits FILE` reads them.

use floodline_core::limits::Limits;
use serde_json::Value;

/// The block: what is common to all limits, and each of them with its fields on lines of their own.
pub fn limits(limits: &Limits) -> String {
    let Ok(Value::Object(fields)) = serde_json::to_value(limits) else { return String::new() };
    let mut text = String::new();
    for (name, value) in fields {
        let Value::Array(items) = value else {
            text += &format!("{name}: {}\n", scalar(&value));
            continue;
        };
        text += &format!("{name}:\n");
        for item in items {
            let Value::Object(fields) = item else { continue };
            for (index, (name, value)) in fields.iter().enumerate() {
                let mark = if index == 0 { "  - " } else { "    " };
                text += &format!("{mark}{name}: {}\n", scalar(value));
            }
        }
    }
    text
}

/// Plain words stand as they are; everything else is JSON, which is YAML too.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text)
            if !text.is_empty()
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
                && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && !["true", "false", "null", "yes", "no", "on", "off"].contains(&text.as_str()) =>
        {
            text.clone()
        }
        other => other.to_string(),
    }
}
