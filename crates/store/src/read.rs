//! A run folder, read back: the plan, what is known of the run, and its events.
//!
//! A folder without `summary.json`, of a run that was killed, reads like any other.

use std::fs::{File, TryLockError};
use std::path::Path;

use floodline_core::event::RunEvent;
use floodline_core::plan::Plan;
use floodline_core::summary::{RunInfo, RunSummary};
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::events::{Events, Recovered};
use crate::folder::RunFolder;
use crate::formats::{self, Format, file, format_of};

/// A recorded run.
#[derive(Clone, Debug)]
pub struct StoredRun {
    /// What was planned. The rows of a replayed trace are not part of it.
    pub plan: Plan,
    /// What is known besides.
    pub info: RunInfo,
    folder: RunFolder,
}

impl StoredRun {
    /// Opens the run folder `path`.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if it is no run folder, [`StoreError::Newer`] if a later version made
    /// it, [`StoreError::Content`] or [`StoreError::Read`] if plan or run cannot be read.
    pub fn open(path: &Path) -> Result<StoredRun, StoreError> {
        Ok(StoredRun {
            plan: read_json(&path.join(file::PLAN), formats::PLAN)?,
            info: read_json(&path.join(file::RUN), formats::RUN)?,
            folder: RunFolder::existing(path),
        })
    }

    /// Whether the run is still being recorded.
    pub fn goes_on(&self) -> bool {
        let journal = File::open(self.folder.path().join(file::SAMPLES));
        journal.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The folder, for writing what was computed anew.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The summary written at the end of the run; none if it was killed.
    ///
    /// # Errors
    /// As for [`open`](Self::open), for `summary.json`.
    pub fn summary(&self) -> Result<Option<RunSummary>, StoreError> {
        match read_json(&self.folder.path().join(file::SUMMARY), formats::SUMMARY) {
            Err(StoreError::Missing { .. }) => Ok(None),
            read => read.map(Some),
        }
    }

    /// The events in the order of recording, read as they are asked for.
    ///
    /// # Errors
    /// [`StoreError`] if a file of the journal is missing or of another format. Damage further on
    /// is no error: see [`Events::recovered`].
    pub fn events(&self) -> Result<Events, StoreError> {
        Events::open(self.folder.path())
    }

    /// Shows every event to `visit` and says what could be recovered.
    ///
    /// # Errors
    /// As for [`events`](Self::events).
    pub fn replay(&self, mut visit: impl FnMut(&RunEvent)) -> Result<Recovered, StoreError> {
        let mut events = self.events()?;
        events.by_ref().for_each(|event| visit(&event));
        Ok(events.into_recovered())
    }
}

fn read_json<T: DeserializeOwned>(path: &Path, format: Format) -> Result<T, StoreError> {
    let text = std::fs::read(path).map_err(StoreError::read(path))?;
    format.check(&format_of(&text).map_err(|what| format.violated(path, what))?, path)?;
    serde_json::from_slice(&text).map_err(|error| format.violated(path, error.to_string()))
}
