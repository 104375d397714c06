//! What the arguments and the scenario ask of a search.

use floodline_core::ceiling::{By, Wanted};
use floodline_core::plan::{Load, Plan};
use floodline_core::{Rate, Span};
use floodline_probe::ceiling::{Completed, Question};

use crate::Failure;
use crate::args::CeilingArgs;

/// How long a search may take unless somebody says otherwise.
const USUAL_MAX_TIME: Span = Span::from_secs(30 * 60);

/// The question, with what had to be added to it. Options go before what the scenario says.
pub(super) fn of(
    args: &CeilingArgs,
    plan: &Plan,
    wanted: Option<&Wanted>,
) -> Result<(Question, Completed), Failure> {
    let own = own_load(plan)?;
    let by = match args.by.as_deref() {
        None if says_rate(args) => By::Rate,
        None => wanted.map_or(own, |wanted| wanted.by),
        Some("rate") => By::Rate,
        Some("users") => By::Users,
        Some(other) => {
            return Err(Failure::usage(format!("--by: `{other}` is neither rate nor users")));
        }
    };
    // Rates say nothing of users, nor users of rates.
    let loads = wanted.filter(|wanted| wanted.by == by);
    let load = |option: &str, text: &Option<String>, wanted: Option<f64>| match text.as_deref() {
        None => Ok(wanted),
        Some(text) => load(by, text).map(Some).map_err(|e| Failure::usage(format!("{option}: {e}"))),
    };
    let usual = Question::new(by, plan.objectives.clone());
    let longest = time("--trial", &args.trial, wanted.and_then(|wanted| wanted.longest))?;
    let longest = longest.unwrap_or(usual.longest);
    let shortest = time("--min-trial", &args.min_trial, wanted.and_then(|wanted| wanted.shortest))?;
    let shortest = shortest.unwrap_or_else(|| usual.shortest.min(Span(longest.0 / 4)));
    if shortest > longest {
        return Err(Failure::usage(format!(
            "the shortest trial, {shortest}, is longer than the longest, {longest}\n = help: see --min-trial and \
             --trial"
        )));
    }
    let from = load("--from", &args.from, loads.and_then(|wanted| wanted.from))?;
    let to = load("--to", &args.to, loads.and_then(|wanted| wanted.to))?;
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(Failure::usage(format!("the search is to start at {from}, above its end at {to}")));
    }
    let need = load("--need", &args.need, loads.and_then(|wanted| wanted.need))?;
    if let (Some(to), Some(need)) = (to, need)
        && to < need
    {
        let unit = if by == By::Rate { "/s" } else { " users" };
        return Err(Failure::usage(format!(
            "the search is to end at {to}{unit}, below the need of {need}{unit}: it could not tell whether that is met\n = \
             help: raise --to to {need}{unit} at least, or lower --need"
        )));
    }
    let resolution = match &args.resolution {
        Some(text) => Some(resolution(text)?),
        None => wanted.and_then(|wanted| wanted.resolution),
    };
    let question = Question {
        unit: by.unit_of(plan),
        from,
        to,
        need,
        resolution: resolution.unwrap_or(usual.resolution),
        shortest,
        longest,
        most_trials: args
            .max_trials
            .or(wanted.and_then(|wanted| wanted.max_trials))
            .unwrap_or(usual.most_trials),
        ..usual
    };
    Ok(question.completed())
}

/// Options that say how long one run is: a search would have to ignore them.
pub(super) fn refuse_what_is_of_one_run(args: &CeilingArgs) -> Result<(), Failure> {
    let run = &args.scenario;
    let options = [
        (
            "--requests",
            run.requests.is_some(),
            "to bound the requests of all trials together, write limits: {requests: N} in a scenario file",
        ),
        (
            "--duration",
            run.duration.is_some(),
            "--max-time bounds the whole search, --trial the longest trial",
        ),
        (
            "--warmup",
            run.warmup.is_some(),
            "each trial finds out itself from where on it is steady; --trial and --min-trial say how long it may take",
        ),
    ];
    match options.into_iter().find(|(_, given, _)| *given) {
        None => Ok(()),
        Some((option, _, help)) => Err(Failure::usage(format!(
            "{option} is about one run, and a search makes many\n = help: {help}"
        ))),
    }
}

/// What the scenario's own load is counted in.
fn own_load(plan: &Plan) -> Result<By, Failure> {
    let [scenario] = plan.scenarios.as_slice() else {
        return Err(Failure::usage(
            "a ceiling is of one stream of traffic, and this file has several scenarios\n = help: keep one of them, or \
             make their prompts one weighted mix",
        ));
    };
    match &scenario.load {
        Load::Open { .. } => Ok(By::Rate),
        Load::Closed { .. } => Ok(By::Users),
        Load::Sessions { .. } => Err(Failure::usage(
            "a ceiling is searched by rate or by users, and this scenario's load is sessions\n = help: give it a load \
             such as {hold: 1/s, for: 30s} or {users: 1, for: 30s}; which number does not matter",
        )),
        Load::Replay(_) => Err(Failure::usage(
            "a ceiling is searched by rate or by users, and this scenario replays a trace\n = help: draw the trace's \
             lengths as prompts, and give it a load such as {hold: 1/s, for: 30s}",
        )),
    }
}

/// The whole search may take so long.
pub(super) fn max_time(args: &CeilingArgs, plan: &Plan, wanted: Option<&Wanted>) -> Result<Span, Failure> {
    let own = time("--max-time", &args.max_time, wanted.and_then(|wanted| wanted.max_time))?;
    let own = own.unwrap_or(USUAL_MAX_TIME);
    Ok(plan.limits.duration.map_or(own, |limit| limit.min(own)))
}

/// The time that an option says, else the scenario's.
fn time(option: &str, text: &Option<String>, wanted: Option<Span>) -> Result<Option<Span>, Failure> {
    let Some(text) = text else { return Ok(wanted) };
    match Span::parse(text).map_err(|e| Failure::usage(format!("{option}: {e}")))? {
        Span::ZERO => Err(Failure::usage(format!("{option}: it must be above zero"))),
        span => Ok(Some(span)),
    }
}

/// Whether a load on the command line is one by the second, which users are not.
fn says_rate(args: &CeilingArgs) -> bool {
    [&args.need, &args.from, &args.to].into_iter().flatten().any(|load| load.contains('/'))
}

fn load(by: By, text: &str) -> Result<f64, String> {
    match by {
        By::Rate => Rate::parse(text).map(Rate::as_per_second),
        By::Users => {
            let number = text.trim().trim_end_matches("users").trim_end_matches("user").trim_end();
            match number.parse::<u32>() {
                Ok(users @ 1..) => Ok(f64::from(users)),
                _ => Err(format!(
                    "`{text}` is not a number of users: write one such as 64, or search --by rate"
                )),
            }
        }
    }
}

fn resolution(text: &str) -> Result<f64, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "--resolution: `{text}` is not a share from 0.1 % to 50 %: write one such as 3%"
        ))
    };
    let share = match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map_err(|_| wrong())? / 100.0,
        None => text.trim().parse::<f64>().map_err(|_| wrong())?,
    };
    if (0.001..=0.5).contains(&share) { Ok(share) } else { Err(wrong()) }
}
