use super::out::Extracts;
use super::table::{
    ABANDONED, ADMITTED, CALLS, DRY_RUN, IN_FLIGHT, KEYS, KEYS_FULL, KEYS_LIMIT, KEYS_OVERFLOWED,
    KEYS_UNLIMITED, LIMIT, OUTCOMES, PANICKED, QUEUE_LIMIT, QUEUE_WAIT, REJECTED, WAITING,
};
use crate::bulkhead::{BulkheadSnapshot, KeyedBulkheadSnapshot};
use crate::reject::RejectedKind;

pub(super) static TABLE: Extracts<BulkheadSnapshot> = &[
    (&CALLS, |now, out| out.count(now.calls)),
    (&ADMITTED, |now, out| out.count(now.admitted)),
    (&REJECTED, |now, out| {
        out.words([
            (RejectedKind::BulkheadFull.as_str(), now.full),
            (RejectedKind::QueueFull.as_str(), now.queue_full),
            (RejectedKind::QueueTimeout.as_str(), now.queue_timeout),
            (RejectedKind::NotReady.as_str(), now.not_ready),
        ]);
    }),
    (&DRY_RUN, |now, out| out.count(now.would_reject)),
    (&OUTCOMES, |now, out| out.words([("completed", now.completed), ("cancelled", now.cancelled)])),
    (&PANICKED, |now, out| out.count(now.panicked)),
    (&IN_FLIGHT, |now, out| out.count(now.in_flight)),
    (&LIMIT, |now, out| out.count(now.limit as u64)),
    (&WAITING, |now, out| out.count(now.waiting)),
    (&QUEUE_LIMIT, |now, out| out.count(now.queue_len as u64)),
    (&ABANDONED, |now, out| out.count(now.abandoned)),
    (&QUEUE_WAIT, |now, out| {
        if now.queue_len > 0 || now.queue_wait.count() > 0 {
            out.histogram(&now.queue_wait);
        }
    }),
];

pub(super) static KEYED: Extracts<KeyedBulkheadSnapshot> = &[
    (&CALLS, |now, out| out.count(now.calls)),
    (&ADMITTED, |now, out| out.count(now.admitted)),
    (&REJECTED, |now, out| {
        out.words([
            (RejectedKind::BulkheadFull.as_str(), now.full),
            (RejectedKind::QueueFull.as_str(), now.queue_full),
            (RejectedKind::QueueTimeout.as_str(), now.queue_timeout),
            (RejectedKind::NotReady.as_str(), now.not_ready),
        ]);
    }),
    (&DRY_RUN, |now, out| out.count(now.would_reject)),
    (&OUTCOMES, |now, out| out.words([("completed", now.completed), ("cancelled", now.cancelled)])),
    (&PANICKED, |now, out| out.count(now.panicked)),
    (&IN_FLIGHT, |now, out| out.count(now.in_flight)),
    (&KEYS, |now, out| out.count(now.keys as u64)),
    (&KEYS_LIMIT, |now, out| out.count(now.max_keys as u64)),
    (&KEYS_FULL, |now, out| out.count(now.full_keys as u64)),
    (&KEYS_OVERFLOWED, |now, out| out.count(now.overflowed)),
    (&KEYS_UNLIMITED, |now, out| out.count(now.unlimited)),
    (&LIMIT, |now, out| out.count(now.limit as u64)),
    (&WAITING, |now, out| out.count(now.waiting)),
    (&QUEUE_LIMIT, |now, out| out.count(now.queue_len as u64)),
    (&ABANDONED, |now, out| out.count(now.abandoned)),
    (&QUEUE_WAIT, |now, out| {
        if now.queue_len > 0 || now.queue_wait.count() > 0 {
            out.histogram(&now.queue_wait);
        }
    }),
];
