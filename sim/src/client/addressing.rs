//! Who keeps an address in his book: saves it, writes it anew, deletes it.

use super::{Visitor, Wire, reading, requests};
use crate::history::{Ask, Look};

impl<W: Wire> Visitor<W> {
    /// Saves an address, writes it anew over the version that is shown, and looks at the book.
    pub(super) async fn keeps_address(&self, writes: u32, deletes: bool, think_ms: u32) {
        let id = self.clients.names.address(self.visit.id);
        let book = Ask::Look(Look::Addresses { user: self.who.name() });
        let last = (self.who.clone(), requests::my_addresses());
        self.clients.last_looks.borrow_mut().insert(book.clone(), last);
        let mut over = None;
        for house in 1..=writes {
            self.think(think_ms).await;
            let ask = Ask::PutAddress { id: id.clone(), house };
            self.ask_surely(ask, requests::put_address(&id, house, over)).await;
            over = self.version_of(&id, &book).await.or(over);
            self.ask_all_nodes(&book, &requests::my_addresses()).await;
        }
        let Some(version) = over.filter(|_| deletes) else { return };
        // From a page that shows what it was before: refused.
        let stale = requests::put_address(&id, writes + 1, Some(version.saturating_sub(1)));
        self.ask_surely(Ask::PutAddress { id: id.clone(), house: writes + 1 }, stale).await;
        let ask = Ask::DeleteAddress { id: id.clone() };
        self.ask_surely(ask, requests::delete_address(&id, version)).await;
        self.version_of(&id, &book).await;
        self.ask_all_nodes(&book, &requests::my_addresses()).await;
    }

    /// The version of an address, as the book shows it.
    async fn version_of(&self, id: &str, book: &Ask) -> Option<u64> {
        let answer = self.ask_surely(book.clone(), requests::my_addresses()).await?;
        let saved = reading::addresses(&answer.body);
        saved.into_iter().find(|saved| saved.id == id).map(|saved| saved.version)
    }
}
