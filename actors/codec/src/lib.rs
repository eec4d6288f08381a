//! codec (head to be written)
