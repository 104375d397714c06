//! The program that changes requests and judges answers.

use std::path::Path;

use floodline_core::plan::Hook;
use floodline_core::time::Span;

use super::findings::Findings;
use crate::written::{At, Exec, Given};

/// For each reply, unless the scenario says more.
const TIMEOUT: Span = Span::from_secs(10);

pub(super) fn resolve(written: &Given<At<Exec>>, findings: &mut Findings<'_>) -> Option<Hook> {
    let At { value: written, place } = written.as_ref()?;
    let command = written.command.as_ref().map(|command| command.0.clone()).unwrap_or_default();
    if command.first().is_none_or(|name| name.trim().is_empty()) {
        findings
            .problem(*place, "`exec` names no program")
            .with_help("write exec: {command: [python3, hook.py]}");
    }
    let before = findings.read(&written.before).unwrap_or(true);
    let after = findings.read(&written.after).unwrap_or(true);
    if !before && !after {
        findings
            .problem(*place, "`exec` is asked neither before a request nor after its answer")
            .with_help("leave out `before` or `after`, or all of `exec`");
    }
    let folder = findings.source.and_then(|source| Path::new(source.name).parent());
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    Some(Hook {
        command,
        folder: folder.map(|folder| folder.to_string_lossy().into_owned()),
        before,
        after,
        processes: findings.above_zero(&written.processes, "`processes`").unwrap_or(1),
        timeout: findings.above_zero(&written.timeout, "`timeout`").unwrap_or(TIMEOUT),
    })
}
