//! Embeddings, of today and of old.

use super::call::{model, read_body, wrong};
use crate::server::ask::{Prompt, hash};
use crate::server::bytes::Json;
use crate::server::fault::Fault;
use crate::server::read;
use crate::server::vectors::{self, Embed, EmbedShape};

const USUAL_DIMENSIONS: usize = 768;
const MOST_DIMENSIONS: usize = 4096;

/// Reads the body of a request for embeddings; `old` is that of one prompt.
///
/// # Errors
/// The fault (status 400) to answer with.
pub(crate) fn parse_embed(body: &[u8], old: bool) -> Result<Embed, Fault> {
    let body = read_body(body)?;
    let model = model(&body)?;
    let name = if old { "prompt" } else { "input" };
    let raw = body.get(name).ok_or_else(|| wrong(&format!("{name} is required")))?;
    let texts = match (read::text(raw), read::items(raw)) {
        (Some(text), _) => vec![text],
        (None, Some(items)) if !old => items
            .into_iter()
            .map(read::text)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| wrong("invalid input type"))?,
        _ => return Err(wrong("invalid input type")),
    };
    let mut prompt = Prompt::default();
    texts.iter().for_each(|text| prompt.add(text));
    let dimensions = match body.get("dimensions").map(read::integer) {
        None => USUAL_DIMENSIONS,
        Some(number) => number
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| (1..=MOST_DIMENSIONS).contains(number))
            .ok_or_else(|| wrong(&format!("dimensions must be from 1 to {MOST_DIMENSIONS}")))?,
    };
    let inputs = texts.iter().map(|text| hash(text.as_bytes())).collect();
    let shape = if old { EmbedShape::OllamaOld } else { EmbedShape::Ollama };
    Ok(Embed { model, inputs, tokens: prompt.tokens, dimensions, shape })
}

/// The body of the response.
pub(crate) fn embeddings_body(embed: &Embed, old: bool) -> Vec<u8> {
    let vector = |input: &u64| vectors::vector(*input, embed.dimensions);
    if old {
        let vector = embed.inputs.first().map(vector).unwrap_or_default();
        return format!("{{\"embedding\":{}}}", Json(vector)).into_bytes();
    }
    let vectors: Vec<Vec<f32>> = embed.inputs.iter().map(vector).collect();
    format!(
        "{{\"model\":{},\"embeddings\":{},\"total_duration\":1,\"load_duration\":1,\"prompt_eval_count\":{}}}",
        Json(&embed.model),
        Json(vectors),
        embed.tokens
    )
    .into_bytes()
}
