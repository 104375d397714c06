//! A request as somebody recorded or described it, whatever it was read from.

use url::Url;

use super::tree::{DEEPEST_WRITTEN, Tree};

/// One request, literally: nothing in it is a template yet, and its secrets are still in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    /// What its step is called, if somebody named it.
    pub(super) name: Option<String>,
    /// In capitals.
    pub(super) method: String,
    /// Scheme, host and port.
    pub(super) origin: String,
    /// A path ahead of the call's own that all calls share, such as `/v2`; empty if there is none.
    pub(super) base: String,
    /// The path as it stands in the URL, from its first slash on.
    pub(super) path: String,
    /// Names and values behind the `?`, decoded.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) cookies: Vec<(String, String)>,
    pub(super) body: Body,
    pub(super) answer: Option<Answer>,
    /// The status of the answer that was recorded.
    pub(super) status: Option<u16>,
    /// Milliseconds from its answer to the next request.
    pub(super) think: u64,
    /// Names, and the expressions that take their values from the answer.
    pub(super) save: Vec<(String, String)>,
    /// Texts in it that earlier answers or data give, and the templates that stand for them.
    pub(super) known: Vec<(String, String)>,
}

/// What a request carries.
#[derive(Clone, Debug, Default)]
pub(super) enum Body {
    /// Nothing.
    #[default]
    None,
    Json(Tree),
    /// Names and values as a form sends them, decoded.
    Form(Vec<(String, String)>),
    /// Anything else.
    Text(String),
}

/// How an answer comes, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// `sse` or `ndjson`; by content type if there is none.
    pub(super) format: Option<&'static str>,
    /// The path of the text.
    pub(super) text: Option<String>,
    /// The data of the event that ends a stream.
    pub(super) done: Option<String>,
    /// Whether the path is a guess that nothing supports.
    pub(super) guessed: bool,
}

/// What holds for the connection of all requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire {
    pub(super) insecure: bool,
    pub(super) compression: bool,
    pub(super) http2: bool,
    pub(super) proxy: Option<String>,
    pub(super) ca_file: Option<String>,
    /// Seconds, as they were written.
    pub(super) timeout: Option<String>,
    pub(super) connect_timeout: Option<String>,
}

/// All that one file said.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// What the scenario is called.
    pub(super) name: String,
    pub(super) calls: Vec<Call>,
    pub(super) wire: Wire,
    /// Columns of the file of data that the calls' templates name.
    pub(super) columns: Vec<String>,
    pub(super) notes: Vec<String>,
    /// Variables that the calls refer to, and what is to be put into them.
    pub(super) variables: Vec<(String, String)>,
}

impl Call {
    /// The value of a header, whatever the case of its name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Host and port, for people and for names.
    pub(super) fn host(&self) -> &str {
        self.origin.split_once("://").map_or("", |(_, host)| host)
    }

    /// What a body of this content type is.
    pub(super) fn body_of(text: &str, content_type: &str) -> Body {
        let content_type = content_type.to_ascii_lowercase();
        if text.is_empty() {
            return Body::None;
        }
        if content_type.contains("x-www-form-urlencoded") && !text.trim_start().starts_with(['{', '[']) {
            return Body::Form(pairs(text));
        }
        // Texts that happen to be JSON, such as `true`, stay texts unless the type says so.
        let json = content_type.contains("json") || text.trim_start().starts_with(['{', '[']);
        match Tree::of_json(text) {
            Ok(tree) if json && tree.depth() <= DEEPEST_WRITTEN => Body::Json(tree),
            _ => Body::Text(text.to_owned()),
        }
    }
}

/// A URL's parts.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) origin: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    /// What stands before the `@`.
    pub(super) login: Option<String>,
}

impl Address {
    /// The parts of a URL, if it is one that can be loaded.
    pub(super) fn of(text: &str) -> Option<Address> {
        let text = text.trim();
        let full = match text.split_once("://") {
            Some((scheme, _))
                if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") =>
            {
                text.to_owned()
            }
            // curl asks http where no scheme is given.
            None if !text.is_empty() => format!("http://{text}"),
            Some(_) | None => return None,
        };
        let url = Url::parse(&full).ok()?;
        url.host_str().filter(|host| !host.is_empty() && !host.contains("env"))?;
        let origin = url.origin().ascii_serialization();
        let behind = full.split_once("://").map_or("", |(_, rest)| rest);
        let start = behind.find(['/', '?', '#']).unwrap_or(behind.len());
        let (authority, rest) = behind.split_at(start);
        let rest = rest.split('#').next().unwrap_or("");
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let login = authority.rsplit_once('@').map(|(login, _)| decoded(login, false));
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Address { origin, path, query: pairs(query), login })
    }
}

/// Names and values of a query or a form.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name, true), decoded(value, true))
        })
        .collect()
}

/// Undoes `%41`, and `+` for a space where a query has it.
pub(super) fn decoded(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|&b| char::from(b).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', _, _) if plus => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The same the other way round; what `keep` names stays as it is, and so do references.
pub(super) fn encoded(text: &str, keep: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(end) = reference(rest) {
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let (this, next) = rest.split_at(c.len_utf8());
        rest = next;
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || keep.contains(c) {
            out.push(c);
        } else {
            this.bytes().for_each(|byte| out.push_str(&format!("%{byte:02X}")));
        }
    }
    out
}

/// The length of the reference `${env:NAME}` that a text begins with.
pub(super) fn reference(text: &str) -> Option<usize> {
    let name = text.strip_prefix("${env:")?;
    let length = name.find('}')?;
    let fits = name[..length].chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (fits && length > 0).then_some("${env:}".len() + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_nothing_else_is() {
        let address = Address::of("https://me:p%40ss@h.example:8443/a/b?q=x+y%26z&k#part").unwrap();
        assert_eq!(address.origin, "https://h.example:8443");
        assert_eq!(address.path, "/a/b");
        assert_eq!(address.query, [("q".into(), "x y&z".into()), ("k".into(), String::new())]);
        assert_eq!(address.login.as_deref(), Some("me:p@ss"));
        assert_eq!(Address::of("localhost:8000/x").unwrap().origin, "http://localhost:8000");
        for wrong in ["", "ftp://h/x", "http://", "https://${env:HOST}/v1", "data:text/plain,x"] {
            assert!(Address::of(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn references_are_not_encoded() {
        assert_eq!(encoded("a b${env:KEY}{{", ""), "a%20b${env:KEY}%7B%7B");
        assert_eq!(encoded("${env:no name}", ""), "%24%7Benv%3Ano%20name%7D");
    }
}
