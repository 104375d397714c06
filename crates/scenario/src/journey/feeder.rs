//! Feeders: rows of data that users draw from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use floodline_core::journey::NothingLeft;
use floodline_core::random::{Purpose, Stream};
use minijinja::Value;

/// Rows, and the order in which they are drawn.
#[derive(Debug)]
pub(crate) struct Feeder {
    pub(crate) name: Arc<str>,
    pub(crate) rows: Rows,
    pub(crate) order: Order,
    /// How many have been drawn in order so far.
    drawn: AtomicU64,
}

/// The rows of a file, as values.
pub(crate) type Rows = Arc<[Value]>;

/// The order in which rows are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// Any row at any time, for each iteration.
    #[default]
    Random,
    /// One after the other, and again from the start.
    Circular,
    /// Each row once: when they are used up, no journey begins any more.
    Queue,
    /// Each user has a row of its own for all its life.
    Unique,
}

impl Feeder {
    pub(crate) fn new(name: Arc<str>, rows: Rows, order: Order) -> Feeder {
        Feeder { name, rows, order, drawn: AtomicU64::new(0) }
    }

    /// Whether its rows are drawn anew for each iteration.
    pub(super) fn is_drawn_again(&self) -> bool {
        self.order != Order::Unique
    }

    /// The row of a user's iteration; `number` tells feeders apart.
    pub(super) fn draw(
        &self,
        seed: u64,
        number: u64,
        user: u64,
        iteration: u64,
    ) -> Result<Value, NothingLeft> {
        let count = self.rows.len() as u64;
        let at = match self.order {
            Order::Random => {
                // All in one number: neighbours must not share their rows, nor feeders their draws.
                const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;
                let index = number
                    .wrapping_mul(SCATTER)
                    .wrapping_add(user)
                    .wrapping_mul(SCATTER)
                    .wrapping_add(iteration);
                let mut stream = Stream::new(seed, Purpose::Feeders, index);
                u64::from(stream.below(u32::try_from(count).unwrap_or(u32::MAX)))
            }
            Order::Circular => self.drawn.fetch_add(1, Relaxed) % count.max(1),
            Order::Queue => self.drawn.fetch_add(1, Relaxed),
            Order::Unique => user,
        };
        let row = usize::try_from(at).ok().and_then(|at| self.rows.get(at));
        row.cloned().ok_or_else(|| match self.order {
            Order::Unique => NothingLeft {
                why: format!("`{}` has {count} rows, and each user needs one of its own", self.name),
                for_anyone: false,
            },
            Order::Random | Order::Circular | Order::Queue => NothingLeft {
                why: format!("all {count} rows of `{}` are used up", self.name),
                for_anyone: true,
            },
        })
    }

    /// How many users it has rows for, where each needs one of its own.
    pub(crate) fn most_users(&self) -> Option<usize> {
        (self.order == Order::Unique).then(|| self.rows.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feeder(order: Order) -> Feeder {
        Feeder::new("people".into(), (0..3).map(Value::from).collect::<Vec<_>>().into(), order)
    }

    #[test]
    fn each_order_draws_as_it_says() {
        let row = |feeder: &Feeder, user, iteration| {
            feeder.draw(1, 0, user, iteration).map(|v| v.as_i64().unwrap()).map_err(|left| left.why)
        };
        let circular = feeder(Order::Circular);
        assert_eq!((0..5).map(|i| row(&circular, 9, i).unwrap()).collect::<Vec<_>>(), [0, 1, 2, 0, 1]);
        let queue = feeder(Order::Queue);
        assert_eq!((0..3).map(|i| row(&queue, i, 0).unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(row(&queue, 0, 9), Err("all 3 rows of `people` are used up".into()));
        let unique = feeder(Order::Unique);
        assert_eq!((row(&unique, 2, 0), row(&unique, 2, 7)), (Ok(2), Ok(2)));
        assert!(row(&unique, 3, 0).unwrap_err().contains("each user needs one of its own"));
        let random = feeder(Order::Random);
        let drawn: Vec<i64> = (0..60).map(|i| row(&random, i % 6, i / 6).unwrap()).collect();
        assert!((0..3).all(|row| drawn.iter().filter(|drawn| **drawn == row).count() > 8), "{drawn:?}");
        assert_eq!(
            row(&random, 4, 2),
            row(&feeder(Order::Random), 4, 2),
            "a function of seed, user and iteration"
        );
    }
}
