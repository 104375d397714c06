//! The prompts: which kinds of requests there are, and what their bodies are made of.

mod answers;
mod corpora;
mod corpus;
mod count;
mod synthetic;

use floodline_core::lengths::{Lengths, LengthsSummary, Weighted};
use floodline_core::plan::{self, Load};
use floodline_core::replay::{Replay, TraceRow};
use floodline_core::workload::Workload;
use serde_json::Value;

use super::findings::Findings;
use super::lengths::{self, Described};
use super::target::Resolved as Target;
use crate::quick::{DEFAULT_INPUT_TOKENS, DEFAULT_MAX_TOKENS};
use crate::workload::{Body, Members, Mix, Trace};
use crate::written::{At, LengthsForm, OneOrMany, Place, Prompt, Scalar};

pub(crate) use corpora::Corpora;

/// The prompts of the plan, and what renders them.
pub(crate) type Sent = (Vec<plan::Prompt>, Box<dyn Workload>);

/// What prompts are resolved for.
pub(crate) struct Basis<'a> {
    /// Missing after a problem with the target: prompts are checked only.
    pub(crate) target: Option<&'a Target>,
    /// Missing after a problem with the load.
    pub(crate) load: Option<&'a Load>,
    pub(crate) seed: u64,
    pub(crate) corpora: &'a mut Corpora,
}

/// Resolves the prompts of a scenario.
pub(crate) fn resolve(
    written: Option<&OneOrMany<At<Prompt>>>,
    mut basis: Basis<'_>,
    findings: &mut Findings<'_>,
) -> Option<Sent> {
    let seed = basis.seed;
    if let Some(Load::Replay(replay)) = basis.load {
        return replayed(written, replay, &basis.target?.members, seed, findings);
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
        let name = match findings.text(&prompt.name, "the prompt's name") {
            Some(name) => name,
            None if count == 1 => "default".into(),
            None => format!("prompt {}", i + 1),
        };
        let number = u32::try_from(i).unwrap_or(u32::MAX);
        let resolved = one(prompt, *place, (&name, number), &mut basis, findings);
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
        if let Some(Material { source, max_tokens, input, output, files, body }) = resolved {
            kinds.push(plan::Prompt { name, weight, source, max_tokens, input, output, files });
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

/// Those of a scenario whose requests are made by a flow.
pub(crate) fn none() -> Sent {
    (Vec::new(), Box::new(Mix::new(0, Vec::new())))
}

fn usual_prompt() -> At<Prompt> {
    let prompt = Prompt {
        input_tokens: LengthsForm::from(Scalar::new(DEFAULT_INPUT_TOKENS, Place::Nowhere)).into(),
        max_tokens: LengthsForm::from(Scalar::new(DEFAULT_MAX_TOKENS, Place::Nowhere)).into(),
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
    let source = format!("lengths of {} ({} requests)", replay.source.file, replay.rows);
    let summary = |of: fn(&TraceRow) -> u32| {
        let recorded = Weighted::recorded(replay.recording.rows.iter().map(of))?;
        Some(Lengths::from(recorded).summary())
    };
    let kind = plan::Prompt {
        name: "trace".into(),
        weight: 1,
        source,
        max_tokens: None,
        input: summary(|row| row.input_tokens),
        output: summary(|row| row.output_tokens),
        files: Vec::new(),
    };
    let trace = Trace::new(seed, replay.recording.clone(), members.frame(true));
    Some((vec![kind], Box::new(trace)))
}

/// What a prompt is made of.
struct Material {
    source: String,
    /// Where it is the same for every request.
    max_tokens: Option<u32>,
    /// Where it is known.
    input: Option<LengthsSummary>,
    /// Where every answer has a bound.
    output: Option<LengthsSummary>,
    files: Vec<plan::File>,
    /// Missing when the target is.
    body: Option<Body>,
}

impl Material {
    /// What is left of a prompt that is checked only.
    fn unknown(source: String) -> Material {
        Material { source, max_tokens: None, input: None, output: None, files: Vec::new(), body: None }
    }
}

fn one(
    prompt: &Prompt,
    place: Place,
    (name, number): (&str, u32),
    basis: &mut Basis<'_>,
    findings: &mut Findings<'_>,
) -> Option<Material> {
    let output = output(prompt, findings);
    let given = [
        prompt.text.as_ref().map(|_| "text"),
        prompt.messages.as_ref().map(|_| "messages"),
        prompt.file.as_ref().map(|_| "file"),
        prompt.input_tokens.as_ref().map(|_| "input_tokens"),
        prompt.lengths.as_ref().map(|_| "lengths"),
    ];
    let given: Vec<&str> = given.into_iter().flatten().collect();
    if prompt.input_tokens.is_none() && prompt.lengths.is_none() {
        synthetic::refuse(prompt, findings);
    }
    if prompt.file.is_none() {
        corpus::refuse(prompt, findings);
    }
    match given.as_slice() {
        ["text"] => {
            let text = findings.text(&prompt.text, "the prompt")?;
            Some(same(excerpt_of(&text), user_message(&text), basis.target, output))
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
            Some(same(source, value.to_string(), basis.target, output))
        }
        ["file"] => corpus::resolve(prompt, (name, number), basis, output, findings),
        ["input_tokens"] | ["lengths"] => {
            let of = synthetic::Of { prompt, place, name, number };
            synthetic::resolve(&of, output, basis.target.map(|target| &target.members), basis.seed, findings)
        }
        [] => {
            findings.problem(place, "this prompt does not say what is sent").with_help(
                "write one of text: ..., messages: [...], file: prompts.jsonl or input_tokens: 120",
            );
            None
        }
        several => {
            findings
                .problem(
                    place,
                    format!("this prompt has {}: only one of them can be sent", several.join(" and ")),
                )
                .with_help("make it a prompt each");
            None
        }
    }
}

/// How long answers may become: `max_tokens`, by either of its names.
fn output(prompt: &Prompt, findings: &mut Findings<'_>) -> Option<Described> {
    if let (Some(_), Some(second)) = (prompt.max_tokens.as_ref(), prompt.output_tokens.as_ref()) {
        findings
            .problem(second.place(), "`output_tokens` and `max_tokens` mean the same")
            .with_help("keep one of the two");
    }
    let max_tokens = lengths::resolve(&prompt.max_tokens, "max_tokens", findings);
    max_tokens.or_else(|| lengths::resolve(&prompt.output_tokens, "output_tokens", findings))
}

/// A prompt whose messages are the same every time.
fn same(source: String, messages: String, target: Option<&Target>, output: Option<Described>) -> Material {
    let tokens = target.map(|target| count::messages(&messages, &target.tokenizer));
    let input = tokens.map(|tokens| Lengths::fixed(tokens).summary());
    let body = |lengths: Option<Lengths>| {
        let frame = target?.members.frame(lengths.is_some());
        let prompt = frame.prompt(messages.into_bytes());
        Some(Body::Same { frame, prompt, input_tokens: tokens?, output: lengths })
    };
    material(source, (input, None), output, body)
}

/// The parts of a prompt whose answers are bounded by `output`; `body` is made with it. `input` are the lengths of
/// its requests, and the file that they are from.
fn material(
    source: String,
    (input, file): (Option<LengthsSummary>, Option<plan::File>),
    output: Option<Described>,
    body: impl FnOnce(Option<Lengths>) -> Option<Body>,
) -> Material {
    let max_tokens = output.as_ref().and_then(|output| output.lengths.only());
    let summary = output.as_ref().map(|output| output.lengths.summary());
    let source = match &output {
        Some(output) if max_tokens.is_none() => format!("{source}; answers: {}", output.text),
        Some(_) | None => source,
    };
    let (lengths, of_output) = output.map(|output| (output.lengths, output.file)).unzip();
    let files = file.into_iter().chain(of_output.flatten()).collect();
    Material { source, max_tokens, input, output: summary, files, body: body(lengths) }
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

/// The beginning of a text, for people.
fn excerpt_of(text: &str) -> String {
    const LENGTH: usize = 40;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("\"{}…\"", &line[..end]),
        None => format!("\"{line}\""),
    }
}
