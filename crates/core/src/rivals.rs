//! The same load under several retry policies, side by side: what each run came to, and which policy was an own goal.
//!
//! Nothing is known here of what policies are good for: a policy is an own goal when it sent more attempts for each request
//! than another one, and answered fewer requests, by more than chance explains. Its format is that of `compare.json`.

use serde::{Deserialize, Serialize};

use crate::summary::RunSummary;
use crate::verdict::WORST_FIRST;

/// Name and version of the format of `compare.json`.
pub const FORMAT: &str = "floodline-policies/1";

/// Runs of one load that differ in nothing but the policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rivals {
    /// [`FORMAT`].
    pub format: String,
    /// What the runs are called.
    pub name: String,
    /// The seed of all of them.
    pub seed: u64,
    /// The runs, in the order in which they were made.
    pub runs: Vec<Rival>,
    /// Policies that were to be compared and have no run that has ended.
    #[serde(default)]
    pub missing: Vec<String>,
    /// What they show.
    pub finding: Finding,
    /// The exit code of all together.
    pub exit_code: u8,
}

/// What one policy came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    /// The policy, as it was asked for.
    pub policy: String,
    /// The folder of its run, below that of the comparison.
    pub folder: String,
    /// Pass, fail, invalid or stopped.
    pub verdict: String,
    /// What the run alone would have exited with.
    pub exit_code: u8,
    /// Requests that were planned.
    pub planned: u64,
    /// Those that were answered well.
    pub ok: u64,
    /// Their share.
    pub ok_share: Option<f64>,
    /// How long the run took, in seconds.
    #[serde(default)]
    pub duration_s: Option<f64>,
    /// Answered a second, from the first sending to the last byte.
    pub ok_per_s: Option<f64>,
    /// The share that met every latency objective; absent without such objectives.
    pub goodput: Option<f64>,
    /// Attempts.
    pub attempts: u64,
    /// Attempts for one request.
    pub amplification: Option<f64>,
    /// Attempts that were refused or failed.
    pub refusals: u64,
    /// Attempts that throttle or breaker did not let out.
    pub rejected: u64,
    /// Tokens that were sent or received for nothing, as far as they are known.
    pub wasted_tokens: u64,
    /// Time that requests spent waiting for their next attempt, in seconds, all added: as in `summary.json`.
    pub waited_s: f64,
    /// The same for each planned request.
    #[serde(default)]
    pub waited_each_s: Option<f64>,
    /// Median time from schedule to first token, in milliseconds.
    pub ttft_from_schedule_p50_ms: Option<f64>,
    /// 99th percentile of it.
    pub ttft_from_schedule_p99_ms: Option<f64>,
    /// What the run cost: an exact decimal; absent without prices.
    pub spent_usd: Option<String>,
}

/// What runs show side by side. Policies are told by their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The policy that answered most, of several the one with the fewest attempts; absent where nothing was answered.
    pub best: Option<String>,
    /// Others that answered as many.
    #[serde(default)]
    pub as_many: Vec<String>,
    /// The policy that gained least from its attempts: more of them than another, and fewer answers.
    pub own_goal: Option<OwnGoal>,
}

/// More attempts, fewer answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnGoal {
    /// The policy.
    pub policy: String,
    /// The one that it is held against: that with fewer attempts which answered most.
    pub against: String,
    /// How much fewer answers it had, as a share of the other's.
    pub fewer: f64,
}

impl Rivals {
    /// Runs side by side; policies that are `missing` have none that has ended.
    pub fn new(name: &str, seed: u64, runs: Vec<Rival>, missing: Vec<String>) -> Rivals {
        let exit_code = WORST_FIRST.into_iter().find(|code| runs.iter().any(|run| run.exit_code == *code));
        Rivals {
            format: FORMAT.into(),
            name: name.into(),
            seed,
            finding: finding(&runs),
            exit_code: exit_code.unwrap_or(0),
            runs,
            missing,
        }
    }
}

impl Rival {
    /// What a policy's run came to.
    pub fn new(policy: &str, folder: &str, summary: &RunSummary) -> Rival {
        let r = &summary.requests;
        let retries = &summary.retries;
        let ttft = summary.metrics.get("ttft_from_schedule");
        let of_planned = |n: f64| (r.planned > 0).then(|| n / r.planned as f64);
        Rival {
            policy: policy.into(),
            folder: folder.into(),
            verdict: summary.verdict.status.name().into(),
            exit_code: summary.verdict.exit_code,
            planned: r.planned,
            ok: r.ok,
            ok_share: of_planned(r.ok as f64),
            duration_s: Some(summary.duration_s),
            ok_per_s: summary.throughput.requests_per_s,
            goodput: summary.goodput,
            attempts: retries.attempts,
            amplification: retries.amplification,
            refusals: retries.refusals.values().sum(),
            rejected: retries.rejected,
            wasted_tokens: retries.wasted_input_tokens + retries.wasted_output_tokens,
            waited_s: retries.waited_s,
            waited_each_s: of_planned(retries.waited_s),
            ttft_from_schedule_p50_ms: ttft.and_then(|ttft| ttft.p50),
            ttft_from_schedule_p99_ms: ttft.and_then(|ttft| ttft.p99),
            spent_usd: summary.cost.spent_usd.clone(),
        }
    }

    /// Whether it was carried through and is valid. One that was cut short, or bent by the generator, says nothing of its
    /// policy.
    pub fn tells(&self) -> bool {
        PASS_OR_FAIL.contains(&self.exit_code)
    }
}

/// A tenth of an attempt more is no more.
const MORE_ATTEMPTS: f64 = 1.1;

/// The exit codes of runs that were carried through and are valid.
const PASS_OR_FAIL: [u8; 2] = [0, 3];

fn finding(runs: &[Rival]) -> Finding {
    // Of the same number of answers, fewer attempts are better.
    let order = |run: &&Rival| (run.ok, std::cmp::Reverse(run.attempts));
    let runs = || runs.iter().filter(|run| run.tells());
    let best = runs().filter(|run| run.ok > 0).rev().max_by_key(order);
    let amplification = |run: &Rival| run.amplification.unwrap_or(1.0);
    let goal = |run: &Rival| {
        let against = runs()
            .filter(|other| amplification(run) > amplification(other) * MORE_ATTEMPTS)
            .filter(|other| is_fewer(run.ok, other.ok))
            .max_by_key(order)?;
        let fewer = (against.ok - run.ok) as f64 / against.ok as f64;
        Some(OwnGoal { policy: run.policy.clone(), against: against.policy.clone(), fewer })
    };
    let goals = runs().filter_map(goal);
    let is_as_good = |run: &&Rival| best.is_some_and(|best| run.ok == best.ok && run.policy != best.policy);
    Finding {
        best: best.map(|run| run.policy.clone()),
        as_many: runs().filter(is_as_good).map(|run| run.policy.clone()).collect(),
        own_goal: goals.max_by(|one, other| one.fewer.total_cmp(&other.fewer)),
    }
}

/// Whether one count is smaller than another by more than chance explains: by more than two standard deviations of the
/// difference of two counts, which for Poisson counts is the root of their sum.
fn is_fewer(one: u64, other: u64) -> bool {
    other > one && (other - one) as f64 > 2.0 * libm::sqrt((one + other) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(policy: &str, ok: u64, amplification: f64, exit_code: u8) -> Rival {
        Rival {
            policy: policy.into(),
            folder: policy.into(),
            verdict: "pass".into(),
            exit_code,
            planned: 1_000,
            ok,
            ok_share: Some(ok as f64 / 1e3),
            duration_s: None,
            ok_per_s: None,
            goodput: None,
            attempts: (amplification * 1e3) as u64,
            amplification: Some(amplification),
            refusals: 0,
            rejected: 0,
            wasted_tokens: 0,
            waited_s: 0.0,
            waited_each_s: None,
            ttft_from_schedule_p50_ms: None,
            ttft_from_schedule_p99_ms: None,
            spent_usd: None,
        }
    }

    fn of(runs: Vec<Rival>) -> Rivals {
        Rivals::new("x", 1, runs, Vec::new())
    }

    #[test]
    fn of_policies_that_answer_as_many_the_one_with_fewer_attempts_is_best() {
        let runs = vec![
            run("naive", 990, 1.4, 0),
            run("sdk", 990, 1.1, 0),
            run("fixed", 990, 1.1, 0),
            run("none", 600, 1.0, 0),
        ];
        let finding = of(runs).finding;
        assert_eq!(finding.best.as_deref(), Some("sdk"));
        assert_eq!(finding.as_many, ["naive", "fixed"]);
    }

    #[test]
    fn an_own_goal_sends_more_and_answers_fewer() {
        let runs = vec![
            run("none", 600, 1.0, 0),
            run("naive", 354, 3.9, 0),
            run("honouring", 980, 1.05, 0),
            run("fixed", 500, 2.0, 0),
        ];
        let finding = of(runs).finding;
        assert_eq!(finding.best.as_deref(), Some("honouring"));
        let goal = finding.own_goal.unwrap();
        // Against the best of those with fewer attempts.
        assert_eq!((goal.policy.as_str(), goal.against.as_str()), ("naive", "honouring"));
        assert!((goal.fewer - 626.0 / 980.0).abs() < 1e-9);
    }

    #[test]
    fn what_chance_explains_is_no_own_goal() {
        let close = vec![run("none", 600, 1.0, 0), run("naive", 560, 3.9, 0)];
        assert_eq!(of(close).finding.own_goal, None);
        let helps = vec![run("none", 600, 1.0, 0), run("naive", 900, 3.9, 0)];
        let helps = of(helps).finding;
        assert_eq!((helps.best.as_deref(), helps.own_goal), (Some("naive"), None));
        let same = vec![run("none", 600, 1.0, 0), run("naive", 300, 1.05, 0)];
        assert_eq!(of(same).finding.own_goal, None, "it did not try more");
        let nothing = of(vec![run("none", 0, 1.0, 3), run("naive", 0, 4.0, 3)]);
        assert_eq!(nothing.finding, Finding::default());
    }

    #[test]
    fn a_run_that_was_cut_short_says_nothing_of_its_policy() {
        for cut in [4, 5, 130] {
            let runs = vec![run("none", 600, 1.0, 0), run("naive", 300, 3.9, cut)];
            let finding = of(runs).finding;
            assert_eq!((finding.best.as_deref(), finding.own_goal), (Some("none"), None), "{cut}");
        }
    }

    #[test]
    fn the_worst_exit_code_is_that_of_all() {
        let code = |codes: &[u8]| of(codes.iter().map(|code| run("p", 1, 1.0, *code)).collect()).exit_code;
        assert_eq!([code(&[0, 3, 4]), code(&[3, 5]), code(&[0, 130, 4]), code(&[0, 0])], [4, 5, 130, 0]);
    }
}
