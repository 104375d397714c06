//! Where requests go: the URL taken apart, its addresses, and the head that every request shares.

use std::sync::Arc;

use floodline_core::connection::{Connection, Connections, Http};
use floodline_core::workload::Head;
use floodline_wire::codec::Codec;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::EngineError;
use crate::proxy::Proxy;
use crate::route::Route;
use crate::tls::{self, Trust};

/// A target as the scenario gives it. It holds secrets and so prints nothing of itself.
pub struct Endpoint {
    /// The full `http` or `https` URL that requests are posted to.
    pub url: String,
    /// Header fields of every request, the key's included.
    pub headers: Vec<Header>,
    /// The header field of each key, where requests are sent with several in turn.
    pub keys: Vec<Header>,
    /// Certificates to trust besides the system's, in PEM.
    pub ca: Option<Vec<u8>>,
    /// Whether certificates go unchecked.
    pub insecure: bool,
    /// How answers are read.
    pub codec: Codec,
    /// Whether answers are streamed.
    pub stream: bool,
    /// The method of every request that names no other.
    pub method: String,
    /// The media type of bodies; none where requests have no body.
    pub content_type: Option<String>,
    /// How it is connected to.
    pub connection: Connection,
    /// What its proxy is to be told in `proxy-authorization`.
    pub proxy_authorization: Option<String>,
}

/// A header field: a name and a value that may be secret.
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A target ready to be connected to.
pub(crate) struct Target {
    /// `host:port`, for messages.
    pub(crate) name: String,
    /// The way there.
    pub(crate) route: Route,
    /// TLS, if the URL asks for it.
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// How answers are read.
    pub(crate) codec: Codec,
    /// Whether answers are streamed.
    pub(crate) stream: bool,
    /// Whether connections are used again.
    pub(crate) keeps: bool,
    /// With HTTP/2, the connections of each worker.
    pub(crate) http2: Option<u32>,
    /// The field of each key, as bytes.
    keys: Vec<Vec<u8>>,
    /// The method of requests that have none of their own.
    method: String,
    /// What stands before a path: nothing, unless a proxy has to be told where to pass requests on to.
    origin: String,
    /// Path and query of requests that have none of their own.
    path: String,
    /// The fields of every request.
    fields: Vec<u8>,
}

impl Target {
    /// Takes the URL apart and resolves its host, once for the whole run.
    pub(crate) fn resolve(endpoint: &Endpoint) -> Result<Target, EngineError> {
        let url = Url::parse(&endpoint.url)?;
        let connection = &endpoint.connection;
        let name = format!("{}:{}", url.bracketed(), url.port);
        let tunnel_to = url.tls.then(|| name.clone());
        let proxy = connection
            .proxy
            .as_deref()
            .map(|proxy| Proxy::new(proxy, endpoint.proxy_authorization.clone(), tunnel_to))
            .transpose()?;
        let route = Route::resolve((&url.host, url.port), connection, proxy)?;
        let http2 = (connection.http == Http::Two).then(|| connection.per_worker());
        let tls = match url.tls {
            false => None,
            true => {
                let trust =
                    if endpoint.insecure { Trust::Anything } else { Trust::Roots(endpoint.ca.clone()) };
                let name = ServerName::try_from(url.host.clone()).map_err(|_| {
                    EngineError::Url(format!("`{}` is not a host name that TLS can check", url.host))
                })?;
                Some((tls::client(&trust, connection.http)?, name))
            }
        };
        Ok(Target {
            fields: fields(&url, endpoint, route.proxy.as_ref()),
            name,
            origin: origin(&url, route.proxy.as_ref()),
            route,
            tls,
            codec: endpoint.codec.clone(),
            stream: endpoint.stream,
            keeps: connection.connections != Connections::PerRequest,
            http2,
            keys: endpoint
                .keys
                .iter()
                .map(|key| format!("{}: {}\r\n", key.name, key.value).into_bytes())
                .collect(),
            method: endpoint.method.clone(),
            path: url.path,
        })
    }

    /// A whole request: the line, the shared fields, the request's own, and the body.
    pub(crate) fn request(&self, id: &str, own: Option<&Head>, key: Option<usize>, body: &[u8]) -> Vec<u8> {
        let mut request =
            Vec::with_capacity(self.path.len() + self.fields.len() + id.len() + body.len() + 96);
        let (method, path) = self.line(own);
        for part in [method, " ", &self.origin, path, " HTTP/1.1\r\n"] {
            request.extend_from_slice(part.as_bytes());
        }
        match own {
            None => request.extend_from_slice(&self.fields),
            Some(own) => self.own_fields(own, body, &mut request),
        }
        if let Some(key) = key.and_then(|key| self.keys.get(key)) {
            request.extend_from_slice(key);
        }
        request.extend_from_slice(
            format!("x-request-id: {id}\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(),
        );
        request.extend_from_slice(body);
        request
    }

    /// Method, and path with its query, of a request.
    pub(crate) fn line<'r>(&'r self, own: Option<&'r Head>) -> (&'r str, &'r str) {
        let method = own.and_then(|own| own.method.as_deref()).unwrap_or(&self.method);
        (method, own.and_then(|own| own.path.as_deref()).unwrap_or(&self.path))
    }

    /// The request's own fields, and the shared ones that they do not replace. Without a body nothing is said of its type.
    fn own_fields(&self, own: &Head, body: &[u8], request: &mut Vec<u8>) {
        let is_replaced = |line: &[u8]| {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            own.fields.iter().any(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name))
                || body.is_empty() && name.eq_ignore_ascii_case(b"content-type")
        };
        let shared = self.fields.split_inclusive(|byte| *byte == b'\n');
        shared.filter(|line| !is_replaced(line)).for_each(|line| request.extend_from_slice(line));
        for (name, value) in &own.fields {
            request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
    }
}

/// What a proxy that is not asked to connect has to be told before each path.
fn origin(url: &Url, proxy: Option<&Proxy>) -> String {
    match proxy {
        Some(_) if !url.tls => format!("http://{}", url.authority()),
        Some(_) | None => String::new(),
    }
}

fn fields(url: &Url, endpoint: &Endpoint, proxy: Option<&Proxy>) -> Vec<u8> {
    let host = url.authority();
    let accept = endpoint.codec.accept(endpoint.stream);
    let defaults = [
        ("host", host.as_str()),
        ("user-agent", concat!("floodline/", env!("CARGO_PKG_VERSION"))),
        ("accept", accept),
        // A server that compresses may hold tokens back, so it is asked for only where it is wanted.
        ("accept-encoding", if endpoint.connection.compression { "gzip, br" } else { "identity" }),
    ];
    let content_type = endpoint.content_type.as_deref().map(|kind| ("content-type", kind));
    let mut head = String::new();
    for (name, value) in defaults.into_iter().chain(content_type) {
        if !endpoint.headers.iter().any(|h| h.name.eq_ignore_ascii_case(name)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if let Some(authorization) = proxy.filter(|_| !url.tls).and_then(Proxy::authorization) {
        head.push_str(&format!("proxy-authorization: {authorization}\r\n"));
    }
    if endpoint.connection.connections == Connections::PerRequest {
        head.push_str("connection: close\r\n");
    }
    for header in &endpoint.headers {
        head.push_str(&format!("{}: {}\r\n", header.name, header.value));
    }
    head.into_bytes()
}

/// The parts of a URL that matter here. The scenario has already checked and completed it.
struct Url {
    tls: bool,
    host: String,
    port: u16,
    path: String,
}

impl Url {
    fn parse(text: &str) -> Result<Url, EngineError> {
        let wrong = |why: String| EngineError::Url(format!("`{text}` is no URL to send to: {why}"));
        let url = url::Url::parse(text).map_err(|e| wrong(e.to_string()))?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            other => return Err(wrong(format!("`{other}` is neither http nor https"))),
        };
        let host = url.host_str().ok_or_else(|| wrong("it has no host".into()))?;
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let port = url.port_or_known_default().unwrap_or(if tls { 443 } else { 80 });
        Ok(Url { tls, host: host.trim_matches(['[', ']']).to_owned(), port, path })
    }

    /// The host, and the port where it is not that of the scheme.
    fn authority(&self) -> String {
        let default_port = self.port == if self.tls { 443 } else { 80 };
        if default_port { self.bracketed() } else { format!("{}:{}", self.bracketed(), self.port) }
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint {
            url: url.into(),
            headers: vec![Header { name: "User-Agent".into(), value: "mine".into() }],
            keys: Vec::new(),
            ca: None,
            insecure: false,
            codec: Codec::Chat,
            stream: true,
            method: "POST".into(),
            content_type: Some("application/json".into()),
            connection: Connection::default(),
            proxy_authorization: None,
        }
    }

    #[test]
    fn a_request_is_whole_and_own_headers_replace_defaults() {
        let target = Target::resolve(&endpoint("http://127.0.0.1:8000/v1/chat/completions?a=b")).unwrap();
        let request = String::from_utf8(target.request("r-1", None, None, b"{}")).unwrap();
        assert_eq!(
            request,
            "POST /v1/chat/completions?a=b HTTP/1.1\r\nhost: 127.0.0.1:8000\r\naccept: text/event-stream\r\n\
             accept-encoding: identity\r\ncontent-type: application/json\r\nUser-Agent: mine\r\n\
             x-request-id: r-1\r\ncontent-length: 2\r\n\r\n{}"
        );
    }

    #[test]
    fn a_request_may_have_a_method_a_path_and_fields_of_its_own() {
        let target = Target::resolve(&Endpoint {
            content_type: None,
            headers: Vec::new(),
            ..endpoint("http://127.0.0.1:8000/v1/ask")
        });
        let own = Head {
            method: Some("GET".into()),
            path: Some("/v1/users/7?q=a".into()),
            fields: vec![("x-user".into(), "7".into())],
            fault: None,
        };
        let request = String::from_utf8(target.unwrap().request("r-1", Some(&own), None, b"")).unwrap();
        assert!(request.starts_with("GET /v1/users/7?q=a HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n"), "{request}");
        assert!(
            request.ends_with("\r\nx-user: 7\r\nx-request-id: r-1\r\ncontent-length: 0\r\n\r\n"),
            "{request}"
        );
        assert!(!request.contains("content-type"), "{request}");
    }

    #[test]
    fn addresses_in_brackets_and_default_ports_are_understood() {
        let target = Target::resolve(&endpoint("http://[::1]/v1")).unwrap();
        assert_eq!(target.name, "[::1]:80");
        assert_eq!(target.route.addresses(), ["[::1]:80".parse().unwrap()]);
        assert!(target.request("r", None, None, b"").starts_with(b"POST /v1 HTTP/1.1\r\nhost: [::1]\r\n"));
    }

    #[test]
    fn requests_say_what_is_asked_of_connections() {
        let mut endpoint = endpoint("http://127.0.0.1:8000/v1");
        endpoint.connection.connections = Connections::PerRequest;
        endpoint.connection.compression = true;
        endpoint.connection.proxy = Some("127.0.0.1:3128".into());
        endpoint.proxy_authorization = Some("Basic bTpw".into());
        let target = Target::resolve(&endpoint).unwrap();
        assert_eq!(target.route.addresses(), ["127.0.0.1:3128".parse().unwrap()]);
        let request = String::from_utf8(target.request("r", None, None, b"")).unwrap();
        assert!(
            request.starts_with("POST http://127.0.0.1:8000/v1 HTTP/1.1\r\nhost: 127.0.0.1:8000\r\n"),
            "{request}"
        );
        for field in ["accept-encoding: gzip, br", "connection: close", "proxy-authorization: Basic bTpw"] {
            assert!(request.contains(&format!("\r\n{field}\r\n")), "{request}");
        }
        // What an https target is sent, its proxy does not see.
        endpoint.url = "https://127.0.0.1:8000/v1".into();
        let request =
            String::from_utf8(Target::resolve(&endpoint).unwrap().request("r", None, None, b"")).unwrap();
        assert!(request.starts_with("POST /v1 HTTP/1.1\r\n") && !request.contains("proxy-"), "{request}");
    }

    #[test]
    fn what_is_no_url_is_said_to_be_none() {
        for wrong in ["", "host", "ftp://host/", "http://"] {
            assert!(matches!(Target::resolve(&endpoint(wrong)), Err(EngineError::Url(_))), "{wrong}");
        }
    }
}
