//! entity (head to be written)
