//! The same scenarios on each host of the layers, over real sockets, on HTTP/1.1 and on HTTP/2.

mod app;
mod axum;
mod caller;
mod hyper;
mod refusals;
mod repeats;
mod scenarios;
mod tonic;
