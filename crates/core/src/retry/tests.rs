use proptest::prelude::*;

use super::*;
use crate::random::Purpose;

fn at(ms: u64) -> Moment {
    Moment::START + Span::from_millis(ms)
}

fn failed(why: Why) -> Failure {
    Failure::new(Refusal::new(why), None, None)
}

fn told(wait: Span) -> Failure {
    Failure { retry_after: Some(wait), ..failed(Why::RateLimited) }
}

fn stream() -> Stream {
    Stream::new(1, Purpose::Retries, 0)
}

/// One request whose attempts all fail alike, each at once: its waits, and what comes after the last of them.
fn waits(policy: &Policy, failure: &Failure) -> (Vec<Span>, Next) {
    let retry = Retry::new(policy);
    let (mut shared, mut stream, mut now) = (retry.shared(), stream(), at(0));
    let mut trying = retry.begin(now, true);
    let mut waits = Vec::new();
    loop {
        assert_eq!(retry.before(&mut trying, &mut shared, now, &mut stream), Start::Go);
        match retry.after(&mut trying, &mut shared, failure, now, &mut stream) {
            Next::Wait(wait) => {
                waits.push(wait);
                now = now + wait;
            }
            end => return (waits, end),
        }
    }
}

#[test]
fn nothing_is_tried_again_unless_asked() {
    for why in Why::ALL {
        let (waits, end) = waits(&Policy::NONE, &failed(why));
        assert!(waits.is_empty() && matches!(end, Next::GiveUp(_)), "{why}");
    }
}

#[test]
fn attempts_are_limited_and_what_cannot_succeed_is_not_tried_again() {
    let limited = failed(Why::RateLimited);
    assert_eq!(waits(&Policy::naive(), &limited), (vec![Span::ZERO; 3], Next::GiveUp(GiveUp::Attempts)));
    let fixed = Policy::new(Waits::Fixed(Span::from_secs(1)), 3);
    assert_eq!(waits(&fixed, &limited).0, [Span::from_secs(1); 2]);
    for why in Why::ALL.into_iter().filter(|why| why.is_permanent()) {
        assert_eq!(waits(&fixed, &failed(why)), (vec![], Next::GiveUp(GiveUp::NotRetried)), "{why}");
    }
    let only = Policy { on: Some(Whys::of(&[Why::Overloaded])), ..fixed };
    assert_eq!(waits(&only, &limited).1, Next::GiveUp(GiveUp::NotRetried));
    assert_eq!(waits(&only, &failed(Why::Overloaded)).0.len(), 2);
}

#[test]
fn no_attempt_begins_after_the_policys_time() {
    let policy =
        Policy { max_time: Some(Span::from_secs(5)), ..Policy::new(Waits::Fixed(Span::from_secs(2)), 99) };
    let (waits, end) = waits(&policy, &failed(Why::Timeout));
    assert_eq!((waits.len(), end), (2, Next::GiveUp(GiveUp::TimeUp)));
}

#[test]
fn what_the_provider_says_is_honoured_up_to_a_cap() {
    let (least, most) = (Span::from_secs(4), Span::from_secs(5));
    let (long, end) = waits(&Policy::honouring(), &told(least));
    assert!(long.len() == 2 && long.iter().all(|wait| (least..=most).contains(wait)), "{long:?}");
    assert_eq!(end, Next::GiveUp(GiveUp::Attempts));
    let longer = waits(&Policy::honouring(), &told(Span::from_secs(61)));
    assert_eq!(longer, (vec![], Next::GiveUp(GiveUp::ToldToWaitLonger)));
    // Where it says so only in the body, that counts too; where it says nothing, the policy's own waits do.
    let hinted = Failure { hint: Some(least), ..failed(Why::RateLimited) };
    assert!(waits(&Policy::honouring(), &hinted).0.iter().all(|wait| *wait >= least));
    for nothing in [told(Span::ZERO), failed(Why::RateLimited)] {
        assert!(waits(&Policy::honouring(), &nothing).0.iter().all(|wait| *wait <= Span::from_secs(1)));
    }
    // Without being told to, nobody honours anything.
    assert!(waits(&Policy::backoff(), &told(least)).0.iter().all(|wait| *wait <= Span::from_secs(1)));
}

#[test]
fn sdks_make_their_own_numbers_of_attempts() {
    let refused = Failure { status: Some(429), ..told(Span::from_secs(7)) };
    let of = |waits| super::tests::waits(&Policy::sdk(waits), &refused);
    for sdk in [Waits::OpenAiSdk, Waits::AnthropicSdk] {
        assert_eq!(of(sdk), (vec![Span::from_secs(7); 2], Next::GiveUp(GiveUp::Attempts)));
    }
    assert_eq!(of(Waits::GoogleSdk).0.len(), 4);
    assert_eq!(of(Waits::AwsStandard).0.len(), 2);
    let day = Failure { status: Some(429), ..told(Span::from_secs(86_400)) };
    let end = waits(&Policy::sdk(Waits::OpenAiSdk), &day).1;
    assert_eq!(end, Next::GiveUp(GiveUp::ToldToWaitLonger));
}

#[test]
fn a_budget_is_shared_by_all_requests() {
    let retry = Retry::new(&Policy { budget: Some(BudgetRule::SRE), ..Policy::naive() });
    let (mut shared, mut stream) = (retry.shared(), stream());
    let mut retries = 0;
    for _ in 0..200 {
        let mut trying = retry.begin(at(0), true);
        loop {
            retry.before(&mut trying, &mut shared, at(0), &mut stream);
            match retry.after(&mut trying, &mut shared, &failed(Why::Overloaded), at(0), &mut stream) {
                Next::Wait(_) => retries += 1,
                end => break assert_eq!(end, Next::GiveUp(GiveUp::Budget)),
            }
        }
    }
    assert_eq!(retries, 20);
}

fn falling_back(after: &[Why], at_once: bool) -> Policy {
    let fallback = Fallback { target: "other".into(), after: Whys::of(after), at_once };
    Policy { fallback: Some(fallback), ..Policy::naive() }
}

#[test]
fn the_fallback_is_asked_when_trying_is_over_or_at_once_and_only_once() {
    for (at_once, before) in [(false, 4), (true, 1)] {
        let retry = Retry::new(&falling_back(&[Why::RateLimited, Why::QuotaExhausted], at_once));
        let (mut shared, mut other, mut stream) = (retry.shared(), retry.shared(), stream());
        let mut trying = retry.begin(at(0), true);
        let mut attempts = [0, 0];
        let end = loop {
            let at_other = trying.is_at_fallback();
            let shared = if at_other { &mut other } else { &mut shared };
            assert_eq!(retry.before(&mut trying, shared, at(0), &mut stream), Start::Go);
            attempts[usize::from(at_other)] += 1;
            match retry.after(&mut trying, shared, &failed(Why::RateLimited), at(0), &mut stream) {
                Next::GiveUp(reason) => break reason,
                Next::Wait(_) => {}
                Next::Fallback => assert!(!at_other),
            }
        };
        assert_eq!((attempts, end), ([before, 4], GiveUp::Attempts));
        // What no try can help is taken to the fallback without one; what is not on its list never is.
        assert_eq!(waits(&falling_back(&[Why::QuotaExhausted], at_once), &failed(Why::QuotaExhausted)).0, []);
        let (_, end) = waits(&falling_back(&[Why::Overloaded], at_once), &failed(Why::RateLimited));
        assert_eq!(end, Next::GiveUp(GiveUp::Attempts));
    }
}

#[test]
fn an_open_breaker_rejects_holds_or_sends_to_the_fallback() {
    let rule = BreakerRule { at_least: 1, ..BreakerRule::USUAL };
    let start = |policy: Policy| {
        let retry = Retry::new(&policy);
        let (mut shared, mut stream) = (retry.shared(), stream());
        let mut first = retry.begin(at(0), true);
        retry.before(&mut first, &mut shared, at(0), &mut stream);
        retry.after(&mut first, &mut shared, &failed(Why::ServerError), at(0), &mut stream);
        let again = retry.before(&mut first, &mut shared, at(0), &mut stream);
        let mut second = retry.begin(at(1), true);
        (again, retry.before(&mut second, &mut shared, at(1), &mut stream))
    };
    let reject = Start::Reject(Rejection::BreakerOpen);
    let policy = Policy { breaker: Some(rule), ..Policy::naive() };
    assert_eq!(start(policy.clone()), (reject, reject));
    let hold = BreakerRule { open: WhileOpen::Hold, ..rule };
    let policy = Policy { breaker: Some(hold), ..policy };
    assert_eq!(start(policy.clone()), (Start::Hold(at(5_000)), Start::Hold(at(5_000))));
    let policy = Policy { max_time: Some(Span::from_secs(1)), ..policy };
    assert_eq!(start(policy), (Start::Reject(Rejection::TimeUp), Start::Hold(at(5_000))));
    let fallback = falling_back(&[Why::RejectedLocally], false);
    assert_eq!(start(Policy { breaker: Some(rule), ..fallback }), (Start::Fallback, Start::Fallback));
}

#[test]
fn a_probe_that_is_called_off_makes_room_for_another() {
    let rule = BreakerRule { at_least: 1, ..BreakerRule::USUAL };
    let retry = Retry::new(&Policy { breaker: Some(rule), ..Policy::NONE });
    let (mut shared, mut stream) = (retry.shared(), stream());
    let mut go = |shared: &mut Shared, ms| {
        let mut trying = retry.begin(at(ms), true);
        (retry.before(&mut trying, shared, at(ms), &mut stream), trying)
    };
    let (_, mut first) = go(&mut shared, 0);
    retry.after(&mut first, &mut shared, &failed(Why::Timeout), at(0), &mut self::stream());
    let (start, mut probe) = go(&mut shared, 5_000);
    assert_eq!(start, Start::Go);
    assert_eq!(go(&mut shared, 5_001).0, Start::Reject(Rejection::BreakerOpen));
    retry.called_off(&mut probe, &mut shared, at(5_002));
    let (start, mut probe) = go(&mut shared, 5_003);
    assert_eq!(start, Start::Go);
    retry.answered(&mut probe, &mut shared, at(5_004));
    assert_eq!(go(&mut shared, 5_005).0, Start::Go);
}

#[test]
fn a_throttle_lets_less_out_when_nothing_is_accepted_and_wrong_requests_do_not_count() {
    let retry = Retry::new(&Policy { throttle: Some(ThrottleRule::SRE), ..Policy::NONE });
    for (why, most) in [(Why::RateLimited, 30), (Why::ClientError, 500)] {
        let (mut shared, mut stream) = (retry.shared(), stream());
        let mut out = 0;
        for ms in 0..500 {
            let mut trying = retry.begin(at(ms), true);
            if retry.before(&mut trying, &mut shared, at(ms), &mut stream) == Start::Go {
                out += 1;
                retry.after(&mut trying, &mut shared, &failed(why), at(ms), &mut stream);
            }
        }
        assert!(out <= most && (why == Why::RateLimited || out == most), "{why} {out}");
    }
}

#[test]
fn a_policy_is_data() {
    let policy = Policy {
        max_time: Some(Span::from_secs(30)),
        on: Some(Whys::PASSING),
        budget: Some(BudgetRule::GRPC),
        throttle: Some(ThrottleRule::SRE),
        breaker: Some(BreakerRule::USUAL),
        ..falling_back(&[Why::Overloaded], true)
    };
    for policy in [policy, Policy::NONE, Policy::honouring(), Policy::sdk(Waits::AwsStandard)] {
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy, "{json}");
    }
}

proptest! {
    /// Whatever the policy and whatever happens: at most its attempts, none after its time.
    #[test]
    fn no_policy_exceeds_its_attempts_or_its_time(
        kind in 0usize..8, attempts in 1u32..9, secs in 0u64..40, retry_after in proptest::option::of(0u64..200),
        status in proptest::option::of(proptest::sample::select(vec![200u16, 400, 408, 429, 500, 503, 529])),
        which in 0usize..10,
    ) {
        let waits_of = [
            Waits::AtOnce, Waits::Fixed(Span::from_secs(3)), Waits::Backoff(Backoff::USUAL), Waits::OpenAiSdk,
            Waits::AnthropicSdk, Waits::GoogleSdk, Waits::AwsStandard, Waits::Backoff(Backoff::USUAL),
        ][kind];
        let max_time = Span::from_secs(secs);
        let honour = (kind == 7).then_some(Honour::USUAL);
        let policy = Policy { honour, max_time: Some(max_time), ..Policy::new(waits_of, attempts) };
        let failure = Failure {
            retry_after: retry_after.map(Span::from_secs),
            status,
            ..failed(Why::ALL[which])
        };
        let (waits, _) = waits(&policy, &failure);
        prop_assert!(waits.len() < attempts as usize);
        prop_assert!(waits.into_iter().fold(Span::ZERO, |sum, wait| sum + wait) <= max_time);
    }
}
