//! The server's log: a line per finished stream.
//!
//! ```text
//! # floodline-truth/1 clock=realtime: id received_ns first_ns last_ns tokens [gaps_ns]
//! fl-3f-0 1700000000000000000 1700000000050003000 1700000001040002000 100 10000210,9999800,…
//! ```
//! Without `x-request-id` the id is `-`. `received` is the kernel's arrival stamp of the request; `first` and
//! `last` are taken just before the token is handed to the kernel. The first five columns are those of
//! `yardstick/truthd.c`, whose log is read by the same function (its clock is monotonic: differences only).

use std::io::{self, BufRead, Write};

use anyhow::{Context, Result};

use crate::clock::Wall;

/// One finished stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The `x-request-id` of the request; empty if it had none.
    pub(crate) id: String,
    /// When the kernel took the request in.
    pub(crate) received: Wall,
    /// When the first token was handed to the kernel.
    pub(crate) first: Wall,
    /// When the last one was.
    pub(crate) last: Wall,
    /// How many there were.
    pub(crate) tokens: u32,
    /// Nanoseconds between neighbouring tokens, if they were kept.
    pub(crate) gaps: Vec<u32>,
}

const HEADER: &str = "# floodline-truth/1 clock=realtime: id received_ns first_ns last_ns tokens [gaps_ns]";

/// Writes `entries` to `out`.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_log(entries: &[Entry], mut out: impl Write) -> io::Result<()> {
    writeln!(out, "{HEADER}")?;
    for Entry { id, received, first, last, tokens, gaps } in entries {
        let id = if id.is_empty() { "-" } else { id };
        write!(out, "{id} {received} {first} {last} {tokens}")?;
        for (k, gap) in gaps.iter().enumerate() {
            let mark = if k == 0 { ' ' } else { ',' };
            write!(out, "{mark}{gap}")?;
        }
        writeln!(out)?;
    }
    out.flush()
}

/// Reads what [`write_log`] or the yardstick wrote.
///
/// # Errors
/// Those of `input`, and lines of another form, by number.
pub(crate) fn read_log(input: impl BufRead) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (n, line) in input.lines().enumerate() {
        let line = line?;
        if !line.starts_with('#') {
            entries
                .push(parse(&line).with_context(|| format!("line {} of the truth log: {line:.80}", n + 1))?);
        }
    }
    Ok(entries)
}

fn parse(line: &str) -> Result<Entry> {
    let mut columns = line.split(' ');
    let mut column = |name| columns.next().with_context(|| format!("no {name}"));
    let id = column("id")?;
    let mut instant = |name| Ok::<_, anyhow::Error>(Wall(column(name)?.parse()?));
    Ok(Entry {
        id: if id == "-" { String::new() } else { id.to_owned() },
        received: instant("received")?,
        first: instant("first")?,
        last: instant("last")?,
        tokens: column("tokens")?.parse()?,
        gaps: match column("gaps") {
            Ok(gaps) => gaps.split(',').map(str::parse).collect::<Result<_, _>>()?,
            Err(_) => Vec::new(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let entry = Entry {
            id: "fl-3f-0".into(),
            received: Wall(1_700_000_000_000_000_000),
            first: Wall(1_700_000_000_050_003_000),
            last: Wall(1_700_000_000_070_002_000),
            tokens: 3,
            gaps: vec![10_000_210, 9_998_790],
        };
        vec![entry.clone(), Entry { id: String::new(), gaps: Vec::new(), ..entry }]
    }

    #[test]
    fn a_log_is_read_as_it_was_written() {
        let mut out = Vec::new();
        write_log(&entries(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out.clone()).unwrap(), @r"
        # floodline-truth/1 clock=realtime: id received_ns first_ns last_ns tokens [gaps_ns]
        fl-3f-0 1700000000000000000 1700000000050003000 1700000000070002000 3 10000210,9998790
        - 1700000000000000000 1700000000050003000 1700000000070002000 3
        ");
        assert_eq!(read_log(&*out).unwrap(), entries());
    }

    #[test]
    fn the_yardsticks_log_is_read_too() {
        let log = read_log(&b"- 22160000000 22210031000 23200077000 100\n"[..]).unwrap();
        assert_eq!((log[0].first.since(log[0].received), log[0].tokens), (50_031_000, 100));
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = read_log(&b"# x\nid 1 2\n"[..]).unwrap_err();
        assert_eq!(format!("{error:#}"), "line 2 of the truth log: id 1 2: no last");
    }
}
