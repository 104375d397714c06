//! The prices of the target's model, written in the scenario or looked up in a file; and what a spend limit needs.

mod file;
mod litellm;
mod lookup;

use floodline_core::Usd;
use floodline_core::prices::{Change, Prices, Rates};

use super::findings::Findings;
use crate::written::{Above, At, Given, OneOrMany, PerMillion, Place, Scalar, Text};
use crate::written::{Limits, Prices as Written};

/// The prices, if the scenario has any. `model` is the target's, if that is known.
pub(crate) fn resolve(
    written: &Given<At<Written>>,
    model: Option<&str>,
    findings: &mut Findings<'_>,
) -> Option<Prices> {
    let At { value: prices, place } = written.as_ref()?;
    let Some(file) = prices.file.as_ref() else {
        if let Some(model) = prices.model.as_ref() {
            findings
                .problem(
                    model.place,
                    "`model` goes with `file`: these prices are those of the target's model",
                )
                .with_help("leave it out, or name the file: {file: prices.json, model: NAME}");
        }
        return inline(prices, *place, findings);
    };
    for (key, place) in prices.given() {
        findings
            .problem(place, format!("`{key}` does not go with `file`: the file has the prices"))
            .with_help("keep `file`, or the prices themselves");
    }
    let named = findings.text(&prices.model, "the model's name");
    if prices.model.is_some() && named.is_none() {
        return None;
    }
    let Text(path) = findings.read_one(file)?;
    let wanted = named.as_deref().or(model)?;
    let place = prices.model.as_ref().map_or(file.place, |model| model.place);
    file::resolve(&At { value: path, place: file.place }, wanted, place, findings)
}

/// A spend limit, which needs prices.
pub(crate) fn spend(limits: &Limits, has_prices: bool, findings: &mut Findings<'_>) -> Option<Usd> {
    let place = limits.spend.as_ref()?.place;
    if !has_prices {
        findings.problem(place, "a spend limit needs to know what the model costs").with_help(
            "add prices: {input: $2.50, output: $10} of a million tokens, or prices: {file: prices.json}",
        );
    }
    findings.above_zero(&limits.spend, "`spend`")
}

/// The limits that a request without a bound on its answer could break by any amount.
pub(crate) struct Hard {
    spend: Option<Place>,
    tokens: Option<Place>,
}

impl Hard {
    /// Those of a scenario, by where they are written.
    pub(crate) fn of(limits: Option<&Limits>) -> Hard {
        Hard {
            spend: limits.and_then(|limits| Some(limits.spend.as_ref()?.place)),
            tokens: limits.and_then(|limits| Some(limits.tokens.as_ref()?.place)),
        }
    }

    /// Refuses them if an answer could be of any length, since its worst case would be beyond any limit.
    ///
    /// `unbounded` are the names of the prompts of which some request is sent without a bound on its answer.
    pub(crate) fn refuse_unbounded<'n>(
        &self,
        prices: Option<&Prices>,
        unbounded: impl IntoIterator<Item = &'n str>,
        findings: &mut Findings<'_>,
    ) {
        if prices.is_some_and(|prices| prices.max_output_tokens.is_some()) {
            return;
        }
        let mut names: Vec<String> = unbounded.into_iter().map(|name| format!("`{name}`")).collect();
        names.dedup();
        if names.is_empty() {
            return;
        }
        let names = names.join(", ");
        let help = match prices {
            Some(_) => {
                "give the prompt `max_tokens`, or the prices `max_output_tokens`, the most that the model answers with"
            }
            None => "give the prompt `max_tokens`, the most tokens of its answer",
        };
        // Without prices a spend limit has been refused already.
        let spend = self.spend.filter(|_| prices.is_some()).map(|place| (place, "the spend limit"));
        let tokens = self.tokens.map(|place| (place, "the limit on tokens"));
        for (place, limit) in spend.into_iter().chain(tokens) {
            let why = format!("answers to {names} have no bound, so the worst case of a request has none");
            findings.problem(place, format!("{limit} cannot be kept: {why}")).with_help(help);
        }
    }
}

/// Prices that are written out, in a scenario or in a file of prices.
fn inline(written: &Written, place: Place, findings: &mut Findings<'_>) -> Option<Prices> {
    let mut price = |given: &Given<Scalar<PerMillion>>| findings.read(given).map(|PerMillion(usd)| usd);
    let input = price(&written.input);
    let output = price(&written.output);
    let (cached_input, cache_write) = (price(&written.cached_input), price(&written.cache_write));
    let reasoning = price(&written.reasoning);
    let request = findings.read(&written.request);
    let max_output_tokens = findings.above_zero(&written.max_output_tokens, "`max_output_tokens`");
    for (key, missing) in [("input", written.input.is_none()), ("output", written.output.is_none())] {
        if missing {
            findings
                .problem(place, format!("the prices have no `{key}`"))
                .with_help("write what a million tokens cost, such as {input: $2.50, output: $10}");
        }
    }
    let tiers = tiers(written.above.as_ref(), findings);
    let rates = Rates { input: input?, cached_input, cache_write, output: output?, reasoning };
    let mut prices = Prices { request, max_output_tokens, ..Prices::flat(rates) };
    tiers.iter().for_each(|(above, change)| prices.add_tier(*above, change));
    Some(prices)
}

/// The tiers, in ascending order.
fn tiers(written: Option<&OneOrMany<At<Above>>>, findings: &mut Findings<'_>) -> Vec<(u32, Change)> {
    let mut tiers: Vec<(u32, Change)> = Vec::new();
    for At { value: tier, place } in written.iter().flat_map(|tiers| &tiers.0) {
        let mut price = |given: &Given<Scalar<PerMillion>>| findings.read(given).map(|PerMillion(usd)| usd);
        let change = Change {
            input: price(&tier.input),
            cached_input: price(&tier.cached_input),
            cache_write: price(&tier.cache_write),
            output: price(&tier.output),
            reasoning: price(&tier.reasoning),
        };
        let Some(tokens) = tier.tokens.as_ref() else {
            findings
                .problem(*place, "this tier does not say above how many tokens it applies")
                .with_help("such as {tokens: 200000, input: $5, output: $15}");
            continue;
        };
        let Some(above) = findings.above_zero(&tier.tokens, "`tokens`") else { continue };
        if tiers.iter().any(|(other, _)| *other == above) {
            findings.problem(tokens.place, format!("two tiers begin above {above} tokens"));
            continue;
        }
        if !tier.has_prices() {
            findings
                .problem(*place, "this tier has no prices")
                .with_help("such as {tokens: 200000, input: $5, output: $15}");
        }
        tiers.push((above, change));
    }
    tiers.sort_by_key(|(above, _)| *above);
    tiers
}

impl Above {
    fn has_prices(&self) -> bool {
        let prices = [&self.input, &self.cached_input, &self.cache_write, &self.output, &self.reasoning];
        prices.iter().any(|price| price.is_some())
    }
}

impl Written {
    /// What is given besides a file and a model.
    fn given(&self) -> Vec<(&'static str, Place)> {
        let price = |given: &Given<Scalar<PerMillion>>| given.as_ref().map(|price| price.place);
        let above =
            self.above.as_ref().map(|tiers| tiers.0.first().map_or(Place::Nowhere, |tier| tier.place));
        [
            ("input", price(&self.input)),
            ("cached_input", price(&self.cached_input)),
            ("cache_write", price(&self.cache_write)),
            ("output", price(&self.output)),
            ("reasoning", price(&self.reasoning)),
            ("request", self.request.as_ref().map(|fee| fee.place)),
            ("max_output_tokens", self.max_output_tokens.as_ref().map(|tokens| tokens.place)),
            ("above", above),
        ]
        .into_iter()
        .filter_map(|(key, place)| Some((key, place?)))
        .collect()
    }
}
