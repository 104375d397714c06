//! Finding a model in a list of prices, whose names may have a provider's prefix that the target's has not, or the
//! other way round.

use crate::error::did_you_mean;
use crate::resolve::findings::Findings;
use crate::written::Place;

/// Names that are listed in a message.
const MOST_NAMES: usize = 5;

/// What a list has under a name.
#[derive(Debug, PartialEq)]
pub(super) enum Found<'a> {
    /// The name itself.
    Exactly(&'a str),
    /// One other name that means it.
    As(&'a str),
    /// Several, which need not cost the same.
    Several(Vec<&'a str>),
    /// Nothing; perhaps something that resembles it.
    Nothing(Option<&'a str>),
}

/// Looks up `wanted`: as it is; as `PROVIDER/wanted` of any provider; and, if it has a prefix itself, without.
pub(super) fn find<'a>(names: Vec<&'a str>, wanted: &str) -> Found<'a> {
    if let Some(name) = names.iter().find(|name| **name == wanted) {
        return Found::Exactly(name);
    }
    let of_a_provider = |name: &&&str| name.strip_suffix(wanted).is_some_and(|prefix| prefix.ends_with('/'));
    let with_prefix: Vec<&str> = names.iter().filter(of_a_provider).copied().collect();
    match with_prefix.as_slice() {
        [] => {}
        [one] => return Found::As(one),
        _ => return Found::Several(with_prefix),
    }
    let mut rest = wanted;
    while let Some((_, shorter)) = rest.split_once('/') {
        rest = shorter;
        if let Some(name) = names.iter().find(|name| **name == rest) {
            return Found::As(name);
        }
    }
    let near = names.iter().find(|name| name.eq_ignore_ascii_case(wanted)).copied();
    let near = near.or_else(|| did_you_mean(wanted, names.iter().copied()));
    Found::Nothing(
        near.or_else(|| names.iter().find(|name| !wanted.is_empty() && name.contains(wanted)).copied()),
    )
}

/// The name to use; what keeps it from being one is added to the problems, and one that is not quite it is said.
pub(super) fn report<'a>(
    found: Found<'a>,
    wanted: &str,
    file: &str,
    place: Place,
    findings: &mut Findings<'_>,
) -> Option<&'a str> {
    match found {
        Found::Exactly(name) => Some(name),
        Found::As(name) => {
            findings.warn(format!("the prices of `{wanted}` are those of `{name}` in `{file}`"));
            Some(name)
        }
        Found::Several(names) => {
            let listed = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
            let more = names.len().saturating_sub(MOST_NAMES);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            findings
                .problem(place, format!("`{file}` has several prices of `{wanted}`, by provider"))
                .with_help(format!(
                    "name the entry, such as prices: {{file: {file}, model: {}}}; there are {listed}{more}",
                    names[0]
                ));
            None
        }
        Found::Nothing(near) => {
            let other = format!("name the entry with prices: {{file: {file}, model: NAME}}");
            let help = match near {
                Some(near) => format!("did you mean `{near}`? {other}"),
                None => other,
            };
            findings.problem(place, format!("`{file}` has no prices of `{wanted}`")).with_help(help);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["gpt-4o", "azure/gpt-4o", "groq/llama", "x/llama", "anthropic/claude"];

    fn found(wanted: &str) -> Found<'static> {
        find(NAMES.to_vec(), wanted)
    }

    #[test]
    fn a_provider_prefix_may_be_on_either_side() {
        assert_eq!(found("gpt-4o"), Found::Exactly("gpt-4o"));
        assert_eq!(found("azure/gpt-4o"), Found::Exactly("azure/gpt-4o"));
        assert_eq!(found("claude"), Found::As("anthropic/claude"));
        assert_eq!(found("openrouter/openai/gpt-4o"), Found::As("gpt-4o"));
        assert_eq!(found("llama"), Found::Several(vec!["groq/llama", "x/llama"]));
        // A part of a name is no prefix of a provider.
        assert_eq!(found("4o"), Found::Nothing(Some("gpt-4o")));
    }

    #[test]
    fn what_is_missing_is_guessed_at() {
        assert_eq!(found("gpt-4p"), Found::Nothing(Some("gpt-4o")));
        assert_eq!(found("GPT-4O"), Found::Nothing(Some("gpt-4o")));
        assert_eq!(found("mistral-large-3"), Found::Nothing(None));
        assert_eq!(found(""), Found::Nothing(None));
    }
}
