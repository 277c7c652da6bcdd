//! Layers on top of each other, above and below tower's own, and in every kind of runtime.

mod cooperative;
mod deadlines;
mod interplay;
mod runtimes;
mod stacks;
mod tower_services;
