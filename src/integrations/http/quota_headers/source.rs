use std::hash::Hash;

use crate::key::KeyOf;
use crate::mode::Mode;
use crate::name::Name;
use crate::rate_limit::{KeyedRateLimiter, Quota, RateLimitPeek, RateLimiter};

/// Where a service finds the quota of a request.
pub trait Source<Req> {
    /// What is kept until the response is there.
    type Ticket: Ticket;

    /// Of this request.
    fn ticket(&self, request: &Req) -> Self::Ticket;
}

/// The quota of one call.
pub trait Ticket {
    /// The name of the limit, as in its rejections.
    fn name(&self) -> Name;

    /// The quota, and what is left of it; `None` if the call is not limited.
    fn read(&self) -> Option<(Quota, RateLimitPeek)>;
}

impl<Req> Source<Req> for RateLimiter {
    type Ticket = Self;

    fn ticket(&self, _: &Req) -> Self {
        self.clone()
    }
}

impl Ticket for RateLimiter {
    fn name(&self) -> Name {
        Self::name(self)
    }

    fn read(&self) -> Option<(Quota, RateLimitPeek)> {
        enforces(self.member().panel().mode()).then(|| (self.quota(), self.peek()))
    }
}

/// A limit for each key, and how to find it.
#[derive(Clone, Debug)]
pub struct PerKey<K> {
    pub(super) limiter: KeyedRateLimiter,
    pub(super) key: K,
}

/// The quota of one key.
#[derive(Debug)]
pub struct OfKey<K> {
    limiter: KeyedRateLimiter,
    key: Option<K>,
}

impl<K: KeyOf<Req>, Req> Source<Req> for PerKey<K> {
    type Ticket = OfKey<K::Key>;

    fn ticket(&self, request: &Req) -> OfKey<K::Key> {
        OfKey { limiter: self.limiter.clone(), key: self.key.key_of(request) }
    }
}

impl<K: Hash> Ticket for OfKey<K> {
    fn name(&self) -> Name {
        self.limiter.name()
    }

    fn read(&self) -> Option<(Quota, RateLimitPeek)> {
        let key = self.key.as_ref().filter(|_| enforces(self.limiter.member().panel().mode()))?;
        Some((self.limiter.quota(), self.limiter.peek(key)))
    }
}

/// Nobody shall keep to a limit that is not one.
fn enforces(mode: Mode) -> bool {
    mode == Mode::Enforce
}
