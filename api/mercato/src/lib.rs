//! mercato (head to be written)
