//! The circuit breaker: a state machine of plain values, and the shell that threads share.
//!
//! [`machine`] decides; [`shell`] puts it behind a lock and keeps what most calls do outside of that.

mod causes;
mod episode;
mod gate;
#[cfg(buttress_loom)]
pub(crate) mod loom;
mod machine;
mod open_time;
mod outbox;
mod phase;
mod report;
mod rules;
mod shell;
mod side_counts;
mod state;
mod tally;
mod ticket;
mod trials;
mod waiters;

pub use causes::Causes;
pub(crate) use open_time::OpenTime;
pub(crate) use outbox::Queued;
pub(crate) use phase::Refusal;
pub(crate) use report::{MachineView, Totals};
pub(crate) use rules::{OutageRule, Settings, SlowRule, TrialRule};
pub(crate) use shell::Shell;
pub use state::{CircuitControl, CircuitReason, CircuitState};
pub(crate) use ticket::{After, Ending, Outlook, Ticket};
