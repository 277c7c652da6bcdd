//! Any operations on an engine, beside what one would keep in a few plain numbers.

mod breaker;
mod budget;
mod bulkhead;
mod limiter;

use super::input::Input;
use super::paused;

pub fn run(bytes: &[u8]) {
    paused(async {
        let mut input = Input::new(bytes);
        match input.below(4) {
            0 => breaker::run(&mut input).await,
            1 => bulkhead::run(&mut input).await,
            2 => limiter::run(&mut input).await,
            _ => budget::run(&mut input).await,
        }
    });
}
