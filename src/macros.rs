//! What every service, engine and layer offers.

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

/// What every engine has because of its panel, given what the engine is an `Arc` of. `changed` is what it does when its
/// mode was changed by hand.
macro_rules! panel {
    ($engine:ident($held:ty), $($panel:ident).+ $(, changed: $changed:ident)? $(, companion: $companion:ident)?) => {
        impl $engine {
            /// The same, as a part of this stack. By default it belongs to none, and is shown under its own name.
            #[must_use]
            pub fn in_stack(self, stack: impl Into<crate::name::Name>) -> Self {
                self.member().set_stack(stack.into());
                self
            }

            /// Who it is, see the [registry](crate::registry).
            #[must_use]
            pub fn identity(&self) -> crate::registry::Identity {
                self.0.$($panel).+.identity()
            }

            pub(crate) fn member(&self) -> &dyn crate::registry::Member {
                &*self.0
            }

            /// A setter of the handle does what it does in here, so that it is known who set it.
            fn at_run_time<T>(&self, change: impl FnOnce() -> T) -> T {
                crate::registry::at_run_time(self.member(), change)
            }
        }

        impl From<$engine> for crate::registry::Engine {
            fn from(engine: $engine) -> Self {
                Self::$engine(engine)
            }
        }

        impl crate::registry::Switched for Shared {
            fn panel(&self) -> &crate::registry::Panel {
                &self.$($panel).+
            }

            $(fn mode_changed(&self) {
                self.$changed();
            })?
        }

        impl crate::registry::Member for $held {
            fn handle(self: crate::sync::Arc<Self>) -> crate::registry::Engine {
                crate::registry::Engine::$engine($engine(self))
            }

            fn tell_settings(&self, visit: &mut crate::registry::Visit<'_>) {
                Shared::settings(self, visit);
            }

            $(fn companion(&self) -> Option<crate::registry::Engine> {
                Shared::$companion(self)
            })?
        }
    };
}

/// The setter of a layer that says which stack it belongs to.
macro_rules! stack_setter {
    ($layer:ty, [$($generic:ident),*], $engine:ident) => {
        impl<$($generic),*> $layer {
            /// The stack that it is a part of, see the [registry](crate::registry). By default none: it is shown
            /// under its own name.
            pub fn stack(mut self, stack: impl Into<crate::name::Name>) -> Self {
                self.$engine = self.$engine.in_stack(stack);
                self
            }
        }
    };
}

pub(crate) use {inner_access, panel, ready_and_oneshot, stack_setter};
