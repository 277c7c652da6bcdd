use buttress::{Timeout, TimeoutLayer};
use tower::Layer;

use super::super::input::Input;
use super::super::traffic::{Scripted, drive, fine, is_fine};
use super::super::{documented, laws};
use super::built;

pub fn turn_timeout(timeout: &Timeout, input: &mut Input<'_>) {
    if input.is() {
        timeout.set_dry_run(input.is());
    } else {
        let limit = input.duration();
        built(timeout.set_limit(limit), &limit, documented::above_zero("limit", limit));
    }
    laws::hold(timeout.clone());
}

pub async fn timeout(input: &mut Input<'_>) {
    let limit = input.duration();
    let layer = TimeoutLayer::try_new(limit);
    let Some(layer) = built(layer, &limit, documented::above_zero("limit", limit)) else { return };
    let timeout = layer.timeout();
    let mut service = layer.layer(Scripted);
    drive(input, &mut service, |input| turn_timeout(&timeout, input)).await;
    laws::hold(timeout.clone());
    assert!(is_fine(&fine(&mut service).await));
}
