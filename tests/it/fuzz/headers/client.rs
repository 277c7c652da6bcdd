//! Who sent a request: `X-Forwarded-For`, `Forwarded`, and headers that a proxy or an authenticator writes.

use std::net::IpAddr;

use axum::http::Request;
use axum::http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};
use buttress::{Client, ClientKey, PeerAddr};

use super::{Input, headers, value};

const LIST: HeaderName = HeaderName::from_static("x-forwarded-for");
const NAMED: HeaderName = HeaderName::from_static("x-client");
const PEER: [u8; 4] = [10, 0, 0, 1];
const LISTS: [&str; 7] =
    ["9.9.9.9", "1.2.3.4, 9.9.9.9:80", "::ffff:9.9.9.9", "[2001:db8::1]:443", "unknown", "", "1.2.3.4,"];
const ELEMENTS: [&str; 6] = [
    "for=9.9.9.9;proto=http",
    "for=\"[2001:db8::1]:443\", FOR = 9.9.9.9",
    "for=_hidden",
    "by=1.1.1.1;for=\"9.9.9.9\";for=8.8.8.8",
    "for=\"9.9.9.9, for=8.8.8.8",
    "for=\"a\\\"\", for=9.9.9.9",
];

fn client(key: &ClientKey, told: HeaderMap) -> Client {
    let mut request = Request::new(());
    request.extensions_mut().insert(PeerAddr((PEER, 4_711).into()));
    *request.headers_mut() = told;
    key.client(&request)
}

/// Whatever a client writes on the left of what the proxies wrote, it is the same client.
pub fn forwarded(input: &mut Input<'_>) {
    let proxies = input.below(4);
    let (name, usual, key) = match input.below(3) {
        0 => (FORWARDED, &ELEMENTS[..], ClientKey::forwarded(proxies)),
        1 => (NAMED, &LISTS[..], ClientKey::address_in(NAMED)),
        _ => (LIST, &LISTS[..], ClientKey::x_forwarded_for(proxies)),
    };
    let (read, is_list) = (if name == NAMED { 1 } else { proxies }, name != FORWARDED);
    let told = headers(input, &name, usual);
    let seen = client(&key, told.clone());
    match &seen {
        Client::Address(IpAddr::V4(_)) => {}
        Client::Address(IpAddr::V6(address)) => {
            assert!(
                address.to_ipv4_mapped().is_none() && address.to_bits() as u64 == 0,
                "{told:?}: {seen:?}"
            );
        }
        other => panic!("{told:?}: {other:?}, though the peer is known"),
    }
    if read == 0 || told.is_empty() {
        assert_eq!(seen, Client::Address(PEER.into()), "{told:?}");
    }
    let lines: Vec<_> = told.get_all(&name).iter().collect();
    let entries: Vec<_> = lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).collect();
    if is_list && let Some(entry) = entries.iter().rev().nth(read.wrapping_sub(1)) {
        let address =
            str::from_utf8(entry).ok().and_then(|entry| entry.trim_matches([' ', '\t']).parse().ok());
        assert!(address.is_none_or(|address| seen == key.client_at(address)), "{told:?}: {seen:?}");
    }
    // A line of its own on the left; what is read is on the right of it.
    let enough = if is_list { entries.len() >= read } else { lines.len() >= read };
    if let (Some(junk), true) = (value(input, usual), enough) {
        let forged = std::iter::once(&junk).chain(lines);
        let forged = forged.map(|line| (name.clone(), line.clone())).collect();
        assert_eq!(client(&key, forged), seen, "{junk:?} before {told:?}");
    }
}

/// The only value there is, or the peer.
pub fn named(input: &mut Input<'_>) {
    let told = headers(input, &NAMED, &["ada", "bob"]);
    let values: Vec<&HeaderValue> = told.get_all(&NAMED).iter().collect();
    let expected = match values[..] {
        [value] => Client::Header(value.clone()),
        _ => Client::Address(PEER.into()),
    };
    assert_eq!(client(&ClientKey::header(NAMED), told.clone()), expected, "{told:?}");
}
