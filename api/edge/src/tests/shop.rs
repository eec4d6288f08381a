//! Resources over a real node with its store in memory, as a client sees them.

mod admin;
mod admin_documents;
mod carts;
mod catalogue;
mod customers;
mod events;
mod later;
mod lists;
mod orders;
mod requests;
mod rig;
mod stock;
mod timeline;
