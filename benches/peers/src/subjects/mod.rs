//! Who is compared. One file for each crate, which sets it up as its own documentation does.

pub mod buttress;
pub mod failsafe;
pub mod governor;
pub mod recloser;
pub mod resilience;
pub mod seatbelt;
pub mod tower;
pub mod tower_governor;

use std::fmt::Debug;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use ::tower::{Service, ServiceExt};
use serde::Serialize;

use crate::measure::{Run, by_two, refused, runtime};
use crate::work::AtOnce;

/// No call comes near it.
pub const LONG: Duration = Duration::from_secs(3_600);
/// The window of the count windows.
pub const CALLS: u32 = 100;
/// The window of the time windows.
pub const WINDOW: Duration = Duration::from_secs(10);
/// More than anybody comes near, so that every call is admitted.
pub const RATE: u32 = 1_000_000_000;
pub const BURST: u32 = 1_000_000;
pub const CONCURRENT: usize = 64;
/// How many keys the keyed limiters know.
pub const KEYS: u64 = 1_000_000;

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Maker {
    Bare,
    Buttress,
    Tower,
    TowerResilience,
    Seatbelt,
    Governor,
    TowerGovernor,
    Failsafe,
    Recloser,
}

impl Maker {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare service",
            Self::Buttress => "buttress",
            Self::Tower => "tower",
            Self::TowerResilience => "tower-resilience",
            Self::Seatbelt => "seatbelt",
            Self::Governor => "governor",
            Self::TowerGovernor => "tower_governor",
            Self::Failsafe => "failsafe",
            Self::Recloser => "recloser",
        }
    }
}

/// One way to do what a row is about.
pub struct Subject {
    pub maker: Maker,
    /// What of it, if that is not plain from the row.
    pub what: &'static str,
    /// What a reader has to know to compare it with the others.
    pub note: &'static str,
    /// Whether it does all that the row is about, so that others are measured against it.
    pub whole: bool,
    /// Whether it lacks a tower layer, which its user has to write.
    pub core: bool,
    /// The size of the response future above that of the inner one.
    pub future: Option<i64>,
    /// What it keeps in memory for each key.
    pub per_key: Option<f64>,
    /// How many threads each make all the calls.
    pub threads: u64,
    pub run: Run,
}

impl Subject {
    pub fn new(maker: Maker, what: &'static str, run: Run) -> Self {
        Self { maker, what, note: "", whole: true, core: false, future: None, per_key: None, threads: 1, run }
    }

    pub const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    /// The same, from two threads that share it.
    pub fn by_two(
        maker: Maker,
        what: &'static str,
        run: impl FnOnce() -> Run + Send + Clone + 'static,
    ) -> Self {
        Self { threads: 2, ..Self::new(maker, what, by_two(run)) }
    }

    /// It does less than the row is about.
    pub const fn part(mut self, note: &'static str) -> Self {
        self.note = note;
        self.whole = false;
        self
    }

    pub const fn core(mut self) -> Self {
        self.core = true;
        self
    }

    pub const fn future(mut self, above: i64) -> Self {
        self.future = Some(above);
        self
    }
}

/// How much larger the future of `S` is than that of the service inside.
pub fn above<S: Service<Req>, Inner: Service<Req>, Req>(_: &S, _: &Inner) -> i64 {
    size_of::<S::Future>() as i64 - size_of::<Inner::Future>() as i64
}

/// A layered service in front of [`AtOnce`].
pub fn layered<S>(maker: Maker, what: &'static str, service: S) -> Subject
where
    S: Service<u64, Error: Debug> + 'static,
{
    let future = above::<_, _, u64>(&service, &AtOnce);
    Subject::new(maker, what, crate::measure::answered(service)).future(future)
}

/// A key of [`KEYS`], all of them equally often, in an order that no cache foresees.
pub const fn key(i: u64) -> u64 {
    // A bijection of 64 bits scatters neighbours (the finalizer of splitmix64).
    let i = (i ^ (i >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let i = (i ^ (i >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (i ^ (i >> 31)) % KEYS
}

/// The first call, readied, and polled once: some take their permit only then.
fn begun<S: Service<u64, Error: Debug>>(service: &mut S) -> Pin<Box<S::Future>> {
    runtime().block_on(async {
        let mut first = Box::pin(service.ready().await.expect("ready").call(0));
        let _ = poll_once(first.as_mut()).await;
        first
    })
}

async fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    let mut future = Some(future);
    std::future::poll_fn(|cx| Poll::Ready(future.take().map_or(Poll::Pending, |future| future.poll(cx))))
        .await
}

/// Has its calls refused, once some were made that bring that about.
pub fn refusing<S>(maker: Maker, what: &'static str, mut service: S, calls: u32) -> Subject
where
    S: Service<u64, Response: Debug, Error: Debug> + 'static,
{
    runtime().block_on(async {
        for call in 0..calls {
            let _ = service.ready().await.expect("ready").call(call.into()).await;
        }
    });
    Subject::new(maker, what, refused(service))
}

/// Has its calls refused because one is still in flight.
pub fn full<S>(
    maker: Maker,
    what: &'static str,
    mut first: S,
    others: impl Service<u64, Response: Debug, Error: Debug> + 'static,
) -> Subject
where
    S: Service<u64, Error: Debug, Future: 'static> + 'static,
{
    let held = begun(&mut first);
    let mut run = refused(others);
    Subject::new(
        maker,
        what,
        Box::new(move |calls| {
            let _ = &held;
            run(calls)
        }),
    )
}
