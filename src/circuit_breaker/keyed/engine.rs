use std::fmt::{self, Debug};
use std::future::poll_fn;
use std::hash::{BuildHasher, Hash, RandomState};

use super::circuit::{Circuit, Common, KeyedCircuit};
use super::permit::KeyedCircuitPermit;
use super::snapshot::{KeyedCircuitBreakerSnapshot, KeyedCircuitSnapshot, States, Sum};
use crate::algo::breaker::{CircuitState, Settings};
use crate::algo::keyed::{Overflow, Table, Worst};
use crate::algo::window::Counts;
use crate::circuit_breaker::config::CircuitBreakerConfig;
use crate::circuit_breaker::permit::Desk;
use crate::circuit_breaker::wait::Wait;
use crate::clock;
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::name::Name;
use crate::registry::{Panel, Registry, Visit, presentable_debug};
use crate::reject::{Rejected, RejectedKind, Source};
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering::Relaxed, lock};
use crate::units::{Instant, rate};

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
pub struct KeyedCircuitBreaker(Arc<Shared>);

/// The atomics here are numbers that stand for themselves, hence relaxed.
struct Shared {
    common: Arc<Common>,
    table: Table<Circuit>,
    hasher: RandomState,
    max_keys: AtomicU64,
    rejects_overflow: AtomicBool,
    /// Of all keys that found no place.
    strangers: Arc<Circuit>,
    /// Lets calls without a key pass, and counts them.
    unguarded: Arc<Circuit>,
    overflowed: AtomicU64,
    not_ready: AtomicU64,
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
        Ok(Self::unchecked(panel, config, settings, MAX_KEYS, false))
    }

    fn unchecked(
        panel: Panel,
        config: CircuitBreakerConfig,
        settings: Settings,
        max_keys: u64,
        rejects_overflow: bool,
    ) -> Self {
        let common = Arc::new(Common::new(panel, config, settings));
        let special = |name: &str| Arc::new(Circuit::new(&common, name.into(), clock::now()));
        let shared = Arc::new(Shared {
            table: Table::new(),
            hasher: RandomState::new(),
            max_keys: AtomicU64::new(max_keys),
            rejects_overflow: AtomicBool::new(rejects_overflow),
            strangers: special("(keys without a place)"),
            unguarded: special("(no key)"),
            overflowed: AtomicU64::new(0),
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
        let rejects_overflow = self.0.rejects_overflow.load(Relaxed);
        Self::unchecked(panel, config, settings, self.0.max_keys.load(Relaxed), rejects_overflow)
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

    /// The most keys that the table may hold.
    #[must_use]
    pub fn max_keys(&self) -> usize {
        usize::try_from(self.0.max_keys.load(Relaxed)).unwrap_or(usize::MAX)
    }

    /// Changes how many keys the table may hold. By default 1,024; each takes some 2 kB. If that is fewer than it
    /// holds, they go as others come. When all places are taken, a key goes that is [as good as new](super::super#per-key);
    /// a new key looks at up to 64 others for that.
    ///
    /// # Errors
    ///
    /// If it is zero.
    pub fn set_max_keys(&self, max: usize) -> Result<(), InvalidConfig> {
        InvalidConfig::check(max > 0, "max_keys", max, "must be at least 1")?;
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        self.at_run_time(|| self.0.max_keys.store(max, Relaxed));
        Ok(())
    }

    /// What happens to a new key while all places are taken.
    #[must_use]
    pub fn overflow(&self) -> Overflow {
        if self.0.rejects_overflow.load(Relaxed) { Overflow::Reject } else { Overflow::Share }
    }

    /// Changes what happens to a new key while all places are taken. By default [`Overflow::Share`].
    pub fn set_overflow(&self, overflow: Overflow) {
        let rejects = overflow == Overflow::Reject;
        self.at_run_time(|| self.0.rejects_overflow.store(rejects, Relaxed));
    }

    /// Switches the dry run, of all keys: it decides as ever, counts what it would reject, and lets it pass.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.common.panel.set_dry_run(dry_run));
        self.0.mode_changed();
    }

    /// Lets a call with this key through, or says why not.
    ///
    /// # Errors
    ///
    /// If the circuit of this key is open, or half-open without a free slot; or if the key found no place, by that
    /// setting.
    pub fn try_admit<K: Hash + Debug + ?Sized>(&self, key: &K) -> Result<KeyedCircuitPermit, Rejected> {
        self.admit_at(key, clock::now())
    }

    /// As [`try_admit`](Self::try_admit), for a call that begins when its future is polled.
    #[inline]
    pub(super) fn admit<K: Hash + Debug + ?Sized>(&self, key: &K) -> Result<KeyedCircuitPermit, Rejected> {
        let hash = self.0.hasher.hash_one(key);
        let known = self.0.table.with(hash, |circuit| {
            let (ticket, is_timed) = circuit.shell.admit_closed()?;
            Some((Arc::clone(circuit), ticket, is_timed))
        });
        let Some((circuit, ticket, is_timed)) = known.flatten() else { return self.admit_rarely(key) };
        let started = if is_timed { clock::now() } else { Instant::NEVER };
        Ok(KeyedCircuitPermit::new(circuit, ticket, started).not_begun())
    }

    #[cold]
    fn admit_rarely<K: Hash + Debug + ?Sized>(&self, key: &K) -> Result<KeyedCircuitPermit, Rejected> {
        self.admit_at(key, clock::now()).map(KeyedCircuitPermit::not_begun)
    }

    fn admit_at<K: Hash + Debug + ?Sized>(
        &self,
        key: &K,
        now: Instant,
    ) -> Result<KeyedCircuitPermit, Rejected> {
        let Some(circuit) = self.find_or_make(key, now).or_else(|| self.overflow_circuit()) else {
            return self.refuse_stranger(now);
        };
        circuit.admit_at(now).map_err(|refusal| circuit.reject(refusal.retry_after))
    }

    /// Waits until a call with this key may proceed, for as long as it takes, see
    /// [`CircuitBreaker::acquire`](super::super::CircuitBreaker::acquire). Meanwhile the key keeps its place.
    ///
    /// ```
    /// use std::time::Duration;
    /// use buttress::{CircuitBreakerConfig, KeyedCircuitBreaker, Verdict};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let breaker = KeyedCircuitBreaker::new(CircuitBreakerConfig::default());
    /// breaker.get_or_make("shard-7").unwrap().isolate_for(Duration::from_millis(20));
    /// // Comes back after 20 ms.
    /// breaker.acquire("shard-7").await.unwrap().settle(Verdict::success());
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the key found no place, by that setting: there is nothing to wait for then.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Panics
    ///
    /// When it has to wait outside a tokio runtime with time enabled; that is tokio's own panic.
    pub async fn acquire<K: Hash + Debug + ?Sized>(&self, key: &K) -> Result<KeyedCircuitPermit, Rejected> {
        let now = clock::now();
        let Some(circuit) = self.find_or_make(key, now).or_else(|| self.overflow_circuit()) else {
            return self.refuse_stranger(now);
        };
        let mut wait = None;
        loop {
            if let Ok(permit) = circuit.admit_at(clock::now()) {
                return Ok(permit);
            }
            let wait = wait.get_or_insert_with(|| Wait::new(Arc::clone(&circuit)));
            poll_fn(|cx| wait.poll(cx)).await;
        }
    }

    /// A call without a key.
    pub(super) fn admit_unguarded(&self) -> KeyedCircuitPermit {
        let circuit = Arc::clone(&self.0.unguarded);
        let ticket = circuit.shell.pass();
        KeyedCircuitPermit::new(circuit, ticket, Instant::NEVER).not_begun()
    }

    fn find_or_make<K: Hash + Debug + ?Sized>(&self, key: &K, now: Instant) -> Option<Arc<Circuit>> {
        let shared = &*self.0;
        let hash = shared.hasher.hash_one(key);
        shared.table.with(hash, Arc::clone).or_else(|| {
            let make = |text| Circuit::new(&shared.common, text, now);
            let max_keys = shared.max_keys.load(Relaxed);
            shared.table.find_or_make(hash, now, max_keys, || presentable_debug(key), make)
        })
    }

    /// The circuit of a key that found no place, unless it is to have none.
    #[cold]
    fn overflow_circuit(&self) -> Option<Arc<Circuit>> {
        self.0.overflowed.fetch_add(1, Relaxed);
        (self.overflow() == Overflow::Share).then(|| Arc::clone(&self.0.strangers))
    }

    /// A call whose key is to have no place.
    #[cold]
    fn refuse_stranger(&self, now: Instant) -> Result<KeyedCircuitPermit, Rejected> {
        let circuit = Arc::clone(&self.0.strangers);
        match circuit.shell.refuse_anyway(circuit.mode()) {
            Ok(ticket) => Ok(KeyedCircuitPermit::new(circuit, ticket, now)),
            Err(refusal) => Err(circuit.reject(refusal.retry_after)),
        }
    }

    #[cold]
    pub(super) fn reject_not_ready(&self) -> Rejected {
        self.0.not_ready.fetch_add(1, Relaxed);
        let name = self.0.common.panel.name_id();
        Rejected::unsent(RejectedKind::NotReady, Source::CircuitBreaker, name, None)
    }

    /// The circuit of this key, if the table has it. Looking makes none.
    pub fn get<K: Hash + ?Sized>(&self, key: &K) -> Option<KeyedCircuit> {
        self.0.table.with(self.0.hasher.hash_one(key), Arc::clone).map(KeyedCircuit)
    }

    /// The circuit of this key, made if it is new: to isolate a key before it is called. `None` if it finds no place.
    pub fn get_or_make<K: Hash + Debug + ?Sized>(&self, key: &K) -> Option<KeyedCircuit> {
        self.find_or_make(key, clock::now()).map(KeyedCircuit)
    }

    /// The keys that are worst off, at most so many: first those that are open, then half-open ones, then by the
    /// share of failures and their number. Looks at all keys.
    #[must_use]
    pub fn worst(&self, most: usize) -> Vec<KeyedCircuitSnapshot> {
        let now = clock::now();
        let mut worst = Worst::new(most);
        let mut look = |circuit: &Arc<Circuit>| {
            let (view, totals) = circuit.shell.view_at(now);
            let Counts { recorded, failures, .. } = view.evidence.counts;
            let by_state = match view.state {
                CircuitState::Open => 2_u8,
                CircuitState::HalfOpen => 1,
                CircuitState::Closed => 0,
            };
            if by_state > 0 || totals.admitted > 0 {
                // A share is never negative, so its bits are in order.
                worst.look((by_state, rate(failures, recorded).to_bits(), failures), circuit);
            }
        };
        self.0.table.look(&mut look, |_| ());
        look(&self.0.strangers);
        let snapshot = |circuit: Arc<Circuit>| KeyedCircuitSnapshot {
            key: circuit.key.as_ref().into(),
            circuit: circuit.snapshot(),
        };
        worst.into_iter().map(snapshot).collect()
    }

    /// How many keys the table holds.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.0.table.len()).unwrap_or(usize::MAX)
    }

    /// Whether the table holds no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The counts of all keys together. Looks at one key after the other; a call with that key that fails just then
    /// may wait for the look.
    #[must_use]
    pub fn snapshot(&self) -> KeyedCircuitBreakerSnapshot {
        let shared = &*self.0;
        let now = clock::now();
        let [not_ready, overflowed] =
            [&shared.not_ready, &shared.overflowed].map(|count| count.load(Relaxed));
        let (mut states, mut here, mut gone) = (States::default(), Sum::default(), Sum::default());
        let look = |circuit: &Arc<Circuit>| {
            let seen = circuit.shell.view_at(now);
            states.count(&seen.0);
            here = here.plus(Sum::of(&seen));
        };
        shared.table.look(look, |sum| gone = gone.plus(*sum));
        let [strangers, unguarded] =
            [&shared.strangers, &shared.unguarded].map(|circuit| Sum::of(&circuit.shell.view_at(now)));
        let Sum { totals, opened, episodes, restarted } = here.plus(gone).plus(strangers).plus(unguarded);
        let (call_duration, at_once) = shared.common.durations.of(&totals);
        let rejected = totals.refused.saturating_add(not_ready);
        let ended = [totals.succeeded, totals.failed, totals.throttled, totals.ignored, totals.cancelled];
        KeyedCircuitBreakerSnapshot {
            name: self.name(),
            mode: shared.common.panel.mode(),
            keys: states.closed + states.open + states.half_open,
            max_keys: self.max_keys(),
            closed: states.closed,
            open: states.open,
            half_open: states.half_open,
            held: states.held,
            opened,
            episodes,
            trials_restarted: restarted,
            calls: totals.admitted.saturating_add(rejected),
            admitted: totals.admitted,
            rejected,
            not_ready,
            would_reject: totals.would_reject,
            succeeded: totals.succeeded,
            failed: totals.failed,
            throttled: totals.throttled,
            ignored: totals.ignored,
            cancelled: totals.cancelled,
            panicked: totals.panicked,
            late: totals.late,
            in_flight: ended.into_iter().fold(totals.admitted, u64::saturating_sub),
            unguarded: unguarded.totals.admitted,
            overflowed,
            call_duration,
            at_once,
        }
    }
}

impl Shared {
    fn settings(&self, visit: &mut Visit<'_>) {
        let config = lock(&self.common.settings).0.clone();
        config.tell(visit);
        visit("max_keys", self.max_keys.load(Relaxed).into(), Some(MAX_KEYS.into()));
        let overflow = if self.rejects_overflow.load(Relaxed) { "reject" } else { "share" };
        visit("overflow", overflow.into(), Some("share".into()));
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

impl Debug for KeyedCircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreaker").field("name", &self.name()).field("keys", &self.len()).finish()
    }
}
