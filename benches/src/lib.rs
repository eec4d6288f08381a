//! benches (head to be written)
