//! Sessions: they arrive when the plan says, whatever the target does, and leave when they have had enough.

use std::rc::Rc;
use std::sync::Arc;

use floodline_core::schedule::Schedule;
use floodline_core::users::{SessionStage, TimeLaw, Visitor, stage_at};
use floodline_core::{Moment, Phase};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::loops::Detached;
use super::{Life, Users, wait_until};
use crate::worker::{Halt, Worker};

/// Lets sessions arrive, and lives until the last of them has left.
pub(super) async fn run(
    users: &Users,
    stages: &Arc<[SessionStage]>,
    worker: &Rc<Worker>,
    halt: &watch::Receiver<Halt>,
) {
    let crowd = &users.crowd;
    let mut halted = halt.clone();
    let mut lives = Detached(JoinSet::new());
    // The rates were added when the run was prepared.
    let Ok(arrivals) = Schedule::new(stages.iter().map(|stage| stage.arrivals.clone()).collect(), crowd.seed)
    else {
        return;
    };
    let (first, step) = (u64::from(users.first), u64::from(users.step.max(1)));
    for arrival in arrivals.filter(|arrival| arrival.index % step == first) {
        let at = arrival.at + crowd.start;
        if !wait_until(at, worker, &mut halted).await {
            return;
        }
        // One that arrives at the very end of a ramp belongs to the ramp.
        let last = stages.len().saturating_sub(1);
        let stage = stage_at(stages, crowd.elapsed(at)).unwrap_or(last);
        let visitor = Visitor::arriving(crowd.seed, arrival.index, at, &stages[stage].visit);
        // The number begins anew after four thousand million sessions.
        let life = Life::new(crowd, worker, halt, arrival.index as u32, visitor);
        let think = stages[stage].visit.think;
        let stages = stages.clone();
        lives.0.spawn_local(async move { session(life, at, think, &stages).await });
        // Those that have left are forgotten.
        while lives.0.try_join_next().is_some() {}
    }
    while lives.0.join_next().await.is_some() {}
}

/// One session, from its arrival on.
async fn session(mut life: Life, arrival: Moment, think: Option<TimeLaw>, stages: &[SessionStage]) {
    let mut free = arrival;
    let mut last = Phase::Main;
    // After the end of the last stage there are no new requests; each counts where it is scheduled.
    while let Some(stage) = stage_at(stages, life.crowd.elapsed(free)) {
        last = stages[stage].arrivals.phase;
        let Some(outcome) = life.act(last, free, None).await else { break };
        if !life.visitor.asked() {
            break;
        }
        match life.think(think, outcome).await {
            Some(then) if !life.visitor.has_left(then) => free = then,
            Some(_) | None => break,
        }
    }
    life.leave(last).await;
}
