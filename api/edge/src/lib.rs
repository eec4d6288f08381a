//! edge (head to be written)
