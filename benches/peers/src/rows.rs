//! The rows of the comparison of cost: what is compared with what.

use crate::measure::{answered, denied, refused, requests};
use crate::subjects::kit::key;
use crate::subjects::{
    Maker, Subject, buttress, failsafe, governor, recloser, resilience, seatbelt, tower, tower_governor,
};
use crate::work::{AtOnce, Fails, Failure, PendingOnce};

/// Subjects that do the same.
pub struct Row {
    pub id: &'static str,
    pub title: &'static str,
    /// Whether it is in the picture.
    pub charted: bool,
    /// What the overhead is taken over.
    pub bare: Subject,
    /// What it is taken over for those without a tower layer, if that is another.
    pub bare_core: Option<Subject>,
    pub subjects: Vec<Subject>,
}

impl Row {
    fn new(id: &'static str, title: &'static str, subjects: Vec<Subject>) -> Self {
        Self { id, title, charted: true, bare: bare(answered(AtOnce)), bare_core: None, subjects }
    }

    fn over(mut self, bare: Subject) -> Self {
        self.bare = bare;
        self
    }

    fn cores_over(mut self, bare: Subject) -> Self {
        self.bare_core = Some(bare);
        self
    }

    const fn uncharted(mut self) -> Self {
        self.charted = false;
        self
    }
}

fn bare(run: crate::measure::Run) -> Subject {
    Subject::new(Maker::Bare, "", run)
}

/// All rows, set up and ready to run; those whose id begins with `only`.
pub fn rows(only: &str) -> Vec<Row> {
    // Groups that have none of them need not be set up.
    let groups = MAKE.iter().filter(|(group, _)| group.starts_with(only) || only.starts_with(group));
    groups.flat_map(|(_, make)| make()).filter(|row| row.id.starts_with(only)).collect()
}

/// What the ids of its rows begin with, and what sets them up.
type Make = (&'static str, fn() -> Vec<Row>);

const MAKE: &[Make] = &[
    ("breaker", breakers),
    ("bulkhead", bulkhead),
    ("rate", rate),
    ("retry", retry),
    ("timeout", timeouts),
    ("stack", stacks),
    ("two-threads", two_threads),
    ("http", http),
    ("refused", refusals),
];

fn breakers() -> Vec<Row> {
    vec![
        Row::new(
            "breaker-last",
            "circuit breaker, last 100 calls",
            vec![buttress::breaker_last(), resilience::breaker_last(), recloser::breaker()],
        ),
        Row::new(
            "breaker-time",
            "circuit breaker, 10 s window",
            vec![
                buttress::breaker_time(),
                resilience::breaker_time(),
                seatbelt::breaker_time(),
                seatbelt::breaker_own(),
                failsafe::breaker(),
            ],
        ),
    ]
}

fn bulkhead() -> Vec<Row> {
    let subjects =
        vec![buttress::bulkhead(), tower::concurrency_shed(), tower::concurrency(), resilience::bulkhead()];
    vec![Row::new("bulkhead", "bulkhead, 64 at once", subjects)]
}

fn rate() -> Vec<Row> {
    vec![
        Row::new(
            "rate",
            "rate limit",
            vec![
                buttress::rate_limit(),
                tower::rate_limit(),
                resilience::rate_limit(),
                resilience::rate_limit_fixed(),
                governor::direct(),
            ],
        ),
        Row::new(
            "rate-per-key",
            "rate limit per key, 1,000,000 keys",
            vec![buttress::per_key(), governor::keyed()],
        )
        .over(bare(requests(AtOnce, key))),
    ]
}

fn retry() -> Vec<Row> {
    let subjects = vec![
        buttress::retry(),
        tower::retry_budget(),
        tower::retry(),
        resilience::retry(),
        seatbelt::retry(),
        seatbelt::retry_own(),
    ];
    vec![Row::new("retry", "retry with a budget", subjects)]
}

fn timeouts() -> Vec<Row> {
    vec![
        Row::new(
            "timeout",
            "timeout, answered at once",
            vec![
                buttress::timeout(),
                tower::timeout(),
                resilience::timeout(),
                seatbelt::timeout(),
                seatbelt::timeout_own(),
            ],
        ),
        Row::new(
            "timeout-pending",
            "timeout, answered at the second poll",
            vec![
                buttress::timeout_pending(),
                tower::timeout_pending(),
                resilience::timeout_pending(),
                seatbelt::timeout_pending(),
            ],
        )
        .over(bare(answered(PendingOnce))),
    ]
}

fn stacks() -> Vec<Row> {
    vec![
        Row::new(
            "stack-five",
            "all five: retry, breaker, bulkhead, rate limit, timeout",
            vec![
                buttress::five(),
                resilience::five(),
                resilience::five_last(),
                tower::three(),
                seatbelt::three(),
                seatbelt::three_own(),
            ],
        ),
        Row::new("stack-client", "client_stack, ready-made", vec![buttress::stack()]).uncharted(),
    ]
}

fn two_threads() -> Vec<Row> {
    // On one processor they would only wait for each other.
    if std::thread::available_parallelism().is_ok_and(|processors| processors.get() == 1) {
        return vec![];
    }
    let both = || Subject::by_two(Maker::Bare, "", || answered(AtOnce));
    vec![
        Row::new(
            "two-threads-last",
            "circuit breaker, last 100 calls, shared by two threads",
            vec![
                buttress::breaker_last_by_two(),
                resilience::breaker_last_by_two(),
                recloser::breaker_by_two(),
            ],
        )
        .over(both())
        .uncharted(),
        Row::new(
            "two-threads-time",
            "circuit breaker, 10 s window, shared by two threads",
            vec![
                buttress::breaker_time_by_two(),
                resilience::breaker_time_by_two(),
                seatbelt::breaker_by_two(),
                failsafe::breaker_by_two(),
            ],
        )
        .over(both()),
    ]
}

fn http() -> Vec<Row> {
    let subjects = vec![tower_governor::ours(), tower_governor::theirs()];
    vec![Row::new("http", "HTTP rate limit by a header", subjects).over(tower_governor::bare())]
}

fn refusals() -> Vec<Row> {
    let refusals = |id, title, subjects| {
        let closure = bare(denied(|| Err(Failure::Refused(None))));
        Row::new(id, title, subjects).over(bare(refused(Fails))).cores_over(closure).uncharted()
    };
    let breakers = vec![
        buttress::breaker_open(),
        resilience::breaker_open(),
        seatbelt::breaker_open(),
        failsafe::breaker_open(),
        recloser::breaker_open(),
    ];
    let bulkheads = vec![buttress::bulkhead_full(), tower::concurrency_full(), resilience::bulkhead_full()];
    let limits = vec![
        buttress::rate_limit_empty(),
        tower::rate_limit_empty(),
        resilience::rate_limit_empty(),
        governor::empty(),
    ];
    vec![
        refusals("refused-breaker", "refused by an open circuit breaker", breakers),
        refusals("refused-bulkhead", "refused by a full bulkhead", bulkheads),
        refusals("refused-rate", "refused by a used-up rate limit", limits),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_begins_with_ours_and_runs() {
        for only in ["breaker", "bulkhead", "refused-b", "stack"] {
            let rows = rows(only);
            assert!(!rows.is_empty(), "{only}");
            for mut row in rows {
                assert!(row.id.starts_with(only), "{}", row.id);
                assert_eq!(row.subjects[0].maker, Maker::Buttress, "{}", row.id);
                (row.bare.run)(3);
                for subject in &mut row.subjects {
                    (subject.run)(3);
                }
            }
        }
    }
}
