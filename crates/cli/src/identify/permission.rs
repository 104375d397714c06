//! Whether a target may be tested: on this machine always, elsewhere if the user says so. What goes through a proxy elsewhere
//! is sent elsewhere, whatever its URL says: to the proxy, `127.0.0.1` is itself.

use std::net::IpAddr;

use floodline_core::plan::{Address, Plan, Target};

use crate::Failure;

/// Refuses without the user's statement, unless all targets, and the proxies on the way to them, are on this machine.
pub(super) fn given(plan: &Plan, stated: bool) -> Result<(), Failure> {
    match plan.targets().find_map(elsewhere) {
        Some(host) if !stated => Err(Failure::usage(format!(
            "this goes on until {host} refuses, again and again; do that only where you may\n = help: if the \
             owner of {host} knows and its rules allow it, say so with --i-may-test-this"
        ))),
        _ => Ok(()),
    }
}

/// The host that requests go to, or through, unless that is this machine.
fn elsewhere(target: &Target) -> Option<&str> {
    let Address::Url(url) = &target.address else { return None };
    let proxy = target.connection.proxy.as_deref();
    [Some(url.as_str()), proxy].into_iter().flatten().find(|address| !is_here(address)).map(host)
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
    fn a_proxy_elsewhere_is_elsewhere_whatever_the_url_says() {
        let mut target = Target::new(Address::Url("http://127.0.0.1:8080/v1".into()), "m");
        assert_eq!(elsewhere(&target), None);
        for (proxy, host) in
            [("127.0.0.1:3128", None), ("[::1]:3128", None), ("proxy.corp:3128", Some("proxy.corp"))]
        {
            target.connection.proxy = Some(proxy.into());
            assert_eq!(elsewhere(&target), host, "{proxy}");
        }
        target.address = Address::Url("https://api.example.com/v1".into());
        assert_eq!(elsewhere(&target), Some("api.example.com"));
    }

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
