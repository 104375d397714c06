//! Ways to charge: what a limit counts of a request, before it is answered and after.

use floodline_core::limits::{Dimension, Estimate, Limit, Period, Precharge, Settlement, Spent};
use floodline_core::retry::Dimension as Named;

use super::log::{Line, Log};

/// A way to charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charge {
    pub(super) dimension: Dimension,
    pub(super) precharge: Precharge,
    pub(super) settlement: Settlement,
}

/// What a limiter sees: the log by one way to charge, in the order of time.
#[derive(Clone, Debug)]
pub(super) struct Events {
    pub(super) list: Vec<Event>,
    /// By how much the moment of an event may be wrong, in seconds.
    pub(super) slack: f64,
    /// Whether capacities are whole numbers: of requests, and not of tokens that are many.
    pub(super) whole: bool,
}

/// Something that happens to a limiter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// When, in seconds.
    pub(super) at: f64,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A request comes: what has to fit for it to be admitted, what it is charged, and what became of it.
    Request { asked: f64, charged: f64, admitted: bool },
    /// A request that came at `from` is settled: so much more is charged, or less.
    Settle { from: f64, more: f64 },
}

impl Kind {
    /// The same, where requests came by so much later.
    pub(super) fn moved(self, by: f64) -> Kind {
        match self {
            Kind::Settle { from, more } => Kind::Settle { from: from + by, more },
            Kind::Request { .. } => self,
        }
    }
}

impl Charge {
    /// All ways that are told apart, the plainest first.
    pub(super) fn all() -> Vec<Charge> {
        use Dimension::{InputTokens, OutputTokens, Requests, Tokens};
        use Precharge::{MaxOfPromptAndMaxTokens, MaxTokens, None, Prompt, PromptPlusMaxTokens};
        use Settlement::{Both, Refund};
        let unsettled = Settlement::None;
        let of = |dimension, precharge, settlement| Charge { dimension, precharge, settlement };
        let mut all = vec![of(Requests, None, unsettled)];
        all.push(of(InputTokens, Prompt, unsettled));
        all.push(of(InputTokens, None, Both));
        for settlement in [unsettled, Refund] {
            all.push(of(OutputTokens, MaxTokens, settlement));
        }
        all.push(of(OutputTokens, None, Both));
        for precharge in [PromptPlusMaxTokens, MaxOfPromptAndMaxTokens] {
            for settlement in [unsettled, Refund, Both] {
                all.push(of(Tokens, precharge, settlement));
            }
        }
        all.push(of(Tokens, Prompt, Both));
        all.push(of(Tokens, None, Both));
        all.push(of(Tokens, MaxTokens, Both));
        all
    }

    /// Whether this counts what a refusal of that name is about.
    pub(super) fn is_named(&self, named: Named) -> bool {
        match named {
            Named::Rpm | Named::Rpd => self.dimension == Dimension::Requests,
            Named::Tpm | Named::Tpd => self.dimension == Dimension::Tokens,
            Named::InputTpm => self.dimension == Dimension::InputTokens,
            Named::OutputTpm => self.dimension == Dimension::OutputTokens,
            Named::Concurrency | Named::Acceleration | Named::Spend => false,
        }
    }

    /// What a request is charged at once.
    pub(super) fn at_once(&self, prompt: f64, max: f64) -> f64 {
        self.limit().precharged(Estimate {
            prompt: prompt.round() as u64,
            cached: 0,
            max: max.round() as u64,
        }) as f64
    }

    /// What a probe is charged at once.
    pub(super) fn at_once_of(&self, line: &Line, counted: &impl Fn(u32) -> f64) -> f64 {
        let (prompt, max) = size(line, counted);
        self.at_once(prompt, max)
    }

    /// What has to fit for a request to be admitted: what it is charged at once, and one at least.
    pub(super) fn asked(&self, prompt: f64, max: f64) -> f64 {
        self.at_once(prompt, max).max(1.0)
    }

    /// What a request comes to, of whose output only a share is used.
    pub(super) fn in_all(&self, prompt: f64, max: f64, share: f64) -> f64 {
        let at_once = self.at_once(prompt, max);
        at_once + self.settled(at_once, prompt.round() as u64, (max * share).round().max(1.0) as u64)
    }

    /// What is charged more when it is over.
    fn settled(&self, at_once: f64, prompt: u64, output: u64) -> f64 {
        let due = self.limit().spent(Spent { prompt, cached: 0, output }) as f64;
        match self.settlement {
            Settlement::None => 0.0,
            Settlement::Refund => (due - at_once).min(0.0),
            Settlement::Both => due - at_once,
        }
    }

    fn limit(&self) -> Limit {
        Limit {
            precharge: self.precharge,
            settlement: self.settlement,
            ..Limit::new(self.dimension, 1, Period::Minute)
        }
    }

    /// The log of one key as a limiter sees it that charges in this way.
    pub(super) fn events(&self, log: &Log, key: usize) -> Events {
        let way = log.way();
        let counted = log.prompt_counted();
        let mut list = Vec::with_capacity(log.lines.len() * 2);
        for line in log.lines.iter().filter(|line| line.probe.key == key || log.shared) {
            let Some(answer) = &line.answer else { continue };
            let counts = line.admitted() || line.surprised() && log.concerns(line);
            if !counts {
                continue;
            }
            let (sent, ended) = (answer.sent.as_secs_f64(), answer.ended.as_secs_f64());
            let at = sent + (way / 2.0).min((ended - sent) / 2.0);
            let (prompt, max) = size(line, &counted);
            let charged = self.at_once(prompt, max);
            let asked = self.asked(prompt, max);
            list.push(Event { at, kind: Kind::Request { asked, charged, admitted: line.admitted() } });
            if line.admitted() && self.settlement != Settlement::None {
                // Without a count, the worst is taken for true.
                let output = line.tokens().map_or(u64::from(line.probe.max_tokens), |tokens| tokens.output);
                let more = self.settled(charged, prompt.round() as u64, output);
                if more != 0.0 {
                    let over = (ended - way / 2.0).max(at);
                    list.push(Event { at: over, kind: Kind::Settle { from: at, more } });
                }
            }
        }
        let slack = way / 2.0 + 0.002;
        // Requests that were sent side by side may come in another order. What was refused came after what was
        // admitted beside it, as far as that can be.
        let place = |event: &Event| match event.kind {
            Kind::Request { admitted: false, .. } => event.at + 2.0 * slack,
            Kind::Request { .. } | Kind::Settle { .. } => event.at,
        };
        list.sort_by(|one, other| place(one).total_cmp(&place(other)));
        Events { list, slack, whole: self.dimension == Dimension::Requests }
    }
}

/// The tokens of a probe's prompt, as the provider counts or would count them, and the output that it asks for.
fn size(line: &Line, counted: &impl Fn(u32) -> f64) -> (f64, f64) {
    let prompt =
        line.tokens().map_or_else(|| counted(line.probe.prompt_tokens), |tokens| tokens.prompt as f64);
    (prompt, f64::from(line.probe.max_tokens))
}
