use axum::Router;

use super::hosts::Hosts;
use super::routes::routes;
use super::shared::Shared;
use super::token::Token;
use crate::error::{InvalidConfig, valid};
use crate::sync::Arc;

/// The admin page, to be nested into an axum router. See the [module](crate::admin).
///
/// ```
/// use axum::Router;
/// use buttress::admin::Admin;
///
/// let app: Router = Router::new().nest_service("/buttress", Admin::new().router());
/// assert_eq!(Admin::new().try_overrides("hunter2").unwrap_err().field(), "overrides");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nobody sees it until its router is nested"]
pub struct Admin {
    hosts: Hosts,
    token: Option<Token>,
}

impl Admin {
    /// A page to look at: for this machine only, and read-only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves the page under this name as well, as in `ops.internal:9000`; without a port, under any port. By
    /// default only under `localhost`, `127.0.0.1` and `[::1]`.
    ///
    /// This is no substitute for a firewall: anybody who reaches the port can send any name. It keeps web sites
    /// from reaching the page through the browser of somebody who can.
    ///
    /// # Panics
    ///
    /// If it is no host. [`try_allow_host`](Self::try_allow_host) returns an error instead.
    #[track_caller]
    pub fn allow_host(self, host: impl Into<String>) -> Self {
        valid(self.try_allow_host(host))
    }

    /// Serves the page under this name as well.
    ///
    /// # Errors
    ///
    /// If it is no host.
    pub fn try_allow_host(mut self, host: impl Into<String>) -> Result<Self, InvalidConfig> {
        self.hosts.allow(host.into())?;
        Ok(self)
    }

    /// Lets whoever has this token change things. By default nobody can.
    ///
    /// Only a digest of it is kept. It is as good as the connection over which it is sent: put TLS in front.
    ///
    /// # Panics
    ///
    /// If it is shorter than 16 characters, or has others than visible ASCII.
    /// [`try_overrides`](Self::try_overrides) returns an error instead.
    #[track_caller]
    pub fn overrides(self, token: impl AsRef<str>) -> Self {
        valid(self.try_overrides(token))
    }

    /// Lets whoever has this token change things.
    ///
    /// # Errors
    ///
    /// If it is shorter than 16 characters, or has others than visible ASCII. The error does not tell it.
    pub fn try_overrides(self, token: impl AsRef<str>) -> Result<Self, InvalidConfig> {
        Ok(Self { token: Some(Token::new(token.as_ref())?), ..self })
    }

    /// The routes, to be nested below any path (`Router::nest_service`, `Router::nest`) or served by
    /// themselves; not to be merged, for they answer every path that no route of theirs fits.
    ///
    /// From now on, or outside a tokio runtime from the first request on, a task looks at all engines once a second,
    /// until the router and its connections are gone.
    pub fn router(self) -> Router {
        let shared = Arc::new(Shared::new(self.hosts, self.token));
        shared.start();
        routes(shared)
    }
}
