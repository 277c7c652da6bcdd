//! Those who watch and switch while the calls go on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use buttress::circuit_breaker::Window;
use buttress::metrics::{TextFormat, text};
use buttress::rate_limit::Overflow;
use buttress::registry::{Override, Registry};
use buttress::retry::Jitter;
use buttress::{Backoff, InvalidConfig, Mode, Quota, client_stack};
use tokio::time::sleep;
use tower::Layer;

use crate::dice::Dice;
use crate::grows::Grows;
use crate::inner::{Counts, Inner};
use crate::laws;
use crate::stack::{self, Engines, MS};

/// What is wrong, as it was seen while calls were made.
#[derive(Debug, Default)]
pub struct Wrong(Mutex<Vec<String>>);

impl Wrong {
    pub fn note(&self, what: impl IntoIterator<Item = String>) {
        let mut list = self.0.lock().expect("nobody panics with it");
        // What is wrong once is wrong often.
        let room = 3_usize.saturating_sub(list.len());
        list.extend(what.into_iter().take(room));
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics with it"))
    }
}

/// At least so many counters count something in a stack of every kind of engine.
const SEEN: usize = 100;
/// The stack of engines that come and go.
const PASSING: &str = "soak/passing";

#[derive(Debug)]
pub struct Control {
    pub engines: Engines,
    pub inner: Arc<Counts>,
    pub dice: Dice,
    pub wrong: Arc<Wrong>,
    pub grows: Grows,
}

impl Control {
    /// Until it is told to stop. How often it did something.
    pub async fn run(mut self, stop: &AtomicBool) -> u64 {
        let mut actions = 0;
        while !stop.load(Relaxed) {
            self.act().await.expect("these settings are valid");
            self.pause().await;
            actions += 1;
        }
        let few = actions > 1_000 && self.grows.seen() < SEEN;
        self.wrong.note(few.then(|| format!("only {} counters were seen to count", self.grows.seen())));
        actions
    }

    /// Up to a millisecond, as timers go.
    async fn pause(&mut self) {
        sleep(Duration::from_micros(self.dice.below(1_000))).await;
    }

    async fn act(&mut self) -> Result<(), InvalidConfig> {
        // What keeps calls from getting through is rare, so that most do.
        match self.dice.below(40) {
            0 => self.isolate().await,
            1 => self.bad_weather().await,
            2 => self.switch_all().await,
            3..6 => self.bypass().await,
            6..8 => self.engines.breaker.reset(),
            8 => self.hold_a_shard().await,
            9..13 => self.reconfigure_breaker()?,
            13 => self.change_places()?,
            14..20 => self.resize_bulkhead()?,
            20..26 => self.change_quotas()?,
            26..31 => self.change_times()?,
            31..35 => self.switch_one().await,
            35..38 => self.listen().await,
            _ => self.come_and_go(),
        }
        self.scrape();
        Ok(())
    }

    async fn isolate(&mut self) {
        if self.dice.below(2) == 0 {
            self.engines.breaker.isolate_for(MS / 2);
        } else {
            self.engines.breaker.isolate();
            self.pause().await;
            self.engines.breaker.automatic();
        }
    }

    async fn bypass(&mut self) {
        if self.dice.below(2) == 0 {
            self.engines.breaker.bypass_for(MS);
        } else {
            self.engines.breaker.bypass();
            self.pause().await;
            self.engines.breaker.automatic();
        }
    }

    /// One of the circuits by key is held, and kept in the table meanwhile.
    async fn hold_a_shard(&mut self) {
        let shard = stack::one_of(stack::SHARDS)(&self.dice.roll());
        let Some(circuit) = shard.and_then(|shard| self.engines.circuits.get_or_make(&shard)) else { return };
        match self.dice.below(4) {
            // These end by themselves.
            0 => circuit.isolate_for(MS / 2),
            1 => circuit.bypass_for(MS),
            2 => circuit.reset(),
            _ => {
                circuit.isolate();
                self.pause().await;
                circuit.automatic();
            }
        }
        self.pause().await;
    }

    /// So that the breaker opens by itself, and its trial calls fail.
    async fn bad_weather(&mut self) {
        self.inner.bad_weather.store(true, SeqCst);
        self.pause().await;
        self.pause().await;
        self.inner.bad_weather.store(false, SeqCst);
    }

    fn reconfigure_breaker(&mut self) -> Result<(), InvalidConfig> {
        let config = stack::breaker();
        let config = match self.dice.below(4) {
            0 => config,
            1 => config.window(Window::last_calls(100)).seed(self.dice.roll()),
            2 => config.slow_call_duration(2 * MS).slow_call_rate(0.5),
            _ => config.trial_calls(1).trial_successes(1).trial_timeout(MS),
        };
        let Engines { breaker, circuits, .. } = &self.engines;
        match self.dice.below(3) {
            0 => circuits.set_config(config),
            _ => breaker.set_config(config),
        }
    }

    /// Of all that have a table of keys.
    fn change_places(&mut self) -> Result<(), InvalidConfig> {
        let overflow = if self.dice.below(4) == 0 { Overflow::Reject } else { Overflow::Share };
        // Rarely few, or hardly any call would get any further.
        let least = if self.dice.below(8) == 0 { 0 } else { stack::MAX_SHARDS / 2 };
        let shards = least + 1 + self.dice.below(stack::MAX_SHARDS as u64 / 2) as usize;
        let Engines { keyed, circuits, compartments, .. } = &self.engines;
        keyed.set_max_keys(1_024 + self.dice.below(3_072) as usize)?;
        keyed.set_overflow(overflow);
        circuits.set_max_keys(shards)?;
        circuits.set_overflow(overflow);
        compartments.set_max_keys(shards)?;
        compartments.set_overflow(overflow);
        Ok(())
    }

    fn resize_bulkhead(&mut self) -> Result<(), InvalidConfig> {
        let Engines { bulkhead, compartments, .. } = &self.engines;
        // Often it may wait for ever, so that nothing but being called ends a wait by hand.
        let max_wait =
            if self.dice.below(2) == 0 { Duration::MAX } else { MS * (1 + self.dice.below(4) as u32) };
        compartments.set_queue(1 + self.dice.below(3) as usize, max_wait)?;
        compartments.set_limit(1 + self.dice.below(4) as usize)?;
        let [limit, queue] = if self.dice.below(8) == 0 { [1, 1] } else { [16, 44] };
        bulkhead.set_queue(queue + self.dice.below(32) as usize, max_wait)?;
        bulkhead.set_limit(limit + self.dice.below(32) as usize)
    }

    fn change_quotas(&mut self) -> Result<(), InvalidConfig> {
        let Engines { keyed, limiter, budget, .. } = &self.engines;
        limiter.set_quota(match self.dice.below(4) {
            // Some calls cost more.
            0 => Quota::per_second(100_000).burst(5),
            1 => Quota::per_second(200_000).burst(100),
            _ => stack::quota(),
        })?;
        keyed.set_quota(if self.dice.below(3) == 0 {
            Quota::per_second(10).burst(2)
        } else {
            stack::per_key()
        })?;
        budget.set_config(stack::budget().capacity(1 + self.dice.below(200) as u32))
    }

    fn change_times(&mut self) -> Result<(), InvalidConfig> {
        let Engines { total, retry, limiter, attempt, budget, .. } = &self.engines;
        total.set_limit(MS * (20 + self.dice.below(60) as u32))?;
        attempt.set_limit(MS * (2 + self.dice.below(20) as u32))?;
        limiter.set_max_wait(MS * (1 + self.dice.below(4) as u32))?;
        let (attempts, base) = (1 + self.dice.below(4) as u32, MS * (1 + self.dice.below(2) as u32));
        let policy = stack::policy().budget(budget.config()).max_attempts(attempts);
        retry.set_policy(policy.backoff(Backoff::exponential(base).cap(4 * MS)).jitter(Jitter::Equal))
    }

    async fn switch_one(&mut self) {
        let engines = self.engines.all();
        let engine = &engines[self.dice.below(engines.len() as u64) as usize];
        let what = Override::new(self.mode()).reason("soak").by("soak");
        if self.dice.below(2) == 0 {
            engine.set_override(what.time_to_live(MS));
        } else {
            engine.set_override(what);
            self.pause().await;
            engine.clear_override("soak");
        }
        self.engines.bulkhead.set_dry_run(true);
        self.engines.breaker.set_dry_run(true);
        self.pause().await;
        self.engines.bulkhead.set_dry_run(false);
        self.engines.breaker.set_dry_run(false);
    }

    async fn switch_all(&mut self) {
        let what = Override::new(self.mode()).reason("soak").by("soak");
        Registry::global().set_mode(what.time_to_live(MS));
        self.pause().await;
        Registry::global().clear_mode("soak");
    }

    fn mode(&mut self) -> Mode {
        Mode::ALL[self.dice.below(3) as usize]
    }

    /// Subscribes, and unsubscribes; now and then with a listener that panics.
    async fn listen(&mut self) {
        let seen = AtomicU64::new(0);
        let panics = self.dice.below(4) == 0;
        let subscription = self.engines.breaker.subscribe(move |event| {
            seen.fetch_add(1, Relaxed);
            if panics {
                std::panic::resume_unwind(Box::new("scripted"));
            }
            drop(event.to_string());
        });
        self.pause().await;
        drop(subscription);
    }

    /// Engines are made and dropped.
    fn come_and_go(&mut self) {
        let stack = client_stack(PASSING);
        drop((stack.layer(Inner::default()), self.engines.bulkhead.fork(PASSING)));
    }

    /// Everything that a scrape and a page of all engines look at. The laws hold at any moment.
    fn scrape(&mut self) {
        let snapshot = Registry::global().snapshot();
        drop(text(&snapshot, TextFormat::OpenMetrics));
        let ours =
            snapshot.engines.iter().filter(|engine| engine.identity.stack.as_str().starts_with("soak"));
        for engine in ours {
            self.wrong.note(laws::broken(engine));
        }
        self.wrong.note(self.grows.look(&snapshot, |stack| stack.starts_with("soak") && stack != PASSING));
        let keys = self.engines.keyed.len();
        self.wrong
            .note((keys > stack::MAX_KEYS).then(|| format!("{keys} keys, and never so many were allowed")));
        let _ = (self.engines.limiter.peek(), self.engines.keyed.peek(&1_u64));
        if self.dice.below(64) == 0 {
            self.engines.keyed.sweep();
        }
    }
}
