//! ports (head to be written)
