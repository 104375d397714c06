//! What stands behind the value: windows, the phase, the requests it is about. In any order, each once.

use std::ops::Range;

use super::words::{Word, Words};
use super::{Mistake, Names, is_turn};
use crate::objective::value::Share;
use crate::objective::{Dimension, Objective, Scope};
use crate::schedule::Phase;
use crate::spelling::did_you_mean;
use crate::time::Span;

/// Shorter windows than this hold nothing that could be judged.
const SHORTEST: Span = Span::from_millis(100);

pub(super) fn read(
    words: &mut Words<'_>,
    objective: &mut Objective,
    names: Option<&Names>,
) -> Result<(), Mistake> {
    let mut share_at = None;
    while let Some(word) = words.next() {
        let twice = || Mistake::new(word.at.clone(), format!("`{}` is given twice", word.text));
        match word.text {
            "over" if objective.over.is_some() => return Err(twice()),
            "over" => objective.over = Some(length(words)?),
            "in" if objective.phase.is_some() => return Err(twice()),
            "in" => objective.phase = Some(phase(words)?),
            "for" if words.peek().is_some_and(is_share) => {
                let share = share(words)?;
                if objective.windows.replace(share).is_some() {
                    return Err(twice());
                }
                share_at = Some(word.at);
            }
            "for" if objective.scope.is_some() => return Err(twice()),
            "for" => {
                let (scope, at) = scope(words, names)?;
                if objective.measure.is_of_journeys() && scope.dimension != Dimension::Scenario {
                    let what = format!("a journey as a whole has no {}", scope.dimension.name());
                    return Err(Mistake::new(at, what).help(
                        "journeys are told apart by scenario only; for a part of them ask for errors or latency",
                    ));
                }
                objective.scope = Some(scope);
            }
            other => {
                let mistake = Mistake::new(word.at.clone(), format!("`{other}` means nothing here"));
                return Err(match did_you_mean(other, ["over", "in", "for"]) {
                    Some(near) => mistake.help(format!("did you mean `{near}`? {CLAUSES}")),
                    None => mistake.help(CLAUSES),
                });
            }
        }
    }
    match (share_at, objective.over) {
        (Some(at), None) => Err(Mistake::new(at, "a share of windows needs windows")
            .help("say how long they are: over 10s for 99% of windows")),
        _ => Ok(()),
    }
}

const CLAUSES: &str = "behind the value there can be: over 10s, for 99% of windows, in warmup, for NAME of a scenario, mix, step, key, turn or target";

fn length(words: &mut Words<'_>) -> Result<Span, Mistake> {
    let such_as = "write the length of the windows: over 10s";
    let Some((text, at)) = words.next_value() else {
        return Err(Mistake::new(words.end(), "`over` needs a length").help(such_as));
    };
    let span = Span::parse(&text).map_err(|message| Mistake::new(at.clone(), message).help(such_as))?;
    if span < SHORTEST {
        return Err(Mistake::new(at, format!("windows of {text} are too short to be judged"))
            .help("the shortest are of 100ms"));
    }
    Ok(span)
}

fn phase(words: &mut Words<'_>) -> Result<Phase, Mistake> {
    let names = Phase::ALL.map(Phase::name);
    let known = format!("phases are {}", names.join(", "));
    let Some(word) = words.next() else {
        return Err(Mistake::new(words.end(), "`in` needs a phase").help(known));
    };
    Phase::ALL.into_iter().find(|phase| phase.name() == word.text).ok_or_else(|| {
        let mistake = Mistake::new(word.at.clone(), format!("`{}` is no phase", word.text));
        match did_you_mean(word.text, names) {
            Some(near) => mistake.help(format!("did you mean `{near}`?")),
            None => mistake.help(known),
        }
    })
}

/// `99%`, `99 %`: a name is no number.
fn is_share(word: &Word<'_>) -> bool {
    !word.quoted
        && word.text.starts_with(|c: char| c.is_ascii_digit())
        && word.text.trim_end_matches('%').chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn share(words: &mut Words<'_>) -> Result<Share, Mistake> {
    let Some((text, at)) = words.next_value() else {
        return Err(Mistake::new(words.end(), "`for` needs a share of windows"));
    };
    let share = Share::parse(&text).map_err(|(message, help)| Mistake { at: at.clone(), message, help })?;
    for expected in ["of", "windows"] {
        if words.next_if(|word| word.text == expected).is_none() {
            return Err(Mistake::new(at, format!("`for {text}` of what?"))
                .help(format!("write for {share} of windows")));
        }
    }
    if share == Share(0) {
        return Err(Mistake::new(at, "no window at all has to meet this: it would always be met")
            .help("write a share above zero, such as for 99% of windows"));
    }
    Ok(share)
}

/// The requests that are meant, and where that is said.
fn scope(words: &mut Words<'_>, names: Option<&Names>) -> Result<(Scope, Range<usize>), Mistake> {
    let Some(word) = words.next() else {
        return Err(
            Mistake::new(words.end(), "`for` needs a name").help("such as for chat, or for scenario chat")
        );
    };
    // A prompt may be called `key`: it is one of these words only where a name follows.
    let dimension = Dimension::ALL.into_iter().find(|d| !word.quoted && d.name() == word.text);
    let stated = dimension.filter(|_| words.peek().is_some_and(|next| next.quoted || !starts_a_clause(next)));
    let word = match stated {
        Some(_) => words.next().unwrap_or(word),
        None => word,
    };
    let name = word.name().into_owned();
    if stated == Some(Dimension::Turn) && !is_turn(&name) {
        return Err(Mistake::new(word.at.clone(), format!("`{name}` is no turn"))
            .help("turns of a conversation are counted from 1: for turn 2"));
    }
    let Some(names) = names else {
        let unclear =
            || Mistake::new(word.at.clone(), format!("`{name}` does not say what it is the name of"));
        return Ok((Scope { dimension: stated.ok_or_else(unclear)?, name }, word.at));
    };
    let looked_in: Vec<Dimension> =
        Dimension::ALL.into_iter().filter(|d| stated.is_none_or(|s| s == *d)).collect();
    let has = |d: &Dimension| names.has(*d, &name);
    let found: Vec<Dimension> = looked_in.iter().copied().filter(has).collect();
    match found.as_slice() {
        [only] => Ok((Scope { dimension: *only, name }, word.at)),
        [] => Err(unknown(&word, &name, stated, looked_in, names)),
        several => {
            let ways: Vec<String> =
                several.iter().map(|d| format!("for {} {}", d.name(), word.text)).collect();
            Err(Mistake::new(word.at.clone(), format!("`{name}` is the name of more than one thing"))
                .help(format!("write `{}`", ways.join("` or `"))))
        }
    }
}

fn starts_a_clause(word: &Word<'_>) -> bool {
    matches!(word.text, "over" | "in" | "for")
}

fn unknown(
    word: &Word<'_>,
    name: &str,
    stated: Option<Dimension>,
    looked_in: Vec<Dimension>,
    names: &Names,
) -> Mistake {
    let known: Vec<&str> =
        looked_in.into_iter().flat_map(|d| names.in_dimension(d)).map(String::as_str).collect();
    let what = stated.map_or("scenario, mix, step, key, turn or target", Dimension::name);
    let mistake = Mistake::new(word.at.clone(), format!("there is no {what} `{name}`"));
    match (did_you_mean(name, known.iter().copied()), known.as_slice()) {
        (Some(near), _) => mistake.help(format!("did you mean `{near}`?")),
        (None, []) if stated == Some(Dimension::Turn) => {
            mistake.help("leave it out: only the conversations of a flow have turns")
        }
        (None, []) => mistake.help("leave it out: there are no names of that kind"),
        (None, known) => mistake.help(format!("there are {}", known.join(", "))),
    }
}
