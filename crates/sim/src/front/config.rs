//! What a server is started with.

use std::net::{IpAddr, Ipv4Addr};

use secrecy::SecretString;

use crate::model::Pace;

/// How to serve. The default answers at once on any free port of 127.0.0.1.
#[derive(Debug)]
pub struct Config {
    /// The address to listen on.
    pub bind: IpAddr,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
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
}

impl Default for Config {
    fn default() -> Config {
        Config {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            pace: Pace::instant(),
            tokens: None,
            reasoning: 0,
            seed: 0,
            models: None,
            key: None,
        }
    }
}
