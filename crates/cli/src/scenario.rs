//! From the arguments of a command to a resolved scenario: a file with what the arguments change in it, or the
//! quick form.

use floodline_scenario::{NamedPolicy, Outside, Overrides, QuickForm, Resolved, Source};

use crate::Failure;
use crate::args::ScenarioArgs;
use crate::outside::why;

/// The scenario file or the quick form, resolved; and the scenario's text for the record.
pub(crate) fn resolve(args: &ScenarioArgs, outside: &dyn Outside) -> Result<(Resolved, String), Failure> {
    let text = read(args)?;
    Ok((resolve_text(args, &text, outside)?, text))
}

/// The same of a text that was read before; the quick form is all in its arguments.
pub(crate) fn resolve_text(
    args: &ScenarioArgs,
    text: &str,
    outside: &dyn Outside,
) -> Result<Resolved, Failure> {
    let Some(path) = &args.scenario else {
        return floodline_scenario::resolve_quick(&quick_form(args), outside).map_err(Failure::usage);
    };
    let overrides = Overrides {
        name: args.name.clone(),
        seed: args.seed,
        duration: args.duration.clone(),
        requests: args.requests,
        url: args.url.clone(),
        model: args.model.clone(),
        objectives: args.objectives.clone(),
        retry: policy(args),
        record_bodies: args.record_bodies,
    };
    let name = path.display().to_string();
    floodline_scenario::resolve(&Source { name: &name, text }, &overrides, outside).map_err(Failure::usage)
}

/// The text of the scenario file, or the scenario that the quick form stands for.
fn read(args: &ScenarioArgs) -> Result<String, Failure> {
    let Some(path) = &args.scenario else {
        if args.url.is_none() {
            return Err(Failure::usage(
                "what is to be loaded? give a scenario file, or --url (a base URL, or `stub:` for the built-in provider)",
            ));
        }
        return Ok(quick_form(args).to_yaml());
    };
    let name = path.display();
    let out_of_place = out_of_place(args);
    if !out_of_place.is_empty() {
        return Err(Failure::usage(format!(
            "{} cannot be combined with a scenario file; set it in {name}",
            out_of_place.join(", "),
        )));
    }
    let bytes = std::fs::read(path)
        .map_err(|e| Failure::usage(format!("cannot read the scenario {name}: {}", why(&e))))?;
    String::from_utf8(bytes).map_err(|_| Failure::usage(format!("the scenario {name} is not UTF-8 text")))
}

fn quick_form(args: &ScenarioArgs) -> QuickForm {
    QuickForm {
        url: args.url.clone(),
        api: args.api.clone(),
        model: args.model.clone(),
        tokenizer: args.tokenizer.clone(),
        concurrency: args.concurrency,
        rate: args.rate.clone(),
        arrivals: args.arrivals.clone(),
        burstiness: args.burstiness.clone(),
        requests: args.requests,
        duration: args.duration.clone(),
        warmup: args.warmup.clone(),
        max_tokens: args.max_tokens,
        prompt: args.prompt.clone(),
        prompts: args.prompts.clone(),
        input_tokens: args.input_tokens,
        stream: args.no_stream.then_some(false),
        timeout: args.timeout.clone(),
        idle_timeout: args.idle_timeout.clone(),
        connect_timeout: args.connect_timeout.clone(),
        key_env: args.key_env.clone(),
        headers: args.headers.clone(),
        seed: args.seed,
        name: args.name.clone(),
        ca_file: args.ca_file.clone(),
        insecure: args.insecure,
        http2: args.http2,
        proxy: args.proxy.clone(),
        no_keep_alive: args.no_keep_alive,
        objectives: args.objectives.clone(),
        retry: policy(args),
        record_bodies: args.record_bodies,
    }
}

/// The policy that was named, and by which option.
fn policy(args: &ScenarioArgs) -> Option<NamedPolicy> {
    let option = if args.compares_retries { "--compare-retries" } else { "--retry" };
    args.retry.clone().map(|name| NamedPolicy { name, option })
}

/// Options that only the quick form has, as far as they were given.
fn out_of_place(args: &ScenarioArgs) -> Vec<&'static str> {
    [
        ("--api", args.api.is_some()),
        ("--tokenizer", args.tokenizer.is_some()),
        ("--key-env", args.key_env.is_some()),
        ("--header", !args.headers.is_empty()),
        ("--no-stream", args.no_stream),
        ("--ca-file", args.ca_file.is_some()),
        ("--insecure", args.insecure),
        ("--http2", args.http2),
        ("--proxy", args.proxy.is_some()),
        ("--no-keep-alive", args.no_keep_alive),
        ("--concurrency", args.concurrency.is_some()),
        ("--rate", args.rate.is_some()),
        ("--arrivals", args.arrivals.is_some()),
        ("--burstiness", args.burstiness.is_some()),
        ("--warmup", args.warmup.is_some()),
        ("--prompt", args.prompt.is_some()),
        ("--prompts", args.prompts.is_some()),
        ("--input-tokens", args.input_tokens.is_some()),
        ("--max-tokens", args.max_tokens.is_some()),
        ("--timeout", args.timeout.is_some()),
        ("--idle-timeout", args.idle_timeout.is_some()),
        ("--connect-timeout", args.connect_timeout.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, given)| given.then_some(name))
    .collect()
}
