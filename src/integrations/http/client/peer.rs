use std::net::{IpAddr, SocketAddr};

use http::Extensions;

/// The address of who is at the other end of the connection, for servers that do not tell it in a way of their own: put
/// it into the extensions of each request where the connection is accepted.
///
/// ```
/// use std::net::{Ipv4Addr, SocketAddr};
/// use buttress::{Client, ClientKey, PeerAddr};
/// use http::Request;
///
/// let mut request = Request::new(());
/// assert_eq!(ClientKey::peer().client(&request), Client::Stranger);
/// request.extensions_mut().insert(PeerAddr(SocketAddr::from(([192, 0, 2, 1], 4711))));
/// assert_eq!(ClientKey::peer().client(&request), Client::Address(Ipv4Addr::new(192, 0, 2, 1).into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);

/// Who is at the other end, as the server that accepted the connection noted it.
pub(super) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let ours = extensions.get::<PeerAddr>().map(|PeerAddr(address)| address);
    #[cfg(feature = "axum")]
    let ours = ours.or_else(|| {
        let info = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>();
        info.map(|axum::extract::ConnectInfo(address)| address)
    });
    ours.or_else(|| extensions.get::<SocketAddr>()).map(SocketAddr::ip)
}
