//! HTTP/2: many requests at once on one connection.
//!
//! A task of its own drives each connection, since its bytes belong to many; the flights on it are woken when there is
//! something for them. What that means for the figures:
//!
//! - An arrival bears the stamp of the connection's latest read at the time it is handed over: an upper bound, since
//!   that read may have been for another stream. Results say so.
//! - `sent` is the instant before the first write after the last of the request was handed to its connection; requests
//!   that are handed over in the same turn share it.
//! - A stream that has to wait for a place, since the server bounds how many there are on a connection, waits as part of
//!   connecting.

mod drive;
mod link;
mod pool;
mod request;
mod wire;

pub(crate) use link::{Ending, Exchange, Part, try_out};
pub(crate) use pool::{Place, Pool};
