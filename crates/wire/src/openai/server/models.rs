//! The models there are.

use serde::Serialize;

use crate::server::bytes::write_json;

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl Model<'_> {
    fn new(id: &str, created: u64) -> Model<'_> {
        Model { id, object: "model", created, owned_by: "floodline" }
    }
}

/// The body of the response to `GET /v1/models`.
pub(crate) fn models_body(models: &[&str], created: u64) -> Vec<u8> {
    #[derive(Serialize)]
    struct List<'a> {
        object: &'static str,
        data: Vec<Model<'a>>,
    }
    let mut out = Vec::new();
    let data = models.iter().map(|model| Model::new(model, created)).collect();
    write_json(&mut out, &List { object: "list", data });
    out
}

/// One of them.
pub(crate) fn model_body(model: &str, created: u64) -> Vec<u8> {
    let mut out = Vec::new();
    write_json(&mut out, &Model::new(model, created));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_listed() {
        let body = String::from_utf8(models_body(&["a", "b"], 7)).unwrap();
        assert_eq!(
            body,
            r#"{"object":"list","data":[{"id":"a","object":"model","created":7,"owned_by":"floodline"},{"id":"b","object":"model","created":7,"owned_by":"floodline"}]}"#
        );
    }
}
