//! The edge in process: requests go through every layer, as from a socket.

mod conventions;
mod documents;
mod listeners;
mod sessions;
mod shop;
mod sign_in;
