//! The users of a closed loop: each asks, waits for the answer, and asks again.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use floodline_core::plan::UserStage;
use floodline_core::workload::Workload;
use floodline_core::{Moment, Outcome, Phase, Span};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::flight::{Job, fly};
use crate::worker::{Halt, Worker, reached};

/// What all users of a run have in common.
pub(crate) struct Crowd {
    /// The number of their scenario, and when it starts.
    scenario: usize,
    start: Span,
    stages: Vec<UserStage>,
    workload: Arc<dyn Workload>,
    /// Requests of the main phase after which the plan ends.
    requests: Option<u64>,
    /// Requests after which the limit is reached.
    limit: Option<u64>,
    /// Indices given out so far, and those of the main phase.
    started: AtomicU64,
    started_main: AtomicU64,
    /// Whether the limit was reached.
    limited: AtomicBool,
}

/// The users of one worker: every `step`th from `first` on.
pub(crate) struct Users {
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) first: u32,
    pub(crate) step: u32,
}

/// So many users of one worker come in at once: the handshakes of ten thousand would overflow the queue of
/// any listener. Who waits at the door is not free yet.
const DOOR: usize = 256;

/// A user whose connection failed waits so long before the next try: without the time that an answer
/// takes, a crowd of them would be a flood of nothing but failures.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

impl Users {
    /// Lives the lives of these users to their end.
    pub(crate) async fn run(self, worker: &Rc<Worker>, halt: watch::Receiver<Halt>) {
        let most = self.crowd.stages.iter().map(|s| s.users).max().unwrap_or(0);
        let door = Arc::new(Semaphore::new(DOOR));
        let mut users = JoinSet::new();
        for number in (self.first..most).step_by(self.step.max(1) as usize) {
            let (crowd, worker, halt) = (self.crowd.clone(), worker.clone(), halt.clone());
            let door = door.clone();
            users.spawn_local(async move { user(number, &crowd, &worker, door, halt).await });
        }
        let clock = worker.clock;
        let mut halted = halt.clone();
        let mut ended = halt;
        // Once there is nothing more to ask, requests in flight have the same grace as in an open loop.
        tokio::select! {
            biased;
            () = async { while let Some(Ok(Left::ThePlan)) = users.join_next().await {} } => {}
            () = reached(&mut halted, Halt::Drain) => {}
            () = self.crowd.end(&clock, &mut ended) => {}
        }
        users.detach_all();
    }
}

/// Why a user left.
enum Left {
    /// The plan has no place for it any more.
    ThePlan,
    /// The run has no requests any more, for nobody.
    TheRun,
}

/// One user's life.
async fn user(
    number: u32,
    crowd: &Crowd,
    worker: &Rc<Worker>,
    door: Arc<Semaphore>,
    mut halt: watch::Receiver<Halt>,
) -> Left {
    let mut body = Vec::new();
    if !wait_until(Moment::START, &worker.clock, &mut halt).await {
        return Left::TheRun;
    }
    // A user is free when it comes in, one after the other, and then whenever its answer has ended. From there
    // on, making the next request and getting round to it are the generator's work, and count as lateness.
    let mut free = worker.clock.now();
    let mut entered = None;
    let mut inside = false;
    while *halt.borrow() == Halt::No {
        let phase = match crowd.at(number, free.since(Moment::START)) {
            Turn::Now(phase) => phase,
            Turn::Over => return Left::ThePlan,
            Turn::At(moment) => {
                if !wait_until(moment, &worker.clock, &mut halt).await {
                    return Left::TheRun;
                }
                free = worker.clock.now().max(moment);
                continue;
            }
        };
        if !std::mem::replace(&mut inside, true) {
            entered = door.clone().acquire_owned().await.ok();
            free = worker.clock.now();
            continue;
        }
        let Some(index) = crowd.next(phase) else { return Left::TheRun };
        let rendered = crowd.workload.render(index, &mut body);
        let job = Job {
            index,
            scenario: crowd.scenario,
            phase,
            scheduled: free,
            prompt: rendered.prompt,
            input_tokens: rendered.input_tokens,
            body: std::mem::take(&mut body),
            door: entered.take(),
        };
        let outcome = fly(worker, job).await;
        if matches!(outcome, Outcome::Connection | Outcome::NotSent) {
            tokio::select! {
                () = tokio::time::sleep(AFTER_FAILURE) => {}
                () = reached(&mut halt, Halt::Drain) => {}
            }
        }
        free = worker.clock.now();
    }
    Left::TheRun
}

/// False if the run was halted meanwhile.
async fn wait_until(moment: Moment, clock: &Clock, halt: &mut watch::Receiver<Halt>) -> bool {
    while let Some(left) = clock.until(moment) {
        tokio::select! {
            () = tokio::time::sleep(left) => {}
            () = reached(halt, Halt::Drain) => return false,
        }
    }
    true
}

/// What a user does next.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// Asks, in this phase.
    Now(Phase),
    /// Waits for a stage that has a place for it.
    At(Moment),
    /// Leaves.
    Over,
}

impl Crowd {
    pub(crate) fn new(
        scenario: usize,
        start: Span,
        stages: Vec<UserStage>,
        workload: Arc<dyn Workload>,
        requests: Option<u64>,
        limit: Option<u64>,
    ) -> Crowd {
        let zero = || AtomicU64::new(0);
        let limited = AtomicBool::new(false);
        let (started, started_main) = (zero(), zero());
        Crowd { scenario, start, stages, workload, requests, limit, started, started_main, limited }
    }

    /// Whether the limit on requests was reached.
    pub(crate) fn limited(&self) -> bool {
        self.limited.load(Relaxed)
    }

    /// Waits for the end of the last stage; for ever if it has none.
    async fn end(&self, clock: &Clock, halt: &mut watch::Receiver<Halt>) {
        let length = self.stages.iter().try_fold(Span::ZERO, |sum, stage| Some(sum + stage.length?));
        match length {
            Some(length) => {
                wait_until(Moment::START + self.start + length, clock, halt).await;
            }
            None => std::future::pending().await,
        }
    }

    fn at(&self, user: u32, elapsed: Span) -> Turn {
        let mut start = self.start;
        for stage in &self.stages {
            let end = stage.length.map(|length| start + length);
            if end.is_none_or(|end| elapsed < end) && user < stage.users {
                return match elapsed < start {
                    true => Turn::At(Moment::START + start),
                    false => Turn::Now(stage.phase),
                };
            }
            let Some(end) = end else { return Turn::Over };
            start = end;
        }
        Turn::Over
    }

    /// The index of the next request, unless the plan or a limit says that there is none.
    fn next(&self, phase: Phase) -> Option<u64> {
        if phase == Phase::Main {
            take(&self.started_main, self.requests)?;
        }
        let index = take(&self.started, self.limit);
        if index.is_none() {
            self.limited.store(true, Relaxed);
        }
        index
    }
}

/// Counts one more and returns how many there were, unless `most` are counted already.
fn take(counter: &AtomicU64, most: Option<u64>) -> Option<u64> {
    let more = |n: u64| most.is_none_or(|most| n < most).then_some(n + 1);
    counter.fetch_update(Relaxed, Relaxed, more).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(stages: &[(u32, Option<u64>, Phase)]) -> Vec<UserStage> {
        stages
            .iter()
            .map(|&(users, seconds, phase)| UserStage { users, length: seconds.map(Span::from_secs), phase })
            .collect()
    }

    struct Nothing;
    impl Workload for Nothing {
        fn render(&self, _: u64, _: &mut Vec<u8>) -> floodline_core::workload::Rendered {
            floodline_core::workload::Rendered { prompt: 0, input_tokens: None, max_tokens: None }
        }
    }

    fn of(stages: Vec<UserStage>, requests: Option<u64>, limit: Option<u64>) -> Crowd {
        Crowd::new(0, Span::ZERO, stages, Arc::new(Nothing), requests, limit)
    }

    #[test]
    fn users_come_and_go_with_the_stages() {
        let crowd = of(crowd(&[(2, Some(5), Phase::Warmup), (4, Some(10), Phase::Main)]), None, None);
        assert_eq!(crowd.at(0, Span::ZERO), Turn::Now(Phase::Warmup));
        assert_eq!(crowd.at(3, Span::ZERO), Turn::At(Moment(5_000_000_000)));
        assert_eq!(crowd.at(3, Span::from_secs(5)), Turn::Now(Phase::Main));
        assert_eq!(crowd.at(0, Span::from_secs(15)), Turn::Over);
    }

    #[test]
    fn warm_up_does_not_use_up_the_requests_of_the_plan() {
        let crowd = of(crowd(&[(1, None, Phase::Main)]), Some(2), None);
        assert_eq!(crowd.next(Phase::Warmup), Some(0));
        assert_eq!(crowd.next(Phase::Main), Some(1));
        assert_eq!(crowd.next(Phase::Main), Some(2));
        assert_eq!(crowd.next(Phase::Main), None);
        assert!(!crowd.limited());
    }

    #[test]
    fn a_limit_counts_every_request_and_is_remembered() {
        let crowd = of(crowd(&[(1, None, Phase::Main)]), None, Some(1));
        assert_eq!(crowd.next(Phase::Warmup), Some(0));
        assert_eq!(crowd.next(Phase::Main), None);
        assert!(crowd.limited());
    }
}
