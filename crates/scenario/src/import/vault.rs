//! The secrets that a file holds, and the names that stand for them.
//!
//! What is a secret is judged by names (headers, members, parameters) and by form (vendors' keys, web tokens, strings
//! drawn by lot). What was found in one place is then replaced wherever else it stands.

use floodline_corpus::privacy;

use super::call::{Call, encoded};

/// Shorter secrets are replaced where they stand as such, but not looked for elsewhere.
const SHORTEST: usize = 6;

/// Longer names of variables would be taken for keys themselves.
const LONGEST_NAME: usize = 36;

/// Secrets by their value.
#[derive(Debug, Default)]
pub(super) struct Vault {
    kept: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    value: String,
    /// The value as it stands in URLs and in JSON.
    spellings: Vec<String>,
    variable: String,
    what: String,
}

/// A part of a text that goes, and what comes in its place.
#[derive(Debug)]
pub(super) struct Swap {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) with: String,
}

impl Vault {
    /// Takes a secret in, and returns the variable that stands for it: the one that was proposed, or that with a number.
    pub(super) fn keep(&mut self, value: &str, variable: &str, what: &str) -> String {
        if let Some(kept) = self.kept.iter().find(|kept| kept.value == value) {
            return kept.variable.clone();
        }
        let wanted = variable_name(variable);
        let taken = |name: &str| self.kept.iter().any(|kept| kept.variable == name);
        let variable = std::iter::once(wanted.clone())
            .chain((2..).map(|n: usize| format!("{wanted}_{n}")))
            .find(|name| !taken(name))
            .unwrap_or(wanted);
        let json = serde_json::Value::from(value).to_string();
        let mut spellings =
            vec![value.to_owned(), encoded(value, ""), encoded(value, "").replace("%20", "+")];
        spellings.push(json[1..json.len() - 1].to_owned());
        spellings.dedup();
        self.kept.push(Kept {
            value: value.into(),
            spellings,
            variable: variable.clone(),
            what: what.into(),
        });
        variable
    }

    /// What is to be put into a variable.
    pub(super) fn what(&self, variable: &str) -> Option<&str> {
        self.kept.iter().find(|kept| kept.variable == variable).map(|kept| kept.what.as_str())
    }

    /// Every secret in a text: those that are known, and those that look like one.
    pub(super) fn find(&mut self, text: &str, variable: &str) -> Vec<Swap> {
        let mut swaps = Vec::new();
        for place in privacy::keys(text) {
            let value = &text[place.clone()];
            if value.contains("${env:") || value.starts_with("{env:") || value.starts_with("env:") {
                continue;
            }
            let name = self.keep(value, variable, "a value that looks like a key");
            swaps.push(Swap { start: place.start, end: place.end, with: format!("${{env:{name}}}") });
        }
        swaps.extend(self.known(text));
        swaps
    }

    /// The secrets in a text that are known.
    fn known(&self, text: &str) -> Vec<Swap> {
        let mut swaps = Vec::new();
        for kept in self.kept.iter().filter(|kept| kept.value.len() >= SHORTEST) {
            for spelling in &kept.spellings {
                for (start, found) in text.match_indices(spelling.as_str()) {
                    let with = format!("${{env:{}}}", kept.variable);
                    swaps.push(Swap { start, end: start + found.len(), with });
                }
            }
        }
        swaps
    }

    /// An expression, whose own form may look like a secret, without those that are known.
    pub(super) fn expression(&self, text: &str) -> String {
        replaced(text, self.known(text), |_| "[secret]".into(), str::to_owned)
    }

    /// A text for people, without secrets.
    pub(super) fn shown(&mut self, text: &str) -> String {
        let swaps = self.find(text, "KEY");
        replaced(text, swaps, |_| "[secret]".into(), str::to_owned)
    }
}

/// The text with its parts swapped. What is left of overlapping parts goes too: nothing of a secret may stay.
pub(super) fn replaced(
    text: &str,
    mut swaps: Vec<Swap>,
    with: impl Fn(&str) -> String,
    plain: impl Fn(&str) -> String,
) -> String {
    swaps.sort_by_key(|swap| (swap.start, std::cmp::Reverse(swap.end)));
    let mut out = String::with_capacity(text.len());
    let mut after = 0;
    for swap in swaps {
        if swap.start >= after {
            out.push_str(&plain(&text[after..swap.start]));
            out.push_str(&with(&swap.with));
        }
        after = after.max(swap.end);
    }
    out.push_str(&plain(&text[after..]));
    out
}

/// The name of a variable, of any words.
fn variable_name(words: &str) -> String {
    let mut name = String::new();
    for c in words.chars() {
        match c.is_ascii_alphanumeric() {
            true => name.push(c.to_ascii_uppercase()),
            false if !name.is_empty() && !name.ends_with('_') => name.push('_'),
            false => {}
        }
    }
    name.truncate(LONGEST_NAME);
    let name = name.trim_end_matches('_');
    match name.chars().next() {
        None => "SECRET".into(),
        Some(first) if first.is_ascii_digit() => format!("SECRET_{name}"),
        Some(_) => name.to_owned(),
    }
}

/// Hosts of vendors, and how the variables of their keys begin.
const VENDORS: [(&str, &str); 16] = [
    ("openai.azure.com", "AZURE_OPENAI"),
    ("cognitiveservices.azure.com", "AZURE_OPENAI"),
    ("services.ai.azure.com", "AZURE_OPENAI"),
    ("generativelanguage.googleapis.com", "GEMINI"),
    ("openai.com", "OPENAI"),
    ("anthropic.com", "ANTHROPIC"),
    ("mistral.ai", "MISTRAL"),
    ("groq.com", "GROQ"),
    ("openrouter.ai", "OPENROUTER"),
    ("deepseek.com", "DEEPSEEK"),
    ("together.xyz", "TOGETHER"),
    ("x.ai", "XAI"),
    ("fireworks.ai", "FIREWORKS"),
    ("cohere.com", "COHERE"),
    ("perplexity.ai", "PERPLEXITY"),
    ("huggingface.co", "HF"),
];

/// The variable of a key; only `API_KEY` where the host has no name.
pub(super) fn key_variable(call: &Call) -> String {
    let owner = owner(call);
    if owner == "API" { "API_KEY".into() } else { format!("{owner}_API_KEY") }
}

/// Whether a vendor of models answers there; then its key has a name that everybody uses.
pub(super) fn vendor(call: &Call) -> Option<&'static str> {
    let host = call.host().split(':').next().unwrap_or("");
    let is =
        |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    VENDORS.iter().find(|(domain, _)| is(domain)).map(|(_, name)| *name)
}

/// A word for the host, to begin the names of variables with: `shop.example.com` is `EXAMPLE`.
pub(super) fn owner(call: &Call) -> String {
    if let Some(vendor) = vendor(call) {
        return vendor.to_owned();
    }
    let host = call.host().rsplit_once(':').map_or(call.host(), |(host, _)| host);
    let labels: Vec<&str> = host.split('.').collect();
    let is_address = host.starts_with('[') || labels.iter().all(|l| l.bytes().all(|b| b.is_ascii_digit()));
    let label = match labels.as_slice() {
        _ if is_address => "API",
        ["localhost"] => "API",
        [.., name, second, _] if second.len() <= 3 && labels.len() > 2 => name,
        [.., name, _] => name,
        [only] => only,
        [] => "API",
    };
    variable_name(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(origin: &str) -> Call {
        Call { origin: origin.into(), ..Call::default() }
    }

    #[test]
    fn variables_are_called_after_the_host() {
        for (origin, name) in [
            ("https://api.openai.com", "OPENAI"),
            ("https://mine.openai.azure.com", "AZURE_OPENAI"),
            ("https://shop.example.com", "EXAMPLE"),
            ("https://shop.example.co.uk:8443", "EXAMPLE"),
            ("http://127.0.0.1:8000", "API"),
            ("http://[::1]:8000", "API"),
            ("http://localhost:3000", "API"),
            ("http://gateway", "GATEWAY"),
            ("https://notx.ai", "NOTX"),
        ] {
            assert_eq!(owner(&call(origin)), name, "{origin}");
        }
    }

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        let mut vault = Vault::default();
        assert_eq!(vault.keep("p/w d\"1", "PASSWORD", ""), "PASSWORD");
        assert_eq!(vault.keep("other-one", "password", ""), "PASSWORD_2");
        assert_eq!(vault.keep("p/w d\"1", "X", ""), "PASSWORD");
        let text = r#"a p/w d"1 b p%2Fw%20d%221 c p%2Fw+d%221 d p/w d\"1 e"#;
        assert_eq!(vault.shown(text), "a [secret] b [secret] c [secret] d [secret] e");
    }

    #[test]
    fn overlapping_parts_leave_nothing() {
        let swap = |start, end| Swap { start, end, with: "*".into() };
        assert_eq!(replaced("abcdefgh", vec![swap(3, 6), swap(1, 4)], str::to_owned, str::to_owned), "a*gh");
    }
}
