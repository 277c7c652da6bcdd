//! Nothing is allocated for an admitted call.

use super::checks::Subject;
use crate::support::alloc::allocations;
use crate::support::{Strict, now};

pub fn an_admitted_call_allocates_nothing<L: Subject>(make: impl Fn() -> L) {
    let (inner, _probe) = Strict::ok();
    let mut service = make().layer(inner);
    // The first calls may fill what is made once per process or thread.
    for request in 0..10 {
        now(&mut service, request).unwrap();
    }
    let count = allocations(|| {
        for request in 0..1_000 {
            now(&mut service, request).unwrap();
        }
    });
    assert_eq!(count, 0);
}
