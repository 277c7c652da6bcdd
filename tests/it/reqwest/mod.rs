//! Layers around reqwest and around its connector, against real servers on ports that the system chose.

mod connector;
mod errors;
mod stack;
mod support;
