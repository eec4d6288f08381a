//! Live streams over real sockets, entities and a real node with its store in memory.

mod ends;
mod events;
mod me;
mod rig;
mod socket;
mod units;
