//! The journeys of a stored run, which are no part of its requests: where their file is missing or damaged, the requests
//! can still be read.

use std::path::{Path, PathBuf};

use super::Blocks;
use crate::error::StoreError;
use crate::formats::{JOURNEYS, file};
use crate::journeys::Line;

/// The lines of `journeys.jsonl.zst`; none in a run that has no such file.
pub(super) struct Journeys {
    /// Where they are, or would be.
    pub(super) path: PathBuf,
    blocks: Option<Blocks>,
    /// The next line, which waits for the records before it.
    line: Option<Line>,
    /// Whether it has been said that some are missing.
    pub(super) told: bool,
}

impl Journeys {
    pub(super) fn open(folder: &Path) -> Result<Journeys, StoreError> {
        let path = folder.join(file::JOURNEYS);
        let blocks = match Blocks::open(path.clone()) {
            // Most runs have none.
            Err(StoreError::Missing { .. }) => None,
            Err(error) => return Err(error),
            Ok(mut blocks) => {
                if let Some(header) = blocks.header().map_err(|what| JOURNEYS.violated(&path, what))? {
                    JOURNEYS.check_header(header, &path)?;
                }
                Some(blocks)
            }
        };
        Ok(Journeys { path, blocks, line: None, told: false })
    }

    /// Reads the next line; what is wrong, if it is damaged, after which there are no more.
    pub(super) fn advance(&mut self) -> Result<(), String> {
        self.line = None;
        let Some(blocks) = &mut self.blocks else { return Ok(()) };
        match read(blocks) {
            Ok(Some(line)) => self.line = Some(line),
            Ok(None) => self.blocks = None,
            Err(what) => {
                (self.blocks, self.told) = (None, true);
                return Err(what);
            }
        }
        Ok(())
    }

    /// Whether there are no more.
    pub(super) fn have_ended(&self) -> bool {
        self.line.is_none()
    }

    /// The next line, if no more than so many records come before it.
    pub(super) fn due(&mut self, records: u64) -> Option<Line> {
        self.line.take_if(|line| line.after <= records)
    }
}

fn read(blocks: &mut Blocks) -> Result<Option<Line>, String> {
    let Some(rest) = blocks.rest()? else { return Ok(None) };
    let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
        return Err(format!("a block of {} ends within a line", blocks.path.display()));
    };
    let line = serde_json::from_slice(&rest[..end])
        .map_err(|error| format!("a line of {} is no journey: {error}", blocks.path.display()))?;
    blocks.at += end + 1;
    Ok(Some(line))
}
