//! The log of an experiment: what was sent when, and what came back.

use floodline_core::retry::{Dimension, Refusal, Why};
use floodline_core::stated::{Quota, StatedLimits};
use floodline_core::{Moment, Outcome, Span};

/// A request that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its number, from 0.
    pub id: usize,
    /// With which key, from 0.
    pub key: usize,
    /// How long its prompt is to be, about.
    pub prompt_tokens: u32,
    /// How much output it asks for.
    pub max_tokens: u32,
}

/// What came of a probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// When it was sent.
    pub sent: Moment,
    /// When it was over.
    pub ended: Moment,
    /// What the answer states of limits.
    pub stated: Option<StatedLimits>,
    /// What it was.
    pub reply: Reply,
}

/// An answer, as far as limits go.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It was admitted; with the tokens that it came to, where that was said.
    Admitted(Option<Tokens>),
    /// It was refused.
    Refused {
        /// Why, as far as that was said.
        refusal: Refusal,
        /// The HTTP status.
        status: Option<u16>,
    },
    /// It failed otherwise.
    Failed {
        /// How.
        outcome: Outcome,
        /// In words.
        detail: Box<str>,
    },
}

/// The tokens of a request that was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of its prompt.
    pub prompt: u64,
    /// Of its answer.
    pub output: u64,
}

/// A line of the log.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) probe: Probe,
    pub(super) answer: Option<Answer>,
    /// Whether a limit that is known already refused it.
    pub(super) explained: bool,
}

/// All probes, in the order in which they were asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) lines: Vec<Line>,
    /// The limit that is being looked at, by the name that its refusals give it. Those that name another are left for later.
    pub(super) focus: Option<Dimension>,
    /// Whether what other keys sent counts as well: the limit that is being looked at refuses them all together.
    pub(super) shared: bool,
}

impl Line {
    pub(super) fn admitted(&self) -> bool {
        matches!(&self.answer, Some(Answer { reply: Reply::Admitted(_), .. }))
    }

    /// Whether a limit refused it for which waiting helps.
    pub(super) fn refused(&self) -> bool {
        self.why() == Some(Why::RateLimited)
    }

    /// Whether a limit refused it that is not known yet.
    pub(super) fn surprised(&self) -> bool {
        self.refused() && !self.explained
    }

    /// Which limit its refusal names, if it names one: in words, or by head fields of which those about a day are used up, and
    /// those about less are not.
    pub(super) fn named(&self) -> Option<Dimension> {
        let answer = self.answer.as_ref()?;
        let said = match &answer.reply {
            Reply::Refused { refusal, .. } => refusal.dimension,
            Reply::Admitted(_) | Reply::Failed { .. } => return None,
        };
        let out = |quota: &Quota| quota.remaining.is_some_and(|left| left <= 0);
        let day = answer.stated.as_ref().and_then(|stated| {
            let of_day = |name: &str| stated.also.get(name).is_some_and(out);
            let of_less = |quota: &Option<Quota>| quota.as_ref().is_some_and(out);
            match () {
                () if of_day("requests-day") && !of_less(&stated.requests) => Some(Dimension::Rpd),
                () if of_day("tokens-day") && !of_less(&stated.tokens) => Some(Dimension::Tpd),
                () => None,
            }
        });
        match said {
            None | Some(Dimension::Rpm | Dimension::Tpm) => day.or(said),
            _ => said,
        }
    }

    /// From when to when it was open, in seconds.
    pub(super) fn open(&self) -> Option<(f64, f64)> {
        let answer = self.answer.as_ref()?;
        Some((answer.sent.as_secs_f64(), answer.ended.as_secs_f64()))
    }

    pub(super) fn why(&self) -> Option<Why> {
        match &self.answer.as_ref()?.reply {
            Reply::Refused { refusal, .. } => Some(refusal.why),
            Reply::Admitted(_) | Reply::Failed { .. } => None,
        }
    }

    pub(super) fn tokens(&self) -> Option<Tokens> {
        match &self.answer.as_ref()?.reply {
            Reply::Admitted(tokens) => *tokens,
            Reply::Refused { .. } | Reply::Failed { .. } => None,
        }
    }

    /// The wait that its refusal states, in a field or in words.
    pub(super) fn stated_wait(&self) -> Option<Span> {
        let stated = self.answer.as_ref()?.stated.as_ref()?;
        stated.retry_after.or(stated.hint)
    }
}

impl Log {
    /// Whether a line speaks of the limit that is being looked at: an admission of all of them, and a refusal of the one that
    /// it names.
    pub(super) fn concerns(&self, line: &Line) -> bool {
        match (self.focus, line.named()) {
            (Some(focus), Some(named)) => focus == named,
            (None, _) | (_, None) => true,
        }
    }

    /// Whether as much was admitted after a refusal of the limit that is being looked at: without that nothing is known of when
    /// it comes back.
    pub(super) fn came_back(&self, named: Option<Dimension>) -> bool {
        let own = |line: &Line| named.zip(line.named()).is_none_or(|(one, other)| one == other);
        let mut refused: Option<Probe> = None;
        for line in self.lines.iter().filter(|line| line.probe.key == 0) {
            match refused {
                _ if line.refused() && own(line) => {
                    let Probe { prompt_tokens, max_tokens, .. } = line.probe;
                    let least = refused.unwrap_or(line.probe);
                    refused = Some(Probe {
                        prompt_tokens: least.prompt_tokens.min(prompt_tokens),
                        max_tokens: least.max_tokens.min(max_tokens),
                        ..line.probe
                    });
                }
                Some(least)
                    if line.admitted()
                        && line.probe.prompt_tokens >= least.prompt_tokens
                        && line.probe.max_tokens >= least.max_tokens =>
                {
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    /// How long it takes from here to the limiter and back, in seconds: the median of what was refused, which nothing
    /// but the way takes time for. A millisecond where nothing was.
    pub(super) fn way(&self) -> f64 {
        let refused = self.lines.iter().filter(|line| line.refused());
        let mut ways = refused
            .filter_map(|line| {
                line.answer.as_ref().map(|answer| answer.ended.since(answer.sent).as_secs_f64())
            })
            .collect::<Vec<_>>();
        ways.sort_by(f64::total_cmp);
        ways.get(ways.len() / 2).copied().unwrap_or(0.001)
    }

    /// How many requests of the first key were refused of how many that were answered, by nothing that is known.
    pub(super) fn refused_of(&self) -> (usize, usize) {
        let own = || self.lines.iter().filter(|line| line.probe.key == 0 && self.concerns(line));
        let refused = own().filter(|line| line.surprised()).count();
        (refused, refused + own().filter(|line| line.admitted()).count())
    }

    /// How long the shortest of the last answers took, in seconds; nothing where there are none.
    pub(super) fn took(&self) -> f64 {
        let answers = self.lines.iter().rev().filter(|line| line.admitted()).filter_map(Line::open);
        answers.take(20).map(|(sent, ended)| ended - sent).reduce(f64::min).unwrap_or(0.0)
    }

    /// The share of the output that was asked for to which answers came.
    pub(super) fn share_of_max(&self) -> f64 {
        let answers =
            self.lines.iter().filter_map(|line| Some((line.tokens()?.output, line.probe.max_tokens)));
        let (output, max) = answers
            .fold((0.0, 0.0), |(output, max), (one, other)| (output + one as f64, max + f64::from(other)));
        if max > 0.0 { output / max } else { 1.0 }
    }

    /// The most that were open at the same time, all of them admitted.
    pub(super) fn together(&self) -> usize {
        let mut edges = Vec::new();
        for (from, to) in self.lines.iter().filter(|line| line.admitted()).filter_map(Line::open) {
            edges.push((from, 1i32));
            edges.push((to, -1));
        }
        edges.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let mut open = 0;
        let most = edges.iter().map(|(_, step)| {
            open += step;
            open
        });
        usize::try_from(most.max().unwrap_or(0)).unwrap_or(0)
    }

    /// What providers count of a prompt of which `wanted` tokens were asked for: chat templates add to it, and their
    /// tokenizers may be others. The line through what was counted so far.
    pub(super) fn prompt_counted(&self) -> impl Fn(u32) -> f64 + use<> {
        let pairs = self.lines.iter().filter_map(|line| {
            line.tokens().map(|tokens| (f64::from(line.probe.prompt_tokens), tokens.prompt as f64))
        });
        let (mut n, mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (wanted, counted) in pairs {
            n += 1.0;
            x += wanted;
            y += counted;
            xx += wanted * wanted;
            xy += wanted * counted;
        }
        let spread = n * xx - x * x;
        let slope = if spread > 1.0 { (n * xy - x * y) / spread } else { 1.0 };
        let offset = if n > 0.0 { (y - slope * x) / n } else { 0.0 };
        move |wanted| (offset + slope * f64::from(wanted)).max(0.0)
    }
}
