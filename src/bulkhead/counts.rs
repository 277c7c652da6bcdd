/// What a bulkhead counts, or several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(super) in_flight: u64,
    pub(super) waiting: u64,
    pub(super) admitted: u64,
    pub(super) full: u64,
    pub(super) queue_full: u64,
    pub(super) queue_timeout: u64,
    pub(super) not_ready: u64,
    pub(super) cancelled: u64,
    pub(super) panicked: u64,
    pub(super) abandoned: u64,
    pub(super) would_reject: u64,
}

impl Counts {
    pub(super) fn rejected(&self) -> u64 {
        let reasons = [self.full, self.queue_full, self.queue_timeout, self.not_ready];
        reasons.into_iter().fold(0, u64::saturating_add)
    }

    pub(super) fn completed(&self) -> u64 {
        self.admitted.saturating_sub(self.cancelled).saturating_sub(self.in_flight)
    }

    /// Both together.
    pub(super) fn plus(self, other: Self) -> Self {
        macro_rules! sum {
            ($($field:ident)*) => { Self { $($field: self.$field.saturating_add(other.$field)),* } };
        }
        sum!(in_flight waiting admitted full queue_full queue_timeout not_ready cancelled panicked abandoned would_reject)
    }
}
