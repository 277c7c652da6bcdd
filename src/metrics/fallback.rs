use super::out::Extracts;
use super::table::{ADMITTED, CALLS, DRY_RUN, FALLBACKS, OUTCOMES, REJECTED};
use crate::fallback::FallbackSnapshot;
use crate::reject::RejectedKind;

pub(super) static TABLE: Extracts<FallbackSnapshot> = &[
    (&CALLS, |now, out| out.count(now.calls)),
    (&ADMITTED, |now, out| out.count(now.admitted)),
    (&REJECTED, |now, out| out.word(RejectedKind::NotReady.as_str(), now.rejected)),
    (&DRY_RUN, |now, out| out.count(now.would_fall)),
    (&OUTCOMES, |now, out| {
        out.words([("degraded", now.degraded), ("failed", now.failed), ("withheld", now.withheld)]);
    }),
    (&FALLBACKS, |now, out| out.causes(now.causes.iter().copied())),
];
