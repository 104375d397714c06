//! What a request to a model asks, and what is left of its body: each API in its own way.

use super::llm::Api;
use super::tree::{Tree, map};

/// The body of a request, taken apart.
#[derive(Debug)]
pub(super) struct Prompts {
    /// Prompts as scenarios write them.
    pub(super) asked: Vec<Tree>,
    /// Further members of the body, such as `temperature`.
    pub(super) rest: Vec<(String, Tree)>,
    /// Whether the answer is streamed; where the path says it, that counts.
    pub(super) stream: Option<bool>,
    /// The field that bounds the answer, unless it is the usual one.
    pub(super) max_tokens_field: Option<&'static str>,
}

/// Takes a body apart, if it is one of this API.
pub(super) fn of(api: Api, body: &Tree) -> Option<Prompts> {
    let mut rest = body.clone();
    for member in ["model", "stream_options"] {
        rest.take(member);
    }
    let streamed_unless_said = matches!(api, Api::Ollama | Api::OllamaGenerate);
    let stream = rest.take("stream").and_then(|it| it.as_bool()).unwrap_or(streamed_unless_said);
    let mut max_tokens_field = None;
    let max_tokens = match api {
        Api::OpenAiChat | Api::Azure => {
            let newer = rest.take("max_completion_tokens");
            if newer.is_some() {
                max_tokens_field = Some("max_completion_tokens");
            }
            rest.take("max_tokens").filter(|_| newer.is_none()).or(newer)
        }
        Api::OpenAiCompletions | Api::Anthropic => rest.take("max_tokens"),
        Api::OpenAiResponses => rest.take("max_output_tokens"),
        Api::OpenAiEmbeddings => None,
        Api::Gemini => take_below(&mut rest, "generationConfig", "maxOutputTokens"),
        Api::Ollama | Api::OllamaGenerate => take_below(&mut rest, "options", "num_predict"),
        Api::Tgi => take_below(&mut rest, "parameters", "max_new_tokens"),
    };
    let max_tokens =
        max_tokens.filter(|tokens| tokens.as_f64().is_some_and(|n| n >= 1.0 && n.fract() == 0.0));
    let system = match api {
        Api::Anthropic => rest.take("system"),
        Api::Gemini => ["systemInstruction", "system_instruction"].iter().find_map(|name| rest.take(name)),
        _ => None,
    };
    let system = system.as_ref().map(|system| text_of(system.get("parts").unwrap_or(system)));
    let asked = match api {
        Api::OpenAiChat | Api::Azure | Api::Anthropic | Api::Ollama => {
            vec![conversation(rest.take("messages")?)?]
        }
        Api::Gemini => {
            vec![conversation(Tree::List(rest.take("contents")?.items().iter().map(message).collect()))?]
        }
        Api::OpenAiResponses => match rest.take("input")? {
            Tree::Text(text) => vec![text_prompt(text)],
            other => vec![conversation(other)?],
        },
        Api::OpenAiCompletions | Api::OllamaGenerate => texts(rest.take("prompt")?)?,
        Api::OpenAiEmbeddings => texts(rest.take("input")?)?,
        Api::Tgi => texts(rest.take("inputs")?)?,
    };
    let asked = asked.into_iter().map(|prompt| match &system {
        Some(system) => with_system(prompt, system),
        None => prompt,
    });
    let asked = asked.map(|prompt| with_max_tokens(prompt, max_tokens.as_ref())).collect();
    let rest = match rest {
        Tree::Map(members) => members,
        _ => Vec::new(),
    };
    let stream = Some(stream);
    Some(Prompts { asked, rest, stream, max_tokens_field })
}

/// A member of a member; what gets empty goes.
fn take_below(body: &mut Tree, above: &str, name: &str) -> Option<Tree> {
    let mut inner = body.take(above)?;
    let taken = inner.take(name);
    if inner.members().is_none_or(|members| !members.is_empty())
        && let Tree::Map(members) = body
    {
        members.push((above.to_owned(), inner));
    }
    taken
}

/// One message of a person as its text, anything else as it is.
fn conversation(messages: Tree) -> Option<Tree> {
    if messages.items().is_empty() {
        return None;
    }
    if let [only] = messages.items()
        && only.str_of("role").is_none_or(|role| role == "user")
        && only.members().is_some_and(|members| members.len() <= 2)
        && let Some(text) = only.str_of("content")
    {
        return Some(text_prompt(text.to_owned()));
    }
    Some(map([("messages", messages)]))
}

/// A message of Gemini as the other APIs have it. Parts that are no texts stay what they are.
fn message(content: &Tree) -> Tree {
    let role = if content.str_of("role") == Some("model") { "assistant" } else { "user" };
    let parts = content.get("parts").cloned().unwrap_or(Tree::List(Vec::new()));
    let is_text = |part: &Tree| part.str_of("text").is_some() && part.members().is_some_and(|m| m.len() == 1);
    let said = match parts.items().iter().all(is_text) {
        true => Tree::Text(text_of(&parts)),
        false => parts,
    };
    map([("role", Tree::text(role)), ("content", said)])
}

/// A text, or the texts of several parts.
fn text_of(said: &Tree) -> String {
    match said {
        Tree::Text(text) => text.clone(),
        Tree::List(parts) => parts.iter().filter_map(|part| part.str_of("text")).collect(),
        other => other.str_of("text").unwrap_or_default().to_owned(),
    }
}

/// The same prompt behind a message that says what the model is told.
fn with_system(prompt: Tree, system: &str) -> Tree {
    let Tree::Map(members) = prompt else { return prompt };
    let told = map([("role", Tree::text("system")), ("content", Tree::text(system))]);
    let with = |(name, value): (String, Tree)| match (name.as_str(), value) {
        ("text", text) => {
            let asked = map([("role", Tree::text("user")), ("content", text)]);
            ("messages".to_owned(), Tree::List(vec![told.clone(), asked]))
        }
        ("messages", Tree::List(messages)) => {
            (name, Tree::List(std::iter::once(told.clone()).chain(messages).collect()))
        }
        (_, value) => (name, value),
    };
    Tree::Map(members.into_iter().map(with).collect())
}

/// A text, or several of them, each a prompt of its own.
fn texts(given: Tree) -> Option<Vec<Tree>> {
    match given {
        Tree::Text(text) => Some(vec![text_prompt(text)]),
        Tree::List(items) => {
            let texts: Option<Vec<Tree>> =
                items.iter().map(|item| item.as_str().map(|text| text_prompt(text.to_owned()))).collect();
            texts.filter(|texts| !texts.is_empty())
        }
        _ => None,
    }
}

fn text_prompt(text: String) -> Tree {
    map([("text", Tree::Text(text))])
}

fn with_max_tokens(prompt: Tree, max_tokens: Option<&Tree>) -> Tree {
    match (prompt, max_tokens) {
        (Tree::Map(mut members), Some(tokens)) => {
            members.push(("max_tokens".into(), tokens.clone()));
            Tree::Map(members)
        }
        (prompt, _) => prompt,
    }
}
