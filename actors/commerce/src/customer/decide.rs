//! What a customer decides.

use compact_str::CompactString;
use entity::{Context, Decision, PrincipalKind, Scope};

use super::address::Address;
use super::command::{Command, Rejection, Reply};
use super::day::Day;
use super::event::Event;
use super::invalid::{Invalid, text};
use super::state::{ADDRESSES_MAX, Customer};
use crate::keys;
use crate::protocol::IfVersion;

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 100;

/// The longest email address (RFC 5321, 4.5.3.1.3: a path less its brackets).
const EMAIL_CHARS_MAX: usize = 254;

/// The longest id of an address, in characters.
const ID_CHARS_MAX: usize = 64;

/// Whether `principal` is this customer, or staff with the scope, or the runtime. Cost: one hash
/// for a buyer.
pub(super) fn admits(ctx: &Context<'_>, scope: Scope) -> bool {
    let principal = ctx.principal;
    principal.kind == PrincipalKind::System
        || (principal.is_staff() && principal.scopes.has(scope))
        || keys::customer(&ctx.key.tenant, principal.kind, &principal.subject) == *ctx.key
}

/// A caller's command.
pub(super) fn ask(
    ctx: &Context<'_>,
    customer: &Customer,
    command: Command,
) -> Result<Decision<Customer>, Rejection> {
    match &command {
        Command::RecordOrder { .. } | Command::CartOpened { .. } => {
            return Err(Rejection::WrongSource);
        }
        Command::Register { .. }
        | Command::Update { .. }
        | Command::PutAddress { .. }
        | Command::DeleteAddress { .. }
        | Command::SignIn { .. } => {}
    }
    if !admits(ctx, Scope::OrdersWrite) {
        return Err(Rejection::NotFound);
    }
    match command {
        Command::Register { name, email, utc_offset_min } => {
            register(ctx, customer, name, email, utc_offset_min)
        }
        Command::Update { name, email, if_version } => update(customer, name, email, if_version),
        Command::PutAddress { id, address, as_default, if_version } => {
            put_address(customer, id, address, as_default, if_version)
        }
        Command::DeleteAddress { id, if_version } => delete_address(customer, id, if_version),
        Command::SignIn { date } => sign_in(ctx, customer, date),
        Command::RecordOrder { .. } | Command::CartOpened { .. } => Err(Rejection::WrongSource),
    }
}

fn register(
    ctx: &Context<'_>,
    customer: &Customer,
    name: CompactString,
    email: CompactString,
    utc_offset_min: i16,
) -> Result<Decision<Customer>, Rejection> {
    // Of a customer who is known, too: what cannot be is refused, though it would change nothing.
    check(&name, &email)?;
    // Offsets in use lie between -12 and +14 hours.
    if !(-12 * 60..=14 * 60).contains(&utc_offset_min) {
        return Err(Rejection::Invalid(Invalid::new(
            "/utc_offset_min",
            "out_of_range",
            "is no offset in use",
        )));
    }
    if customer.profile.is_some() {
        return Ok(Decision::reply(Reply::Registered { created: false }));
    }
    let (kind, subject) = (ctx.principal.kind, ctx.principal.subject.clone());
    let event = Event::Registered { kind, subject, name, email, utc_offset_min };
    Ok(Decision::event(event).replying(Reply::Registered { created: true }))
}

fn update(
    customer: &Customer,
    name: Option<CompactString>,
    email: Option<CompactString>,
    if_version: IfVersion,
) -> Result<Decision<Customer>, Rejection> {
    let profile = customer.profile.as_ref().ok_or(Rejection::NotFound)?;
    let version = customer.profile_version;
    if !if_version.holds(Some(version)) {
        return Err(Rejection::VersionMismatch { version: Some(version) });
    }
    let name = name.unwrap_or_else(|| profile.name.clone());
    let email = email.unwrap_or_else(|| profile.email.clone());
    check(&name, &email)?;
    if name == profile.name && email == profile.email {
        return Ok(Decision::reply(Reply::Done));
    }
    Ok(Decision::event(Event::Updated { name, email }).replying(Reply::Done))
}

fn check(name: &str, email: &str) -> Result<(), Rejection> {
    text("/name", name, NAME_CHARS_MAX)
        .and_then(|()| text("/email", email, EMAIL_CHARS_MAX))
        .and_then(|()| check_email(email))
        .map_err(Rejection::Invalid)
}

/// One `@` with something on both sides and no blanks. More would refuse addresses that work;
/// only a message that arrives proves one.
fn check_email(email: &str) -> Result<(), Invalid> {
    let fits = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    if fits && !email.contains(char::is_whitespace) {
        Ok(())
    } else {
        Err(Invalid::new("/email", "not_an_email", "is not an email address"))
    }
}

fn put_address(
    customer: &Customer,
    id: CompactString,
    address: Address,
    as_default: bool,
    if_version: IfVersion,
) -> Result<Decision<Customer>, Rejection> {
    text("/id", &id, ID_CHARS_MAX).map_err(Rejection::Invalid)?;
    let saved = customer.address(&id);
    let version = saved.map(|saved| saved.version);
    if !if_version.holds(version) {
        return Err(Rejection::VersionMismatch { version });
    }
    address.check().map_err(Rejection::Invalid)?;
    let created = saved.is_none();
    if created && customer.addresses.len() >= ADDRESSES_MAX {
        return Err(Rejection::AddressBookFull);
    }
    let reply = Reply::AddressPut { created };
    let is_same =
        |saved: &super::SavedAddress| saved.address == address && (saved.is_default || !as_default);
    if saved.is_some_and(is_same) {
        return Ok(Decision::reply(reply));
    }
    let as_default = as_default || customer.addresses.is_empty();
    Ok(Decision::event(Event::AddressPut { id, address, as_default }).replying(reply))
}

fn delete_address(
    customer: &Customer,
    id: CompactString,
    if_version: IfVersion,
) -> Result<Decision<Customer>, Rejection> {
    let saved = customer.address(&id).ok_or(Rejection::NotFound)?;
    if !if_version.holds(Some(saved.version)) {
        return Err(Rejection::VersionMismatch { version: Some(saved.version) });
    }
    Ok(Decision::event(Event::AddressDeleted { id }).replying(Reply::Done))
}

/// Grants the day once. The day is the account's, whatever the caller's clock says. A repeat of the
/// newest grant is one after midnight, too.
fn sign_in(
    ctx: &Context<'_>,
    customer: &Customer,
    date: Option<Day>,
) -> Result<Decision<Customer>, Rejection> {
    let profile = customer.profile.as_ref().ok_or(Rejection::NotFound)?;
    let today = Day::of(ctx.now, profile.utc_offset_min);
    let wanted = date.unwrap_or(today);
    match customer.points.last {
        Some(last) if last.day == wanted => {
            Ok(Decision::reply(Reply::SignedIn { grant: last, replayed: true }))
        }
        Some(_) | None if wanted != today => Err(Rejection::NotToday { today }),
        Some(last) if last.day > today => Err(Rejection::NotToday { today }),
        Some(_) | None => {
            let grant = customer.points.grant(today);
            let reply = Reply::SignedIn { grant, replayed: false };
            Ok(Decision::event(Event::SignedIn(grant)).replying(reply))
        }
    }
}

/// A message of a cart or an order.
pub(super) fn told(customer: &Customer, command: Command) -> Result<Decision<Customer>, Rejection> {
    match command {
        Command::RecordOrder { order, at } => {
            // An order repeats what it does not know to have arrived.
            if customer.orders.iter().any(|recent| recent.order == order) {
                return Ok(Decision::nothing());
            }
            Ok(Decision::event(Event::OrderRecorded { order, at }))
        }
        Command::CartOpened { cart } => {
            if customer.carts.contains(&cart) {
                return Ok(Decision::nothing());
            }
            Ok(Decision::event(Event::CartOpened { cart }))
        }
        Command::Register { .. }
        | Command::Update { .. }
        | Command::PutAddress { .. }
        | Command::DeleteAddress { .. }
        | Command::SignIn { .. } => Err(Rejection::WrongSource),
    }
}
