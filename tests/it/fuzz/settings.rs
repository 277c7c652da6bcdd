//! Any settings: refused by the name of a field that breaks its documented rule, or up to a hundred calls later the
//! laws hold, nothing is in flight, and a healthy call passes. (BC-24)

mod breaker;
mod bulkhead;
mod keyed;
mod rate_limit;
mod retry;
mod stack;
mod timeout;

use std::fmt::Debug;

use buttress::InvalidConfig;

pub use self::breaker::breaker_config;
pub use self::rate_limit::quota;
pub use self::retry::budget_config;
use super::documented::Wrong;
use super::input::Input;
use super::paused;

pub fn run(bytes: &[u8]) {
    paused(async {
        let mut input = Input::new(bytes);
        let input = &mut input;
        match input.below(10) {
            0 => breaker::breaker(input).await,
            1 => bulkhead::bulkhead(input).await,
            2 => bulkhead::queue(input).await,
            3 => rate_limit::rate_limit(input).await,
            4 => keyed::keyed_rate_limit(input).await,
            5 => retry::retry(input).await,
            6 => timeout::timeout(input).await,
            7 => stack::all(input).await,
            8 => keyed::keyed_breaker(input).await,
            _ => keyed::keyed_bulkhead(input).await,
        }
    });
}

/// What was built, if the settings are as documented.
pub fn built<T>(built: Result<T, InvalidConfig>, settings: &dyn Debug, wrong: Wrong) -> Option<T> {
    match built {
        Ok(built) => {
            assert!(wrong.0.is_empty(), "{settings:?} was taken, in spite of {wrong:?}");
            Some(built)
        }
        Err(error) => {
            assert!(wrong.0.contains(&error.field()), "{settings:?}: {error}, and not {wrong:?}");
            assert!(!error.rule().is_empty() && !error.value().is_empty(), "{error:?}");
            None
        }
    }
}
