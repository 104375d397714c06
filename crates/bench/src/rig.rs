//! Processes under measurement: ground-truth servers and clients, each below a [`meter`](crate::meter).

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tempfile::TempDir;

use crate::clock;
use crate::meter::Usage;
use crate::null::Load;
use crate::truth::{Entry, Pace, read_log};

/// Where the programs are, and where they write.
#[derive(Debug)]
pub(crate) struct Rig {
    own: PathBuf,
    yardstick: Option<PathBuf>,
    folder: TempDir,
}

/// Whose ground-truth server and null client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    /// This crate's.
    Own,
    /// The C programs of the yardstick.
    Yardstick,
}

impl Make {
    /// What its server is called.
    pub(crate) const fn server(self) -> &'static str {
        match self {
            Make::Own => "truth",
            Make::Yardstick => "truthd (C)",
        }
    }

    /// What its client is called.
    pub(crate) const fn client(self) -> &'static str {
        match self {
            Make::Own => "null",
            Make::Yardstick => "nullclient (C)",
        }
    }
}

/// A client's cost, and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) usage: Usage,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What a server says of itself when it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Account {
    /// Finished streams.
    pub(crate) requests: u64,
    /// Their tokens.
    pub(crate) tokens: u64,
    /// The most streams open at once.
    pub(crate) peak_open: u32,
    /// Streams that the client left.
    pub(crate) abandoned: u64,
    /// Tokens that could not be sent when the log says.
    pub(crate) blocked: u64,
}

/// A server's cost, and what it knows.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) usage: Usage,
    pub(crate) log: Vec<Entry>,
    /// Only this crate's server gives one.
    pub(crate) account: Option<Account>,
}

impl Rig {
    /// A rig with this program's own servers and clients, and the yardstick's if its folder is given.
    ///
    /// # Errors
    /// If a program or a place for its files is missing.
    pub(crate) fn new(yardstick: Option<PathBuf>) -> Result<Rig> {
        if let Some(folder) = &yardstick {
            for program in ["truthd", "nullclient"] {
                let path = folder.join(program);
                if !path.is_file() {
                    bail!("there is no {}: build it with `gcc -O2 -o {program} {program}.c`", path.display());
                }
            }
        }
        Ok(Rig {
            own: std::env::current_exe().context("cannot find my own program file")?,
            yardstick,
            folder: tempfile::tempdir().context("cannot make a temporary folder")?,
        })
    }

    /// The makes that there are.
    pub(crate) fn makes(&self) -> &'static [Make] {
        if self.yardstick.is_some() { &[Make::Own, Make::Yardstick] } else { &[Make::Own] }
    }

    /// A path in the rig's folder, which goes when the rig does.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a client to its end.
    ///
    /// # Errors
    /// If it cannot be run, takes longer than `limit`, or ends in a code that is not among `good`.
    pub(crate) fn run(&self, name: &str, command: &[OsString], limit: Duration, good: &[i32]) -> Result<Ran> {
        let result = self.path(&format!("{name}.usage.json"));
        let output = self.meter(&result, limit, false, command).stdin(Stdio::null()).output()?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let usage = read_usage(&result).with_context(|| format!("{name}: {stderr}"))?;
        if let Err(error) = check_end(name, &usage, limit, good) {
            bail!("{error}: {}", last_line(&stderr));
        }
        Ok(Ran { usage, stdout, stderr })
    }

    /// Runs a null client to its end.
    ///
    /// # Errors
    /// Those of [`run`](Rig::run).
    pub(crate) fn run_null(&self, make: Make, load: Load, limit: Duration) -> Result<Ran> {
        let Load { port, streams, requests, tokens } = load;
        let mut command = match make {
            Make::Own => vec![self.own.clone().into(), "null".into()],
            Make::Yardstick => vec![self.yardstick_program("nullclient")?.into()],
        };
        command.extend(
            [port.to_string(), streams.to_string(), requests.to_string(), tokens.to_string()]
                .map(OsString::from),
        );
        self.run(make.client(), &command, limit, &[0])
    }

    /// Starts a ground-truth server, ready to be connected to.
    ///
    /// # Errors
    /// If it does not come up.
    pub(crate) fn serve(&self, make: Make, pace: Pace) -> Result<Server> {
        let (result, log) = (self.path("server.usage.json"), self.path("server.log"));
        let millis = |span: Duration| (span.as_secs_f64() * 1e3).to_string();
        let (command, port) = match make {
            Make::Own => {
                let mut command: Vec<OsString> = vec![self.own.clone().into(), "truth".into()];
                command.extend([
                    "--ttft-ms".into(),
                    millis(pace.ttft).into(),
                    "--gap-ms".into(),
                    millis(pace.gap).into(),
                ]);
                command.extend([
                    "--tokens".into(),
                    pace.tokens.to_string().into(),
                    "--log".into(),
                    log.clone().into(),
                ]);
                if pace.keep_gaps {
                    command.push("--gaps".into());
                }
                (command, None)
            }
            Make::Yardstick => {
                let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
                let mut command = vec![self.yardstick_program("truthd")?.into(), port.to_string().into()];
                command.extend(["-t".into(), millis(pace.ttft).into(), "-i".into(), millis(pace.gap).into()]);
                command.extend([
                    "-n".into(),
                    pace.tokens.to_string().into(),
                    "-l".into(),
                    log.clone().into(),
                ]);
                (command, Some(port))
            }
        };
        let mut process = self
            .meter(&result, SERVER_LIMIT, make == Make::Yardstick, &command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if make == Make::Own { Stdio::inherit() } else { Stdio::null() })
            .spawn()?;
        let input = process.stdin.take();
        let mut output = BufReader::new(process.stdout.take().context("no output of the server")?);
        let port = match port {
            Some(port) => port,
            None => {
                let mut line = String::new();
                output.read_line(&mut line)?;
                line.trim()
                    .parse()
                    .with_context(|| format!("{} did not say its port but {line:?}", make.server()))?
            }
        };
        await_listening(port)?;
        Ok(Server { port, make, process, input, output, result, log })
    }

    fn yardstick_program(&self, name: &str) -> Result<PathBuf> {
        Ok(self.yardstick.as_ref().context("no yardstick was given")?.join(name))
    }

    fn meter(&self, result: &Path, limit: Duration, ends_with_input: bool, command: &[OsString]) -> Command {
        // A result left by an earlier run must not be taken for this one's.
        let _ = fs::remove_file(result);
        let mut meter = Command::new(&self.own);
        meter.arg("meter").arg("--result").arg(result).arg("--limit-s").arg(limit.as_secs().to_string());
        if ends_with_input {
            meter.arg("--ends-with-input");
        }
        meter.arg("--").args(command);
        meter
    }
}

/// No measurement takes as long.
const SERVER_LIMIT: Duration = Duration::from_secs(300);

/// A running ground-truth server. It ends when its standard input does, so it never outlives this process.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where it listens, on this machine.
    pub(crate) port: u16,
    make: Make,
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<std::process::ChildStdout>,
    result: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Ends it, and hands over what it knows.
    ///
    /// # Errors
    /// If it ended badly or took too long, or its files cannot be read.
    pub(crate) fn stop(mut self) -> Result<Truth> {
        drop(self.input.take());
        let mut said = String::new();
        self.output.read_to_string(&mut said)?;
        let metered = self.process.wait()?;
        let usage = read_usage(&self.result)
            .with_context(|| format!("the meter of {} ended with {metered}", self.make.server()))?;
        check_end(self.make.server(), &usage, SERVER_LIMIT, &[0])?;
        let log = File::open(&self.log).with_context(|| format!("{} left no log", self.make.server()))?;
        let account = match self.make {
            Make::Own => Some(
                serde_json::from_str(&said)
                    .with_context(|| format!("{} said {said:?}", self.make.server()))?,
            ),
            Make::Yardstick => None,
        };
        Ok(Truth { usage, log: read_log(BufReader::new(log))?, account })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        // After `stop` it has been waited for already; otherwise it ends of itself.
        let _ = self.process.wait();
    }
}

fn read_usage(path: &Path) -> Result<Usage> {
    let text = fs::read(path).with_context(|| format!("nothing was measured: no {}", path.display()))?;
    Ok(serde_json::from_slice(&text)?)
}

/// Whether a process ended of itself, in time, and with a code among `good`.
fn check_end(name: &str, usage: &Usage, limit: Duration, good: &[i32]) -> Result<()> {
    if usage.timed_out {
        bail!("{name} did not end within {} s", limit.as_secs());
    }
    match usage.exit_code {
        Some(code) if good.contains(&code) => Ok(()),
        Some(code) => bail!("{name} ended with exit code {code}"),
        None => bail!("{name} was ended by a signal"),
    }
}

fn await_listening(port: u16) -> Result<()> {
    const STEP: Duration = Duration::from_millis(5);
    for _ in 0..1000 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(());
        }
        clock::pause(STEP);
    }
    bail!("no server came up on 127.0.0.1:{port}")
}

fn last_line(text: &str) -> &str {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(exit_code: Option<i32>, timed_out: bool) -> Result<(), String> {
        let usage =
            Usage { cpu_seconds: 0.1, wall_seconds: 1.0, peak_memory_kib: 3000, exit_code, timed_out };
        check_end("truth", &usage, SERVER_LIMIT, &[0, 3]).map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_good_end_in_time_will_do() {
        assert_eq!([end(Some(0), false), end(Some(3), false)], [Ok(()), Ok(())]);
        assert_eq!(end(Some(2), false), Err("truth ended with exit code 2".into()));
        assert_eq!(end(None, false), Err("truth was ended by a signal".into()));
        assert_eq!(end(None, true), Err("truth did not end within 300 s".into()));
        assert!(end(Some(0), true).is_err());
    }
}
