use buttress::{Bulkhead, BulkheadLayer};
use tower::Layer;

use super::super::input::Input;
use super::super::traffic::{Scripted, drive};
use super::super::{documented, laws};
use super::built;

pub fn turn_bulkhead(bulkhead: &Bulkhead, input: &mut Input<'_>) {
    match input.below(3) {
        0 => bulkhead.set_dry_run(input.is()),
        1 => {
            let limit = input.size();
            built(bulkhead.set_limit(limit), &limit, documented::bulkhead(limit));
        }
        _ => {
            let (len, wait) = (input.size(), input.duration());
            built(bulkhead.set_queue(len, wait), &(len, wait), documented::queue(len, wait));
        }
    }
    laws::hold(bulkhead.clone());
}

pub fn assert_all_permits_are_back(bulkhead: &Bulkhead) {
    laws::hold(bulkhead.clone());
    let s = bulkhead.snapshot();
    assert_eq!((s.in_flight, s.waiting), (0, 0), "{s:?}");
    bulkhead.set_dry_run(false);
    let permits: Vec<_> = (0..s.limit.min(40)).map(|_| bulkhead.try_admit()).collect();
    assert!(permits.iter().all(Result::is_ok), "{s:?}");
    assert_eq!(bulkhead.try_admit().is_ok(), s.limit > permits.len(), "{s:?}");
}

pub async fn bulkhead(input: &mut Input<'_>) {
    let limit = input.size();
    let layer = BulkheadLayer::try_new(limit);
    let Some(layer) = built(layer, &limit, documented::bulkhead(limit)) else { return };
    let bulkhead = layer.bulkhead();
    drive(input, &mut layer.layer(Scripted), |input| turn_bulkhead(&bulkhead, input)).await;
    assert_all_permits_are_back(&bulkhead);
}

pub async fn queue(input: &mut Input<'_>) {
    let (limit, len, wait) = (1 + input.below(4), input.size(), input.duration());
    let layer = BulkheadLayer::new(limit).try_queue(len, wait);
    let Some(layer) = built(layer, &(len, wait), documented::queue(len, wait)) else { return };
    let bulkhead = layer.bulkhead();
    drive(input, &mut layer.layer(Scripted), |input| turn_bulkhead(&bulkhead, input)).await;
    assert_all_permits_are_back(&bulkhead);
}
