//! HTTP: what answers mean, how a rejection is answered, and what may be sent again.

mod answer;
mod reject;
mod retry_after;
