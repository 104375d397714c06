//! Watches a trial while it goes on, and says when it has told enough.
//!
//! It is handed every event of the run, and asked at short intervals whether the run is to be ended; how the trial is
//! weighed is the business of `weigh`. It knows no clock: who runs the trial says what time it is.

use std::iter::Peekable;
use std::sync::Arc;

use floodline_core::ceiling::{Bound, By, Depth, Verdict};
use floodline_core::fold::Fold;
use floodline_core::objective::{self, Finding, Shares};
use floodline_core::plan::{Load, Plan};
use floodline_core::retry::{Dimension, Why};
use floodline_core::traffic::Traffic;
use floodline_core::verdict::Stamps;
use floodline_core::{Moment, Outcome, Phase, Record, RunEvent, Span};

use super::Question;
use super::doubt::generator;
use super::patience::WINDOW;
use super::sequential::Side;
use super::trial::{Told, Trial};
use super::weigh::{Weighed, weigh};

/// A trial under way.
pub struct Watch {
    pub(super) trial: Trial,
    pub(super) plan: Arc<Plan>,
    shortest: Span,
    pub(super) longest: Span,
    pub(super) stamps: Stamps,
    pub(super) shares: Shares,
    pub(super) allowed: Vec<Option<f64>>,
    pub(super) fold: Fold,
    /// When the load that is tried begins.
    pub(super) from: Moment,
    pub(super) rows: Vec<Row>,
    /// The values of each row for each objective, one row after another.
    pub(super) values: Vec<objective::Misses>,
    /// What the plan has due, where it says when.
    traffic: Option<Peekable<Traffic>>,
    /// When the requests of the load that is tried were due, in order.
    pub(super) due: Vec<u64>,
    next_look: Moment,
    /// The longest wait that a refusal stated.
    pub(super) stated_wait: Option<Span>,
    /// Requests that were answered well, and those refused since the last of them.
    ok: u64,
    refused_in_a_row: u64,
    ruling: Option<Ruling>,
}

/// A request of the load that is tried, as far as it matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) i: u64,
    pub(super) scheduled: Moment,
    pub(super) over: Moment,
    pub(super) outcome: Outcome,
    pub(super) dimension: Option<Dimension>,
    pub(super) latency: Option<f64>,
    pub(super) ttft: Option<f64>,
    pub(super) good: Option<bool>,
}

/// How a run is to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// What is in flight is waited for.
    Drain,
    /// What is in flight is given up.
    Now,
}

/// The verdict and what bounds the load; none where that is left to the end of the run.
type Decided = Option<(Verdict, Option<Bound>)>;

/// When it was ruled, and what, if that was not left to the end.
#[derive(Clone, Debug)]
struct Ruling {
    at: Moment,
    decided: Decided,
    /// Of a load that was far beyond a limit: the share of requests that it let through.
    let_through: Option<f64>,
    /// Until when what is in flight is waited for.
    patience: Moment,
    said: End,
}

/// How a load looks so far, for a live line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SoFar {
    /// How long the load has been held; none while a flood comes before it.
    pub held: Option<Span>,
    /// Requests of it that ended.
    pub ended: u64,
    /// Those answered well.
    pub ok: u64,
    /// Those refused.
    pub refused: u64,
}

/// A load is far beyond a limit with so many requests refused in a row, and so many for each that was answered well.
const FAR_BEYOND: (u64, u64) = (1_000, 4);
/// So many requests that were not answered well are enough for a scout.
const SCOUTED_IN_VAIN: u64 = 20;
impl Watch {
    /// Watches `trial`, which is carried out as `plan` says.
    pub fn new(question: &Question, trial: Trial, plan: Arc<Plan>, stamps: Stamps) -> Watch {
        let from = plan.scenarios.first().and_then(|s| s.start_of(Phase::Main)).unwrap_or(Moment::START);
        let shares = Shares::of(&plan.objectives);
        // Of a flow the plan has journeys due, which are not counted against requests.
        let is_open = trial.by == By::Rate && plan.scenarios.iter().all(|scenario| scenario.flow.is_none());
        let traffic = Traffic::new(&plan).ok().filter(|_| is_open).map(Iterator::peekable);
        Watch {
            trial,
            shortest: question.shortest,
            longest: question.longest,
            stamps,
            allowed: shares.allowed().collect(),
            shares,
            fold: Fold::of(&plan),
            plan,
            from,
            rows: Vec::new(),
            values: Vec::new(),
            traffic,
            due: Vec::new(),
            next_look: from,
            stated_wait: None,
            ok: 0,
            refused_in_a_row: 0,
            ruling: None,
        }
    }

    /// Takes in what happened.
    pub fn event(&mut self, event: &RunEvent) {
        self.fold.apply(event);
        if let RunEvent::Ended(record) = event
            && record.phase == Phase::Main
        {
            self.record(record);
        }
    }

    fn record(&mut self, record: &Record) {
        let refusal = record.attempts.last().and_then(|attempt| attempt.refusal);
        let is_rejected = refusal.is_some_and(|refusal| refusal.why == Why::RejectedLocally);
        match record.outcome {
            // What we gave up ourselves, or did not send because the run ended, says nothing of the target.
            Outcome::Cancelled => return,
            Outcome::NotSent if !is_rejected => return,
            _ => {}
        }
        let ms = |from: Option<Moment>, to: Option<Moment>| Some(to?.since(from?).as_millis_f64());
        let ok = record.outcome == Outcome::Ok;
        if let (Outcome::RateLimited, Some(stated)) = (record.outcome, &record.limits) {
            self.stated_wait = self.stated_wait.max(stated.retry_after.or(stated.hint));
        }
        (self.ok, self.refused_in_a_row) = match ok {
            true => (self.ok + 1, 0),
            false => (self.ok, self.refused_in_a_row + u64::from(refuses(record.outcome))),
        };
        self.rows.push(Row {
            i: record.i,
            scheduled: record.scheduled,
            over: record.over().unwrap_or(record.scheduled),
            outcome: record.outcome,
            dimension: refusal.and_then(|refusal| refusal.dimension),
            latency: ms(record.sent, record.last).filter(|_| ok),
            ttft: ms(record.sent, record.first_token),
            good: self.shares.is_good(record),
        });
        if record.outcome == Outcome::NotSent {
            // What the retry policy did not let out is as good as refused: the target had given reason for it.
            let refused = Record { outcome: Outcome::RateLimited, ..record.clone() };
            let both = self.shares.misses(record).zip(self.shares.misses(&refused));
            self.values.extend(both.map(|(own, refused)| if refused.missed > 0 { refused } else { own }));
        } else {
            self.values.extend(self.shares.misses(record));
        }
    }

    /// Whether the run is to be ended now. To be asked some ten times a second until the run is over.
    pub fn look(&mut self, now: Moment) -> Option<End> {
        if let Some(ruling) = &mut self.ruling {
            if ruling.said == End::Drain && now >= ruling.patience {
                ruling.said = End::Now;
            }
            return Some(ruling.said);
        }
        let elapsed = now.since(self.from);
        let (decided, said) = if self.trial.depth == Depth::Scout {
            (None, self.scouted(elapsed)?)
        } else {
            if now < self.next_look {
                return None;
            }
            // Ever more seldom, since ever more is looked at.
            self.next_look = now + Span((elapsed.0 / 12).max(Span::from_millis(200).0));
            self.catch_up(now);
            self.rule(now, elapsed)?
        };
        let patience = self.patience(now, elapsed);
        let ended = (self.ok + self.refused_in_a_row) as f64;
        let let_through = self.is_far_beyond().then(|| self.ok as f64 / ended);
        self.ruling = Some(Ruling { at: now, decided, let_through, patience, said });
        Some(said)
    }

    /// Whether a scout has seen enough: a few answers and how they follow each other, or that there are hardly any.
    fn scouted(&self, elapsed: Span) -> Option<End> {
        let enough = self.ok >= 8 && elapsed >= Span(self.shortest.0 / 4);
        let in_vain = self.rows.len() as u64 - self.ok >= SCOUTED_IN_VAIN;
        (enough || in_vain || elapsed >= self.longest).then_some(End::Drain)
    }

    /// Whether nearly everything is refused, where it is to be learned how. The load is many times what is let through in the same
    /// time, whatever the limiter's window: its ways show as well, and with far fewer requests, at a lower load.
    fn is_far_beyond(&self) -> bool {
        let refused = self.refused_in_a_row;
        self.trial.learn
            && self.trial.leave
            && self.ok > 0
            && refused >= FAR_BEYOND.0.max(FAR_BEYOND.1 * self.ok)
    }

    /// Notes what has become due.
    fn catch_up(&mut self, now: Moment) {
        let Some(traffic) = &mut self.traffic else { return };
        while let Some(planned) = traffic.next_if(|planned| planned.at <= now) {
            if planned.phase == Phase::Main {
                self.due.push(planned.at.0);
            }
        }
    }

    /// What is decided, if anything is, and how the run is to be ended.
    fn rule(&self, now: Moment, elapsed: Span) -> Option<(Decided, End)> {
        let far_beyond = self.is_far_beyond();
        if elapsed < self.shortest && !far_beyond {
            return None;
        }
        let weighed = weigh(self, now, false);
        if far_beyond && let Some(bound) = weighed.bound(|judged| judged.of_refusals && !judged.meets()) {
            return Some((Some((Verdict::Failed, Some(bound))), End::Now));
        }
        if elapsed < self.shortest {
            return None;
        }
        let waits = self.waits(&weighed, now, elapsed);
        let reasons = self.generator_gave_out();
        if !reasons.is_empty() {
            // What refusals come to may decide all the same, once it can be told.
            if waits && self.is_harmless(&reasons) {
                return None;
            }
            let decided = match self.missed_anyway(&weighed, &reasons) {
                Some(bound) => (Verdict::Failed, Some(bound)),
                None => (Verdict::Invalid, Some(generator(reasons))),
            };
            return Some((Some(decided), End::Now));
        }
        let failed = |bound: Bound, end| Some((Some((Verdict::Failed, Some(bound))), end));
        if let Some(grows_per_s) = weighed.backlog.falls_far_behind()
            && !self.learning(&weighed, now)
        {
            return failed(Bound::Backlog { grows_per_s }, End::Now);
        }
        if let Some(bound) = weighed.bound(|judged| judged.surely == Side::Above) {
            return if waits { None } else { failed(bound, End::Now) };
        }
        let clean = self.trial.flood.is_none() || weighed.pattern.tail >= weighed.needed(self.trial.clean);
        let passes = match self.trial.depth {
            Depth::Scout | Depth::Glance => {
                weighed.values() >= 10 && weighed.judged.iter().all(|j| j.meets())
            }
            Depth::Full => weighed.judged.iter().all(|judged| judged.possibly == Side::Below),
        };
        let settled = weighed.steady && weighed.backlog.falls_behind(2.0).is_none();
        let early = !self.trial.to_the_end && !weighed.only_facts;
        if passes && settled && clean && early {
            return Some((Some((Verdict::Passed, None)), End::Drain));
        }
        let promising = self.trial.flood.is_some() && weighed.is_promising(self.trial.clean);
        let waits = waits || (promising && elapsed < self.longest_for_window(&weighed));
        (elapsed >= self.longest && !waits).then_some((None, End::Drain))
    }

    /// How it looks so far.
    pub fn so_far(&self, now: Moment) -> SoFar {
        let of = |keep: fn(&Row) -> bool| self.rows.iter().filter(|row| keep(row)).count() as u64;
        SoFar {
            held: (now >= self.from).then(|| now.since(self.from)),
            ended: self.rows.len() as u64,
            ok: of(|row| row.outcome == Outcome::Ok),
            refused: of(Row::is_refused),
        }
    }

    /// How many requests a second are due, where the plan says when.
    pub(super) fn offered(&self) -> Option<f64> {
        self.traffic.is_some().then_some(self.trial.load)
    }

    /// Whether records number the requests one after another.
    pub(super) fn is_numbered(&self) -> bool {
        let [scenario] = self.plan.scenarios.as_slice() else { return false };
        scenario.flow.is_none() && matches!(scenario.load, Load::Open { .. } | Load::Closed { .. })
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn is_flooded(&self) -> bool {
        self.trial.flood.is_some()
    }

    pub(super) fn is_even(&self) -> bool {
        self.trial.even
    }

    pub(super) fn unloaded(&self) -> Option<Span> {
        self.trial.unloaded
    }

    pub(super) fn clean_run(&self) -> Option<u64> {
        self.trial.clean
    }

    /// What the trial told, once its run is over; `cut` says why it ended before it was ruled, if it did.
    pub fn finish(mut self, now: Moment, cut: Option<String>) -> Told {
        self.catch_up(now);
        let until = self.ruling.as_ref().map_or(now, |ruling| ruling.at);
        let weighed = weigh(&self, until, true);
        let decided = self.ruling.as_ref().and_then(|ruling| ruling.decided.clone());
        let (verdict, bound) = match (decided, &cut) {
            (Some(decided), _) => decided,
            // Also while what was in flight was waited for.
            (None, Some(_)) => (Verdict::Cut, None),
            (None, None) => self.at_last(&weighed),
        };
        let sure = self.ruling.as_ref().is_some_and(|ruling| ruling.decided.is_some());
        let mut told = weighed.told(&self, &self.trial, self.fold.spent, (verdict, bound, sure), until, cut);
        if let Some(share) = self.ruling.as_ref().and_then(|ruling| ruling.let_through) {
            let stated = self.stated_wait.map(|wait| wait + Span(wait.0 / 10));
            told.shown.capacity = self.offered().map(|offered| offered * share);
            told.shown.forgotten_in = Some(stated.unwrap_or(Span(WINDOW.0 / 2)));
        }
        told
    }

    /// The verdict of a trial that ended with its time: by what was seen, without being sure.
    fn at_last(&self, weighed: &Weighed) -> (Verdict, Option<Bound>) {
        let reasons = self.generator_gave_out();
        if !reasons.is_empty() {
            return match self.missed_anyway(weighed, &reasons) {
                Some(bound) => (Verdict::Failed, Some(bound)),
                None => (Verdict::Invalid, Some(generator(reasons))),
            };
        }
        // Of a rate, the backlog tells whether what was due has ended.
        let unheard = self.trial.by == By::Users && self.trial.depth != Depth::Scout && weighed.is_silent();
        if self.rows.is_empty() || unheard {
            return self.silent(weighed.lasted(self.from));
        }
        if self.trial.depth == Depth::Scout {
            let any = self.rows.iter().any(|row| row.outcome == Outcome::Ok);
            let bound = weighed.bound(|judged| !judged.meets());
            return if any { (Verdict::Passed, None) } else { (Verdict::Failed, bound) };
        }
        if let Some(grows_per_s) = weighed.backlog.falls_behind(3.0) {
            return (Verdict::Failed, Some(Bound::Backlog { grows_per_s }));
        }
        if let Some(bound) = weighed.bound(|judged| !judged.meets()) {
            return (Verdict::Failed, Some(bound));
        }
        let facts = objective::judge(&self.plan, &self.fold);
        let missed = self
            .allowed
            .iter()
            .zip(&facts)
            .find(|(allowed, judged)| allowed.is_none() && judged.verdict == Finding::Missed);
        match missed {
            Some((_, judged)) => {
                let bound = Bound::Objective { text: judged.text.clone(), missed: None, allowed: None };
                (Verdict::Failed, Some(bound))
            }
            None => (Verdict::Passed, None),
        }
    }
}

fn refuses(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::RateLimited | Outcome::QuotaExceeded | Outcome::Overloaded)
}

impl Row {
    /// Refused by a limit, a quota or an overload guard, or not let out by our own policy because of such.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused_there() || self.outcome == Outcome::NotSent
    }

    /// Refused by the target itself.
    pub(super) fn is_refused_there(&self) -> bool {
        refuses(self.outcome)
    }

    /// Answered in a way that no other load would mend.
    pub(super) fn is_wrong(&self) -> bool {
        matches!(self.outcome, Outcome::Malformed | Outcome::ClientError | Outcome::CheckFailed)
    }
}
