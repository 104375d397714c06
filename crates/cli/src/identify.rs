//! `floodline limits`: finds out which limiter stands in front of a target, and leaves what it found.

mod files;
mod lab;
mod permission;

use std::sync::Arc;

use floodline_core::Span;
use floodline_core::budget::{Ceilings, Exhausted};
use floodline_core::finding::Finding;
use floodline_core::money::Usd;
use floodline_core::plan::{Api, Plan};
use floodline_engine::Stop;
use floodline_engine::clock::Clock;
use floodline_probe::limits::{Experiment, Settings, Stop as Ended};
use floodline_report::{finding, json};
use floodline_scenario::Resolved;

use crate::args::IdentifyArgs;
use crate::interrupt::Interrupts;
use crate::launch::default_folder;
use crate::outside::World;
use crate::screen::{self, LiveLine};
use crate::{Failure, scenario};

/// The exit codes that this command has beside those of failures.
const FAILED: u8 = 3;
const LIMITED: u8 = 5;
const INTERRUPTED: u8 = 130;

/// What may be spent where there are prices and nobody says.
const USUAL_SPEND: Usd = Usd::dollars(1);

/// Makes the experiment and returns its exit code.
pub(crate) fn identify(args: IdentifyArgs) -> Result<u8, Failure> {
    without_a_load(&args)?;
    let (resolved, _) = scenario::resolve(&args.scenario, &World)?;
    permission::given(&resolved.plan, args.i_may_test_this)?;
    for warning in resolved.warnings.iter().filter(|_| !args.quiet) {
        screen::note(&format!("warning: {warning}"));
    }
    if resolved.plan.split.is_some() && !args.quiet {
        screen::note("note: the scenario has several targets; the limits of the first are looked for");
    }
    let settings = settings(&args, &resolved)?;
    let name = resolved.plan.name.clone();
    let model = resolved.plan.target.model.clone();
    let mut lab = lab::Lab::open(resolved, &args.keys_env, settings.max_time)?;
    let settings = Settings { keys: lab.keys(), ..settings };

    let stop = Arc::new(Stop::default());
    let _interrupts = Interrupts::passed_to(stop.clone(), true).map_err(Failure::internal)?;
    let wall = Clock::starting_in(Span::ZERO).origin_unix_ns();
    let path = args.out.clone().unwrap_or_else(|| default_folder(&format!("{name}-limits"), wall));
    let folder = files::Folder::create(&path)?;
    let mut experiment = Experiment::new(settings);
    let live = (!args.quiet).then(LiveLine::new);
    let mut log = folder.probes()?;
    lab.carry_out(&mut experiment, &stop, live, &mut log);
    let found = Finding {
        target: lab.target().into(),
        model: (!model.is_empty()).then(|| model.into()),
        ..experiment.finding()
    };
    let found = match (stop.is_interrupted(), experiment.stopped()) {
        (true, _) => Finding { ended_early: Some("it was interrupted".into()), ..found },
        (false, Some(Ended::Key(key, said))) if args.keys_env.len() > *key => {
            let name = args.keys_env.get(*key).map_or("", String::as_str);
            let why = format!("the key in {name} is not accepted: {said}");
            Finding { ended_early: Some(why.into()), ..found }
        }
        (false, _) => found,
    };
    let kept = folder.write(&found).and(log.close());
    let shown = path.display().to_string();
    if args.json {
        screen::print(&json::finding(&found))?;
    } else if !args.quiet {
        screen::print(&finding::terminal(&found, Some(&shown), screen::output_style()))?;
    }
    kept?;
    Ok(code(&experiment, stop.is_interrupted()))
}

fn code(experiment: &Experiment, interrupted: bool) -> u8 {
    match experiment.stopped() {
        _ if interrupted => INTERRUPTED,
        Some(Ended::Target(_) | Ended::Key(..)) => FAILED,
        Some(Ended::Spent(Exhausted::Spend { .. } | Exhausted::Unproved | Exhausted::Overrun(_))) => LIMITED,
        None | Some(Ended::Time | Ended::Spent(_) | Ended::Quota | Ended::Day(_) | Ended::Chance { .. }) => 0,
    }
}

/// Refuses options that bound a load, of which there is none here.
fn without_a_load(args: &IdentifyArgs) -> Result<(), Failure> {
    let scenario = &args.scenario;
    let given = [
        (scenario.requests.is_some(), "--requests", "--max-requests bounds how many it sends"),
        (scenario.duration.is_some(), "--duration", "--max-time bounds how long it takes"),
        (scenario.warmup.is_some(), "--warmup", "--max-requests and --max-time bound all that it does"),
    ];
    match given.iter().find(|(given, ..)| *given) {
        Some((_, option, instead)) => Err(Failure::usage(format!(
            "{option} is about a load, and this command designs what it sends\n = help: {instead}"
        ))),
        None => Ok(()),
    }
}

/// What the experiment may do: of the options and the scenario's own limits, the narrower.
fn settings(args: &IdentifyArgs, resolved: &Resolved) -> Result<Settings, Failure> {
    let plan = &resolved.plan;
    if args.max_time == Span::ZERO {
        return Err(Failure::usage("--max-time: give it some time, such as 5m"));
    }
    if args.window_hint == Some(Span::ZERO) {
        return Err(Failure::usage("--window-hint: a window has a length, such as 60s"));
    }
    let asked = args.spend.or(plan.limits.spend);
    let spend = match (&plan.prices, asked) {
        (None, Some(_)) if args.spend.is_some() && !args.quiet => {
            screen::note(
                "warning: --spend bounds nothing without prices: write `prices:` into the scenario; --max-requests holds",
            );
            None
        }
        (None, _) => None,
        (Some(_), asked) => Some(asked.unwrap_or(USUAL_SPEND)),
    };
    let bounds = plan.prices.as_ref().map(|prices| (prices.max_input_tokens, prices.max_output_tokens));
    let (longest, most) = bounds.unwrap_or((None, None));
    let max_time = plan.limits.duration.map_or(args.max_time, |duration| duration.min(args.max_time));
    if let Some(window) = args.window_hint.filter(|window| *window > max_time) {
        return Err(Failure::usage(format!(
            "a window of {window} (--window-hint) does not end within the {max_time} that this may take\n = help: \
             measuring takes five to ten windows: give it that as --max-time{}",
            if max_time < args.max_time { ", and raise the scenario's `limits: {duration}`" } else { "" }
        )));
    }
    let requests = plan.limits.requests.map_or(args.max_requests, |requests| requests.min(args.max_requests));
    Ok(Settings {
        ceilings: Ceilings { usd: spend, tokens: plan.limits.tokens, requests: Some(requests) },
        prices: plan.prices.clone(),
        max_time,
        window: args.window_hint,
        keys: 1,
        prompt: 16..=args.longest_prompt.min(longest.unwrap_or(u32::MAX)).max(32),
        max_tokens: least_output(plan)..=1_024.min(most.unwrap_or(u32::MAX)).max(32),
        parallel: 64,
    })
}

/// The least output that the API lets a request ask for.
fn least_output(plan: &Plan) -> u32 {
    if plan.target.api == Api::OpenAiResponses { 16 } else { 1 }
}
