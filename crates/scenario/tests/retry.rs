//! Retry policies: what can be said of them, and what does not go together.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use floodline_core::retry::{
    Backoff, BreakerRule, BudgetRule, Fallback, Honour, Jitter, Policy, ThrottleRule, Waits, WhileOpen, Why,
    Whys,
};
use floodline_core::time::Span;
use support::World;

const TWO: &str = "targets: [{name: main, stub: {}}, {name: other, stub: {}}]\n";

fn policy(text: &str) -> Option<Policy> {
    World::new().resolve(&format!("{TWO}retry: {text}\n")).unwrap().plan.retry
}

/// What is wrong with a policy.
fn error(text: &str) -> String {
    World::new().error(&format!("target: {{stub: {{}}}}\nretry: {text}\n"))
}

#[test]
fn policies_have_names() {
    assert_eq!(policy("none"), None);
    assert_eq!(policy("naive"), Some(Policy::naive()));
    assert_eq!(policy("backoff"), Some(Policy::backoff()));
    assert_eq!(policy("{backoff: {}}"), Some(Policy::backoff()));
    assert_eq!(policy("honour_retry_after"), Some(Policy::honouring()));
    assert_eq!(policy("{honour_retry_after: {then: backoff, cap: 60s}}"), Some(Policy::honouring()));
    assert_eq!(policy("sdk"), Some(Policy::sdk(Waits::OpenAiSdk)));
    assert_eq!(policy("fixed:1s"), Some(Policy::new(Waits::Fixed(Span::from_secs(1)), 3)));
    let equal = Waits::Backoff(Backoff { jitter: Jitter::Equal, ..Backoff::USUAL });
    assert_eq!(policy("backoff:equal"), Some(Policy::new(equal, 3)));
    assert_eq!(policy("google-sdk"), Some(Policy::sdk(Waits::GoogleSdk)));
    assert_eq!(policy("aws"), Some(Policy::sdk(Waits::AwsStandard)));
    for (name, waits) in [
        ("openai", Waits::OpenAiSdk),
        ("anthropic", Waits::AnthropicSdk),
        ("google", Waits::GoogleSdk),
        ("aws", Waits::AwsStandard),
    ] {
        assert_eq!(policy(&format!("{{sdk: {name}}}")), Some(Policy::sdk(waits)));
    }
}

#[test]
fn the_sdk_is_that_of_the_api() {
    for (api, waits) in [("anthropic", Waits::AnthropicSdk), ("gemini", Waits::GoogleSdk)] {
        let text = format!("target: {{api: {api}, url: 'http://127.0.0.1:1', model: m}}\nretry: sdk\n");
        assert_eq!(World::new().resolve(&text).unwrap().plan.retry, Some(Policy::sdk(waits)));
    }
}

#[test]
fn every_key_is_read() {
    let backoff = Backoff {
        base: Span::from_secs(1),
        cap: Span::from_secs(20),
        factor: 1.5,
        jitter: Jitter::Decorrelated,
    };
    assert_eq!(
        policy(
            "{backoff: {base: 1s, cap: 20s, factor: 1.5, jitter: decorrelated, attempts: 6}, max_time: 2m}"
        ),
        Some(Policy { max_time: Some(Span::from_secs(120)), ..Policy::new(Waits::Backoff(backoff), 6) })
    );
    assert_eq!(policy("{naive: 10}"), Some(Policy::new(Waits::AtOnce, 10)));
    let on = Some(Whys::of(&[Why::Overloaded, Why::Broken]));
    assert_eq!(
        policy("{fixed: 2s, attempts: 2, on: [overloaded, broken]}"),
        Some(Policy { on, ..Policy::new(Waits::Fixed(Span::from_secs(2)), 2) })
    );
    let honour = Some(Honour { cap: Span::from_secs(30), jitter_millionths: 1_000_000 });
    assert_eq!(
        policy("{honour_retry_after: {cap: 30s, jitter: 100%}, fixed: 2s}"),
        Some(Policy { honour, ..Policy::new(Waits::Fixed(Span::from_secs(2)), 3) })
    );
    let with = |text: &str| policy(&format!("{{naive: 4, {text}}}")).unwrap();
    assert_eq!(with("budget: 10%").budget, Some(BudgetRule::SRE));
    let share = BudgetRule::Share { millionths: 5_000, over: Span::from_secs(60), at_least: 3 };
    assert_eq!(with("budget: {share: 0.5%, over: 1m, at_least: 3}").budget, Some(share));
    assert_eq!(with("budget: {tokens: 10, ratio: 0.1}").budget, Some(BudgetRule::GRPC));
    assert_eq!(with("throttle: 2").throttle, Some(ThrottleRule::SRE));
    let throttle = ThrottleRule { k_thousandths: 1_500, over: Span::from_secs(30) };
    assert_eq!(with("throttle: {k: 1.5, over: 30s}").throttle, Some(throttle));
    assert_eq!(with("breaker: 50%").breaker, Some(BreakerRule::USUAL));
    let breaker = BreakerRule {
        millionths: 200_000,
        over: Span::from_secs(60),
        at_least: 5,
        cool_down: Span::from_secs(9),
        probes: 2,
        open: WhileOpen::Hold,
    };
    let text = "breaker: {failures: 20%, over: 1m, at_least: 5, cool_down: 9s, probes: 2, open: hold}";
    assert_eq!(with(text).breaker, Some(breaker));
    let after = Whys::of(&[Why::QuotaExhausted]);
    let fallback = Fallback { target: "other".into(), after, at_once: true };
    let text = "fallback: {target: other, after: [quota_exhausted], at_once: true}";
    assert_eq!(with(text).fallback, Some(fallback));
    let fallback = policy("{breaker: 50%, fallback: other}").unwrap().fallback.unwrap();
    assert!(fallback.after.has(Why::RejectedLocally) && !fallback.after.has(Why::ClientError));
}

#[test]
fn what_does_not_go_together_is_said() {
    for (text, message) in [
        ("often", "`often` is not a way to try again: expected none, naive, fixed:1s, backoff"),
        ("fixed", "say how long is waited, such as fixed:1s"),
        ("fixed:1", "a duration needs its unit"),
        ("backof", "did you mean `backoff`?"),
        ("{naive: 4, fixed: 1s}", "`naive` and `fixed` are two ways to try again"),
        ("{sdk: openai, honour_retry_after: {}}", "an SDK has its own way with stated waits"),
        ("{sdk: openai, on: [timeout]}", "an SDK decides by itself what it tries again"),
        ("{sdk: mistral}", "`mistral` is not an SDK whose retries are known"),
        ("{budget: 10%}", "`budget` needs a way to try again beside it"),
        ("{attempts: 3}", "`attempts` needs a way to try again beside it"),
        ("{backoff: {attempts: 3}, attempts: 4}", "the number of attempts is given twice"),
        ("{naive: 0}", "there must be from 1 to 1000 attempts"),
        ("{backoff: {base: 9s, cap: 8s}}", "the longest wait, 8.00 s, is shorter than the first one, 9.00 s"),
        ("{backoff: {factor: 0.5}}", "waits must not become shorter"),
        ("{honour_retry_after: {then: naive}, backoff: {}}", "`backoff` says already what is done"),
        ("{naive: 4, budget: 120%}", "`120%` is not a share"),
        ("{naive: 4, budget: {}}", "a budget is either a share or tokens"),
        ("{naive: 4, budget: {share: 10%, tokens: 3}}", "a budget is either a share or tokens"),
        ("{throttle: 0.5}", "a throttle must let out at least what the target takes on"),
        ("{fallback: ' '}", "a fallback is another target, by its name"),
        ("{fallback: {at_once: true}}", "a fallback is another target, by its name"),
        ("{naive: 4, on: []}", "this list of refusals is empty"),
        ("{naive: 4, on: [slow]}", "`slow` is not a refusal"),
        ("{backof: {}}", "unknown key `backof`"),
        ("{backoff: 3}", "`backoff` must be"),
    ] {
        let error = error(text);
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn the_fallback_of_a_policy_is_that_of_the_targets() {
    let plan = |text: &str| World::new().resolve(&format!("{TWO}{text}")).unwrap().plan;
    let named = plan("retry: {naive: 2, fallback: other}\n");
    assert_eq!((named.fallback(), named.policy()), (Some(1), named.retry));
    assert_eq!(plan("retry: {naive: 2, fallback: other}\nfallback: other\n").fallback(), Some(1));
    // Without a word of it in the policy, it is asked when trying again is over.
    let beside = plan("retry: naive\nfallback: other\n").policy().unwrap();
    let fallback = Fallback { target: "other".into(), after: Whys::ELSEWHERE, at_once: false };
    assert_eq!(beside, Policy { fallback: Some(fallback.clone()), ..Policy::naive() });
    assert_eq!(plan("fallback: other\n").policy(), Some(Policy { fallback: Some(fallback), ..Policy::NONE }));
    assert_eq!(plan("").policy(), None);
    for (text, message) in [
        ("retry: {naive: 2, fallback: third}\n", "no target has the name `third`"),
        ("retry: {naive: 2, fallback: other}\nfallback: main\n", "the targets have another fallback, `main`"),
    ] {
        let error = World::new().error(&format!("{TWO}{text}"));
        assert!(error.contains(message), "{error}");
    }
    assert!(error("{naive: 2, fallback: other}").contains("there is only one target"));
}
