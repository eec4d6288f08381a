//! JetStream as the event bus.
//!
//! Guarantees: events are published in order, pipelined, each with its CloudEvents id as
//! `Nats-Msg-Id`; a resend never overtakes what it resends, over reconnects too; streams are made
//! or compared before the first event, and after a server that lost everything again. A server
//! that is down, frozen or unfit makes the bus answer errors within seconds; it never blocks a
//! node's start. It keeps no cursor and rewinds nothing: that is the relay's part.

mod bus;
mod error;
mod headers;
mod limits;
mod link;
mod login;
mod options;
mod streams;
mod supervisor;

pub use bus::NatsBus;
pub use error::ConnectError;
pub use options::NatsOptions;

#[cfg(test)]
mod tests;
