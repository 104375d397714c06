//! curl commands, as browsers copy them and documents of APIs print them.

mod options;
mod request;
mod shell;

use super::call::{Call, Draft};
use super::compose::{counted, name_of};
use super::problem;
use crate::Source;
use crate::error::Problem;
use request::Request;
use shell::Command;

const EXAMPLE: &str =
    "the file holds commands such as: curl https://api.example.com/chat -d '{\"question\": \"Hello\"}'";

/// The requests of all commands of a file.
pub(super) fn read(source: &Source<'_>) -> Result<Draft, Problem> {
    let (commands, open) = shell::commands(source.text);
    if let Some(line) = open {
        let help = "close the quote; in single quotes, write a single quote as '\\''";
        return Err(problem(source, Some(line), "a quote is opened here and never closed", help));
    }
    let mut draft = Draft::default();
    let mut others = 0;
    let mut first_other = None;
    for command in &commands {
        let Some(words) = words_of_curl(command) else {
            others += 1;
            first_other.get_or_insert(command.line);
            continue;
        };
        let request = Request::of(words, &mut draft, command.line);
        let call = request.into_call(source, command.line, &mut draft)?;
        draft.calls.push(call);
    }
    if draft.calls.is_empty() {
        return Err(problem(source, first_other, "there is no curl command here", EXAMPLE));
    }
    if others > 0 {
        draft
            .notes
            .push(format!("left out {} that runs something else than curl", counted(others, "command")));
    }
    one_host_only(&mut draft);
    draft.name = name_of(source.name, &draft.calls);
    Ok(draft)
}

/// The words behind `curl`, if that is what the command runs.
fn words_of_curl(command: &Command) -> Option<&[String]> {
    let is_setting = |word: &str| {
        let name = word.split_once('=').map(|(name, _)| name);
        name.is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    };
    let is_prompt = |word: &str| ["$", ">", "%", "#", "sudo", "time", "exec"].contains(&word);
    let at = command.words.iter().position(|word| !is_setting(word) && !is_prompt(word))?;
    let program = command.words[at].rsplit(['/', '\\']).next()?;
    let is_curl = program.eq_ignore_ascii_case("curl") || program.eq_ignore_ascii_case("curl.exe");
    is_curl.then(|| &command.words[at + 1..])
}

/// A scenario has one target: that of the first command.
fn one_host_only(draft: &mut Draft) {
    let Some(origin) = draft.calls.first().map(|call| call.origin.clone()) else { return };
    let mut hosts: Vec<String> = Vec::new();
    draft.calls.retain(|call: &Call| {
        let same = call.origin == origin;
        if !same && !hosts.contains(&call.origin) {
            hosts.push(call.origin.clone());
        }
        same
    });
    if !hosts.is_empty() {
        let hosts = hosts.join(", ");
        draft.notes.push(format!(
            "left out the requests to {hosts}: a flow has one target, that of the first command"
        ));
    }
}
