//! Another target in place of one that has failed.

use std::sync::Arc;

use floodline_wire::codec::Codec;

use super::{Flight, Reading, Spare};
use crate::worker::Worker;

impl Flight {
    /// Makes ready for the target that stands in.
    pub(super) fn turn_to(&mut self, spare: &Spare) {
        self.target = spare.target;
        self.codec = codec(&self.worker, &self.reading, spare.target);
        self.streamed = streamed(&self.worker, &self.reading, spare.target);
        if let Some(tab) = &mut self.tab {
            tab.worst = spare.worst;
        }
    }
}

/// How an answer from a target is read.
pub(super) fn codec(worker: &Worker, reading: &Reading, target: usize) -> Codec {
    match reading {
        Reading::Target => worker.target(target).codec.clone(),
        Reading::Stated(format) => Codec::Own(format.clone()),
        Reading::Anything => Codec::Own(Arc::default()),
    }
}

/// Whether it may be a stream: of answers that are no calls of the API, their content type says so.
pub(super) fn streamed(worker: &Worker, reading: &Reading, target: usize) -> bool {
    worker.target(target).stream || !matches!(reading, Reading::Target)
}
