//! Runs the models of all concurrent shells, each in a process of its own: every interleaving of their threads, and
//! every value that a load may return. Then each model's twins, the same with a bug: they have to fail.
//!
//!   interleavings [--deep] [WORD]    those whose name contains the word
//!   interleavings --list             a table of them

#![allow(
    dead_code,
    unused_doc_comments,
    unused_imports,
    unused_macros,
    unreachable_pub,
    unused_qualifications,
    reason = "the models need only a part of the library"
)]
#![allow(clippy::print_stdout, reason = "a command that tells what it did")]

mod atomic;
#[path = "../bugs/mod.rs"]
mod bugs;
mod list;
mod model;
mod once;
mod orderings;
mod runner;
mod table;
mod unmodelled;
mod weak;

include!(concat!(env!("OUT_DIR"), "/src/library.rs"));

/// What the library's modules know of those that are not here.
mod reject {
    /// Stands for the library's own.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("rejected")]
    pub(crate) struct Rejected;
}

mod clock {
    include!(concat!(env!("OUT_DIR"), "/src/clock/library.rs"));
}

mod circuit_breaker {
    include!(concat!(env!("OUT_DIR"), "/src/circuit_breaker/library.rs"));

    pub(crate) mod event {
        use crate::algo::breaker::Queued;

        /// Stands for the library's own.
        #[derive(Debug)]
        pub(crate) struct CircuitEvent {
            pub(crate) name: &'static str,
            pub(crate) queued: Queued,
        }
    }
}

mod registry {
    include!(concat!(env!("OUT_DIR"), "/src/registry/library.rs"));

    pub(crate) use overrides::Override;
}

fn main() -> std::process::ExitCode {
    runner::main()
}
