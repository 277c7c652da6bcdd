use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};

use crate::metrics::{TextFormat, text};
use crate::registry::Registry;

/// Answers a scrape with all engines of the process, in OpenMetrics if the scraper knows it.
///
/// For [`Router::route`](axum::Router::route), on a port that only you can reach: it names your
/// dependencies.
pub async fn handler(headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = TextFormat::accepted(accept);
    let text = text(&Registry::global().snapshot(), format);
    ([(CONTENT_TYPE, format.content_type())], text).into_response()
}
