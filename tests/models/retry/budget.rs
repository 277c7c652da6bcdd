//! A budget as one would write it down, in billionths of a token.

use buttress::{BudgetConfig, RetryBudgetSnapshot};

const TOKEN: u64 = 1_000_000_000;

#[derive(Clone, Copy, Debug)]
pub struct Budget {
    config: BudgetConfig,
    tokens: u64,
    filled: u64,
    withdrawn: u64,
    returned: u64,
    refused: u64,
}

impl Budget {
    pub fn full(config: BudgetConfig) -> Self {
        let tokens = u64::from(config.capacity) * TOKEN;
        Self { config, tokens, filled: 0, withdrawn: 0, returned: 0, refused: 0 }
    }

    fn earn(&mut self, income: u64, now: u64) {
        let by_time = units(self.config.per_second) / 1_000 * (now - self.filled);
        self.tokens = (self.tokens + by_time + income).min(u64::from(self.config.capacity) * TOKEN);
        self.filled = now;
    }

    pub fn deposit(&mut self, now: u64) {
        self.earn(units(self.config.ratio), now);
    }

    pub fn withdraw(&mut self, now: u64) -> bool {
        self.earn(0, now);
        let granted = self.tokens >= TOKEN;
        self.tokens -= if granted { TOKEN } else { 0 };
        let count = if granted { &mut self.withdrawn } else { &mut self.refused };
        *count += 1;
        granted
    }

    pub fn give_back(&mut self, now: u64) {
        self.returned += 1;
        self.earn(TOKEN, now);
    }

    pub fn set(&mut self, config: BudgetConfig, now: u64) {
        self.earn(0, now);
        self.config = config;
        self.earn(0, now);
    }

    /// Available, capacity, withdrawn, returned, refused.
    pub fn shows(mut self, now: u64) -> [u64; 5] {
        self.earn(0, now);
        [self.tokens, self.config.capacity.into(), self.withdrawn, self.returned, self.refused]
    }
}

fn units(tokens: f64) -> u64 {
    (tokens * TOKEN as f64).round() as u64
}

pub fn told(snapshot: RetryBudgetSnapshot) -> [u64; 5] {
    let capacity = snapshot.capacity.into();
    [units(snapshot.available), capacity, snapshot.withdrawn, snapshot.returned, snapshot.refused]
}

/// What time brings in a millisecond is whole.
pub const BUDGETS: [(f64, f64, u32); 5] =
    [(0.1, 1.0, 15), (0.5, 0.0, 2), (0.0, 2.0, 2), (0.25, 0.125, 3), (1.5, 0.0, 1)];

pub fn config((ratio, per_second, capacity): (f64, f64, u32)) -> BudgetConfig {
    BudgetConfig::default().ratio(ratio).per_second(per_second).capacity(capacity)
}
