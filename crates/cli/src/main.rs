//! The `floodline` command: arguments, the live terminal, and the wiring of the other crates.
//!
//! It alone reads files and the environment. What a run is and what its figures mean is decided
//! elsewhere; here is only what goes where.

#![forbid(unsafe_code)]

mod args;
mod arrivals;
mod ceiling;
mod corpus;
mod faults;
mod identify;
mod import;
mod interrupt;
mod launch;
mod ledger;
mod limits;
mod outside;
mod plan;
mod provider;
mod recorder;
mod report;
mod rivals;
mod run;
mod scenario;
mod screen;
mod scrubber;
mod stub;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

/// Something that went wrong on this side.
const INTERNAL: u8 = 1;
/// Usage, or a bad scenario: nothing was sent.
pub(crate) const USAGE: u8 = 2;

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Run(args) if !args.compare_retries.is_empty() => rivals::run(&args),
        Command::Run(args) => run::run(args),
        Command::Ceiling(args) => ceiling::ceiling(args),
        Command::Plan(args) => plan::plan(&args),
        Command::Arrivals(args) => arrivals::arrivals(&args),
        Command::Stub(args) => stub::stub(*args),
        Command::Limits(args) => identify::identify(*args),
        Command::Report(args) => report::report(&args),
        Command::Corpus(args) => corpus::corpus(args),
        Command::Import(args) => import::run(args),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(Failure { code, message, .. }) => {
            screen::complain(&message);
            ExitCode::from(code)
        }
    }
}

/// Why a command could not do what it was asked: a message for people, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    /// Whether it is only that this machine cannot bear so high a load.
    too_high: bool,
}

impl Failure {
    /// The user's to mend; nothing was sent.
    pub(crate) fn usage(message: impl ToString) -> Failure {
        Failure { code: USAGE, message: message.to_string(), too_high: false }
    }

    /// This machine lacks what so high a load needs; nothing was sent.
    pub(crate) fn too_high(message: impl ToString) -> Failure {
        Failure { too_high: true, ..Failure::usage(message) }
    }

    /// The machine's or the program's own.
    pub(crate) fn internal(message: impl ToString) -> Failure {
        Failure { code: INTERNAL, message: message.to_string(), too_high: false }
    }
}
