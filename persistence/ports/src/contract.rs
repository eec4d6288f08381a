//! Contract tests: written once, run by every adapter.
