//! gRPC with tonic: what calls come to, and how a rejection is answered.
//!
//! A client keeps its breaker informed, and hears of a rejection as a status:
//!
//! ```
//! use buttress::{RejectedKind, client_stack, find_rejected, grpc::Grpc};
//! use tonic::{Code, Status, transport::Channel};
//! use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
//! use tower::ServiceBuilder;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let stack = client_stack("orders").classify(Grpc);
//! let breaker = stack.circuit_breaker.breaker();
//! let channel = Channel::from_static("http://orders.internal:50051").connect_lazy();
//! let mut client = HealthClient::new(
//!     ServiceBuilder::new()
//!         .layer(stack)
//!         .map_err(|error: tonic::transport::Error| Status::from_error(error.into()))
//!         .service(channel),
//! );
//!
//! breaker.isolate();
//! let status = client.check(HealthCheckRequest::default()).await.unwrap_err();
//! assert_eq!(status.code(), Code::Unavailable);
//! assert_eq!(find_rejected(&status).unwrap().kind(), RejectedKind::CircuitOpen);
//! # }
//! ```
//!
//! A server answers with a status: `server_stack("orders").reject_as(AsGrpc)`, see [`AsGrpc`].
//!
//! # What a call came to
//!
//! [`Grpc`] reads the head of an HTTP response, where gRPC puts the status of a call that failed before it answered anything.
//! A `tonic::Response` is a success, and a `tonic::Status` means what [`Grpc`] says of its code, unless its sources know
//! better: a rejection of ours, a connection that could not be made, a time limit of tonic's own, a stream that was reset
//! (which tonic calls `CANCELLED`, and is a failure when it comes from here: it is what a handler that panics looks like).
//!
//! With the feature `tonic-transport` the error of a channel is known as well, also inside a
//! [`CallError`](crate::CallError); as a [`BoxError`](crate::BoxError) it is known without. Only the former proves that a call never
//! left.
//!
//! # Rejections as status
//!
//! `tonic::Status: From<Rejected>`, so where the error type is `Status` nothing needs to be said. [`AsStatus`] is for errors
//! that hold one, [`AsGrpc`] for servers. The [`Rejected`](crate::Rejected) is the status's source, and
//! [`find_rejected`](crate::find_rejected) finds it.

#[cfg(feature = "grpc")]
mod classify;
#[cfg(feature = "grpc")]
pub(crate) mod error;
#[cfg(feature = "grpc")]
mod reject;
#[cfg(all(feature = "grpc", any(feature = "retry", feature = "fallback")))]
mod replay;
#[cfg_attr(not(test), allow(dead_code, reason = "for layers that read and write deadlines"))]
pub(crate) mod timeout;
pub(crate) mod verdict;

#[cfg(feature = "grpc")]
pub use classify::Grpc;
#[cfg(feature = "grpc")]
pub use reject::{AsGrpc, AsStatus};
