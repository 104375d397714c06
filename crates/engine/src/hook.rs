//! Hooks: programs of the user's, in any language, that change requests before they are sent and judge their answers.
//!
//! A program reads a JSON object on each line of its standard input and answers each with one on its standard output.
//! Several of them run side by side, each with a thread of its own that waits for it, so that nothing of the load's does.
//! One that does not answer in time, not in JSON, or more than it was asked, is stopped and started anew; what it was asked
//! has failed then. None of them outlives the run, and none is waited for at its end.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use floodline_core::Span;
use floodline_core::plan::Hook;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
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

/// A program at work, and our ends of its pipes, neither of which is ever waited for without a limit.
struct Program {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// What it has written behind the last whole line.
    rest: Vec<u8>,
    /// How it ended, once it has been waited for.
    ended: Option<ExitStatus>,
}

/// A reply may be this long.
const LONGEST: usize = 64 * 1024 * 1024;
/// Between two looks at whether the run is over.
const LOOK: Span = Span::from_millis(50);
/// How long a program that has closed one of its pipes is given to be gone, so that its status can be told.
const PARTING: Span = Span::from_millis(100);

const STOPPED: &str = "the program of `exec` was stopped";
const SAID_MORE: &str = "the program of `exec` had said more than it was asked: it must write one line for each question, \
     and nothing else to its standard output";

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
        replied.await.unwrap_or_else(|_| Err(STOPPED.into()))
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        {
            let mut waiting = lock(&self.queue.waiting);
            waiting.over = true;
            // Whoever still asks learns from this that there will be no reply.
            waiting.asked.clear();
        }
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
        let answer = |program: &mut Program| program.answer(&line, hook.timeout, || queue.is_over());
        let answered = match &mut program {
            Some(at_work) => answer(at_work),
            None => Program::start(hook).and_then(|fresh| answer(program.insert(fresh))),
        };
        if answered.is_err() {
            program = None;
        }
        // Whoever asked may have gone.
        let _ = reply.send(answered);
    }
}

impl Queue {
    /// What is to be asked next, by somebody who still wants to know; none once the run is over.
    fn next(&self) -> Option<Asked> {
        let mut waiting = lock(&self.waiting);
        loop {
            if waiting.over {
                return None;
            }
            match waiting.asked.pop_front() {
                Some(asked) if asked.reply.is_closed() => {}
                Some(asked) => return Some(asked),
                None => {
                    waiting = self.came.wait(waiting).unwrap_or_else(std::sync::PoisonError::into_inner);
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        lock(&self.waiting).over
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
            // It may quote what must not be kept.
            .stderr(Stdio::null())
            // A Ctrl-C in the terminal is for us alone: answers under way are still to be judged.
            .process_group(0)
            .spawn()
            .map_err(|e| format!("cannot start `{name}` of `exec`: {e}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("cannot speak with `{name}` of `exec`"));
        };
        let program = Program { child, input, output, rest: Vec::new(), ended: None };
        rustix::io::ioctl_fionbio(&program.input, true)
            .and_then(|()| rustix::io::ioctl_fionbio(&program.output, true))
            .map_err(|e| format!("cannot speak with `{name}` of `exec`: {e}"))?;
        Ok(program)
    }

    /// Asks the program, which has so much time to read the question and to reply. Its reply counts once it has read
    /// everything, so that nothing of this question is left when it is asked the next.
    fn answer(&mut self, line: &[u8], limit: Span, is_over: impl Fn() -> bool) -> Result<Value, String> {
        let clock = Clock::starting_in(Span::ZERO);
        self.read()?;
        if !self.rest.is_empty() {
            return Err(SAID_MORE.into());
        }
        let (mut unread, mut searched, mut end) = (line, 0, None);
        loop {
            self.write(&mut unread)?;
            self.read()?;
            if end.is_none() {
                let found = self.rest[searched..].iter().position(|byte| *byte == b'\n');
                end = found.map(|at| searched + at);
                searched = self.rest.len();
            }
            if let (Some(end), true) = (end, unread.is_empty()) {
                let reply = serde_json::from_slice(&self.rest[..end])
                    .map_err(|e| format!("the program of `exec` answered no JSON: {e}"));
                self.rest.drain(..=end);
                return reply;
            }
            if self.rest.len() > LONGEST {
                return Err("the program of `exec` answered more than 64 MiB".into());
            }
            let left = limit - clock.elapsed();
            if is_over() {
                return Err(STOPPED.into());
            }
            if left == Span::ZERO {
                return Err(format!("the program of `exec` did not answer within {limit}"));
            }
            let waited = self.wait(left.min(LOOK), !unread.is_empty());
            waited.map_err(|e| self.gone(&e.to_string()))?;
        }
    }

    /// Writes as much of a question as the program's input takes now.
    fn write(&mut self, unread: &mut &[u8]) -> Result<(), String> {
        while !unread.is_empty() {
            match self.input.write(unread) {
                Ok(n) => *unread = &unread[n..],
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.gone(&e.to_string())),
            }
        }
        Ok(())
    }

    /// Reads what the program has written so far, or a part of it if that is much.
    fn read(&mut self) -> Result<(), String> {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.output.read(&mut buffer) {
                Ok(0) => return Err(self.gone("it closed its standard output")),
                Ok(n) => {
                    self.rest.extend_from_slice(&buffer[..n]);
                    return Ok(());
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.gone(&e.to_string())),
            }
        }
    }

    /// Waits so long, or until there is something to be read, or to be written if that is wanted.
    fn wait(&self, time: Span, writes: bool) -> io::Result<()> {
        let mut pipes = [
            PollFd::from_borrowed_fd(self.output.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.input.as_fd(), PollFlags::OUT),
        ];
        poll_for(time, if writes { &mut pipes } else { &mut pipes[..1] })
    }

    /// What is said of a program that does not speak any more. Nothing of what it wrote to its standard error: records
    /// are kept, and it may have quoted a key.
    fn gone(&mut self, why: &str) -> String {
        // Whoever tidies up before it ends closes one pipe first. Both of a program that has ended are closed, and then it
        // is too late for a signal to change its status.
        let _ = poll_for(PARTING, &mut [PollFd::from_borrowed_fd(self.input.as_fd(), PollFlags::empty())]);
        let status = self.end().filter(|status| status.signal() != Some(Signal::KILL.as_raw()));
        let status = status.map_or_else(|| why.to_owned(), |status| status.to_string());
        format!(
            "the program of `exec` is gone ({status}); see what it writes to its standard error by running it by hand"
        )
    }

    /// Kills it with all that it has started; how it ended.
    fn end(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            // It has not been waited for, so its number is still its own. Neither fails where it has ended already.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.kill();
            self.ended = self.child.wait().ok();
        }
        self.ended
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits so long, or until something happens to one of these.
fn poll_for(time: Span, pipes: &mut [PollFd<'_>]) -> io::Result<()> {
    let time = Duration::from(time);
    let timeout = Timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos().into() };
    match poll(pipes, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(e) => Err(e.into()),
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
            assert!(why.contains("is gone (exit status: 3)") && !why.contains("module"), "{why}");
        }
        let hooks = Hooks::start(&hook("while read -r line; do echo hello; done", 10_000)).unwrap();
        assert!(ask(&hooks, &json!({})).unwrap_err().contains("answered no JSON"));
        assert!(Hooks::start(&Hook { command: vec!["/no/such/program".into()], ..hook("", 1) }).is_err());
    }

    #[test]
    fn a_long_question_and_a_long_reply_pass_each_other() {
        let long = "x".repeat(1 << 20);
        let echo = Hooks::start(&hook("exec cat", 10_000)).unwrap();
        assert_eq!(ask(&echo, &json!(long)), Ok(json!(long)));
        let deaf = Hooks::start(&hook("exec sleep 60", 50)).unwrap();
        assert!(ask(&deaf, &json!(long)).unwrap_err().contains("did not answer within 50"));
    }

    #[test]
    fn what_was_said_unasked_is_never_taken_for_the_next_reply() {
        let script = "n=0; while read -r line; do n=$((n+1)); printf '{\"n\":%s}\\n{\"more\":1}\\n' $n; done";
        let hooks = Hooks::start(&Hook { processes: 1, ..hook(script, 10_000) }).unwrap();
        for _ in 0..2 {
            assert_eq!(ask(&hooks, &json!({})), Ok(json!({"n": 1})));
            let why = ask(&hooks, &json!({})).unwrap_err();
            assert!(why.contains("more than it was asked"), "{why}");
        }
    }

    #[test]
    fn at_the_end_nothing_that_hangs_is_waited_for() {
        let hooks = Hooks::start(&Hook { processes: 1, ..hook("sleep 3600; true", 3_600_000) }).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for _ in 0..3 {
                let question = json!({});
                let mut asking = std::pin::pin!(hooks.ask(&question));
                assert!(
                    std::future::poll_fn(|cx| std::task::Poll::Ready(asking.as_mut().poll(cx).is_pending()))
                        .await
                );
            }
        });
        drop(hooks);
    }
}
