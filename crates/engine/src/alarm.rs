//! Waking those who wait for a moment: users who think, and sessions that are to arrive.
//!
//! The event loop's own timers tick in milliseconds, and a user who wakes two of them late is late by as
//! much. Each worker has one timer of the kernel that counts in nanoseconds, set for the earliest of all
//! moments that are waited for on that worker. Where there is none, the event loop's timers have to do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use floodline_core::Moment;
use tokio::runtime::Runtime;

use crate::clock::Clock;

/// The alarm of one worker.
pub(crate) struct Alarm {
    clock: Clock,
    timer: Option<timer::Timer>,
    /// Who waits, by moment and order of asking.
    waiting: RefCell<BTreeMap<(Moment, u64), Waker>>,
    asked: Cell<u64>,
}

impl Alarm {
    /// An alarm on the event loop that it is to wake.
    pub(crate) fn new(runtime: &Runtime, clock: Clock) -> Alarm {
        let timer = timer::Timer::new(runtime).ok();
        Alarm { clock, timer, waiting: RefCell::default(), asked: Cell::new(0) }
    }

    /// Waits until `at`.
    pub(crate) async fn until(&self, at: Moment) {
        if self.timer.is_some() {
            let asked = self.asked.get();
            self.asked.set(asked + 1);
            return Wait { alarm: self, key: (at, asked) }.await;
        }
        while let Some(left) = self.clock.until(at) {
            tokio::time::sleep(left).await;
        }
    }

    /// Wakes whoever is due, as long as it is polled.
    pub(crate) async fn run(&self) {
        let Some(timer) = &self.timer else { return };
        while timer.rings().await.is_ok() {
            loop {
                let first = self.waiting.borrow().first_key_value().map(|(key, _)| *key);
                let Some(key) = first else { break };
                if let Some(left) = self.clock.until(key.0) {
                    timer.set(left);
                    break;
                }
                let due = self.waiting.borrow_mut().remove(&key);
                if let Some(waker) = due {
                    waker.wake();
                }
            }
        }
    }
}

/// One wait; it is no longer waited for when this is dropped.
struct Wait<'a> {
    alarm: &'a Alarm,
    key: (Moment, u64),
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Wait { alarm, key } = *self;
        let (Some(left), Some(timer)) = (alarm.clock.until(key.0), &alarm.timer) else {
            return Poll::Ready(());
        };
        let mut waiting = alarm.waiting.borrow_mut();
        waiting.insert(key, cx.waker().clone());
        if waiting.first_key_value().is_some_and(|(first, _)| *first == key) {
            timer.set(left);
        }
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.alarm.waiting.borrow_mut().remove(&self.key);
    }
}

#[cfg(target_os = "linux")]
mod timer {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::runtime::Runtime;

    /// A timer of the kernel, as a descriptor.
    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        pub(super) fn new(runtime: &Runtime) -> io::Result<Timer> {
            let fd =
                timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            let _within = runtime.enter();
            #[expect(
                deprecated,
                reason = "it is unsound for types that share or change their descriptor; an OwnedFd does neither"
            )]
            let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
            Ok(Timer(fd))
        }

        /// Lets it ring once, so long from now.
        pub(super) fn set(&self, left: Duration) {
            let once = Itimerspec {
                it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
                it_value: Timespec {
                    tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                    // Nothing at all would switch it off.
                    tv_nsec: left.subsec_nanos().max(u32::from(left.is_zero())).into(),
                },
            };
            // Refused only for times that are no times.
            let _ = timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once);
        }

        /// Waits until it has rung.
        pub(super) async fn rings(&self) -> io::Result<()> {
            let read = |fd: &OwnedFd| rustix::io::read(fd, &mut [0u8; 8]).map_err(io::Error::from);
            self.0.async_io(Interest::READABLE, read).await.map(drop)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod timer {
    use std::io;
    use std::time::Duration;

    use tokio::runtime::Runtime;

    /// There is none here.
    pub(super) enum Timer {}

    impl Timer {
        pub(super) fn new(_: &Runtime) -> io::Result<Timer> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn set(&self, _: Duration) {
            match *self {}
        }

        pub(super) async fn rings(&self) -> io::Result<()> {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use floodline_core::Span;
    use tokio::task::LocalSet;

    use super::*;

    #[test]
    fn those_who_wait_are_woken_in_the_order_of_their_moments_and_not_before() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Clock::starting_in(Span::ZERO);
        let alarm = Rc::new(Alarm::new(&runtime, clock));
        let woken = Rc::new(RefCell::new(Vec::new()));
        let local = LocalSet::new();
        let driver = alarm.clone();
        local.spawn_local(async move { driver.run().await });
        local.block_on(&runtime, async {
            let waits: Vec<_> = [30u64, 10, 20, 10, 0]
                .into_iter()
                .map(|ms| {
                    let (alarm, woken) = (alarm.clone(), woken.clone());
                    tokio::task::spawn_local(async move {
                        let at = Moment::START + Span::from_millis(ms);
                        alarm.until(at).await;
                        assert!(clock.until(at).is_none());
                        woken.borrow_mut().push(ms);
                    })
                })
                .collect();
            // One that is given up rings for nobody, and nobody else misses it.
            let (given_up, cancelled) = (alarm.clone(), Moment::START + Span::from_millis(5));
            let given_up = tokio::task::spawn_local(async move { given_up.until(cancelled).await });
            tokio::task::yield_now().await;
            given_up.abort();
            for wait in waits {
                wait.await.unwrap();
            }
        });
        assert_eq!(*woken.borrow(), [0, 10, 10, 20, 30]);
        assert!(alarm.waiting.borrow().is_empty());
    }
}
