//! The models there are, in Anthropic's shape.

use crate::server::bytes::Json;
use crate::server::dates::Utc;

/// The body of the response to `GET /v1/models`.
pub(crate) fn models_body(models: &[&str], created: u64) -> Vec<u8> {
    let data: Vec<String> = models.iter().map(|model| described(model, created)).collect();
    format!(
        "{{\"data\":[{}],\"has_more\":false,\"first_id\":{},\"last_id\":{}}}",
        data.join(","),
        Json(models.first()),
        Json(models.last())
    )
    .into_bytes()
}

/// One of them.
pub(crate) fn model_body(model: &str, created: u64) -> Vec<u8> {
    described(model, created).into_bytes()
}

fn described(model: &str, created: u64) -> String {
    let (name, created) = (Json(model), Utc(created));
    format!(
        "{{\"type\":\"model\",\"id\":{name},\"display_name\":{name},\"created_at\":\"{created}\",\
         \"lifecycle\":\"active\"}}"
    )
}
