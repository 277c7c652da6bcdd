//! Which requests are sent again.

use super::*;

/// Can be copied, and must not be seen twice.
#[derive(Clone, Debug)]
struct Order;

impl Replay for Order {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn repeatable(&self) -> bool {
        false
    }
}

/// Can be sent only once.
#[derive(Debug)]
struct Upload;

impl Replay for Upload {
    fn replay(&self) -> Option<Self> {
        None
    }

    fn repeatable(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn rt_23_the_request_decides_whether_it_is_repeated() {
    let layer = RetryLayer::new(steady()).classify_fn(reset);
    assert_eq!(attempts_of(layer.clone(), 7_u64).await, 3);
    assert_eq!(attempts_of(layer.clone(), Order).await, 1);
    assert_eq!(attempts_of(layer.clone(), Upload).await, 1);
    assert_eq!(layer.retry().snapshot().not_repeatable, 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_is_repeated_if_it_can_be() {
    let layer = RetryLayer::new(steady()).classify_fn(no_connection);
    assert_eq!(attempts_of(layer.clone(), Order).await, 3);
    assert_eq!(attempts_of(layer, Upload).await, 1);
}

#[tokio::test(start_paused = true)]
async fn strategies_replace_what_the_type_says() {
    let layer = RetryLayer::new(steady()).classify_fn(reset);
    assert_eq!(attempts_of(layer.clone().repeat(Cloned), Order).await, 3);
    #[derive(Clone)]
    struct Unknown(u64);
    assert_eq!(attempts_of(layer.clone().repeat(Cloned), Unknown(1)).await, 3);
    let small = layer.repeat_fn(|request: &Unknown| (request.0 < 5).then(|| request.clone()));
    assert_eq!(attempts_of(small.clone(), Unknown(1)).await, 3);
    assert_eq!(attempts_of(small, Unknown(9)).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_single_attempt_copies_nothing() {
    struct Uncopied;
    impl Replay for Uncopied {
        fn replay(&self) -> Option<Self> {
            panic!("copied for nothing")
        }

        fn repeatable(&self) -> bool {
            true
        }
    }
    let layer = RetryLayer::new(steady().max_attempts(1)).classify_fn(reset);
    assert_eq!(attempts_of(layer.clone(), Uncopied).await, 1);
    assert_eq!(layer.retry().snapshot().attempts_exhausted, 1);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_strategy_leaves_the_layer_in_order() {
    let (inner, probe) = Strict::always(Act::Err);
    let panics = |result: Result<&u64, &Fail>| match result {
        Err(Fail::Inner(TestError(0))) => panic!("in the classifier"),
        _ => Verdict::failure("error"),
    };
    let layer = RetryLayer::new(steady()).classify_fn(panics);
    let mut service = layer.layer(inner);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| now(&mut service, 0)));
    assert!(caught.is_err());
    assert_eq!(probe.in_flight(), 0);
    assert_eq!(call(&mut service, 1).await, failed(1));
    let counts = layer.retry().snapshot();
    assert_eq!((counts.calls, counts.attempts), (2, 4));
}
