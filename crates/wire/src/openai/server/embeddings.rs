//! Embeddings.

use std::io::Write;

use serde_json::value::RawValue;

use super::member::{self, missing, wrong_type};
use crate::server::ask::{Prompt, hash};
use crate::server::bytes::{Json, write_json};
use crate::server::fault::Fault;
use crate::server::read::{self, Kind};
use crate::server::vectors::{self, Embed, EmbedShape};

/// The most inputs of one request, and the most numbers of one vector.
const MOST_INPUTS: usize = 2048;
const MOST_DIMENSIONS: u32 = 4096;

/// Reads the body of a request for embeddings; with a `deployment` it is Azure's.
///
/// # Errors
/// The fault (status 400) that the real API would report, in about its words.
pub(crate) fn parse_embeddings(body: &[u8], deployment: Option<&str>) -> Result<Embed, Fault> {
    let body = member::body(body)?;
    let model = member::model(&body, deployment)?;
    let Some(raw) = body.get("input") else { return Err(missing("input")) };
    let (inputs, tokens) = read_inputs(raw)?;
    let base64 = match body.get("encoding_format") {
        None => false,
        Some(raw) => match &*member::string(raw, "encoding_format")? {
            "float" => false,
            "base64" => true,
            other => {
                let message =
                    format!("Invalid value: '{other}'. Supported values are: 'float' and 'base64'.");
                return Err(member::invalid(message)
                    .with_param("encoding_format")
                    .with_code("invalid_value"));
            }
        },
    };
    let usual = if model.contains("large") { 3072 } else { 1536 };
    let dimensions = member::count(&body, "dimensions", MOST_DIMENSIONS)?.unwrap_or(usual) as usize;
    Ok(Embed { model, inputs, tokens, dimensions, shape: EmbedShape::OpenAi { base64 } })
}

/// A text, a list of texts, a list of tokens, or a list of such lists.
fn read_inputs(raw: &RawValue) -> Result<(Vec<u64>, u32), Fault> {
    let wrong = || wrong_type("input", "a string, or an array of strings or tokens", raw);
    let empty = || member::invalid("Invalid 'input': it must not be empty.").with_param("input");
    let mut prompt = Prompt::default();
    let mut tokens = 0;
    let mut text = |raw: &RawValue| {
        let text = read::text(raw).ok_or_else(wrong)?;
        if text.is_empty() {
            return Err(empty());
        }
        prompt.add(&text);
        Ok(hash(text.as_bytes()))
    };
    let inputs = match Kind::of(raw) {
        Kind::String => vec![text(raw)?],
        Kind::Array => {
            let items = read::items(raw).ok_or_else(wrong)?;
            let Some(first) = items.first() else { return Err(empty()) };
            if Kind::of(first) == Kind::Integer {
                tokens = items.len();
                vec![hash(raw.get().as_bytes())]
            } else {
                let mut inputs = Vec::with_capacity(items.len());
                for item in items {
                    inputs.push(match Kind::of(item) {
                        Kind::Array => {
                            tokens += read::items(item).ok_or_else(wrong)?.len();
                            hash(item.get().as_bytes())
                        }
                        _ => text(item)?,
                    });
                }
                inputs
            }
        }
        _ => return Err(wrong()),
    };
    if inputs.len() > MOST_INPUTS {
        let message = format!("Invalid 'input': at most {MOST_INPUTS} inputs fit into one request.");
        return Err(member::invalid(message).with_param("input"));
    }
    let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
    Ok((inputs, prompt.tokens.saturating_add(tokens)))
}

/// The body of the response.
pub(crate) fn embeddings_body(embed: &Embed, base64: bool) -> Vec<u8> {
    let mut out = b"{\"object\":\"list\",\"data\":[".to_vec();
    for (index, input) in embed.inputs.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(out, "{comma}{{\"object\":\"embedding\",\"index\":{index},\"embedding\":");
        let vector = vectors::vector(*input, embed.dimensions);
        match base64 {
            true => write_json(&mut out, &vectors::base64(&vector)),
            false => write_json(&mut out, &vector),
        }
        out.push(b'}');
    }
    let Embed { model, tokens, .. } = embed;
    let _ = write!(
        out,
        "],\"model\":{},\"usage\":{{\"prompt_tokens\":{tokens},\"total_tokens\":{tokens}}}}}",
        Json(model)
    );
    out
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn parse(members: &str) -> Result<Embed, Fault> {
        parse_embeddings(format!(r#"{{"model":"m"{members}}}"#).as_bytes(), None)
    }

    #[test]
    fn inputs_of_every_kind() {
        let read = |input: &str| {
            let embed = parse(&format!(r#","input":{input}"#)).unwrap();
            (embed.inputs.len(), embed.tokens)
        };
        assert_eq!(read("\"one two\""), (1, 2));
        assert_eq!(read("[\"one two\",\"three\"]"), (2, 3));
        assert_eq!(read("[1,2,3]"), (1, 3));
        assert_eq!(read("[[1,2],[3]]"), (2, 3));
        for wrong in [r#","input":"""#, r#","input":[]"#, r#","input":{}"#, "", r#","input":[{}]"#] {
            assert_eq!(parse(wrong).unwrap_err().param.as_deref(), Some("input"), "{wrong}");
        }
    }

    #[test]
    fn vectors_are_written_in_order() {
        let embed = parse(r#","input":["a","b","a"],"dimensions":3"#).unwrap();
        let body: Value = serde_json::from_slice(&embeddings_body(&embed, false)).unwrap();
        let vector = |index: usize| body["data"][index]["embedding"].clone();
        assert_eq!(vector(0).as_array().unwrap().len(), 3);
        assert_eq!(vector(0), vector(2));
        assert_ne!(vector(0), vector(1));
        assert_eq!(body["usage"]["prompt_tokens"], 3);
        let body: Value = serde_json::from_slice(&embeddings_body(&embed, true)).unwrap();
        assert_eq!(body["data"][0]["embedding"].as_str().unwrap().len(), 16);
    }
}
