//! Experiments on a target: pure state machines that decide what to send next by what came back.
//!
//! An experiment is told what happened and when, and says what it wants sent; it reads no clock, opens no socket and has
//! no random numbers of its own. So it runs live, and in virtual time in the tests, where a window of a minute takes no minute.

#![forbid(unsafe_code)]

pub mod ceiling;
pub mod limits;
