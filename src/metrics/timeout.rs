use super::out::Extracts;
use super::table::{ADMITTED, CALL_DURATION, CALLS, DRY_RUN, OUTCOMES, REJECTED, TIMEOUT};
use crate::reject::RejectedKind;
use crate::timeout::TimeoutSnapshot;

pub(super) static TABLE: Extracts<TimeoutSnapshot> = &[
    (&CALLS, |now, out| out.count(now.calls)),
    (&ADMITTED, |now, out| out.count(now.admitted)),
    (&REJECTED, |now, out| out.word(RejectedKind::NotReady.as_str(), now.rejected)),
    (&DRY_RUN, |now, out| out.count(now.would_time_out)),
    (&OUTCOMES, |now, out| {
        out.words([("timed_out", now.timed_out), ("cut_short", now.cut_short), ("stalled", now.stalled)]);
    }),
    (&CALL_DURATION, |now, out| out.histogram(&now.call_duration)),
    (&TIMEOUT, |now, out| out.level(now.limit.as_secs_f64())),
];
