//! The way to a target: which addresses are connected to, from which, and through what.
//!
//! With a proxy the way ends there: it is the proxy's host that is looked up and connected to.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use floodline_core::connection::{Connection, Dns};
use tokio::net::{TcpSocket, TcpStream};

use crate::EngineError;
use crate::proxy::Proxy;

/// How connections come about.
#[derive(Debug)]
pub(crate) struct Route {
    /// The host that is connected to, without brackets.
    host: String,
    port: u16,
    /// Its addresses, best first; looked up before the run.
    addresses: Vec<SocketAddr>,
    dns: Dns,
    /// What connections are made from, in turn.
    sources: Vec<IpAddr>,
    turn: AtomicUsize,
    /// What stands between.
    pub(crate) proxy: Option<Proxy>,
}

impl Route {
    /// Looks the host up, and whether this machine has the addresses that it is to be reached from.
    pub(crate) fn resolve(
        target: (&str, u16),
        connection: &Connection,
        proxy: Option<Proxy>,
    ) -> Result<Route, EngineError> {
        let (host, port) = proxy.as_ref().map_or(target, Proxy::host_and_port);
        let unresolved = |why: String| EngineError::Resolve { host: host.to_owned(), why };
        let mut addresses: Vec<SocketAddr> =
            (host, port).to_socket_addrs().map_err(|e| unresolved(e.to_string()))?.collect();
        if addresses.is_empty() {
            return Err(unresolved("it has no address".into()));
        }
        let sources = connection.source_addresses.clone();
        for source in &sources {
            check(*source)?;
        }
        if let Some(source) = sources.first() {
            let all = addresses.clone();
            addresses.retain(|address| address.is_ipv4() == source.is_ipv4());
            if addresses.is_empty() {
                return Err(EngineError::Source(other_family(*source, host, &all)));
            }
        }
        let (host, dns) = (host.to_owned(), connection.dns);
        Ok(Route { host, port, addresses, dns, sources, turn: AtomicUsize::new(0), proxy })
    }

    /// Connects to the first address that takes a connection.
    pub(crate) async fn open(&self) -> io::Result<TcpStream> {
        let looked_up = match self.dns {
            Dns::Once => None,
            Dns::PerConnection => Some(self.look_up().await?),
        };
        let addresses = looked_up.as_deref().unwrap_or(&self.addresses);
        let Some(source) = self.next_source() else { return TcpStream::connect(addresses).await };
        let mut last = None;
        for address in addresses.iter().filter(|address| address.is_ipv4() == source.is_ipv4()) {
            match open_from(source, *address).await {
                Ok(stream) => return Ok(stream),
                Err(e) => last = Some(e),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other(other_family(source, &self.host, addresses))))
    }

    /// Addresses that the run may keep to, and what it is to try each of them from.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Keeps to this address from here on, unless the host is looked up each time.
    pub(crate) fn keep_to(&mut self, address: SocketAddr) {
        self.addresses = vec![address];
    }

    /// Whether the host is looked up each time.
    pub(crate) fn looks_up_anew(&self) -> bool {
        self.dns == Dns::PerConnection
    }

    /// How many addresses connections are made from; none where the system chooses.
    pub(crate) fn sources(&self) -> usize {
        self.sources.len()
    }

    async fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        let unresolved = |why: String| io::Error::other(format!("cannot resolve `{}`: {why}", self.host));
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found: Vec<SocketAddr> = found.map_err(|e| unresolved(e.to_string()))?.collect();
        if found.is_empty() { Err(unresolved("it has no address".into())) } else { Ok(found) }
    }

    fn next_source(&self) -> Option<IpAddr> {
        let turn = self.turn.fetch_add(usize::from(!self.sources.is_empty()), Relaxed);
        self.sources.get(turn % self.sources.len().max(1)).copied()
    }
}

async fn open_from(source: IpAddr, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    choose_port_late(&socket);
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(address).await
}

/// Lets the kernel choose the port when it knows both ends, so that each source has all of its ports for each target.
#[cfg(target_os = "linux")]
fn choose_port_late(socket: &TcpSocket) {
    use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
    // Without it there are fewer ports, and that is said when they run out.
    let _ = setsockopt(socket, IpBindAddressNoPort, &true);
}

#[cfg(not(target_os = "linux"))]
fn choose_port_late(_socket: &TcpSocket) {}

/// Whether this machine has an address.
fn check(source: IpAddr) -> Result<(), EngineError> {
    UdpSocket::bind((source, 0)).map(drop).map_err(|e| {
        let why = match e.kind() {
            io::ErrorKind::AddrNotAvailable => "this machine does not have it".into(),
            _ => e.to_string(),
        };
        EngineError::Source(format!(
            "the source address {source} cannot be used: {why}; `ip addr` lists those there are"
        ))
    })
}

fn other_family(source: IpAddr, host: &str, addresses: &[SocketAddr]) -> String {
    let kind = |v4| if v4 { "IPv4" } else { "IPv6" };
    let addresses: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    format!(
        "the source address {source} is {}, but `{host}` has no address of that kind: {}",
        kind(source.is_ipv4()),
        addresses.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(sources: &[&str]) -> Connection {
        let source_addresses = sources.iter().map(|source| source.parse().unwrap()).collect();
        Connection { source_addresses, ..Connection::default() }
    }

    fn refused(target: &str, sources: &[&str]) -> String {
        Route::resolve((target, 80), &from(sources), None).unwrap_err().to_string()
    }

    #[test]
    fn source_addresses_take_turns() {
        let route = Route::resolve(("127.0.0.1", 80), &from(&["127.0.0.2", "127.0.0.3"]), None).unwrap();
        let turns: Vec<String> = (0..3).map(|_| route.next_source().unwrap().to_string()).collect();
        assert_eq!(turns, ["127.0.0.2", "127.0.0.3", "127.0.0.2"]);
        let route = Route::resolve(("127.0.0.1", 80), &from(&[]), None).unwrap();
        assert_eq!(route.next_source(), None);
    }

    #[test]
    fn source_addresses_that_cannot_be_used_are_refused_in_words() {
        let other = refused("127.0.0.1", &["::1"]);
        // Where there is no IPv6 at all, that is said first.
        assert!(
            other.contains("::1 is IPv6, but `127.0.0.1` has no") || other.contains("cannot be used"),
            "{other}"
        );
        let foreign = refused("127.0.0.1", &["127.0.0.2", "192.0.2.1"]);
        assert!(foreign.contains("192.0.2.1 cannot be used: this machine does not have it"), "{foreign}");
    }
}
