//! The store on a disk: contract, restarts, images of a killed process, torn and rotten files.

mod crash;
mod damage;
mod legacy;
mod life;
mod rig;
