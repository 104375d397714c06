//! How much of each stated limit was used over a run, second by second.
//!
//! A limit is what one target states under one name of one key. Every attempt that was answered counts, refused ones and
//! those of the warm-up too: a limiter knows no phases. Nothing depends on the order in which requests end, so that a
//! stored run and a live one say the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Quota, StatedLimits};
use crate::record::Record;
use crate::time::{Moment, Span};
use crate::timeline::MOST_SECONDS;

/// More limits than this are not watched: a server that names a new one each time must not fill the memory.
const LIMITS_KEPT: usize = 64;

/// The stated limits of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Utilisation {
    limits: BTreeMap<Whose, Watched>,
}

/// Which limit it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Whose {
    target: Option<String>,
    key: Option<String>,
    name: String,
}

/// What was stated of a limit.
#[derive(Clone, Debug, Default, PartialEq)]
struct Watched {
    answers: u64,
    exhausted: u64,
    lowest_limit: Option<i64>,
    highest_limit: Option<i64>,
    lowest_remaining: Option<i64>,
    longest_reset: Option<Span>,
    /// The latest statement; of several at one instant, the one with the least left.
    last: Option<(Moment, Quota)>,
    /// The largest share that was used in each second, in which one was stated.
    seconds: BTreeMap<u64, f64>,
}

/// How much of a stated limit was used: an entry of `stated_limits` in `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatedUse {
    /// What it is called here and in `timeline.json`: its name, after its target and its key where there are several.
    pub label: String,
    /// The target that stated it, of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The key for which it was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is limited: `requests`, `tokens`, `input`, `output`, or as the header fields name it.
    pub name: String,
    /// Answers that stated it.
    pub answers: u64,
    /// How much is allowed, as stated last; absent if that was never said.
    pub limit: Option<i64>,
    /// The least that was stated to be allowed.
    pub lowest_limit: Option<i64>,
    /// The most. Another than the least means that the limit was changed, or that several stand behind one name.
    pub highest_limit: Option<i64>,
    /// The least that was left.
    pub lowest_remaining: Option<i64>,
    /// What was left last.
    pub last_remaining: Option<i64>,
    /// The largest share of the limit that was used; above 1 where a provider let more through.
    pub peak_used: Option<f64>,
    /// The share that was used last.
    pub last_used: Option<f64>,
    /// Answers that stated that nothing was left.
    pub exhausted: u64,
    /// The longest time that was stated until all of it would be there again, in seconds.
    pub longest_reset_s: Option<f64>,
}

impl Utilisation {
    /// Takes in what was stated to all attempts of a request.
    pub fn record(&mut self, r: &Record) {
        let last = r.attempts.iter().rposition(|attempt| attempt.is_try());
        for (k, attempt) in r.attempts.iter().enumerate() {
            let own = if Some(k) == last { &r.limits } else { &None };
            for stated in [&attempt.limits, own].into_iter().flatten() {
                self.state(attempt.target.as_deref(), r.key.as_deref(), stated, attempt.last);
            }
        }
    }

    fn state(&mut self, target: Option<&str>, key: Option<&str>, stated: &StatedLimits, at: Moment) {
        for (name, quota) in stated.named() {
            let whose = Whose {
                target: target.map(str::to_owned),
                key: key.map(str::to_owned),
                name: name.to_owned(),
            };
            if self.limits.len() < LIMITS_KEPT || self.limits.contains_key(&whose) {
                self.limits.entry(whose).or_default().state(quota, at);
            }
        }
    }

    /// Each limit, in the order of its names.
    pub fn all(&self) -> Vec<StatedUse> {
        self.labelled().map(|(label, whose, watched)| watched.told(label, whose)).collect()
    }

    /// The largest share that was used of each limit, by the seconds in which one was stated.
    pub fn by_second(&self) -> BTreeMap<u64, BTreeMap<String, f64>> {
        let mut seconds = BTreeMap::<u64, BTreeMap<String, f64>>::new();
        for (label, _, watched) in self.labelled() {
            for (&second, &used) in &watched.seconds {
                seconds.entry(second).or_default().insert(label.clone(), used);
            }
        }
        seconds
    }

    fn labelled(&self) -> impl Iterator<Item = (String, &Whose, &Watched)> {
        let targets: BTreeSet<_> = self.limits.keys().map(|whose| whose.target.as_deref()).collect();
        let keys: BTreeSet<_> = self.limits.keys().map(|whose| whose.key.as_deref()).collect();
        let (several_targets, several_keys) = (targets.len() > 1, keys.len() > 1);
        self.limits.iter().map(move |(whose, watched)| {
            let target = whose.target.as_deref().filter(|_| several_targets);
            let key = whose.key.as_deref().filter(|_| several_keys);
            let parts = [target, key, Some(whose.name.as_str())];
            (parts.into_iter().flatten().collect::<Vec<_>>().join(" / "), whose, watched)
        })
    }
}

impl Watched {
    fn state(&mut self, quota: &Quota, at: Moment) {
        self.answers += 1;
        self.exhausted += u64::from(quota.remaining.is_some_and(|left| left <= 0));
        let least = |one: Option<i64>, other: Option<i64>| [one, other].into_iter().flatten().min();
        self.lowest_limit = least(self.lowest_limit, quota.limit);
        self.highest_limit = self.highest_limit.max(quota.limit);
        self.lowest_remaining = least(self.lowest_remaining, quota.remaining);
        self.longest_reset = self.longest_reset.max(quota.reset);
        let order = |at: Moment, quota: &Quota| (at, std::cmp::Reverse(quota.remaining), quota.limit);
        if self.last.is_none_or(|(before, last)| order(at, quota) > order(before, &last)) {
            self.last = Some((at, *quota));
        }
        let second = at.0 / Span::from_secs(1).0;
        if let Some(used) = quota.used().filter(|_| second < MOST_SECONDS as u64) {
            let most = self.seconds.entry(second).or_insert(used);
            *most = most.max(used);
        }
    }

    fn told(&self, label: String, whose: &Whose) -> StatedUse {
        let last = self.last.map(|(_, quota)| quota);
        StatedUse {
            label,
            target: whose.target.clone(),
            key: whose.key.clone(),
            name: whose.name.clone(),
            answers: self.answers,
            limit: last.and_then(|quota| quota.limit).or(self.highest_limit),
            lowest_limit: self.lowest_limit,
            highest_limit: self.highest_limit,
            lowest_remaining: self.lowest_remaining,
            last_remaining: last.and_then(|quota| quota.remaining),
            peak_used: self.seconds.values().copied().max_by(f64::total_cmp),
            last_used: last.and_then(|quota| quota.used()),
            exhausted: self.exhausted,
            longest_reset_s: self.longest_reset.map(Span::as_secs_f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::record::{Attempt, AttemptEnd};
    use crate::schedule::Phase;

    fn stated(limit: i64, remaining: i64) -> Option<Box<StatedLimits>> {
        let requests = Some(Quota { limit: Some(limit), remaining: Some(remaining), reset: None });
        let day = Quota { limit: None, remaining: Some(-4), reset: Some(Span::from_secs(90)) };
        let also = [("tokens-day".into(), day)].into();
        Some(Box::new(StatedLimits { requests, also, ..StatedLimits::default() }))
    }

    fn attempt(ms: u64, target: &str, outcome: Outcome) -> Attempt {
        let at = Moment::START + Span::from_millis(ms);
        let target = Some(target.into());
        Attempt { target, ..Attempt::new(Some(at), at, AttemptEnd::Outcome(outcome), Some(200)) }
    }

    /// Refused by one target and answered by another.
    fn record() -> Record {
        let mut record = Record::planned(0, Phase::Warmup, "p".into(), Moment::START);
        record.key = Some("A".into());
        let refused = Attempt { limits: stated(10, 0), ..attempt(2_100, "a", Outcome::RateLimited) };
        record.attempts = vec![refused, attempt(2_200, "b", Outcome::Ok)];
        record.limits = stated(20, 15);
        record
    }

    #[test]
    fn every_attempt_counts_for_its_own_target() {
        let mut all = Utilisation::default();
        all.record(&record());
        let labels: Vec<String> = all.all().into_iter().map(|used| used.label).collect();
        assert_eq!(labels, ["a / requests", "a / tokens-day", "b / requests", "b / tokens-day"]);
        let used = all.all();
        assert_eq!((used[0].peak_used, used[0].exhausted, used[0].limit), (Some(1.0), 1, Some(10)));
        assert_eq!((used[1].peak_used, used[1].lowest_remaining), (None, Some(-4)));
        assert_eq!((used[1].limit, used[1].longest_reset_s), (None, Some(90.0)));
        assert_eq!((used[2].peak_used, used[2].last_used, used[2].answers), (Some(0.25), Some(0.25), 1));
        let seconds = all.by_second();
        assert_eq!(seconds[&2], [("a / requests".into(), 1.0), ("b / requests".into(), 0.25)].into());
        assert!(!seconds.contains_key(&3));
    }

    #[test]
    fn the_order_of_requests_does_not_matter() {
        let records: Vec<Record> = (0..20)
            .map(|n: i64| {
                let mut record = record();
                record.attempts[1].last = Moment::START + Span::from_millis(100 * (n as u64 * 7 % 20));
                record.limits = stated(20 + n % 2, n);
                record
            })
            .collect();
        let (mut one, mut two) = (Utilisation::default(), Utilisation::default());
        records.iter().for_each(|record| one.record(record));
        records.iter().rev().for_each(|record| two.record(record));
        assert_eq!(one, two);
        let used = &one.all()[2];
        assert_eq!((used.lowest_limit, used.highest_limit), (Some(20), Some(21)));
        assert_eq!((used.lowest_remaining, used.answers), (Some(0), 20));
    }

    #[test]
    fn names_without_end_are_not_kept() {
        let mut all = Utilisation::default();
        for n in 0..1_000 {
            let mut record = record();
            record.limits.as_mut().unwrap().also = [(format!("n{n}").into(), Quota::default())].into();
            all.record(&record);
        }
        assert_eq!(all.all().len(), LIMITS_KEPT);
    }
}
