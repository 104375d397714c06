//! The bytes of answers that break: what comes in place of what should, and how the connection ends.

use floodline_core::faults::{Cut, Harm};

use super::super::flaw::Break;
use super::super::respond::Body;
use super::{Answer, Form, JSON};

/// What stands where the size of a chunk should be.
const NO_CHUNK: &[u8] = b"zz\r\n";

impl Answer {
    /// Appends an answer in one piece that has broken.
    #[cold]
    pub(super) fn damage(&mut self, out: &mut Vec<u8>, mut body: Vec<u8>, broken: Break) {
        let (whole, half) = (body.len(), body.len() / 2);
        match broken {
            Break::Stall(_) => {}
            Break::Disconnect(cut) => {
                self.leaves = Some(cut);
                self.head(Body::Length(whole), JSON).write(out);
                out.extend_from_slice(&body[..half]);
                return;
            }
            Break::EndEarly => body.truncate(half),
            // A bracket that nothing has opened is mended by no reader, however lenient.
            Break::Malformed(Harm::Event) => {
                body.pop();
                body.push(b']');
            }
            Break::Malformed(Harm::Framing) => {
                self.leaves = Some(Cut::Close);
                let framing = if self.order.old_http { Body::UntilClose } else { Body::Chunked };
                self.head(framing, JSON).write(out);
                out.extend_from_slice(NO_CHUNK);
                return;
            }
            Break::Error(fault) => body = fault.body(&self.order.request_id),
        }
        self.head(Body::Length(body.len()), JSON).write(out);
        out.extend_from_slice(&body);
    }

    /// Breaks a stream off, all of which has been written that comes before.
    #[cold]
    pub(super) fn break_off(&mut self, out: &mut Vec<u8>) {
        let (Form::Stream(stream), Some(broken)) = (&mut self.order.form, self.broken.take()) else { return };
        match broken {
            Break::Stall(_) => {}
            Break::Disconnect(cut) => self.leaves = Some(cut),
            Break::EndEarly => stream.cut(out),
            Break::Malformed(Harm::Event) => stream.garble(out),
            Break::Malformed(Harm::Framing) => {
                self.leaves = Some(Cut::Close);
                match self.order.old_http {
                    // Without chunks there is no framing to damage.
                    true => stream.garble(out),
                    false => out.extend_from_slice(NO_CHUNK),
                }
            }
            Break::Error(fault) => stream.fail(out, &fault),
        }
        self.ended = stream.has_ended() || self.leaves.is_some();
    }
}
