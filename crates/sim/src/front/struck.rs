//! What becomes of a request that a fault has struck, before the model is asked or instead of it.

use std::io::Write;

use floodline_core::faults::{Cut, Kind};
use floodline_wire::server::{Dialect, Fault};

use super::respond::Small;
use crate::faults::Strike;

/// What goes wrong with a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Struck {
    /// As its provider has decided it.
    pub(super) strike: Strike,
    /// What goes wrong beside its being slow.
    pub(super) fault: Option<Kind>,
}

/// How a request ends that the model is never asked.
#[derive(Debug)]
pub(super) enum TurnedAway {
    /// With an answer that is no model's.
    Small(Small),
    /// With the connection.
    Cut(Cut),
    /// Not at all: it waits until its client is gone.
    Silence,
}

impl Struck {
    /// How it ends, if the model is not to be asked.
    pub(super) fn turns_away(&self, dialect: Dialect, request_id: &str) -> Option<TurnedAway> {
        Some(match self.fault.as_ref()? {
            Kind::Status { status, message, retry_after } => {
                let mut fault = Fault::of_status(dialect, *status);
                if let Some(message) = message {
                    fault.message = message.to_string();
                }
                let mut small = Small::fault(&fault, request_id);
                if let Some(wait) = retry_after {
                    // Whole seconds, never too few; and what they cannot say.
                    let (seconds, millis) = (wait.0.div_ceil(1_000_000_000), wait.0.div_ceil(1_000_000));
                    let _ = write!(small.fields, "retry-after: {seconds}\r\n");
                    if !millis.is_multiple_of(1_000) {
                        let _ = write!(small.fields, "retry-after-ms: {millis}\r\n");
                    }
                }
                TurnedAway::Small(small)
            }
            Kind::ContentType { content_type } => TurnedAway::Small(Small {
                content_type: content_type.to_string().into(),
                ..Small::json(PAGE.into())
            }),
            Kind::Timeout => TurnedAway::Silence,
            Kind::Disconnect { after_tokens: 0, how } => TurnedAway::Cut(*how),
            Kind::Slow(_)
            | Kind::Stall { .. }
            | Kind::Disconnect { .. }
            | Kind::EndEarly { .. }
            | Kind::Malformed { .. }
            | Kind::Error { .. }
            | Kind::Length { .. }
            | Kind::Refuse
            | Kind::Outage => return None,
        })
    }
}

/// What a gateway says that has not passed the request on.
const PAGE: &[u8] = b"<!doctype html>\n<html><head><title>One moment, please</title></head>\n\
    <body><h1>One moment, please</h1><p>Your request is being checked.</p></body></html>\n";
