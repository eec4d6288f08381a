//! Who signs in for the points of the day.

use super::{Visitor, Wire, requests};
use crate::history::{Ask, Look};

impl<W: Wire> Visitor<W> {
    /// Signs in, perhaps in two tabs at once, and looks at the points before and after.
    pub(super) async fn signs_in(&self, two_tabs: bool) {
        let user = self.who.name();
        let look = Ask::Look(Look::Points { user: user.clone() });
        let last = (self.who.clone(), requests::my_points());
        self.clients.last_looks.borrow_mut().insert(look.clone(), last);
        let ask = Ask::SignIn { user };
        self.ask_surely(look.clone(), requests::my_points()).await;
        let first = self.ask_surely(ask.clone(), requests::sign_in());
        if two_tabs {
            tokio::join!(first, self.ask_surely(ask, requests::sign_in()));
        } else {
            first.await;
        }
        self.ask_all_nodes(&look, &requests::my_points()).await;
        self.ask_surely(look, requests::my_points()).await;
    }
}
