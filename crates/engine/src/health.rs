//! What this machine can carry, looked at before the run, and what it is carrying, looked at during it.

use floodline_core::Plan;
use floodline_core::connection::Http;
use floodline_core::plan::{Load, Scenario};
use floodline_core::users;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::EngineError;

/// Descriptors that a run needs besides its connections.
const SPARE_DESCRIPTORS: u64 = 64;
/// What a connection may take in memory, generously.
const BYTES_PER_CONNECTION: u64 = 48 * 1024;

/// Raises the soft limit on open descriptors to the hard one.
pub fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Refused only by sandboxes; then the soft limit is what there is.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// How many descriptors may be open; none if there is no limit.
pub(crate) fn descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Refuses a load that cannot fit, with the numbers.
///
/// Only a closed loop says beforehand how many connections it needs; an open loop finds out, and so do sessions.
///
/// # Errors
/// [`EngineError::DoesNotFit`], naming what is short and what to do.
pub fn fits(plan: &Plan, own_provider: bool, workers: u64) -> Result<(), EngineError> {
    let users_of = |scenario: &Scenario| match &scenario.load {
        Load::Closed { stages, .. } => u64::from(users::most(stages)),
        Load::Open { .. } | Load::Sessions { .. } | Load::Replay(_) => 0,
    };
    let users: u64 = plan.scenarios.iter().map(users_of).sum();
    let connection = &plan.target.connection;
    // Each source address has ports of its own.
    let ports = local_ports().map(|ports| ports * connection.source_addresses.len().max(1) as u64);
    let connections = match connection.http {
        Http::One => users,
        // As many as there are, however many users share them.
        Http::Two => users.min(workers * u64::from(connection.per_worker())),
    };
    check(connections, own_provider, descriptor_limit(), ports, available_memory())
}

fn check(
    users: u64,
    own_provider: bool,
    descriptors: Option<u64>,
    ports: Option<u64>,
    memory: Option<u64>,
) -> Result<(), EngineError> {
    let refuse = |why: String| Err(EngineError::DoesNotFit(why));
    let ends = if own_provider { 2 } else { 1 };
    let needed = users * ends + SPARE_DESCRIPTORS;
    if let Some(limit) = descriptors.filter(|&limit| needed > limit) {
        let most = limit.saturating_sub(SPARE_DESCRIPTORS) / ends;
        let each = if own_provider {
            ", two for each user, since the built-in provider is in the same process"
        } else {
            ""
        };
        return refuse(format!(
            "{users} users need {needed} file descriptors{each}; the limit here is {limit}. Use at most {most} users, or \
             raise the limit (`ulimit -Hn`, LimitNOFILE)"
        ));
    }
    if let Some(ports) = ports.filter(|&ports| users > ports) {
        return refuse(format!(
            "{users} users need as many local ports; this machine has {ports} for one target address. Use at most {ports} \
             users, or widen net.ipv4.ip_local_port_range"
        ));
    }
    let needed = users * ends * BYTES_PER_CONNECTION;
    if let Some(free) = memory.filter(|&free| needed > free) {
        let mib = |bytes: u64| bytes / (1024 * 1024);
        return refuse(format!(
            "{users} users need up to {} MiB of memory; {} MiB are available. Use fewer users",
            mib(needed),
            mib(free)
        ));
    }
    Ok(())
}

/// Open descriptors of this process, where that can be told.
pub(crate) fn open_descriptors() -> u64 {
    // The listing itself is one of them.
    std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count().saturating_sub(1) as u64)
}

/// TCP sockets that hold a port or have just given one up, and the local ports there are for one target address from so
/// many addresses of this machine.
pub(crate) fn ports(sources: u64) -> Option<(u64, u64)> {
    let sockets = std::fs::read_to_string("/proc/net/sockstat").ok()?;
    let words: Vec<&str> =
        sockets.lines().find(|line| line.starts_with("TCP:"))?.split_whitespace().collect();
    let of = |name| {
        words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)?.parse::<u64>().ok())
    };
    Some((of("inuse")? + of("tw")?, local_ports()? * sources.max(1)))
}

fn local_ports() -> Option<u64> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = range.split_whitespace().map(str::parse::<u64>);
    let (low, high) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some(high.checked_sub(low)? + 1)
}

fn available_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_let_through() {
        assert!(check(100, true, Some(1024), Some(28_000), Some(1 << 30)).is_ok());
        assert!(check(1_000_000, true, None, None, None).is_ok());
    }

    #[test]
    fn what_cannot_fit_is_refused_with_the_numbers() {
        let said = |r: Result<(), EngineError>| r.unwrap_err().to_string();
        let descriptors = said(check(1000, true, Some(1024), None, None));
        assert!(
            descriptors.contains("2064")
                && descriptors.contains("1024")
                && descriptors.contains("at most 480")
        );
        assert!(said(check(30_000, false, Some(100_000), Some(28_232), None)).contains("28232"));
        assert!(said(check(30_000, false, None, None, Some(1 << 20))).contains("1 MiB are available"));
    }
}
