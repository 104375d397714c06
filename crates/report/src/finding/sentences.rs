//! A finding in words, the same on every page.

use floodline_core::Span;
use floodline_core::finding::{
    Finding, FoundAlgorithm, FoundDimension, FoundLimit, FoundPrecharge, FoundScope, FoundWait,
};
use floodline_core::limits::{Settlement, Start};

use crate::Style;
use crate::format::{counted, one_line, three_digits};

/// Below this confidence a limit is a guess, and is told as one.
const UNSURE: f64 = 0.5;

/// A limit in a few words: `30 requests per 3 s, bucket`.
pub fn short(limit: &FoundLimit) -> String {
    let Some(value) = limit.value else {
        return format!("{} of a value that was not seen", limit.dimension.name());
    };
    let amount = format!("{} {}", number(value), limit.dimension.unit());
    match (limit.dimension, limit.window_s) {
        (FoundDimension::Concurrency, _) => format!("{} at the same time", counted(value as u64, "request")),
        (_, Some(window)) => format!("{amount} per {}, {}", seconds(window), algorithm(limit)),
        (_, None) => format!("{amount}, {}", algorithm(limit)),
    }
}

/// What an experiment is doing, in one line: what was sent, what it cost, and what it believes.
pub fn doing(
    activity: &str,
    sent: u64,
    spent: Option<&str>,
    elapsed: Span,
    believes: Option<&FoundLimit>,
    style: Style,
) -> String {
    let mut line = format!("{}  {}", crate::format::stopwatch(elapsed), counted(sent, "request"));
    if let Some(spent) = spent {
        line += &format!("  {spent}");
    }
    line += &format!("  {activity}");
    if let Some(limit) = believes {
        line += &format!("  (so far: {})", short(limit));
    }
    // A line that is rewritten must not be wider than the screen.
    style.spell(&one_line(&line, usize::from(style.width.max(40)) - 1))
}

/// The first sentence of the page.
pub(super) fn headline(finding: &Finding) -> String {
    match finding.limits.as_slice() {
        [] if finding.requests_used == 0 => "Nothing was sent.".into(),
        [] => "No limit was met.".into(),
        [one] if one.confidence < UNSURE => format!(
            "No limiter explains all that was seen. The nearest, with {:.0} % confidence: {}.",
            one.confidence * 100.0,
            short(one)
        ),
        [one] => format!("The limit that binds: {}.", short(one)),
        [first, rest @ ..] => {
            let rest = rest.iter().map(short).collect::<Vec<_>>().join("; ");
            format!("Met first: {}. Also: {rest}.", short(first))
        }
    }
}

/// Names and what there is to say, of one limit.
pub(super) fn facts(limit: &FoundLimit) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let (Some(_), Some((low, high))) = (limit.value, limit.interval) {
        let between = if (high - low).abs() < 1e-9 {
            "exactly, as far as it can be seen".into()
        } else {
            format!("between {} and {}", number(low), number(high))
        };
        facts.push(("value", between));
    }
    let rate = limit.dimension != FoundDimension::Concurrency && limit.value.is_some();
    if rate {
        facts.push(("counted", counts(limit)));
    }
    if let Some(burst) = limit.burst {
        facts.push(("at once", format!("{} {}", number(burst), limit.dimension.unit())));
    }
    let tokens = matches!(
        limit.dimension,
        FoundDimension::Tpm | FoundDimension::InputTpm | FoundDimension::OutputTpm | FoundDimension::Tpd
    );
    if tokens && rate {
        facts.push(("charged", charged(limit)));
    }
    facts.push((
        "keys",
        match limit.scope {
            FoundScope::Key => "each key has its own",
            FoundScope::Shared => "keys share it",
            FoundScope::Unknown => "not known; --keys-env A,B tells",
        }
        .into(),
    ));
    if rate {
        facts.push((
            "refusals",
            match limit.refusals_count {
                Some(true) => "count: who keeps trying stays out",
                Some(false) => "do not count",
                None => "whether they count makes no difference that was seen",
            }
            .into(),
        ));
    }
    let status = limit.status.map(|status| format!("status {status}; ")).unwrap_or_default();
    facts.push(("a refusal", format!("{status}{}", wait(limit.retry_after))));
    if let Some(stated) = limit.stated_value {
        facts.push(("head fields", claim(limit, stated)));
    }
    if let Some(named) = &limit.stated_dimension {
        let agrees =
            if **named == *limit.dimension.name() { "as was measured" } else { "which was not measured" };
        facts.push(("its words", format!("name {named}, {agrees}")));
    }
    facts.push(("confidence", format!("{:.0} %", limit.confidence * 100.0)));
    facts
}

/// What was not met, and how far was looked.
pub(super) fn not_met(finding: &Finding) -> Option<String> {
    let far = [
        finding.not_met.concurrency.map(|n| format!("{} at the same time", counted(n, "request"))),
        finding.not_met.requests.map(|n| counted(n, "request")),
        finding.not_met.tokens.map(|n| counted(n, "token")),
    ];
    let far = far.into_iter().flatten().collect::<Vec<_>>();
    let far = (!far.is_empty()).then(|| format!("up to {}", far.join(", ")));
    let claimed = finding.not_met.claimed.iter();
    let claimed =
        claimed.map(|claim| format!("{} {}", claim.dimension.name(), number(claim.value.max(0) as f64)));
    let claimed = claimed.collect::<Vec<_>>();
    let claimed = (!claimed.is_empty()).then(|| format!("{}, as head fields claim", claimed.join(" and ")));
    let all = far.into_iter().chain(claimed).collect::<Vec<_>>();
    (!all.is_empty()).then(|| all.join("; "))
}

/// What it took.
pub(super) fn used(finding: &Finding) -> String {
    let time = Span((finding.took_s.max(0.0) * 1e9) as u64);
    let money = finding.spent_usd.map(|usd| format!(", {usd}")).unwrap_or_default();
    format!("{} in {time}{money}", counted(finding.requests_used, "request"))
}

/// A number with as many digits as it was measured to.
pub(super) fn number(value: f64) -> String {
    if (value - value.round()).abs() < 1e-6 || value >= 1_000.0 {
        crate::format::count(value.round().max(0.0) as u64)
    } else {
        three_digits(value)
    }
}

fn seconds(seconds: f64) -> String {
    match seconds {
        s if (s - s.round()).abs() < 1e-6 => format!("{s:.0} s"),
        s if s < 1.0 => format!("{} ms", three_digits(s * 1e3)),
        s => format!("{} s", three_digits(s)),
    }
}

fn algorithm(limit: &FoundLimit) -> &'static str {
    match limit.algorithm {
        FoundAlgorithm::Bucket if limit.leaky => "leaky bucket",
        FoundAlgorithm::Bucket => "bucket",
        FoundAlgorithm::FixedWindow => "fixed window",
        FoundAlgorithm::SlidingWindow => "sliding window",
        FoundAlgorithm::Quantised => "quantised",
        FoundAlgorithm::Unknown => "counted in a way that could not be told",
    }
}

fn counts(limit: &FoundLimit) -> String {
    match (limit.algorithm, limit.start, limit.every_s) {
        (FoundAlgorithm::Bucket, ..) if limit.leaky => {
            "drains continuously; admits while it is not full".into()
        }
        (FoundAlgorithm::Bucket, ..) => "refilled continuously".into(),
        (FoundAlgorithm::FixedWindow, Some(Start::FirstHit), _) => {
            "all of it comes back a window after the first request".into()
        }
        (FoundAlgorithm::FixedWindow, ..) => "all of it comes back at the end of each window".into(),
        (FoundAlgorithm::SlidingWindow, ..) if limit.approximate => {
            "comes back as it was spent, about: from this window's count and the last one's".into()
        }
        (FoundAlgorithm::SlidingWindow, ..) => "comes back as it was spent, a window later".into(),
        (FoundAlgorithm::Quantised, _, Some(every)) => match (limit.value, limit.window_s) {
            (Some(value), Some(window)) => {
                format!("in portions of {} each {}", number(value * every / window), seconds(every))
            }
            _ => format!("in portions each {}", seconds(every)),
        },
        (FoundAlgorithm::Quantised, _, None) => "in portions of a shorter window".into(),
        (FoundAlgorithm::Unknown, ..) => "in a way that could not be told".into(),
    }
}

fn charged(limit: &FoundLimit) -> String {
    let before = match limit.precharge {
        FoundPrecharge::None => "nothing before the answer, and what it came to after it",
        FoundPrecharge::Prompt => "the prompt before the answer",
        FoundPrecharge::MaxTokens => "max_tokens before the answer",
        FoundPrecharge::PromptPlusMaxTokens => "prompt and max_tokens before the answer",
        FoundPrecharge::MaxOfPromptAndMaxTokens => "the larger of prompt and max_tokens before the answer",
        FoundPrecharge::Unknown => "before the answer in a way that could not be told",
    };
    let after = match (limit.precharge, limit.settlement) {
        (FoundPrecharge::None | FoundPrecharge::Unknown, _) | (_, None) => "",
        (_, Some(Settlement::None)) => "; nothing is given back",
        (_, Some(Settlement::Refund)) => "; what was too much is given back",
        (_, Some(Settlement::Both)) => "; put right when it is known",
    };
    format!("{before}{after}")
}

fn wait(wait: FoundWait) -> &'static str {
    match wait {
        FoundWait::Exact => "the wait that it states is exact",
        FoundWait::Short => "the wait that it states is too short",
        FoundWait::Long => "the wait that it states is too long",
        FoundWait::Absent => "it states no wait",
        FoundWait::Unknown => "whether the wait that it states is true could not be told",
    }
}

/// What the head fields claim, against what was measured.
fn claim(limit: &FoundLimit, stated: i64) -> String {
    let stated = stated as f64;
    let Some(value) = limit.value else { return format!("claim {}", number(stated)) };
    let near = |a: f64, b: f64| (a / b - 1.0).abs() <= 0.05;
    let minute = limit.window_s.map(|window| value * 60.0 / window);
    if near(stated, value) {
        format!("claim {}, as was measured", number(stated))
    } else if limit.burst.is_some_and(|burst| near(stated, burst)) {
        format!("claim {}, which is what fits at once", number(stated))
    } else if minute.is_some_and(|minute| near(stated, minute)) {
        format!("claim {}, as was measured, per minute", number(stated))
    } else {
        format!("claim {}, and {} was measured", number(stated), number(value))
    }
}
