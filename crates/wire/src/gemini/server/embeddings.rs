//! Embeddings of contents.

use serde_json::value::RawValue;

use super::call::{content, count, read_body, wrong};
use crate::server::ask::{Prompt, hash};
use crate::server::bytes::Json;
use crate::server::fault::Fault;
use crate::server::read::{self, Members};
use crate::server::vectors::{self, Embed, EmbedShape};

const USUAL_DIMENSIONS: u32 = 3072;
const MOST_DIMENSIONS: u32 = 4096;
/// The most contents of one request.
const MOST_INPUTS: usize = 100;

/// Reads the body of a request for the embedding of one content.
///
/// # Errors
/// The fault (status 400) to answer with.
pub(crate) fn parse_embed(body: &[u8], model: &str) -> Result<Embed, Fault> {
    let body = read_body(body)?;
    let mut prompt = Prompt::default();
    let (input, dimensions) = one(&body, "content", &mut prompt)?;
    Ok(Embed {
        model: model.into(),
        inputs: vec![input],
        tokens: prompt.tokens,
        dimensions,
        shape: EmbedShape::Gemini,
    })
}

/// The same of several.
///
/// # Errors
/// As [`parse_embed`].
pub(crate) fn parse_embeds(body: &[u8], model: &str) -> Result<Embed, Fault> {
    let body = read_body(body)?;
    let requests = body.get("requests").and_then(read::items).unwrap_or_default();
    if requests.is_empty() || requests.len() > MOST_INPUTS {
        return Err(wrong("requests", &format!("from 1 to {MOST_INPUTS} requests are expected")));
    }
    let mut prompt = Prompt::default();
    let (mut inputs, mut dimensions) = (Vec::new(), USUAL_DIMENSIONS as usize);
    for (index, raw) in requests.into_iter().enumerate() {
        let name = format!("requests[{index}]");
        let request = Members::of(raw).ok_or_else(|| wrong(&name, "expected an object"))?;
        let (input, wanted) = one(&request, &format!("{name}.content"), &mut prompt)?;
        inputs.push(input);
        dimensions = wanted;
    }
    let (model, tokens) = (model.into(), prompt.tokens);
    Ok(Embed { model, inputs, tokens, dimensions, shape: EmbedShape::GeminiBatch })
}

/// What identifies the content of a request, and the length of its vector.
fn one(request: &Members<'_>, name: &str, prompt: &mut Prompt) -> Result<(u64, usize), Fault> {
    let raw: &RawValue = request.get("content").ok_or_else(|| wrong(name, "content is not specified"))?;
    content(raw, name, prompt)?;
    let config = request.object("embedContentConfig");
    let names = ["outputDimensionality", "output_dimensionality"];
    let dimensions = count(config.as_ref().unwrap_or(request), names, MOST_DIMENSIONS)?;
    Ok((hash(raw.get().as_bytes()), dimensions.unwrap_or(USUAL_DIMENSIONS) as usize))
}

/// The body of the response; `batch` lists the vectors.
pub(crate) fn embeddings_body(embed: &Embed, batch: bool) -> Vec<u8> {
    let vectors: Vec<String> = embed
        .inputs
        .iter()
        .map(|input| format!("{{\"values\":{}}}", Json(vectors::vector(*input, embed.dimensions))))
        .collect();
    let vectors = vectors.join(",");
    match batch {
        true => format!("{{\"embeddings\":[{vectors}]}}"),
        false => format!("{{\"embedding\":{vectors}}}"),
    }
    .into_bytes()
}
