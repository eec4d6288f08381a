//! nats (head to be written)
