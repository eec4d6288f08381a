//! The model: a store and a bus in memory.
