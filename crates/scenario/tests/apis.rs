//! Every API from a scenario to a request: where it goes, what it says, and what is refused.

mod support;

use floodline_core::plan::{Address, Api};
use floodline_scenario::{QuickForm, Resolved};
use serde_json::{Value, json};
use support::{World, body};

fn url(resolved: &Resolved) -> &str {
    match &resolved.plan.target.address {
        Address::Url(url) => url,
        Address::Stub(_) => panic!("the built-in provider"),
    }
}

fn sent(resolved: &Resolved) -> Vec<String> {
    let headers = resolved.targets[0].secrets.request_headers(resolved.plan.target.api);
    headers.into_iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect()
}

#[test]
fn every_api_goes_from_a_file_to_a_request() {
    let hi = json!([{"role": "user", "content": "Hi"}]);
    for (api, base, expected_url, expected_body) in [
        (
            "openai-completions",
            "https://h/v1",
            "https://h/v1/completions",
            json!({"model": "m", "prompt": "Hi", "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 9}),
        ),
        (
            "openai-responses",
            "https://h/v1",
            "https://h/v1/responses",
            json!({"model": "m", "input": hi, "stream": true, "max_output_tokens": 9}),
        ),
        (
            "openai-embeddings",
            "https://h/v1",
            "https://h/v1/embeddings",
            json!({"model": "m", "input": "Hi"}),
        ),
        (
            "azure-openai",
            "https://r.example",
            "https://r.example/openai/deployments/m/chat/completions?api-version=2024-10-21",
            json!({"model": "m", "messages": hi, "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 9}),
        ),
        (
            "anthropic",
            "https://h",
            "https://h/v1/messages",
            json!({"model": "m", "messages": hi, "stream": true, "max_tokens": 9}),
        ),
        (
            "gemini",
            "https://h",
            "https://h/v1beta/models/m:streamGenerateContent?alt=sse",
            json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "generationConfig": {"maxOutputTokens": 9}}),
        ),
        (
            "ollama",
            "http://h",
            "http://h/api/chat",
            json!({"model": "m", "messages": hi, "stream": true, "options": {"num_predict": 9}}),
        ),
        (
            "ollama-generate",
            "http://h",
            "http://h/api/generate",
            json!({"model": "m", "prompt": "Hi", "stream": true, "options": {"num_predict": 9}}),
        ),
        (
            "tgi",
            "http://h",
            "http://h/generate_stream",
            json!({"inputs": "Hi", "parameters": {"details": true, "max_new_tokens": 9}}),
        ),
    ] {
        let text = format!(
            "target: {{api: {api}, url: {base}, model: m}}\nprompts: {{text: Hi, max_tokens: 9}}\nload: {{users: 1, for: 1s}}\n"
        );
        let resolved = World::new().resolve(&text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((url(&resolved), body(&resolved, 0)), (expected_url, expected_body), "{api}");
        assert_eq!(resolved.plan.target.api.name(), api);
        let quick = QuickForm {
            api: Some(api.into()),
            url: Some(base.into()),
            model: Some("m".into()),
            prompt: Some("Hi".into()),
            max_tokens: Some(9),
            ..QuickForm::default()
        };
        let quick = World::new().quick(&quick).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((url(&quick), body(&quick, 0)), (url(&resolved), body(&resolved, 0)), "{api}");
    }
}

#[test]
fn synthetic_prompts_and_corpora_are_sent_in_the_form_of_the_api() {
    let lines = "{\"messages\": [{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": \"a\"}], \"max_tokens\": 4}\n{\"prompt\": \"b\"}\n";
    let world = World::new().file("p.jsonl", lines);
    let target = "target: {api: anthropic, url: 'http://h', model: m}\n";
    let corpus = world.resolve(&format!("{target}prompts: {{file: p.jsonl}}\n")).unwrap();
    assert_eq!(
        body(&corpus, 0),
        json!({"model": "m", "stream": true, "system": "S", "messages": [{"role": "user", "content": "a"}], "max_tokens": 4})
    );
    assert_eq!(body(&corpus, 1)["max_tokens"], 1024);
    let text = format!("{target}prompts: {{input_tokens: 20, max_tokens: 5, prefix: {{system: 8}}}}\n");
    let sent = body(&world.resolve(&text).unwrap(), 3);
    let words = |text: &Value| text.as_str().unwrap().split(' ').count();
    assert_eq!((words(&sent["system"]), words(&sent["messages"][0]["content"])), (8, 12));
}

#[test]
fn usual_keys_go_to_the_hosts_of_their_vendors_only() {
    let world = || {
        World::new()
            .env("OPENAI_API_KEY", "canary-o")
            .env("ANTHROPIC_API_KEY", "canary-a")
            .env("GOOGLE_API_KEY", "canary-g")
            .env("AZURE_OPENAI_API_KEY", "canary-z")
    };
    for (api, base, expected) in [
        ("openai-responses", "https://api.openai.com/v1", vec!["authorization: Bearer canary-o"]),
        (
            "anthropic",
            "https://api.anthropic.com",
            vec!["x-api-key: canary-a", "anthropic-version: 2023-06-01"],
        ),
        ("gemini", "https://generativelanguage.googleapis.com", vec!["x-goog-api-key: canary-g"]),
        ("azure-openai", "https://r.openai.azure.com", vec!["api-key: canary-z"]),
        ("azure-openai", "https://openai.azure.com.evil.example", vec![]),
        ("openai-chat", "http://api.openai.com/v1", vec![]),
        ("openai-chat", "https://api.openai.com:8443/v1", vec![]),
        ("anthropic", "https://api.anthropic.com.evil.example", vec!["anthropic-version: 2023-06-01"]),
    ] {
        let resolved =
            world().resolve(&format!("target: {{api: {api}, url: '{base}', model: m}}\n")).unwrap();
        assert_eq!(sent(&resolved), expected, "{base}");
    }
    let given = "target: {api: anthropic, url: https://api.anthropic.com, model: m, headers: {X-Api-Key: '${env:KEY}'}}\n";
    assert_eq!(sent(&world().resolve(given).unwrap())[0], "x-api-key: canary-key");
}

#[test]
fn the_built_in_provider_is_asked_at_the_path_of_the_api() {
    let path = |target: &str| {
        World::new().resolve(&format!("target: {{{target}}}\n")).unwrap().targets[0]
            .exchange
            .provider_path
            .clone()
    };
    assert_eq!(path("stub: {}"), "/v1/chat/completions");
    assert_eq!(path("stub: {}, api: anthropic"), "/v1/messages");
    assert_eq!(path("stub: {}, api: openai-embeddings"), "/v1/embeddings");
    assert_eq!(path("stub: {}, api: tgi, stream: false"), "/generate");
    assert_eq!(path("stub: {}, api: gemini, model: g, stream: false"), "/v1beta/models/g:generateContent");
    assert_eq!(
        path("stub: {}, api: azure-openai, api_version: '1'"),
        "/openai/deployments/floodline-stub/chat/completions?api-version=1"
    );
    assert_eq!(path("stub: {}, api: http, request: {path: /v1/models}"), "/v1/models");
}

const OWN: &str = "\
target:
  api: http
  url: http://127.0.0.1:8000/v2
  request:
    path: '/chat/{{ i }}?q={{ prompt }}'
    headers: {X-Seed: '{{ seed }}', Authorization: 'Bearer ${env:KEY}'}
    json: {question: 'Q: {{ prompt }}', limit: '{{ max_tokens }}', list: ['{{ messages | length }}', 1, null], model: '{{ model }}'}
  answer: {format: sse, text: $.delta.text, done: '[DONE]'}
prompts: {text: a b, max_tokens: 7}
seed: 5
";

#[test]
fn an_application_is_asked_by_templates() {
    let resolved = World::new().resolve(OWN).unwrap();
    let mut body = Vec::new();
    let rendered = resolved.workloads[0].render(3.into(), &mut body);
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap(),
        json!({"question": "Q: a b", "limit": 7, "list": [1, 1, null], "model": "default"})
    );
    let head = rendered.head.unwrap();
    assert_eq!(head.path.as_deref(), Some("/v2/chat/3?q=a%20b"));
    assert_eq!(head.fields, [("x-seed".into(), "5".into())]);
    assert_eq!((head.method, head.fault), (None, None));
    assert_eq!(sent(&resolved), ["authorization: Bearer canary-key"]);
    assert_eq!((resolved.targets[0].exchange.method.as_str(), resolved.plan.target.api), ("POST", Api::Http));
    assert_eq!(resolved.targets[0].exchange.content_type.as_deref(), Some("application/json"));
    let plan = serde_json::to_string(&resolved.plan).unwrap();
    assert!(plan.contains("${env:KEY}") && !plan.contains("canary"), "{plan}");
}

#[test]
fn what_all_requests_have_in_common_is_no_part_of_each() {
    let text = "target: {api: http, url: 'http://h/b', request: {path: /x y, form: {q: '{{ prompt }}', n: 1}}, answer: {format: json}}\nprompts: {text: a&b}\n";
    let resolved = World::new().resolve(text).unwrap();
    let mut body = Vec::new();
    let rendered = resolved.workloads[0].render(0.into(), &mut body);
    assert_eq!((String::from_utf8(body).unwrap().as_str(), rendered.head), ("q=a%26b&n=1", None));
    assert_eq!(url(&resolved), "http://h/b/x%20y");
    assert!(!resolved.plan.target.stream);
    let get = World::new().resolve("target: {api: http, url: 'http://h/b', request: {path: /x}}\n").unwrap();
    assert_eq!(
        (get.targets[0].exchange.method.as_str(), get.targets[0].exchange.content_type.clone()),
        ("GET", None)
    );
}

#[test]
fn a_request_that_cannot_be_made_says_so_and_is_not_sent() {
    let text = "target: {api: http, url: 'http://h', request: {headers: {X-A: '{{ prompt }}'}, body: '{{ 1 / (i - 1) }}'}}\nprompts: {text: \"a\\nb\"}\n";
    let resolved = World::new().resolve(text).unwrap();
    let mut body = Vec::new();
    let fault = resolved.workloads[0].render(0.into(), &mut body).head.unwrap().fault.unwrap();
    assert!(fault.contains("line break"), "{fault}");
    assert!(body.is_empty());
}

#[test]
fn what_does_not_go_together_is_refused_with_a_remedy() {
    let error = |target: &str| World::new().error(&format!("target:\n{target}\n"));
    for (target, expected) in [
        (
            "  {api: openai-embeddings, url: 'http://h/v1', model: m, stream: true}",
            "embeddings are not streamed",
        ),
        (
            "  {api: anthropic, url: 'http://h', model: m, api_version: '1'}",
            "`api_version` goes with `api: azure-openai` only",
        ),
        (
            "  {api: gemini, url: 'http://h', model: m, max_tokens_field: max_tokens}",
            "`max_tokens_field` does not go with `api: gemini`",
        ),
        (
            "  {api: gemini, url: 'http://h', model: m, body: {generationConfig: {maxOutputTokens: 5}}}",
            "`generationConfig.maxOutputTokens` cannot be set in `body`",
        ),
        (
            "  {api: anthropic, url: 'http://h', model: m, body: {system: S}}",
            "write it as a message of the role system in `prompts`",
        ),
        (
            "  {api: openai-chat, url: 'http://h/v1', model: m, answer: {format: sse}}",
            "`answer` goes with `api: http` only",
        ),
        ("  {api: http, url: 'http://h'}", "needs a `request`"),
        (
            "  {api: http, url: 'http://h', stream: false, request: {}}",
            "say how the answer is read: answer: {format: json}",
        ),
        ("  {api: http, url: 'http://h', body: {a: 1}, request: {}}", "all of the body is in `request`"),
        ("  {api: http, url: 'http://h', request: {json: {}, body: x}}", "a request has one body"),
        ("  {api: http, url: 'http://h', request: {method: HEAD}}", "`HEAD` cannot be sent"),
        (
            "  {api: http, url: 'http://h', request: {}, answer: {format: text, text: $.a}}",
            "plain text has no JSON to look into",
        ),
        ("  {api: http, url: 'http://h', request: {}, answer: {format: json, done: x}}", "leave out `done`"),
        (
            "  {api: http, url: 'http://h', request: {}, answer: {text: $..a}}",
            "`$..a` is no path into JSON: `..` is not understood",
        ),
        (
            "  {api: http, url: 'http://h', request: {headers: {X: '{{ i }} ${env:KEY}'}}}",
            "either a template or a value from the environment",
        ),
        (
            "  {api: http, url: 'http://h', request: {json: {password: hunter2}}}",
            "`password` in `json` looks like a secret",
        ),
        (
            "  {api: http, url: 'http://h', request: {body: '{{ promt }}'}}",
            "it can use prompt, messages, model",
        ),
    ] {
        let said = error(target);
        assert!(said.contains(expected), "{expected} is not in\n{said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn a_mistake_in_a_template_is_shown_where_it_stands() {
    let text = "target:\n  api: http\n  url: http://h\n  request:\n    json:\n      a: 1\n      b: [x, '{{ prompt']\n";
    let said = World::new().error(text);
    assert!(said.contains("load.yaml:7:14"), "{said}");
    assert!(said.contains("this template cannot be understood"), "{said}");
}
