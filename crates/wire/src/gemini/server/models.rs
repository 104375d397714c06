//! The models there are, in Gemini's shape.

use crate::server::bytes::Json;

/// The body of the response to a list of models.
pub(crate) fn models_body(models: &[&str]) -> Vec<u8> {
    let models: Vec<String> = models.iter().map(|model| described(model)).collect();
    format!("{{\"models\":[{}]}}", models.join(",")).into_bytes()
}

/// One of them.
pub(crate) fn model_body(model: &str) -> Vec<u8> {
    described(model).into_bytes()
}

fn described(model: &str) -> String {
    let name = Json(format!("models/{model}"));
    format!(
        "{{\"name\":{name},\"version\":\"001\",\"displayName\":{},\"inputTokenLimit\":1048576,\
         \"outputTokenLimit\":65536,\"supportedGenerationMethods\":[\"generateContent\",\"countTokens\",\
         \"embedContent\",\"batchEmbedContents\"]}}",
        Json(model)
    )
}
