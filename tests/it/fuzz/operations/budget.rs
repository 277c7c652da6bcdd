//! A retry budget beside a number of tokens.

use buttress::{BudgetConfig, RetryBudget};
use tokio::time::{Instant, advance};

use super::super::input::Input;
use super::super::{laws, settings};

/// In billionths of a token.
struct Tokens {
    config: BudgetConfig,
    tokens: u128,
    since: Instant,
}

const TOKEN: u128 = 1_000_000_000;

fn units(tokens: f64) -> u128 {
    (tokens * TOKEN as f64).round() as u128
}

impl Tokens {
    fn earn(&mut self, tokens: u128) {
        let most = u128::from(self.config.capacity) * TOKEN;
        self.tokens = (self.tokens + tokens).min(most);
    }

    /// What time has earned since it was looked at last.
    fn pass(&mut self) {
        let now = Instant::now();
        let nanos = (now - self.since).as_nanos();
        self.since = now;
        self.earn(nanos * units(self.config.per_second) / TOKEN);
    }

    fn withdraw(&mut self) -> bool {
        self.pass();
        let granted = self.tokens >= TOKEN;
        self.tokens -= if granted { TOKEN } else { 0 };
        granted
    }

    fn set(&mut self, config: BudgetConfig) {
        self.pass();
        self.config = config;
        self.earn(0);
    }
}

pub async fn run(input: &mut Input<'_>) {
    let config = settings::budget_config(input);
    let Ok(budget) = RetryBudget::try_new(config) else { return };
    let mut tokens = Tokens { config, tokens: u128::from(config.capacity) * TOKEN, since: Instant::now() };
    for _ in 0..300 {
        if input.is_empty() {
            break;
        }
        match input.below(16) {
            0..=5 => assert_eq!(budget.try_withdraw(), tokens.withdraw(), "{budget:?}"),
            6..=12 => {
                budget.deposit();
                tokens.earn(units(tokens.config.ratio));
            }
            13 | 14 => advance(input.pause()).await,
            _ => {
                let config = settings::budget_config(input);
                if budget.set_config(config).is_ok() {
                    tokens.set(config);
                }
            }
        }
        laws::hold(budget.clone());
    }
    let s = budget.snapshot();
    tokens.pass();
    assert!((s.available - tokens.tokens as f64 / TOKEN as f64).abs() < 1e-6, "{s:?} {}", tokens.tokens);
}
