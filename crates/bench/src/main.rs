//! The benchmark of Floodline: what it costs and how true it is, held against a server that knows when every
//! token left and a client that does nothing but read. One command prints one table, every figure of it
//! measured in the same run on the same machine:
//!
//! ```text
//! cargo run --release -p floodline-bench
//! ```
//!
//! The crate is an independent judge: it uses Floodline only as a program, through its command line, its
//! summary and its run folder.

mod accuracy;
mod clock;
mod floodline;
mod meter;
mod null;
mod quantile;
mod rig;
mod suite;
mod table;
mod truth;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::floodline::Floodline;
use crate::meter::Watch;
use crate::null::Load;
use crate::rig::Rig;
use crate::suite::{Bench, Scale};
use crate::truth::Pace;

/// Measure Floodline against ground truth and a null client, and print the table
#[derive(Debug, Parser)]
#[command(name = "floodline-bench", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
struct Options {
    /// A look in about 20 seconds, with rougher figures
    #[arg(long)]
    quick: bool,
    /// Write the table as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The floodline program to measure [default: built from this checkout]
    #[arg(long, value_name = "PATH")]
    floodline: Option<PathBuf>,
    /// Measure only the server and the null client
    #[arg(long, conflicts_with = "floodline")]
    no_floodline: bool,
    /// Measure the C programs truthd and nullclient in this folder as well
    #[arg(long, value_name = "DIR")]
    yardstick: Option<PathBuf>,
    /// Exit with 1 if a bar is missed
    #[arg(long)]
    strict: bool,
}

/// The ends of a measurement, each a process of its own.
#[derive(Debug, Subcommand)]
enum Part {
    /// Serve ground truth until standard input ends; the port is printed first, an account last
    #[command(hide = true)]
    Truth {
        /// The port; 0 takes any free one
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// From the arrival of a request to its first token
        #[arg(long, default_value_t = 50.0)]
        ttft_ms: f64,
        /// Between tokens; 0 floods
        #[arg(long, default_value_t = 10.0)]
        gap_ms: f64,
        /// Tokens of an answer unless the request says
        #[arg(long, default_value_t = 100)]
        tokens: u32,
        /// Write a line per stream to this file at the end
        #[arg(long)]
        log: Option<PathBuf>,
        /// Keep every gap in the log
        #[arg(long)]
        gaps: bool,
    },
    /// Read answers, and do nothing else
    #[command(hide = true)]
    Null {
        /// Where the server listens, on this machine
        port: u16,
        /// Streams to keep open
        streams: u32,
        /// Requests in all
        requests: u64,
        /// Tokens of each answer
        tokens: u32,
    },
    /// Run a command and write down what it cost
    #[command(hide = true)]
    Meter {
        /// Where to write it
        #[arg(long)]
        result: PathBuf,
        /// Kill it after so many seconds
        #[arg(long)]
        limit_s: u64,
        /// Ask it to end when standard input ends
        #[arg(long)]
        ends_with_input: bool,
        /// The command
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.part {
        None => bench(&arguments.options),
        Some(part) => run_part(part).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("floodline-bench: {error:#}");
        ExitCode::from(2)
    })
}

fn bench(options: &Options) -> Result<ExitCode> {
    let floodline =
        if options.no_floodline { None } else { Some(Floodline::find(options.floodline.clone())?) };
    let bench = Bench {
        rig: Rig::new(options.yardstick.clone())?,
        floodline,
        scale: if options.quick { Scale::QUICK } else { Scale::FULL },
    };
    let machine = machine();
    eprintln!("{machine}");
    let offset = clock::realtime_offset();
    let rows = bench.run(|next| eprintln!("  {next}"));
    let stepped_ms = (clock::realtime_offset() - offset) as f64 / 1e6;

    print!("{machine}\n\n{}", table::render(&rows));
    if stepped_ms.abs() > 1.0 {
        println!(
            "\nThe clock was set by {stepped_ms:.3} ms during the run: the errors above are not to be trusted."
        );
    }
    if let Some(path) = &options.json {
        let json = serde_json::to_vec_pretty(&table::to_json(&rows, &machine))?;
        fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let missed = rows.iter().any(|row| row.passes() == Some(false));
    Ok(if missed && options.strict { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn run_part(part: Part) -> Result<()> {
    match part {
        Part::Truth { port, ttft_ms, gap_ms, tokens, log, gaps } => {
            let millis = |ms: f64| Duration::try_from_secs_f64(ms / 1e3).context("no span of time");
            let pace = Pace { ttft: millis(ttft_ms)?, gap: millis(gap_ms)?, tokens, keep_gaps: gaps };
            serve_truth(port, pace, log)
        }
        Part::Null { port, streams, requests, tokens } => {
            raise_descriptor_limit();
            let answered = null::drive(Load { port, streams, requests, tokens })?;
            println!(
                "{}",
                json!({
                    "requests": answered.requests,
                    "bytes": answered.bytes,
                    "seconds": answered.seconds,
                    "tokens_per_s": answered.requests as f64 * f64::from(tokens) / answered.seconds,
                })
            );
            Ok(())
        }
        Part::Meter { result, limit_s, ends_with_input, command } => {
            meter::measure(&command, Watch { limit: Duration::from_secs(limit_s), ends_with_input }, &result)
        }
    }
}

fn serve_truth(port: u16, pace: Pace, log: Option<PathBuf>) -> Result<()> {
    raise_descriptor_limit();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("port {port}"))?;
    println!("{}", listener.local_addr()?.port());
    io::stdout().flush()?;
    let served = truth::serve(&listener, io::stdin(), pace)?;
    if let Some(path) = log {
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        truth::write_log(&served.log, BufWriter::new(file))?;
    }
    let account = json!({
        "requests": served.log.len(),
        "tokens": served.tokens(),
        "peak_open": served.peak_open,
        "abandoned": served.abandoned,
        "blocked": served.blocked,
    });
    println!("{account}");
    Ok(())
}

/// Ten thousand streams need as many descriptors. If the system gives fewer, opening them fails and says so.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

fn machine() -> String {
    let system = rustix::system::uname();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    format!("{cores} cores, {} {} {}", text(system.sysname()), text(system.release()), text(system.machine()))
}
