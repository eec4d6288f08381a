//! commerce (head to be written)
