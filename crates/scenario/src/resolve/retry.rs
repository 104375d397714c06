//! The retry policy: what of it goes together, and what is not said.

use floodline_core::plan::Api;
use floodline_core::retry::{
    Backoff, BreakerRule, BudgetRule, Fallback, Honour, Policy, ThrottleRule, Waits, Why, Whys,
};

use super::findings::Findings;
use crate::written::{
    At, BackoffForm, BreakerForm, BudgetForm, Either, FallbackForm, Given, HonourForm, Place, PolicyName,
    Ratio, Retry, RetryForm, Scalar, Share, Text, Then, ThrottleForm,
};

/// More attempts than this are a mistake.
const MOST_ATTEMPTS: u32 = 1_000;

/// A policy by its name, as it was given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPolicy {
    /// Such as `naive` or `fixed:1s`.
    pub name: String,
    /// The option that named it, for what is said if there is no such policy.
    pub option: &'static str,
}

impl From<&str> for NamedPolicy {
    fn from(name: &str) -> NamedPolicy {
        NamedPolicy { name: name.into(), option: "--retry" }
    }
}

impl NamedPolicy {
    /// The same as it would stand in a scenario.
    pub(crate) fn written(&self) -> RetryForm {
        Either::Single(Scalar::new(&self.name, Place::Argument(self.option)))
    }
}

/// The policy of a scenario, unless nothing is tried again; `api` is the one whose SDK is meant by `sdk`.
pub(crate) fn resolve(
    form: &Given<RetryForm>,
    api: Option<Api>,
    findings: &mut Findings<'_>,
) -> Option<Policy> {
    let policy = match form.as_ref()? {
        Either::Single(name) => match findings.read_one(name)? {
            PolicyName::None => Policy::NONE,
            PolicyName::Naive => Policy::naive(),
            PolicyName::Fixed(wait) => Policy::new(Waits::Fixed(wait), Policy::backoff().attempts),
            PolicyName::Backoff(jitter) => {
                Policy { waits: Waits::Backoff(Backoff { jitter, ..Backoff::USUAL }), ..Policy::backoff() }
            }
            PolicyName::Sdk(waits) => Policy::sdk(waits.unwrap_or_else(|| sdk_of(api))),
            PolicyName::HonourRetryAfter => Policy::honouring(),
        },
        Either::Other(At { value, place }) => full(value, *place, findings),
    };
    (policy != Policy::NONE).then_some(policy)
}

/// Where a policy names its fallback.
pub(super) fn place_of_fallback(form: &Given<RetryForm>) -> Option<Place> {
    match form.as_ref()? {
        Either::Single(_) => None,
        Either::Other(At { value, .. }) => value.fallback.as_ref().map(|fallback| match fallback {
            Either::Single(name) => name.place,
            Either::Other(form) => form.value.target.as_ref().map_or(form.place, |name| name.place),
        }),
    }
}

/// The SDK that people use for an API: that of its vendor, and OpenAI's for everything that speaks like OpenAI.
fn sdk_of(api: Option<Api>) -> Waits {
    match api {
        Some(Api::Anthropic) => Waits::AnthropicSdk,
        Some(Api::Gemini) => Waits::GoogleSdk,
        Some(
            Api::OpenAiChat
            | Api::OpenAiCompletions
            | Api::OpenAiResponses
            | Api::OpenAiEmbeddings
            | Api::AzureOpenAi
            | Api::Ollama
            | Api::OllamaGenerate
            | Api::Tgi
            | Api::Http,
        )
        | None => Waits::OpenAiSdk,
    }
}

fn full(retry: &Retry, place: Place, findings: &mut Findings<'_>) -> Policy {
    let (mut policy, within) = ways(retry, place, findings);
    if let Some(attempts) = attempts(&retry.attempts, within, findings) {
        policy.attempts = attempts;
    }
    policy.max_time = findings.above_zero(&retry.max_time, "`max_time`");
    policy.on = retry.on.as_ref().and_then(|on| refusals(on, findings));
    if let (Some(on), true) = (retry.on.as_ref(), retry.sdk.is_some()) {
        findings
            .problem(on.place, "an SDK decides by itself what it tries again")
            .with_help("leave `on` out, or write the waits yourself: backoff: {base: 500ms, cap: 8s}");
    }
    if let Some(form) = retry.budget.as_ref() {
        policy.budget = budget(form, findings);
    }
    policy.throttle = retry.throttle.as_ref().and_then(|form| throttle(form, findings));
    policy.breaker = retry.breaker.as_ref().and_then(|form| breaker(form, findings));
    policy.fallback = retry.fallback.as_ref().and_then(|form| fallback(form, findings));
    policy
}

/// How it is tried again, and the number of attempts that stands within that.
fn ways<'r>(
    retry: &'r Retry,
    place: Place,
    findings: &mut Findings<'_>,
) -> (Policy, Option<&'r Scalar<u32>>) {
    let honour = retry.honour_retry_after.as_ref();
    let given = [
        ("naive", retry.naive.as_ref().map(|naive| naive.place)),
        ("fixed", retry.fixed.as_ref().map(|fixed| fixed.place)),
        ("backoff", retry.backoff.as_ref().map(|backoff| backoff.place)),
        ("sdk", retry.sdk.as_ref().map(|sdk| sdk.place)),
    ];
    let mut several = given.iter().filter_map(|(name, place)| Some((*name, (*place)?)));
    if let (Some((first, _)), Some((second, at))) = (several.next(), several.next()) {
        findings
            .problem(at, format!("`{first}` and `{second}` are two ways to try again"))
            .with_help("keep one of the two");
    }
    let mut within = None;
    let mut policy = if let Some(naive) = retry.naive.as_ref() {
        within = Some(naive);
        Policy::naive()
    } else if let Some(fixed) = retry.fixed.as_ref() {
        let wait = findings.read_one(fixed).unwrap_or_default();
        Policy::new(Waits::Fixed(wait), Policy::backoff().attempts)
    } else if let Some(At { value, place }) = retry.backoff.as_ref() {
        within = value.attempts.as_ref();
        Policy { waits: Waits::Backoff(backoff(value, *place, findings)), ..Policy::backoff() }
    } else if let Some(sdk) = retry.sdk.as_ref() {
        Policy::sdk(findings.read_one(sdk).unwrap_or(Waits::OpenAiSdk))
    } else if honour.is_some() {
        Policy::honouring()
    } else {
        needs_a_way(retry, place, findings);
        Policy::NONE
    };
    if let Some(At { value, place }) = honour {
        if retry.sdk.is_some() {
            findings
                .problem(*place, "an SDK has its own way with stated waits")
                .with_help("keep one of `sdk` and `honour_retry_after`");
        }
        let beside = given.iter().find(|(_, place)| place.is_some()).map(|(name, _)| *name);
        if let Some(then) = then(value, beside, findings) {
            policy.waits = then.waits;
        }
        policy.honour = Some(honoured(value, findings));
    }
    (policy, within)
}

/// What bounds trying again says nothing where nothing is tried again.
fn needs_a_way(retry: &Retry, place: Place, findings: &mut Findings<'_>) {
    let bounds = [
        ("attempts", retry.attempts.is_some()),
        ("max_time", retry.max_time.is_some()),
        ("on", retry.on.is_some()),
        ("budget", retry.budget.is_some()),
    ];
    if let Some((name, _)) = bounds.into_iter().find(|(_, given)| *given) {
        findings
            .problem(place, format!("`{name}` needs a way to try again beside it"))
            .with_help("add one of naive: 4, fixed: 1s, backoff: {}, sdk: openai and honour_retry_after: {}");
    }
}

fn attempts(
    beside: &Given<Scalar<u32>>,
    within: Option<&Scalar<u32>>,
    findings: &mut Findings<'_>,
) -> Option<u32> {
    if let (Some(beside), Some(_)) = (beside.as_ref(), within) {
        findings
            .problem(beside.place, "the number of attempts is given twice")
            .with_help("keep one of the two");
    }
    let scalar = within.or(beside.as_ref())?;
    let attempts = findings.read_one(scalar)?;
    if !(1..=MOST_ATTEMPTS).contains(&attempts) {
        findings
            .problem(scalar.place, format!("there must be from 1 to {MOST_ATTEMPTS} attempts"))
            .with_help("the first attempt counts too: 1 tries nothing again");
        return None;
    }
    Some(attempts)
}

fn backoff(form: &BackoffForm, place: Place, findings: &mut Findings<'_>) -> Backoff {
    let usual = Backoff::USUAL;
    let base = findings.read(&form.base).unwrap_or(usual.base);
    let cap = findings.read(&form.cap).unwrap_or(usual.cap.max(base));
    if cap < base {
        let at = form.cap.as_ref().map_or(place, |cap| cap.place);
        findings.problem(at, format!("the longest wait, {cap}, is shorter than the first one, {base}"));
    }
    let factor = findings.read(&form.factor).map_or(usual.factor, Ratio::as_f64);
    if factor < 1.0 {
        let at = form.factor.as_ref().map_or(place, |factor| factor.place);
        findings
            .problem(at, "waits must not become shorter")
            .with_help("write a factor from 1 on, such as 2");
    }
    Backoff { base, cap, factor, jitter: findings.read(&form.jitter).unwrap_or(usual.jitter) }
}

/// What `then` says, unless it stands beside `honour_retry_after`.
fn then(form: &HonourForm, beside: Option<&str>, findings: &mut Findings<'_>) -> Option<Policy> {
    let scalar = form.then.as_ref()?;
    if let Some(beside) = beside {
        findings
            .problem(scalar.place, format!("`{beside}` says already what is done where no wait is stated"))
            .with_help("keep one of the two");
    }
    Some(match findings.read_one(scalar)? {
        Then::Backoff => Policy::backoff(),
        Then::Naive => Policy::naive(),
    })
}

fn honoured(form: &HonourForm, findings: &mut Findings<'_>) -> Honour {
    Honour {
        cap: findings.above_zero(&form.cap, "`cap`").unwrap_or(Honour::USUAL.cap),
        jitter_millionths: findings
            .read(&form.jitter)
            .map_or(Honour::USUAL.jitter_millionths, |Share(millionths)| millionths),
    }
}

fn budget(form: &Either<Share, BudgetForm>, findings: &mut Findings<'_>) -> Option<BudgetRule> {
    let BudgetRule::Share { over: usual, .. } = BudgetRule::SRE else { return None };
    let At { value: form, place } = match form {
        Either::Single(share) => {
            let Share(millionths) = findings.read_one(share)?;
            return Some(BudgetRule::Share { millionths, over: usual, at_least: 0 });
        }
        Either::Other(form) => form,
    };
    let of_tokens = form.tokens.is_some() || form.ratio.is_some();
    let of_shares = form.share.is_some() || form.over.is_some() || form.at_least.is_some();
    if of_tokens == of_shares {
        findings
            .problem(*place, "a budget is either a share or tokens")
            .with_help("such as {share: 10%, over: 2m}, or {tokens: 10, ratio: 0.1}");
        return None;
    }
    if of_tokens {
        let most = findings.above_zero(&form.tokens, "`tokens`").unwrap_or(10);
        let ratio_thousandths = findings.read(&form.ratio).map_or(100, thousandths);
        return Some(BudgetRule::Tokens { most, ratio_thousandths });
    }
    Some(BudgetRule::Share {
        millionths: findings.read(&form.share).map_or(100_000, |Share(millionths)| millionths),
        over: findings.above_zero(&form.over, "`over`").unwrap_or(usual),
        at_least: findings.read(&form.at_least).unwrap_or(0),
    })
}

fn throttle(form: &Either<Ratio, ThrottleForm>, findings: &mut Findings<'_>) -> Option<ThrottleRule> {
    let usual = ThrottleRule::SRE;
    let (k, over, place) = match form {
        Either::Single(k) => (Some(findings.read_one(k)?), None, k.place),
        Either::Other(At { value, place }) => {
            (findings.read(&value.k), findings.above_zero(&value.over, "`over`"), *place)
        }
    };
    let k_thousandths = k.map_or(usual.k_thousandths, thousandths);
    if k_thousandths < 1_000 {
        findings
            .problem(place, "a throttle must let out at least what the target takes on")
            .with_help("write a factor from 1 on; 2 is usual");
        return None;
    }
    Some(ThrottleRule { k_thousandths, over: over.unwrap_or(usual.over) })
}

fn breaker(form: &Either<Share, BreakerForm>, findings: &mut Findings<'_>) -> Option<BreakerRule> {
    let usual = BreakerRule::USUAL;
    let form = match form {
        Either::Single(share) => {
            let Share(millionths) = findings.read_one(share)?;
            return Some(BreakerRule { millionths, ..usual });
        }
        Either::Other(form) => &form.value,
    };
    Some(BreakerRule {
        millionths: findings.read(&form.failures).map_or(usual.millionths, |Share(millionths)| millionths),
        over: findings.above_zero(&form.over, "`over`").unwrap_or(usual.over),
        at_least: findings.above_zero(&form.at_least, "`at_least`").unwrap_or(usual.at_least),
        cool_down: findings.above_zero(&form.cool_down, "`cool_down`").unwrap_or(usual.cool_down),
        probes: findings.above_zero(&form.probes, "`probes`").unwrap_or(usual.probes),
        open: findings.read(&form.open).unwrap_or(usual.open),
    })
}

fn fallback(form: &Either<Text, FallbackForm>, findings: &mut Findings<'_>) -> Option<Fallback> {
    let (target, after, at_once, place) = match form {
        Either::Single(name) => (findings.read_one(name)?.0, None, None, name.place),
        Either::Other(At { value, place }) => (
            findings.read(&value.target).map(|Text(name)| name).unwrap_or_default(),
            value.after.as_ref().and_then(|after| refusals(after, findings)),
            findings.read(&value.at_once),
            *place,
        ),
    };
    if target.trim().is_empty() {
        findings
            .problem(place, "a fallback is another target, by its name")
            .with_help("such as `fallback: NAME`, or {target: NAME, after: [overloaded]}");
        return None;
    }
    Some(Fallback { target, after: after.unwrap_or(Whys::ELSEWHERE), at_once: at_once.unwrap_or(false) })
}

fn refusals(list: &At<Vec<Scalar<Why>>>, findings: &mut Findings<'_>) -> Option<Whys> {
    if list.value.is_empty() {
        findings.problem(list.place, "this list of refusals is empty");
        return None;
    }
    let read: Option<Vec<Why>> = list.value.iter().map(|scalar| findings.read_one(scalar)).collect();
    Some(Whys::of(&read?))
}

fn thousandths(ratio: Ratio) -> u32 {
    let thousandths = u128::from(ratio.digits) * 1_000 / u128::from(ratio.scale.max(1));
    u32::try_from(thousandths).unwrap_or(u32::MAX)
}
