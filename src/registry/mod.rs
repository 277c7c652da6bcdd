//! All engines of the process: to see them, and to switch them.
//!
//! Every engine enters its name when it is made, and is gone from here when the last handle, layer and service
//! that use it are dropped. Nobody has to be told which layers there are:
//!
//! ```
//! use buttress::{Bulkhead, registry::{EngineDetail, Registry}};
//!
//! let bulkhead = Bulkhead::new(8).named("reports");
//! let _permit = bulkhead.try_admit().unwrap();
//!
//! let snapshot = Registry::global().snapshot();
//! let reports = snapshot.engines.iter().find(|engine| engine.identity.name.as_str() == "reports").unwrap();
//! assert_eq!((reports.identity.layer, reports.saturation), ("bulkhead", Some(0.125)));
//! assert!(matches!(&reports.detail, EngineDetail::Bulkhead(now) if now.in_flight == 1));
//! ```
//!
//! # Who is who
//!
//! An engine is known by its *stack*, its *layer* and its *name*. The stack is what belongs together, as a
//! rule all that protects the calls to one dependency: [`client_stack`](crate::client_stack) sets it on all its
//! parts, `.stack("payments")` on a layer made by hand; without one it is the engine's own name. Two engines
//! with the same three are told apart by a number, `payments#2`, and reported once: as a rule the
//! second is a mistake, a layer made where a clone was meant, and shares no state with the first.
//!
//! # Modes
//!
//! Each engine enforces what it decides, or only counts what it would have done (a dry run), or is off:
//! [`Mode`]. There are three places to say it; none of them needs a deploy but the first:
//!
//! | where | for what | counts |
//! |---|---|---|
//! | `dry_run(true)` on the layer, `set_dry_run` on the engine | trying a limit before it is enforced | the laxer of this and the next |
//! | [`Registry::set_mode`] | the whole process at once: the kill switch | the laxer of this and the one before |
//! | [`Engine::set_override`] | one engine, by hand | more than both |
//!
//! The last two can have a time to live, a reason and a name of who did it; both go to the log. What is in
//! force is one relaxed load wherever an engine needs to know; while a mode with a time to live is in force, also a
//! look at the clock.
//!
//! A change reaches calls in flight: who waits for a place passes, a retry that waits to repeat returns what it has, a
//! limit that passes is let go (and looked at again after as much time, at least a second: a call that hangs must not
//! hang for ever because limits were off for a while).
//!
//! # Settings
//!
//! [`Engine::settings`] tells what an engine is set to, and who set it: nobody, the code that made it, a handle at run
//! time, or a person by hand. [`EngineSnapshot::fingerprint`] is a number that stands for all of them: instances that
//! differ in it are configured differently, and a change of it on a dashboard is a change of settings.
//!
//! # What it costs
//!
//! A call costs no more than the loads that tell the mode. Making an engine takes a lock for a moment. A snapshot takes it to copy the list,
//! and then looks at one engine after the other; no call waits for that longer than for the look at its own
//! engine.
//!
//! [`Mode`]: crate::Mode

mod audit;
mod changes;
mod engine;
mod fingerprint;
mod identity;
mod journal;
mod lever;
#[cfg(buttress_loom)]
pub(crate) mod loom;
mod overrides;
mod panel;
#[expect(clippy::module_inception, reason = "it holds the type of that name")]
mod registry;
mod roster;
mod saturation;
mod setting;
mod snapshot;
mod switch;
mod text;

pub use engine::Engine;
pub use identity::Identity;
pub use journal::{Event, EventLevel};
pub use overrides::{Override, OverrideSnapshot};
pub use registry::Registry;
pub use setting::{Setting, SettingSource, SettingValue};
pub use snapshot::{EngineDetail, EngineSnapshot, RegistrySnapshot};

#[cfg(feature = "admin")]
pub(crate) use audit::by_hand;
pub(crate) use changes::{at_run_time, in_code};
#[cfg(feature = "stack")]
pub(crate) use fingerprint::Fingerprint;
#[cfg(feature = "stack")]
pub(crate) use panel::Membership;
pub(crate) use panel::Panel;
pub(crate) use roster::{Member, Switched};
pub(crate) use setting::Visit;
#[cfg(feature = "admin")]
pub(crate) use text::presentable;
#[cfg(any(feature = "circuit-breaker", feature = "bulkhead"))]
pub(crate) use text::presentable_debug;
