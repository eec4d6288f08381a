//! embedded (head to be written)
