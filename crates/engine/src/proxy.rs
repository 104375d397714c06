//! A proxy between here and the target.
//!
//! Requests to http targets are sent to the proxy, with the whole URL in their first line. To an https target it is asked
//! to connect (`CONNECT`), and passes on what it cannot read.

use std::io;

use floodline_wire::http1::response::{Head, parse_head};
use tokio::net::TcpStream;

use crate::EngineError;

/// A proxy. It holds a secret and so prints nothing of that.
pub(crate) struct Proxy {
    /// `host:port`, for messages.
    name: String,
    host: String,
    port: u16,
    /// What it is to be told in `proxy-authorization`.
    authorization: Option<String>,
    /// The `host:port` that it is asked to connect to, if it is.
    tunnel_to: Option<String>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy")
            .field("name", &self.name)
            .field("tunnel_to", &self.tunnel_to)
            .finish_non_exhaustive()
    }
}

/// The longest answer to CONNECT that is read.
const LONGEST: usize = 16 * 1024;

impl Proxy {
    /// The proxy at `host:port`; with `tunnel_to` it is asked to connect there.
    pub(crate) fn new(
        name: &str,
        authorization: Option<String>,
        tunnel_to: Option<String>,
    ) -> Result<Proxy, EngineError> {
        let parts = name.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let Some((host, port)) = parts.filter(|(host, _)| !host.is_empty()) else {
            return Err(EngineError::Url(format!("`{name}` is no proxy: write its host and port")));
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Proxy { name: name.to_owned(), host, port, authorization, tunnel_to })
    }

    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The field of requests that are sent to the proxy itself.
    pub(crate) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// Has the proxy connect to the target, if it is to do that.
    pub(crate) async fn tunnel(&self, stream: &TcpStream) -> io::Result<()> {
        let Some(target) = &self.tunnel_to else { return Ok(()) };
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n");
        if let Some(authorization) = &self.authorization {
            request.push_str(&format!("proxy-authorization: {authorization}\r\n"));
        }
        request.push_str("\r\n");
        let refused = |why: String| io::Error::other(why);
        send(stream, request.as_bytes()).await?;
        let mut answer = Vec::new();
        loop {
            let mut bytes = [0u8; 2048];
            stream.readable().await?;
            match stream.try_read(&mut bytes) {
                Ok(0) => return Err(refused("it closed the connection instead of connecting".into())),
                Ok(n) => answer.extend_from_slice(&bytes[..n]),
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                    continue;
                }
                Err(e) => return Err(e),
            }
            match parse_head(&answer) {
                Ok(Some((Head { status: 200..300, .. }, length))) if length == answer.len() => return Ok(()),
                Ok(Some((Head { status: 200..300, .. }, _))) => {
                    return Err(refused("it sent something before the target was asked anything".into()));
                }
                Ok(Some((head, _))) => return Err(refused(self.refusal(head.status, target))),
                Ok(None) if answer.len() > LONGEST => {
                    return Err(refused("its answer to CONNECT has no end".into()));
                }
                Ok(None) => {}
                Err(e) => return Err(refused(format!("its answer to CONNECT is not HTTP: {e}"))),
            }
        }
    }

    fn refusal(&self, status: u16, target: &str) -> String {
        match (status, &self.authorization) {
            (407, None) => {
                "it wants credentials (407): put them into the URL of the proxy, in an environment variable \
                            (HTTPS_PROXY, or the one that `proxy: ${env:NAME}` refers to)"
                    .into()
            }
            (407, Some(_)) => "it does not accept the credentials that it was given (407)".into(),
            _ => format!("it refused to connect to {target} ({status})"),
        }
    }
}

async fn send(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
