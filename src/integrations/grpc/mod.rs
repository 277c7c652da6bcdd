//! gRPC: what calls come to, how a rejection is answered, and time limits on the wire.

#[cfg_attr(not(test), allow(dead_code, reason = "for layers that read and write deadlines"))]
pub(crate) mod timeout;
pub(crate) mod verdict;
