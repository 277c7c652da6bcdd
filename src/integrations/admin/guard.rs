//! What holds for every request and every answer, whatever the route.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::hosts::Hosts;
use super::refusal::Refusal;
use super::shared::Shared;
use crate::sync::Arc;

/// Lets through what is meant for this page, and sets the headers that keep an answer where it belongs.
pub(super) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    shared.start();
    let mut response = match check(&shared.hosts, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    secure(response.headers_mut(), &shared.document.policy);
    response
}

fn check(hosts: &Hosts, request: &Request) -> Result<(), Refusal> {
    match host(request) {
        Some(host) if hosts.allows(host) => {}
        Some(_) => {
            let error = "this host name is not served: allow it with Admin::allow_host";
            return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, error));
        }
        None => return Err(Refusal::new(StatusCode::BAD_REQUEST, "one host header is needed")),
    }
    Ok(())
}

/// For whom the request is meant; with HTTP/2 that is part of the address.
pub(super) fn host(request: &Request) -> Option<&str> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    match (headers.next(), headers.next(), request.uri().authority()) {
        // Whoever sends both must mean the same by them.
        (Some(host), None, Some(authority)) => host.to_str().ok().filter(|host| *host == authority.as_str()),
        (Some(host), None, None) => host.to_str().ok(),
        (None, None, Some(authority)) => Some(authority.as_str()),
        _ => None,
    }
}

/// Refuses what another site's page asks for. It could read no answer, but it could take up the streams.
pub(super) fn check_site(request: &Request) -> Result<(), Refusal> {
    match request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => {}
        Some(_) => return Err(Refusal::new(StatusCode::FORBIDDEN, "asked for by a page of another site")),
    }
    match (request.headers().get(header::ORIGIN).map(HeaderValue::to_str), host(request)) {
        (None, _) => Ok(()),
        (Some(Ok(origin)), Some(host)) if is_same(origin, host) => Ok(()),
        _ => Err(Refusal::new(StatusCode::FORBIDDEN, "asked for by a page of another origin")),
    }
}

/// Whether a page of this origin was served by this host.
fn is_same(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    // Browsers leave the default port out of the origin and of the host alike; proxies may add it.
    let plain = |host: &str| host.strip_suffix(default).unwrap_or(host).to_ascii_lowercase();
    plain(authority) == plain(host)
}

fn secure(headers: &mut HeaderMap, policy: &HeaderValue) {
    const FIXED: [(HeaderName, &str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_this_host_is_of_the_same_origin() {
        for (origin, host) in [
            ("http://localhost:9000", "localhost:9000"),
            ("https://ops.internal", "ops.internal"),
            ("https://ops.internal", "ops.internal:443"),
            ("http://LOCALHOST", "localhost:80"),
        ] {
            assert!(is_same(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("null", "localhost:9000"),
            ("http://localhost:9001", "localhost:9000"),
            ("http://localhost", "localhost:9000"),
            ("http://evil.example", "localhost:9000"),
            ("ftp://localhost:9000", "localhost:9000"),
            ("http://ops.internal", "ops.internal:443"),
            ("localhost:9000", "localhost:9000"),
            ("", ""),
        ] {
            assert!(!is_same(origin, host), "{origin} {host}");
        }
    }
}
