//! Lanes of a journey, side by side in one task.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use floodline_core::Moment;
use floodline_core::flow::Step;
use tokio::sync::Semaphore;

use super::{Stop, Way};

/// A lane that has ended: when its user became free, or why it went no further.
type Gone<'t> = (Way<'t>, Result<Moment, Stop>);

/// Walks all lanes, at most `limit` of them at once, and returns when the last has ended, in their order.
pub(super) async fn side_by_side<'t>(
    lanes: Vec<(Way<'t>, &[Step])>,
    limit: Option<u32>,
    start: Moment,
) -> Vec<Gone<'t>> {
    let places = limit.map(|limit| Arc::new(Semaphore::new(limit.max(1) as usize)));
    let lane = |(mut way, steps): (Way<'t>, _)| {
        let places = places.clone();
        async move {
            let _place = match &places {
                Some(places) => places.acquire().await.ok(),
                None => None,
            };
            // Who had to wait for a place is free when it has one.
            let mut free = match &places {
                Some(_) => way.now().max(start),
                None => start,
            };
            let done = way.steps(steps, &mut free).await.map(|()| free);
            (way, done)
        }
    };
    let mut under_way: Vec<Lane<'_, Gone<'t>>> =
        lanes.into_iter().map(|each| Lane::Going(Box::pin(lane(each)) as Pin<Box<_>>)).collect();
    poll_fn(|cx| {
        let mut all = true;
        for lane in &mut under_way {
            if let Lane::Going(future) = lane {
                match future.as_mut().poll(cx) {
                    Poll::Ready(gone) => *lane = Lane::Over(Some(gone)),
                    Poll::Pending => all = false,
                }
            }
        }
        if all { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let over = under_way.into_iter().filter_map(|lane| match lane {
        Lane::Over(gone) => gone,
        Lane::Going(_) => None,
    });
    over.collect()
}

enum Lane<'f, T> {
    Going(Pin<Box<dyn Future<Output = T> + 'f>>),
    Over(Option<T>),
}
