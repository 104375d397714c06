//! What a server is started with.

use std::net::{IpAddr, Ipv4Addr};

use floodline_core::faults::Faults;
use floodline_core::limits::Limits;
use secrecy::SecretString;

use crate::limits::KeyId;
use crate::model::Pace;

/// Where to serve, and who is there. The default is one provider that answers at once, on any free port of 127.0.0.1.
#[derive(Debug)]
pub struct Config {
    /// The address to listen on.
    pub bind: IpAddr,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// The port of the endpoint for those who run the server, always on 127.0.0.1; 0 takes a free one. There is none
    /// without it.
    pub admin: Option<u16>,
    /// Whether each attempt is recorded for [`Server::take_attempts`](super::Server::take_attempts).
    pub ledger: bool,
    /// The providers on this port. They are told apart by the path, and where several have the same by the model.
    pub providers: Vec<Provides>,
}

/// A provider as it is to be.
#[derive(Debug)]
pub struct Provides {
    /// What it is called in ledgers and counts.
    pub name: Option<Box<str>>,
    /// What paths begin with that are this provider's: nothing, or such as `/primary`.
    pub path: Box<str>,
    /// When tokens are due.
    pub pace: Pace,
    /// How long answers are by themselves, in tokens. A request's `max_tokens` cuts them. Without it an answer
    /// is as long as `max_tokens` allows, or 100 tokens.
    pub tokens: Option<u32>,
    /// Tokens of reasoning before each answer. They count in `max_tokens`.
    pub reasoning: u32,
    /// The answers' words depend on it and on the request alone.
    pub seed: u64,
    /// The models there are; without it every name is served.
    pub models: Option<Vec<String>>,
    /// The key that requests must bear; without it any or none will do.
    pub key: Option<SecretString>,
    /// What it allows; without it everything.
    pub limits: Option<Limits>,
    /// What keys are called in the ledger.
    pub key_names: Vec<(KeyId, Box<str>)>,
    /// What goes wrong at it.
    pub faults: Faults,
}

impl Config {
    /// One provider, elsewise as by default.
    pub fn of(provides: Provides) -> Config {
        Config {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            admin: None,
            ledger: false,
            providers: vec![provides],
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::of(Provides::default())
    }
}

impl Default for Provides {
    fn default() -> Provides {
        Provides {
            name: None,
            path: Box::default(),
            pace: Pace::instant(),
            tokens: None,
            reasoning: 0,
            seed: 0,
            models: None,
            key: None,
            limits: None,
            key_names: Vec::new(),
            faults: Faults::default(),
        }
    }
}
