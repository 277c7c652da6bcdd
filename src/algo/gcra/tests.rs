mod one_limit;
mod queue;
mod random;
mod table;
mod threads;
mod turns;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use super::*;
use crate::algo::keyed::Overflow;

const DAY: u64 = 86_400_000_000_000;
const MS: u64 = 1_000_000;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(DAY + nanos)
}

fn rate(interval: u64, burst: u32) -> Rate {
    Rate::new(interval, burst).unwrap()
}

fn cost(cost: u32) -> NonZeroU32 {
    NonZeroU32::new(cost).unwrap()
}

fn admits(bucket: &Bucket, nanos: u64) -> bool {
    bucket.admit(at(nanos), cost(1)).is_ok()
}

fn how_many(bucket: &Bucket, nanos: u64) -> usize {
    (0..1_000).take_while(|_| admits(bucket, nanos)).count()
}
