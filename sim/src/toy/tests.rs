//! The toys by themselves.
