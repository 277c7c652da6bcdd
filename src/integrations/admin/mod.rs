//! One page that shows all engines of the process, worst first, and can switch them.
mod apply;
mod builder;
mod change;
mod document;
mod guard;
mod history;
mod hosts;
mod notes;
mod refusal;
mod routes;
mod shared;
mod tally;
mod token;
mod view;

pub use builder::Admin;
