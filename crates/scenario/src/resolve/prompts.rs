//! The prompts: which kinds of requests there are, and what their bodies are made of.

mod file;

use floodline_core::plan::{self, Load, Replay};
use floodline_core::workload::Workload;
use serde_json::Value;
use serde_json::value::RawValue;

use super::MOST_TOKENS;
use super::findings::Findings;
use crate::quick::{DEFAULT_INPUT_TOKENS, DEFAULT_MAX_TOKENS};
use crate::workload::{Body, Line, Members, Mix, Trace, synthetic_message};
use crate::written::{At, OneOrMany, Place, Prompt, Scalar};

/// The prompts of the plan, and what renders them.
pub(crate) type Sent = (Vec<plan::Prompt>, Box<dyn Workload>);

/// Resolves the prompts. Without `members`, after a problem with the target, they are checked only.
pub(crate) fn resolve(
    written: Option<&OneOrMany<At<Prompt>>>,
    load: Option<&Load>,
    members: Option<&Members>,
    seed: u64,
    findings: &mut Findings<'_>,
) -> Option<Sent> {
    if let Some(Load::Replay(replay)) = load {
        return replayed(written, replay, members?, seed, findings);
    }
    let usual = OneOrMany(vec![usual_prompt()]);
    let OneOrMany(prompts) = written.unwrap_or(&usual);
    if prompts.is_empty() {
        findings
            .problem(Place::Nowhere, "`prompts` is an empty list")
            .with_help("write a prompt such as {input_tokens: 120, max_tokens: 80}, or leave `prompts` out");
        return None;
    }
    let mut kinds: Vec<plan::Prompt> = Vec::new();
    let mut bodies = Vec::new();
    let count = prompts.len();
    for (i, At { value: prompt, place }) in prompts.iter().enumerate() {
        let resolved = one(prompt, *place, i, members, seed, findings);
        let name = match findings.text(&prompt.name, "the prompt's name") {
            Some(name) => name,
            None if count == 1 => "default".into(),
            None => format!("prompt {}", i + 1),
        };
        if kinds.iter().any(|other| other.name == name) {
            let place = prompt.name.as_ref().map_or(*place, |name| name.place);
            findings
                .problem(place, format!("two prompts have the name `{name}`"))
                .with_help("name them apart");
        }
        let weight = match prompt.weight.is_some() {
            true => findings.read(&prompt.weight).unwrap_or(0),
            false => 1,
        };
        if let Some(Material { source, max_tokens, body }) = resolved {
            kinds.push(plan::Prompt { name, weight, source, max_tokens });
            bodies.extend(body.map(|body| (weight, body)));
        }
    }
    let total: u64 = kinds.iter().map(|kind| u64::from(kind.weight)).sum();
    if kinds.len() == count && (total == 0 || total > u64::from(u32::MAX)) {
        let message =
            if total == 0 { "no prompt has a weight above zero" } else { "the weights are too large" };
        findings.problem(prompts[0].place, message).with_help("weights are shares, such as 40 and 60");
    }
    Some((kinds, Box::new(Mix::new(seed, bodies))))
}

fn usual_prompt() -> At<Prompt> {
    let prompt = Prompt {
        input_tokens: Scalar::new(DEFAULT_INPUT_TOKENS, Place::Nowhere).into(),
        max_tokens: Scalar::new(DEFAULT_MAX_TOKENS, Place::Nowhere).into(),
        ..Prompt::default()
    };
    At { value: prompt, place: Place::Nowhere }
}

fn replayed(
    written: Option<&OneOrMany<At<Prompt>>>,
    replay: &Replay,
    members: &Members,
    seed: u64,
    findings: &mut Findings<'_>,
) -> Option<Sent> {
    if let Some(prompt) = written.and_then(|prompts| prompts.0.first())
        && !matches!(prompt.place, Place::Argument(_))
    {
        findings
            .problem(prompt.place, "a replayed trace has prompts of its own")
            .with_help("leave out `prompts`: lengths come from the trace");
        return None;
    }
    let source = format!("lengths of {} ({} requests)", replay.file, replay.requests);
    let kind = plan::Prompt { name: "trace".into(), weight: 1, source, max_tokens: None };
    let trace = Trace { seed, rows: replay.rows.clone(), frame: members.frame_with_bounds() };
    Some((vec![kind], Box::new(trace)))
}

/// What a prompt is made of.
struct Material {
    source: String,
    max_tokens: Option<u32>,
    /// Missing when the target is.
    body: Option<Body>,
}

fn one(
    prompt: &Prompt,
    place: Place,
    index: usize,
    members: Option<&Members>,
    seed: u64,
    findings: &mut Findings<'_>,
) -> Option<Material> {
    let max_tokens = max_tokens(prompt, findings);
    if let (Some(unique), None) = (prompt.unique.as_ref(), prompt.input_tokens.as_ref()) {
        findings
            .problem(unique.place, "`unique` goes with `input_tokens` only")
            .with_help("other prompts are sent as they are written");
    }
    let given = [
        prompt.text.as_ref().map(|_| "text"),
        prompt.messages.as_ref().map(|_| "messages"),
        prompt.file.as_ref().map(|_| "file"),
        prompt.input_tokens.as_ref().map(|_| "input_tokens"),
    ];
    let given: Vec<&str> = given.into_iter().flatten().collect();
    let (source, body) = match given.as_slice() {
        ["text"] => {
            let text = findings.text(&prompt.text, "the prompt")?;
            (excerpt_of(&text), fixed(members, &user_message(&text), max_tokens, None))
        }
        ["messages"] => {
            let At { value, place } = prompt.messages.as_ref()?;
            if let Err(why) = check_messages(value) {
                findings
                    .problem(*place, why)
                    .with_help("expected a list of messages such as {role: user, content: Hello}");
                return None;
            }
            let count = value.as_array().map_or(0, Vec::len);
            let source = if count == 1 { "1 message".into() } else { format!("{count} messages") };
            (source, fixed(members, &value.to_string(), max_tokens, None))
        }
        ["file"] => file(prompt, members, max_tokens, findings)?,
        ["input_tokens"] => {
            let tokens = findings.above_zero(&prompt.input_tokens, "`input_tokens`")?;
            if tokens > MOST_TOKENS {
                let place = prompt.input_tokens.as_ref().map_or(place, |tokens| tokens.place);
                findings.problem(place, "a prompt has at most 10 million tokens");
                return None;
            }
            let unique = findings.read(&prompt.unique).unwrap_or(true);
            let tokens_of = if tokens == 1 { "1 token".into() } else { format!("{tokens} tokens") };
            match unique {
                true => (tokens_of, members.map(|m| Body::Synthetic { frame: m.frame(max_tokens), tokens })),
                false => {
                    let message = synthetic_message(seed, index as u64, tokens);
                    let message = String::from_utf8(message).unwrap_or_default();
                    (
                        format!("{tokens_of}, always the same"),
                        fixed(members, &message, max_tokens, Some(tokens)),
                    )
                }
            }
        }
        [] => {
            findings.problem(place, "this prompt does not say what is sent").with_help(
                "write one of text: ..., messages: [...], file: prompts.jsonl or input_tokens: 120",
            );
            return None;
        }
        several => {
            findings
                .problem(
                    place,
                    format!("this prompt has {}: only one of them can be sent", several.join(" and ")),
                )
                .with_help("make it a prompt each");
            return None;
        }
    };
    Some(Material { source, max_tokens, body })
}

/// `max_tokens`, by either of its names.
fn max_tokens(prompt: &Prompt, findings: &mut Findings<'_>) -> Option<u32> {
    if let (Some(_), Some(second)) = (prompt.max_tokens.as_ref(), prompt.output_tokens.as_ref()) {
        findings
            .problem(second.place, "`output_tokens` and `max_tokens` mean the same")
            .with_help("keep one of the two");
    }
    let max_tokens = findings.above_zero(&prompt.max_tokens, "`max_tokens`");
    max_tokens.or_else(|| findings.above_zero(&prompt.output_tokens, "`output_tokens`"))
}

fn fixed(
    members: Option<&Members>,
    messages: &str,
    max_tokens: Option<u32>,
    input_tokens: Option<u32>,
) -> Option<Body> {
    let mut body = Vec::new();
    members?.frame(max_tokens).render(&mut body, None, |body| body.extend_from_slice(messages.as_bytes()));
    Some(Body::Fixed { body, input_tokens })
}

fn file(
    prompt: &Prompt,
    members: Option<&Members>,
    max_tokens: Option<u32>,
    findings: &mut Findings<'_>,
) -> Option<(String, Option<Body>)> {
    let name = prompt.file.as_ref()?;
    let at = At { value: findings.text(&prompt.file, "the path of the prompts")?, place: name.place };
    let (path, bytes) = findings.file(&at)?;
    let lines = match file::read(&path, &bytes) {
        Ok(lines) => lines,
        Err(problems) => {
            problems.into_iter().for_each(|problem| findings.push(problem));
            return None;
        }
    };
    let source = format!("{} ({} prompt{})", at.value, lines.len(), if lines.len() == 1 { "" } else { "s" });
    let lines =
        lines.into_iter().map(|line| Line { max_tokens: line.max_tokens.or(max_tokens), ..line }).collect();
    let body = members.map(|m| Body::Lines { frame: m.frame_with_bounds(), unbounded: m.frame(None), lines });
    Some((source, body))
}

/// The JSON array of one message of the user.
fn user_message(text: &str) -> String {
    serde_json::json!([{ "role": "user", "content": text }]).to_string()
}

/// What keeps `messages` from being a list of messages.
fn check_messages(messages: &Value) -> Result<(), String> {
    let list = messages.as_array().ok_or("`messages` must be a list")?;
    if list.is_empty() {
        return Err("`messages` is an empty list".into());
    }
    for (i, message) in list.iter().enumerate() {
        match message.get("role") {
            Some(Value::String(_)) => {}
            _ => return Err(format!("message {} has no `role`", i + 1)),
        }
    }
    Ok(())
}

/// The same for messages that are sent as they are written.
fn check_raw_messages(messages: &RawValue) -> Result<(), String> {
    let value: Value = serde_json::from_str(messages.get()).map_err(|why| said(&why))?;
    check_messages(&value)
}

/// What the JSON library says, without its position: the place in the file is given beside it.
fn said(why: &serde_json::Error) -> String {
    let said = why.to_string();
    let said = said.split_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    match said.contains("recursion limit") {
        true => "this is nested too deeply".into(),
        false => said.into(),
    }
}

/// The beginning of a text, for people.
fn excerpt_of(text: &str) -> String {
    const LENGTH: usize = 40;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("\"{}…\"", &line[..end]),
        None => format!("\"{line}\""),
    }
}
