//! The tokio runtime under the kernel.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use super::Kernel;

/// Runs `main` on a paused current-thread runtime whose events come from the kernel.
///
/// # Panics
/// When production code panics outside its own guards, and on a deadlock.
pub fn run<T>(kernel: &Kernel, main: impl Future<Output = T>) -> T {
    let feeder = kernel.clone();
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .on_thread_park(move || feeder.step())
        .build()
        .expect("a runtime without I/O can always be built");
    let local = LocalSet::new();
    runtime.block_on(local.run_until(async move {
        let pumped = kernel.clone();
        tokio::spawn(poll_fn(move |cx| {
            let mut state = pumped.0.lock();
            if state.pump.as_ref().is_none_or(|pump| !pump.will_wake(cx.waker())) {
                state.pump = Some(cx.waker().clone());
            }
            Poll::<()>::Pending
        }));
        main.await
    }))
}

/// Moves tokio's clock. The first poll does it; what it would wait for is of no interest.
pub(super) fn advance(by: Duration) {
    if by.is_zero() {
        return;
    }
    let moved = pin!(tokio::time::advance(by));
    let _ = moved.poll(&mut Context::from_waker(Waker::noop()));
}
