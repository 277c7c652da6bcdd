//! What happens to a breaker, and its settings.

use buttress::CircuitBreakerConfig;
use buttress::circuit_breaker::{Outage, Window};

use super::model::Ending;
use crate::history::{Draw, Index, ms};
use crate::world::Switch;

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Admit,
    /// Waits until it may.
    Acquire,
    /// All who were woken look again.
    PollWoken,
    GiveUp(Index),
    End(Index, Ending),
    Pass(u64),
    Isolate(Option<u64>),
    Bypass(Option<u64>),
    Automatic,
    Reset,
    Switch(Switch),
    Config(usize),
}

const S: Ending = Ending::Success;
const F: Ending = Ending::Failure("error");
const G: Ending = Ending::Failure("503");
const ENDINGS: [Ending; 16] = [
    S,
    F,
    S,
    F,
    S,
    F,
    S,
    G,
    S,
    F,
    F,
    Ending::Throttled,
    Ending::Ignored,
    Ending::Dropped,
    Ending::Dropped,
    Ending::Panicked,
];

impl Op {
    pub fn of(mut draw: Draw) -> Self {
        let kind = draw.below(256);
        let time = draw.millis(&[1_000, 5_000]);
        let time_to_live = draw.one_of(&[None, Some(time), Some(time)]);
        match kind {
            0..80 => Self::Admit,
            80..90 => Self::Acquire,
            90..98 => Self::PollWoken,
            98..100 => Self::GiveUp(draw.index()),
            100..200 => Self::End(draw.index(), draw.one_of(&ENDINGS)),
            200..240 => Self::Pass(draw.millis(&[1, 300, 3_000, 20_000])),
            240..242 => Self::Isolate(time_to_live),
            242..244 => Self::Bypass(time_to_live),
            244..246 => Self::Automatic,
            246..248 => Self::Reset,
            248..252 => Self::Switch(Switch::draw(&mut draw)),
            _ => Self::Config(draw.below(CONFIGS as u64) as usize),
        }
    }
}

pub const CONFIGS: usize = 6;

/// Both windows, each rule, and what has no end.
pub fn config(which: usize) -> CircuitBreakerConfig {
    let usual = CircuitBreakerConfig::default().open_time_jitter(0.0);
    let timed = usual
        .clone()
        .window(Window::Time { length: ms(1_200), buckets: 4 })
        .min_calls(4)
        .failure_rate(0.6)
        .outage(Outage::new(3, ms(1_000)))
        .open_time(ms(1_000))
        .open_time_cap(ms(2_000))
        .trial_timeout(ms(2_000));
    match which {
        0 => usual.window(Window::last_calls(10)).min_calls(10).outage(None).trial_calls(3),
        1 => usual
            .window(Window::last_calls(3))
            .min_calls(2)
            .outage(None)
            .trial_calls(1)
            .trial_successes(1)
            .trial_timeout(ms(700))
            .open_time(ms(1_000))
            .open_time_factor(2.0)
            .open_time_cap(ms(3_000)),
        2 => timed,
        3 => timed.slow_call_duration(ms(200)).slow_call_rate(0.7).cancelled_after(ms(1_000)),
        4 => timed
            .window(Window::last_calls(4))
            .failure_rate(1.0)
            .outage(Outage::new(2, ms(0)))
            .cancelled_after(None),
        _ => timed
            .trial_timeout(std::time::Duration::MAX)
            .outage(None)
            .slow_call_duration(ms(1))
            .slow_call_rate(1.0),
    }
}
