use std::net::{IpAddr, Ipv6Addr};

use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};
use http::{Extensions, Request};

use super::list::{Quotes, forwarded_for, node, nth_from_right};
use super::peer::peer;
use crate::error::{InvalidConfig, valid};
use crate::key::{IntoKey, KeyOf};

/// Who a request comes from: a key for what is kept per client, such as a
/// [rate limit](crate::RateLimitLayer::per_key).
///
/// ```
/// use buttress::{Client, ClientKey, PeerAddr, Quota, RateLimitLayer};
/// use http::Request;
///
/// // One proxy stands in front of this server.
/// let key = ClientKey::x_forwarded_for(1);
/// let layer = RateLimitLayer::per_key(Quota::per_second(10), key.clone());
///
/// let request = Request::builder()
///     .extension(PeerAddr(([10, 0, 0, 1], 4711).into()))
///     .header("x-forwarded-for", "6.6.6.6, 192.0.2.1")
///     .body(())
///     .unwrap();
/// // What the client wrote itself does not count.
/// assert_eq!(key.client(&request), Client::Address([192, 0, 2, 1].into()));
/// # drop(layer);
/// ```
///
/// # Which one to take
///
/// | what stands between clients and this server | key |
/// |---|---|
/// | nothing | [`peer`](Self::peer) |
/// | n proxies of yours, each of which adds to `X-Forwarded-For` | [`x_forwarded_for(n)`](Self::x_forwarded_for) |
/// | n proxies of yours, each of which adds to `Forwarded` | [`forwarded(n)`](Self::forwarded) |
/// | a proxy that writes the client's address into a header of its own, and lets nobody else write it | [`address_in`](Self::address_in) |
/// | something that checks who a caller is, and says so in a header | [`header`](Self::header) |
///
/// # Security
///
/// Everybody can write any header. Each proxy of yours adds one entry to the right, the address of whoever connected to
/// it; so the n-th entry from the right, of all lines in a row, is what the outermost of n proxies saw, and all that is
/// further left is hearsay. It is not even read. Say one proxy too many, and each client chooses its key; one too few,
/// and all clients behind a proxy are one. Only one header is read, the one that your proxies write: another that they
/// pass on unread would be the client's own word. Clients must not reach the server past the proxies.
///
/// Whatever is not an address there (no header, fewer entries than proxies, `unknown`, a hidden name, garbage, more than
/// [`MAX_HEADER`](Self::MAX_HEADER) bytes in all lines) falls back to the peer, which is your proxy: such requests share
/// one key, and nobody gets a new one that way. If no peer is known either, all such requests are one client,
/// [`Client::Stranger`]: a server that forgot to note its peers limits all of them together, and does not limit nobody.
///
/// The addresses of an IPv6 network of 64 bits, which is what a provider gives to one customer, are one client
/// ([`ipv6_prefix`](Self::ipv6_prefix)). An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) is that IPv4 address.
///
/// # The peer
///
/// It is what the extensions of the request tell: a [`PeerAddr`](crate::PeerAddr); with the feature `axum` a `ConnectInfo<SocketAddr>`
/// (`axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())` puts it there); or a plain
/// [`SocketAddr`](std::net::SocketAddr).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until a layer has it"]
pub struct ClientKey {
    source: Source,
    ipv6_prefix: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Peer,
    /// The entry so far from the right.
    List {
        header: HeaderName,
        hops: usize,
    },
    Forwarded {
        hops: usize,
    },
    /// The value, whatever it is.
    Header(HeaderName),
}

/// A client, as a [`ClientKey`] tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Client {
    /// An address; of IPv6 the network.
    Address(IpAddr),
    /// What stands in the header.
    Header(HeaderValue),
    /// Nobody knows. All of them are one client.
    Stranger,
}

impl ClientKey {
    /// Longer headers are not read, all lines together: 4,096 bytes.
    pub const MAX_HEADER: usize = 4_096;

    const fn new(source: Source) -> Self {
        Self { source, ipv6_prefix: 64 }
    }

    /// The address at the other end of the connection.
    pub const fn peer() -> Self {
        Self::new(Source::Peer)
    }

    /// The address that the outermost of so many proxies saw, by `X-Forwarded-For`. Without proxies, the
    /// [peer](Self::peer).
    pub const fn x_forwarded_for(proxies: usize) -> Self {
        Self::new(Source::List { header: HeaderName::from_static("x-forwarded-for"), hops: proxies })
    }

    /// The address that the outermost of so many proxies saw, by `Forwarded` (RFC 7239). Without proxies, the
    /// [peer](Self::peer).
    pub const fn forwarded(proxies: usize) -> Self {
        Self::new(Source::Forwarded { hops: proxies })
    }

    /// The address that a proxy writes into a header of its own, such as `X-Real-IP` or `CF-Connecting-IP`; the last one,
    /// if there are several. The proxy has to throw away what clients write there.
    pub const fn address_in(header: HeaderName) -> Self {
        Self::new(Source::List { header, hops: 1 })
    }

    /// The value of a header, for instance the id of a caller, or of a tenant. Without it, or with more than one, the
    /// [peer](Self::peer).
    ///
    /// Somebody has to check it before: who makes up a value gets a new key.
    pub const fn header(header: HeaderName) -> Self {
        Self::new(Source::Header(header))
    }

    /// How many bits of an IPv6 address tell clients apart, 1 to 128. By default 64.
    ///
    /// # Panics
    ///
    /// If it is out of range. [`try_ipv6_prefix`](Self::try_ipv6_prefix) returns an error instead.
    #[track_caller]
    pub fn ipv6_prefix(self, bits: u8) -> Self {
        valid(self.try_ipv6_prefix(bits))
    }

    /// How many bits of an IPv6 address tell clients apart. By default 64.
    ///
    /// # Errors
    ///
    /// If it is not 1 to 128.
    pub fn try_ipv6_prefix(self, bits: u8) -> Result<Self, InvalidConfig> {
        InvalidConfig::check((1..=128).contains(&bits), "ipv6_prefix", bits, "1 to 128 bits")?;
        Ok(Self { ipv6_prefix: bits, ..self })
    }

    /// Who sent this.
    pub fn client<B>(&self, request: &Request<B>) -> Client {
        self.client_of(request.headers(), request.extensions())
    }

    /// The client with this address: to look one up, as in `limiter.peek(&key.client_at(address))`.
    pub fn client_at(&self, address: IpAddr) -> Client {
        Client::Address(network(address, self.ipv6_prefix))
    }

    fn client_of(&self, headers: &HeaderMap, extensions: &Extensions) -> Client {
        let address = match &self.source {
            Source::Peer => None,
            Source::List { header, hops } => entry(headers, header, *hops, Quotes::AreNothing).and_then(node),
            Source::Forwarded { hops } => {
                entry(headers, &FORWARDED, *hops, Quotes::Matter).and_then(forwarded_for)
            }
            Source::Header(name) => match the_only(headers, name) {
                Some(value) => {
                    // It may be a key to more than a limit: logs and lists do not show it.
                    let mut value = value.clone();
                    value.set_sensitive(true);
                    return Client::Header(value);
                }
                None => None,
            },
        };
        let address = address.or_else(|| peer(extensions));
        address.map_or(Client::Stranger, |address| self.client_at(address))
    }
}

fn entry<'a>(headers: &'a HeaderMap, name: &HeaderName, hops: usize, quotes: Quotes) -> Option<&'a [u8]> {
    let lines = || headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let bytes = lines().map(<[u8]>::len).fold(0, usize::saturating_add);
    (bytes <= ClientKey::MAX_HEADER).then(|| nth_from_right(lines(), hops, quotes)).flatten()
}

fn the_only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let value = lines.next().filter(|value| value.len() <= ClientKey::MAX_HEADER);
    value.filter(|_| lines.next().is_none())
}

fn network(address: IpAddr, prefix: u8) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let beyond = 128_u32.saturating_sub(prefix.into());
            let mask = u128::MAX.checked_shl(beyond).unwrap_or_default();
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
        ipv4 => ipv4,
    }
}

impl<B> KeyOf<Request<B>> for ClientKey {
    type Key = Client;

    /// Never `None`: nobody is free of limits because nothing is known of him.
    fn key_of(&self, request: &Request<B>) -> Option<Client> {
        Some(self.client(request))
    }
}

impl IntoKey<Self> for ClientKey {
    type Strategy = Self;

    fn into_key(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::PeerAddr;
    use super::*;

    const PROXY: [u8; 4] = [10, 0, 0, 1];

    fn request(headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().extension(PeerAddr((PROXY, 4_711).into()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn address(text: &str) -> Client {
        Client::Address(text.parse().unwrap())
    }

    #[test]
    fn what_stands_in_a_header_is_not_shown() {
        let client = ClientKey::header(HeaderName::from_static("x-api-key"))
            .client(&request(&[("x-api-key", "sesame")]));
        assert_eq!(client, Client::Header("sesame".parse().unwrap()));
        assert!(!format!("{client:?}").contains("sesame"));
    }

    #[test]
    fn rl_17_trusted_proxy_depth() {
        let table = [
            (0, "1.2.3.4, 9.9.9.9", "10.0.0.1"),
            (1, "1.2.3.4, 9.9.9.9", "9.9.9.9"),
            (2, "1.2.3.4, 9.9.9.9", "1.2.3.4"),
            (3, "1.2.3.4, 9.9.9.9", "10.0.0.1"),
            (1, "9.9.9.9:80", "9.9.9.9"),
            (1, "1.2.3.4, unknown", "10.0.0.1"),
            (1, "1.2.3.4,", "10.0.0.1"),
            (1, "", "10.0.0.1"),
            (1, "::ffff:9.9.9.9", "9.9.9.9"),
            (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            (1, "[2001:db8:1:2:ffff::]:80", "2001:db8:1:2::"),
        ];
        for (hops, header, expected) in table {
            let request = request(&[("x-forwarded-for", header)]);
            assert_eq!(
                ClientKey::x_forwarded_for(hops).client(&request),
                address(expected),
                "{hops} {header}"
            );
        }
        let lines = request(&[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "9.9.9.9")]);
        assert_eq!(ClientKey::x_forwarded_for(1).client(&lines), address("9.9.9.9"));
        assert_eq!(ClientKey::x_forwarded_for(2).client(&lines), address("6.6.6.6"));
        assert_eq!(ClientKey::x_forwarded_for(1).client(&request(&[])), address("10.0.0.1"));
    }

    #[test]
    fn forged_entries_are_one_client() {
        let key = ClientKey::x_forwarded_for(1);
        let clients: std::collections::HashSet<Client> = (0..1_000_u32)
            .map(|forged| {
                let header =
                    format!("{}, 9.9.9.9", std::net::Ipv4Addr::from(forged.wrapping_mul(0x9e37_79b9)));
                key.client(&request(&[("x-forwarded-for", &header)]))
            })
            .collect();
        assert_eq!(clients, [address("9.9.9.9")].into());
    }

    #[test]
    fn huge_headers_are_not_read() {
        let of_size = |bytes: usize| {
            let end = ", 9.9.9.9";
            let header = format!("{}{end}", "x".repeat(bytes - end.len()));
            ClientKey::x_forwarded_for(1).client(&request(&[("x-forwarded-for", &header)]))
        };
        assert_eq!(of_size(ClientKey::MAX_HEADER), address("9.9.9.9"));
        assert_eq!(of_size(ClientKey::MAX_HEADER + 1), address("10.0.0.1"));
        let lines = ["x".repeat(4_000), "y".repeat(100), "9.9.9.9".into()];
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", line.as_str())).collect();
        assert_eq!(ClientKey::x_forwarded_for(1).client(&request(&lines)), address("10.0.0.1"));
    }

    #[test]
    fn only_the_header_counts_that_was_named() {
        let both = request(&[("x-forwarded-for", "9.9.9.9"), ("forwarded", "for=8.8.8.8;proto=http")]);
        assert_eq!(ClientKey::peer().client(&both), address("10.0.0.1"));
        assert_eq!(ClientKey::x_forwarded_for(1).client(&both), address("9.9.9.9"));
        assert_eq!(ClientKey::forwarded(1).client(&both), address("8.8.8.8"));
        assert_eq!(ClientKey::forwarded(0).client(&both), address("10.0.0.1"));
        let x_real_ip = HeaderName::from_static("x-real-ip");
        assert_eq!(ClientKey::address_in(x_real_ip.clone()).client(&both), address("10.0.0.1"));
        let real = request(&[("x-real-ip", "::ffff:7.7.7.7")]);
        assert_eq!(ClientKey::address_in(x_real_ip).client(&real), address("7.7.7.7"));
    }

    #[test]
    fn a_header_is_a_key_if_there_is_one_of_it() {
        let key = ClientKey::header(HeaderName::from_static("x-api-key"));
        let ada = Client::Header(HeaderValue::from_static("ada"));
        assert_eq!(key.client(&request(&[("x-api-key", "ada")])), ada);
        assert_eq!(key.client(&request(&[])), address("10.0.0.1"));
        assert_eq!(key.client(&request(&[("x-api-key", "ada"), ("x-api-key", "ada")])), address("10.0.0.1"));
        let huge = "x".repeat(ClientKey::MAX_HEADER + 1);
        assert_eq!(key.client(&request(&[("x-api-key", &huge)])), address("10.0.0.1"));
        assert_eq!(key.client(&Request::new(())), Client::Stranger);
    }

    #[test]
    fn ipv6_by_network_and_ipv4_in_its_clothes() {
        let key = ClientKey::peer();
        let clients: std::collections::HashSet<Client> = (0..65_536_u128)
            .map(|host| {
                key.client_at(Ipv6Addr::from_bits(0x2001_0db8_0001_0002 << 64 | host << 40 | host).into())
            })
            .collect();
        assert_eq!(clients, [address("2001:db8:1:2::")].into());
        assert_eq!(key.client_at("2001:db8:1:3::1".parse().unwrap()), address("2001:db8:1:3::"));
        assert_eq!(key.client_at("::ffff:192.0.2.1".parse().unwrap()), address("192.0.2.1"));
        let [narrow, wide] = [128, 48].map(|bits| ClientKey::peer().ipv6_prefix(bits));
        assert_eq!(narrow.client_at("2001:db8:1:3::1".parse().unwrap()), address("2001:db8:1:3::1"));
        assert_eq!(wide.client_at("2001:db8:1:3::1".parse().unwrap()), address("2001:db8:1::"));
        for bits in [0, 129, 255] {
            assert_eq!(ClientKey::peer().try_ipv6_prefix(bits).unwrap_err().field(), "ipv6_prefix");
        }
    }
}
