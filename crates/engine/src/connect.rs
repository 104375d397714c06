//! Opening connections, and saying why one could not be opened.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use floodline_core::Span;
use floodline_core::plan::{self, Address};

use crate::EngineError;
use crate::http2;
use crate::socket::Socket;
use crate::target::Target;
use crate::tls;

/// Why a connection could not be opened.
#[derive(Clone, Debug)]
pub(crate) enum ConnectError {
    /// This machine ran out of descriptors, ports or memory: the generator's fault, not the target's.
    Starved(String),
    /// It took longer than allowed.
    Timeout(Span),
    /// HTTP/2: there was no place on a connection for this long.
    Crowded(Span),
    /// The target or the network refused.
    Refused(String),
}

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ConnectError::Starved(why) | ConnectError::Refused(why) => f.write_str(why),
            ConnectError::Timeout(limit) => write!(f, "no connection within {limit}"),
            ConnectError::Crowded(limit) => write!(
                f,
                "no place on a connection within {limit}: the server allows no more streams at once; `connections` may \
                 be a larger number"
            ),
        }
    }
}

/// Opens a connection to the first address that takes one, TLS included, within `limit`.
pub(crate) async fn connect(target: &Target, limit: Span) -> Result<Socket, ConnectError> {
    match tokio::time::timeout(Duration::from(limit), open(target)).await {
        Ok(Ok(socket)) => Ok(socket),
        Ok(Err(e)) => Err(e),
        Err(_) => Err(ConnectError::Timeout(limit)),
    }
}

async fn open(target: &Target) -> Result<Socket, ConnectError> {
    let proxy = target.route.proxy.as_ref();
    let by_proxy = |e: io::Error| match (explain(&e), proxy) {
        (ConnectError::Refused(why), Some(proxy)) => {
            ConnectError::Refused(format!("the proxy {}: {why}", proxy.name()))
        }
        (why, _) => why,
    };
    let stream = target.route.open().await.map_err(by_proxy)?;
    if let Some(proxy) = proxy {
        proxy.tunnel(&stream).await.map_err(by_proxy)?;
    }
    let mut socket = Socket::new(stream).map_err(|e| explain(&e))?;
    if let Some((config, name)) = &target.tls {
        let handshake = socket.handshake(config.clone(), name.clone()).await;
        handshake.map_err(|e| explain(&cut_short(e)))?;
        if target.http2.is_some() && !socket.speaks(tls::HTTP2) {
            return Err(ConnectError::Refused(NO_HTTP2.into()));
        }
    }
    Ok(socket)
}

const NO_HTTP2: &str = "the server does not offer HTTP/2 in its TLS handshake; leave out http: 2";

/// A server that was not ready for a handshake mostly just closes.
fn cut_short(e: io::Error) -> io::Error {
    match e.kind() {
        kind @ (ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
            io::Error::new(
                kind,
                "the server closed the connection during the TLS handshake; is it http rather than https?",
            )
        }
        _ => e,
    }
}

fn explain(e: &io::Error) -> ConnectError {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    match (e.raw_os_error(), e.kind()) {
        (Some(EMFILE | ENFILE), _) => {
            ConnectError::Starved("no free file descriptor for a connection".into())
        }
        (_, ErrorKind::AddrNotAvailable) => {
            ConnectError::Starved("no free local port for a connection".into())
        }
        (_, ErrorKind::OutOfMemory) => ConnectError::Starved("no memory for a connection".into()),
        (_, ErrorKind::ConnectionRefused) => ConnectError::Refused("connection refused".into()),
        _ => ConnectError::Refused(tls_reason(e).unwrap_or_else(|| e.to_string())),
    }
}

/// What went wrong in a TLS handshake, in words.
fn tls_reason(e: &io::Error) -> Option<String> {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    let error = e.get_ref()?.downcast_ref::<rustls::Error>()?;
    let why = match error {
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            "the server's certificate has expired; renew it, or use --insecure to load-test it as it is".into()
        }
        rustls::Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => {
            "the server's certificate is not valid yet; check the clocks of both machines, or use --insecure".into()
        }
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "the server's certificate is for another host name; use the name it was issued for, or --insecure".into()
        }
        rustls::Error::InvalidCertificate(UnknownIssuer) => {
            "the server's certificate is from an unknown issuer; give its certificate with --ca-file, or use --insecure"
                .into()
        }
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS on this port; is it http rather than https?".into(),
        rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol) => NO_HTTP2.into(),
        other => format!("TLS failed: {other}"),
    };
    Some(why)
}

/// Connects once from each source address, and with HTTP/2 also exchanges greetings.
async fn try_out(target: &Target, limit: Span) -> Result<(), ConnectError> {
    for _ in 0..target.route.sources().max(1) {
        let socket = connect(target, limit).await?;
        if target.http2.is_some() {
            http2::try_out(socket, target, limit).await?;
        }
    }
    Ok(())
}

/// Tries the target once before the run: a wrong URL or certificate is better said before than after. The built-in provider
/// is there, and what its faults refuse is for the run to meet; only what is between can be wrong.
pub(crate) async fn probe(
    target: &mut Target,
    planned: &plan::Target,
    limit: Span,
) -> Result<(), EngineError> {
    let is_direct = planned.connection.proxy.is_none() && planned.connection.source_addresses.is_empty();
    if matches!(planned.address, Address::Stub(_)) && is_direct {
        return Ok(());
    }
    let failed = |target: &Target, e: &ConnectError| {
        let hint = match e {
            ConnectError::Refused(why) if why == "connection refused" => {
                "; is the server running, and is this its port?"
            }
            ConnectError::Refused(why) if why.ends_with(": connection refused") => {
                "; is the proxy running? `proxy: none` connects to the target itself"
            }
            ConnectError::Timeout(_) => "; check the address, the network and any firewall",
            _ => "",
        };
        match e {
            ConnectError::Starved(why) => {
                EngineError::DoesNotFit(format!("cannot connect to {}: {why}", target.name))
            }
            ConnectError::Timeout(_) | ConnectError::Crowded(_) | ConnectError::Refused(_) => {
                EngineError::Connect { target: target.name.clone(), why: format!("{e}{hint}") }
            }
        }
    };
    let mut first = None;
    let candidates: Vec<SocketAddr> = target.route.addresses().to_vec();
    for address in candidates {
        // The address that answers is the run's from here on: another one's errors would only confuse.
        target.route.keep_to(address);
        match try_out(target, limit).await {
            Ok(()) => return Ok(()),
            // Whatever it is, it comes of the names's addresses at the time.
            Err(e) if target.route.looks_up_anew() => return Err(failed(target, &e)),
            // The first address is the likeliest one, and so is its error.
            Err(e) => first = first.or(Some(e)),
        }
    }
    Err(failed(target, &first.unwrap_or(ConnectError::Refused("it has no address".into()))))
}
