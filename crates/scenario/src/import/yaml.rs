//! Writes values as YAML for people: short ones on one line, long texts as blocks, quotes only where they are needed,
//! and comments behind what they explain.

use std::fmt::Write;

use super::tree::Tree;

/// What fits into a line is written in one.
const WIDTH: usize = 100;

/// The members of a document, one below the other, with a blank line ahead of each that takes several lines.
pub(super) fn document(members: &[(String, Tree)]) -> String {
    let mut out = String::new();
    for (i, (name, value)) in members.iter().enumerate() {
        let mut written = String::new();
        part(&mut written, name, value);
        let tall = written.lines().count() > 1;
        if i > 0 && (tall || out.ends_with("\n\n")) && !out.ends_with("\n\n") {
            out.push('\n');
        }
        out.push_str(&written);
        if tall && i + 1 < members.len() {
            out.push('\n');
        }
    }
    out
}

/// A member of the document. Several values are one below the other here, however short they are.
fn part(out: &mut String, name: &str, value: &Tree) {
    let (inner, note) = unpacked(value);
    let several = match inner {
        Tree::Map(members) => members.len() > 1,
        Tree::List(items) => !items.is_empty(),
        _ => false,
    };
    if !several {
        return member(out, name, value, 0);
    }
    let _ = write!(out, "{}:", scalar(name, true));
    end(out, note);
    match inner {
        Tree::Map(members) => members.iter().for_each(|(name, value)| member(out, name, value, 2)),
        other => other.items().iter().for_each(|value| item(out, value, 2)),
    }
}

fn member(out: &mut String, name: &str, value: &Tree, indent: usize) {
    let key = scalar(name, true);
    let (value, note) = unpacked(value);
    let _ = write!(out, "{:indent$}{key}:", "");
    behind(out, value, note, indent, indent + key.len() + 2);
}

/// The value behind `key:`, from the same line on.
fn behind(out: &mut String, value: &Tree, note: Option<&str>, indent: usize, used: usize) {
    if let Some(line) = on_one_line(value, used + note.map_or(0, |_| 2)) {
        let _ = write!(out, " {line}");
        return end(out, note);
    }
    match value {
        Tree::Map(members) => {
            end(out, note);
            members.iter().for_each(|(name, value)| member(out, name, value, indent + 2));
        }
        Tree::List(items) => {
            end(out, note);
            items.iter().for_each(|value| item(out, value, indent + 2));
        }
        Tree::Text(text) => block(out, text, note, indent + 2),
        // These always fit.
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Plain(_) | Tree::Noted(..) => end(out, note),
    }
}

fn item(out: &mut String, value: &Tree, indent: usize) {
    let (value, note) = unpacked(value);
    if let Some(line) = on_one_line(value, indent + 2) {
        let _ = write!(out, "{:indent$}- {line}", "");
        return end(out, note);
    }
    if let (Some(note), Tree::Map(_) | Tree::List(_)) = (note, value) {
        let _ = writeln!(out, "{:indent$}# {}", "", one_line(note));
    }
    match value {
        Tree::Map(members) => {
            let mut written = String::new();
            members.iter().for_each(|(name, value)| member(&mut written, name, value, indent + 2));
            let _ = write!(out, "{:indent$}- {}", "", &written[indent + 2..]);
        }
        Tree::List(items) => {
            let mut written = String::new();
            items.iter().for_each(|value| item(&mut written, value, indent + 2));
            let _ = write!(out, "{:indent$}- {}", "", &written[indent + 2..]);
        }
        Tree::Text(text) => {
            let _ = write!(out, "{:indent$}-", "");
            block(out, text, note, indent + 2);
        }
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Plain(_) | Tree::Noted(..) => end(out, note),
    }
}

/// The value without what is said of it.
fn unpacked(value: &Tree) -> (&Tree, Option<&str>) {
    match value {
        Tree::Noted(inner, note) => (unpacked(inner).0, Some(note)),
        other => (other, None),
    }
}

fn end(out: &mut String, note: Option<&str>) {
    if let Some(note) = note {
        let _ = write!(out, "  # {}", one_line(note));
    }
    out.push('\n');
}

/// A comment ends with its line, and must hold nothing that a terminal obeys.
pub(super) fn one_line(note: &str) -> String {
    note.chars().map(|c| if unprintable(c) { ' ' } else { c }).collect()
}

/// The value in one line, if it fits behind so many characters.
fn on_one_line(value: &Tree, used: usize) -> Option<String> {
    match value {
        Tree::Map(members) if members.is_empty() => Some("{}".into()),
        Tree::List(items) if items.is_empty() => Some("[]".into()),
        Tree::Map(_) | Tree::List(_) => {
            let mut line = String::new();
            flow(&mut line, value, WIDTH.saturating_sub(used))?;
            Some(line)
        }
        Tree::Text(text) if is_block(text) => None,
        other => {
            let mut line = String::new();
            single(&mut line, other, true);
            Some(line)
        }
    }
}

/// In flow style, unless it gets longer than so many characters or something is said of a part of it.
fn flow(line: &mut String, value: &Tree, most: usize) -> Option<()> {
    match value {
        Tree::Map(members) => {
            line.push('{');
            for (i, (name, value)) in members.iter().enumerate() {
                let comma = if i > 0 { ", " } else { "" };
                let _ = write!(line, "{comma}{}: ", scalar(name, false));
                flow(line, value, most)?;
            }
            line.push('}');
        }
        Tree::List(items) => {
            line.push('[');
            for (i, value) in items.iter().enumerate() {
                line.push_str(if i > 0 { ", " } else { "" });
                flow(line, value, most)?;
            }
            line.push(']');
        }
        Tree::Noted(..) => return None,
        Tree::Text(text) if is_block(text) => return None,
        other => single(line, other, false),
    }
    (line.chars().count() <= most).then_some(())
}

fn single(line: &mut String, value: &Tree, in_block: bool) {
    match value {
        Tree::Bool(it) => line.push_str(if *it { "true" } else { "false" }),
        Tree::Number(written) | Tree::Plain(written) => line.push_str(written),
        Tree::Text(text) => line.push_str(&scalar(text, in_block)),
        Tree::Null | Tree::List(_) | Tree::Map(_) | Tree::Noted(..) => line.push_str("null"),
    }
}

/// Whether a text reads better as lines, and is the same when it is read again.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let lines = || body.split('\n');
    body.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && lines().all(|line| {
            !line.ends_with([' ', '\t'])
                && !line.starts_with('\t')
                && !line.contains('\r')
                && !line.chars().any(unprintable)
        })
        && !body.ends_with('\n')
}

fn block(out: &mut String, text: &str, note: Option<&str>, indent: usize) {
    let body = text.strip_suffix('\n');
    out.push_str(if body.is_some() { " |" } else { " |-" });
    end(out, note);
    for line in body.unwrap_or(text).split('\n') {
        match line.is_empty() {
            true => out.push('\n'),
            false => {
                let _ = writeln!(out, "{:indent$}{line}", "");
            }
        }
    }
}

/// A text on one line; without quotes where it can be taken for nothing else.
fn scalar(text: &str, in_block: bool) -> String {
    if is_plain(text, in_block) {
        return text.to_owned();
    }
    let single = !text.chars().any(|c| unprintable(c) || c == '\n') && text.contains(['"', '\\']);
    if single { format!("'{}'", text.replace('\'', "''")) } else { double_quoted(text) }
}

fn is_plain(text: &str, in_block: bool) -> bool {
    const WORDS: [&str; 12] =
        ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "inf", "nan", "infinity"];
    let lower = text.to_ascii_lowercase();
    let braces = |c: char| in_block && matches!(c, '{' | '}' | '[' | ']' | ',' | '"');
    let fits = |c: char| c.is_alphanumeric() || " _-./:;!?'()$%&+=@~*#<>".contains(c) || braces(c);
    let first = text.chars().next();
    let begins = first.is_some_and(|c| c.is_alphabetic() || c == '/' && !text.starts_with("//"));
    let reference = in_block && text.starts_with("${env:");
    (begins || reference)
        && !WORDS.contains(&lower.as_str())
        && text.chars().all(fits)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([' ', ':'])
        && (in_block || !text.contains([':', '#']) || text.starts_with("http") && !text.contains("#"))
}

fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if unprintable(c) => {
                let _ = match u32::from(c) {
                    code @ 0..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What YAML or a terminal would not show as it is. Tabs are among them: they do not survive everywhere.
fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree::map;
    use super::*;

    #[test]
    fn quotes_are_only_where_they_are_needed() {
        for (text, in_block, in_flow) in [
            ("gpt-4o-mini", "gpt-4o-mini", "gpt-4o-mini"),
            ("Bearer ${env:A_KEY}", "Bearer ${env:A_KEY}", "\"Bearer ${env:A_KEY}\""),
            ("${env:A_KEY}", "${env:A_KEY}", "\"${env:A_KEY}\""),
            ("true", "\"true\"", "\"true\""),
            ("12", "\"12\"", "\"12\""),
            ("{{ id }}", "\"{{ id }}\"", "\"{{ id }}\""),
            ("say \"hi\"", "say \"hi\"", "'say \"hi\"'"),
            ("a: b", "\"a: b\"", "\"a: b\""),
            ("", "\"\"", "\"\""),
            ("/chat?a=b", "/chat?a=b", "/chat?a=b"),
            ("\u{1b}[31m", "\"\\u001b[31m\"", "\"\\u001b[31m\""),
        ] {
            assert_eq!((scalar(text, true).as_str(), scalar(text, false).as_str()), (in_block, in_flow));
        }
    }

    #[test]
    fn short_values_are_on_one_line_and_long_ones_are_not() {
        let long = Tree::text("one\n\ntwo\n");
        let doc = map([
            ("name", Tree::text("x")),
            ("target", map([("api", Tree::text("http")), ("key", Tree::text("${env:K}").noted("why"))])),
            ("list", Tree::List(vec![map([("text", long)]), map([("a", Tree::Plain("20/s".into()))])])),
        ]);
        insta::assert_snapshot!(document(doc.members().unwrap()), @r"
        name: x

        target:
          api: http
          key: ${env:K}  # why

        list:
          - text: |
              one

              two
          - {a: 20/s}
        ");
    }

    fn leaf() -> impl Strategy<Value = Tree> {
        prop_oneof![
            Just(Tree::Null),
            any::<bool>().prop_map(Tree::Bool),
            any::<i64>().prop_map(|n| Tree::Number(n.to_string())),
            any::<String>().prop_map(Tree::Text),
            "[ a\n:#\"'{}\\[\\],&*!|>%@`$0-9.\t-]{0,12}".prop_map(Tree::Text),
            "(null|true|~|0x1f|1e3|1_0|\\.inf|2024-01-01|0o7|-|\\?|---|\\.\\.\\.|=|<<|yes)"
                .prop_map(Tree::Text),
        ]
    }

    fn tree() -> impl Strategy<Value = Tree> {
        leaf().prop_recursive(4, 40, 5, |inner| {
            let name = prop_oneof!["[a-z_]{1,8}", any::<String>()];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::List),
                prop::collection::btree_map(name, inner, 0..5)
                    .prop_map(|m| Tree::Map(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(tree in tree()) {
            let members = vec![("whole".to_owned(), tree)];
            let text = document(&members);
            let read = Tree::of_yaml(&text);
            prop_assert_eq!(read.ok(), Some(Tree::Map(members)), "{}", text);
        }
    }
}
