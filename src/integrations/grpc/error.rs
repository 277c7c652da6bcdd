//! What tonic's own types mean.

use std::error::Error;

use http::HeaderValue;
use tonic::{ConnectError, Response, Status, TimeoutExpired};

use super::verdict::{CANCELLED, of_status};
use crate::classify::{Answer, chain::chain};
use crate::integrations::http::Degraded;
use crate::verdict::Verdict;

/// A call that came to an end without a status has succeeded: everything else is an error.
impl<T> Answer for Response<T> {
    fn mark_degraded(&mut self) {
        self.extensions_mut().insert(Degraded);
    }
}

/// What an error means if it is one of tonic's.
pub(crate) fn verdict_of(link: &(dyn Error + 'static)) -> Option<Verdict> {
    if link.is::<ConnectError>() {
        return Some(Verdict::failure("connect"));
    }
    if link.is::<TimeoutExpired>() {
        return Some(Verdict::failure("timeout"));
    }
    link.downcast_ref().map(of)
}

/// By its code. A status that came over the wire has no source: one that has was made here, out of an error on
/// the way, and some of those tonic calls `CANCELLED`. That no more says nothing about the service: a call that
/// is given up here has no result.
fn of(status: &Status) -> Verdict {
    let pushback = status.metadata().as_ref().get(super::verdict::PUSHBACK).map(HeaderValue::as_bytes);
    let verdict = of_status(code(status), pushback);
    let Some(source) = status.source() else { return verdict };
    if chain(source).any(|link| link.is::<TimeoutExpired>()) {
        return Verdict::failure("timeout").repeatable(false);
    }
    if chain(source).any(|link| link.is::<ConnectError>()) {
        return verdict.with_cause("connect");
    }
    if code(status) == CANCELLED { Verdict::failure("reset").repeatable(false) } else { verdict }
}

fn code(status: &Status) -> u8 {
    u8::try_from(i32::from(status.code())).expect("the codes of gRPC end at 16")
}
