//! `floodline run`: resolve, check, load, record, report.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use floodline_core::plan::Address;
use floodline_core::summary::{RUN_FORMAT, RunInfo, RunSummary};
use floodline_core::{Span, plan as planned};
use floodline_engine::clock::Clock;
use floodline_engine::{Endpoint, EngineError, Header, Provider, Run, Stop};
use floodline_report::{INSECURE, json, terminal};
use floodline_scenario::{Part, Resolved, Secret};
use floodline_store::RunFolder;

use crate::args::RunArgs;
use crate::interrupt::Interrupts;
use crate::outside::{World, why};
use crate::provider::{BuiltIn, Providers};
use crate::recorder::Recorder;
use crate::screen::{self, LiveLine};
use crate::scrubber::Scrubber;
use crate::{Failure, plan, report, scenario};

/// The one exit code that comes before that of a failure.
const INTERRUPTED: u8 = 130;

/// Makes a run and returns its exit code.
pub(crate) fn run(args: Box<RunArgs>) -> Result<u8, Failure> {
    let (resolved, scenario) = scenario::resolve(&args.scenario, &World)?;
    let scrubber = Scrubber::of(resolved.secret_values());
    let Resolved { plan, workloads, scripts, formats, tokenizer, targets, keys, warnings } = resolved;
    let plan = Arc::new(plan);
    for warning in warnings.iter().filter(|_| !args.quiet) {
        screen::note(&format!("warning: {warning}"));
    }

    let forecast = plan::forecast(&plan, &workloads)?;
    if let Some(why) = forecast.to_confirm(&plan).filter(|_| !args.yes) {
        return Err(Failure::usage(format!(
            "{why}\n = help: start it with --yes, or bound it: limits: {{spend: $5}}"
        )));
    }

    let providers = Providers::start(&plan)?;
    let endpoints = plan
        .targets()
        .zip(targets)
        .enumerate()
        .map(|(number, (target, part))| endpoint(target, part, &keys, providers.of(number)))
        .collect::<Result<Vec<_>, _>>()?;
    let target = endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect::<Vec<_>>().join(", ");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = args.workers.map_or((cores / 2).max(1), |n| n as usize);
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

    // From here on there is something to leave in order.
    let stop = Arc::new(Stop::default());
    let _interrupts = Interrupts::passed_to(stop.clone(), args.quiet).map_err(Failure::internal)?;
    let path = args.out.clone().unwrap_or_else(|| default_folder(&plan.name, wall));
    let folder = RunFolder::create(&path).map_err(Failure::usage)?;
    let mut info = RunInfo {
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
    let shown = path.display().to_string();
    if !args.quiet && !args.json {
        screen::print(&terminal::plan(&plan, &forecast, Some((&info, &shown)), screen::output_style()))?;
    } else if plan.target.insecure && !args.quiet {
        screen::note(&format!("warning: --insecure: {INSECURE}"));
    }
    folder.write_scenario(&scenario).map_err(Failure::internal)?;
    folder.write_plan(&plan).map_err(Failure::internal)?;
    folder.write_run(&info).map_err(Failure::internal)?;
    let journal = folder.journal().map_err(Failure::internal)?;
    let live = (!args.quiet).then(LiveLine::new);
    let mut recorder = Recorder::new(journal, scrubber, live, &plan);

    let running = ready.start().map_err(cannot_run)?;
    info.started_unix_ns = running.clock().origin_unix_ns();
    info.started = rfc3339(info.started_unix_ns);
    let written = folder.write_run(&info);
    let driven = running.drive(&stop, &mut |event| match event {
        Some(event) => recorder.take(event),
        None => recorder.flush(),
    });
    let (fold, recorded) = recorder.finish();
    let summary = RunSummary::new(&plan, &info, &fold);
    let kept = report::write(&folder, &plan, &info, &summary, &fold);
    // What was measured is shown even where it cannot be kept.
    let printed = if args.json {
        screen::print(&json::summary(&summary))
    } else if !args.quiet {
        screen::print(&terminal::summary(&plan, &info, &summary, &shown, screen::output_style()))
    } else {
        Ok(())
    };
    let code = summary.verdict.exit_code;
    let kept = written.and(recorded).and(kept).map_err(Failure::internal);
    match driven.map_err(cannot_run).and(kept).and(printed) {
        Err(failure) if code == INTERRUPTED => {
            screen::complain(&failure.message);
            Ok(code)
        }
        Err(failure) => Err(failure),
        Ok(()) => Ok(code),
    }
}

/// Whose fault it is that a run cannot be made.
fn cannot_run(e: EngineError) -> Failure {
    match e {
        EngineError::System(_) | EngineError::Broken => Failure::internal(e),
        EngineError::Url(_)
        | EngineError::Resolve { .. }
        | EngineError::Connect { .. }
        | EngineError::Source(_)
        | EngineError::Hook(_)
        | EngineError::Tls(_)
        | EngineError::DoesNotFit(_) => Failure::usage(e),
    }
}

fn endpoint(
    target: &planned::Target,
    Part { exchange, secrets }: Part,
    keys: &[Secret],
    provider: Option<&BuiltIn>,
) -> Result<Endpoint, Failure> {
    let planned::Target { address, ca_file, insecure, stream, connection, api, .. } = target;
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
fn default_folder(name: &str, unix_ns: u64) -> PathBuf {
    let safe: String =
        name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect();
    let stamp = zoned(unix_ns).strftime("%Y%m%d-%H%M%S").to_string();
    let base = format!("{}-{stamp}", safe.trim_start_matches('.'));
    let path = |n: u32| Path::new("runs").join(if n == 0 { base.clone() } else { format!("{base}-{n}") });
    (0..).map(path).find(|p| !p.exists()).unwrap_or_else(|| path(0))
}

fn rfc3339(unix_ns: u64) -> String {
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
