//! The wallet of a customer: opened with what the shop grants, shown in the overview.

use commerce::account::{self, Account};
use commerce::keys;
use commerce::money::Money;

use super::key;
use crate::problem::{Code, Problem};
use crate::route::Call;
use crate::shop::{Asker, Shop};

/// Opens the customer's wallet with what the shop grants. A repeat changes nothing.
///
/// The shop itself does it: a buyer who could open accounts could print money.
pub(super) async fn open<B>(call: &Call<B>) -> Result<(), Problem> {
    let terms = call.edge.shop().terms();
    let wallet = keys::wallet(&key(call));
    let open = account::Command::Open { grant: terms.money(terms.wallet_grant) };
    let asker = call.asker();
    let asker = Asker { principal: Shop::on_behalf_of(&asker.principal), ..asker };
    call.edge.shop().ask::<Account>(&asker, &wallet, &open).await.map(|_| ())
}

/// What it holds; `None`: there is none.
pub(super) async fn read<B>(call: &Call<B>) -> Result<Option<Money>, Problem> {
    let wallet = keys::wallet(&key(call));
    let query = account::Query::Balance;
    match call.edge.shop().query::<Account>(&call.asker(), &wallet, &query, 0).await {
        Ok(seen) => {
            let account::View::Balance(view) = seen.view;
            Ok(Some(view.available))
        }
        Err(problem) if problem.code() == Code::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}
