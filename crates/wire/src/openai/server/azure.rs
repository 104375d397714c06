//! What Azure adds to OpenAI's answers: the results of its content filter.

/// The results for one text.
pub(super) const RESULTS: &str = "{\"hate\":{\"filtered\":false,\"severity\":\"safe\"},\
    \"self_harm\":{\"filtered\":false,\"severity\":\"safe\"},\"sexual\":{\"filtered\":false,\"severity\":\"safe\"},\
    \"violence\":{\"filtered\":false,\"severity\":\"safe\"}}";

/// The results for the prompt.
pub(super) const PROMPT_RESULTS: &str = "[{\"prompt_index\":0,\"content_filter_results\":\
    {\"hate\":{\"filtered\":false,\"severity\":\"safe\"},\"self_harm\":{\"filtered\":false,\"severity\":\"safe\"},\
    \"sexual\":{\"filtered\":false,\"severity\":\"safe\"},\"violence\":{\"filtered\":false,\"severity\":\"safe\"}}}]";

/// The first chunk of a stream: no choices, nothing but the results for the prompt.
pub(super) const FIRST_CHUNK: &str = "{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\
    \"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":\
    {\"hate\":{\"filtered\":false,\"severity\":\"safe\"},\"self_harm\":{\"filtered\":false,\"severity\":\"safe\"},\
    \"sexual\":{\"filtered\":false,\"severity\":\"safe\"},\"violence\":{\"filtered\":false,\"severity\":\"safe\"}}}]}";
