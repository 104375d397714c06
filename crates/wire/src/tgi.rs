//! Text Generation Inference's generate and generate_stream.

pub(crate) mod request;
