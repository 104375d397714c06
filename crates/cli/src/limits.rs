//! Limits of the simulated provider, as the command line asks for them.

use floodline_core::limits::{Figures, Limits, Provider};

use crate::Failure;
use crate::args::LimitArgs;

/// The limits that the arguments ask for; none without any.
pub(crate) fn limits(args: &LimitArgs) -> Result<Option<Limits>, Failure> {
    let figures = figures(args);
    let preset = args.limits.as_deref().map(Provider::parse).transpose();
    let preset = preset.map_err(|error| Failure::usage(format!("--limits: {error}")))?;
    if preset.is_none() && figures == Figures::default() {
        return Ok(None);
    }
    let limits = Figures { preset, ..figures }.limits();
    limits.map(Some).map_err(|error| Failure::usage(format!("limits: {error}")))
}

/// What the arguments say, without whose limits they are.
fn figures(args: &LimitArgs) -> Figures {
    Figures {
        preset: None,
        window: args.window,
        rpm: args.rpm,
        rph: args.rph,
        rpd: args.rpd,
        tpm: args.tpm,
        tph: args.tph,
        tpd: args.tpd,
        input_tpm: args.input_tpm,
        output_tpm: args.output_tpm,
        concurrency: args.concurrency,
        requests_per_month: args.requests_per_month,
        tokens_per_month: args.tokens_per_month,
        quota: args.quota,
        quota_per: args.quota_per,
        scope: args.scope,
        algorithm: args.algorithm,
        burst: args.burst,
        estimate: args.estimate,
        retry_after: args.retry_after,
        headers: args.no_limit_headers.then_some(false),
    }
}

/// What the limits are, in one line.
pub(crate) fn described(limits: &Limits) -> String {
    let each = limits.limits.iter().map(|limit| {
        let scaled = limit.window != limit.per.span() && limit.dimension.has_window();
        let window = if scaled { format!(" in {}", limit.window) } else { String::new() };
        let quota = if limit.quota { " quota" } else { "" };
        format!("{}{quota} {}{window}", limit.short_name(), limit.value)
    });
    let each = each.collect::<Vec<_>>();
    format!("{}: {}", limits.provider.name(), each.join(", "))
}
