//! Who waits, in which order.

use super::*;

#[test]
fn who_leaves_takes_its_cells_along() {
    let mut queue = Queue::default();
    let places: Vec<_> = [3, 1, 2].into_iter().map(|cost| queue.push(cost)).collect();
    assert_eq!((queue.len(), queue.cells()), (3, 6));
    assert_eq!(places.iter().map(|place| queue.ahead_of(*place)).collect::<Vec<_>>(), [0, 3, 4]);
    queue.remove(places[1]);
    assert_eq!((queue.ahead_of(places[2]), queue.cells()), (3, 5));
    queue.remove(places[1]);
    assert_eq!((queue.len(), queue.cells()), (2, 5), "nobody leaves twice");
    assert!(queue.is_first(places[0]) && !queue.is_first(places[2]));
    queue.remove(places[0]);
    assert!(queue.is_first(places[2]));
}

#[test]
fn who_missed_its_turn_wants_nothing_until_it_shows_up() {
    let mut queue = Queue::default();
    let places: Vec<_> = [3, 1, 2, 5].into_iter().map(|cost| queue.push(cost)).collect();
    // The first two missed it, given what each finds ahead; the last is not asked.
    let mut asked = Vec::new();
    queue.show_up(places[3], |ahead, cost| {
        asked.push((ahead, cost));
        ahead < 4
    });
    assert_eq!(asked, [(0, 3), (3, 1), (4, 2)]);
    assert_eq!((queue.ahead_of(places[3]), queue.cells()), (2, 7));
    assert!(queue.is_first(places[2]) && !queue.is_first(places[0]));
    queue.show_up(places[1], |_, _| panic!("nobody else is ahead"));
    assert_eq!((queue.ahead_of(places[3]), queue.cells()), (3, 8));
    queue.remove(places[0]);
    assert_eq!(queue.cells(), 8, "what it wanted no longer counted");
    assert!(queue.is_first(places[1]));
}

#[test]
fn a_waker_takes_the_place_of_the_one_before_and_is_handed_out_once() {
    struct Other;
    impl std::task::Wake for Other {
        fn wake(self: std::sync::Arc<Self>) {}
    }
    let mut queue = Queue::default();
    let (a, b) = (queue.push(1), queue.push(1));
    // Clones: each function that makes a waker may have a table of its own, by which they are told apart.
    let [one, other] = [(); 2].map(|()| std::task::Waker::from(std::sync::Arc::new(Other)).clone());
    assert!(queue.set_waker(a, one.clone()).is_none());
    assert!(queue.set_waker(a, other.clone()).is_some_and(|before| before.will_wake(&one)));
    let all = queue.take_wakers();
    assert!(all.len() == 1 && all[0].will_wake(&other), "nobody polled the other one");
    assert!(queue.take_wakers().is_empty(), "they look again by themselves");
    assert!(queue.set_waker(a, other.clone()).is_none() && queue.set_waker(b, one.clone()).is_none());
    assert!(
        matches!(&queue.remove(a)[..], [Some(own), Some(next)] if own.will_wake(&other) && next.will_wake(&one))
    );
    assert!(queue.set_waker(a, one.clone()).is_some_and(|unused| unused.will_wake(&one)), "it left");
    assert!(queue.take_wakers().is_empty());
}

#[test]
fn only_the_first_to_leave_names_a_successor() {
    let mut queue = Queue::default();
    let waker = std::task::Waker::noop();
    let places: Vec<_> = (0..3).map(|_| queue.push(1)).collect();
    for place in &places {
        assert!(queue.set_waker(*place, waker.clone()).is_none());
    }
    assert!(matches!(queue.remove(places[1]), [Some(_), None]));
    assert!(matches!(queue.remove(places[0]), [Some(_), Some(_)]));
    assert!(matches!(queue.remove(places[2]), [None, None]), "it was handed out already");
    assert!(matches!(queue.remove(places[2]), [None, None]));
}
