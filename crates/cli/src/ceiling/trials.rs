//! The trials of a search: each a run of its own, with a seed and a folder of its own, under limits that hold over all.
//!
//! The built-in provider is started afresh for each, so that a trial can be made again from its folder alone. Any other
//! target is the same one all the time, and is left alone for a while where a trial drove it too far.

use std::sync::Arc;
use std::time::Duration;

use floodline_core::event::{Ended, Reached};
use floodline_core::objective::Undecided;
use floodline_core::plan::{Limits, Plan};
use floodline_core::{Moment, RunEvent, Span, Usd};
use floodline_engine::Stop;
use floodline_engine::clock::Clock;
use floodline_probe::ceiling::{Bound, Cut, End, Search, Told, Trial, Verdict, Watch};
use floodline_report::terminal;
use floodline_store::CeilingFolder;

use super::written;
use crate::args::CeilingArgs;
use crate::launch::Prepared;
use crate::outside::World;
use crate::screen::LiveLine;
use crate::{Failure, USAGE, scenario, screen};

/// A rest that is longer than this is told of.
const NOTICED: Span = Span::from_secs(10);

/// Makes one trial after another.
pub(super) struct Trials<'a> {
    args: &'a CeilingArgs,
    plan: &'a Plan,
    text: &'a str,
    folder: &'a CeilingFolder,
    search: Search,
    stop: Arc<Stop>,
    clock: Clock,
    max_time: Span,
    used: Used,
    live: Option<LiveLine>,
}

/// What the trials so far have used of the limits.
#[derive(Debug, Default)]
struct Used {
    spent: Usd,
    requests: u64,
    tokens: u64,
    errors: u64,
}

/// What came of a trial.
struct Trialled {
    told: Told,
    /// What ended it, and the search with it.
    cut: Option<Cut>,
    /// Why no trial can succeed, where that is plain.
    in_vain: Option<String>,
}

impl Trialled {
    fn new(told: Told, cut: Option<Cut>) -> Trialled {
        Trialled { told, cut, in_vain: None }
    }
}

impl<'a> Trials<'a> {
    pub(super) fn new(
        args: &'a CeilingArgs,
        plan: &'a Plan,
        text: &'a str,
        folder: &'a CeilingFolder,
        search: Search,
        (stop, clock, max_time): (Arc<Stop>, Clock, Span),
    ) -> Trials<'a> {
        let live = (!args.quiet).then(LiveLine::new);
        Trials { args, plan, text, folder, search, stop, clock, max_time, used: Used::default(), live }
    }

    /// What has been searched.
    pub(super) fn search(&self) -> &Search {
        &self.search
    }

    /// Makes trials until the search has its answer; says what ended it before, if something did.
    pub(super) fn make_all(&mut self) -> Result<Option<Cut>, Failure> {
        while let Some(trial) = self.search.next() {
            self.leave_alone(trial.rest);
            if let Some(cut) = self.cut() {
                return Ok(Some(cut));
            }
            let Trialled { told, cut, in_vain } = match self.make(trial) {
                // What cannot be made on this machine at this load bounds the load.
                Err(Failure { too_high: true, message, .. }) if trial.number > 1 => {
                    Trialled::new(trial.unmade(format!("generator: {message}")), None)
                }
                // The target is gone, or the machine fails in something that no lower load would mend.
                Err(Failure { code: USAGE, message, .. }) if trial.number > 1 => {
                    return Ok(Some(Cut::Failure(format!(
                        "trial {} could not begin: {message}",
                        trial.number
                    ))));
                }
                made => made?,
            };
            if let Some(live) = &self.live {
                live.clear();
            }
            if !self.args.quiet && !self.args.json {
                screen::print(&terminal::tried(&told.tried, screen::output_style()))?;
            }
            self.search.record(told);
            if cut.is_some() {
                return Ok(cut);
            }
            if let Some(why) = in_vain.filter(|_| trial.number == 1) {
                return Err(Failure::usage(why));
            }
        }
        Ok(None)
    }

    /// What ends the search now.
    fn cut(&self) -> Option<Cut> {
        if self.stop.is_interrupted() {
            return Some(Cut::Person);
        }
        if self.clock.elapsed() >= self.max_time {
            return Some(Cut::Limit(format!("the search had lasted {}", self.max_time)));
        }
        self.used_up().map(Cut::Limit)
    }

    /// Which limit the trials have used up, in words.
    fn used_up(&self) -> Option<String> {
        let Limits { spend, requests, tokens, errors, .. } = &self.plan.limits;
        let over = |limit: &Option<u64>, used: u64, what: &str| {
            limit
                .filter(|limit| used >= *limit)
                .map(|limit| format!("the {what} of all trials had reached {limit}"))
        };
        let money = spend.filter(|limit| self.used.spent >= *limit);
        money
            .map(|limit| format!("all trials together had cost {limit}"))
            .or_else(|| over(requests, self.used.requests, "requests"))
            .or_else(|| over(tokens, self.used.tokens, "tokens"))
            .or_else(|| over(errors, self.used.errors, "errors"))
    }

    /// The limit that ended a trial, in words. The run knew only what earlier trials had left of it, and says that.
    fn reached(&self, reached: Option<Reached>, said: &str) -> String {
        if let Some(used_up) = self.used_up() {
            return used_up;
        }
        match reached {
            Some(Reached::Room) => {}
            Some(
                Reached::Duration
                | Reached::Errors
                | Reached::Requests
                | Reached::Unproved
                | Reached::Overrun
                | Reached::Rule,
            )
            | None => return said.to_owned(),
        }
        let Limits { spend, tokens, .. } = &self.plan.limits;
        let spend = spend.map(|limit| format!("{} of {limit} were spent", self.used.spent));
        let tokens = tokens.map(|limit| format!("{} of {limit} tokens were used", self.used.tokens));
        let used: Vec<String> = spend.into_iter().chain(tokens).collect();
        format!("the limits of all trials have no room for another request: {}", used.join(", "))
    }

    /// The limits as far as the trials so far have left them.
    fn left(&self) -> Limits {
        let own = &self.plan.limits;
        let minus = |limit: Option<u64>, used: u64| limit.map(|limit| limit.saturating_sub(used).max(1));
        Limits {
            duration: None,
            requests: minus(own.requests, self.used.requests),
            tokens: minus(own.tokens, self.used.tokens),
            errors: minus(own.errors, self.used.errors),
            spend: own.spend.map(|limit| limit.checked_sub(self.used.spent).unwrap_or(Usd::ZERO)),
            confirm_above: own.confirm_above,
            stop_when: own.stop_when.clone(),
        }
    }

    /// Gives a target that remembers the time to recover.
    fn leave_alone(&self, rest: Span) {
        let built_in = self.plan.is_all_built_in();
        let until = (self.clock.elapsed() + rest).min(self.max_time);
        if !built_in && rest > NOTICED && !self.args.quiet {
            screen::note(&format!(
                "the target is left alone for {rest}, until its limiter has forgotten what was sent"
            ));
        }
        while !built_in && self.clock.elapsed() < until && !self.stop.is_interrupted() {
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn make(&mut self, trial: Trial) -> Result<Trialled, Failure> {
        let mut with_seed = self.args.scenario.clone();
        with_seed.seed = Some(self.plan.seed.wrapping_add(u64::from(trial.number)));
        let mut resolved = scenario::resolve_text(&with_seed, self.text, &World)?;
        trial.load_into(&mut resolved.plan);
        resolved.plan.name = format!("{} trial {}", self.plan.name, trial.number);
        resolved.plan.objectives = self.search.question().objectives.clone();
        resolved.plan.undecided = Undecided::Pass;
        resolved.plan.limits = self.left();
        let ready = Prepared::new(resolved, self.args.workers)?;
        let longest = self.search.question().longest;
        let scenario = written::scenario_of(self.text, &ready.plan, longest);
        let ready = ready.placed(&self.folder.trial(trial.number), &scenario)?;
        let mut watch = Watch::new(self.search.question(), trial, ready.plan.clone(), ready.info.stamps);
        let (bracket, count) = (self.search.bracket(), trial.number);
        self.stop.renew();
        let (stop, clock, max_time) = (&self.stop, &self.clock, self.max_time);
        let (mut latest, mut out_of_time) = (Moment::START, false);
        let (mut errors, mut books, mut reached) = (0, None, None);
        let live = &mut self.live;
        let made = ready.carry_out(stop, None, &mut |now, event| {
            latest = now;
            if let Some(event) = event {
                watch.event(event);
            }
            match event {
                Some(RunEvent::Ended(record)) => errors += u64::from(record.outcome.is_error()),
                Some(RunEvent::Finished(finished)) => (books, reached) = (finished.books, finished.reached),
                Some(RunEvent::Journey(_) | RunEvent::Sampled(_)) | None => {}
            }
            if let (Some(RunEvent::Sampled(_)), Some(live)) = (event, live.as_mut()) {
                let so_far = watch.so_far(now);
                let line = terminal::Searching {
                    number: count,
                    by: trial.by,
                    load: trial.load,
                    held: so_far.held,
                    ok: so_far.ok,
                    refused: so_far.refused,
                    other: so_far.ended - so_far.ok - so_far.refused,
                    bracket,
                };
                live.show(&terminal::searching(&line, live.style()));
            }
            if clock.elapsed() >= max_time {
                out_of_time = true;
                stop.enough_now();
            }
            match watch.look(now) {
                None => {}
                Some(End::Drain) => stop.enough(),
                Some(End::Now) => stop.enough_now(),
            }
        })?;
        if let Some(books) = books {
            self.used.spent += books.spent.usd;
            self.used.requests += books.spent.requests;
            self.used.tokens += books.spent.tokens;
        }
        self.used.errors += errors;
        let (limit, rule) = match (&made.summary.ended, reached) {
            (Some(Ended::Limit(text)), Some(Reached::Rule)) => (None, Some(text.clone())),
            (Some(Ended::Limit(text)), reached) => (Some(self.reached(reached, text)), None),
            _ => (None, None),
        };
        let cut = match (self.stop.is_interrupted(), limit, out_of_time) {
            (true, ..) => Some(Cut::Person),
            (_, Some(limit), _) => Some(Cut::Limit(limit)),
            (_, None, true) => Some(Cut::Limit(format!("the search had lasted {}", self.max_time))),
            (_, None, false) => None,
        };
        let why = cut.as_ref().map(|cut| match cut {
            Cut::Person => "interrupted".to_owned(),
            Cut::Limit(why) | Cut::Failure(why) => why.clone(),
        });
        let mut told = watch.finish(latest, why);
        if let Some(text) = rule {
            (told.tried.verdict, told.tried.bound) = (Verdict::Failed, Some(Bound::Rule { text }));
        }
        made.done?;
        // How long the load was held is known only now.
        let held = Span((told.tried.seconds * 1e9) as u64);
        let scenario = written::scenario_of(self.text, &made.plan, held);
        self.folder.write_trial_scenario(trial.number, &scenario).map_err(Failure::internal)?;
        let in_vain = floodline_report::in_vain(&made.plan, &made.info, &made.summary);
        Ok(Trialled { in_vain, ..Trialled::new(told, cut) })
    }
}
