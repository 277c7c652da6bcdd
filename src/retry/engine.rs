use std::time::Duration;

use super::budget::{RetryBudget, Token};
use super::decision::{Plan, Standing, Stop, final_result, plan};
use super::policy::RetryPolicy;
use super::snapshot::{Counts, RetrySnapshot};
use crate::clock;
use crate::deadline;
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::mode::Mode;
use crate::name::Name;
use crate::registry::{Engine, Identity, Panel, Registry, Visit};
use crate::rng::Rng;
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering::Relaxed, PoisonError, RwLock};
use crate::units::Instant;
use crate::verdict::Verdict;

/// The policy and its counters, shared by all clones: the handle of a [`RetryLayer`](super::RetryLayer).
///
/// It also works without tower:
///
/// ```
/// use buttress::{Retry, RetryPolicy};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let retry = Retry::new(RetryPolicy::default()).named("clock");
/// let mut answers = [Err(std::io::Error::other("busy")), Ok(7)].into_iter();
/// let answer = retry.run(|| std::future::ready(answers.next().unwrap())).await;
/// assert_eq!(answer.unwrap(), 7);
/// assert_eq!(retry.snapshot().attempts, 2);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Retry(Arc<Shared>);

/// Every atomic here is a value of its own: nothing is published through one, so all accesses are
/// relaxed.
#[derive(Debug)]
struct Shared {
    panel: Panel,
    // What each call asks for; the rest of the settings is read only when there is something to repeat.
    max_attempts: AtomicU64,
    has_budget: AtomicBool,
    counts: Counts,
    settings: RwLock<Settings>,
}

#[derive(Debug)]
struct Settings {
    policy: RetryPolicy,
    rng: Rng,
    budget: RetryBudget,
    /// The budget was given to us, and others may use it.
    shared_budget: bool,
}

/// What comes before the next attempt.
#[derive(Debug)]
pub(super) struct Pause {
    wait: Duration,
    pub(super) until: Instant,
    pub(super) backoff: Option<Duration>,
    pub(super) ticket: Ticket,
}

/// What goes with a repeat until it is sent.
#[derive(Debug)]
pub(super) struct Ticket {
    /// Of the result that is repeated.
    cause: &'static str,
    /// Goes back to the budget if the attempt is not made.
    token: Option<Token>,
}

impl Retry {
    /// An engine with this policy.
    ///
    /// # Panics
    ///
    /// If a setting is out of its range. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        valid(Self::try_new(policy))
    }

    /// An engine with this policy.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range.
    #[track_caller]
    pub fn try_new(policy: RetryPolicy) -> Result<Self, InvalidConfig> {
        policy.check()?;
        let name = Name::of_caller();
        let budget = RetryBudget::unchecked(name, policy.budget.unwrap_or_default());
        Ok(Self::unchecked(Panel::new("retry", name), policy, budget, false))
    }

    fn unchecked(panel: Panel, policy: RetryPolicy, budget: RetryBudget, shared_budget: bool) -> Self {
        let shared = Arc::new(Shared {
            panel,
            max_attempts: AtomicU64::new(policy.max_attempts.into()),
            has_budget: AtomicBool::new(policy.budget.is_some()),
            counts: Counts::default(),
            settings: RwLock::new(Settings { rng: Rng::new(policy.seed), policy, budget, shared_budget }),
        });
        Registry::global().join(&shared, &shared);
        Self(shared)
    }

    /// The same, under this name. By default it is named after the place that made it.
    #[must_use]
    pub fn named(self, name: impl Into<Name>) -> Self {
        let name = name.into();
        self.0.panel.set_name(name, Arc::strong_count(&self.0));
        self.with_settings(|settings| {
            if !settings.shared_budget {
                settings.budget.rename(name);
            }
        });
        self
    }

    /// Another engine with the same policy: counters at zero, the budget its own and full. A budget
    /// that was given to this one is given to the other too.
    #[must_use]
    pub fn fork(&self, name: impl Into<Name>) -> Self {
        let name = name.into();
        let policy = self.policy();
        self.with_settings(|settings| {
            let budget = if settings.shared_budget {
                settings.budget.clone()
            } else {
                RetryBudget::unchecked(name, settings.budget.config()).named(name)
            };
            Self::unchecked(self.0.panel.fork(name), policy, budget, settings.shared_budget)
        })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.panel.name()
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> RetryPolicy {
        self.with_settings(|settings| {
            let budget = settings.policy.budget.map(|_| settings.budget.config());
            settings.policy.clone().budget(budget)
        })
    }

    /// Changes the policy, from the next result on. The budget keeps what it has saved up.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range, or if the budget is shared and would be changed: that is for
    /// [`RetryBudget::set_config`]. Nothing is changed then.
    pub fn set_policy(&self, policy: RetryPolicy) -> Result<(), InvalidConfig> {
        policy.check()?;
        self.at_run_time(|| self.put_policy(policy))
    }

    fn put_policy(&self, policy: RetryPolicy) -> Result<(), InvalidConfig> {
        let mut settings = self.0.settings.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = policy.budget {
            if !settings.shared_budget {
                settings.budget.set_config(config)?;
            } else if config != settings.budget.config() {
                let rule = "is shared with others: change it through `RetryBudget::set_config`";
                return Err(InvalidConfig::new("budget", config, rule));
            }
        }
        self.0.max_attempts.store(policy.max_attempts.into(), Relaxed);
        self.0.has_budget.store(policy.budget.is_some(), Relaxed);
        if policy.seed != settings.policy.seed {
            settings.rng = Rng::new(policy.seed);
        }
        settings.policy = policy;
        Ok(())
    }

    /// The budget, if the policy has one.
    #[must_use]
    pub fn budget(&self) -> Option<RetryBudget> {
        self.0.has_budget.load(Relaxed).then(|| self.any_budget())
    }

    /// The budget, whether it is used or not.
    pub(super) fn any_budget(&self) -> RetryBudget {
        self.with_settings(|settings| settings.budget.clone())
    }

    pub(super) fn share_budget(&self, budget: RetryBudget) {
        let mut settings = self.0.settings.write().unwrap_or_else(PoisonError::into_inner);
        settings.policy.budget = Some(budget.config());
        settings.shared_budget |= !settings.budget.is(&budget);
        settings.budget = budget;
        self.0.has_budget.store(true, Relaxed);
    }

    /// Switches the dry run: what would be repeated is counted, and its result returned.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.panel.set_dry_run(dry_run));
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> RetrySnapshot {
        self.0.counts.snapshot(self.name(), self.0.panel.mode())
    }

    // No user code runs under this lock.
    fn with_settings<T>(&self, look: impl FnOnce(&Settings) -> T) -> T {
        look(&self.0.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a call of which this many attempts were sent may have another one.
    pub(super) fn has_attempt_after(&self, sent: u32) -> bool {
        u64::from(sent) < self.0.max_attempts.load(Relaxed)
    }

    /// The first attempt of a call is sent.
    pub(super) fn first(&self) {
        self.0.counts.call();
    }

    /// Another attempt of a call is sent.
    pub(super) fn again(&self, ticket: Ticket) {
        self.0.counts.retry(ticket.cause);
        if let Some(token) = ticket.token {
            token.spend();
        }
    }

    /// What follows from the result of an attempt: a pause and another one, or nothing.
    ///
    /// Nearly every result is the success of a first attempt, and costs neither the mode, the settings nor the clock.
    #[inline]
    pub(super) fn after(&self, budget: &RetryBudget, verdict: &Verdict, standing: Standing) -> Option<Pause> {
        if verdict.may_repeat() {
            return self.repeat(budget, verdict, standing);
        }
        self.earn(budget, verdict, standing);
        self.0.counts.ended(verdict, standing.sent, final_result(verdict));
        None
    }

    /// The share of a call, when it is known that nobody below refused its first attempt.
    #[inline]
    fn earn(&self, budget: &RetryBudget, verdict: &Verdict, standing: Standing) {
        let is_first = standing.sent <= 1;
        if is_first && !verdict.was_refused() && self.0.has_budget.load(Relaxed) {
            budget.deposit();
        }
    }

    #[inline(never)]
    fn repeat(&self, budget: &RetryBudget, verdict: &Verdict, standing: Standing) -> Option<Pause> {
        self.earn(budget, verdict, standing);
        if self.is_off() {
            return None;
        }
        let decided = self
            .with_settings(|settings| plan(&settings.policy, verdict, standing, || settings.rng.unit()))
            .and_then(|plan| self.afford(budget, plan, verdict.cause()));
        match decided {
            Ok(pause) if !self.0.panel.enforces() => {
                self.0.counts.would_retry();
                pause.ticket.token.into_iter().for_each(Token::spend);
                None
            }
            Ok(pause) => {
                let Identity { stack, layer, name, .. } = self.0.panel.identity();
                tracing::debug!(
                    %stack,
                    layer,
                    %name,
                    attempt = standing.sent.saturating_add(1),
                    cause = verdict.cause(),
                    wait = ?pause.wait,
                    "repeating a call"
                );
                Some(pause)
            }
            Err(stop) => {
                self.0.counts.ended(verdict, standing.sent, stop);
                None
            }
        }
    }

    /// Whether nothing is repeated, not even what waits to be.
    pub(super) fn is_off(&self) -> bool {
        self.0.panel.mode() == Mode::Off
    }

    /// Whether there is time for it, and a token.
    fn afford(&self, budget: &RetryBudget, plan: Plan, cause: &'static str) -> Result<Pause, Option<Stop>> {
        let now = clock::now();
        let until = now.saturating_add(plan.wait);
        // An attempt that begins at the very deadline could only be cut short.
        if until >= deadline::in_force(now) {
            return Err(Some(Stop::Deadline));
        }
        let token = if plan.costs && self.0.has_budget.load(Relaxed) {
            Some(budget.token_at(now).ok_or(Some(Stop::BudgetExhausted))?)
        } else {
            None
        };
        Ok(Pause { wait: plan.wait, until, backoff: plan.backoff, ticket: Ticket { cause, token } })
    }
}

impl Shared {
    fn settings(&self, visit: &mut Visit<'_>) {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        settings.policy.tell(visit);
        let budget = settings.policy.budget.map(|_| if settings.shared_budget { "shared" } else { "own" });
        drop(settings);
        visit("budget", budget.into(), Some("own".into()));
        self.panel.tell_dry_run(visit);
    }

    /// The budget, if it is nobody else's.
    fn own_budget(&self) -> Option<Engine> {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        (!settings.shared_budget).then(|| Engine::RetryBudget(settings.budget.clone()))
    }
}

panel!(Retry(Shared), panel, companion: own_budget);
