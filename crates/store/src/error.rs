//! What can go wrong with a run folder: what happened, where, and what to do next.

use std::io;
use std::path::{Path, PathBuf};

use crate::formats::Format;

/// Why a run folder could not be made, written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder of a new run holds files already.
    #[error("{} is not empty: a run is written to a folder of its own; choose another --out", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}; {}", path.display(), remedy(source))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Events had to be given up because they could not be written.
    #[error("{events} events could not be written to {} and are lost; the run folder is readable without them", path.display())]
    Lost {
        /// The run folder.
        path: PathBuf,
        /// How many events.
        events: u64,
    },
    /// A file of a run is not there.
    #[error("{} does not exist; is {} a run folder? `floodline run` makes one", path.display(), folder.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The folder it was looked for in.
        folder: PathBuf,
    },
    /// A file or folder could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("{} is damaged or not of a run ({what}); expected the format {expected}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What it should be.
        expected: Format,
    },
    /// A file was written by a newer version of the program.
    #[error("{} has the format {found}, and this floodline reads up to {known}; use the version that made the run, or a newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
        /// The newest one that can be read.
        known: Format,
    },
}

impl StoreError {
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        move |source| StoreError::Write { path: path.to_owned(), source }
    }

    /// For a file in `folder` that could not be opened or read.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        move |source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::Missing {
                folder: path.parent().unwrap_or(path).to_owned(),
                path: path.to_owned(),
            },
            _ => StoreError::Read { path: path.to_owned(), source },
        }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => {
            "free some space, or choose a folder on another disk with --out"
        }
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => "choose a folder you may write to with --out",
        Kind::NotADirectory => "a part of the path is a file: choose another --out",
        Kind::AlreadyExists => "something of that name is there already: choose another --out",
        _ => "check the disk, or choose another folder with --out",
    }
}
