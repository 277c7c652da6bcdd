//! What people do to engines at run time, and what comes of it: a line in the log, and one in the journal.

use super::identity::Identity;
use super::journal::EventLevel;
use super::overrides::Override;
use super::registry::Registry;
use super::text::presentable;
use crate::mode::Mode;

/// A person did something to an engine, or to all of them.
pub(crate) fn by_hand(engine: Option<Identity>, action: &str, reason: &str, by: &str) {
    let (reason, by) = (presentable(reason), presentable(by));
    let who = if by.is_empty() { "somebody" } else { &by };
    let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let message = format!("{action} by {who}{because}");
    macro_rules! log {
        ($($field:tt)*) => {
            tracing::warn!($($field)* action, reason, by, "{message}")
        };
    }
    match engine {
        Some(engine) => {
            let (Identity { stack, layer, name, .. }, [owner, runbook]) = (engine, engine.contact());
            log!(%stack, layer, %name, owner, runbook,);
        }
        None => log!(),
    }
    Registry::global().note(engine, EventLevel::Warn, "override", message);
}

pub(super) fn set(engine: Option<Identity>, what: &Override) {
    let action = match what.time_to_live {
        Some(time) => format!("mode set to {} for {time:?}", what.mode),
        None => format!("mode set to {}", what.mode),
    };
    by_hand(engine, &action, &what.reason, &what.by);
}

pub(super) fn taken_back(engine: Option<Identity>, mode: Mode, reason: &str, by: &str) {
    by_hand(engine, &format!("mode {mode} taken back"), reason, by);
}

/// An override ended by itself; of the whole process, if of no engine.
pub(super) fn ended(engine: Option<Identity>, what: &Override) {
    let message = format!("mode {} is over, its time to live has passed", what.mode);
    match engine {
        Some(engine) => {
            let (Identity { stack, layer, name, .. }, [owner, runbook]) = (engine, engine.contact());
            tracing::info!(%stack, layer, %name, owner, runbook, "{message}");
        }
        None => tracing::info!("{message}"),
    }
    Registry::global().note(engine, EventLevel::Info, "override", message);
}
