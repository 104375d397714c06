//! `floodline corpus`: corpora of prompts, made from logs.
//!
//! Logs are read line by line and never written to. The corpus and the report appear under their names once they are
//! complete, so nothing half-made is ever taken for one.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use floodline_corpus::build::{Builder, Options, Report};
use floodline_corpus::logs::Format;
use floodline_corpus::privacy::{Cleaner, Kind, Kinds, Names};

use crate::args::{CorpusArgs, CorpusBuildArgs, CorpusCommand};
use crate::outside::why;
use crate::screen::LiveLine;
use crate::{Failure, screen};

/// Examples of each kind that a dry run shows.
const EXAMPLES: usize = 3;
/// So much is read between two looks at how far it is.
const STEP: u64 = 32 << 20;

/// Does what is asked and returns the exit code.
pub(crate) fn corpus(args: CorpusArgs) -> Result<u8, Failure> {
    match args.command {
        CorpusCommand::Build(args) => build(&args),
    }
}

fn build(args: &CorpusBuildArgs) -> Result<u8, Failure> {
    let options = options(args)?;
    let out = args.out.as_deref().filter(|_| !args.dry_run);
    for written in out.into_iter().chain(args.report.as_deref()) {
        refuse_input(written, args)?;
    }
    if let (Some(out), Some(report)) = (out, args.report.as_deref())
        && same_file(out, report)
    {
        return Err(Failure::usage(format!("--out and --report are the same file: {}", out.display())));
    }
    let mut sink = match out {
        Some(path) => Some(NewFile::beside(path)?),
        None => None,
    };
    let mut reader =
        Reader { builder: Builder::new(options), lines: Vec::new(), progress: Progress::of(&args.logs) };
    for log in &args.logs {
        reader.log(log, &mut sink)?;
    }
    let Reader { builder, mut lines, progress } = reader;
    progress.line.clear();
    let report = builder.finish(&mut lines);
    put(&mut sink, &mut lines)?;
    if let Some(nothing) = report.nothing() {
        return Err(Failure::usage(nothing));
    }
    if let Some(sink) = sink {
        sink.keep()?;
    }
    if let Some(path) = &args.report {
        let mut file = NewFile::beside(path)?;
        file.put(json(&report).as_bytes())?;
        file.keep()?;
    }
    show(&report, out, args.json).map(|()| 0)
}

fn show(report: &Report, out: Option<&Path>, as_json: bool) -> Result<(), Failure> {
    let place = out.map(|path| path.display().to_string());
    screen::print(&if as_json { json(report) } else { report.text(place.as_deref()) })?;
    if as_json && report.dropped.total() > 0 {
        let dropped = report.dropped.total();
        screen::note(&format!(
            "warning: {dropped} prompts dropped: a second look still found something in them"
        ));
    }
    Ok(())
}

fn json(report: &Report) -> String {
    format!("{:#}\n", report.json())
}

fn options(args: &CorpusBuildArgs) -> Result<Options, Failure> {
    let mut kinds = match &args.remove {
        Some(words) => words.iter().map(|word| kind(word)).collect::<Result<Kinds, Failure>>()?,
        None => Kinds::all(),
    };
    for word in &args.keep {
        kinds = kinds.without(kind(word)?);
    }
    let names = match &args.names {
        Some(path) => names(path)?,
        None => Names::default(),
    };
    if args.names.is_some() && !kinds.has(Kind::Name) {
        return Err(Failure::usage(
            "--names gives names to take out, but `name` is not among the kinds to take out",
        ));
    }
    let format = match args.format.as_str() {
        "auto" => None,
        word => Some(Format::of_word(word).ok_or_else(|| {
            Failure::usage(format!("no format `{word}`; there are auto, openai, anthropic, litellm and otel"))
        })?),
    };
    if let (Some(fewest), Some(most)) = (args.min_tokens, args.max_tokens)
        && fewest > most
    {
        return Err(Failure::usage(format!("--min-tokens {fewest} is more than --max-tokens {most}")));
    }
    Ok(Options {
        cleaner: Cleaner::new(kinds, names),
        format,
        sample: args.sample.map(|n| n as usize),
        seed: args.seed,
        min_tokens: args.min_tokens,
        max_tokens: args.max_tokens,
        model: args.model.clone(),
        examples: if args.dry_run { EXAMPLES } else { 0 },
    })
}

fn kind(word: &str) -> Result<Kind, Failure> {
    Kind::of_word(word.trim()).ok_or_else(|| {
        let known: Vec<&str> = Kind::ALL.into_iter().map(Kind::word).collect();
        Failure::usage(format!("no kind `{word}` of personal data; there are {}", known.join(", ")))
    })
}

fn names(path: &Path) -> Result<Names, Failure> {
    let text = fs::read_to_string(path).map_err(|e| cannot_read(path, &e))?;
    let names = Names::of_lines(&text);
    match names.is_empty() {
        true => Err(Failure::usage(format!("{}: no name in it; expected one a line", path.display()))),
        false => Ok(names),
    }
}

/// The logs under way through the builder.
struct Reader {
    builder: Builder,
    /// Lines of the corpus that are not written yet.
    lines: Vec<u8>,
    progress: Progress,
}

impl Reader {
    fn log(&mut self, path: &Path, sink: &mut Option<NewFile>) -> Result<(), Failure> {
        let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
        let mut log = BufReader::with_capacity(1 << 20, file);
        let mut line = Vec::new();
        let mut first = true;
        while log.read_until(b'\n', &mut line).map_err(|e| cannot_read(path, &e))? > 0 {
            let begun = line.trim_ascii_start();
            let begun = begun.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begun);
            if first && matches!(begun, [b'{' | b'[', ..]) && !Builder::is_whole(begun) {
                return self.rest(path, &mut log, line, sink);
            }
            first &= begun.is_empty();
            self.builder.line(&line, &mut self.lines);
            self.progress.read(line.len());
            line.clear();
            if self.lines.len() > 1 << 16 {
                put(sink, &mut self.lines)?;
            }
        }
        put(sink, &mut self.lines)
    }

    /// A log whose first line is only the beginning of something: a document over many lines, or lines of which the
    /// first is broken.
    fn rest(
        &mut self,
        path: &Path,
        log: &mut impl Read,
        mut whole: Vec<u8>,
        sink: &mut Option<NewFile>,
    ) -> Result<(), Failure> {
        log.read_to_end(&mut whole).map_err(|e| cannot_read(path, &e))?;
        self.progress.read(whole.len());
        if !self.builder.document(&whole, &mut self.lines) {
            for line in whole.split(|&b| b == b'\n') {
                self.builder.line(line, &mut self.lines);
            }
        }
        put(sink, &mut self.lines)
    }
}

/// Writes what there is, if anything is to be written.
fn put(sink: &mut Option<NewFile>, lines: &mut Vec<u8>) -> Result<(), Failure> {
    if let Some(sink) = sink {
        sink.put(lines)?;
    }
    lines.clear();
    Ok(())
}

fn cannot_read(path: &Path, e: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {}", path.display(), why(e)))
}

/// How much of the logs is read, on the line that is watched.
struct Progress {
    line: LiveLine,
    read: u64,
    shown: u64,
    all: u64,
}

impl Progress {
    fn of(logs: &[PathBuf]) -> Progress {
        let all = logs.iter().filter_map(|log| fs::metadata(log).ok()).map(|m| m.len()).sum();
        Progress { line: LiveLine::new(), read: 0, shown: 0, all }
    }

    fn read(&mut self, bytes: usize) {
        self.read += bytes as u64;
        if self.read - self.shown >= STEP {
            self.shown = self.read;
            self.line.show(&format!("read {} of {} MB", self.read >> 20, self.all.max(self.read) >> 20));
        }
    }
}

/// Refuses to write where something is read.
fn refuse_input(written: &Path, args: &CorpusBuildArgs) -> Result<(), Failure> {
    let read = args.logs.iter().chain(&args.names).find(|read| same_file(read, written));
    match read {
        Some(read) => Err(Failure::usage(format!(
            "{} would be written over, but it is read from: give another file",
            read.display()
        ))),
        None => Ok(()),
    }
}

/// Whether two paths lead to one file: by links of either kind as well.
fn same_file(a: &Path, b: &Path) -> bool {
    match (rustix::fs::stat(a), rustix::fs::stat(b)) {
        (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
        // One that is not there yet: the same name in the same folder.
        _ => a.file_name() == b.file_name() && folder(a) == folder(b),
    }
}

fn folder(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned())
}

/// A file that appears under its name when it is complete; before, and if it never is, there is none. What is there
/// and no file, such as a pipe or a device, is written to as it is: putting a file in its place would destroy it.
struct NewFile {
    path: PathBuf,
    /// Where it is written until it is complete; none where that is the place itself.
    beside: Option<PathBuf>,
    file: io::BufWriter<File>,
    kept: bool,
}

impl NewFile {
    fn beside(path: &Path) -> Result<NewFile, Failure> {
        let Some(name) = path.file_name() else {
            return Err(Failure::usage(format!("cannot write {}: it has no file name", path.display())));
        };
        if path.is_dir() {
            return Err(Failure::usage(format!("cannot write {}: it is a directory", path.display())));
        }
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            let file = File::options().write(true).open(path);
            let file =
                file.map_err(|e| Failure::usage(format!("cannot write {}: {}", path.display(), why(&e))))?;
            return Ok(NewFile {
                path: path.to_owned(),
                beside: None,
                file: io::BufWriter::new(file),
                kept: false,
            });
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let beside = path.with_file_name(hidden);
        let file = File::options().write(true).create_new(true).open(&beside);
        let file = file.map_err(|e| {
            let why = match e.kind() {
                io::ErrorKind::NotFound => "there is no such folder".into(),
                _ => why(&e),
            };
            Failure::usage(format!("cannot write {}: {why}", path.display()))
        })?;
        Ok(NewFile {
            path: path.to_owned(),
            beside: Some(beside),
            file: io::BufWriter::new(file),
            kept: false,
        })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|e| self.failed(&e))
    }

    fn keep(mut self) -> Result<(), Failure> {
        self.file.flush().map_err(|e| self.failed(&e))?;
        if let Some(beside) = &self.beside {
            fs::rename(beside, &self.path).map_err(|e| self.failed(&e))?;
        }
        self.kept = true;
        Ok(())
    }

    fn failed(&self, e: &io::Error) -> Failure {
        Failure::internal(format!("cannot write {}: {}", self.path.display(), why(e)))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(beside) = self.beside.as_ref().filter(|_| !self.kept) {
            let _ = fs::remove_file(beside);
        }
    }
}
