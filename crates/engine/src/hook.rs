//! Hooks: programs of the user's, in any language, that change requests before they are sent and judge their answers.
//!
//! A program reads a JSON object on each line of its standard input and answers each with one on its standard output.
//! Several of them run side by side, each with a thread of its own that waits for it, so that nothing of the load's does.
//! One that does not answer in time, or not in JSON, is stopped and started anew; what it was asked has failed then.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use floodline_core::Span;
use floodline_core::plan::Hook;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::worker::lock;

/// The programs of one hook.
pub(crate) struct Hooks {
    pub(crate) hook: Hook,
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

/// What the programs are asked, in the order of asking.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Default)]
struct Waiting {
    asked: VecDeque<Asked>,
    over: bool,
}

struct Asked {
    line: Vec<u8>,
    reply: oneshot::Sender<Result<Value, String>>,
}

/// A program at work.
struct Program {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// What it has written behind the last whole line.
    rest: Vec<u8>,
    /// The last line that it wrote to its standard error.
    complaint: Arc<Mutex<String>>,
}

/// A reply may be this long.
const LONGEST: usize = 64 * 1024 * 1024;

impl Hooks {
    /// Starts all programs.
    ///
    /// # Errors
    /// Why one could not be started, for people.
    pub(crate) fn start(hook: &Hook) -> Result<Hooks, String> {
        let queue = Arc::new(Queue::default());
        let mut hooks = Hooks { hook: hook.clone(), queue: queue.clone(), threads: Vec::new() };
        for number in 0..hook.processes.max(1) {
            let program = Program::start(hook)?;
            let (hook, queue) = (hook.clone(), queue.clone());
            let thread = thread::Builder::new()
                .name(format!("hook-{number}"))
                .spawn(move || serve(&hook, &queue, program))
                .map_err(|e| format!("cannot start a thread for the program of `exec`: {e}"))?;
            hooks.threads.push(thread);
        }
        Ok(hooks)
    }

    /// Asks one of the programs, and waits for its reply.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(crate) async fn ask(&self, question: &Value) -> Result<Value, String> {
        let mut line = question.to_string().into_bytes();
        line.push(b'\n');
        let (reply, replied) = oneshot::channel();
        lock(&self.queue.waiting).asked.push_back(Asked { line, reply });
        self.queue.came.notify_one();
        replied.await.unwrap_or_else(|_| Err("the program of `exec` was stopped".into()))
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        lock(&self.queue.waiting).over = true;
        self.queue.came.notify_all();
        for thread in self.threads.drain(..) {
            // A panic of that thread has been reported; it must not become another one here.
            let _ = thread.join();
        }
    }
}

/// Hands what is asked to one program, one after the other, until the run is over.
fn serve(hook: &Hook, queue: &Queue, program: Program) {
    let mut program = Some(program);
    while let Some(Asked { line, reply }) = queue.next() {
        let answered = match &mut program {
            Some(at_work) => at_work.answer(&line, hook.timeout),
            None => Program::start(hook).and_then(|fresh| program.insert(fresh).answer(&line, hook.timeout)),
        };
        if answered.is_err() {
            program = None;
        }
        // Whoever asked may have gone.
        let _ = reply.send(answered);
    }
}

impl Queue {
    fn next(&self) -> Option<Asked> {
        let mut waiting = lock(&self.waiting);
        loop {
            if let Some(asked) = waiting.asked.pop_front() {
                return Some(asked);
            }
            if waiting.over {
                return None;
            }
            waiting = self.came.wait(waiting).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

impl Program {
    fn start(hook: &Hook) -> Result<Program, String> {
        let [name, arguments @ ..] = hook.command.as_slice() else {
            return Err("`exec` names no program".into());
        };
        let mut command = Command::new(name);
        if let Some(folder) = &hook.folder {
            command.current_dir(folder);
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("cannot start `{name}` of `exec`: {e}"))?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(format!("cannot speak with `{name}` of `exec`"));
        };
        let complaint = Arc::new(Mutex::new(String::new()));
        let heard = complaint.clone();
        thread::Builder::new()
            .name("hook-errors".into())
            .spawn(move || listen(BufReader::new(errors), &heard))
            .map_err(|e| format!("cannot start a thread for the program of `exec`: {e}"))?;
        Ok(Program { child, input, output, rest: Vec::new(), complaint })
    }

    fn answer(&mut self, line: &[u8], limit: Span) -> Result<Value, String> {
        let clock = Clock::starting_in(Span::ZERO);
        self.input
            .write_all(line)
            .and_then(|()| self.input.flush())
            .map_err(|e| self.gone(&e.to_string()))?;
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let reply = serde_json::from_slice(&self.rest[..end])
                    .map_err(|e| format!("the program of `exec` answered no JSON: {e}"));
                self.rest.drain(..=end);
                return reply;
            }
            let left = limit - clock.elapsed();
            if left == Span::ZERO || !self.comes_within(left).map_err(|e| self.gone(&e.to_string()))? {
                return Err(format!("the program of `exec` did not answer within {limit}"));
            }
            match self.output.read(&mut buffer) {
                Ok(0) => return Err(self.gone("it ended")),
                Ok(n) => self.rest.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.gone(&e.to_string())),
            }
            if self.rest.len() > LONGEST {
                return Err("the program of `exec` answered more than 64 MiB".into());
            }
        }
    }

    /// Whether there is something to be read before the time is up.
    fn comes_within(&self, left: Span) -> io::Result<bool> {
        let left = Duration::from(left);
        let timeout = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos().into() };
        let mut waited = [PollFd::from_borrowed_fd(self.output.as_fd(), PollFlags::IN)];
        match poll(&mut waited, Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(true),
            Err(e) => Err(e.into()),
        }
    }

    /// What is said of a program that does not speak any more.
    fn gone(&mut self, why: &str) -> String {
        let status =
            self.child.try_wait().ok().flatten().map_or_else(|| why.to_owned(), |status| status.to_string());
        match lock(&self.complaint).trim() {
            "" => format!("the program of `exec` is gone ({status})"),
            complaint => format!("the program of `exec` is gone ({status}): {complaint}"),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps the last line that a program complains with.
fn listen(errors: impl BufRead, heard: &Mutex<String>) {
    for line in errors.lines().map_while(Result::ok).filter(|line| !line.trim().is_empty()) {
        *lock(heard) = line.chars().take(300).collect();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hook(script: &str, timeout_ms: u64) -> Hook {
        Hook {
            command: ["sh", "-c", script].map(String::from).to_vec(),
            folder: None,
            before: true,
            after: true,
            processes: 2,
            timeout: Span::from_millis(timeout_ms),
        }
    }

    fn ask(hooks: &Hooks, question: &Value) -> Result<Value, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(hooks.ask(question))
    }

    #[test]
    fn a_program_answers_line_by_line() {
        let hooks =
            Hooks::start(&hook("while read -r line; do echo \"{\\\"seen\\\": $line}\"; done", 10_000))
                .unwrap();
        for i in 0..5 {
            assert_eq!(ask(&hooks, &json!({"i": i})), Ok(json!({"seen": {"i": i}})));
        }
    }

    #[test]
    fn one_that_hangs_breaks_or_babbles_fails_and_is_started_anew() {
        let hooks = Hooks::start(&hook("read -r line; exec sleep 60", 50)).unwrap();
        let why = ask(&hooks, &json!({})).unwrap_err();
        assert!(why.contains("did not answer within 50"), "{why}");
        let hooks = Hooks::start(&hook("read -r line; echo 'no such module' >&2; exit 3", 10_000)).unwrap();
        for _ in 0..3 {
            let why = ask(&hooks, &json!({})).unwrap_err();
            assert!(why.contains("is gone"), "{why}");
        }
        let hooks = Hooks::start(&hook("while read -r line; do echo hello; done", 10_000)).unwrap();
        assert!(ask(&hooks, &json!({})).unwrap_err().contains("answered no JSON"));
        assert!(Hooks::start(&Hook { command: vec!["/no/such/program".into()], ..hook("", 1) }).is_err());
    }
}
