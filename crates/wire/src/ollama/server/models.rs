//! The models there are, in Ollama's shape.

use crate::server::ask::hash;
use crate::server::bytes::Json;
use crate::server::dates::Utc;
use crate::server::mix;

/// What all simulated models are.
const DETAILS: &str = "{\"parent_model\":\"\",\"format\":\"gguf\",\"family\":\"floodline\",\
    \"families\":[\"floodline\"],\"parameter_size\":\"8.0B\",\"quantization_level\":\"Q4_K_M\"}";

/// The body of the response to `GET /api/tags`.
pub(crate) fn models_body(models: &[&str], created: u64) -> Vec<u8> {
    let models: Vec<String> = models
        .iter()
        .map(|model| {
            let (name, digest, modified) = (Json(model), digest(model), Utc(created));
            format!(
                "{{\"name\":{name},\"model\":{name},\"modified_at\":\"{modified}\",\"size\":4920753328,\
                 \"digest\":\"{digest}\",\"details\":{DETAILS}}}"
            )
        })
        .collect();
    format!("{{\"models\":[{}]}}", models.join(",")).into_bytes()
}

/// The body of the response to `GET /api/ps`: nothing has to be loaded here.
pub(crate) fn running_body() -> Vec<u8> {
    b"{\"models\":[]}".to_vec()
}

/// The body of the response to `POST /api/show`.
pub(crate) fn show_body(created: u64) -> Vec<u8> {
    format!(
        "{{\"license\":\"\",\"modelfile\":\"\",\"parameters\":\"\",\"template\":\"{{{{ .Prompt }}}}\",\
         \"details\":{DETAILS},\"model_info\":{{\"general.architecture\":\"floodline\"}},\
         \"capabilities\":[\"completion\",\"tools\",\"thinking\",\"embedding\"],\"modified_at\":\"{}\"}}",
        Utc(created)
    )
    .into_bytes()
}

/// The body of the response to `GET /api/version`.
pub(crate) fn version_body() -> Vec<u8> {
    b"{\"version\":\"0.12.6\"}".to_vec()
}

fn digest(model: &str) -> String {
    let mut bits = hash(model.as_bytes());
    let mut digest = String::with_capacity(64);
    for _ in 0..4 {
        bits = mix(bits);
        digest += &format!("{bits:016x}");
    }
    digest
}
