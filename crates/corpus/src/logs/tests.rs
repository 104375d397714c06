use serde_json::json;

use super::*;

/// Every request in a value: format, conversation in short, max_tokens, output_tokens; or the reason.
fn read_all(value: &Value) -> Vec<String> {
    let mut all = Vec::new();
    read(value, None, &mut |one| all.push(one.map_or_else(|reason| reason.word().to_owned(), |l| short(&l))));
    all
}

fn short(logged: &Logged) -> String {
    let said = logged.messages.iter().map(|m| {
        let calls: String = m
            .tool_calls
            .iter()
            .map(|c| format!(" calls {} {}({})", c.id, c.function.name, c.function.arguments))
            .collect();
        let of = m.tool_call_id.as_ref().map_or_else(String::new, |id| format!(" of {id}"));
        format!("{:?}{of}: {}{calls}", m.role, m.content)
    });
    let said: Vec<String> = said.collect();
    let tokens = |n: Option<u32>| n.map_or("-".to_owned(), |n| n.to_string());
    format!(
        "{} [{}] max {} out {}",
        logged.format.word(),
        said.join(" | "),
        tokens(logged.max_tokens),
        tokens(logged.output_tokens)
    )
}

#[track_caller]
fn reads(value: Value, wanted: &[&str]) {
    assert_eq!(read_all(&value), wanted, "{value}");
}

#[test]
fn bodies_of_openai_requests() {
    reads(
        json!({"model": "gpt-4o", "messages": [
            {"role": "system", "content": "s"}, {"role": "user", "content": [
                {"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:..."}}]}],
            "max_completion_tokens": 7, "user": "bob@example.com"}),
        &["openai [System: s | User: a\n[image]] max 7 out -"],
    );
    reads(
        json!({"custom_id": "1", "method": "POST", "url": "/v1/chat/completions",
            "body": {"messages": [{"role": "user", "content": "a"}], "max_tokens": 5}}),
        &["openai [User: a] max 5 out -"],
    );
    reads(
        json!({"request": {"messages": [{"role": "user", "content": "a"}]},
            "response": {"status_code": 200, "body": {"usage": {"prompt_tokens": 1, "completion_tokens": 42}}}}),
        &["openai [User: a] max - out 42"],
    );
    reads(
        json!({"request": "{\"body\": {\"prompt\": [\"a\", \"b\"]}}", "response": "{\"usage\": {\"completion_tokens\": 3}}"}),
        &["openai [User: a] max - out 3", "openai [User: b] max - out 3"],
    );
    reads(
        json!({"input": "hello", "instructions": "be brief", "max_output_tokens": 9}),
        &["openai [System: be brief | User: hello] max 9 out -"],
    );
    reads(
        json!({"input": [
            {"role": "user", "content": [{"type": "input_text", "text": "a"}]},
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"x\":1}"},
            {"type": "function_call_output", "call_id": "c1", "output": "r"}]}),
        &["openai [User: a | Assistant:  calls c1 f({\"x\":1}) | Tool of c1: r] max - out -"],
    );
    reads(
        json!({"messages": [{"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "r"}]}),
        &["openai [Assistant:  calls c1 f({}) | Tool of c1: r] max - out -"],
    );
}

#[test]
fn bodies_of_anthropic_requests() {
    reads(
        json!({"model": "claude-sonnet-4", "max_tokens": 100,
            "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "image", "source": {"type": "base64", "data": "..."}}, {"type": "text", "text": "a"}]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": "y"}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "r"}]},
                    {"type": "text", "text": "b"}]}]}),
        &[
            "anthropic [System: s | User: [image]\na | Assistant:  calls t1 f({\"x\":\"y\"}) | Tool of t1: r | User: b] \
           max 100 out -",
        ],
    );
    reads(
        json!({"custom_id": "1", "params": {"model": "claude-3", "max_tokens": 5, "system": "s",
            "messages": [{"role": "user", "content": "a"}]},
            "result": {"type": "succeeded", "message": {"usage": {"output_tokens": 8}}}}),
        &["anthropic [System: s | User: a] max 5 out 8"],
    );
}

#[test]
fn logs_of_litellm() {
    reads(
        json!({"id": "x", "call_type": "acompletion", "model": "gpt-4o", "model_group": "g",
            "messages": [{"role": "user", "content": "a"}], "prompt_tokens": 1, "completion_tokens": 17,
            "response": {"choices": []}, "model_parameters": {"max_tokens": 50, "stream": true},
            "metadata": {"user_api_key_user_email": "bob@example.com"}}),
        &["litellm [User: a] max 50 out 17"],
    );
    reads(
        json!({"request_id": "x", "call_type": "acompletion", "spend": 0.1, "messages": "{}", "completion_tokens": 4,
            "proxy_server_request": "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}"}),
        &["litellm [User: a] max - out 4"],
    );
    reads(
        json!({"request_id": "x", "call_type": "acompletion", "messages": "[{\"role\": \"user\", \"content\": \"a\"}]",
            "response": "{\"usage\": {\"completion_tokens\": 6}}"}),
        &["litellm [User: a] max - out 6"],
    );
    reads(
        json!({"request_id": "x", "call_type": "acompletion", "messages": {}, "response": {}}),
        &["not_recorded"],
    );
    reads(json!({"call_type": "aembedding", "input": "a"}), &["not_generation"]);
    reads(
        json!({"call_type": "completion", "messages": [{"role": "user", "content": "redacted-by-litellm"}]}),
        &["redacted"],
    );
    reads(
        json!({"standard_logging_object": {"messages": [{"role": "user", "content": "a"}], "completion_tokens": 2}}),
        &["litellm [User: a] max - out 2"],
    );
}

/// A span as OTLP/JSON writes it.
fn span(attributes: &[(&str, Value)], events: Value) -> Value {
    let list: Vec<Value> =
        attributes.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    json!({"traceId": "t", "spanId": "s", "name": "chat", "attributes": list, "events": events})
}

fn text_value(text: &str) -> Value {
    json!({"stringValue": text})
}

#[test]
fn spans_of_opentelemetry() {
    let messages = r#"[{"role": "user", "parts": [{"type": "text", "content": "a"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "f", "arguments": {"x": 1}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "result": "r"}]}]"#;
    let new = span(
        &[
            ("gen_ai.operation.name", text_value("chat")),
            ("gen_ai.input.messages", text_value(messages)),
            ("gen_ai.system_instructions", text_value(r#"[{"type": "text", "content": "s"}]"#)),
            ("gen_ai.request.max_tokens", json!({"intValue": "64"})),
            ("gen_ai.usage.output_tokens", json!({"intValue": 12})),
        ],
        json!([]),
    );
    let old = span(
        &[
            ("gen_ai.prompt.0.role", text_value("system")),
            ("gen_ai.prompt.0.content", text_value("s")),
            ("gen_ai.prompt.1.role", text_value("user")),
            ("gen_ai.prompt.1.content", text_value("a")),
            ("gen_ai.usage.completion_tokens", json!({"intValue": "3"})),
        ],
        json!([]),
    );
    let in_events = span(
        &[("gen_ai.system", text_value("openai"))],
        json!([
            {"name": "gen_ai.system.message", "attributes": [{"key": "content", "value": text_value("s")}]},
            {"name": "gen_ai.user.message", "attributes":
                [{"key": "gen_ai.event.content", "value": text_value(r#"{"role": "user", "content": "a"}"#)}]}]),
    );
    let content_prompt = span(
        &[("gen_ai.system", text_value("openai"))],
        json!([{"name": "gen_ai.content.prompt", "attributes":
            [{"key": "gen_ai.prompt", "value": text_value(r#"[{"role": "user", "content": "a"}]"#)}]}]),
    );
    let structured = span(
        &[(
            "gen_ai.input.messages",
            json!({"arrayValue": {"values": [{"kvlistValue": {"values": [
                {"key": "role", "value": text_value("user")},
                {"key": "parts", "value": {"arrayValue": {"values": [{"kvlistValue": {"values": [
                    {"key": "type", "value": text_value("text")}, {"key": "content", "value": text_value("a")}]}}]}}}]}}]}}),
        )],
        json!([]),
    );
    let plain = span(&[("gen_ai.prompt", text_value("a"))], json!([]));
    let silent = span(&[("gen_ai.request.model", text_value("m"))], json!([]));
    let other = span(&[("http.method", text_value("GET"))], json!([]));
    let embeddings = span(&[("gen_ai.operation.name", text_value("embeddings"))], json!([]));
    let spans = [new, old, in_events, content_prompt, structured, plain, silent, other, embeddings];
    reads(
        json!({"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": spans}]}]}),
        &[
            "otel [System: s | User: a | Assistant:  calls c f({\"x\":1}) | Tool of c: r] max 64 out 12",
            "otel [System: s | User: a] max - out 3",
            "otel [System: s | User: a] max - out -",
            "otel [User: a] max - out -",
            "otel [User: a] max - out -",
            "otel [User: a] max - out -",
            "not_recorded",
            "other_span",
            "not_generation",
        ],
    );
    reads(
        json!({"name": "chat", "context": {"trace_id": "t"}, "attributes": {"llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "a", "llm.token_count.completion": 5}}),
        &["otel [User: a] max - out 5"],
    );
}

#[test]
fn what_cannot_be_used_says_why() {
    reads(json!({"level": "info", "msg": "started"}), &["no_prompt"]);
    reads(json!([1, "a", {}]), &["no_prompt", "no_prompt", "no_prompt"]);
    reads(json!({"prompt": [1, 2, 3]}), &["token_ids"]);
    reads(json!({"messages": []}), &["empty"]);
    reads(json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}), &["empty"]);
    reads(json!({"model": "text-embedding-3-small", "input": ["a", "b"]}), &["not_generation"]);
    reads(json!({"response": {"body": {"choices": [], "usage": {"completion_tokens": 1}}}}), &["no_prompt"]);
    let mut all = Vec::new();
    let body = json!({"messages": [{"role": "user", "content": "a"}]});
    read(&body, Some(Format::Otel), &mut |one| all.push(one.map(|_| ())));
    read(&body, Some(Format::Anthropic), &mut |one| all.push(one.map(|_| ())));
    assert_eq!(all, [Err(Unusable::OtherFormat), Ok(())]);
}

#[test]
fn documents_of_many_records() {
    let body = json!({"messages": [{"role": "user", "content": "a"}]});
    reads(json!([body, body]), &["openai [User: a] max - out -"; 2]);
    reads(json!({"data": [body, {}], "total": 2}), &["openai [User: a] max - out -", "no_prompt"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        rng_seed: proptest::test_runner::RngSeed::Fixed(3), failure_persistence: None,
        ..proptest::prelude::ProptestConfig::default()
    })]

    /// Any JSON under the members that are looked at: read or refused, never a panic.
    #[test]
    fn any_json_is_read_or_refused(picks in proptest::collection::vec((0usize..18, 0usize..8), 1..12)) {
        const NAMES: [&str; 18] = ["messages", "content", "role", "input", "prompt", "request", "response", "body", "usage",
            "attributes", "events", "resourceSpans", "spans", "call_type", "proxy_server_request", "tool_calls", "parts", "type"];
        let mut value = json!("x");
        for (name, kind) in picks {
            value = match kind {
                0 => json!([value]),
                1 => json!({NAMES[name]: value.to_string()}),
                2 => json!({NAMES[name]: value, "role": 1, "spanId": "s"}),
                3 => json!([value, null, 7]),
                _ => json!({NAMES[name]: value}),
            };
        }
        let mut n = 0;
        read(&value, None, &mut |_| n += 1);
        proptest::prop_assert!(n > 0 || value.to_string().contains("pans\":") || value == json!([]), "{} is passed over", value);
    }
}
