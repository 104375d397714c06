//! `floodline import`: a scenario to start from, made of what people have.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use floodline_scenario::{ImportFormat, Outside, Source, import};

use crate::args::{ImportArgs, ImportFile, ImportFrom};
use crate::outside::{World, why};
use crate::{Failure, screen};

/// Does what is asked and returns the exit code.
pub(crate) fn run(args: ImportArgs) -> Result<u8, Failure> {
    let (file, format) = match args.from {
        ImportFrom::Curl(file) => (file, ImportFormat::Curl),
        ImportFrom::Har { file, host } => (file, ImportFormat::Har { host }),
        ImportFrom::Openapi { file, operations } => (file, ImportFormat::OpenApi { operations }),
    };
    if let Some(out) = &file.out {
        refuse(out, &file)?;
    }
    let name = file.input.display().to_string();
    let text = read(&name)?;
    let imported = import(&format, &Source { name: &name, text: &text }).map_err(Failure::usage)?;
    match &file.out {
        Some(out) => write(out, &imported.yaml, file.force)?,
        None => screen::print(&imported.yaml)?,
    }
    for note in &imported.notes {
        screen::note(&format!("note: {note}"));
    }
    if let Some(out) = &file.out {
        let out = out.display();
        screen::note(&format!("wrote {out}; `floodline plan {out}` shows what it would send"));
    }
    Ok(0)
}

/// Says beforehand what `--out` must not be.
fn refuse(out: &Path, file: &ImportFile) -> Result<(), Failure> {
    let same = fs::canonicalize(out).ok().is_some_and(|out| fs::canonicalize(&file.input).ok() == Some(out));
    if same {
        let out = out.display();
        return Err(Failure::usage(format!("--out is the file that is read: {out}; name another")));
    }
    if !file.force && out.exists() {
        return Err(exists(out));
    }
    Ok(())
}

fn exists(out: &Path) -> Failure {
    Failure::usage(format!(
        "{} is there already; name another file, or add --force to replace it",
        out.display()
    ))
}

fn read(name: &str) -> Result<String, Failure> {
    let shown = if name == "-" { "standard input" } else { name };
    let bytes = if name == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes).map_err(|e| why(&e))
    } else {
        World.read(name)
    };
    let bytes = bytes.map_err(|why| Failure::usage(format!("cannot read {shown}: {why}")))?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("{shown} is not UTF-8 text; save it as UTF-8 and try again")))
}

fn write(out: &Path, yaml: &str, force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(out).and_then(|mut file| file.write_all(yaml.as_bytes()));
    written.map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => exists(out),
        _ => Failure::usage(format!("cannot write {}: {}", out.display(), why(&e))),
    })
}
