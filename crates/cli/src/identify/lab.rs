//! Carries an experiment out: sends what it asks for, and tells it what came back.

use std::sync::Arc;
use std::time::Duration;

use floodline_core::record::TokenSource;
use floodline_core::retry::{Refusal, Why};
use floodline_core::{Moment, Outcome, Record, Span};
use floodline_engine::{Shot, Stop};
use floodline_probe::limits::{Answer, Command, Experiment, Probe, Reply, Tokens};
use floodline_report::finding::doing;
use floodline_scenario::{Designed, Resolved, Secret};

use super::files::{ProbeLine, ProbeLog};
use crate::Failure;
use crate::launch::{cannot_run, endpoint};
use crate::provider::Providers;
use crate::screen::LiveLine;
use crate::scrubber::Scrubber;

/// Between two looks for an interrupt, and two of the live line.
const LOOK: Duration = Duration::from_millis(100);
/// How long answers are waited for that are under way when the experiment ends.
const GRACE: Span = Span::from_secs(2);

/// The bench that an experiment is made on.
pub(super) struct Lab {
    engine: floodline_engine::Lab,
    designed: Arc<Designed>,
    scrubber: Scrubber,
    keys: usize,
    target: String,
    /// Serves the built-in provider as long as this is held.
    _providers: Providers,
}

impl Lab {
    /// Starts the built-in provider if that is the target, and looks whether it can be reached.
    /// No request, and no connecting, takes longer than `max_time`.
    pub(super) fn open(resolved: Resolved, keys_env: &[String], max_time: Span) -> Result<Lab, Failure> {
        let named = keys(keys_env)?;
        let secret: Vec<&str> = resolved.secret_values().chain(named.iter().map(Secret::expose)).collect();
        let scrubber = Scrubber::of(secret.into_iter());
        let Resolved { mut plan, targets, keys, .. } = resolved;
        plan.timeouts.connect = plan.timeouts.connect.min(max_time);
        plan.timeouts.request = plan.timeouts.request.min(max_time);
        let keys = if named.is_empty() { keys } else { named };
        let providers = Providers::start(&plan, &keys)?;
        let Some(part) = targets.into_iter().next() else {
            return Err(Failure::usage("the scenario has no target"));
        };
        let designed = part.designed.clone();
        let mut endpoint = endpoint(&plan.target, part, &keys, providers.of(0))?;
        if let Some(key) = endpoint.keys.first() {
            let name = key.name.clone();
            endpoint.headers.retain(|header| !header.name.eq_ignore_ascii_case(&name));
        }
        let id = format!("fl-limits-{:x}", plan.seed);
        let engine = floodline_engine::Lab::open(&plan, &endpoint, id).map_err(cannot_run)?;
        Ok(Lab {
            engine,
            designed,
            scrubber,
            keys: keys.len().max(1),
            target: endpoint.url,
            _providers: providers,
        })
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> usize {
        self.keys
    }

    /// Where requests are sent.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// Does what the experiment asks for until it is over or interrupted, and writes down each probe as it is answered. What
    /// is under way at the end is waited for a moment, and then given up.
    pub(super) fn carry_out(
        &mut self,
        experiment: &mut Experiment,
        stop: &Stop,
        mut live: Option<LiveLine>,
        log: &mut ProbeLog,
    ) {
        let begun = self.engine.now();
        let since = move |moment: Moment| Moment(moment.since(begun).0);
        let mut probes: Vec<Probe> = Vec::new();
        let mut answered = 0;
        let mut shown = Moment::START;
        while !stop.is_interrupted() {
            let now = since(self.engine.now());
            let until = match experiment.next(now) {
                Command::Done => break,
                Command::Send(probe) => {
                    self.send(probe);
                    probes.push(probe);
                    continue;
                }
                Command::Wait(until) => until.map(|until| begun + Span(until.0)),
            };
            let ended = self.engine.wait(until, LOOK);
            answered += ended.len() as u64;
            self.tell(ended, &probes, begun, experiment, log);
            let now = since(self.engine.now());
            if let Some(live) = live.as_mut().filter(|_| now.since(shown).0 >= LOOK.as_nanos() as u64) {
                shown = now;
                let spent = experiment.spent().map(|usd| usd.to_string());
                let believes = experiment.believes();
                let text = doing(
                    &experiment.activity(),
                    answered,
                    spent.as_deref(),
                    now.since(Moment::START),
                    believes.as_ref(),
                    live.style(),
                );
                live.show(&text);
            }
        }
        if let Some(live) = live {
            live.clear();
        }
        experiment.end();
        let until = self.engine.now() + GRACE;
        while experiment.open() > 0 && self.engine.now() < until {
            let ended = self.engine.wait(Some(until), LOOK);
            self.tell(ended, &probes, begun, experiment, log);
        }
        let given_up = self.engine.give_up();
        self.tell(given_up, &probes, begun, experiment, log);
    }

    /// Tells the experiment, and the log, what became of probes.
    fn tell(
        &self,
        ended: Vec<Record>,
        probes: &[Probe],
        begun: Moment,
        experiment: &mut Experiment,
        log: &mut ProbeLog,
    ) {
        for mut record in ended {
            if let Some(error) = &mut record.error {
                self.scrubber.scrub(error);
            }
            let Some(probe) = usize::try_from(record.i).ok().and_then(|i| probes.get(i)) else {
                continue;
            };
            log.add(&line(*probe, &record, begun));
            experiment.answered(probe.id, answer(&record, |moment| Moment(moment.since(begun).0)));
        }
    }

    fn send(&self, probe: Probe) {
        let mut body = Vec::new();
        let head = self.designed.render(probe.id as u64, probe.prompt_tokens, probe.max_tokens, &mut body);
        self.engine.send(Shot {
            number: probe.id as u64,
            key: Some(probe.key),
            head,
            body,
            input_tokens: probe.prompt_tokens,
        });
    }
}

/// The keys in these variables of the environment.
fn keys(names: &[String]) -> Result<Vec<Secret>, Failure> {
    let key = |name: &String| match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(Secret::new(value)),
        Ok(_) => Err(Failure::usage(format!("--keys-env: the environment variable {name} is empty"))),
        Err(_) => Err(Failure::usage(format!("--keys-env: there is no environment variable {name}"))),
    };
    let keys = names.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    match keys.first() {
        Some(first) if keys.iter().skip(1).any(|other| other == first) => Err(Failure::usage(
            "--keys-env: the keys are the same, which tells nothing about whether keys share a limit",
        )),
        _ => Ok(keys),
    }
}

/// What a record says to the experiment.
fn answer(record: &Record, since: impl Fn(Moment) -> Moment) -> Answer {
    let sent = since(record.sent.unwrap_or(record.scheduled));
    let ended = since(record.last.or(record.over()).unwrap_or(record.scheduled)).max(sent);
    let failed = || Reply::Failed {
        outcome: if record.sent.is_some() { record.outcome } else { Outcome::NotSent },
        detail: match (&record.error, record.status) {
            (Some(error), _) => error.as_str().into(),
            (None, Some(status)) => format!("status {status}").into(),
            (None, None) => record.outcome.name().into(),
        },
    };
    let reply = match record.outcome {
        Outcome::Ok | Outcome::CheckFailed => Reply::Admitted(tokens(record)),
        Outcome::RateLimited | Outcome::QuotaExceeded => refused(record).unwrap_or_else(failed),
        // A request may be too large for the limiter, which is no mistake of its form.
        Outcome::ClientError | Outcome::Overloaded | Outcome::ServerError => match refused(record) {
            Some(Reply::Refused { refusal, status })
                if matches!(refusal.why, Why::TooLarge | Why::QuotaExhausted | Why::RateLimited) =>
            {
                Reply::Refused { refusal, status }
            }
            _ => failed(),
        },
        Outcome::Timeout
        | Outcome::Connection
        | Outcome::Truncated
        | Outcome::Malformed
        | Outcome::Cancelled
        | Outcome::NotSent => failed(),
    };
    Answer { sent, ended, stated: record.limits.as_deref().cloned(), reply }
}

fn tokens(record: &Record) -> Option<Tokens> {
    let counted = record.token_source == Some(TokenSource::Usage);
    let (prompt, output) = (record.input_tokens?, record.output_tokens?);
    counted.then(|| Tokens { prompt: prompt.into(), output: output.into() })
}

fn refused(record: &Record) -> Option<Reply> {
    let known = record.attempts.last().and_then(|attempt| attempt.refusal);
    let mut refusal = known.or_else(|| Refusal::by_outcome(record.outcome))?;
    // A provisioned deployment that is used to the full speaks of high demand: that is its limit.
    if record.outcome == Outcome::RateLimited && refusal.why == Why::Overloaded {
        refusal.why = Why::RateLimited;
    }
    Some(Reply::Refused { refusal, status: record.status })
}

fn line(probe: Probe, record: &Record, begun: Moment) -> ProbeLine {
    let since = |moment: Option<Moment>| moment.map(|moment| moment.since(begun).0);
    ProbeLine {
        i: probe.id,
        key: probe.key,
        prompt_tokens: probe.prompt_tokens,
        max_tokens: probe.max_tokens,
        sent_ns: since(record.sent),
        last_ns: since(record.last),
        outcome: record.outcome.name(),
        status: record.status,
        input_tokens: record.input_tokens,
        output_tokens: record.output_tokens,
        stated: record.limits.clone(),
        error: record.error.clone(),
    }
}
