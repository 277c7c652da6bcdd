use std::fmt::{self, Debug};
use std::hash::RandomState;

use super::circuit::{Circuit, Common};
use crate::algo::breaker::Settings;
use crate::algo::keyed::Table;
use crate::circuit_breaker::config::CircuitBreakerConfig;
use crate::circuit_breaker::permit::Desk;
use crate::clock;
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::name::Name;
use crate::places::{Places, keyed_engine};
use crate::registry::{Panel, Registry, Visit};
use crate::sync::{Arc, AtomicU64, lock};

/// A circuit breaker for each key, in a table of bounded size, shared by all clones: the handle of a
/// [`KeyedCircuitBreakerLayer`].
///
/// Keys are whatever is `Hash` and `Debug`: the number of a shard, an authority, the name of a tenant. `"ada"` and
/// `String::from("ada")` are the same key, `1_u32` and `1_u64` are not. They are told apart by a 64-bit hash under
/// secret numbers of the engine's own; of the text, which is for people, the first 200 characters are kept. It is seen in
/// logs and wherever keys are [listed](Self::worst), so a key that is a secret should not show itself by `Debug`.
///
/// [`KeyedCircuitBreakerLayer`]: super::KeyedCircuitBreakerLayer
///
/// There is no `subscribe` as there is for one breaker: where all keys fail at once, a listener would be called for each of
/// them by the calls that found out. What opened and closed is in the log and among the registry's events, with the
/// key, and [`worst`](Self::worst) tells who is open now.
///
/// ```
/// use buttress::{CircuitBreakerConfig, CircuitState, KeyedCircuitBreaker, Verdict};
///
/// let breaker = KeyedCircuitBreaker::new(CircuitBreakerConfig::default()).named("storage");
/// for call in 0..1_600_u32 {
///     let shard = call % 16;
///     let verdict = if shard == 7 { Verdict::failure("timeout") } else { Verdict::success() };
///     breaker.try_admit(&shard).unwrap().settle(verdict);
/// }
/// assert!(breaker.try_admit(&7_u32).is_err());
/// assert!(breaker.try_admit(&8_u32).is_ok());
/// let worst = &breaker.worst(1)[0];
/// assert_eq!((worst.key.as_str(), worst.circuit.state), ("7", CircuitState::Open));
/// ```
#[derive(Clone)]
pub struct KeyedCircuitBreaker(pub(super) Arc<Shared>);

/// The atomics here are numbers that stand for themselves, hence relaxed.
pub(super) struct Shared {
    pub(super) common: Arc<Common>,
    pub(super) table: Table<Circuit>,
    pub(super) hasher: RandomState,
    pub(super) places: Places,
    /// Of all keys that found no place.
    pub(super) strangers: Arc<Circuit>,
    /// Lets calls without a key pass, and counts them.
    pub(super) unguarded: Arc<Circuit>,
    pub(super) not_ready: AtomicU64,
}

const MAX_KEYS: u64 = 1_024;

impl KeyedCircuitBreaker {
    /// An engine with these settings for each key.
    ///
    /// # Panics
    ///
    /// If a setting breaks a rule. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    #[must_use]
    pub fn new(config: CircuitBreakerConfig) -> Self {
        valid(Self::try_new(config))
    }

    /// An engine with these settings for each key.
    ///
    /// # Errors
    ///
    /// If a setting breaks a rule.
    #[track_caller]
    pub fn try_new(config: CircuitBreakerConfig) -> Result<Self, InvalidConfig> {
        let settings = config.check()?;
        let panel = Panel::new("circuit_breaker", Name::of_caller());
        Ok(Self::unchecked(panel, config, settings, Places::new(MAX_KEYS)))
    }

    fn unchecked(panel: Panel, config: CircuitBreakerConfig, settings: Settings, places: Places) -> Self {
        let common = Arc::new(Common::new(panel, config, settings));
        let special = |name: &str| Arc::new(Circuit::new(&common, name.into(), clock::now()));
        let shared = Arc::new(Shared {
            table: Table::new(),
            hasher: RandomState::new(),
            places,
            strangers: special("(keys without a place)"),
            unguarded: special("(no key)"),
            not_ready: AtomicU64::new(0),
            common,
        });
        Registry::global().join(&shared, &shared);
        Self(shared)
    }

    /// The same, under this name. By default it is named after the place that made it.
    #[must_use]
    pub fn named(self, name: impl Into<Name>) -> Self {
        self.0.common.panel.set_name(name.into(), Arc::strong_count(&self.0));
        self
    }

    /// The same settings with a table and counters of their own, for another dependency.
    #[must_use]
    pub fn fork(&self, name: impl Into<Name>) -> Self {
        let panel = self.0.common.panel.fork(name.into());
        let (config, settings) = lock(&self.0.common.settings).clone();
        Self::unchecked(panel, config, settings, self.0.places.fork())
    }

    /// The name in rejections, events and snapshots, whatever the key.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.common.panel.name()
    }

    /// The settings in force, of each key.
    pub fn config(&self) -> CircuitBreakerConfig {
        lock(&self.0.common.settings).0.clone()
    }

    /// Changes the settings of all keys, those included that are to come. State and counts stay, see
    /// [`CircuitBreaker::set_config`](super::super::CircuitBreaker::set_config). Takes time in proportion to the number of keys;
    /// meanwhile calls with known keys go on, and new keys wait.
    ///
    /// # Errors
    ///
    /// If a setting breaks a rule. Nothing is changed then.
    pub fn set_config(&self, config: CircuitBreakerConfig) -> Result<(), InvalidConfig> {
        let settings = config.check()?;
        self.at_run_time(|| self.put_config(config, settings));
        Ok(())
    }

    fn put_config(&self, config: CircuitBreakerConfig, settings: Settings) {
        let shared = &*self.0;
        let now = clock::now();
        let changed = shared.table.change(|mut circuits| {
            let seed = {
                let mut known = lock(&shared.common.settings);
                let seed = (config.seed != known.0.seed).then_some(config.seed);
                *known = (config, settings);
                seed
            };
            circuits.push(Arc::clone(&shared.strangers));
            let reconfigure = |circuit: Arc<Circuit>| {
                let after = circuit.shell.reconfigure(settings, seed.map(crate::rng::Rng::new), now);
                (circuit, after)
            };
            circuits.into_iter().map(reconfigure).collect::<Vec<_>>()
        });
        // Nobody has to wait at the door for what is told of it.
        changed.into_iter().for_each(|(circuit, after)| circuit.finish(after));
    }

    /// Switches the dry run, of all keys: it decides as ever, counts what it would reject, and lets it pass.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.common.panel.set_dry_run(dry_run));
        self.0.mode_changed();
    }

    /// How many keys the table holds.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.0.table.len()).unwrap_or(usize::MAX)
    }
}

impl Shared {
    fn settings(&self, visit: &mut Visit<'_>) {
        let config = lock(&self.common.settings).0.clone();
        config.tell(visit);
        self.places.tell(visit, MAX_KEYS);
        self.common.panel.tell_dry_run(visit);
    }

    /// Who waits may not have to any more.
    fn mode_changed(&self) {
        let now = clock::now();
        // Not at the door: wakers are the executor's code.
        let mut all = self.table.change(|all| all);
        all.push(Arc::clone(&self.strangers));
        all.iter().for_each(|circuit| circuit.finish(circuit.shell.wake(now)));
    }
}

panel!(KeyedCircuitBreaker(Shared), common.panel, changed: mode_changed);
keyed_engine!(
    KeyedCircuitBreaker,
    /// Changes how many keys the table may hold. By default 1,024; each takes some 2 kB. If that is fewer than it
    /// holds, they go as others come. When all places are taken, a key goes that is [as good as new](super::super#per-key);
    /// a new key looks at up to 64 others for that. If none of them can go, nobody looks for a millisecond.
);

impl Debug for KeyedCircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreaker").field("name", &self.name()).field("keys", &self.len()).finish()
    }
}
