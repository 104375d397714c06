//! The proxy between here and the target: one that is written, one that the environment names, or none.
//!
//! The environment is read as other programs read it: HTTPS_PROXY for https, HTTP_PROXY for http, ALL_PROXY for
//! both, each also in lower case, and NO_PROXY for those that are reached without. A target on this machine never
//! goes through a proxy of the environment. Credentials may come from there only, and are in no plan.

use core::net::IpAddr;

use floodline_core::connection::Http;
use floodline_core::plan::Address;
use url::{Host, Url};

use super::findings::Findings;
use super::target::{only_reference, variable};
use crate::secret::Secret;
use crate::written::{Place, Target};

/// `host:port` of a proxy, and what it wants to be told.
type Proxy = (String, Option<Credentials>);

/// A user name and a password.
#[derive(PartialEq, Eq)]
pub(crate) struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// The value of `proxy-authorization`.
    pub(super) fn authorization(&self) -> Secret {
        Secret::new(format!("Basic {}", self.coded()))
    }

    /// What of it must not appear in anything written.
    pub(super) fn secrets(&self) -> [Secret; 2] {
        [Secret::new(self.password.as_str()), Secret::new(self.coded())]
    }

    fn coded(&self) -> String {
        base64(&format!("{}:{}", self.user, self.password))
    }
}

/// The environment variables that name proxies, and what is reached without one.
pub const PROXY_VARIABLES: [&str; 8] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

pub(super) fn resolve(
    written: &Target,
    place: Place,
    address: Option<&Address>,
    http: Http,
    findings: &mut Findings<'_>,
) -> Option<Proxy> {
    let given = written.proxy.as_ref();
    let text = given.map_or("env", |given| given.text.trim());
    let url = match address? {
        Address::Url(url) => Url::parse(url).ok()?,
        Address::Stub(_) if matches!(text, "env" | "none") => return None,
        Address::Stub(_) => {
            findings.warn("`proxy` has no effect: the built-in provider is in this process");
            return None;
        }
    };
    let place = given.map_or(place, |given| given.place);
    let (proxy, source) = match text {
        "none" => return None,
        "env" => {
            let name = of_environment(&url, findings)?;
            (from_variable(name, place, findings)?, format!("{name} of the environment"))
        }
        text => (
            match only_reference(text) {
                Some(name) => from_variable(name, place, findings)?,
                None => literal(text, place, findings)?,
            },
            "`proxy`".to_owned(),
        ),
    };
    if http == Http::Two && url.scheme() == "http" {
        findings
            .problem(place, format!("HTTP/2 without TLS cannot go through a proxy, and {source} names one"))
            .with_help("write proxy: none to connect to the target itself, or leave out http: 2");
        return None;
    }
    Some(proxy)
}

/// The variable that names a proxy for this URL, if one does.
fn of_environment(url: &Url, findings: &Findings<'_>) -> Option<&'static str> {
    let set = |name: &&str| findings.outside.env(name).is_some_and(|value| !value.trim().is_empty());
    let own = if url.scheme() == "https" { 0..2 } else { 2..4 };
    let (host, port) = (url.host()?, url.port_or_known_default()?);
    if is_this_machine(&host) {
        return None;
    }
    let exceptions = PROXY_VARIABLES[6..].iter().find_map(|name| findings.outside.env(name));
    if exceptions.is_some_and(|exceptions| is_excepted(&host, port, &exceptions)) {
        return None;
    }
    PROXY_VARIABLES[own].iter().chain(&PROXY_VARIABLES[4..6]).copied().find(set)
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    }
}

/// Whether NO_PROXY names this host: by its name, by a domain that it is in, by its address, or all hosts by `*`.
fn is_excepted(host: &Host<&str>, port: u16, exceptions: &str) -> bool {
    exceptions.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        let entry = entry.to_ascii_lowercase();
        let (name, its_port) = match entry.rsplit_once(':') {
            // The colons of a bare IPv6 address are its own.
            Some((name, digits)) if !name.contains(':') || name.ends_with(']') => {
                (name, digits.parse::<u16>().ok())
            }
            _ => (entry.as_str(), None),
        };
        let is_host = match host {
            Host::Domain(host) => {
                let domain = name.trim_start_matches('*').trim_start_matches('.');
                let inside = host.strip_suffix(domain).is_some_and(|front| front.ends_with('.'));
                !domain.is_empty() && (inside || *host == domain && !name.starts_with(['*', '.']))
            }
            Host::Ipv4(address) => is_address(name, (*address).into()),
            Host::Ipv6(address) => is_address(name, (*address).into()),
        };
        is_host && its_port.is_none_or(|its| its == port)
    })
}

fn is_address(name: &str, address: IpAddr) -> bool {
    name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|named| named == address)
}

/// A proxy of the environment. Whatever is wrong with it, its value is not shown.
fn from_variable(name: &str, place: Place, findings: &mut Findings<'_>) -> Option<Proxy> {
    let value = variable(name, place, findings)?;
    match parse(&value) {
        Ok(proxy) => Some(proxy),
        Err(why) => {
            findings
                .secret_problem(
                    place,
                    format!("the environment variable `{name}` is no proxy to go through: {why}"),
                )
                .with_help("set it to a URL such as http://proxy.example:3128, or write proxy: none");
            None
        }
    }
}

fn literal(text: &str, place: Place, findings: &mut Findings<'_>) -> Option<Proxy> {
    match parse(text) {
        Ok((address, None)) => Some((address, None)),
        Ok((_, Some(_))) => {
            findings
                .secret_problem(place, "a proxy's user name and password must not be written in a scenario")
                .with_help(
                    "put the whole URL into an environment variable and refer to it: proxy: ${env:NAME}",
                );
            None
        }
        Err(why) => {
            findings
                .secret_problem(place, format!("this is no proxy to go through: {why}"))
                .with_help("write env, none, or a URL such as http://127.0.0.1:3128");
            None
        }
    }
}

/// `host:port` of a proxy's URL, and its user name and password; or what is wrong with it, without its text.
fn parse(text: &str) -> Result<Proxy, &'static str> {
    let text = text.trim();
    let url = match text.contains("://") {
        true => Url::parse(text),
        // As it is often set: `proxy.example:3128`.
        false => Url::parse(&format!("http://{text}")),
    };
    let url = url.map_err(|_| "it is not a URL")?;
    match url.scheme() {
        "http" => {}
        "https" => return Err("proxies that are spoken to in TLS are not supported"),
        scheme if scheme.starts_with("socks") => return Err("SOCKS proxies are not supported"),
        _ => return Err("only http:// proxies are supported"),
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("the URL of a proxy ends with its host and port");
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
    let address = format!("{host}:{}", url.port_or_known_default().unwrap_or(80));
    if url.username().is_empty() && url.password().is_none() {
        return Ok((address, None));
    }
    let part = |text: &str| decoded(text).ok_or("its user name or password is not text");
    let (user, password) = (part(url.username())?, part(url.password().unwrap_or(""))?);
    Ok((address, Some(Credentials { user, password })))
}

/// Text without its percent signs.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits = (byte == b'%').then(|| [rest.clone().next(), rest.clone().nth(1)]);
        let hex = |digit: Option<u8>| char::from(digit?).to_digit(16);
        match digits.and_then(|[high, low]| u8::try_from(hex(high)? * 16 + hex(low)?).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest.nth(1);
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

/// Base64 with padding (RFC 4648, 4).
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut coded = String::new();
    for three in text.as_bytes().chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            coded.push(if i <= three.len() { char::from(digit) } else { '=' });
        }
    }
    coded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_urls_or_hosts_with_a_port() {
        for (text, address, credentials) in [
            ("http://proxy.example:3128", "proxy.example:3128", None),
            ("http://proxy.example/", "proxy.example:80", None),
            ("proxy.example:8080", "proxy.example:8080", None),
            ("http://[::1]:3128", "[::1]:3128", None),
            ("http://me:p%40ss%3a@h:1", "h:1", Some("me:p@ss:")),
            ("http://me@h:1", "h:1", Some("me:")),
            ("http://me:100%@h:1", "h:1", Some("me:100%")),
        ] {
            let (found, told) = parse(text).map_err(str::to_owned).unwrap();
            let told = told.map(|told| format!("{}:{}", told.user, told.password));
            assert_eq!((found.as_str(), told.as_deref()), (address, credentials), "{text}");
        }
        for wrong in
            ["", "https://h:1", "socks5://h:1", "ftp://h", "http://h/path", "http://", "http://a:%00@h:1"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn credentials_are_told_in_base64() {
        assert_eq!(["", "f", "fo", "foo"].map(base64), ["", "Zg==", "Zm8=", "Zm9v"]);
        let told = Credentials { user: "Aladdin".into(), password: "open sesame".into() };
        assert_eq!(told.authorization().expose(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn exceptions_are_names_domains_addresses_and_everything() {
        let excepted = |host: &str, exceptions: &str| {
            let url = Url::parse(&format!("https://{host}/v1")).unwrap();
            is_excepted(&url.host().unwrap(), url.port_or_known_default().unwrap(), exceptions)
        };
        for (host, exceptions) in [
            ("api.example.com", "*"),
            ("api.example.com", "other, example.com"),
            ("api.example.com", ".example.com"),
            ("api.example.com", "*.example.com"),
            ("example.com", "EXAMPLE.com"),
            ("example.com:8443", "example.com:8443"),
            ("10.0.0.7", "10.0.0.7"),
            ("[fd00::7]", "fd00::7"),
            ("[fd00::7]", "[fd00::7]:443"),
        ] {
            assert!(excepted(host, exceptions), "{host} by {exceptions}");
        }
        for (host, exceptions) in [
            ("api.example.com", ""),
            ("notexample.com", "example.com"),
            ("example.com", ".example.com"),
            ("example.com", "example.com:8443"),
            ("10.0.0.7", "10.0.0.0/8, 10.0.0.70"),
        ] {
            assert!(!excepted(host, exceptions), "{host} by {exceptions}");
        }
    }
}
