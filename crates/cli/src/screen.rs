//! The terminal: what it can show, and writing to it; that nobody reads is never a failure.

use std::io::{self, IsTerminal, Write};

use floodline_report::Style;

use crate::Failure;

/// What standard output can show.
pub(crate) fn output_style() -> Style {
    style(io::stdout().is_terminal())
}

/// What standard error can show.
pub(crate) fn error_style() -> Style {
    style(io::stderr().is_terminal())
}

fn style(terminal: bool) -> Style {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let colour = terminal && !set("NO_COLOR") && !is_dumb();
    Style { colour, width: width(), unicode: speaks_unicode() }
}

/// A terminal that understands no control sequences.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Whether a line on standard error can be written anew.
fn rewrites() -> bool {
    io::stderr().is_terminal() && !is_dumb()
}

fn width() -> u16 {
    let size =
        rustix::termios::tcgetwinsize(io::stdout()).or_else(|_| rustix::termios::tcgetwinsize(io::stderr()));
    size.map(|size| size.ws_col).ok().filter(|&columns| columns > 0).unwrap_or(100)
}

/// Anything but a locale that says otherwise.
fn speaks_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_uppercase();
        locale.contains("UTF-8") || locale.contains("UTF8") || locale.starts_with("C.UTF")
    })
}

/// Prints to standard output. A reader that has gone away is no error; a disk that is full is.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What has become of printing.
pub(crate) fn printed(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Failure::internal(format!("cannot print: {e}"))),
        Ok(()) => Ok(()),
    }
}

/// Says on standard error that something is wrong.
pub(crate) fn complain(message: &str) {
    let message = match message.starts_with("error:") {
        true => message.to_owned(),
        false => format!("error: {message}"),
    };
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Says something in passing on standard error, on a line of its own.
pub(crate) fn note(message: &str) {
    let clear = if rewrites() { "\r\x1b[K" } else { "" };
    let _ = writeln!(io::stderr().lock(), "{clear}{message}");
}

/// The line that is watched while a run goes on: rewritten in place on a terminal, one line every few
/// seconds elsewhere.
pub(crate) struct LiveLine {
    rewritten: bool,
    shown: u32,
}

/// Off a terminal, every so many looks make a line.
const SELDOM: u32 = 5;

impl LiveLine {
    pub(crate) fn new() -> LiveLine {
        LiveLine { rewritten: rewrites(), shown: 0 }
    }

    /// What it is shown in now: a window may change its width at any time.
    pub(crate) fn style(&self) -> Style {
        error_style()
    }

    /// Shows the line.
    pub(crate) fn show(&mut self, line: &str) {
        let mut err = io::stderr().lock();
        let _ = match self.rewritten {
            true => write!(err, "\r{line}\x1b[K").and_then(|()| err.flush()),
            false if self.shown % SELDOM == SELDOM - 1 => writeln!(err, "{line}"),
            false => Ok(()),
        };
        self.shown += 1;
    }

    /// Makes room for what is printed next.
    pub(crate) fn clear(&self) {
        if self.rewritten && self.shown > 0 {
            let mut err = io::stderr().lock();
            let _ = write!(err, "\r\x1b[K").and_then(|()| err.flush());
        }
    }
}
