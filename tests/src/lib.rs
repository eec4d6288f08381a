//! Nothing here: the integration tests are in `it/`, one crate over the real binary.
