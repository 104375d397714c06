//! From text to a scenario as written. The YAML library stays behind this file.

use serde::de::DeserializeOwned;
use serde_saphyr::{Error as Yaml, Options};

use crate::Source;
use crate::error::{Error, Problem, did_you_mean};
use crate::excerpt::{Excerpt, Show};
use crate::written::{Place, Scenario};

/// Keys that the language will have, or that others have, and what this version says to them.
const LATER: [&str; 1] = ["users_per_s"];

/// Reads the scenario, or says what keeps it from being one.
pub(crate) fn parse(source: &Source<'_>) -> Result<Scenario, Error> {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(source.text);
    let source = Source { text, ..*source };
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        let empty = Problem::new("the scenario is empty").in_file(source.name);
        return Err(empty
            .help("a scenario names a target at least, such as `target: {stub: {profile: 8b-h100}}`")
            .into());
    }
    read(&source).map_err(Error::from)
}

/// Reads a file of one of this crate's own formats.
pub(crate) fn read<T: DeserializeOwned>(source: &Source<'_>) -> Result<T, Problem> {
    let mut options = Options::default();
    options.with_snippet = false;
    options.strict_booleans = true;
    serde_saphyr::from_str_with_options(source.text, options).map_err(|error| problem(source, &error))
}

fn problem(source: &Source<'_>, error: &Yaml) -> Problem {
    let inner = match error.without_snippet() {
        Yaml::AliasError { error, .. } => error.without_snippet(),
        other => other,
    };
    let place = error.location().map_or(Place::Nowhere, Place::of);
    let Place::Text { line, column, chars } = place else {
        return describe(inner, source, (1, 1)).0.in_file(source.name);
    };
    let (problem, show) = describe(inner, source, (line, column));
    // Of a list that is a single value instead, the position is that of the key.
    let value = match inner {
        Yaml::SerdeInvalidType { expected, .. } if expected.starts_with("a list of mappings") => {
            value_of_key_at(source.text, (line, column))
        }
        _ => None,
    };
    if let Some((column, chars)) = value {
        return problem.at(Excerpt::new(source.name, source.text, (line, column), chars, show));
    }
    let chars = match inner {
        Yaml::SerdeUnknownField { field, .. } => field.chars().count(),
        Yaml::DuplicateMappingKey { key: Some(key), .. } => key.chars().count(),
        _ => chars,
    };
    problem.at(Excerpt::new(source.name, source.text, (line, column), chars, show))
}

/// The library's error in the words of this program.
fn describe(error: &Yaml, source: &Source<'_>, at: (usize, usize)) -> (Problem, Show) {
    match error {
        Yaml::SerdeUnknownField { field, expected, .. } => (unknown_key(field, expected), Show::UpToKey),
        Yaml::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("this key");
            let problem = Problem::new(format!("`{key}` is given twice in the same mapping"));
            (problem.help("keep one of the two"), Show::UpToKey)
        }
        Yaml::NullIntoString { .. } => (no_value(key_before(source.text, at)), Show::Line),
        Yaml::SerdeInvalidType { expected, .. } | Yaml::SerdeInvalidValue { expected, .. } => {
            (unexpected(expected, source.text, at), Show::Line)
        }
        Yaml::Unexpected { expected, .. } => (unexpected(expected, source.text, at), Show::Line),
        Yaml::MultipleDocuments { .. } => {
            let problem = Problem::new("the file holds more than one YAML document");
            (problem.help("keep one scenario in a file, without a line of `---` in the middle"), Show::Line)
        }
        Yaml::SerdeMissingField { field, .. } => {
            (Problem::new(format!("`{field}` is missing here")), Show::Line)
        }
        Yaml::NonFiniteFloat { value, .. } => {
            let problem = Problem::new(format!("`{value}` cannot be sent: JSON has no such number"));
            (problem.help("quote it if it is meant as text"), Show::Line)
        }
        Yaml::UnknownAnchor { .. } => {
            let problem = Problem::new("this alias refers to an anchor that does not exist");
            (problem.help("a value that starts with `*` must be quoted"), Show::Line)
        }
        other => (syntax(other, source.text, at), Show::Line),
    }
}

fn unknown_key(field: &str, expected: &[&'static str]) -> Problem {
    if LATER.contains(&field) {
        return Problem::new(format!("`{field}` is not supported in this version"))
            .help(format!("keys known here: {}", expected.join(", ")));
    }
    if matches!(field, "fault" | "faults") && !expected.contains(&"faults") {
        return Problem::new(format!("`{field}` belongs to the built-in provider"))
            .help("such as target: {stub: {faults: [status 529 rate 5%]}}");
    }
    let list = match expected {
        [only] => format!("expected `{only}`"),
        several => format!("expected one of {}", several.join(", ")),
    };
    let known_elsewhere = elsewhere(field).filter(|meant| expected.contains(meant));
    let help = match known_elsewhere.or_else(|| did_you_mean(field, expected.iter().copied())) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    };
    Problem::new(format!("unknown key `{field}`")).help(help)
}

/// Our word for what other load generators call so.
fn elsewhere(word: &str) -> Option<&'static str> {
    Some(match word {
        "duration" | "run_time" | "length" => "for",
        "rate" | "rps" | "qps" => "hold",
        "vus" | "concurrency" | "clients" => "users",
        "wait_time" | "think_time" | "sleep" => "think",
        "stages" | "phases" => "load",
        "startTime" | "start_time" => "start",
        "thresholds" | "slo" | "slos" | "assertions" => "objectives",
        "budget" => "spend",
        "base_url" | "host" => "url",
        "api_key" => "key",
        _ => return None,
    })
}

fn no_value(key: Option<String>) -> Problem {
    let message = key.map_or("a key has no value".into(), |key| format!("`{key}` has no value"));
    Problem::new(message).help("write a value behind the colon, or leave the key out")
}

/// Something of another shape than belongs here.
fn unexpected(expected: &str, text: &str, at: (usize, usize)) -> Problem {
    let key = key_before(text, at).or_else(|| key_at(text, at));
    if key.is_some() && nothing_follows(text, at) {
        return no_value(key);
    }
    let what = key.as_deref().map_or("this value".into(), |key| format!("`{key}`"));
    let shape = match expected {
        "string scalar" | "string" | "a string" => "a single value",
        e if e.starts_with("struct") || e.contains("mapping start") => "a mapping of keys and values",
        e if e.contains("sequence start") => "a list",
        other => other,
    };
    let problem = Problem::new(format!("{what} must be {shape}"));
    match key.as_deref() {
        Some("input_tokens" | "output_tokens" | "max_tokens") => {
            problem.help("such as 120, or {lognormal: {median: 3000, p95: 9000}}, or {uniform: [400, 900]}")
        }
        Some("lognormal" | "normal") => problem.help("such as {median: 3000, p95: 9000}"),
        Some("gamma") => problem.help("such as {mean: 400, p95: 1200}"),
        Some("uniform") => problem.help("the shortest and the longest length, such as [400, 900]"),
        Some("histogram") => problem.help("such as [{upto: 100, weight: 3}, {upto: 1000, weight: 1}]"),
        Some("values") => problem.help("lengths with their weights, such as [[120, 3], [400, 1]]"),
        Some("pairs") => {
            problem.help("tokens of prompts and of their answers, such as [[120, 80], [3000, 200]]")
        }
        Some("lengths") => problem.help(
            "such as {pairs: [[120, 80], [3000, 200]]}; a distribution of one length goes under input_tokens",
        ),
        Some("prefix") => problem.help("such as {system: 800}, or {groups: 20, tokens: 1500}"),
        Some("users") => problem.help("such as 8, 10..100 or {for_rate: 50/s, latency: 5s}"),
        Some("think" | "stay") => problem.help("such as 2s, {uniform: [1s, 3s]} or {exponential: 3s}"),
        Some("iterations") => problem.help("such as 20, {uniform: [2, 8]} or {geometric: 5}"),
        Some("warmup" | "cooldown") => problem.help("such as 1/s, {users: 8} or {sessions: 1/s}"),
        Some("prompts") => problem.help("such as `prompts: {text: Hello}`, or a list of such mappings"),
        Some("load") => problem.help("such as `load: {users: 8, for: 30s}`, or a list of such mappings"),
        Some("retry") => problem.help("such as backoff, or {backoff: {base: 500ms, cap: 8s, attempts: 3}}"),
        Some("backoff") => problem.help("such as {base: 500ms, cap: 8s}, or {} for the usual one"),
        Some("honour_retry_after") => problem.help("such as {cap: 60s}, or {} for the usual one"),
        Some("on" | "after") => problem.help("such as [rate_limited, overloaded]"),
        Some("stub") => problem.help("such as `stub: {profile: 8b-h100}`, or `stub: {}`"),
        Some("limits") => problem.help("such as {spend: $5, duration: 30m}; of a stub, such as {rpm: 500, tpm: 30k}"),
        Some("providers") => problem.help("such as `providers: [{name: primary, path: /primary, limits: {rpm: 500}}]`"),
        Some("faults") => problem.help("such as [{kind: status, status: 529, rate: 5%}], or [status 529 rate 5%]"),
        Some("nth") => problem.help("such as 3, or [3, 7, 10..20]"),
        Some("prices") => problem
            .help("such as `prices: {input: $2.50, output: $10}` of a million tokens, or `prices: {file: prices.json}`"),
        Some("objectives") => problem.help("such as `objectives: [ttft p95 < 500ms, errors rate < 1%]`"),
        Some("stop_when") => problem.help("such as `stop_when: [errors rate > 20% over 10s]`"),
        Some("key") => problem.help("refer to an environment variable: key: ${env:NAME}"),
        None if at == (1, 1) || expected.starts_with("struct") => {
            problem.help("a scenario is a mapping such as `target: {stub: {profile: 8b-h100}}`")
        }
        _ => problem,
    }
}

/// Text that is no YAML.
fn syntax(error: &Yaml, text: &str, (line, column): (usize, usize)) -> Problem {
    let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or("");
    let indent: String = shown.chars().take(column.max(1)).take_while(|c| c.is_whitespace()).collect();
    if indent.contains('\t') {
        return Problem::new("YAML does not allow tabs as indentation").help("indent with spaces");
    }
    if shown.chars().skip(column.saturating_sub(2)).take(6).eq("${env:".chars()) {
        return Problem::new("within braces, a reference to the environment must be quoted")
            .help("write '${env:NAME}'");
    }
    let said = error.to_string();
    let said = said.lines().next().unwrap_or_default();
    if said.contains("recursion limit") {
        return Problem::new("this is nested too deeply").help("no API takes as many levels of brackets");
    }
    // Anchors within anchors can stand for more than any memory holds.
    if said.contains("budget breached") {
        return Problem::new("this stands for more than a scenario can hold")
            .help("are there aliases of aliases? Write out what is meant, or put prompts into a file");
    }
    let said = said.split_once(" at line ").map_or(said, |(said, _)| said);
    let said = said.strip_prefix("error: ").unwrap_or(said);
    let said = match said.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
        Some((_, said)) => said,
        None => said,
    };
    Problem::new(format!("this is not valid YAML: {said}"))
        .help("check the indentation, the quotes and the brackets of this line and the one above")
}

/// The key whose value stands at `line` and `column`, both from 1.
fn key_before(text: &str, (line, column): (usize, usize)) -> Option<String> {
    let lines: Vec<&str> = text.lines().take(line).collect();
    let (this, above) = lines.split_last()?;
    // Of a key without a value, the position is that of the colon.
    let on_colon = this.chars().nth(column.saturating_sub(1)) == Some(':');
    let before: String = this.chars().take(column.saturating_sub(1) + usize::from(on_colon)).collect();
    let holder = if before.trim().is_empty() {
        above.iter().rev().find(|l| !l.trim().is_empty())?
    } else {
        before.as_str()
    };
    let name = holder.trim_end().strip_suffix(':')?.trim_end_matches(['"', '\'']);
    let start = name.rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).map_or(0, |i| i + 1);
    Some(name[start..].to_owned()).filter(|name| !name.is_empty())
}

/// The key that stands at `line` and `column` itself.
fn key_at(text: &str, (line, column): (usize, usize)) -> Option<String> {
    let this = text.lines().nth(line.checked_sub(1)?)?;
    let rest: String = this.chars().skip(column.saturating_sub(1)).collect();
    let (name, _) = rest.split_once(':')?;
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    plain.then(|| name.to_owned())
}

/// Column and length of the single value behind the key at `line` and `column`.
fn value_of_key_at(text: &str, (line, column): (usize, usize)) -> Option<(usize, usize)> {
    let key = key_at(text, (line, column))?;
    let this: Vec<char> = text.lines().nth(line.checked_sub(1)?)?.chars().collect();
    let behind = column + key.chars().count();
    let start = behind + this.get(behind..)?.iter().take_while(|c| c.is_whitespace()).count();
    let rest: String = this.get(start..)?.iter().collect();
    let rest = rest.split(" #").next().unwrap_or_default();
    let value = rest.split([',', '}']).next().unwrap_or_default().trim_end();
    (!value.is_empty() && !value.starts_with('#')).then(|| (start + 1, value.chars().count()))
}

/// Whether the key at `line` and `column` is without a value.
fn nothing_follows(text: &str, (line, column): (usize, usize)) -> bool {
    let this = text.lines().nth(line.saturating_sub(1)).unwrap_or("");
    let rest: String = this.chars().skip(column.saturating_sub(1)).collect();
    let rest = rest.split(" #").next().unwrap_or_default().trim_end();
    let more_indented = text.lines().nth(line).is_some_and(|next| next.starts_with([' ', '-']));
    // Within braces, the comma or the brace comes at once.
    let ends = rest.split_once(": ").is_some_and(|(_, value)| value.trim_start().starts_with([',', '}']));
    ends || rest.ends_with(':') && (rest == ":" || !more_indented)
}
