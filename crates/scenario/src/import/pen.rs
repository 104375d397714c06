//! Writes the texts of requests: secrets as references, what earlier answers gave as templates, and what only looks
//! like a template so that it is sent as it is.

use super::call::{Call, encoded, reference};
use super::tree::Tree;
use super::vault::{Swap, Vault, replaced};
use crate::excerpt::{is_secret_name, is_secret_query_name};
use crate::resolve::is_harmless_member;

/// Numbers of fewer digits are no secrets, whatever they are called.
const DIGITS: usize = 6;

/// Writes what one call says.
pub(super) struct Pen<'a> {
    pub(super) vault: &'a mut Vault,
    pub(super) call: &'a Call,
}

impl Pen<'_> {
    /// A text as a template.
    pub(super) fn text(&mut self, text: &str, name: &str) -> String {
        let swaps = self.swaps(text, name);
        replaced(text, swaps, str::to_owned, as_template)
    }

    /// A text where neither templates nor references are read.
    pub(super) fn verbatim(&mut self, text: &str) -> String {
        self.vault.shown(text)
    }

    /// A secret: a reference, or the template that stands for it.
    pub(super) fn secret(&mut self, value: &str, name: &str, what: &str) -> String {
        if value.trim().is_empty() || reference(value) == Some(value.len()) {
            return value.to_owned();
        }
        let known = self.known(value);
        if !known.is_empty() {
            let left: usize = value.chars().count()
                - known.iter().map(|s| value[s.start..s.end].chars().count()).sum::<usize>();
            if left < 6 {
                return replaced(value, known, str::to_owned, as_template);
            }
        }
        format!("${{env:{}}}", self.vault.keep(value, name, what))
    }

    /// The path of a URL.
    pub(super) fn path(&mut self, path: &str) -> String {
        let swaps = self.swaps(path, "PATH_KEY");
        replaced(path, swaps, escaped, |plain| encoded(plain, "/%:@!$&'()*+,;="))
    }

    /// The query of a URL with its question mark, or nothing.
    pub(super) fn query(&mut self, query: &[(String, String)]) -> String {
        let parts: Vec<String> = query.iter().map(|(name, value)| self.pair(name, value)).collect();
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }

    /// The body of a form.
    pub(super) fn form(&mut self, form: &[(String, String)]) -> String {
        form.iter().map(|(name, value)| self.pair(name, value)).collect::<Vec<_>>().join("&")
    }

    /// The query of a URL: the part that is always the same, and the parameters to be filled in, which are escaped when
    /// they are.
    pub(super) fn query_and_fields(&mut self, query: &[(String, String)]) -> (String, Vec<(String, String)>) {
        let (mut same, mut filled) = (Vec::new(), Vec::new());
        let are_unique = are_unique(query);
        for (name, value) in query {
            let written = self.field(name, value);
            match are_unique && ["{{", "${env:"].iter().any(|mark| written.contains(mark)) {
                true => filled.push((self.verbatim(name), written)),
                false => same.push((name.clone(), value.clone())),
            }
        }
        (self.query(&same), filled)
    }

    /// The fields of a form as a step has them; none where their names cannot be those of a mapping.
    pub(super) fn fields(&mut self, form: &[(String, String)]) -> Option<Vec<(String, String)>> {
        let field = |(name, value): &(String, String)| (self.verbatim(name), self.field(name, value));
        are_unique(form).then(|| form.iter().map(field).collect())
    }

    fn field(&mut self, name: &str, value: &str) -> String {
        self.secret_parameter(name, value).unwrap_or_else(|| self.text(value, name))
    }

    fn pair(&mut self, name: &str, value: &str) -> String {
        let value = self.secret_parameter(name, value).unwrap_or_else(|| {
            let swaps = self.swaps(value, name);
            replaced(value, swaps, escaped, |plain| encoded(plain, ",:"))
        });
        format!("{}={value}", encoded(&self.verbatim(name), "[]"))
    }

    /// A parameter that is a secret, as one.
    fn secret_parameter(&mut self, name: &str, value: &str) -> Option<String> {
        let is_secret = is_secret_query_name(name) && !value.is_empty();
        is_secret.then(|| self.secret(value, name, &format!("the parameter `{name}`")))
    }

    /// A body of JSON as templates.
    pub(super) fn json(&mut self, tree: &Tree, name: &str) -> Tree {
        match tree {
            Tree::Text(text) if is_secret_member(name) => {
                Tree::Text(self.secret(text, name, &format!("the member `{name}` of the body")))
            }
            Tree::Number(number) if is_secret_member(name) && number.len() >= DIGITS => {
                Tree::Text(self.secret(number, name, &format!("the member `{name}` of the body")))
            }
            Tree::Text(text) => Tree::Text(self.text(text, if name.is_empty() { "KEY" } else { name })),
            // A template that is a whole text keeps its type.
            Tree::Number(number) => match self.call.known.iter().find(|(value, _)| value == number) {
                Some((_, template)) => Tree::Text(template.clone()),
                None => tree.clone(),
            },
            Tree::List(items) => Tree::List(items.iter().map(|item| self.json(item, name)).collect()),
            Tree::Map(members) => {
                let member = |(key, value): &(String, Tree)| (self.verbatim(key), self.json(value, key));
                Tree::Map(members.iter().map(member).collect())
            }
            Tree::Noted(inner, note) => self.json(inner, name).noted(note.clone()),
            Tree::Null | Tree::Bool(_) | Tree::Plain(_) => tree.clone(),
        }
    }

    /// A body of JSON where templates are not read. Members with the names of secrets are left out, and their names
    /// are added to those of others.
    pub(super) fn literal_json(&mut self, tree: &Tree, left_out: &mut Vec<String>) -> Tree {
        match tree {
            Tree::Text(text) => Tree::Text(self.verbatim(text)),
            Tree::List(items) => Tree::List(items.iter().map(|i| self.literal_json(i, left_out)).collect()),
            Tree::Map(members) => {
                let mut kept = Vec::new();
                for (key, value) in members {
                    let texts =
                        matches!(value, Tree::Text(_)) || value.items().iter().any(|i| i.as_str().is_some());
                    if texts && is_secret_member(key) {
                        if let Tree::Text(text) = value {
                            self.vault.keep(text, key, &format!("the member `{key}` of the body"));
                        }
                        for text in value.items().iter().filter_map(Tree::as_str) {
                            self.vault.keep(text, key, &format!("the member `{key}` of the body"));
                        }
                        left_out.push(self.verbatim(key));
                    } else {
                        kept.push((self.verbatim(key), self.literal_json(value, left_out)));
                    }
                }
                Tree::Map(kept)
            }
            other => other.clone(),
        }
    }

    fn swaps(&mut self, text: &str, name: &str) -> Vec<Swap> {
        let mut swaps = self.known(text);
        let known: Vec<(usize, usize)> = swaps.iter().map(|swap| (swap.start, swap.end)).collect();
        let found = self.vault.find(text, name);
        // What an earlier answer gives needs no variable, also where it looks like a key.
        let same = |swap: &Swap| known.iter().any(|&(start, end)| start <= swap.start && swap.end <= end);
        swaps.extend(found.into_iter().filter(|swap| !same(swap)));
        swaps
    }

    /// What earlier answers or data give of a text.
    fn known(&self, text: &str) -> Vec<Swap> {
        let mut swaps = Vec::new();
        for (value, template) in &self.call.known {
            swaps.extend(places(text, value).map(|start| Swap {
                start,
                end: start + value.len(),
                with: template.clone(),
            }));
        }
        swaps
    }
}

/// What fills a place in a URL, escaped as a whole when it does.
fn escaped(with: &str) -> String {
    let expression = with.strip_prefix("{{").and_then(|with| with.strip_suffix("}}"));
    expression.map_or_else(|| with.to_owned(), |inner| format!("{{{{ {} | urlencode }}}}", inner.trim()))
}

fn are_unique(pairs: &[(String, String)]) -> bool {
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| pair[0] != pair[1]) && !names.contains(&"")
}

/// Where a value stands in a text as a word of its own. One that has spaces must be the whole text.
pub(super) fn places<'a>(text: &'a str, value: &'a str) -> impl Iterator<Item = usize> + 'a {
    let spaces = value.contains(char::is_whitespace);
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let braced = value.starts_with('{');
    text.match_indices(value).map(|(at, _)| at).filter(move |&at| match spaces {
        true => text.len() == value.len(),
        false => {
            let end = at + value.len();
            braced || !word(text[..at].chars().next_back()) && !word(text[end..].chars().next())
        }
    })
}

/// Whether a member of a body with this name carries a secret.
pub(super) fn is_secret_member(name: &str) -> bool {
    is_secret_name(name) && !is_harmless_member(name)
}

/// A text that says itself when it is taken for a template.
pub(super) fn as_template(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        let opening = rest.get(at..at + 2).filter(|two| ["{{", "{%", "{#"].contains(two));
        match opening {
            Some(opening) => out.push_str(&format!("{{{{ '{opening}' }}}}")),
            // A template may follow.
            None if at + 1 == rest.len() => out.push_str("{{ '{' }}"),
            None => out.push('{'),
        }
        rest = &rest[at + opening.map_or(1, str::len)..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::template::Template;

    #[test]
    fn what_looks_like_a_template_says_itself() {
        assert_eq!(as_template("a {{ x }} {% b %} {c}"), "a {{ '{{' }} x }} {{ '{%' }} b %} {c}");
        assert_eq!(as_template("{"), "{{ '{' }}");
    }

    #[test]
    fn a_known_value_is_a_word_of_its_own() {
        assert_eq!(places("/s/abcd1234/x", "abcd1234").collect::<Vec<_>>(), [3]);
        assert_eq!(places("xabcd1234", "abcd1234").count(), 0);
        assert_eq!(places("it is 42 now", "is 42").count(), 0);
        assert_eq!(places("is 42", "is 42").count(), 1);
    }

    proptest! {
        #[test]
        fn a_text_that_is_filled_in_is_itself(text in "[a{}%#'\"\n -]{0,24}") {
            let template = Template::new(&as_template(&text)).map_err(|e| TestCaseError::fail(e.message))?;
            prop_assert_eq!(template.render(&minijinja::Value::UNDEFINED), Ok(text));
        }
    }
}
