use crate::algo::budget::{SharedBudget, TOKEN, Terms};
use crate::algo::counter::Counter;
use crate::clock;
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::name::Name;
use crate::registry::{Panel, Registry, Visit};
use crate::sync::{Arc, AtomicU64, Mutex, Ordering::Relaxed, lock};
use crate::units::Instant;

/// What a [`RetryBudget`] earns and holds.
///
/// Plain data: it is checked when a budget is made of it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BudgetConfig {
    /// Repeats per call, as a share. Default 0.1; zero, or from 0.000001 to 5.
    pub ratio: f64,
    /// Repeats per second besides, for who calls rarely. Default 1; zero, or from 0.001 to the
    /// capacity.
    pub per_second: f64,
    /// How many repeats can be saved up. Default 15; at least 1. A budget starts full.
    pub capacity: u32,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self { ratio: 0.1, per_second: 1.0, capacity: 15 }
    }
}

impl BudgetConfig {
    /// Repeats per call, as a share: zero, or from 0.000001 to 5.
    #[must_use]
    pub fn ratio(self, ratio: f64) -> Self {
        Self { ratio, ..self }
    }

    /// Repeats per second besides: zero, or from 0.001 to the capacity.
    #[must_use]
    pub fn per_second(self, per_second: f64) -> Self {
        Self { per_second, ..self }
    }

    /// How many repeats can be saved up. At least 1.
    #[must_use]
    pub fn capacity(self, capacity: u32) -> Self {
        Self { capacity, ..self }
    }

    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        // Comparisons are false for NaN; the bits tell zero from its negative.
        let within = |value: f64, least: f64, most: f64| {
            value.to_bits() == 0.0_f64.to_bits() || (least..=most).contains(&value)
        };
        let rule = "must be a share of the calls, zero or from 0.000001 to 5, not a percentage";
        InvalidConfig::check(within(self.ratio, 1e-6, 5.0), "budget.ratio", self.ratio, rule)?;
        InvalidConfig::check(self.capacity > 0, "budget.capacity", self.capacity, "must be at least 1")?;
        let rule = "must be zero, or from 0.001 to the capacity";
        let fits = within(self.per_second, 1e-3, f64::from(self.capacity));
        InvalidConfig::check(fits, "budget.per_second", self.per_second, rule)
    }

    fn terms(&self) -> Terms {
        Terms::new(self.ratio, self.per_second, self.capacity)
    }
}

/// How much of the traffic may be repeats: the brake on retry storms.
///
/// Each call deposits a share of a token once its first attempt is answered, however; each repeat takes a whole one. So
/// while little fails, nearly everything that fails is repeated; in an outage the service sees hardly
/// more than its usual traffic. A call whose first attempt a layer below refused, such as a circuit breaker that is open,
/// deposits nothing: it is no traffic of the service's, and would fill the budget for the moment at which the circuit
/// closes. Each retry layer has a budget of its own;
/// [`RetryLayer::budget`](super::RetryLayer::budget) puts one over several. All clones are the same
/// budget.
///
/// It also works without tower:
///
/// ```
/// use buttress::{BudgetConfig, RetryBudget};
///
/// let budget = RetryBudget::new(BudgetConfig::default().ratio(0.5).per_second(0.0).capacity(1));
/// assert!(budget.try_withdraw());
/// assert!(!budget.try_withdraw());
/// budget.deposit();
/// budget.deposit();
/// assert!(budget.try_withdraw());
/// ```
#[doc(alias = "TpsBudget")]
#[doc(alias = "token_bucket")]
#[derive(Clone, Debug)]
pub struct RetryBudget(Arc<Shared>);

/// The other counters are values of their own, which publish nothing: relaxed.
#[derive(Debug)]
struct Shared {
    panel: Panel,
    tokens: SharedBudget,
    withdrawn: AtomicU64,
    /// Releases, and read first: a snapshot that sees a token come back sees that it was withdrawn.
    returned: Counter,
    refused: AtomicU64,
    // As it was given; each call reads the terms in `tokens` instead.
    config: Mutex<BudgetConfig>,
}

/// The state of a [`RetryBudget`]; the counters are since it was made.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RetryBudgetSnapshot {
    /// The name of the budget.
    pub name: Name,
    /// How many repeats it would allow now.
    pub available: f64,
    /// How many it can save up.
    pub capacity: u32,
    /// Tokens that were taken.
    pub withdrawn: u64,
    /// Tokens that came back, because the repeat was not made.
    pub returned: u64,
    /// How often there was none.
    pub refused: u64,
}

impl RetryBudget {
    /// A full budget.
    ///
    /// # Panics
    ///
    /// If a setting is out of its range. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    #[must_use]
    pub fn new(config: BudgetConfig) -> Self {
        valid(Self::try_new(config))
    }

    /// A full budget.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range.
    #[track_caller]
    pub fn try_new(config: BudgetConfig) -> Result<Self, InvalidConfig> {
        config.check()?;
        Ok(Self::unchecked(Name::of_caller(), config))
    }

    pub(super) fn unchecked(name: Name, config: BudgetConfig) -> Self {
        let shared = Arc::new(Shared {
            panel: Panel::new("retry_budget", name),
            tokens: SharedBudget::new(config.terms()),
            withdrawn: AtomicU64::new(0),
            returned: Counter::default(),
            refused: AtomicU64::new(0),
            config: Mutex::new(config),
        });
        Registry::global().join(&shared, &shared);
        Self(shared)
    }

    /// The same, under this name. By default it is named after its layer, or the place that made it.
    #[must_use]
    pub fn named(self, name: impl Into<Name>) -> Self {
        self.rename(name.into());
        self
    }

    pub(super) fn rename(&self, name: Name) {
        self.0.panel.set_name(name, Arc::strong_count(&self.0));
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.panel.name()
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> BudgetConfig {
        *lock(&self.0.config)
    }

    /// Changes the settings. What was saved up stays, up to the new capacity.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range; nothing is changed then.
    pub fn set_config(&self, config: BudgetConfig) -> Result<(), InvalidConfig> {
        config.check()?;
        self.at_run_time(|| {
            let now = clock::now();
            let mut current = lock(&self.0.config);
            *current = config;
            self.0.tokens.set_terms_at(config.terms(), now);
        });
        Ok(())
    }

    /// The share of one call. Once for each call whose first attempt was sent.
    pub fn deposit(&self) {
        self.0.tokens.deposit();
    }

    /// Takes a token for one repeat, if there is one.
    #[must_use = "without a token nothing may be repeated"]
    pub fn try_withdraw(&self) -> bool {
        self.try_withdraw_at(clock::now())
    }

    fn try_withdraw_at(&self, now: Instant) -> bool {
        let granted = self.0.tokens.try_withdraw_at(now);
        if !granted {
            clock::check_now_and_then();
        }
        let count = if granted { &self.0.withdrawn } else { &self.0.refused };
        count.fetch_add(1, Relaxed);
        granted
    }

    pub(super) fn token_at(&self, now: Instant) -> Option<Token> {
        self.try_withdraw_at(now).then(|| Token(Some(self.clone())))
    }

    /// The state now.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn snapshot(&self) -> RetryBudgetSnapshot {
        let shared = &*self.0;
        let config = lock(&shared.config);
        // Under the lock of a change, so that they belong together.
        let (available, capacity) = (shared.tokens.available_at(clock::now()), config.capacity);
        drop(config);
        RetryBudgetSnapshot {
            name: self.name(),
            available: available as f64 / TOKEN as f64,
            capacity,
            // Before the withdrawals, so that never more came back than was taken.
            returned: shared.returned.get(),
            withdrawn: shared.withdrawn.load(Relaxed),
            refused: shared.refused.load(Relaxed),
        }
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Shared {
    fn settings(&self, visit: &mut Visit<'_>) {
        let config = *lock(&self.config);
        let default = BudgetConfig::default();
        visit("ratio", config.ratio.into(), Some(default.ratio.into()));
        visit("per_second", config.per_second.into(), Some(default.per_second.into()));
        visit("capacity", config.capacity.into(), Some(default.capacity.into()));
    }
}

panel!(RetryBudget(Shared), panel);

/// A token that was taken for a repeat. It goes back if the repeat is not made.
#[derive(Debug)]
pub(super) struct Token(Option<RetryBudget>);

impl Token {
    /// The repeat is made.
    pub(super) fn spend(mut self) {
        self.0 = None;
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if let Some(budget) = &self.0 {
            budget.0.returned.add();
            budget.0.tokens.give_back();
        }
    }
}
