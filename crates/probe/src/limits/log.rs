//! The log of an experiment: what was sent when, and what came back.

use floodline_core::retry::{Dimension, Refusal, Why};
use floodline_core::stated::StatedLimits;
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

    /// Which limit its refusal names, if it names one.
    pub(super) fn named(&self) -> Option<Dimension> {
        match &self.answer.as_ref()?.reply {
            Reply::Refused { refusal, .. } => refusal.dimension,
            Reply::Admitted(_) | Reply::Failed { .. } => None,
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
