//! Randomness of a real node: the operating system's, through the thread's generator.

use cluster::ctx::Random;
use rand::{Rng, RngExt};

/// The system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn bits(&self) -> u64 {
        rand::rng().random()
    }
}

/// Fills bytes that nobody can guess.
pub fn fill(bytes: &mut [u8]) {
    rand::rng().fill_bytes(bytes);
}
