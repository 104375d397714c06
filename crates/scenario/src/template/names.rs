//! Finds filters and tests that do not exist: the language itself looks for them only when a template is filled in,
//! which is in the middle of a run.

use std::sync::LazyLock;

use minijinja::{Environment, ErrorKind, Value};
use regex::Regex;

use crate::written::Wrong;

/// `value | name`, and `value is name`.
static FILTER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\|\s*([A-Za-z_]\w*)").ok());
static TEST: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bis\s+(?:not\s+)?([A-Za-z_]\w*)").ok());

/// Finds fault with the filters and tests of a template's text.
pub(super) fn in_template(language: &Environment<'_>, text: &str) -> Result<(), Wrong> {
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let opening = rest.get(at..at + 2).unwrap_or_default();
        rest = &rest[at + 1..];
        let closing = match opening {
            "{{" => "}}",
            "{%" => "%}",
            "{#" => {
                rest = rest.split_once("#}").map_or("", |(_, after)| after);
                continue;
            }
            _ => continue,
        };
        let (code, after) = code(&rest[1..], closing);
        in_code(language, &code)?;
        let is_raw = closing == "%}" && code.trim_matches(['-', '+', ' ', '\n']) == "raw";
        rest = if is_raw { after.split_once("endraw").map_or("", |(_, after)| after) } else { after };
    }
    Ok(())
}

/// The same of an expression.
pub(super) fn in_expression(language: &Environment<'_>, text: &str) -> Result<(), Wrong> {
    in_code(language, &code(text, "\0").0)
}

/// What comes before `closing`, with nothing left of the texts in quotes, and what comes behind it.
fn code<'t>(text: &'t str, closing: &str) -> (String, &'t str) {
    let mut code = String::new();
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if open == c => quote = None,
            Some(_) => {}
            None if text[at..].starts_with(closing) => return (code, &text[at + closing.len()..]),
            None if matches!(c, '"' | '\'') => {
                quote = Some(c);
                code.push_str("''");
            }
            None => code.push(c),
        }
    }
    (code, "")
}

fn in_code(language: &Environment<'_>, code: &str) -> Result<(), Wrong> {
    let all =
        [(&*FILTER, "|", "filter", ErrorKind::UnknownFilter), (&*TEST, "is", "test", ErrorKind::UnknownTest)];
    for (pattern, word, what, unknown) in all {
        for found in pattern.iter().flat_map(|pattern| pattern.captures_iter(code)) {
            let Some(name) = found.get(1).map(|name| name.as_str()) else { continue };
            let tried = language.compile_expression_owned(format!("1 {word} {name}"));
            let tried = tried.and_then(|tried| tried.eval(Value::UNDEFINED));
            if tried.is_err_and(|e| e.kind() == unknown) {
                return Err(Wrong {
                    message: format!("there is no {what} `{name}`"),
                    help: Some(
                        "filters and tests are those of minijinja, and regex, path, fromjson, called; containing, matching"
                            .into(),
                    ),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::LANGUAGE;
    use super::*;

    #[test]
    fn what_does_not_exist_is_found_wherever_code_stands() {
        for fine in [
            "a | b and {a | nosuch}",
            "{{ a | length }} {{ 'x | nosuch' ~ \"\\\"| nosuch\" | upper }}",
            "{# a | nosuch #}{% raw %}{{ a | nosuch }}{% endraw %}",
            "{% if a is not none and b is containing('x') %}{{ a | regex('a|b') | urlencode }}{% endif %}",
            "{{ text is divisibleby 3 }}{",
        ] {
            assert!(in_template(&LANGUAGE, fine).is_ok(), "{fine}");
        }
        for (wrong, name) in [
            ("{{ a | nosuch }}", "filter `nosuch`"),
            ("{ {% if x %}{{ a|length|lenght('}}') }}{% endif %}", "filter `lenght`"),
            ("{% for x in y|sorted %}{% endfor %}", "filter `sorted`"),
            ("{{ a is not contianing('x') }}", "test `contianing`"),
            ("{% raw %}{% endraw %}{{ a | nosuch }}", "filter `nosuch`"),
        ] {
            let why = in_template(&LANGUAGE, wrong).unwrap_err().message;
            assert_eq!(why, format!("there is no {name}"), "{wrong}");
        }
        assert!(in_expression(&LANGUAGE, "a | lenght > 3").is_err());
        assert!(in_expression(&LANGUAGE, "a | length > 3 or a == 'b | c'").is_ok());
    }
}
