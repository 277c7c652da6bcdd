//! Recommended stacks: the [order of layers](crate#order) in one call, each part replaceable.
//!
//! ```
//! use std::time::Duration;
//! use buttress::{CallError, CircuitState, TimeoutLayer, client_stack};
//! use tower::{ServiceBuilder, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let stack = client_stack("payments").attempt_timeout(TimeoutLayer::new(Duration::from_millis(500)));
//! let breaker = stack.circuit_breaker.breaker();
//!
//! let client = ServiceBuilder::new()
//!     .layer(stack)
//!     .map_err(CallError::Inner)
//!     .service(service_fn(|request: u64| async move { Ok::<_, std::io::Error>(request) }));
//!
//! assert_eq!(client.oneshot(7).await.unwrap(), 7);
//! assert_eq!(breaker.state(), CircuitState::Closed);
//! # }
//! ```
//!
//! Every part is a public field, so that its handle can be taken before the stack is applied; a setter
//! of the same name replaces the part, `without_…` takes it out. All parts carry the stack's name; the two
//! timeouts of a client are told apart as `payments/total` and `payments/attempt`.
//!
//! `owner` and `runbook` say who looks after the dependency and where it says what to do: all parts carry
//! them in their events, snapshots and metrics. [`explain`](ClientStack::explain) tells what the stack is
//! and whether anything looks like a mistake, see [`explain`](crate::explain). When it is first applied to
//! a service, the stack writes one line with its settings to the log.
//!
//! `classify` and `reject_as` give a strategy to all parts that have one.
//!
//! What is put in has to be a [`Part`](crate::explain::Part): every layer of this crate is, and a layer of
//! another crate goes in as [`Foreign`](crate::explain::Foreign). A part that has no name yet is named by
//! the stack.
//!
//! Like every layer, a stack shares its state with its clones and with all services it makes. Make one
//! per dependency: two dependencies behind one breaker are cut off together.

mod client;
mod macros;
mod plate;
mod server;
mod strategies;

pub use client::{ClientStack, client_stack};
pub use server::{ServerStack, server_stack};
