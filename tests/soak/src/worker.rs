//! Those who call, each from a task of its own, and count what they see.

use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::dice::Dice;
use crate::inner::Fail;
use crate::stack::{self, FALLEN, Svc};

/// How the calls ended, as those who made them saw it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub made: u64,
    /// Those that have no key.
    pub keyless: u64,
    pub answered: u64,
    pub fallen: u64,
    pub failed: u64,
    pub rejected: u64,
    /// Those of the rejected that the limit of the whole call ended.
    pub total_timeouts: u64,
    /// Those of the rejected that a layer by key refused.
    pub key_refused: u64,
    pub panicked: u64,
    pub dropped: u64,
    /// Those of the dropped that were never polled.
    pub unpolled: u64,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.made += other.made;
        self.keyless += other.keyless;
        self.answered += other.answered;
        self.fallen += other.fallen;
        self.failed += other.failed;
        self.rejected += other.rejected;
        self.total_timeouts += other.total_timeouts;
        self.key_refused += other.key_refused;
        self.panicked += other.panicked;
        self.dropped += other.dropped;
        self.unpolled += other.unpolled;
    }
}

enum End {
    Result(Result<u64, Fail>),
    Dropped { polls: u32 },
    Panicked,
}

/// Makes so many calls, one after the other. `progress` is told of every 64.
pub async fn work(mut service: impl Svc, calls: u64, mut dice: Dice, progress: &AtomicU64) -> Seen {
    let mut seen = Seen::default();
    while seen.made < calls {
        if std::future::poll_fn(|cx| service.poll_ready(cx)).await.is_err() {
            unreachable!("the inner service never says so");
        }
        let request = dice.roll() >> 1;
        seen.begin(request);
        let end = call(&mut service, request, &mut dice).await;
        // Who is refused does not try again before others had their turn.
        if matches!(end, End::Result(Err(_))) {
            tokio::task::yield_now().await;
        }
        seen.count(end);
        if seen.made.is_multiple_of(64) {
            progress.fetch_add(64, Relaxed);
            service = service.clone();
            tokio::task::yield_now().await;
        }
    }
    progress.fetch_add(calls % 64, Relaxed);
    seen
}

/// Calls until it is answered, and 100 times after that: then each call must be.
pub async fn until_served(mut service: impl Svc, limit: Duration) -> Result<Seen, String> {
    let (mut seen, start) = (Seen::default(), Instant::now());
    let mut left = 100;
    // A key that was busy until now may have used its burst, and what has no place of its own shares one.
    tokio::time::sleep(stack::REFILL).await;
    while left > 0 {
        std::future::poll_fn(|cx| service.poll_ready(cx)).await.map_err(|error| format!("{error:?}"))?;
        let request = seen.made + 1;
        seen.begin(request);
        // Each has a quota of its own; circuits and places it shares.
        let result = service.call(request).await;
        match result {
            Ok(answer) if answer != FALLEN => left -= 1,
            other if left < 100 || start.elapsed() > limit => {
                return Err(format!("a healthy call got {other:?}"));
            }
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
        seen.count(End::Result(result));
    }
    Ok(seen)
}

async fn call(service: &mut impl Svc, request: u64, dice: &mut Dice) -> End {
    let Ok(future) = catch_unwind(AssertUnwindSafe(|| service.call(request))) else {
        return End::Panicked;
    };
    let patience = Patience::new(dice);
    let future = pin!(future);
    Caller { future, polls: 0, patience }.await
}

/// After how many polls a caller lets go.
#[derive(Clone, Copy)]
struct Patience {
    polls: u32,
    /// When it is to be polled again, and not as soon as it is pending.
    when_woken: bool,
}

impl Patience {
    /// Most calls are answered by their first poll, so that more have to be meant to be dropped than are.
    fn new(dice: &mut Dice) -> Self {
        let polls = match dice.below(100) {
            0..9 => 0,
            9..35 => 1 + dice.below(4) as u32,
            _ => u32::MAX,
        };
        Self { polls, when_woken: dice.below(2) == 0 }
    }
}

struct Caller<'a, F> {
    future: Pin<&'a mut F>,
    polls: u32,
    patience: Patience,
}

impl<F: Future<Output = Result<u64, Fail>>> Future for Caller<'_, F> {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End> {
        let this = &mut *self;
        if this.polls == this.patience.polls {
            return Poll::Ready(End::Dropped { polls: this.polls });
        }
        this.polls += 1;
        match catch_unwind(AssertUnwindSafe(|| this.future.as_mut().poll(cx))) {
            Err(_) => Poll::Ready(End::Panicked),
            Ok(Poll::Ready(result)) => Poll::Ready(End::Result(result)),
            Ok(Poll::Pending) if this.polls == this.patience.polls && !this.patience.when_woken => {
                Poll::Ready(End::Dropped { polls: this.polls })
            }
            Ok(Poll::Pending) => Poll::Pending,
        }
    }
}

impl Seen {
    fn begin(&mut self, request: u64) {
        self.made += 1;
        self.keyless += u64::from(stack::one_of(stack::KEYS)(&request).is_none());
    }

    /// The calls by how they ended.
    pub fn ended(&self) -> u64 {
        self.answered + self.fallen + self.failed + self.rejected + self.panicked + self.dropped
    }

    fn count(&mut self, end: End) {
        match end {
            End::Result(Ok(FALLEN)) => self.fallen += 1,
            End::Result(Ok(_)) => self.answered += 1,
            End::Result(Err(Fail::Rejected(rejected))) => {
                self.rejected += 1;
                self.total_timeouts += u64::from(rejected.name() == "soak/total");
                let by_key = ["soak/keys", "soak/circuits", "soak/compartments"];
                self.key_refused += u64::from(by_key.contains(&rejected.name()));
            }
            End::Result(Err(_)) => self.failed += 1,
            End::Panicked => self.panicked += 1,
            End::Dropped { polls } => {
                self.dropped += 1;
                self.unpolled += u64::from(polls == 0);
            }
        }
    }
}
