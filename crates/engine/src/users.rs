//! The users of closed loops, and sessions: each asks, waits for the answer, thinks, and asks again.
//!
//! Who is there when and how long each thinks is decided in `core::users`; here they live. What all of one
//! scenario share is their crowd, whichever workers they live on.

mod loops;
mod sessions;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use floodline_core::journey::Script;
use floodline_core::plan::{Load, Plan};
use floodline_core::users::{SessionStage, TimeLaw, UserStage, Visitor};
use floodline_core::workload::{Ask, Asker, Workload};
use floodline_core::{Moment, Outcome, Phase, Span};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::admission::Admission;
use crate::flight::{Job, Reading, fly, spare};
use crate::journey::Traveller;
use crate::worker::{Halt, Worker, reached};

/// What all users of a scenario have in common.
pub(crate) struct Crowd {
    /// The number of their scenario, when it starts, and its seed.
    scenario: usize,
    start: Span,
    seed: u64,
    course: Course,
    workload: Arc<dyn Workload>,
    /// What they do, where that is more than to ask.
    script: Option<Arc<dyn Script>>,
    admission: Arc<Admission>,
    /// Requests of the main phase after which the plan ends.
    requests: Option<u64>,
    /// Indices given out so far, and those of the main phase.
    started: AtomicU64,
    started_main: AtomicU64,
    /// Whether there is nothing left to ask, for anybody: those who think need not think on.
    exhausted: watch::Sender<bool>,
}

/// How users come and go.
enum Course {
    Users(Arc<[UserStage]>),
    Sessions(Arc<[SessionStage]>),
    /// Each comes for one journey, at an instant of the plan's choosing.
    Journeys,
}

/// The users of one worker: every `step`th from `first` on.
pub(crate) struct Users {
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) first: u32,
    pub(crate) step: u32,
}

/// A user whose connection failed waits so long before the next try: without the time that an answer
/// takes, a crowd of them would be a flood of nothing but failures.
const AFTER_FAILURE: Span = Span::from_millis(100);

impl Users {
    /// Lives the lives of these users to their end.
    pub(crate) async fn run(self, worker: &Rc<Worker>, halt: watch::Receiver<Halt>) {
        let lives = async {
            match &self.crowd.course {
                Course::Users(stages) => loops::run(&self, stages, worker, &halt).await,
                Course::Sessions(stages) => sessions::run(&self, stages, worker, &halt).await,
                Course::Journeys => {}
            }
        };
        let mut halted = halt.clone();
        // Once there is nothing more to ask, requests in flight have the same grace as in an open loop. What is
        // started on the worker's event loop lives on until then.
        tokio::select! {
            biased;
            () = lives => {}
            () = reached(&mut halted, Halt::Drain) => {}
            () = self.crowd.is_exhausted() => {}
            () = self.crowd.end(worker, halt.clone()) => {}
        }
    }
}

impl Crowd {
    /// The users of a plan's scenario; none of one that sends at instants of the plan's choosing.
    pub(crate) fn new(
        plan: &Plan,
        scenario: usize,
        seed: u64,
        workload: Arc<dyn Workload>,
        script: Option<Arc<dyn Script>>,
        admission: Arc<Admission>,
    ) -> Option<Crowd> {
        let planned = plan.scenarios.get(scenario)?;
        let (course, requests) = match &planned.load {
            Load::Closed { stages, requests } => (Course::Users(stages.as_slice().into()), *requests),
            Load::Sessions { stages, requests } => (Course::Sessions(stages.as_slice().into()), *requests),
            Load::Open { .. } | Load::Replay(_) if script.is_some() => (Course::Journeys, None),
            Load::Open { .. } | Load::Replay(_) => return None,
        };
        Some(Crowd {
            scenario,
            start: planned.start,
            seed,
            course,
            workload,
            script,
            admission,
            requests,
            started: AtomicU64::new(0),
            started_main: AtomicU64::new(0),
            exhausted: watch::Sender::new(false),
        })
    }

    /// Whether its users come and go by themselves, and not one by one at instants of the plan's choosing.
    pub(crate) fn lives(&self) -> bool {
        !matches!(self.course, Course::Journeys)
    }

    pub(crate) fn script(&self) -> Option<&Arc<dyn Script>> {
        self.script.as_ref()
    }

    pub(crate) fn scenario(&self) -> usize {
        self.scenario
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Notes that there is nothing left to do, for anybody.
    pub(crate) fn exhaust(&self) {
        self.exhausted.send_if_modified(|exhausted| !std::mem::replace(exhausted, true));
    }

    /// Whether there is nothing left to do.
    pub(crate) fn has_enough(&self) -> bool {
        *self.exhausted.borrow()
    }

    async fn is_exhausted(&self) {
        // The sender is part of the crowd and cannot be gone.
        let _ = self.exhausted.subscribe().wait_for(|exhausted| *exhausted).await;
    }

    /// Waits for the end of the last stage; for ever if it has none.
    async fn end(&self, worker: &Worker, mut halt: watch::Receiver<Halt>) {
        let lengths: Option<Vec<Span>> = match &self.course {
            Course::Users(stages) => stages.iter().map(|stage| stage.length).collect(),
            Course::Sessions(stages) => stages.iter().map(|stage| stage.arrivals.length()).collect(),
            Course::Journeys => None,
        };
        match lengths {
            Some(lengths) => {
                let end = lengths.into_iter().fold(self.start, |sum, length| sum + length);
                wait_until(Moment::START + end, worker, &mut halt).await;
            }
            None => std::future::pending().await,
        }
    }

    /// How long the scenario has been going at `at`.
    fn elapsed(&self, at: Moment) -> Span {
        at.since(Moment::START + self.start)
    }

    /// The index of the next request, unless the plan or a limit says that there is none.
    pub(crate) fn next(&self, phase: Phase) -> Option<u64> {
        let next = self.take_next(phase);
        let last =
            phase == Phase::Main && self.requests.is_some_and(|most| self.started_main.load(Relaxed) >= most);
        if next.is_none() || last {
            self.exhaust();
        }
        next
    }

    fn take_next(&self, phase: Phase) -> Option<u64> {
        if phase == Phase::Main {
            take(&self.started_main, self.requests)?;
        }
        Some(self.started.fetch_add(1, Relaxed))
    }
}

/// Counts one more and returns how many there were, unless `most` are counted already.
fn take(counter: &AtomicU64, most: Option<u64>) -> Option<u64> {
    let more = |n: u64| most.is_none_or(|most| n < most).then_some(n + 1);
    counter.fetch_update(Relaxed, Relaxed, more).ok()
}

/// One user or session, as it lives on a worker.
struct Life {
    crowd: Arc<Crowd>,
    worker: Rc<Worker>,
    halt: watch::Receiver<Halt>,
    visitor: Visitor,
    /// Its number, and how many requests it has sent.
    asker: Asker,
    body: Vec<u8>,
    /// Its way through the flow, where there is one.
    traveller: Option<Traveller>,
}

impl Life {
    fn new(
        crowd: &Arc<Crowd>,
        worker: &Rc<Worker>,
        halt: &watch::Receiver<Halt>,
        number: u32,
        visitor: Visitor,
    ) -> Life {
        Life {
            crowd: crowd.clone(),
            worker: worker.clone(),
            halt: halt.clone(),
            visitor,
            asker: Asker { number, nth: 0 },
            body: Vec::new(),
            traveller: Traveller::new(crowd, worker, halt, number.into()),
        }
    }

    /// Asks once and waits for the answer, or goes through the flow; returns how that ended, or none if there is nothing
    /// more to do.
    async fn act(
        &mut self,
        phase: Phase,
        scheduled: Moment,
        door: Option<OwnedSemaphorePermit>,
    ) -> Option<Outcome> {
        match &mut self.traveller {
            Some(traveller) => traveller.travel(phase, scheduled, door).await,
            None => self.ask(phase, scheduled, door).await,
        }
    }

    /// Goes, after the last that it has done.
    async fn leave(self, phase: Phase) {
        if let Some(traveller) = self.traveller {
            traveller.leave(phase).await;
        }
    }

    async fn ask(
        &mut self,
        phase: Phase,
        scheduled: Moment,
        door: Option<OwnedSemaphorePermit>,
    ) -> Option<Outcome> {
        if *self.halt.borrow() > Halt::No {
            return None;
        }
        // This may be the last request of the plan, and have to wait for room: it is in flight from here on.
        let asking = self.worker.asking();
        let index = self.crowd.next(phase)?;
        let ask = Ask { i: index, asker: Some(self.asker) };
        self.asker.nth += 1;
        let rendered = self.crowd.workload.render(ask, &mut self.body);
        // Users who find no room in the budget have not asked.
        let worst = self.worker.common.ledger.worst(&rendered, &self.body);
        let funds = self.worker.fund_now(worst).await.ok()?;
        let spare = spare(
            self.worker.common.fallback,
            rendered.target,
            &*self.crowd.workload,
            ask,
            &self.worker.common.ledger,
        );
        let job = Job {
            target: rendered.target,
            key: self.worker.key(self.asker.number.into()),
            spare,
            index,
            scenario: self.crowd.scenario,
            phase,
            scheduled,
            prompt: rendered.prompt,
            step: None,
            turn: None,
            reading: Reading::Target,
            leaves: None,
            judge: None,
            input_tokens: rendered.input_tokens,
            body: std::mem::take(&mut self.body),
            head: rendered.head,
            worst,
            funds,
            door,
            pass: self.crowd.admission.ask(self.crowd.scenario, scheduled),
        };
        let flight = fly(&self.worker, job);
        drop(asking);
        Some(flight.await.outcome)
    }

    /// Thinks after an answer; returns when it is free again, or none if the run was halted meanwhile.
    ///
    /// Without a thought a user is free when its answer has ended. From there on, making the next request and
    /// getting round to it are the generator's work, and count as lateness.
    async fn think(&mut self, think: Option<TimeLaw>, outcome: Outcome) -> Option<Moment> {
        let answered = self.worker.clock.now();
        let mut pause = self.visitor.thinks(think);
        if matches!(outcome, Outcome::Connection | Outcome::NotSent) {
            pause = pause.max(AFTER_FAILURE);
        }
        let free = answered + pause;
        (pause == Span::ZERO || self.wait_until(free).await).then_some(free)
    }

    /// False if the run was halted meanwhile.
    async fn wait_until(&mut self, moment: Moment) -> bool {
        wait_until(moment, &self.worker, &mut self.halt).await
    }
}

/// False if the run was halted meanwhile.
async fn wait_until(moment: Moment, worker: &Worker, halt: &mut watch::Receiver<Halt>) -> bool {
    tokio::select! {
        biased;
        () = reached(halt, Halt::Drain) => false,
        () = worker.alarm.until(moment) => true,
    }
}

#[cfg(test)]
mod tests {
    use floodline_core::plan::{Address, Target};
    use floodline_core::workload::Rendered;

    use super::*;
    use crate::clock::Clock;

    struct Nothing;
    impl Workload for Nothing {
        fn render(&self, ask: Ask, _: &mut Vec<u8>) -> Rendered {
            self.outline(ask)
        }

        fn outline(&self, _: Ask) -> Rendered {
            Rendered {
                target: 0,
                prompt: 0,
                input_tokens: None,
                input_bound: None,
                max_tokens: None,
                head: None,
            }
        }
    }

    fn of(requests: Option<u64>) -> Crowd {
        let target = Target::new(Address::Url(String::new()), "m");
        let load = Load::Closed { stages: vec![UserStage::new(1, None, Phase::Main)], requests };
        let plan = Plan::new("test".into(), 1, target, Vec::new(), load);
        let admission = Arc::new(Admission::new(&plan, Clock::starting_in(Span::ZERO)));
        Crowd::new(&plan, 0, 1, Arc::new(Nothing), None, admission).unwrap()
    }

    #[test]
    fn warm_up_does_not_use_up_the_requests_of_the_plan() {
        let crowd = of(Some(2));
        assert_eq!(crowd.next(Phase::Warmup), Some(0));
        assert_eq!(crowd.next(Phase::Main), Some(1));
        assert!(!*crowd.exhausted.borrow());
        assert_eq!(crowd.next(Phase::Main), Some(2));
        assert!(*crowd.exhausted.borrow(), "those who think must not be waited for");
        assert_eq!(crowd.next(Phase::Main), None);
    }
}
