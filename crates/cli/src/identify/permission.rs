//! Whether a target may be tested: on this machine always, elsewhere if the user says so.

use std::net::IpAddr;

use floodline_core::plan::{Address, Plan};

use crate::Failure;

/// Refuses without the user's statement, unless all targets are on this machine.
pub(super) fn given(plan: &Plan, stated: bool) -> Result<(), Failure> {
    let elsewhere = plan.targets().find_map(|target| match &target.address {
        Address::Url(url) if !is_here(url) => Some(host(url)),
        Address::Url(_) | Address::Stub(_) => None,
    });
    match elsewhere {
        Some(host) if !stated => Err(Failure::usage(format!(
            "this goes on until {host} refuses, again and again; do that only where you may\n = help: if the \
             owner of {host} knows and its rules allow it, say so with --i-may-test-this"
        ))),
        _ => Ok(()),
    }
}

fn is_here(url: &str) -> bool {
    let host = host(url);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host of a URL, without its port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match authority.find(']') {
        Some(end) => authority.get(..=end).unwrap_or(authority),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_others() {
        for here in
            ["http://127.0.0.1:8080/v1", "http://localhost/v1", "https://[::1]:8443/", "http://127.9.9.9"]
        {
            assert!(is_here(here), "{here}");
        }
        for there in [
            "https://api.example.com/v1",
            "http://127.0.0.1.example.com/",
            "http://localhost@example.com/",
            "http://localhost.example.com",
            "http://[2001:db8::1]:80/",
            "http://example.com\\@127.0.0.1/",
        ] {
            assert!(!is_here(there), "{there}");
        }
    }
}
