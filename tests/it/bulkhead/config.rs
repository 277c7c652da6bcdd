use std::time::Duration;

use buttress::{Bulkhead, BulkheadLayer, InvalidConfig, Mode, Rejected};

const SECOND: Duration = Duration::from_secs(1);

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, InvalidConfig>, field: &str, value: &str) {
    let invalid = result.unwrap_err();
    assert_eq!((invalid.field(), invalid.value()), (field, value));
    assert!(!invalid.rule().is_empty());
}

#[test]
fn bc_07_bc_10_a_limit_of_zero_or_beyond_the_word_is_refused() {
    for bad in [0, Bulkhead::MAX + 1, usize::MAX / 2, usize::MAX] {
        refused(BulkheadLayer::try_new(bad), "max_concurrent", &bad.to_string());
        refused(Bulkhead::try_new(bad), "max_concurrent", &bad.to_string());
        let bulkhead = Bulkhead::new(7);
        refused(bulkhead.set_limit(bad), "max_concurrent", &bad.to_string());
        assert_eq!(bulkhead.snapshot().limit, 7, "a refused value changed the setting");
    }
    // What a wrapped 32-bit count would have let through.
    #[cfg(target_pointer_width = "64")]
    refused(Bulkhead::try_new((1 << 32) + 8), "max_concurrent", "4294967304");
    for good in [1, Bulkhead::MAX] {
        assert_eq!(BulkheadLayer::try_new(good).unwrap().bulkhead().snapshot().limit, good);
    }
}

#[test]
fn bc_11_a_queue_of_zero_or_beyond_the_word_is_refused() {
    for bad in [0, Bulkhead::MAX + 1, usize::MAX] {
        refused(BulkheadLayer::new(8).try_queue(bad, SECOND), "queue", &bad.to_string());
        refused(Bulkhead::new(8).set_queue(bad, SECOND), "queue", &bad.to_string());
    }
    let layer = BulkheadLayer::new(Bulkhead::MAX).queue(Bulkhead::MAX, SECOND);
    assert_eq!(layer.bulkhead().snapshot().queue_len, Bulkhead::MAX);
}

#[test]
fn bc_01_a_wait_of_zero_is_refused_and_any_other_is_taken() {
    refused(BulkheadLayer::new(8).try_queue(1, Duration::ZERO), "max_wait", "0ns");
    let bulkhead = Bulkhead::new(8);
    bulkhead.set_queue(3, SECOND).unwrap();
    refused(bulkhead.set_queue(5, Duration::ZERO), "max_wait", "0ns");
    assert_eq!((bulkhead.snapshot().queue_len, bulkhead.snapshot().max_wait), (3, SECOND));
    for wait in [Duration::from_nanos(1), Duration::from_secs(u64::MAX), Duration::MAX] {
        assert!(BulkheadLayer::new(8).try_queue(1, wait).is_ok(), "{wait:?}");
    }
}

#[test]
#[should_panic(expected = "invalid `max_concurrent` = 0: must be at least 1 and at most 262143")]
fn a_wrong_literal_panics_where_it_stands() {
    let _ = BulkheadLayer::new(0);
}

#[test]
#[should_panic(expected = "invalid `queue` = 0")]
fn a_wrong_queue_panics_where_it_stands() {
    let _ = BulkheadLayer::new(1).queue(0, SECOND);
}

#[test]
fn setters_keep_the_engine_and_forks_stand_alone() {
    let layer = BulkheadLayer::new(2);
    let handle = layer.bulkhead();
    assert!(handle.name().as_str().contains("bulkhead/config.rs:"), "{}", handle.name());
    let layer = layer.queue(3, SECOND).name("late").dry_run(true).on_reject(Err::<u64, Rejected>);
    let seen = handle.snapshot();
    assert_eq!(
        (seen.name.as_str(), seen.queue_len, seen.max_wait, seen.mode),
        ("late", 3, SECOND, Mode::DryRun)
    );

    let permit = handle.try_admit().unwrap();
    let fork = layer.fork("other").bulkhead();
    let copy = fork.snapshot();
    assert_eq!((copy.name.as_str(), copy.in_flight, copy.calls), ("other", 0, 0));
    assert_eq!((copy.limit, copy.queue_len, copy.max_wait, copy.mode), (2, 3, SECOND, Mode::DryRun));
    fork.set_limit(9).unwrap();
    assert_eq!(handle.snapshot().limit, 2);
    permit.complete();
    assert!(format!("{layer:?}").contains("RejectWith("));
}
