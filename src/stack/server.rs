use std::time::Duration;

use tower::Layer;
use tower::layer::util::Identity;

use super::macros::parts;
use super::plate::{Named, Plate};
use crate::bulkhead::Queued;
use crate::explain::{Explanation, Part, PartInfo};
use crate::name::Name;
use crate::{BulkheadLayer, TimeoutLayer};

/// The stack in front of a server's handlers, made by [`server_stack`].
///
/// Outermost first; what is `Identity` is not there until it is set.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
#[non_exhaustive]
pub struct ServerStack<T = TimeoutLayer, Bh = BulkheadLayer<Queued>, Rl = Identity> {
    /// The limit of the whole call, time in the queue included: 3 s.
    pub total_timeout: T,
    /// At most 64 calls at once, and as many in the queue, for up to 500 ms.
    pub bulkhead: Bh,
    /// Not there by default: the quota depends on what the server sells.
    pub rate_limit: Rl,
    pub(super) plate: Plate,
}

/// The recommended layers in front of a server's handlers, ready to use: total timeout 3 s, bulkhead of 64
/// with a queue of 64 for up to 500 ms.
///
/// Keep health checks outside of it: a server that is merely busy must not be restarted.
///
/// ```
/// use axum::{Router, routing::get};
///
/// let app: Router = Router::new()
///     .route("/orders", get(|| async { "none" }))
///     .layer(buttress::server_stack("shop"))
///     // Added after the layer, so outside of it.
///     .route("/healthz", get(|| async { "ok" }));
/// ```
pub fn server_stack(name: impl Into<Name>) -> ServerStack {
    let stack = ServerStack {
        total_timeout: TimeoutLayer::new(Duration::from_secs(3)),
        bulkhead: BulkheadLayer::new(64).queue(64, Duration::from_millis(500)),
        rate_limit: Identity::new(),
        plate: Plate::new(name.into()),
    };
    stack.adopt_all()
}

parts!(ServerStack<T, Bh, Rl> {
    total_timeout: T "", without_total_timeout, "the limit of the whole call";
    bulkhead: Bh "", without_bulkhead, "the bulkhead";
    rate_limit: Rl "", without_rate_limit, "the rate limit";
});

impl<S, T, Bh, Rl> Layer<S> for ServerStack<T, Bh, Rl>
where
    Rl: Layer<S> + Part,
    Bh: Layer<Rl::Service> + Part,
    T: Layer<Bh::Service> + Part,
{
    type Service = T::Service;

    fn layer(&self, inner: S) -> Self::Service {
        self.plate.apply(|| self.parts());
        self.total_timeout.layer(self.bulkhead.layer(self.rate_limit.layer(inner)))
    }
}
