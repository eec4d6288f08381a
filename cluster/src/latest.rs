//! A value whose latest state several tasks wait for.
//!
//! What tokio's `watch` is, but waiters wake in the order in which they began to wait. `watch`
//! wakes them in an order that it draws from a generator that cannot be seeded, and one seed of
//! the simulator has to be one run.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

struct Shared<T> {
    /// The value, and whether it can still change.
    state: Mutex<(T, bool)>,
    changed: Notify,
}

/// Sets the value. When it is dropped, nobody waits any longer.
pub struct Sender<T>(Arc<Shared<T>>);

/// Looks at the value.
pub struct Receiver<T>(Arc<Shared<T>>);

/// A value, to be set by one and looked at by many.
pub fn channel<T: Clone>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared { state: Mutex::new((value, true)), changed: Notify::new() });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T: Clone> Sender<T> {
    /// Changes the value, and wakes all who wait.
    pub fn modify(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.0.state.lock().0);
        self.0.changed.notify_waiters();
    }

    /// Sets the value, and wakes all who wait.
    pub fn set(&self, value: T) {
        self.modify(|old| *old = value);
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> T {
        self.0.state.lock().0.clone()
    }

    /// One more who looks.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.state.lock().1 = false;
        self.0.changed.notify_waiters();
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Receiver<T> {
    /// The value.
    #[must_use]
    pub fn get(&self) -> T {
        self.0.state.lock().0.clone()
    }

    /// Waits until the value is as wanted. `None`: it never will be, the sender is gone. Cancel
    /// safe. A value that comes and goes while nobody runs may be missed.
    pub async fn wait_for(&self, mut is_wanted: impl FnMut(&T) -> bool) -> Option<T> {
        loop {
            // Made before looking, so that no change in between is missed.
            let changed = self.0.changed.notified();
            {
                let state = self.0.state.lock();
                let (value, can_change) = &*state;
                if is_wanted(value) {
                    return Some(value.clone());
                }
                if !can_change {
                    return None;
                }
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiters_wake_in_the_order_in_which_they_came() {
        for _ in 0..20 {
            let (sender, receiver) = channel(0);
            let woken = Arc::new(Mutex::new(Vec::new()));
            let tasks: Vec<_> = (0..16)
                .map(|number| {
                    let (receiver, woken) = (receiver.clone(), Arc::clone(&woken));
                    tokio::spawn(async move {
                        assert_eq!(receiver.wait_for(|value| *value == 7).await, Some(7));
                        woken.lock().push(number);
                    })
                })
                .collect();
            tokio::task::yield_now().await;
            sender.set(7);
            for task in tasks {
                task.await.expect("no waiter panics");
            }
            assert_eq!(*woken.lock(), (0..16).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_sender_that_is_gone() {
        let (sender, receiver) = channel(1);
        let waits = tokio::spawn({
            let receiver = receiver.clone();
            async move { receiver.wait_for(|value| *value == 2).await }
        });
        tokio::task::yield_now().await;
        drop(sender);
        assert_eq!(waits.await.expect("it does not panic"), None);
        assert_eq!(receiver.wait_for(|value| *value == 1).await, Some(1));
    }
}
