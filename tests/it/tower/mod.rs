//! tower's own traits (feature `tower`), and tower's own services that are particular about readiness.

mod balance;
mod load;
mod policy;
mod services;
