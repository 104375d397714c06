//! Why a run could not be made.

/// Why a run could not be started or not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The URL cannot be used.
    #[error("{0}")]
    Url(String),
    /// The host has no address.
    #[error("cannot resolve `{host}`: {why}; check the host name in the URL and the network")]
    Resolve {
        /// The host as written.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// No address of the target accepted a connection.
    #[error("cannot connect to {target}: {why}")]
    Connect {
        /// Host and port.
        target: String,
        /// What happened, and what to do about it.
        why: String,
    },
    /// The load cannot be sent from where it is to be sent from.
    #[error("{0}")]
    Source(String),
    /// TLS is set up wrongly on this side.
    #[error("{0}")]
    Tls(String),
    /// The user's own program cannot be started.
    #[error("{0}")]
    Hook(String),
    /// The load needs more than this machine may give.
    #[error("{0}")]
    DoesNotFit(String),
    /// A defect of this program.
    #[error(
        "a worker of the generator broke down; the run is incomplete. This is a defect of floodline: please report it"
    )]
    Broken,
    /// The operating system refused something the run needs.
    #[error("cannot start the run: {0}")]
    System(#[from] std::io::Error),
}
