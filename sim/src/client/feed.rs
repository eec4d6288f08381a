//! Lets the visits of a plan begin, each at its time, however slow the system is (open loop).

use std::collections::BTreeSet;
use std::rc::Rc;

use tokio::task::{JoinError, JoinSet};

use super::{Clients, Visitor, Wire};
use crate::plan::{Journey, Pay, Plan};

/// Lets every visit begin at its time and waits until the last has ended. Returns how many did
/// not begin, since `visits_max` were under way.
pub async fn feed<W: Wire + 'static>(
    plan: Plan,
    clients: Rc<Clients<W>>,
    visits_max: usize,
) -> u64 {
    let prices: Rc<Vec<i64>> = Rc::new(plan.setup.skus.iter().map(|sku| sku.price).collect());
    let mut visits = plan.traffic;
    visits.sort_by_key(|visit| (visit.at_us, visit.id));
    let (mut tasks, mut n_dropped) = (JoinSet::new(), 0);
    for visit in visits {
        let wait = visit.at_us.saturating_sub(clients.wire.now_us());
        if wait > 0 {
            clients.wire.sleep_us(wait).await;
        }
        while let Some(ended) = tasks.try_join_next() {
            pass_on(ended);
        }
        if tasks.len() >= visits_max {
            n_dropped += 1;
            continue;
        }
        let price = |sku: u32| prices.get(sku as usize).copied().unwrap_or(0);
        tasks.spawn_local(Visitor::new(&clients, visit, price).run());
    }
    while let Some(ended) = tasks.join_next().await {
        pass_on(ended);
    }
    n_dropped
}

/// Users who sign in: to pay by wallet, with what they chose as guests, for points, or
/// to save an address.
#[must_use]
pub fn wallets(plan: &Plan) -> BTreeSet<u32> {
    let signs_in = |journey: &Journey| match journey {
        Journey::SignIn { .. } | Journey::Address { .. } => true,
        Journey::Buy { pay, brings, .. } => *pay == Pay::Wallet || !brings.is_empty(),
        _ => false,
    };
    plan.traffic.iter().filter(|visit| signs_in(&visit.journey)).map(|visit| visit.user).collect()
}

/// The result of a task; its panic is the caller's.
pub(crate) fn pass_on<T>(ended: Result<T, JoinError>) -> Option<T> {
    match ended {
        Ok(value) => Some(value),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}
