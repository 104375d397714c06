//! Strings of the length, format and pattern that is asked for.

use serde_json::{Map, Value};

use super::make::count;
use super::{Draw, formats, pattern};
use crate::tokens::words::WORDS;

/// However long a string must be, it becomes no longer.
const LONGEST: usize = 100_000;

/// A string.
pub(super) fn string(members: &Map<String, Value>, draw: Draw) -> String {
    let least = count(members, "minLength").unwrap_or(0).min(LONGEST);
    let most = count(members, "maxLength").unwrap_or(usize::MAX);
    let fits = |text: &str| (least..=most).contains(&text.chars().count());
    if let Some(Value::String(given)) = members.get("pattern") {
        // More and more repetitions, until it is long enough.
        let lengths = [0, 1, 2, 4, 8, least];
        let examples = lengths.into_iter().filter_map(|extra| pattern::example(given, draw, extra));
        let mut last = None;
        for example in examples {
            if fits(&example) {
                return example;
            }
            last = Some(example);
        }
        if let Some(example) = last {
            return example;
        }
    }
    if let Some(Value::String(format)) = members.get("format")
        && let Some(example) = formats::example(format, draw)
    {
        return example;
    }
    let mut text = words(draw, 1, 3);
    let mut more = draw;
    while text.chars().count() < least {
        more = more.part(7);
        text.push(' ');
        text += &words(more, 1, 3);
    }
    match text.char_indices().nth(most) {
        // A blank at the end would look like a mistake.
        Some((at, _)) => text[..at].trim_end().to_owned() + &"x".repeat(at - text[..at].trim_end().len()),
        None => text,
    }
}

/// So many words.
pub(super) fn words(draw: Draw, least: usize, most: usize) -> String {
    let number = least + draw.below(most - least + 1);
    let word =
        |index: usize| WORDS.get(draw.part(index as u64).below(WORDS.len())).copied().unwrap_or("word");
    (0..number).map(word).collect::<Vec<_>>().join(" ")
}
