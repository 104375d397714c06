//! How the target is connected to, and what of it does not go together.

use core::net::IpAddr;

use floodline_core::connection::{Connection, Connections, Http};
use floodline_core::plan::Address;

use super::findings::Findings;
use super::proxy::{self, Credentials};
use crate::written::{Place, Target};

/// More connections of one worker than this are a mistake.
const MOST_CONNECTIONS: u32 = 10_000;

/// How a target is connected to, and what is secret about that.
pub(crate) struct Resolved {
    pub(crate) connection: Connection,
    /// What the proxy wants to be told.
    pub(crate) credentials: Option<Credentials>,
}

pub(crate) fn resolve(
    written: &Target,
    place: Place,
    address: Option<&Address>,
    findings: &mut Findings<'_>,
) -> Resolved {
    let (http, connections) = (http(written, address, findings), connections(written, address, findings));
    let (proxy, credentials) = proxy::resolve(written, place, address, http, findings).unzip();
    Resolved {
        connection: Connection {
            http,
            connections,
            proxy,
            source_addresses: source_addresses(written, findings),
            dns: findings.read(&written.dns).unwrap_or_default(),
            compression: findings.read(&written.compression).unwrap_or(false),
        },
        credentials: credentials.flatten(),
    }
}

fn http(written: &Target, address: Option<&Address>, findings: &mut Findings<'_>) -> Http {
    let http = findings.read(&written.http).unwrap_or_default();
    match (http, address) {
        (Http::Two, Some(Address::Stub(_))) => {
            findings.warn("`http: 2` has no effect: the built-in provider speaks HTTP/1.1");
            Http::One
        }
        (http, _) => http,
    }
}

fn connections(written: &Target, address: Option<&Address>, findings: &mut Findings<'_>) -> Connections {
    let Some(given) = written.connections.as_ref() else { return Connections::default() };
    // What is wrong with the version is said where that is read.
    let http = written.http.as_ref().map_or(Ok(Http::One), |http| http.read());
    let connections = findings.read_one(given).unwrap_or_default();
    let (message, help) = match (http, connections) {
        (_, Connections::PerWorker(0)) => ("there must be at least one connection".to_owned(), None),
        (_, Connections::PerWorker(n)) if n > MOST_CONNECTIONS => {
            (format!("{n} connections for each worker are too many: at most {MOST_CONNECTIONS}"), None)
        }
        (Ok(Http::One), Connections::PerWorker(_)) => (
            "a number of connections needs HTTP/2".to_owned(),
            Some("add http: 2; with HTTP/1.1 there is one for each request in flight: kept or per_request"),
        ),
        (Ok(Http::Two), Connections::PerRequest) => (
            "HTTP/2 is many requests on one connection".to_owned(),
            Some("leave out http: 2, or write how many connections each worker has, such as connections: 4"),
        ),
        // Such as a scenario for HTTP/2 that is tried on the built-in provider.
        (_, Connections::PerWorker(_)) if matches!(address, Some(Address::Stub(_))) => {
            return Connections::default();
        }
        _ => return connections,
    };
    let added = findings.problem(given.place, message);
    if let Some(help) = help {
        added.with_help(help);
    }
    Connections::default()
}

fn source_addresses(written: &Target, findings: &mut Findings<'_>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for given in written.source_addresses.iter().flatten() {
        let Some(address) = findings.read_one(given) else { continue };
        if address.is_unspecified() || address.is_multicast() {
            findings
                .problem(given.place, format!("nothing can be sent from {address}"))
                .with_help("name addresses that this machine has; `ip addr` lists them");
        } else if addresses.first().is_some_and(|first| first.is_ipv4() != address.is_ipv4()) {
            findings
                .problem(given.place, "source addresses are IPv4 or IPv6, not both")
                .with_help("a target is connected to in one of the two; keep the addresses of that kind");
        } else if addresses.contains(&address) {
            findings.problem(given.place, format!("{address} is given twice"));
        } else {
            addresses.push(address);
        }
    }
    addresses
}
