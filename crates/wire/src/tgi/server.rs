//! Text generation inference from the server's side, for the simulated provider.

mod answer;
mod call;

pub(crate) use answer::{TokensStream, generated_body};
pub(crate) use call::parse_generate;

use crate::server::bytes::Json;
use crate::server::fault::{Fault, plain_body};

/// The body of the response that reports `fault`.
pub(crate) fn fault_body(fault: &Fault) -> Vec<u8> {
    let kind = match (fault.code, fault.status) {
        (Some("overloaded"), _) => "overloaded",
        (_, 401) => "authentication",
        (_, 404 | 405) => "not_found",
        (_, 500..) => "generation",
        _ => "validation",
    };
    plain_body(&fault.message, Some(kind))
}

/// The body of the response to `GET /info`.
pub(crate) fn info_body(model: &str) -> Vec<u8> {
    format!(
        "{{\"model_id\":{},\"model_sha\":null,\"model_pipeline_tag\":\"text-generation\",\
         \"max_concurrent_requests\":128,\"max_best_of\":1,\"max_stop_sequences\":4,\"max_input_tokens\":1048576,\
         \"max_total_tokens\":2097152,\"validation_workers\":2,\"max_client_batch_size\":4,\
         \"router\":\"text-generation-router\",\"version\":\"3.3.6\",\"sha\":null,\"docker_label\":null}}",
        Json(model)
    )
    .into_bytes()
}
