//! A desk to work at: a folder of its own, the binary, and servers that say what a test tells them to.

#[path = "../../../engine/tests/support/peer.rs"]
mod peer;

use std::io::{BufRead, BufReader, Lines, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

pub(crate) use peer::*;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A folder of its own, in which the binary runs.
pub(crate) struct Desk(TempDir);

/// What a command left.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk(TempDir::new().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and its folder.
    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> &Desk {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder can be made");
        std::fs::write(path, contents).expect("a file can be written");
        self
    }

    /// The binary with these arguments, in an environment that says nothing.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.dressed(Command::new(env!("CARGO_BIN_EXE_floodline")), args)
    }

    /// The same with at most so many file descriptors.
    pub(crate) fn command_with_descriptors(&self, most: u32, args: &[&str]) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]);
        shell.arg(env!("CARGO_BIN_EXE_floodline"));
        self.dressed(shell, args)
    }

    fn dressed(&self, mut command: Command, args: &[&str]) -> Command {
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
        for name in ["OPENAI_API_KEY", "NO_COLOR", "TERM"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn floodline(&self, args: &[&str]) -> Said {
        Said::of(self.command(args).output().expect("it starts"))
    }

    /// Starts the binary.
    pub(crate) fn start(&self, args: &[&str]) -> Going {
        let mut child =
            self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let err = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        Going { child, out, err }
    }
}

impl Said {
    pub(crate) fn of(output: Output) -> Said {
        let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The summary as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("no JSON: {e}: {self:?}"))
    }

    /// The part of the screen that `report` shows again.
    pub(crate) fn summary(&self) -> &str {
        let starts = ["PASS ", "FAIL ", "INVALID ", "STOPPED "];
        let line = self.out.split_inclusive('\n').position(|line| starts.iter().any(|s| line.starts_with(s)));
        let before: usize = self.out.split_inclusive('\n').take(line.unwrap_or(0)).map(str::len).sum();
        &self.out[before..]
    }
}

/// A command under way. It is killed when it is dropped.
pub(crate) struct Going {
    child: Child,
    pub(crate) out: Lines<BufReader<ChildStdout>>,
    pub(crate) err: Lines<BufReader<ChildStderr>>,
}

impl Going {
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is still there");
    }

    /// Waits until it says a line with `words` on standard error.
    pub(crate) fn wait_for_note(&mut self, words: &str) {
        let found = self.err.by_ref().map_while(Result::ok).any(|line| line.contains(words));
        assert!(found, "it never said {words:?}");
    }

    /// Waits for its end; what it said since it was last listened to.
    pub(crate) fn end(mut self) -> Said {
        let rest = |lines: &mut dyn Iterator<Item = std::io::Result<String>>| {
            lines.map_while(Result::ok).map(|line| line + "\n").collect::<String>()
        };
        let out = rest(&mut self.out);
        let err = rest(&mut self.err);
        let status = self.child.wait().expect("it ends");
        Said { code: status.code().unwrap_or(-1), out, err }
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The base URL of a scripted server.
pub(crate) fn base(port: u16) -> String {
    format!("http://127.0.0.1:{port}/v1")
}

/// A server that answers every request with these bytes.
pub(crate) fn saying(answer: impl Into<Vec<u8>>) -> String {
    let answer = answer.into();
    base(server(move |_, mut peer: Peer| {
        while peer.request().is_some() {
            peer.say(&answer);
        }
    }))
}

/// A good answer of two tokens.
pub(crate) fn good() -> String {
    [STREAM, &token("Hello"), &token(" world"), &finish(), &done()].concat()
}

/// A whole JSON answer.
pub(crate) fn json(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Every file below a folder with what it says, unpacked.
pub(crate) fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it can be listed").flatten() {
        let path = entry.path();
        let name = entry.file_name().into_string().expect("a plain name");
        if path.is_dir() {
            all.extend(contents(&path).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
            continue;
        }
        let mut bytes = std::fs::read(&path).expect("it can be read");
        if name.ends_with(".zst") {
            let mut unpacked = Vec::new();
            zstd::Decoder::new(bytes.as_slice())
                .and_then(|mut decoder| decoder.read_to_end(&mut unpacked))
                .expect("it can be unpacked");
            bytes = unpacked;
        }
        all.push((name, bytes));
    }
    all
}
