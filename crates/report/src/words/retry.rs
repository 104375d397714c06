//! A retry policy in words.

use floodline_core::plan::Plan;
use floodline_core::retry::{Backoff, BudgetRule, Jitter, Policy, Waits, WhileOpen};

use crate::format::{count, counted, one_line, planned};

/// How requests are tried again, and what bounds that; none where each is sent once.
pub(crate) fn retries(plan: &Plan) -> Option<String> {
    let policy = plan.retry.as_ref()?;
    let mut parts = Vec::new();
    if policy.attempts > 1 {
        parts.push(format!("{}, up to {}", waits(policy), counted(policy.attempts.into(), "attempt")));
    }
    if let Some(longest) = policy.max_time {
        parts.push(format!("none later than {} after the first", planned(longest)));
    }
    if let Some(on) = policy.on {
        let names: Vec<&str> = on.iter().map(|why| why.name()).collect();
        parts.push(format!("after {}", names.join(", ")));
    }
    parts.extend(policy.budget.map(budget));
    if let Some(throttle) = policy.throttle {
        let k = f64::from(throttle.k_thousandths) / 1e3;
        parts
            .push(format!("throttle at {k} requests for one that is taken, over {}", planned(throttle.over)));
    }
    if let Some(breaker) = policy.breaker {
        let meanwhile = match breaker.open {
            WhileOpen::Reject => "rejects",
            WhileOpen::Hold => "holds",
        };
        parts.push(format!(
            "breaker at {} % of {} failing within {}, {meanwhile} for {}",
            percent(breaker.millionths),
            counted(breaker.at_least.into(), "attempt"),
            planned(breaker.over),
            planned(breaker.cool_down)
        ));
    }
    if let Some(fallback) = &policy.fallback {
        let when = if fallback.at_once { "at once" } else { "when that is over" };
        parts.push(format!("then {} {when}", one_line(&fallback.target, 40)));
    }
    Some(parts.join("; "))
}

fn waits(policy: &Policy) -> String {
    let own = match policy.waits {
        Waits::AtOnce => "at once".to_owned(),
        Waits::Fixed(wait) => format!("after {}", planned(wait)),
        Waits::Backoff(Backoff { base, cap, factor, jitter }) => {
            let jitter = match jitter {
                Jitter::None => "no jitter",
                Jitter::Full => "full jitter",
                Jitter::Equal => "equal jitter",
                Jitter::Decorrelated => "decorrelated jitter",
            };
            format!(
                "after {}, {factor} times as long each time up to {}, {jitter}",
                planned(base),
                planned(cap)
            )
        }
        Waits::OpenAiSdk => "as OpenAI's SDK".to_owned(),
        Waits::AnthropicSdk => "as Anthropic's SDK".to_owned(),
        Waits::GoogleSdk => "as Google's SDK".to_owned(),
        Waits::AwsStandard => "as AWS's SDKs in standard mode".to_owned(),
    };
    match policy.honour {
        Some(honour) => format!("after the wait that is stated, up to {}, else {own}", planned(honour.cap)),
        None => own,
    }
}

fn budget(rule: BudgetRule) -> String {
    match rule {
        BudgetRule::Share { millionths, over, at_least } => {
            let least = match at_least {
                0 => String::new(),
                n => format!(" or {}", count(n.into())),
            };
            format!("retries at most {} % of the requests of {}{least}", percent(millionths), planned(over))
        }
        BudgetRule::Tokens { most, .. } => {
            format!("none with half of {} gone", counted(most.into(), "token"))
        }
        BudgetRule::Quota { most, .. } => format!("within a quota of {}", count(most.into())),
    }
}

/// Millionths in per cent.
fn percent(millionths: u32) -> f64 {
    f64::from(millionths) / 1e4
}

#[cfg(test)]
mod tests {
    use floodline_core::plan::{Address, Load, Target};
    use floodline_core::retry::{BreakerRule, ThrottleRule};

    use super::*;

    fn said(policy: Policy) -> String {
        let load = Load::Closed { stages: Vec::new(), requests: Some(1) };
        let target = Target::new(Address::Url(String::new()), "m");
        let mut plan = Plan::new("x".into(), 1, target, Vec::new(), load);
        plan.retry = Some(policy);
        retries(&plan).unwrap()
    }

    #[test]
    fn policies_are_told_in_words() {
        assert_eq!(said(Policy::naive()), "at once, up to 4 attempts");
        assert_eq!(
            said(Policy::honouring()),
            "after the wait that is stated, up to 1m, else after 500ms, 2 times as long each time up to 8s, full jitter, up \
             to 3 attempts"
        );
        assert_eq!(
            said(Policy::sdk(Waits::AwsStandard)),
            "as AWS's SDKs in standard mode, up to 3 attempts; within a quota of 500"
        );
        let bounded = Policy {
            budget: Some(BudgetRule::SRE),
            throttle: Some(ThrottleRule::SRE),
            breaker: Some(BreakerRule::USUAL),
            ..Policy::naive()
        };
        assert_eq!(
            said(bounded),
            "at once, up to 4 attempts; retries at most 10 % of the requests of 2m; throttle at 2 requests for one that is \
             taken, over 2m; breaker at 50 % of 20 attempts failing within 10s, rejects for 5s"
        );
    }
}
