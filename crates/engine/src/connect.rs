//! Opening connections, and saying why one could not be opened.

use std::io::{self, ErrorKind};
use std::time::Duration;

use floodline_core::Span;
use tokio::net::TcpStream;

use crate::EngineError;
use crate::socket::Socket;
use crate::target::Target;

/// Why a connection could not be opened.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// This machine ran out of descriptors, ports or memory: the generator's fault, not the target's.
    Starved(String),
    /// It took longer than allowed.
    Timeout(Span),
    /// The target or the network refused.
    Refused(String),
}

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ConnectError::Starved(why) | ConnectError::Refused(why) => f.write_str(why),
            ConnectError::Timeout(limit) => write!(f, "no connection within {limit}"),
        }
    }
}

/// Opens a connection to the first address that takes one, TLS included, within `limit`.
pub(crate) async fn connect(target: &Target, limit: Span) -> Result<Socket, ConnectError> {
    match tokio::time::timeout(Duration::from(limit), open(target)).await {
        Ok(Ok(socket)) => Ok(socket),
        Ok(Err(e)) => Err(explain(&e)),
        Err(_) => Err(ConnectError::Timeout(limit)),
    }
}

async fn open(target: &Target) -> io::Result<Socket> {
    let stream = TcpStream::connect(target.addresses.as_slice()).await?;
    let mut socket = Socket::new(stream)?;
    if let Some((config, name)) = &target.tls {
        socket.handshake(config.clone(), name.clone()).await.map_err(cut_short)?;
    }
    Ok(socket)
}

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
        other => format!("TLS failed: {other}"),
    };
    Some(why)
}

/// Tries the target once before the run: a wrong URL or certificate is better said before than after.
pub(crate) async fn probe(target: &mut Target, limit: Span) -> Result<(), EngineError> {
    let failed = |target: &Target, e: &ConnectError| {
        let hint = match e {
            ConnectError::Refused(why) if why == "connection refused" => {
                "; is the server running, and is this its port?"
            }
            ConnectError::Timeout(_) => "; check the address, the network and any firewall",
            _ => "",
        };
        EngineError::Connect { target: target.name.clone(), why: format!("{e}{hint}") }
    };
    let mut first = None;
    for address in target.addresses.clone() {
        // The address that answers is the run's from here on: another one's errors would only confuse.
        target.addresses = vec![address];
        match connect(target, limit).await {
            Ok(_) => return Ok(()),
            // The first address is the likeliest one, and so is its error.
            Err(e) => first = first.or(Some(e)),
        }
    }
    Err(failed(target, &first.unwrap_or(ConnectError::Refused("it has no address".into()))))
}
