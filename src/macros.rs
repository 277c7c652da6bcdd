//! What every service type offers besides `tower::Service`.

/// `ready` and `oneshot` as inherent methods. With the bound on the method and not on the type, a
/// service that lacks a strategy gets our message about it, and not "method not found".
macro_rules! ready_and_oneshot {
    ($ty:ty, [$($generics:tt)*]) => {
        impl<$($generics)*> $ty {
            /// Waits until the service can take a call. Same as tower's `ServiceExt::ready`.
            ///
            /// # Errors
            ///
            /// The inner service's, if it can take no more calls.
            pub async fn ready<Req>(&mut self) -> Result<&mut Self, <Self as tower::Service<Req>>::Error>
            where
                Self: tower::Service<Req>,
            {
                std::future::poll_fn(|cx| self.poll_ready(cx)).await?;
                Ok(self)
            }

            /// Waits until the service can take a call, and makes it. Same as tower's
            /// `ServiceExt::oneshot`.
            ///
            /// # Errors
            ///
            /// The inner service's, or the rejection that the layer made of it.
            pub async fn oneshot<Req>(
                mut self,
                request: Req,
            ) -> Result<<Self as tower::Service<Req>>::Response, <Self as tower::Service<Req>>::Error>
            where
                Self: tower::Service<Req>,
            {
                std::future::poll_fn(|cx| self.poll_ready(cx)).await?;
                self.call(request).await
            }
        }
    };
}

/// Access to the inner service, where there is only one.
macro_rules! inner_access {
    ($ty:ty, [$($generics:tt)*], $field:ident) => {
        impl<$($generics)*> $ty {
            /// The inner service.
            pub fn get_ref(&self) -> &S {
                self.$field.get_ref()
            }

            /// The inner service. What is done to it must not change whether it is ready.
            pub fn get_mut(&mut self) -> &mut S {
                self.$field.get_mut()
            }

            /// The inner service, without the layer.
            pub fn into_inner(self) -> S {
                self.$field.into_inner()
            }
        }
    };
}

pub(crate) use {inner_access, ready_and_oneshot};
