//! Makes one run: starts what it needs, records it in a folder, and folds it up. `floodline run` makes one and shows it;
//! a command that makes several makes each of them here, so that a run is the same thing whoever makes it.
//!
//! In three steps, so that who asked for it can speak in between: [`Prepared::new`] finds all that can be wrong before
//! anything is sent, [`Prepared::placed`] leaves a folder behind, and [`Placed::carry_out`] sends.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use floodline_core::fold::Fold;
use floodline_core::plan::{Address, Plan, Target};
use floodline_core::summary::{RUN_FORMAT, RunInfo, RunSummary};
use floodline_core::{Moment, RunEvent, Span};
use floodline_engine::clock::Clock;
use floodline_engine::{Endpoint, EngineError, Header, Provider, Ready, Run, Stop};
use floodline_scenario::{Part, Resolved, Secret};
use floodline_sim::front::Server;
use floodline_store::{Journal, RunFolder};

use crate::ledger::LedgerFile;
use crate::outside::why;
use crate::provider::{BuiltIn, Providers};
use crate::recorder::Recorder;
use crate::screen::LiveLine;
use crate::scrubber::Scrubber;
use crate::{Failure, report};

/// A run that can start at once.
pub(crate) struct Prepared {
    pub(crate) plan: Arc<Plan>,
    pub(crate) info: RunInfo,
    ready: Ready,
    scrubber: Scrubber,
    limited: Vec<Arc<Server>>,
}

/// A run that has its folder.
pub(crate) struct Placed {
    pub(crate) plan: Arc<Plan>,
    pub(crate) info: RunInfo,
    ready: Ready,
    scrubber: Scrubber,
    folder: RunFolder,
    journal: Journal,
    /// The servers that record attempts, and the file of them; none without limits and faults.
    ledger: Option<(Vec<Arc<Server>>, LedgerFile)>,
}

/// A run that is over.
pub(crate) struct Made {
    pub(crate) plan: Arc<Plan>,
    pub(crate) info: RunInfo,
    pub(crate) summary: RunSummary,
    /// Whether the load was carried through, and all of it could be kept. What was measured is there in any case.
    pub(crate) done: Result<(), Failure>,
}

/// Looks on while a run goes on: at each event and, ten times a second, at the time.
pub(crate) type Onlooker<'a> = &'a mut dyn FnMut(Moment, Option<&RunEvent>);

impl Prepared {
    /// Starts the built-in provider, if there is one, and looks at everything that can be wrong with the load and the
    /// target. Without a number of `workers`, half of the cores.
    pub(crate) fn new(resolved: Resolved, workers: Option<u32>) -> Result<Prepared, Failure> {
        let scrubber = Scrubber::of(resolved.secret_values());
        let Resolved { plan, workloads, scripts, formats, tokenizer, targets, keys, .. } = resolved;
        let plan = Arc::new(plan);
        let providers = Providers::start(&plan, &keys)?;
        let limited = providers.recording();
        let endpoints = plan
            .targets()
            .zip(targets)
            .enumerate()
            .map(|(number, (target, part))| endpoint(target, part, &keys, providers.of(number)))
            .collect::<Result<Vec<_>, _>>()?;
        let target = endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect::<Vec<_>>().join(", ");
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let workers = workers.map_or((cores / 2).max(1), |n| n as usize);
        let wall = Clock::starting_in(Span::ZERO).origin_unix_ns();
        let ready = Run {
            plan: plan.clone(),
            endpoints,
            workloads: workloads.into_iter().map(Into::into).collect(),
            scripts,
            formats,
            tokenizer,
            workers,
            id: format!("fl-{:x}", wall / 1_000),
            provider: providers.any().then(|| Box::new(providers) as Box<dyn Provider>),
        }
        .prepare()
        .map_err(cannot_run)?;
        let info = RunInfo {
            format: RUN_FORMAT.into(),
            floodline: env!("CARGO_PKG_VERSION").into(),
            started: rfc3339(wall),
            started_unix_ns: wall,
            plan_hash: plan.hash(),
            machine: machine(),
            cores: cores as u32,
            workers: workers as u32,
            stamps: ready.stamps(),
            target,
            http: plan.target.connection.http,
        };
        Ok(Prepared { plan, info, ready, scrubber, limited })
    }

    /// Makes its folder, and writes what is known beforehand: the scenario as it was given, the plan, and about the run.
    pub(crate) fn placed(self, path: &Path, scenario: &str) -> Result<Placed, Failure> {
        let Prepared { plan, info, ready, scrubber, limited } = self;
        let folder = RunFolder::create(path).map_err(Failure::usage)?;
        folder.write_scenario(scenario).map_err(Failure::internal)?;
        folder.write_plan(&plan).map_err(Failure::internal)?;
        folder.write_run(&info).map_err(Failure::internal)?;
        let journal = folder.journal().map_err(Failure::internal)?;
        let ledger = match limited.is_empty() {
            true => None,
            false => {
                let file = LedgerFile::begin(&path.join(LEDGER), limited.clone(), |_| {});
                Some((
                    limited,
                    file.map_err(|e| Failure::internal(format!("cannot write {LEDGER}: {}", why(&e))))?,
                ))
            }
        };
        Ok(Placed { plan, info, ready, scrubber, folder, journal, ledger })
    }
}

impl Placed {
    /// Sends, records, and writes everything that follows from it.
    ///
    /// # Errors
    /// When the load could not be started at all.
    pub(crate) fn carry_out(
        self,
        stop: &Stop,
        live: Option<LiveLine>,
        look: Onlooker<'_>,
    ) -> Result<Made, Failure> {
        let Placed { plan, mut info, ready, scrubber, folder, journal, ledger } = self;
        let mut recorder = Recorder::new(journal, scrubber, live, &plan);
        let running = ready.start().map_err(cannot_run)?;
        let clock = running.clock();
        info.started_unix_ns = clock.origin_unix_ns();
        info.started = rfc3339(info.started_unix_ns);
        let written = folder.write_run(&info);
        let driven = running.drive(stop, &mut |event| {
            let event = match event {
                Some(event) => Some(recorder.take(event)),
                None => {
                    recorder.flush();
                    None
                }
            };
            look(Moment::START + clock.elapsed(), event.as_ref());
        });
        let (fold, recorded): (Fold, _) = recorder.finish();
        let summary = RunSummary::new(&plan, &info, &fold);
        let kept = report::write(&folder, &plan, &info, &summary, &fold);
        let kept = written.and(recorded).and(kept).map_err(Failure::internal);
        let kept = kept.and(ledger.map_or(Ok(()), finish));
        Ok(Made { plan, info, summary, done: driven.map_err(cannot_run).and(kept) })
    }
}

/// What became of each attempt at the built-in providers, in the run's folder.
const LEDGER: &str = "provider-ledger.jsonl";

/// Ends the servers, and writes the last of what they recorded.
fn finish((servers, file): (Vec<Arc<Server>>, LedgerFile)) -> Result<(), Failure> {
    servers.iter().for_each(|server| server.end());
    // How many attempts are missing, if any are, the file says itself.
    let written = file.finish().and_then(|kept| kept.trouble.map_or(Ok(()), Err));
    written.map_err(|e| Failure::internal(format!("cannot write {LEDGER}: {}", why(&e))))
}

/// Whose fault it is that a run cannot be made.
pub(crate) fn cannot_run(e: EngineError) -> Failure {
    match e {
        EngineError::System(_) | EngineError::Broken => Failure::internal(e),
        EngineError::Url(_)
        | EngineError::Resolve { .. }
        | EngineError::Connect { .. }
        | EngineError::Source(_)
        | EngineError::Hook(_)
        | EngineError::Tls(_) => Failure::usage(e),
        EngineError::DoesNotFit(_) => Failure::too_high(e),
    }
}

pub(crate) fn endpoint(
    target: &Target,
    Part { exchange, secrets, .. }: Part,
    keys: &[Secret],
    provider: Option<&BuiltIn>,
) -> Result<Endpoint, Failure> {
    let Target { address, ca_file, insecure, stream, connection, api, .. } = target;
    let url = match (address, provider) {
        (Address::Url(url), _) => url.clone(),
        (Address::Stub(_), Some(provider)) => provider.url(&exchange.provider_path),
        (Address::Stub(_), None) => return Err(Failure::internal("the built-in provider was not started")),
    };
    let read = |path: &String| {
        std::fs::read(path)
            .map_err(|e| Failure::usage(format!("cannot read the CA file {path}: {}", why(&e))))
    };
    let header = |(name, value): (String, Secret)| Header { name, value: value.expose().into() };
    Ok(Endpoint {
        url,
        headers: secrets.request_headers(*api).into_iter().map(header).collect(),
        keys: keys.iter().map(|key| header(key.header(*api))).collect(),
        ca: ca_file.as_ref().map(read).transpose()?,
        insecure: *insecure,
        codec: exchange.codec,
        stream: *stream,
        method: exchange.method,
        content_type: exchange.content_type,
        connection: connection.clone(),
        proxy_authorization: secrets.proxy_authorization.as_ref().map(|value| value.expose().into()),
    })
}

/// `runs/NAME-YYYYMMDD-HHMMSS`, with another number behind it if that is taken.
pub(crate) fn default_folder(name: &str, unix_ns: u64) -> PathBuf {
    let safe: String =
        name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let stamp = zoned(unix_ns).strftime("%Y%m%d-%H%M%S").to_string();
    let base = format!("{}-{stamp}", safe.trim_start_matches('.'));
    let path = |n: u32| Path::new("runs").join(if n == 0 { base.clone() } else { format!("{base}-{n}") });
    (0..).map(path).find(|p| !p.exists()).unwrap_or_else(|| path(0))
}

pub(crate) fn rfc3339(unix_ns: u64) -> String {
    zoned(unix_ns).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

fn zoned(unix_ns: u64) -> jiff::Zoned {
    let timestamp =
        jiff::Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(jiff::tz::TimeZone::system())
}

fn machine() -> String {
    let name = rustix::system::uname();
    let part = |s: &std::ffi::CStr| s.to_string_lossy().into_owned();
    format!("{} {} {}", part(name.sysname()), part(name.release()), part(name.machine()))
}
