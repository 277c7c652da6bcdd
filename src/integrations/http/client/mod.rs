//! Who a request comes from.

mod key;
mod list;
mod peer;

pub use key::{Client, ClientKey};
pub use peer::PeerAddr;
