//! The users of a closed loop, who come and go with the stages.

use std::rc::Rc;
use std::sync::Arc;

use floodline_core::users::{Turn, UserStage, Visitor, most, turn};
use floodline_core::{Moment, Phase};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::{Life, Users};
use crate::worker::{Halt, Worker};

/// So many users of one worker come in at once: the handshakes of ten thousand would overflow the queue of
/// any listener. Who waits at the door is not free yet.
const DOOR: usize = 256;

/// Lives until no stage has a place for any of these users.
pub(super) async fn run(
    users: &Users,
    stages: &Arc<[UserStage]>,
    worker: &Rc<Worker>,
    halt: &watch::Receiver<Halt>,
) {
    let door = Arc::new(Semaphore::new(DOOR));
    let mut lives = Detached(JoinSet::new());
    for number in (users.first..most(stages)).step_by(users.step.max(1) as usize) {
        let visitor = Visitor::new(users.crowd.seed, number.into());
        let life = Life::new(&users.crowd, worker, halt, number, visitor);
        let (door, stages) = (door.clone(), stages.clone());
        lives.0.spawn_local(async move { user(number, life, &stages, door).await });
    }
    while lives.0.join_next().await.is_some() {}
}

/// Tasks that are not ended with the wait for them, but go on as long as the worker lets them.
pub(super) struct Detached(pub(super) JoinSet<()>);

impl Drop for Detached {
    fn drop(&mut self) {
        self.0.detach_all();
    }
}

/// One user's life.
async fn user(number: u32, mut life: Life, stages: &[UserStage], door: Arc<Semaphore>) {
    let start = Moment::START + life.crowd.start;
    if !life.wait_until(start).await {
        return;
    }
    // A user is free when it comes in, one after the other; on a ramp, when the line reaches it; and then
    // whenever its answer has ended and it has thought.
    let mut free = life.worker.clock.now().max(start);
    let mut entered = None;
    let (mut inside, mut on_time) = (false, false);
    // How often it has asked in a stage, and the first stage of which it has not had enough.
    let (mut asked, mut first) = ((0, 0), 0);
    let mut last = Phase::Main;
    loop {
        let stage = match turn(stages, number, life.crowd.elapsed(free), first) {
            Turn::Ask(stage) => stage,
            Turn::Leave => break,
            Turn::Wait { until, on_ramp } => {
                let moment = start + until;
                if !life.wait_until(moment).await {
                    return;
                }
                on_time = on_ramp;
                free = if on_ramp { moment } else { life.worker.clock.now().max(moment) };
                continue;
            }
        };
        if !std::mem::replace(&mut inside, true) {
            let open = door.clone().try_acquire_owned().ok();
            if open.is_none() || !on_time {
                entered = match open {
                    Some(entered) => Some(entered),
                    None => door.clone().acquire_owned().await.ok(),
                };
                free = life.worker.clock.now();
                continue;
            }
            entered = open;
        }
        let UserStage { phase, think, iterations, .. } = stages[stage];
        last = phase;
        let Some(outcome) = life.act(phase, free, entered.take()).await else { break };
        let before = if asked.0 == stage { asked.1 } else { 0 };
        asked = (stage, before + 1);
        if iterations == Some(asked.1) {
            first = stage + 1;
            free = life.worker.clock.now();
            continue;
        }
        match life.think(think, outcome).await {
            Some(then) => free = then,
            None => break,
        }
    }
    life.leave(last).await;
}
