//! Scenarios: from a YAML file, or from the command's quick form, to a resolved [`Plan`], the
//! [`Workload`] that renders its request bodies, and the [`Secrets`] that go with them.
//!
//! Pure: files and environment variables are read through [`Outside`], which the caller implements,
//! and nothing here knows a clock. Both ways in make the same as-written scenario and share one
//! resolver, so that a file and a command line mean the same.
//!
//! Every error names the file, line and column, shows the line with a caret, and says what was
//! expected ([`Error`]'s display is what the user sees). Secrets are never echoed.
//!
//! The committed JSON schema of the language is `schema/scenario.schema.json`; regenerate it with
//! `UPDATE_SCHEMA=1 cargo test -p floodline-scenario schema`.

#![forbid(unsafe_code)]

mod error;
mod excerpt;
mod import;
mod journey;
mod parse;
mod quick;
mod resolve;
mod schema;
mod secret;
mod template;
mod workload;
mod written;

use std::sync::Arc;

use floodline_core::Plan;
use floodline_core::ceiling::Wanted;
use floodline_core::journey::Script;
use floodline_core::workload::Workload;
use floodline_wire::codec::Codec;
use floodline_wire::own::Format;
use floodline_wire::tokens::Tokenizer;

pub use error::{Error, Problem};
pub use import::{Format as ImportFormat, Imported, import};
pub use quick::QuickForm;
pub use resolve::{
    NamedPolicy, Overrides, PROXY_VARIABLES, StubProvider, read_faults, read_limits, read_stub_file, resolve,
    resolve_quick,
};
pub use schema::json_schema;
pub use secret::{Secret, Secrets};
pub use workload::Designed;

/// The text of a scenario and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The path of the file, as shown in errors. Paths within the scenario are relative to its folder.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// What a scenario may ask of the world around it.
pub trait Outside {
    /// The contents of a file.
    ///
    /// # Errors
    /// Why it cannot be read, in the words of the system, without the path.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// The value of an environment variable, if it is set.
    fn env(&self, name: &str) -> Option<String>;

    /// The profiles that the built-in provider knows; empty if names are not to be checked here.
    fn stub_profiles(&self) -> Vec<String> {
        Vec::new()
    }

    /// Runs a job on as many threads as there is room for, at least one, and returns when all have ended. The job
    /// finds something left to do by itself, or nothing.
    fn on_every_core(&self, job: &(dyn Fn() + Sync)) {
        job();
    }

    /// The seed of a run that names none. A fresh one each time keeps a server's prefix cache from
    /// recognising the synthetic prompts of an earlier run; the plan records whatever is returned.
    fn seed(&self) -> u64 {
        1
    }
}

/// A scenario, ready to run.
pub struct Resolved {
    /// Everything about the run that may be written down.
    pub plan: Plan,
    /// The bodies of its requests: one for each scenario of the plan.
    pub workloads: Vec<Box<dyn Workload>>,
    /// What users do: one for each scenario of the plan, none where its users only ask.
    pub scripts: Vec<Option<Arc<dyn Script>>>,
    /// How the answers to the requests of steps are read, where they are no calls of the target's API and say so: by
    /// scenario and by the number of the step.
    pub formats: Vec<Vec<Option<Arc<Format>>>>,
    /// What answers are counted with.
    pub tokenizer: Tokenizer,
    /// How each target is spoken with, the first first.
    pub targets: Vec<Part>,
    /// The keys that requests are sent with in turn, by the names that the plan holds.
    pub keys: Vec<Secret>,
    /// What it says of a search for its ceiling.
    pub ceiling: Option<Wanted>,
    /// What is allowed but probably not meant, one sentence each.
    pub warnings: Vec<String>,
}

/// What there is to a target beside its part of the plan.
#[derive(Clone, Debug)]
pub struct Part {
    /// How requests are sent and their answers read.
    pub exchange: Exchange,
    /// The key and the header values, which may not be written down.
    pub secrets: Secrets,
    /// Makes requests of any size to it.
    pub designed: Arc<Designed>,
}

/// How the requests of a target are sent, apart from what stands in each, and how their answers are read.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// How answers are read.
    pub codec: Codec,
    /// The method of requests that have none of their own.
    pub method: String,
    /// The media type of their bodies, unless a header says another; none where they have no body.
    pub content_type: Option<String>,
    /// Path and query of requests to the built-in provider, which has every API where its vendor has it.
    pub provider_path: String,
}

impl Resolved {
    /// Every value that must not appear in anything written, for scrubbing what a server echoes.
    pub fn secret_values(&self) -> impl Iterator<Item = &str> {
        let of_targets = self.targets.iter().flat_map(|target| target.secrets.values());
        of_targets.chain(self.keys.iter().map(Secret::expose))
    }
}

impl std::fmt::Debug for Resolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolved")
            .field("plan", &self.plan)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}
