//! Prompts of a file: which of them are sent, in which order, and what is known of them beforehand.

use std::sync::Arc;

use floodline_core::grouped;
use floodline_core::lengths::{Lengths, Weighted};
use floodline_core::plan::Load;
use floodline_core::random::{Purpose, Stream};
use floodline_core::users;
use floodline_corpus::{Bounds, Category, Corpus, Format, Sampler, Selection, Summary, Turns};

use super::answers::Answers;
use super::corpora::{How, Read};
use super::{Basis, Described, Material};
use crate::resolve::findings::Findings;
use crate::workload::{Body, Sampled};
use crate::written::{At, Place, Prompt, Sampling};

/// Finds fault with what goes with files only.
pub(super) fn refuse(prompt: &Prompt, findings: &mut Findings<'_>) {
    let keys = [
        prompt.format.as_ref().map(|scalar| ("format", scalar.place)),
        prompt.column.as_ref().map(|scalar| ("column", scalar.place)),
        prompt.turns.as_ref().map(|scalar| ("turns", scalar.place)),
        prompt.sampling.as_ref().map(|scalar| ("sampling", scalar.place)),
        prompt.category.as_ref().map(|scalar| ("category", scalar.place)),
        prompt.short_below.as_ref().map(|scalar| ("short_below", scalar.place)),
        prompt.long_from.as_ref().map(|scalar| ("long_from", scalar.place)),
        prompt.min_input_tokens.as_ref().map(|scalar| ("min_input_tokens", scalar.place)),
        prompt.max_input_tokens.as_ref().map(|scalar| ("max_input_tokens", scalar.place)),
    ];
    for (key, place) in keys.into_iter().flatten() {
        findings
            .problem(place, format!("`{key}` goes with `file` only"))
            .with_help("it is about the prompts of a file: name one, such as file: prompts.jsonl");
    }
}

/// Resolves a prompt with `file`.
pub(super) fn resolve(
    prompt: &Prompt,
    (name, number): (&str, u32),
    basis: &mut Basis<'_>,
    output: Option<Described>,
    findings: &mut Findings<'_>,
) -> Option<Material> {
    let before = findings.count();
    let how = how(prompt, output.is_none(), findings);
    let selection = selection(prompt, findings);
    let sampling = findings.read(&prompt.sampling).unwrap_or(Sampling::Sequential);
    // What is wrong with the keys is put right before a file of any size is read.
    if findings.count() > before {
        return None;
    }
    let (how, selection) = (how?, selection?);
    let Read { corpus: all, file } =
        basis.corpora.read(how.clone(), basis.target.map(|target| &target.tokenizer), findings)?;
    let Some(target) = basis.target else { return Some(Material::unknown(file.name)) };
    let corpus = selected(&all, &selection, prompt, &how.value.file, findings)?;
    let sampling = choice(sampling, prompt, basis.load, &file.name, findings);
    let seed = match number {
        0 => basis.seed,
        // Behind all arrivals, so that no two corpora of a mix are in the same order.
        _ => Stream::new(basis.seed, Purpose::Corpus, 1 << 63 | u64::from(number)).bits(),
    };
    let Some(sampler) = Sampler::new(sampling, seed, corpus.len()) else {
        findings.problem(how.place, format!("`{}` has more than four thousand million prompts", file.name));
        return None;
    };
    let summary = Summary::of(&corpus, selection.bounds);
    let about = match selection == Selection::default() {
        true => file.name.clone(),
        false => format!("prompt `{name}` ({})", file.name),
    };
    for warning in summary.warnings().into_iter().chain(sampler.warning()) {
        findings.warn(format!("{about}: {warning}"));
    }
    let answers = Answers::of(&corpus, output.as_ref());
    let mut source = summary.describe(&file.name, target.tokenizer.name());
    for part in [conversations(&how.value), kept(&selection, all.len()), order(sampling), answers.describe()]
    {
        source.extend(part.map(|part| format!("; {part}")));
    }
    let input = Weighted::recorded(corpus.prompts().filter_map(|prompt| prompt.tokens));
    let (max_tokens, bounds) = (answers.only(), answers.summary());
    let sampled = Sampled::new(&target.members, corpus, sampler, output.as_ref().map(|o| o.lengths.clone()));
    Some(Material {
        source,
        max_tokens,
        input: input.map(|input| Lengths::from(input).summary()),
        output: bounds,
        files: std::iter::once(file).chain(output.and_then(|output| output.file)).collect(),
        body: Some(Body::Sampled(sampled)),
    })
}

/// Which file, and how it is read.
fn how(prompt: &Prompt, answers: bool, findings: &mut Findings<'_>) -> Option<At<How>> {
    let place = prompt.file.as_ref()?.place;
    let file = findings.text(&prompt.file, "the path of the prompts");
    let format = findings.read(&prompt.format);
    let turns = findings.read(&prompt.turns);
    let column = match prompt.column.is_some() {
        true => Some(findings.text(&prompt.column, "the name of the column")?),
        false => None,
    };
    if let (Some(format), Some(column)) = (format, prompt.column.as_ref()) {
        match format {
            Format::Csv | Format::Jsonl | Format::OpenAiBatch => {}
            Format::Lines | Format::Paragraphs | Format::ShareGpt => {
                findings
                    .problem(column.place, format!("`{}` has no columns", format.name()))
                    .with_help("leave out `column`, or say format: csv or format: jsonl");
            }
        }
    }
    if let (Some(format), Some(turns)) = (format, prompt.turns.as_ref()) {
        match format {
            Format::ShareGpt | Format::Jsonl => {}
            Format::Csv | Format::Lines | Format::Paragraphs | Format::OpenAiBatch => {
                findings
                    .problem(turns.place, format!("`{}` has no recorded conversations", format.name()))
                    .with_help("leave out `turns`, or say format: sharegpt");
            }
        }
    }
    let how = How { file: file?, format, column, turns: turns.unwrap_or_default(), answers };
    Some(At { value: how, place })
}

/// Which of the prompts are kept.
fn selection(prompt: &Prompt, findings: &mut Findings<'_>) -> Option<Selection> {
    let usual = Bounds::default();
    let category = findings.read(&prompt.category);
    let short = findings.above_zero(&prompt.short_below, "`short_below`").unwrap_or(usual.short());
    let long = findings.above_zero(&prompt.long_from, "`long_from`").unwrap_or(usual.medium());
    let at_least = findings.read(&prompt.min_input_tokens);
    let at_most = findings.above_zero(&prompt.max_input_tokens, "`max_input_tokens`");
    let bounds = [prompt.long_from.as_ref(), prompt.short_below.as_ref()];
    let written = bounds.into_iter().flatten().next();
    let Some(bounds) = Bounds::new(short, long) else {
        findings
            .problem(
                written.map_or(Place::Nowhere, |bound| bound.place),
                format!(
                    "no prompt would be medium: they are short below {} tokens, and long from {} on",
                    grouped(short),
                    grouped(long)
                ),
            )
            .with_help("write both, the smaller first: short_below: 256, long_from: 2048");
        return None;
    };
    if let (Some(written), None) = (written, prompt.category.as_ref()) {
        findings.problem(written.place, "`short_below` and `long_from` go with `category` only").with_help(
            "they say which prompts are short, medium and long: add category: medium, or leave them out",
        );
    }
    if let (Some(least), Some(most), Some(written)) = (at_least, at_most, prompt.max_input_tokens.as_ref())
        && least > most
    {
        findings
            .problem(written.place, "`max_input_tokens` is below `min_input_tokens`")
            .with_help("no prompt has so many tokens and so few");
    }
    Some(Selection { category, bounds, at_least, at_most })
}

/// The prompts that are kept; it is a problem if there are none.
fn selected(
    all: &Arc<Corpus>,
    selection: &Selection,
    prompt: &Prompt,
    file: &str,
    findings: &mut Findings<'_>,
) -> Option<Arc<Corpus>> {
    if all.prompts().all(|prompt| selection.fits(prompt)) {
        return Some(all.clone());
    }
    let mut kept = Corpus::clone(all);
    kept.select(selection);
    if !kept.is_empty() {
        return Some(Arc::new(kept));
    }
    let category = prompt.category.as_ref().map(|scalar| scalar.place);
    let range = [prompt.min_input_tokens.as_ref(), prompt.max_input_tokens.as_ref()];
    let place = category.or(range.into_iter().flatten().map(|scalar| scalar.place).next());
    let lengths = Summary::of(all, selection.bounds).lengths;
    let have = lengths.map_or_else(String::new, |lengths| match lengths.min == lengths.max {
        true => format!(": each has {} tokens", grouped(lengths.min)),
        false => format!(": they have {} to {} tokens", grouped(lengths.min), grouped(lengths.max)),
    });
    let wanted = kept_are(selection).unwrap_or_default();
    findings
        .problem(
            place.unwrap_or_default(),
            format!("none of the {} prompts of `{file}` is kept{have}", all.len()),
        )
        .with_help(format!("this keeps prompts that are {wanted}"));
    None
}

/// How the sampler chooses; users are counted where they are to have prompts of their own.
fn choice(
    sampling: Sampling,
    prompt: &Prompt,
    load: Option<&Load>,
    file: &str,
    findings: &mut Findings<'_>,
) -> floodline_corpus::Sampling {
    let who = match (sampling, load) {
        (Sampling::Sequential, _) => return floodline_corpus::Sampling::Sequential,
        (Sampling::Random, _) => return floodline_corpus::Sampling::Random,
        (Sampling::Shuffled, _) | (Sampling::Unique, None) => return floodline_corpus::Sampling::Shuffled,
        (Sampling::Unique, Some(Load::Closed { stages, .. })) => {
            return floodline_corpus::Sampling::UniquePerUser { users: users::most(stages) };
        }
        (Sampling::Unique, Some(Load::Sessions { .. })) => "sessions come and go",
        (Sampling::Unique, Some(Load::Open { .. } | Load::Replay(_))) => "an open loop has no users",
    };
    if prompt.sampling.is_some() {
        findings.warn(format!(
            "{file}: {who}, so `sampling: unique` shuffles the prompts: every one is sent once before any is sent again"
        ));
    }
    floodline_corpus::Sampling::Shuffled
}

fn conversations(how: &How) -> Option<String> {
    match how.turns {
        Turns::First => None,
        Turns::All => Some("whole conversations".into()),
    }
}

/// What is kept of so many.
fn kept(selection: &Selection, all: usize) -> Option<String> {
    let all = u32::try_from(all).unwrap_or(u32::MAX);
    kept_are(selection).map(|kept| format!("of {} those that are {kept}", grouped(all)))
}

/// What the prompts that are kept are; nothing where all are.
fn kept_are(selection: &Selection) -> Option<String> {
    let Selection { category, bounds, at_least, at_most } = *selection;
    let (short, long) = (grouped(bounds.short()), grouped(bounds.medium()));
    let category = category.map(|category| match category {
        Category::Short => format!("short (below {short} tokens)"),
        Category::Medium => format!("medium ({short} tokens or more, below {long})"),
        Category::Long => format!("long ({long} tokens or more)"),
    });
    let least = at_least.map(|least| format!("at least {} tokens long", grouped(least)));
    let most = at_most.map(|most| format!("at most {} tokens long", grouped(most)));
    let parts: Vec<String> = [category, least, most].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

/// The order, where it is not that of the file.
fn order(sampling: floodline_corpus::Sampling) -> Option<String> {
    match sampling {
        floodline_corpus::Sampling::Sequential => None,
        floodline_corpus::Sampling::Random => Some("drawn at random".into()),
        floodline_corpus::Sampling::Shuffled => Some("shuffled".into()),
        floodline_corpus::Sampling::UniquePerUser { users: 1 } => Some("shuffled for one user".into()),
        floodline_corpus::Sampling::UniquePerUser { users } => {
            Some(format!("shared out among {} users", grouped(users)))
        }
    }
}
