//! Ctrl-C and SIGTERM: once ends a run gracefully, twice at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use floodline_engine::Stop;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::screen;

/// Passes signals on to a run until it is dropped.
pub(crate) struct Interrupts(Handle);

impl Interrupts {
    /// Takes the signals over from their default, which would kill the process; says so unless it is to be
    /// `quiet`.
    pub(crate) fn passed_to(stop: Arc<Stop>, quiet: bool) -> io::Result<Interrupts> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let handle = signals.handle();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for (nth, _) in signals.forever().enumerate() {
                stop.interrupt();
                if quiet {
                    continue;
                }
                screen::note(match nth {
                    0 => "ending: waiting for the requests in flight (Ctrl-C again gives them up)",
                    _ => "ending now",
                });
            }
        })?;
        Ok(Interrupts(handle))
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Between two looks for a signal.
const LOOK: Duration = Duration::from_millis(100);

/// Signals taken over from their default, to be waited for.
pub(crate) struct Awaited(Signals);

impl Awaited {
    /// From here on no signal is lost, nor does one kill the process.
    pub(crate) fn take_over() -> io::Result<Awaited> {
        Ok(Awaited(Signals::new([SIGINT, SIGTERM])?))
    }

    /// Waits for the first, or for what `failed` says to have failed meanwhile.
    pub(crate) fn wait_unless(mut self, failed: impl Fn() -> Option<String>) -> Result<(), String> {
        while self.0.pending().next().is_none() {
            if let Some(why) = failed() {
                return Err(why);
            }
            std::thread::park_timeout(LOOK);
        }
        Ok(())
    }
}
