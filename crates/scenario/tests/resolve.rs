//! What scenarios, quick forms and overrides resolve to.

mod support;

use floodline_core::plan::{Address, Load, StubPace, Timeouts};
use floodline_core::schedule::{Phase, Spread};
use floodline_core::time::{Moment, Span};
use floodline_scenario::{Overrides, QuickForm};
use proptest::prelude::*;
use support::{World, body};

#[test]
fn the_smallest_scenario_runs_against_the_built_in_provider() {
    let resolved = World::new().resolve("target: {stub: {}}").unwrap();
    let plan = &resolved.plan;
    assert_eq!((plan.name.as_str(), plan.target.model.as_str()), ("load", "floodline-stub"));
    let Address::Stub(stub) = &plan.target.address else { panic!("{plan:?}") };
    assert_eq!(stub.pace, StubPace::Profile("instant".into()));
    assert_eq!(plan.planned_length(), Some(Span::from_secs(30)));
    assert_eq!(plan.timeouts, Timeouts::default());
    let sent = body(&resolved, 0);
    assert_eq!(sent["max_tokens"], 100);
    assert_eq!(sent["messages"][0]["content"].as_str().unwrap().split(' ').count(), 32);
}

#[test]
fn every_part_of_a_scenario_arrives_in_the_plan() {
    let text = "\
name: all of it
seed: 7
target:
  url: https://h/v1/
  model: m
  key: ${env:KEY}
  headers: {X-Team: search, Api-Key: '${env:KEY}'}
  stream: false
  max_tokens_field: max_completion_tokens
  body: {temperature: 0.5}
  insecure: true
  ca_file: ca.pem
prompts:
  - {name: hello, text: 'Say \"hi\"', output_tokens: 5}
load:
  - {warmup: 2/s, for: 1s}
  - {hold: 0.5/s, for: 10m, arrivals: poisson, requests: 9}
limits: {duration: 1h, requests: 100, tokens: 1_000, errors: 3}
timeouts: {connect: 1s, request: 2s, idle: 3s, grace: 0s}
health: {late_p99: 1ms, lag_p99: 2ms}
record_bodies: true
";
    let resolved = World::new().file("ca.pem", "").resolve(text).unwrap();
    let plan = &resolved.plan;
    assert_eq!((plan.name.as_str(), plan.seed, plan.record_bodies), ("all of it", 7, true));
    assert_eq!(plan.target.address, Address::Url("https://h/v1/chat/completions".into()));
    assert_eq!(plan.target.key_env.as_deref(), Some("KEY"));
    assert_eq!(plan.target.headers, ["x-team", "api-key"]);
    assert!(plan.target.insecure && !plan.target.stream);
    assert_eq!(plan.target.ca_file.as_deref(), Some("ca.pem"));
    let Load::Open { stages, requests: Some(9) } = &plan.scenarios[0].load else { panic!("{plan:?}") };
    assert_eq!((stages[0].phase, stages[1].phase), (Phase::Warmup, Phase::Main));
    assert_eq!((stages[0].spread, stages[1].spread), (Spread::Constant, Spread::Poisson));
    assert_eq!(stages[1].peak_rate().to_string(), "0.5/s");
    assert_eq!(plan.limits.tokens, Some(1000));
    assert_eq!((plan.timeouts.idle, plan.timeouts.grace), (Span::from_secs(3), Span::ZERO));
    assert_eq!(plan.health.lag_p99, Some(Span::from_millis(2)));
    let sent = body(&resolved, 0);
    assert_eq!(sent["messages"][0]["content"], "Say \"hi\"");
    assert_eq!((&sent["max_completion_tokens"], &sent["temperature"]), (&5.into(), &0.5.into()));
    let headers = resolved.targets[0].secrets.request_headers(plan.target.api);
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(
        headers,
        [("authorization", "Bearer canary-key"), ("x-team", "search"), ("api-key", "canary-key")]
    );
}

#[test]
fn users_and_requests_resolve_to_a_closed_loop() {
    let resolved = World::new().resolve("target: {stub: {}}\nload: {users: 64, requests: 640}").unwrap();
    let Load::Closed { stages, requests: Some(640) } = &resolved.plan.scenarios[0].load else { panic!() };
    assert_eq!((stages[0].users, stages[0].length), (64, None));
    assert_eq!(resolved.plan.planned_requests(), Some(640));
}

#[test]
fn a_prompts_file_is_read_from_the_scenarios_folder_and_sent_in_order() {
    let lines = "{\"prompt\": \"one\"}\n\n{\"messages\": [{\"role\": \"user\", \"content\": \"two\"}], \"max_tokens\": 3}";
    let world = World::new().file("dir/p.jsonl", lines);
    let source = floodline_scenario::Source {
        name: "dir/s.yaml",
        text: "target: {stub: {}}\nprompts: {file: p.jsonl, max_tokens: 50}",
    };
    let resolved = floodline_scenario::resolve(&source, &Overrides::default(), &world).unwrap();
    let prompt = &resolved.plan.scenarios[0].prompts[0];
    assert_eq!(
        prompt.source,
        "p.jsonl: 2 prompts, 2 distinct, 1 token each (o200k_base); answers: 50 tokens, but for prompts with a bound of \
         their own (1 of 2)"
    );
    assert_eq!(prompt.max_tokens, None, "it is not the same for every request");
    let sent = |i| {
        let body = body(&resolved, i);
        (body["messages"][0]["content"].as_str().unwrap().to_owned(), body["max_tokens"].as_u64())
    };
    assert_eq!(sent(0), ("one".into(), Some(50)));
    assert_eq!(sent(1), ("two".into(), Some(3)));
    assert_eq!(sent(2), ("one".into(), Some(50)));
}

#[test]
fn a_trace_is_replayed_with_its_window_and_speed() {
    let trace = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.0000000,374,44\r\n\
        2023-11-16 18:15:47.0000001,396,109\r\n2023-11-16 18:15:56.0000000,12,0";
    let world = World::new().file("t.csv", trace);
    let text = "target: {stub: {}}\nload: {replay: t.csv, format: azure, speed: 3, from: 1s, to: 10s}";
    let resolved = world.resolve(text).unwrap();
    let Load::Replay(replay) = &resolved.plan.scenarios[0].load else { panic!() };
    assert_eq!(
        (replay.requests, replay.recording.rows[0].at, replay.recording.rows[0].input_tokens),
        (Some(1), Moment(33), 396)
    );
    assert_eq!(body(&resolved, 0)["max_tokens"], 109);
    assert_eq!(resolved.plan.planned_requests(), Some(1));
    assert_eq!(resolved.warnings.len(), 1, "{:?}", resolved.warnings);
}

#[test]
fn prompts_can_be_the_same_every_time() {
    let text = "target: {stub: {}}\nprompts: {input_tokens: 50, unique: false}";
    let resolved = World::new().resolve(text).unwrap();
    assert_eq!(body(&resolved, 0), body(&resolved, 9));
    let unique = World::new().resolve("target: {stub: {}}\nprompts: {input_tokens: 50}").unwrap();
    assert_ne!(body(&unique, 0), body(&unique, 9));
}

#[test]
fn overrides_win_over_the_file() {
    let text =
        "seed: 1\ntarget: {stub: {}}\nload:\n  - {warmup: {users: 2}, for: 1s}\n  - {users: 4, for: 9s}";
    let overrides = Overrides {
        name: Some("n".into()),
        seed: Some(5),
        duration: Some("2s".into()),
        requests: Some(3),
        url: Some("http://127.0.0.1:9/v1".into()),
        model: Some("m".into()),
        record_bodies: true,
        retry: Some("fixed:2s".into()),
        objectives: Vec::new(),
    };
    let plan = World::new().resolve_with(text, &overrides).unwrap().plan;
    let waits = floodline_core::retry::Waits::Fixed(Span::from_secs(2));
    assert_eq!(plan.retry.as_ref().map(|policy| policy.waits), Some(waits));
    assert_eq!((plan.name.as_str(), plan.seed, plan.target.model.as_str()), ("n", 5, "m"));
    assert_eq!(plan.target.address, Address::Url("http://127.0.0.1:9/v1/chat/completions".into()));
    assert_eq!((plan.planned_length(), plan.planned_requests()), (Some(Span::from_secs(3)), None));
    let overrides = Overrides { duration: Some("soon".into()), ..Overrides::default() };
    let error = World::new().resolve_with(text, &overrides).unwrap_err().to_string();
    assert!(error.starts_with("error: --duration: `soon` is not a duration"), "{error}");
}

#[test]
fn synthetic_prompts_are_exact_by_the_vocabulary() {
    use floodline_wire::tokens::Vocabulary;
    for tokens in [1, 7, 32, 500] {
        let text = format!("target: {{stub: {{}}}}\nprompts: {{input_tokens: {tokens}}}");
        let resolved = World::new().resolve(&text).unwrap();
        for i in [0, 1, 99_999] {
            let sent = body(&resolved, i);
            let prompt = sent["messages"][0]["content"].as_str().unwrap().to_owned();
            assert_eq!(Vocabulary::O200k.count(&prompt), tokens, "{prompt}");
        }
    }
}

#[test]
fn a_quick_form_has_the_defaults_that_the_command_promises() {
    let form = QuickForm { url: Some("stub:8b-h100".into()), ..QuickForm::default() };
    let resolved = World::new().quick(&form).unwrap();
    let Load::Closed { stages, requests: None } = &resolved.plan.scenarios[0].load else { panic!() };
    assert_eq!((stages[0].users, stages[0].length), (1, Some(Span::from_secs(30))));
    assert_eq!(resolved.plan.scenarios[0].prompts[0].max_tokens, Some(100));
    assert_eq!(resolved.plan.scenarios[0].prompts[0].source, "32 tokens");
    let form = QuickForm { prompt: Some("hi".into()), rate: Some("20".into()), requests: Some(5), ..form };
    let resolved = World::new().quick(&form).unwrap();
    assert_eq!(resolved.plan.scenarios[0].peak_rate().map(|rate| rate.to_string()).as_deref(), Some("20/s"));
    assert_eq!((resolved.plan.planned_length(), resolved.plan.planned_requests()), (None, Some(5)));
    assert_eq!(body(&resolved, 0)["messages"][0]["content"], "hi");
}

#[test]
fn a_quick_form_written_down_resolves_to_the_same_plan() {
    let forms = [
        QuickForm { url: Some("stub:".into()), ..QuickForm::default() },
        QuickForm {
            url: Some("https://h/v1?x=1".into()),
            api: Some("openai-chat".into()),
            model: Some("org/model: 1 #x".into()),
            rate: Some("600/min".into()),
            arrivals: Some("poisson".into()),
            requests: Some(10),
            duration: Some("20s".into()),
            warmup: Some("2s".into()),
            max_tokens: Some(7),
            prompt: Some("say \"hi\"\n- now: #1".into()),
            stream: Some(false),
            timeout: Some("9s".into()),
            idle_timeout: Some("8s".into()),
            key_env: Some("KEY".into()),
            headers: vec!["X-Team: a: b".into(), "Cookie: ${env:KEY}".into()],
            seed: Some(4),
            name: Some("null".into()),
            insecure: true,
            retry: Some("backoff:equal".into()),
            record_bodies: true,
            ..QuickForm::default()
        },
        QuickForm {
            url: Some("stub:instant".into()),
            concurrency: Some(3),
            warmup: Some("1s".into()),
            input_tokens: Some(9),
            name: Some("7".into()),
            ..QuickForm::default()
        },
    ];
    for form in forms {
        let plan = World::new().quick(&form).unwrap().plan;
        let yaml = form.to_yaml();
        let mut again = World::new().resolve(&yaml).unwrap_or_else(|error| panic!("{yaml}\n{error}")).plan;
        if form.name.is_none() {
            again.name.clone_from(&plan.name);
            again.scenarios[0].name.clone_from(&plan.name);
        }
        assert_eq!(again, plan, "{yaml}");
        assert!(!yaml.contains("canary"), "{yaml}");
    }
}

#[test]
fn arguments_that_are_wrong_are_named() {
    let stub = || QuickForm { url: Some("stub:".into()), ..QuickForm::default() };
    for (form, message) in [
        (QuickForm { rate: Some("fast".into()), ..stub() }, "error: --rate: `fast` is not a rate"),
        (
            QuickForm { rate: Some("1".into()), concurrency: Some(1), ..stub() },
            "error: --rate and --concurrency exclude each other",
        ),
        (QuickForm { concurrency: Some(0), ..stub() }, "error: --concurrency must be above zero"),
        (
            QuickForm { arrivals: Some("poisson".into()), ..stub() },
            "error: --arrivals: users have no `arrivals`",
        ),
        (
            QuickForm { headers: vec!["sk-canary".into()], ..stub() },
            "error: --header: this is not the name of a header",
        ),
        (
            QuickForm { headers: vec!["Authorization: Bearer canary".into()], ..stub() },
            "error: --header: the value of `Authorization` must not be written",
        ),
        (
            QuickForm { key_env: Some("NO_KEY".into()), ..stub() },
            "error: --key-env: the environment variable `NO_KEY` is not set",
        ),
        (QuickForm { key_env: Some("sk-canary".into()), ..stub() }, "error: --key-env: this is not the name"),
        (
            QuickForm { key_env: Some("hf_canary".into()), ..stub() },
            "error: --key-env: no environment variable",
        ),
        (
            QuickForm { key_env: Some("c0ffeecanary0123456789".into()), ..stub() },
            "error: --key-env: no environment variable",
        ),
        (
            QuickForm { prompts: Some("no.jsonl".into()), ..stub() },
            "error: --prompts: cannot read `no.jsonl`",
        ),
        (
            QuickForm { input_tokens: Some(3), prompt: Some("x".into()), ..stub() },
            "error: --prompt: this prompt has text and input_tokens",
        ),
        (
            QuickForm { url: Some("http://h/v1".into()), ..QuickForm::default() },
            "error: --url: the target has no model",
        ),
        (QuickForm::default(), "error: --url: the target has no address"),
    ] {
        let error = World::new().quick(&form).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}

#[test]
fn rates_that_cannot_be_paced_are_refused() {
    let rate = |rate: &str| {
        World::new().resolve(&format!("target: {{stub: {{}}}}\nload: {{hold: {rate}, for: 1s}}"))
    };
    assert!(rate("1000000/s").is_ok());
    assert!(rate("60000000/min").is_ok());
    for fast in ["1000001/s", "60000001/min", "100000000000/s"] {
        let error = rate(fast).unwrap_err().to_string();
        assert!(error.contains("at most 1000000/s") && error.contains("help: lower the rate"), "{error}");
    }
    let form = QuickForm { url: Some("stub:".into()), rate: Some("2000000".into()), ..QuickForm::default() };
    let form = QuickForm { warmup: Some("1s".into()), ..form };
    let error = World::new().quick(&form).unwrap_err().to_string();
    assert!(error.starts_with("error: --rate: 2000000/s is faster"), "{error}");
    assert_eq!(error.matches("error:").count(), 1, "{error}");
}

#[test]
fn certificates_without_tls_are_warned_of() {
    for (target, warnings) in [
        ("url: 'http://h/v1', model: m, ca_file: ca.pem, insecure: true", 2),
        ("stub: {}, insecure: true", 1),
        ("stub: {}, insecure: false", 0),
        ("url: 'https://h/v1', model: m, ca_file: ca.pem, insecure: true", 0),
    ] {
        let resolved = World::new().file("ca.pem", "").resolve(&format!("target: {{{target}}}")).unwrap();
        let found = resolved.warnings.iter().filter(|warning| warning.contains("has no effect")).count();
        assert_eq!(found, warnings, "{target}: {:?}", resolved.warnings);
    }
}

#[test]
fn nesting_that_is_too_deep_is_called_that() {
    let (open, close) = ("[".repeat(3000), "]".repeat(3000));
    let line = format!("{{\"messages\": [{{\"role\": \"user\", \"content\": {open}{close}}}]}}\n");
    let world = World::new().file("p.jsonl", line);
    let error = world.error("target: {stub: {}}\nprompts: {file: p.jsonl}\n");
    assert!(error.contains("nested too deeply") && !error.contains("at line"), "{error}");
    let error = World::new().error(&format!("target: {{stub: {{}}, body: {{x: {open}{close}}}}}"));
    assert!(error.contains("nested too deeply") && !error.contains("recursion"), "{error}");
}

#[test]
fn marks_and_line_ends_of_other_systems_are_fine() {
    let text = "\u{feff}target: {stub: {}}\r\nload:\r\n  - {users: 2, for: 5s}\r\n";
    assert!(World::new().resolve(text).is_ok());
    let error = World::new().error("\u{feff}target: {stub: {}}\r\nload: {users: x}\r\n");
    assert!(error.contains("load.yaml:2:15") && !error.contains('\r'), "{error:?}");
}

proptest! {
    /// No text makes the resolver panic.
    #[test]
    fn any_text_is_an_answer_or_an_error(text in "[a-z:{}\\[\\]\"'&*!|>%@#,\\- \n\t0-9é$]{0,120}") {
        let _ = World::new().resolve(&text).map_err(|error| error.to_string());
    }
}

const TRACE: &str = "ts,in,out\n0,10,1\n1.5,20,2\n2,30,3\n";

/// Times in milliseconds and prompt lengths of a replay of [`TRACE`], with its warnings.
fn played(keys: &str) -> (Vec<(u64, u32)>, Vec<String>) {
    let world = World::new().file("t.csv", TRACE);
    let columns = "columns: {time: ts, input: in, output: out}, unit: s";
    let text = format!("seed: 1\ntarget: {{stub: {{}}}}\nload: {{replay: t.csv, {columns}, {keys}}}");
    let resolved = world.resolve(&text).unwrap_or_else(|error| panic!("{error}"));
    let Load::Replay(replay) = &resolved.plan.scenarios[0].load else { panic!() };
    let arrivals = (0..20).map_while(|i| replay.arrival(i));
    let rows = arrivals.map(|(at, row)| (at.0 / 1_000_000, replay.recording.rows[row].input_tokens));
    (rows.collect(), resolved.warnings)
}

#[test]
fn a_replay_is_looped_and_cut() {
    assert_eq!(played("loop: false").0, [(0, 10), (1_500, 20), (2_000, 30)]);
    // To the next pass it is as long as from one request to the next on average.
    assert_eq!(played("loop: 2").0[3..], [(3_000, 10), (4_500, 20), (5_000, 30)]);
    assert_eq!(played("loop: 2, to: 1900ms").0, [(0, 10), (1_500, 20), (1_900, 10), (3_400, 20)]);
    assert_eq!(played("loop: 2, from: 1s, speed: 2").0, [(250, 20), (500, 30), (750, 20), (1_000, 30)]);
    assert_eq!(played("loop: true, for: 4s").0.len(), 4);
    assert_eq!(played("loop: forever, requests: 7").0.len(), 7);
    assert_eq!(played("requests: 2").0.len(), 2);
    assert_eq!(played("for: 2s").0.len(), 2, "the end is exclusive");
    assert_eq!(played("loop: 2").1, [] as [String; 0]);
}

#[test]
fn a_replay_warns_of_ends_that_do_not_come() {
    assert!(played("requests: 9").1[0].contains("only 3 requests"));
    let (rows, warnings) = played("loop: forever");
    assert_eq!(rows.len(), 20);
    assert!(warnings[0].contains("without an end"), "{warnings:?}");
}

#[test]
fn a_replay_is_thinned_and_multiplied() {
    assert_eq!(played("scale: 2").0.len(), 6);
    assert_eq!(played("scale: 0.34").0.len(), 1);
    assert_eq!(played("scale: 2, loop: 2").0.len(), 12);
    assert_eq!(played("scale: 2, loop: 2").0[6].0, 3_000);
}

#[test]
fn overrides_cut_a_replay_too() {
    let world = World::new().file("t.csv", TRACE);
    let text = "target: {stub: {}}\nload: {replay: t.csv, columns: {time: ts, input: in, output: out}, unit: s, loop: true}";
    let overrides = Overrides { duration: Some("4s".into()), requests: Some(3), ..Overrides::default() };
    assert_eq!(world.resolve_with(text, &overrides).unwrap().plan.planned_requests(), Some(3));
    let overrides = Overrides { duration: Some("4s".into()), ..Overrides::default() };
    assert_eq!(world.resolve_with(text, &overrides).unwrap().plan.planned_requests(), Some(4));
}

#[test]
fn requests_at_one_instant_are_warned_of_and_spread() {
    let mooncake: String = (0..24)
        .map(|i| {
            let at = i / 8 * 3_000;
            format!("{{\"timestamp\": {at}, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [7, {i}]}}\n")
        })
        .collect();
    let world = World::new().file("t.jsonl", mooncake);
    let text = "target: {stub: {}}\nload: {replay: t.jsonl}";
    let resolved = world.resolve(text).unwrap();
    assert!(resolved.warnings[0].contains("8 requests are at one instant"), "{:?}", resolved.warnings);
    assert!(resolved.warnings[0].contains("jitter: 3s"), "{:?}", resolved.warnings);
    let spread = world.resolve("target: {stub: {}}\nload: {replay: t.jsonl, jitter: 3s}").unwrap();
    assert_eq!(spread.warnings, [] as [String; 0]);
    let Load::Replay(replay) = &spread.plan.scenarios[0].load else { panic!() };
    let mut times: Vec<u64> = replay.recording.rows.iter().map(|row| row.at.0).collect();
    assert!(times.is_sorted());
    times.dedup();
    assert_eq!(times.len(), 24);
    let words = |i: u64| body(&resolved, i)["messages"][0]["content"].as_str().unwrap().to_owned();
    let first_block = |text: String| text.split(' ').take(512).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(first_block(words(0)), first_block(words(23)));
    assert_ne!(words(0), words(23));
}

#[test]
fn tokens_are_counted_as_the_model_counts_them_or_as_asked() {
    let chosen = |world: &World, target: &str| {
        let resolved = world.resolve(&format!("target: {{url: http://h/v1, {target}}}")).unwrap();
        let planned = resolved.plan.target.tokenizer.unwrap();
        assert_eq!(planned.name, resolved.tokenizer.name());
        (planned.name, planned.hash)
    };
    let world = World::new();
    let name = |name: &str| (name.to_owned(), None);
    assert_eq!(chosen(&world, "model: Qwen/Qwen3-8B"), name("qwen2"));
    assert_eq!(chosen(&world, "model: house-model"), name("o200k_base"));
    assert_eq!(chosen(&world, "model: house-model, tokenizer: tekken"), name("tekken"));
    let file = r#"{"version": "1.0", "added_tokens": [], "model": {"type": "WordLevel", "unk_token": "?",
        "vocab": {"?": 0, "hello": 1}}}"#;
    let world = world.file("t/tokenizer.json", file);
    let (name, hash) = chosen(&world, "model: m, tokenizer: t/tokenizer.json");
    assert_eq!((name.as_str(), hash.map(|hash| hash.len())), ("t/tokenizer.json", Some(16)));
}
