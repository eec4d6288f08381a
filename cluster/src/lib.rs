//! cluster (head to be written)
