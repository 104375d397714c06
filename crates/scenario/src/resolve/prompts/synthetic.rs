//! Synthetic prompts: their lengths, and what they share.

use floodline_core::grouped;
use floodline_core::lengths::{Lengths, Pair, Pairs};

use super::{Described, Material, material};
use crate::resolve::MOST_TOKENS;
use crate::resolve::findings::Findings;
use crate::resolve::lengths::{self, Origin};
use crate::workload::{Body, Groups, Members, Shared, Sizes, Synthetic};
use crate::written::{At, Either, Number, Place, Prefix, Prompt};

/// A prompt, where it is written, what it is called and its number in the mix.
pub(super) struct Of<'a> {
    pub(super) prompt: &'a Prompt,
    pub(super) place: Place,
    pub(super) name: &'a str,
    pub(super) number: u32,
}

/// More groups than this would fill the memory, and are as good as none shared.
const MOST_GROUPS: u32 = 1_000_000;

/// Finds fault with what goes with synthetic prompts only.
pub(super) fn refuse(prompt: &Prompt, findings: &mut Findings<'_>) {
    let unique = prompt.unique.as_ref().map(|scalar| (scalar.place, "unique"));
    let prefix = prompt.prefix.as_ref().map(|at| (at.place, "prefix"));
    for (place, key) in unique.into_iter().chain(prefix) {
        findings
            .problem(place, format!("`{key}` goes with `input_tokens` or `lengths` only"))
            .with_help("other prompts are sent as they are written");
    }
}

/// Resolves a prompt with `input_tokens` or `lengths`.
pub(super) fn resolve(
    of: &Of<'_>,
    output: Option<Described>,
    members: Option<&Members>,
    seed: u64,
    findings: &mut Findings<'_>,
) -> Option<Material> {
    let unique = findings.read(&of.prompt.unique).unwrap_or(true);
    let prefix = match of.prompt.prefix.as_ref() {
        Some(prefix) => resolve_prefix(prefix, findings)?,
        None => SharedTokens::default(),
    };
    // Something must be left to be the user's message, and to be different.
    let needed = prefix.total().saturating_add(u64::from(unique || prefix.of_group() == 0));
    let shares = prefix.describe();
    let rest = match unique {
        true => "",
        false if of.prompt.prefix.is_none() => ", always the same",
        false => ", all else always the same",
    };
    if let Some(joint) = of.prompt.lengths.as_ref() {
        if let Some(place) =
            of.prompt.output_tokens.as_ref().or(of.prompt.max_tokens.as_ref()).map(Either::place)
        {
            findings
                .problem(place, "the pairs of `lengths` say how long answers may become")
                .with_help("keep one of the two");
            return None;
        }
        let (pairs, Origin { text, file }) = lengths::pairs(joint, findings)?;
        let least = room(of, joint.place, &pairs.input(), needed, findings)?;
        let raised = pairs.rows().iter().map(|row| Pair { input: row.input.max(least), ..*row });
        let pairs = Pairs::new(raised)?;
        let (input, output) = (pairs.input().summary(), pairs.output().summary());
        let words = Synthetic::new(seed, of.number, prefix.shared(!unique));
        let body =
            members.map(|m| Body::Synthetic { frame: m.frame(true), words, sizes: Sizes::Together(pairs) });
        let source = format!("{text}{shares}{rest}");
        let files = file.into_iter().collect();
        return Some(Material {
            source,
            max_tokens: None,
            input: Some(input),
            output: Some(output),
            files,
            body,
        });
    }
    let Described { lengths, text, file } =
        lengths::resolve(&of.prompt.input_tokens, "input_tokens", findings)?;
    let place = of.prompt.input_tokens.as_ref().map_or(of.place, Either::place);
    if lengths.only().is_some_and(|tokens| tokens > MOST_TOKENS) {
        findings.problem(place, "a prompt has at most 10 million tokens");
        return None;
    }
    let least = room(of, place, &lengths, needed, findings)?;
    let input = lengths.clamped(Some(least), Some(MOST_TOKENS));
    let source = format!("{text}{shares}{rest}");
    let words = Synthetic::new(seed, of.number, prefix.shared(!unique));
    let summary = input.summary();
    let body = |output: Option<Lengths>| {
        let sizes = Sizes::Apart { input, output };
        Some(Body::Synthetic { frame: members?.frame(sizes.are_bounded()), words, sizes })
    };
    Some(material(source, (Some(summary), file), output, body))
}

/// The least length of the prompts, so that what they share fits in: `needed`, with a warning if that raises some.
fn room(
    of: &Of<'_>,
    place: Place,
    lengths: &Lengths,
    needed: u64,
    findings: &mut Findings<'_>,
) -> Option<u32> {
    const HELP: &str = "lengths include the prefixes: make `input_tokens` longer or the prefix shorter";
    let needed = u32::try_from(needed).unwrap_or(u32::MAX);
    if needed <= lengths.least() {
        return Some(1);
    }
    let most = lengths.most().unwrap_or(MOST_TOKENS).min(MOST_TOKENS);
    if most < needed {
        let longest = if lengths.only().is_some() { "the prompt has" } else { "the longest prompt has" };
        let message = format!("the prefix needs {} tokens and {longest} {}", grouped(needed), grouped(most));
        findings.problem(place, message).with_help(HELP);
        return None;
    }
    let share = lengths.share_below(needed);
    // One in a thousand is not worth a word.
    if share >= 0.001 {
        findings.warn(format!(
            "prompt `{}`: {:.1} % of its lengths are shorter than its prefix needs and count as {} tokens",
            of.name,
            100.0 * share,
            grouped(needed)
        ));
    }
    Some(needed)
}

/// What prompts share, checked.
#[derive(Default)]
struct SharedTokens {
    system: u32,
    groups: Option<GroupTokens>,
}

struct GroupTokens {
    count: u32,
    tokens: u32,
    skew: f64,
}

impl SharedTokens {
    fn of_group(&self) -> u32 {
        self.groups.as_ref().map_or(0, |groups| groups.tokens)
    }

    fn total(&self) -> u64 {
        u64::from(self.system) + u64::from(self.of_group())
    }

    fn shared(&self, rest: bool) -> Shared {
        let groups = self.groups.as_ref().map(|groups| Groups::new(groups.count, groups.tokens, groups.skew));
        Shared { system: self.system, groups, rest }
    }

    /// For people; begins with a comma, or is empty.
    fn describe(&self) -> String {
        let system = match self.system {
            0 => String::new(),
            tokens => format!(", {} as system message", grouped(tokens)),
        };
        let groups = self.groups.as_ref().map(|GroupTokens { count, tokens, skew }| {
            let skew = if *skew > 0.0 { format!(" of skew {skew}") } else { String::new() };
            let plural = if *count == 1 { "" } else { "s" };
            format!(", {} shared in each of {} group{plural}{skew}", grouped(*tokens), grouped(*count))
        });
        system + &groups.unwrap_or_default()
    }
}

fn resolve_prefix(prefix: &At<Prefix>, findings: &mut Findings<'_>) -> Option<SharedTokens> {
    const HELP: &str = "such as {system: 800}, or {groups: 20, tokens: 1500}";
    let At { value: Prefix { system, groups, tokens, skew }, place } = prefix;
    let before = findings.count();
    let of_system = findings.above_zero(system, "`system`");
    let count = findings.above_zero(groups, "`groups`");
    let shared = findings.above_zero(tokens, "`tokens`");
    let exponent = findings.read(skew);
    if findings.count() > before {
        return None;
    }
    if let (Some(count), Some(written)) = (count, groups.as_ref())
        && count > MOST_GROUPS
    {
        findings.problem(written.place, "there can be at most 1 million groups");
        return None;
    }
    if let (Some(Number(exponent)), Some(written)) = (exponent, skew.as_ref()) {
        if count.is_none() {
            findings
                .problem(written.place, "`skew` goes with `groups` only")
                .with_help("it says how unevenly requests fall to groups");
            return None;
        }
        if exponent > 10.0 {
            findings
                .problem(written.place, "with a skew above 10 there is only one group")
                .with_help("1 is usual: group k is drawn in proportion to 1/k");
            return None;
        }
    }
    let groups = match (count, shared) {
        (Some(count), Some(tokens)) => {
            Some(GroupTokens { count, tokens, skew: exponent.map_or(0.0, |Number(exponent)| exponent) })
        }
        (None, None) => None,
        (Some(_), None) => {
            findings.problem(*place, "`groups` needs `tokens`: how many a group shares").with_help(HELP);
            return None;
        }
        (None, Some(_)) => {
            findings
                .problem(*place, "`tokens` needs `groups`: how many there are")
                .with_help("what all requests share is a system message: {system: 800}, or one group: {groups: 1, tokens: 800}");
            return None;
        }
    };
    if of_system.is_none() && groups.is_none() {
        findings.problem(*place, "this prefix does not say what is shared").with_help(HELP);
        return None;
    }
    Some(SharedTokens { system: of_system.unwrap_or(0), groups })
}
