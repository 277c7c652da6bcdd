//! The mark on HTTP responses.

use std::convert::Infallible;

use buttress::{Answer, BulkheadLayer, CallError, Degraded, FallbackLayer, Fallen, Verdict};
use http::Response;
use tower::{Layer, service_fn};

use super::counts;
use crate::support::now;

type Page = Response<&'static str>;

fn page(status: u16, body: &'static str) -> Page {
    Response::builder().status(status).body(body).unwrap()
}

fn is_degraded(response: &Page) -> bool {
    response.extensions().get::<Degraded>().is_some()
}

#[test]
fn a_degraded_response_says_so() {
    let service = service_fn(|status: u64| async move { Ok::<_, Infallible>(page(status as u16, "own")) });
    let layer = FallbackLayer::value(page(200, "older"));
    let mut service = layer.layer(service);
    let table = [(200, "own", false), (404, "own", false), (500, "older", true), (429, "older", true)];
    for (status, body, degraded) in table {
        let response = now(&mut service, status).unwrap();
        assert_eq!((*response.body(), is_degraded(&response)), (body, degraded), "{status}");
    }
    assert_eq!(counts(&layer.fallback()).causes, [("500", 1), ("429", 1)]);
}

#[test]
fn a_rejection_rendered_as_a_response_is_answered() {
    let below = BulkheadLayer::new(1);
    let _held = below.bulkhead().try_admit().unwrap();
    let service = service_fn(|_: u64| async move { Ok::<_, Infallible>(page(200, "own")) });
    let mut service = FallbackLayer::value(page(200, "older")).layer(below.layer(service));
    assert!(is_degraded(&now(&mut service, 1).unwrap()));
}

#[test]
fn a_fallback_that_is_no_success_is_not_marked() {
    let service = service_fn(|_: u64| async move { Ok::<_, CallError<()>>(page(500, "own")) });
    let layer = FallbackLayer::with(|fallen: Fallen<Page, CallError<()>>| fallen.into_result().unwrap());
    let response = now(&mut layer.layer(service), 1).unwrap();
    assert_eq!((*response.body(), is_degraded(&response)), ("own", false));
    assert_eq!(counts(&layer.fallback()).failed, 1);
}

#[test]
fn with_a_closure_that_classifies_the_mark_is_left_to_the_fallback() {
    let service = service_fn(|_: u64| async move { Ok::<_, Infallible>(page(404, "own")) });
    let mut older = page(200, "older");
    older.mark_degraded();
    let layer = FallbackLayer::value(older).classify_fn(|result: Result<&Page, &Infallible>| match result {
        Ok(page) if page.status() == 404 => Verdict::failure("404"),
        _ => Verdict::success(),
    });
    assert!(is_degraded(&now(&mut layer.layer(service), 1).unwrap()));
}

#[test]
fn what_wraps_a_response_passes_the_mark_on() {
    let mut wrapped = (Some(Box::new(page(200, "x"))), 7);
    wrapped.mark_degraded();
    assert!(is_degraded(&wrapped.0.unwrap()));
}
