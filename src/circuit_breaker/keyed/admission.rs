//! How a call gets in.

use std::fmt::Debug;
use std::future::poll_fn;
use std::hash::{BuildHasher, Hash};

use super::circuit::{Circuit, KeyedCircuit};
use super::engine::KeyedCircuitBreaker;
use super::permit::KeyedCircuitPermit;
use crate::algo::keyed::Overflow;
use crate::circuit_breaker::permit::Desk;
use crate::circuit_breaker::wait::Wait;
use crate::clock;
use crate::registry::presentable_debug;
use crate::reject::{Rejected, RejectedKind, Source};
use crate::sync::{Arc, Ordering::Relaxed};
use crate::units::Instant;

impl KeyedCircuitBreaker {
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
            let max_keys = shared.places.max_keys();
            shared.table.find_or_make(hash, now, max_keys, || presentable_debug(key), make)
        })
    }

    /// The circuit of a key that found no place, unless it is to have none.
    #[cold]
    fn overflow_circuit(&self) -> Option<Arc<Circuit>> {
        (self.0.places.overflow() == Overflow::Share).then(|| Arc::clone(&self.0.strangers))
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
}
