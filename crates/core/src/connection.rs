//! How a target is connected to: version of HTTP, what is kept open, from where, through what.
//!
//! Part of the plan, so nothing here is secret: a proxy is known by its host and port, and what it wants to be told
//! by whoever connects.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

/// How a target is connected to; what is usual is left out of plans, so that older ones mean the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The version of HTTP.
    #[serde(default, skip_serializing_if = "Http::is_usual")]
    pub http: Http,
    /// How many connections there are, and for how long.
    #[serde(default, skip_serializing_if = "Connections::is_usual")]
    pub connections: Connections,
    /// `host:port` of the proxy that stands between; its credentials are a secret of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The addresses that connections are made from, in turn; the system chooses where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_addresses: Vec<IpAddr>,
    /// When the host's name is looked up.
    #[serde(default, skip_serializing_if = "Dns::is_usual")]
    pub dns: Dns,
    /// Whether compressed answers are asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compression: bool,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Http {
    /// HTTP/1.1: one request on a connection at a time.
    #[default]
    One,
    /// HTTP/2: many streams on one connection. Arrivals are then stamped by the connection's latest read, whichever
    /// stream it was for.
    Two,
}

/// How many connections there are, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connections {
    /// Kept open and used again: as many as there are requests in flight, or one for each worker with HTTP/2.
    #[default]
    Kept,
    /// A new one for each request.
    PerRequest,
    /// HTTP/2: so many for each worker.
    PerWorker(u32),
}

/// When the host's name is looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dns {
    /// Before the run.
    #[default]
    Once,
    /// For each connection anew; that counts as connecting.
    PerConnection,
}

impl Connection {
    /// Whether every choice is at its default.
    pub fn is_usual(&self) -> bool {
        *self == Connection::default()
    }

    /// With HTTP/2, the connections of each worker.
    pub fn per_worker(&self) -> u32 {
        match self.connections {
            Connections::PerWorker(connections) => connections.max(1),
            Connections::Kept | Connections::PerRequest => 1,
        }
    }
}

impl Http {
    /// Whether it is the default.
    pub fn is_usual(&self) -> bool {
        *self == Http::default()
    }
}

impl From<Http> for u8 {
    fn from(http: Http) -> u8 {
        match http {
            Http::One => 1,
            Http::Two => 2,
        }
    }
}

impl TryFrom<u8> for Http {
    type Error = String;

    fn try_from(version: u8) -> Result<Http, String> {
        match version {
            1 => Ok(Http::One),
            2 => Ok(Http::Two),
            other => Err(format!("HTTP/{other} is not spoken here")),
        }
    }
}

impl Connections {
    fn is_usual(&self) -> bool {
        *self == Connections::default()
    }
}

impl Dns {
    fn is_usual(&self) -> bool {
        *self == Dns::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_takes_no_room_in_a_plan() {
        assert_eq!(serde_json::to_string(&Connection::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Connection>("{}").unwrap(), Connection::default());
    }

    #[test]
    fn what_is_not_comes_back_as_it_was() {
        let connection = Connection {
            http: Http::Two,
            connections: Connections::PerWorker(4),
            proxy: Some("proxy.example:3128".into()),
            source_addresses: vec!["127.0.0.2".parse().unwrap(), "::1".parse().unwrap()],
            dns: Dns::PerConnection,
            compression: true,
        };
        let json = serde_json::to_string(&connection).unwrap();
        assert_eq!(
            json,
            "{\"http\":2,\"connections\":{\"per_worker\":4},\"proxy\":\"proxy.example:3128\",\
             \"source_addresses\":[\"127.0.0.2\",\"::1\"],\"dns\":\"per_connection\",\"compression\":true}"
        );
        assert_eq!(serde_json::from_str::<Connection>(&json).unwrap(), connection);
        assert!(serde_json::from_str::<Connection>("{\"http\":3}").is_err());
    }
}
