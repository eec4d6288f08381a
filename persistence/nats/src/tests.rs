//! The bus against a real server, which is killed, frozen, emptied and misconfigured.
//!
//! `MERCATO_TEST_NATS_SERVER` names a nats-server program; without it these tests fail.

mod faults;
mod life;
mod server;
