//! One curl command: its options gathered, and the request that they ask for.

use super::super::answer;
use super::super::call::{Address, Body, Call, Draft, decoded, encoded, pairs};
use super::super::problem;
use super::options::{Meaning, long, short};
use crate::Source;
use crate::error::Problem;

/// What the options of a command ask for.
#[derive(Debug, Default)]
pub(super) struct Request {
    urls: Vec<String>,
    method: Option<String>,
    headers: Vec<(String, String)>,
    cookies: Vec<(String, String)>,
    data: Vec<String>,
    /// Whether a value of `--json` or of a file is among the data.
    json: bool,
    query: Vec<(String, String)>,
    login: Option<String>,
    data_in_url: bool,
    head: bool,
    /// Whether something that would be sent stands in a file or in a form with files.
    missing: bool,
}

impl Request {
    /// Reads the words behind `curl`. What it says of connections goes into the draft.
    pub(super) fn of(words: &[String], draft: &mut Draft, line: usize) -> Request {
        let mut request = Request::default();
        let mut words = words.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            if let Some(name) = word.strip_prefix("--").filter(|name| !name.is_empty()) {
                let (name, given) = match name.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (name, None),
                };
                match long(name) {
                    Some(meaning) if meaning.takes_a_value() => {
                        let value = given.or_else(|| words.next()).unwrap_or("");
                        request.take(meaning, name, value, draft, line);
                    }
                    Some(meaning) => request.take(meaning, name, "", draft, line),
                    None => {
                        say(draft, format!("line {line}: curl's option {} is not known here", shown(name)));
                        // Most unknown options take a value; what looks like a URL is none.
                        if given.is_none() {
                            words.next_if(|next| !next.starts_with('-') && !next.contains("://"));
                        }
                    }
                }
            } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                for (at, letter) in letters.char_indices() {
                    let Some(meaning) = short(letter) else {
                        let letter = if letter.is_ascii_alphanumeric() { letter } else { '?' };
                        say(draft, format!("line {line}: curl's option -{letter} is not known here"));
                        break;
                    };
                    let name = letter.to_string();
                    if meaning.takes_a_value() {
                        let rest = &letters[at + letter.len_utf8()..];
                        let value = if rest.is_empty() { words.next().unwrap_or("") } else { rest };
                        request.take(meaning, &name, value, draft, line);
                        break;
                    }
                    request.take(meaning, &name, "", draft, line);
                }
            } else if word != "--" {
                request.urls.push(word.to_owned());
            }
        }
        request
    }

    fn take(&mut self, meaning: Meaning, name: &str, value: &str, draft: &mut Draft, line: usize) {
        match meaning {
            Meaning::Method => self.method = Some(value.to_ascii_uppercase()),
            Meaning::Header => self.header(value, draft, line),
            Meaning::Data | Meaning::DataBinary | Meaning::Json if value.starts_with('@') => {
                self.json |= meaning == Meaning::Json;
                self.missing = true;
                say(
                    draft,
                    format!(
                        "line {line}: the body stands in a file, which is not read: write it into the scenario"
                    ),
                );
            }
            // curl takes the line breaks out of these.
            Meaning::Data => self.data.push(value.replace(['\n', '\r'], "")),
            Meaning::DataRaw | Meaning::DataBinary => self.data.push(value.to_owned()),
            Meaning::Json => {
                self.json = true;
                self.data.push(value.to_owned());
            }
            Meaning::DataUrlencode => self.urlencoded(value, draft, line),
            Meaning::Login => self.login = Some(value.to_owned()),
            Meaning::Bearer => self.headers.push(("Authorization".into(), format!("Bearer {value}"))),
            Meaning::Cookie if value.contains('=') || value.starts_with("${env:") => self.cookies(value),
            Meaning::Cookie => {
                say(draft, format!("line {line}: the cookies stand in a file, which is not read"))
            }
            Meaning::Agent => self.headers.push(("User-Agent".into(), value.to_owned())),
            Meaning::Referer => self.headers.push(("Referer".into(), value.to_owned())),
            Meaning::DataInUrl => self.data_in_url = true,
            Meaning::Url => self.urls.push(value.to_owned()),
            Meaning::UrlQuery => self.query.extend(pairs(value)),
            Meaning::Form => {
                self.missing = true;
                say(
                    draft,
                    format!(
                        "line {line}: a form with parts (-F), as files are sent with, is not taken over: the request has no body"
                    ),
                );
            }
            Meaning::Compressed => draft.wire.compression = true,
            Meaning::Insecure => draft.wire.insecure = true,
            Meaning::Http2 => draft.wire.http2 = true,
            Meaning::Proxy => proxy(value, draft, line),
            Meaning::Timeout => draft.wire.timeout = seconds(value),
            Meaning::ConnectTimeout => draft.wire.connect_timeout = seconds(value),
            Meaning::CaFile => draft.wire.ca_file = Some(value.to_owned()),
            Meaning::Head => self.head = true,
            Meaning::Next => say(
                draft,
                format!("line {line}: requests behind --next are not told apart: give each its own command"),
            ),
            Meaning::IgnoredValue => {
                let name = if name.len() == 1 { format!("-{name}") } else { format!("--{name}") };
                say(draft, format!("line {line}: curl's option {name} is not taken over"));
            }
            Meaning::Nothing | Meaning::NothingWithValue => {}
        }
    }

    fn header(&mut self, value: &str, draft: &mut Draft, line: usize) {
        if value.starts_with('@') {
            return say(draft, format!("line {line}: headers stand in a file, which is not read"));
        }
        // `X:` takes a header of curl's own away, `X;` sends one without a value.
        let Some((name, value)) = value.split_once(':') else { return };
        let (name, value) = (name.trim(), value.trim());
        match name.to_ascii_lowercase().as_str() {
            "cookie" => self.cookies(value),
            _ if value.is_empty() => {}
            _ => self.headers.push((name.to_owned(), value.to_owned())),
        }
    }

    fn cookies(&mut self, value: &str) {
        for cookie in value.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()) {
            let (name, value) = cookie.split_once('=').unwrap_or(("", cookie));
            self.cookies.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }

    fn urlencoded(&mut self, value: &str, draft: &mut Draft, line: usize) {
        let before = value.split(['=', '@']).next().unwrap_or("");
        match value.as_bytes().get(before.len()) {
            Some(b'=') if before.is_empty() => self.data.push(encoded(&value[1..], "")),
            Some(b'=') => self.data.push(format!("{before}={}", encoded(&value[before.len() + 1..], ""))),
            Some(_) => {
                self.missing = true;
                say(draft, format!("line {line}: a part of the body stands in a file, which is not read"));
            }
            None => self.data.push(encoded(value, "")),
        }
    }

    /// The request.
    pub(super) fn into_call(
        self,
        source: &Source<'_>,
        line: usize,
        draft: &mut Draft,
    ) -> Result<Call, Problem> {
        let Some(url) = self.urls.first() else {
            let help = "write the address behind the options, or as --url ADDRESS";
            return Err(problem(source, Some(line), "this curl command names no address", help));
        };
        if self.urls.len() > 1 {
            say(draft, format!("line {line}: the command names several addresses; the first is taken"));
        }
        let Some(address) = Address::of(url) else {
            let help = match url.contains("${env:") {
                true => "write the address in place of the variable, such as https://api.example.com/chat",
                false => "write it whole, such as https://api.example.com/chat",
            };
            return Err(problem(source, Some(line), "the address of this command cannot be read", help));
        };
        let mut call =
            Call { origin: address.origin, path: address.path, query: address.query, ..Call::default() };
        call.query.extend(self.query);
        call.headers = self.headers;
        call.cookies = self.cookies;
        if let Some(login) = self.login.or(address.login).filter(|_| call.header("authorization").is_none()) {
            call.headers.push(("Authorization".into(), format!("Basic {login}")));
        }
        if self.json && call.header("content-type").is_none() {
            call.headers.push(("Content-Type".into(), "application/json".into()));
        }
        let data = self.data.join(if self.json { "" } else { "&" });
        let has_data = !self.data.is_empty() || self.missing;
        if self.data_in_url {
            call.query.extend(pairs(&data));
        } else if !self.data.is_empty() {
            let usual = "application/x-www-form-urlencoded";
            let given = call.header("content-type").map(str::to_owned);
            call.body = Call::body_of(&data, given.as_deref().unwrap_or(usual));
            if given.is_none() && matches!(call.body, Body::Form(_) | Body::Text(_)) {
                call.headers.push(("Content-Type".into(), usual.into()));
            }
            if given.is_none() && matches!(call.body, Body::Json(_)) {
                let note = "bodies that are JSON are sent as such, also where a command does not say so";
                say(draft, note.into());
            }
        }
        call.method = match self.method {
            Some(method) => method,
            None if self.head => "HEAD".into(),
            None if has_data && !self.data_in_url => "POST".into(),
            None => "GET".into(),
        };
        const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
        if !METHODS.contains(&call.method.as_str()) {
            let help = "methods are GET, POST, PUT, PATCH, DELETE, HEAD and OPTIONS";
            return Err(problem(source, Some(line), "this command uses a method that is not known", help));
        }
        let streams = match &call.body {
            Body::Json(body) => body.get("stream").and_then(|it| it.as_bool()) == Some(true),
            _ => false,
        };
        let accepts = call.header("accept").is_some_and(|accept| accept.contains("text/event-stream"));
        call.answer = (streams || accepts).then(answer::unseen_stream);
        Ok(call)
    }
}

fn proxy(value: &str, draft: &mut Draft, line: usize) {
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let host = match rest.rsplit_once('@') {
        Some((_, host)) => {
            say(draft, format!("line {line}: the login of the proxy is left out"));
            host
        }
        None => rest,
    };
    let host = decoded(host.trim_end_matches('/'), false);
    let plain = host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
    match plain && !host.is_empty() && ["http", "https"].contains(&scheme) {
        true => draft.wire.proxy = Some(format!("{scheme}://{host}")),
        false => {
            say(draft, format!("line {line}: the proxy is left out: one is written as http://HOST:PORT"))
        }
    }
}

/// A number of seconds as curl takes it.
fn seconds(value: &str) -> Option<String> {
    let fits = |digits: &str| digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit());
    let (whole, part) = value.split_once('.').unwrap_or((value, "0"));
    let above_zero = value.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let good = !whole.is_empty() && !part.is_empty() && fits(whole) && fits(part) && above_zero;
    good.then(|| value.to_owned())
}

/// The name of an option, unless it may be something else that somebody mistyped.
fn shown(name: &str) -> String {
    let is_name = name.len() <= 24 && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    if is_name { format!("--{name}") } else { "that begins with -- there".into() }
}

fn say(draft: &mut Draft, note: String) {
    if !draft.notes.contains(&note) {
        draft.notes.push(note);
    }
}
