use super::out::{Extracts, Out};
use super::table::{
    ABANDONED, ADMITTED, BURST, CALLS, DRY_RUN, DRY_RUN_WAITS, KEYS, KEYS_LIMIT, KEYS_OVERFLOWED,
    KEYS_UNLIMITED, QUEUE_WAIT, QUOTA, REJECTED, WAITING,
};
use crate::rate_limit::{KeyedRateLimitSnapshot, RateLimitSnapshot};
use crate::reject::RejectedKind;

pub(super) static TABLE: Extracts<RateLimitSnapshot> = &[
    (&CALLS, |now, out| out.count(now.calls)),
    (&ADMITTED, |now, out| out.count(now.admitted)),
    (&REJECTED, |now, out| rejected(now.rate_limited, now.cost_above_burst, now.not_ready, out)),
    (&DRY_RUN, |now, out| out.count(now.would_reject)),
    (&DRY_RUN_WAITS, |now, out| out.count(now.would_wait)),
    (&WAITING, |now, out| out.count(now.waiting)),
    (&ABANDONED, |now, out| out.count(now.abandoned)),
    (&QUEUE_WAIT, |now, out| {
        if now.queue_wait.count() > 0 {
            out.histogram(&now.queue_wait);
        }
    }),
    (&QUOTA, |now, out| out.level(now.quota.rate_per_second())),
    (&BURST, |now, out| out.count(now.quota.burst_size().into())),
];

pub(super) static KEYED: Extracts<KeyedRateLimitSnapshot> = &[
    (&CALLS, |now, out| out.count(now.calls)),
    (&ADMITTED, |now, out| out.count(now.admitted)),
    (&REJECTED, |now, out| rejected(now.rate_limited, now.cost_above_burst, now.not_ready, out)),
    (&DRY_RUN, |now, out| out.count(now.would_reject)),
    (&QUOTA, |now, out| out.level(now.quota.rate_per_second())),
    (&BURST, |now, out| out.count(now.quota.burst_size().into())),
    (&KEYS, |now, out| out.count(now.keys as u64)),
    (&KEYS_LIMIT, |now, out| out.count(now.max_keys as u64)),
    (&KEYS_OVERFLOWED, |now, out| out.count(now.overflowed)),
    (&KEYS_UNLIMITED, |now, out| out.count(now.unlimited)),
];

fn rejected(rate_limited: u64, cost_above_burst: u64, not_ready: u64, out: &mut Out<'_>) {
    out.words([
        (RejectedKind::RateLimited.as_str(), rate_limited),
        (RejectedKind::CostAboveBurst.as_str(), cost_above_burst),
        (RejectedKind::NotReady.as_str(), not_ready),
    ]);
}
