//! The binary's parts: configuration, the composition of a node, the demo shop, exit codes.
//!
//! The only place where adapters meet ports: everything else knows traits. It decides nothing
//! about business and answers no request.

pub mod cli;
pub mod config;
pub mod demo;
pub mod events;
pub mod exit;
pub mod random;
pub mod room;
pub mod scrape;
pub mod serve;
mod signals;
