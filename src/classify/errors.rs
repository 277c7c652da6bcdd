//! What errors of known types mean.

use std::any::Any;
use std::convert::Infallible;
use std::error::Error;
use std::io;

use super::Fault;
use super::chain::{find_rejected, verdict_of};
use crate::error::{BoxError, CallError};
use crate::reject::Rejected;
use crate::verdict::Verdict;

impl Fault for Infallible {}

impl Fault for Rejected {
    fn as_rejected(&self) -> Option<&Rejected> {
        Some(self)
    }
}

impl<E: 'static> Fault for CallError<E> {
    fn as_rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Inner(error) => known(error).and_then(find_rejected),
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Rejected(rejected) => Verdict::from(*rejected),
            Self::Inner(error) => known(error).map_or(Verdict::failure("error"), verdict_of),
        }
    }
}

/// `CallError` takes any inner error; of these types more is known than that they failed. The
/// comparison of types is settled at compile time.
fn known<E: 'static>(error: &E) -> Option<&(dyn Error + 'static)> {
    let any: &dyn Any = error;
    if let Some(boxed) = any.downcast_ref::<BoxError>() {
        return Some(&**boxed);
    }
    #[cfg(feature = "hyper-util")]
    if let Some(error) = any.downcast_ref::<hyper_util::client::legacy::Error>() {
        return Some(error);
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = any.downcast_ref::<reqwest::Error>() {
        return Some(error);
    }
    #[cfg(feature = "grpc")]
    if let Some(status) = any.downcast_ref::<tonic::Status>() {
        return Some(status);
    }
    #[cfg(feature = "tonic-transport")]
    if let Some(error) = any.downcast_ref::<tonic::transport::Error>() {
        return Some(error);
    }
    any.downcast_ref::<io::Error>().map(|error| error as _)
}

macro_rules! by_source_chain {
    ($($(#[$attr:meta])* $ty:ty => |$error:ident| $as_dyn:expr;)*) => {$(
        $(#[$attr])*
        impl Fault for $ty {
            fn as_rejected(&self) -> Option<&Rejected> {
                let $error = self;
                find_rejected($as_dyn)
            }

            fn verdict(&self) -> Verdict {
                let $error = self;
                verdict_of($as_dyn)
            }
        }
    )*};
}

by_source_chain! {
    dyn Error => |error| error;
    dyn Error + Send => |error| error;
    dyn Error + Send + Sync => |error| error;
    io::Error => |error| error;
    #[cfg(feature = "hyper-util")]
    hyper_util::client::legacy::Error => |error| error;
    #[cfg(feature = "reqwest")]
    reqwest::Error => |error| error;
    #[cfg(feature = "grpc")]
    tonic::Status => |error| error;
    #[cfg(feature = "tonic-transport")]
    tonic::transport::Error => |error| error;
}

impl<E: ?Sized + Fault> Fault for Box<E> {
    fn as_rejected(&self) -> Option<&Rejected> {
        E::as_rejected(self)
    }

    fn verdict(&self) -> Verdict {
        E::verdict(self)
    }
}
