use serde_json::json;

use super::*;
use crate::codec::Codec;

/// Every API that has a form of its own for prompts.
const APIS: [Codec; 9] = [
    Codec::Chat,
    Codec::Completions,
    Codec::Responses,
    Codec::Embeddings,
    Codec::Anthropic,
    Codec::Gemini,
    Codec::Ollama,
    Codec::OllamaGenerate,
    Codec::Tgi,
];

fn prompt(codec: &Codec, messages: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    codec.write_prompt(messages.to_string().as_bytes(), &mut out);
    out
}

/// The members of a prompt as an object.
fn members(codec: &Codec, messages: &Value) -> Value {
    object(&prompt(codec, messages))
}

fn object(members: &[u8]) -> Value {
    serde_json::from_slice(&[b"{", members, b"}"].concat()).expect("members of an object")
}

fn body(codec: &Codec, stream: bool, max_tokens: Option<u32>, extra: Value) -> Value {
    let Value::Object(extra) = extra else { panic!("an object") };
    let prompt = prompt(codec, &json!([{"role": "user", "content": "hi"}]));
    let request = Request {
        model: "m",
        prompt: &prompt,
        stream,
        max_tokens,
        max_tokens_field: MaxTokensField::MaxTokens,
        extra: &extra,
    };
    let mut out = Vec::new();
    codec.write_body(&request, &mut out);
    serde_json::from_slice(&out).expect("a body is JSON")
}

#[test]
fn a_short_conversation_in_every_api() {
    let messages = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi \"you\" é"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": [{"type": "text", "text": "Bye"}]},
    ]);
    for (codec, expected) in [
        (Codec::Chat, json!({"messages": messages})),
        (Codec::Completions, json!({"prompt": "Be brief.\n\nHi \"you\" é\n\nHello.\n\nBye"})),
        (
            Codec::Responses,
            json!({"input": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi \"you\" é"},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": "Bye"},
            ]}),
        ),
        (Codec::Embeddings, json!({"input": ["Be brief.", "Hi \"you\" é", "Hello.", "Bye"]})),
        (
            Codec::Anthropic,
            json!({"system": "Be brief.", "messages": [
                {"role": "user", "content": "Hi \"you\" é"},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": "Bye"},
            ]}),
        ),
        (
            Codec::Gemini,
            json!({"systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": [
                {"role": "user", "parts": [{"text": "Hi \"you\" é"}]},
                {"role": "model", "parts": [{"text": "Hello."}]},
                {"role": "user", "parts": [{"text": "Bye"}]},
            ]}),
        ),
        (
            Codec::Ollama,
            json!({"messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi \"you\" é"},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": "Bye"},
            ]}),
        ),
        (Codec::OllamaGenerate, json!({"system": "Be brief.", "prompt": "Hi \"you\" é\n\nHello.\n\nBye"})),
        (Codec::Tgi, json!({"inputs": "Be brief.\n\nHi \"you\" é\n\nHello.\n\nBye"})),
    ] {
        assert_eq!(members(&codec, &messages), expected, "{codec:?}");
    }
    assert_eq!(
        members(&Codec::Embeddings, &json!([{"role": "user", "content": "one"}])),
        json!({"input": "one"})
    );
}

#[test]
fn tools_and_pictures_in_the_apis_that_have_them() {
    let messages = json!([
        {"role": "user", "content": [{"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "image_url", "image_url": {"url": "https://h/x.png"}}]},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "not json"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "{\"ok\":true}"},
        {"role": "tool", "tool_call_id": "c2", "content": "plain"},
    ]);
    assert_eq!(
        members(&Codec::Responses, &messages),
        json!({"input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Look"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                {"type": "input_image", "image_url": "https://h/x.png"}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"a\":1}"},
            {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "not json"},
            {"type": "function_call_output", "call_id": "c1", "output": "{\"ok\":true}"},
            {"type": "function_call_output", "call_id": "c2", "output": "plain"},
        ]})
    );
    assert_eq!(
        members(&Codec::Anthropic, &messages),
        json!({"messages": [
            {"role": "user", "content": [{"type": "text", "text": "Look"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "image", "source": {"type": "url", "url": "https://h/x.png"}}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
                {"type": "tool_use", "id": "c2", "name": "g", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "{\"ok\":true}"},
                {"type": "tool_result", "tool_use_id": "c2", "content": "plain"}]},
        ]})
    );
    assert_eq!(
        members(&Codec::Gemini, &messages),
        json!({"contents": [
            {"role": "user", "parts": [{"text": "Look"},
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                {"fileData": {"fileUri": "https://h/x.png"}}]},
            {"role": "model", "parts": [
                {"functionCall": {"name": "f", "args": {"a": 1}}},
                {"functionCall": {"name": "g", "args": {}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "f", "response": {"ok": true}}},
                {"functionResponse": {"name": "g", "response": {"result": "plain"}}}]},
        ]})
    );
    assert_eq!(
        members(&Codec::Ollama, &messages),
        json!({"messages": [
            {"role": "user", "content": "Look", "images": ["AAAA", "https://h/x.png"]},
            {"role": "assistant", "content": "", "tool_calls": [
                {"function": {"name": "f", "arguments": {"a": 1}}},
                {"function": {"name": "g", "arguments": {}}}]},
            {"role": "tool", "content": "{\"ok\":true}", "tool_name": "f"},
            {"role": "tool", "content": "plain", "tool_name": "g"},
        ]})
    );
}

#[test]
fn bodies_say_the_model_the_stream_and_the_bound_as_each_api_does() {
    let hi = json!([{"role": "user", "content": "hi"}]);
    for (codec, streamed, whole) in [
        (
            Codec::Chat,
            json!({"model": "m", "messages": hi, "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 7}),
            json!({"model": "m", "messages": hi, "stream": false}),
        ),
        (
            Codec::Completions,
            json!({"model": "m", "prompt": "hi", "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 7}),
            json!({"model": "m", "prompt": "hi", "stream": false}),
        ),
        (
            Codec::Responses,
            json!({"model": "m", "input": hi, "stream": true, "max_output_tokens": 7}),
            json!({"model": "m", "input": hi, "stream": false}),
        ),
        (Codec::Embeddings, json!({"model": "m", "input": "hi"}), json!({"model": "m", "input": "hi"})),
        (
            Codec::Anthropic,
            json!({"model": "m", "messages": hi, "stream": true, "max_tokens": 7}),
            json!({"model": "m", "messages": hi, "stream": false, "max_tokens": 1024}),
        ),
        (
            Codec::Gemini,
            json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": {"maxOutputTokens": 7}}),
            json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
        ),
        (
            Codec::Ollama,
            json!({"model": "m", "messages": hi, "stream": true, "options": {"num_predict": 7}}),
            json!({"model": "m", "messages": hi, "stream": false}),
        ),
        (
            Codec::OllamaGenerate,
            json!({"model": "m", "prompt": "hi", "stream": true, "options": {"num_predict": 7}}),
            json!({"model": "m", "prompt": "hi", "stream": false}),
        ),
        (
            Codec::Tgi,
            json!({"inputs": "hi", "parameters": {"details": true, "max_new_tokens": 7}}),
            json!({"inputs": "hi", "parameters": {"details": true}}),
        ),
    ] {
        assert_eq!(body(&codec, true, Some(7), json!({})), streamed, "{codec:?}");
        assert_eq!(body(&codec, false, None, json!({})), whole, "{codec:?}");
    }
}

#[test]
fn further_members_add_at_any_depth_and_never_replace() {
    let extra = json!({"model": "x", "stream": "x", "temperature": 0.5, "options": {"num_predict": 1, "top_k": 3},
        "messages": [], "generationConfig": {"topK": 3, "maxOutputTokens": 1}});
    assert_eq!(
        body(&Codec::Ollama, true, Some(7), extra.clone()),
        json!({"model": "m", "stream": true, "temperature": 0.5, "options": {"num_predict": 7, "top_k": 3},
            "messages": [{"role": "user", "content": "hi"}], "generationConfig": {"topK": 3, "maxOutputTokens": 1}})
    );
    let of_gemini = body(&Codec::Gemini, true, Some(7), extra);
    assert_eq!(of_gemini["generationConfig"], json!({"topK": 3, "maxOutputTokens": 7}));
    assert_eq!(body(&Codec::Anthropic, true, None, json!({"max_tokens": 5}))["max_tokens"], 5);
}

#[test]
fn tools_are_offered_as_each_api_wants_them() {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tools = [
        json!({"type": "function", "function": {"name": "f", "description": "d", "parameters": parameters}}),
    ];
    let offered = |codec: &Codec| {
        let mut out = Vec::new();
        codec.write_tools(&tools, &mut out);
        object(&out)
    };
    assert_eq!(offered(&Codec::Chat), json!({"tools": tools}));
    assert_eq!(offered(&Codec::Ollama), json!({"tools": tools}));
    let flat = json!({"type": "function", "name": "f", "description": "d", "parameters": parameters});
    assert_eq!(offered(&Codec::Responses), json!({"tools": [flat]}));
    let anthropic = json!({"name": "f", "description": "d", "input_schema": parameters});
    assert_eq!(offered(&Codec::Anthropic), json!({"tools": [anthropic]}));
    let declared = json!({"name": "f", "description": "d", "parameters": parameters});
    assert_eq!(offered(&Codec::Gemini), json!({"tools": [{"functionDeclarations": [declared]}]}));
    assert_eq!(offered(&Codec::Tgi), json!({}));
}

#[test]
fn no_prompt_is_longer_than_its_bound() {
    let prompts = [
        json!([]),
        json!([{"role": "user", "content": ""}]),
        json!([{"role": "system", "content": "é🌊\n\"\\\u{1}"}, {"role": "user", "content": ["a", {"text": "b"}]}]),
        json!([{"role": "user", "content": [{"image_url": {"url": "data:,;base64,x"}}, {"image_url": "x"}, {"a": {"b": 1}}]}]),
        json!([{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}, {"function": {}}]}, {"role": "tool", "content": "x"}]),
    ];
    for (codec, messages) in APIS.iter().flat_map(|codec| prompts.iter().map(move |prompt| (codec, prompt))) {
        let written = prompt(codec, messages);
        object(&written);
        let bound = codec.prompt_bound(messages.to_string().as_bytes());
        assert!(written.len() <= bound, "{codec:?} {} > {bound}: {messages}", written.len());
    }
}

#[test]
fn what_are_no_messages_make_a_prompt_all_the_same() {
    for codec in &APIS[1..] {
        for wrong in ["", "7", "[1]", "{}", "[{\"content\":7}]"] {
            let mut out = Vec::new();
            codec.write_prompt(wrong.as_bytes(), &mut out);
            object(&out);
        }
    }
}
