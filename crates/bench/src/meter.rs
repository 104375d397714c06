//! What a process costs: CPU time, memory, wall time.
//!
//! The kernel keeps the CPU time and peak memory of *all* ended children of a process in one sum and one
//! maximum. So every process to be measured gets a parent of its own: this program again, as `meter`, which
//! starts it, waits for it, and writes down what it cost. The sum covers everything from exec to exit.

use std::ffi::OsString;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde::{Deserialize, Serialize};

use crate::clock::{Stopwatch, timespec};

/// What a process cost, from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// User and system time.
    pub(crate) cpu_seconds: f64,
    /// From the start to the end.
    pub(crate) wall_seconds: f64,
    /// The most memory it held at once. Never less than that of the meter itself, about 3 MB, whose memory a
    /// process has before it becomes another program.
    pub(crate) peak_memory_kib: u64,
    /// Its exit code; absent if a signal ended it.
    pub(crate) exit_code: Option<i32>,
    /// Whether it had to be killed because it took too long.
    pub(crate) timed_out: bool,
}

/// How a process is watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    /// How long it may take.
    pub(crate) limit: Duration,
    /// Whether it is asked to end (SIGTERM) when standard input ends.
    pub(crate) ends_with_input: bool,
}

/// Runs `command`, which inherits all three standard streams, and writes its [`Usage`] to `result`.
///
/// # Errors
/// If it cannot be started or waited for, or the result cannot be written.
pub(crate) fn measure(command: &[OsString], watch: Watch, result: &Path) -> Result<()> {
    let (program, args) = command.split_first().context("nothing to measure")?;
    let clock = Stopwatch::start();
    let mut child = Command::new(program)
        .args(args)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let timed_out = await_end(&child, watch, clock)?;
    if timed_out {
        child.kill()?;
    }
    let status = child.wait()?;
    let wall_seconds = clock.elapsed().as_secs_f64();
    let cost = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let usage = Usage {
        cpu_seconds: (cost.user_time() + cost.system_time()).num_microseconds() as f64 / 1e6,
        wall_seconds,
        peak_memory_kib: u64::try_from(cost.max_rss()).unwrap_or(0),
        exit_code: if status.signal().is_some() { None } else { status.code() },
        timed_out,
    };
    fs::write(result, serde_json::to_vec(&usage)?)
        .with_context(|| format!("cannot write {}", result.display()))
}

/// Waits until `child` ends: false if it did, true if its time is up.
fn await_end(child: &Child, watch: Watch, clock: Stopwatch) -> Result<bool> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
    let ended = pidfd_open(pid, PidfdFlags::empty())?;
    let input = std::io::stdin();
    let mut input_ended = !watch.ends_with_input;
    loop {
        let left = watch.limit.saturating_sub(clock.elapsed());
        let mut fds = vec![PollFd::new(&ended, PollFlags::IN)];
        let input = input.as_fd();
        if !input_ended {
            fds.push(PollFd::from_borrowed_fd(input, PollFlags::IN));
        }
        match poll(&mut fds, Some(&timespec(left))) {
            Ok(0) => return Ok(true),
            Ok(_) if !fds[0].revents().is_empty() => return Ok(false),
            Ok(_) => {
                kill_process(pid, Signal::TERM)?;
                input_ended = true;
            }
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}
