//! How a target is connected to: the values of its keys.

use core::net::IpAddr;

use floodline_core::connection::{Connections, Dns, Http};
use schemars::{Schema, json_schema};

use super::scalar::{Choice, Written, Wrong};

impl Written for Http {
    fn read(text: &str) -> Result<Http, Wrong> {
        match text.trim() {
            "1" | "1.1" => Ok(Http::One),
            "2" => Ok(Http::Two),
            other => Err(format!("`{other}` is not a version of HTTP: expected 1 or 2").into()),
        }
    }
    fn schema() -> Schema {
        json_schema!({ "enum": [1, 2] })
    }
}

impl Written for Connections {
    fn read(text: &str) -> Result<Connections, Wrong> {
        match text.trim() {
            "kept" => Ok(Connections::Kept),
            "per_request" => Ok(Connections::PerRequest),
            number if number.starts_with(|c: char| c.is_ascii_digit()) => {
                u32::read(number).map(Connections::PerWorker)
            }
            other => Err(format!(
                "`{other}` is not a way to keep connections: expected kept, per_request, or with http: 2 a number"
            )
            .into()),
        }
    }
    fn schema() -> Schema {
        json_schema!({ "anyOf": [{ "enum": ["kept", "per_request"] }, { "type": "integer", "minimum": 1 }] })
    }
}

impl Choice for Dns {
    const WHAT: &'static str = "when names can be looked up";
    const NAMES: &'static [(&'static str, Dns)] =
        &[("once", Dns::Once), ("per_connection", Dns::PerConnection)];
}

impl Written for IpAddr {
    fn read(text: &str) -> Result<IpAddr, Wrong> {
        let help = "write an address of this machine, such as 10.0.0.7 or fd00::7";
        text.trim()
            .parse()
            .map_err(|_| Wrong { message: format!("`{text}` is not an IP address"), help: Some(help.into()) })
    }
    fn schema() -> Schema {
        json_schema!({ "type": "string" })
    }
}
