//! Which HTTP requests can be sent again, and which may be.

use http::header::HeaderMap;
use http::{Method, Request};
use http_body::Body;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{Either, Empty, Full};

use crate::replay::Replay;

/// May be repeated: a method that is idempotent by RFC 9110 (`GET`, `HEAD`, `OPTIONS`, `TRACE`, `PUT`,
/// `DELETE`), or any with an `Idempotency-Key` header. Can be: if its body can.
impl<B: Replay> Replay for Request<B> {
    fn replay(&self) -> Option<Self> {
        let mut copy = Self::new(self.body().replay()?);
        copy.method_mut().clone_from(self.method());
        copy.uri_mut().clone_from(self.uri());
        *copy.version_mut() = self.version();
        copy.headers_mut().clone_from(self.headers());
        copy.extensions_mut().clone_from(self.extensions());
        Some(copy)
    }

    fn repeatable(&self) -> bool {
        is_idempotent(self.method(), self.headers()) && self.body().repeatable()
    }
}

/// As for an `http::Request`; reqwest copies every body but a stream.
#[cfg(feature = "reqwest")]
impl Replay for reqwest::Request {
    fn replay(&self) -> Option<Self> {
        self.try_clone()
    }

    fn repeatable(&self) -> bool {
        is_idempotent(self.method(), self.headers())
    }
}

fn is_idempotent(method: &Method, headers: &HeaderMap) -> bool {
    // A draft of the IETF's HTTP API group; what payment and messaging services have long used.
    method.is_idempotent() || headers.contains_key("idempotency-key")
}

impl<D: Clone> Replay for Full<D> {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn repeatable(&self) -> bool {
        true
    }
}

impl<D> Replay for Empty<D> {
    fn replay(&self) -> Option<Self> {
        Some(Self::new())
    }

    fn repeatable(&self) -> bool {
        true
    }
}

impl<L: Replay, R: Replay> Replay for Either<L, R> {
    fn replay(&self) -> Option<Self> {
        match self {
            Self::Left(body) => body.replay().map(Self::Left),
            Self::Right(body) => body.replay().map(Self::Right),
        }
    }

    fn repeatable(&self) -> bool {
        match self {
            Self::Left(body) => body.repeatable(),
            Self::Right(body) => body.repeatable(),
        }
    }
}

macro_rules! only_if_empty {
    ($($ty:ident),*) => {$(
        /// What is inside may be a stream, which can be read only once; so there is a copy only of a
        /// body that is known to be empty.
        impl<D: bytes::Buf + 'static, E> Replay for $ty<D, E> {
            fn replay(&self) -> Option<Self> {
                self.is_end_stream().then(Self::default)
            }

            fn repeatable(&self) -> bool {
                true
            }
        }
    )*};
}

only_if_empty!(BoxBody, UnsyncBoxBody);

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http::Version;
    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn the_whole_head_is_copied() {
        let mut request = Request::put("http://example.com/a?b=c")
            .version(Version::HTTP_2)
            .header("x", "1")
            .header("x", "2")
            .body(Full::new(Bytes::from_static(b"body")))
            .unwrap();
        request.extensions_mut().insert(7_u8);
        let copy = request.replay().unwrap();
        assert_eq!(copy.method(), Method::PUT);
        assert_eq!(copy.uri(), request.uri());
        assert_eq!(copy.version(), Version::HTTP_2);
        assert_eq!(copy.headers(), request.headers());
        assert_eq!(copy.extensions().get::<u8>(), Some(&7));
        assert_eq!(copy.into_body().into_inner(), Some(Bytes::from_static(b"body")));
    }

    #[test]
    fn idempotent_methods_and_keyed_requests_may_be_repeated() {
        for (method, idempotent) in [
            (Method::GET, true),
            (Method::HEAD, true),
            (Method::OPTIONS, true),
            (Method::TRACE, true),
            (Method::PUT, true),
            (Method::DELETE, true),
            (Method::POST, false),
            (Method::PATCH, false),
            (Method::CONNECT, false),
            (Method::from_bytes(b"PURGE").unwrap(), false),
        ] {
            let mut request = Request::new(());
            *request.method_mut() = method.clone();
            assert_eq!(request.repeatable(), idempotent, "{method}");
            request.headers_mut().insert("Idempotency-Key", "\"k\"".parse().unwrap());
            assert!(request.repeatable(), "{method}");
        }
    }

    #[test]
    fn a_boxed_body_is_copied_only_if_it_is_empty() {
        let empty = BoxBody::<Bytes, Infallible>::default();
        assert!(empty.replay().is_some_and(|copy| copy.is_end_stream()));
        let full = Full::new(Bytes::from_static(b"x"));
        assert!(Request::new(full.clone().boxed()).replay().is_none());
        assert!(Request::new(full.clone().boxed_unsync()).replay().is_none());
        let either = Either::<_, BoxBody<Bytes, Infallible>>::Left(full);
        assert!(either.replay().is_some());
    }

    #[cfg(feature = "reqwest")]
    #[test]
    fn a_reqwest_request_is_copied_by_itself() {
        let mut request = reqwest::Request::new(Method::POST, "http://example.com/".parse().unwrap());
        *request.body_mut() = Some("body".into());
        let copy = request.replay().unwrap();
        assert_eq!(copy.body().unwrap().as_bytes(), Some(&b"body"[..]));
        assert!(!copy.repeatable());
        *request.method_mut() = Method::DELETE;
        assert!(request.repeatable());
    }
}
