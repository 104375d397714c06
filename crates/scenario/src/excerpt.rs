//! A line of a file with a caret under the part at fault, and with whatever could be secret hidden.

use std::fmt;

/// Characters of a line that are shown; longer lines are cut around the caret.
const WIDTH: usize = 100;

/// One line of a file, and a part of it.
#[derive(Debug)]
pub(crate) struct Excerpt {
    pub(crate) file: String,
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    /// Characters at fault, at least 1.
    width: usize,
    /// The line, without what must not be shown.
    text: String,
}

/// How much of the line at fault may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// All of it, but what looks like a secret.
    Line,
    /// Nothing behind the key at fault: its value may be a secret under a mistyped name.
    UpToKey,
    /// Nothing from the column on.
    UpToColumn,
}

impl Excerpt {
    pub(crate) fn new(
        file: &str,
        text: &str,
        (line, column): (usize, usize),
        width: usize,
        show: Show,
    ) -> Excerpt {
        let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or("").trim_start_matches('\u{feff}');
        let length = shown.chars().count();
        let column = column.clamp(1, length + 1);
        let width = width.clamp(1, (length + 1 - column).max(1));
        let hidden = if is_part_of_a_secret(text, line) { stars(shown) } else { mask(shown) };
        let keep = match show {
            Show::Line => length,
            Show::UpToColumn => column - 1,
            Show::UpToKey => column - 1 + width,
        };
        let mut kept: String =
            hidden.chars().take(keep).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if keep < length {
            kept.push_str(if show == Show::UpToKey { ": …" } else { "…" });
        }
        Excerpt { file: file.into(), line, column, width, text: kept }
    }

    /// Columns that the line's number takes.
    pub(crate) fn gutter(&self) -> usize {
        self.line.to_string().len()
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gutter = self.gutter();
        let chars: Vec<char> = self.text.chars().collect();
        let start = if chars.len() <= WIDTH { 0 } else { (self.column - 1).saturating_sub(WIDTH / 2) };
        let end = chars.len().min(start + WIDTH);
        let ahead = if start > 0 { "…" } else { "" };
        let behind = if end < chars.len() { "…" } else { "" };
        let text: String = chars[start.min(end)..end].iter().collect();
        let indent = ahead.chars().count() + self.column - 1 - start;
        let carets = "^".repeat(self.width.min((start + WIDTH + 1).saturating_sub(self.column)).max(1));
        writeln!(f, "{:gutter$}--> {}:{}:{}", "", self.file, self.line, self.column)?;
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{} | {ahead}{}{behind}", self.line, text.trim_end())?;
        write!(f, "{:gutter$} | {:indent$}{carets}", "", "")
    }
}

/// Whether a key of this name usually carries a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '_'], "");
    let has = |part: &str| name.contains(part);
    has("key")
        || has("secret")
        || has("passw")
        || has("authorization")
        || has("credential")
        || has("cookie")
        || has("signature")
        || (has("token") && !has("tokens") && name != "tokenizer")
        || matches!(name.as_str(), "auth" | "pwd" | "sig" | "xauth")
}

/// The same for a name in the query of a URL, where short names are usual.
pub(crate) fn is_secret_query_name(name: &str) -> bool {
    is_secret_name(name) || matches!(name.to_ascii_lowercase().as_str(), "code" | "sas" | "k" | "pass")
}

/// Whether `line` belongs to a value that starts on an earlier line, under a secret's name.
fn is_part_of_a_secret(text: &str, line: usize) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = text.lines().take(line).collect();
    let Some((this, before)) = lines.split_last() else { return false };
    let parent = before.iter().rev().find(|l| !l.trim().is_empty() && indent(l) < indent(this));
    parent.and_then(|p| p.split_once(':')).is_some_and(|(name, _)| {
        is_secret_name(name.trim().trim_start_matches("- ").trim_matches(['"', '\'', '{', ' ']))
    })
}

/// The line with everything that looks like a secret replaced by stars, character for character.
pub(crate) fn mask(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut hide = vec![false; chars.len()];
    values_of_secret_names(&chars, &mut hide);
    telltale_words(&chars, &mut hide);
    passwords_of_urls(&chars, &mut hide);
    starred(&chars, &hide)
}

/// The same for running text, in which a name before a colon means nothing.
pub(crate) fn mask_words(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut hide = vec![false; chars.len()];
    telltale_words(&chars, &mut hide);
    passwords_of_urls(&chars, &mut hide);
    starred(&chars, &hide)
}

fn starred(chars: &[char], hide: &[bool]) -> String {
    chars.iter().zip(hide).map(|(&c, &hide)| if hide { '*' } else { c }).collect()
}

fn stars(line: &str) -> String {
    line.chars().map(|c| if c.is_whitespace() { c } else { '*' }).collect()
}

/// `name: value` and `name=value`, up to the end of the value.
fn values_of_secret_names(chars: &[char], hide: &mut [bool]) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    for (i, &mark) in chars.iter().enumerate() {
        if mark != ':' && mark != '=' {
            continue;
        }
        let name_end = i - chars[..i].iter().rev().take_while(|c| matches!(c, ' ' | '"' | '\'')).count();
        let name_start = name_end - chars[..name_end].iter().rev().take_while(|&&c| is_name(c)).count();
        let name: String = chars[name_start..name_end].iter().collect();
        let is_secret = if mark == '=' { is_secret_query_name } else { is_secret_name };
        if !is_secret(&name) {
            continue;
        }
        let rest = &chars[i + 1..];
        let start = i + 1 + rest.iter().take_while(|c| c.is_whitespace()).count();
        let end = start + value_length(&chars[start..], mark == '=');
        let value: String = chars[start..end].iter().collect();
        let bare = value.trim_matches(['"', '\'']).trim_start_matches("Bearer ");
        if bare.starts_with("${env:") && bare.find('}') == Some(bare.len() - 1) {
            continue;
        }
        hide[start..end].fill(true);
    }
}

fn value_length(rest: &[char], in_query: bool) -> usize {
    match rest.first() {
        Some(&quote @ ('"' | '\'')) => {
            rest.iter().skip(1).position(|&c| c == quote).map_or(rest.len(), |end| end + 2)
        }
        // A list or a mapping where a value belongs: all of it.
        Some('[' | '{' | '|' | '>' | '&' | '!') => rest.len(),
        _ if in_query => {
            rest.iter().position(|c| matches!(c, '&' | ' ' | '"' | '\'' | ',' | '}')).unwrap_or(rest.len())
        }
        _ => bare_length(rest),
    }
}

/// Up to the comma or the brace that ends a value without quotes; the braces of `${...}` are its own.
fn bare_length(rest: &[char]) -> usize {
    let mut inside = false;
    let end = rest.iter().enumerate().position(|(i, &c)| {
        let ends = matches!(c, ',' | '}') && !inside;
        inside = (inside || rest[i..].starts_with(&['$', '{'])) && c != '}';
        ends
    });
    end.unwrap_or(rest.len())
}

/// Words that start as vendors' keys do.
fn telltale_words(chars: &[char], hide: &mut [bool]) {
    const STARTS: [&str; 9] = ["sk-", "sk_", "gsk_", "hf_", "xai-", "AIza", "ghp_", "AKIA", "Bearer "];
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=');
    for i in 0..chars.len() {
        if i > 0 && inside(chars[i - 1]) {
            continue;
        }
        let Some(start) = STARTS.iter().find(|s| s.chars().eq(chars[i..].iter().copied().take(s.len())))
        else {
            continue;
        };
        let from = i + start.len();
        let length = chars[from..].iter().take_while(|&&c| inside(c)).count();
        if length > 0 {
            hide[i..from + length].fill(true);
        }
    }
}

/// What stands between `://` and `@`.
fn passwords_of_urls(chars: &[char], hide: &mut [bool]) {
    for i in 3..chars.len() {
        if chars[i - 3..i] != [':', '/', '/'] {
            continue;
        }
        let authority = chars[i..]
            .iter()
            .position(|c| matches!(c, '/' | '?' | '#' | ' ' | '"'))
            .unwrap_or(chars.len() - i);
        if let Some(at) = chars[i..i + authority].iter().rposition(|&c| c == '@') {
            hide[i..i + at].fill(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_starred_and_references_and_numbers_are_not() {
        for (line, shown) in [
            ("key: abc123", "key: ******"),
            ("  api_key: \"a, b\"  # why", "  api_key: ******  # why"),
            ("{url: u, key: abc, model: m}", "{url: u, key: ***, model: m}"),
            ("key: ${env:NAME}", "key: ${env:NAME}"),
            ("{key: ${env:NAME}, model: m}", "{key: ${env:NAME}, model: m}"),
            ("key: ${env:NAME}x", "key: ************"),
            ("Authorization: Bearer ${env:T}", "Authorization: Bearer ${env:T}"),
            ("Authorization: Bearer abc", "Authorization: **********"),
            ("max_tokens: 100, input_tokens: 3", "max_tokens: 100, input_tokens: 3"),
            ("{tokenizer: qwen2, token: abc}", "{tokenizer: qwen2, token: ***}"),
            ("note sk-proj-1234 here", "note ************ here"),
            ("url: https://me:pw@host/v1", "url: https://*****@host/v1"),
            ("url: https://host/v1?api-key=abc&v=1", "url: https://host/v1?api-key=***&v=1"),
            ("url: https://h/v1?v=1&code=abc", "url: https://h/v1?v=1&code=***"),
            ("monkey business", "monkey business"),
        ] {
            assert_eq!(mask(line), shown);
        }
    }

    #[test]
    fn a_secret_that_runs_over_lines_is_hidden_too() {
        let text = "target:\n  key: >\n    canary\n  url: x\n";
        assert!(is_part_of_a_secret(text, 3));
        assert!(!is_part_of_a_secret(text, 4));
        let shown = Excerpt::new("f", text, (3, 5), 6, Show::Line).to_string();
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let line = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let shown = Excerpt::new("f", &line, (1, 501), 1, Show::Line).to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines.iter().all(|l| l.chars().count() < 120), "{shown}");
        assert_eq!(lines[2].chars().position(|c| c == 'X'), lines[3].chars().position(|c| c == '^'));
    }
}
