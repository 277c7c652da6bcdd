//! The engines under threads, with the time as an argument.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::*;
use crate::units::Instant;

const MS: u64 = 1_000_000;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(86_400_000 * MS + nanos)
}

#[test]
fn rl_13_what_threads_get_together_is_exact() {
    const SECONDS: u64 = 2;
    let limiter = RateLimiter::new(Quota::per_second(100_000).burst(1_000));
    let clock = AtomicU64::new(0);
    let admit = || u64::from(limiter.try_admit_at(at(clock.load(SeqCst)), 1).is_ok());
    let admitted: u64 = std::thread::scope(|threads| {
        let hammering = || {
            let mut admitted = 0;
            while clock.load(SeqCst) < SECONDS * 1_000 * MS {
                admitted += admit();
            }
            admitted
        };
        let hammers: Vec<_> = (0..8).map(|_| threads.spawn(hammering)).collect();
        let mut admitted = 0;
        for _ in 0..SECONDS * 1_000 {
            // Whatever the others left: nothing is lost by time moving on too early.
            while admit() == 1 {
                admitted += 1;
            }
            clock.fetch_add(MS, SeqCst);
        }
        while admit() == 1 {
            admitted += 1;
        }
        admitted + hammers.into_iter().map(|hammer| hammer.join().unwrap()).sum::<u64>()
    });
    assert_eq!(admitted, SECONDS * 100_000 + 1_000);
    let counts = limiter.snapshot();
    assert_eq!((counts.admitted, counts.calls), (admitted, counts.admitted + counts.rate_limited));
}

#[test]
fn keys_are_exact_under_threads_while_the_table_overflows_and_quotas_change() {
    // The time stands still, so nobody can ever get more than the largest burst, nor less than the least.
    let limiter = KeyedRateLimiter::new(Quota::per_second(1_000).burst(50));
    limiter.set_max_keys(40).unwrap();
    let own: Vec<_> = (0..80).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for round in 0..6_000_usize {
                    let key = (round * 7) % own.len();
                    if limiter.try_admit_at(at(0), &key, 1).is_ok() {
                        own[key].fetch_add(1, SeqCst);
                    }
                }
            });
        }
        threads.spawn(|| {
            for burst in (20..=50).chain((20..=50).rev()).chain([50]) {
                limiter.set_quota_at(Quota::per_second(burst * 10).burst(burst), at(0)).unwrap();
            }
        });
    });
    let admitted: u64 = own.iter().map(|count| count.load(SeqCst)).sum();
    let counts = limiter.snapshot();
    assert_eq!((counts.keys, counts.admitted), (40, admitted));
    assert_eq!(counts.calls, 4 * 6_000);
    // Forty limits of their own and one that the others share.
    assert!((41 * 20..=41 * 50).contains(&admitted), "{admitted}");
}

#[test]
fn snapshots_hold_their_law_at_any_moment() {
    let limiter = RateLimiter::new(Quota::per_second(1_000));
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                for nanos in 0..20_000 {
                    let _ = limiter.try_admit_at(at(nanos * 1_000), 1 + (nanos % 1_001) as u32);
                }
            });
        }
        threads.spawn(|| {
            for _ in 0..2_000 {
                let counts = limiter.snapshot();
                assert_eq!(counts.calls, counts.admitted + counts.rejected);
                assert!(counts.calls <= 60_000);
            }
        });
    });
    assert_eq!(limiter.snapshot().calls, 60_000);
}
