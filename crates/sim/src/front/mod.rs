//! The simulated provider on a socket: the APIs of all providers, whose tokens leave when the model says.
//!
//! One port, and every API at its true paths (`wire::server::Route` lists them): OpenAI's chat completions,
//! completions, Responses, embeddings and models, with and without `/v1`; the same of Azure below `/openai`;
//! Anthropic's `/v1/messages`; Gemini's `/v1beta/models/M:METHOD` and `/v1/models/M:METHOD`; Ollama's `/api`; TGI's
//! `/generate` and `/generate_stream`; `/health`. Errors have the shape of the API whose path was called: 400 for
//! what cannot be understood, 401 when a key is set and another is sent, 404 for unknown paths and models, 405, 413
//! beyond 64 MiB, 431, 501, and the API's own overload when the model's queue is full. HTTP/1.1 with keep-alive and
//! pipelining, HTTP/1.0, chunked requests, `Expect`.
//!
//! Several providers can share the port ([`Config::providers`]), told apart by the beginning of the path or by the
//! model, each with its own pace, models, key and limits. With limits a request is admitted or refused as of its
//! arrival, refused in the provider's words, and its answer states what is left. What became of each attempt can be had
//! ([`Server::take_attempts`]).
//!
//! What is answered: words, for as long as the request and the server say; the call of a tool whose arguments satisfy
//! its schema, when tools are offered and the user has spoken last, or when the request demands it; JSON that satisfies
//! a schema, when one is given. With [`Provides::reasoning`] each answer begins with reasoning.
//!
//! With faults ([`Provides::faults`]) requests meet them, each in the way of the API that is called. While everything is
//! refused, by a fault of the only provider, nobody listens on the port. With [`Config::admin`] faults and limits can be
//! changed and attempts be looked at while it serves, on 127.0.0.1 and by nobody who calls it by another name.
//!
//! What holds:
//! - A request's time counts from the arrival of its last byte in the kernel, where the kernel says so. A
//!   pipelined request arrives when its turn comes.
//! - Pacing is absolute: a token that left late does not make the next one late.
//! - The response's head and what comes before the first token leave with it, in one write.
//! - A client that closes its end of the connection, even only for writing, is taken to have gone as soon as it has
//!   been sent what was due: the rest of the answer is dropped and its place in the model is free.
//! - The same seed and the same messages give the same text, streamed or not.
//! - Memory is bounded for each connection, however long its answers are and however slowly it reads; what is slow or
//!   has stalled keeps 16 bytes for each token that waits.
//! - Where there are no faults, a token costs nothing for them.
//!
//! One thread serves all connections, so that what the provider costs is one number ([`Server::cpu`]).

mod admin;
mod answer;
mod config;
mod connection;
mod entrance;
mod flaw;
mod net;
mod providers;
mod request;
mod respond;
mod routes;
mod serve;
mod server_loop;
mod slots;
mod stats;
mod struck;

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use config::{Config, Provides};
pub use stats::{Stats, Taken, Tally};

use entrance::Entrance;
use net::Poller;
use providers::Providers;
use routes::Routes;
use server_loop::Loop;
use stats::Shared;

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    shared: Arc<Shared>,
    stop: UnixStream,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// Listens and serves on a thread of its own.
    ///
    /// # Errors
    /// The address cannot be listened on, the system has no descriptors or threads left, or does not let the
    /// server wait for events.
    pub fn start(config: Config) -> io::Result<Server> {
        Server::start_with(Poller::new()?, config)
    }

    fn start_with(poller: Poller, config: Config) -> io::Result<Server> {
        let Config { bind, port, admin, ledger, providers } = config;
        let entrance = Entrance::new(SocketAddr::new(bind, port))?;
        let addr = entrance.addr();
        let at_home = |port| {
            net::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).map_err(|error| {
                let why = format!("the admin endpoint cannot listen on 127.0.0.1:{port}: {error}");
                io::Error::new(error.kind(), why)
            })
        };
        let admin = admin.map(at_home).transpose()?;
        let admin_addr = admin.as_ref().map(net::local_addr).transpose()?;
        let (stop, stopped) = UnixStream::pair()?;
        let shared = Arc::new(Shared::default());
        let (routes, behind) = Routes::new(providers);
        let providers = Providers::new(behind, ledger, admin.is_some())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let server_loop =
            Loop::new(poller, (entrance, admin), stopped, providers, routes, Arc::clone(&shared))?;
        let thread =
            std::thread::Builder::new().name("floodline-stub".into()).spawn(move || server_loop.run())?;
        Ok(Server { addr, admin_addr, shared, stop, thread: Mutex::new(Some(thread)) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where those who run it can change faults and limits and look at attempts, if they can.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// CPU time that the server's thread has used, at most 100 ms out of date.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.shared.cpu_ns.load(Ordering::Relaxed))
    }

    /// Counts are current, lateness is at most 100 ms out of date.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// What became of the attempts at each provider that has limits, or of all if they are recorded; at most 100 ms out
    /// of date.
    pub fn tallies(&self) -> Vec<Tally> {
        self.shared.tallies()
    }

    /// The attempts since the last call, if they are recorded ([`Config::ledger`]).
    pub fn take_attempts(&self) -> Taken {
        self.shared.take_attempts()
    }

    /// Why the server has ended by itself, if it has: nothing is served any more then.
    pub fn failed(&self) -> Option<String> {
        self.shared.failed()
    }

    /// Closes every connection, whatever is under way, and says how it went and what CPU time it took.
    pub fn stop(self) -> (Stats, Duration) {
        self.end();
        (self.stats(), self.cpu())
    }

    /// The same for who still has something to ask: the last attempts, and what became of all.
    pub fn end(&self) {
        // It ends the loop's wait; a loop that has ended already does not mind.
        let _ = self.stop.shutdown(Shutdown::Both);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of that thread has been reported; it must not become another one here.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use floodline_core::time::Span;

    use super::*;
    use crate::model::Pace;

    /// As on a kernel, or behind a filter of system calls, that does not know the wait of Linux 5.11.
    #[test]
    fn without_the_nanosecond_wait_the_server_polls() {
        let pace = Pace::exact(Span(1_000), Span(1_000));
        let server =
            Server::start_with(Poller::polling(), Config::of(Provides { pace, ..Provides::default() }))
                .unwrap();
        for tokens in [3, 20_000] {
            let mut client = TcpStream::connect(server.addr()).unwrap();
            client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let body = format!(
                r#"{{"model":"m","stream":true,"max_tokens":{tokens},"messages":[{{"role":"user","content":"x"}}]}}"#
            );
            let length = body.len();
            write!(client, "POST /v1/chat/completions HTTP/1.0\r\ncontent-length: {length}\r\n\r\n{body}")
                .unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert!(answer.ends_with("data: [DONE]\n\n"));
            // The role, the tokens, the finish and the end.
            assert_eq!(answer.matches("data: ").count(), tokens + 3);
        }
        assert_eq!(server.failed(), None);
        assert_eq!(server.stop().0.tokens, 20_003);
    }
}
