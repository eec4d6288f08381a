//! sim (head to be written)
