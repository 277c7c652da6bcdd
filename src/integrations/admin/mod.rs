//! A page that shows every engine of the process, worst first, and can switch them.
//!
//! For whoever is on call and has never read these docs: which dependency is cut off, why, since when, when it is
//! tried again, and what ends it, without a deploy. The same is there as JSON, for scripts.
//!
//! ```no_run
//! use axum::Router;
//! use buttress::admin::Admin;
//!
//! # async fn serve(token: String) -> Result<(), Box<dyn std::error::Error>> {
//! let admin = Admin::new()                    // read-only, and for this machine only
//!     .allow_host("ops.internal:9000")        // also under this name
//!     .try_overrides(token)?;                 // whoever has the token can change things
//! let app: Router = Router::new().nest_service("/buttress", admin.router());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9000").await?;
//! axum::serve(listener, app).await?;
//! # Ok(()) }
//! ```
//!
//! There is nothing to register: the page shows what is in the [registry](crate::registry). An axum router can be put
//! below any path. With `nest_service` the page is there with and without a slash at the end of that path; `nest`
//! knows the path without one only.
//!
//! # What it shows
//!
//! A card for each stack, in this order: cut off (open or isolated), on trial (half-open), failing (a tenth of the
//! calls or more, with nothing that cuts them off), refusing (or full), overridden, calm. In it, outermost first, each
//! layer with its state and its measure against its limit, latency of the last minute (p50, p95, p99), the last five
//! minutes as lines, attempts per call, events, and every setting in force with where it comes from. Owner and
//! runbook are those of the stack. A process-wide mode stands above everything.
//!
//! The page is one document that asks nobody else for anything. It is told once a second; when the connection breaks
//! it says so, fades, and goes on trying.
//!
//! # Routes
//!
//! Below the path where it is nested:
//!
//! | route | what |
//! |---|---|
//! | `GET /` | the page |
//! | `GET /snapshot` | everything, as JSON: the fields of [`RegistrySnapshot`](crate::registry::RegistrySnapshot), and see below |
//! | `GET /events` | the same without `settings` and `history`, once a second as server-sent events called `snapshot`; for 16 at a time, more get 503; each stream ends after a minute, and a browser asks for the next one by itself |
//! | `POST /overrides` | changes something, see below |
//!
//! The snapshot has besides: `now` (seconds since 1970), `tick` (counts the seconds of the history) and `overrides`
//! (whether anything can be changed), `unauthorized` (how many requests for a change came without the right token) and
//! `without_history` (of how many engines only the last seconds are kept); and for each engine
//!
//! | field | what |
//! |---|---|
//! | `recent` | the last second: `calls`, `rejected` and `failed` per second, and `in_flight` |
//! | `minute` | the last minute: `calls`, `attempts`, `rejected`, `failed`; null if it is not kept |
//! | `latency` | of the last minute, in seconds: `count`, `p50`, `p95`, `p99`; waiting times where calls wait; not there if no minute is kept |
//! | `history` | a list of up to 300 seconds (5 if no minute is kept), oldest first, for each field of `recent` |
//! | `settings` | [`Engine::settings`](crate::registry::Engine::settings), each with its value as `text` |
//! | `note` | `reason` and `by` of whoever holds a breaker from here |
//!
//! `failed` is what the layer itself can tell: failures of a breaker, calls ended by a timeout, calls given up by a
//! retry, repeats without a token, calls for which a fallback was asked.
//!
//! # Overrides
//!
//! ```console
//! $ curl -X POST http://127.0.0.1:9000/buttress/overrides \
//!     -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \
//!     -d '{"action": "bypass", "stack": "payments", "layer": "circuit_breaker", "name": "payments",
//!          "ttl_seconds": 900, "reason": "INC-42", "by": "ada"}'
//! {"done":"bypassed for 900s"}
//! $ curl -X POST http://127.0.0.1:9000/buttress/overrides \
//!     -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \
//!     -d '{"action": "mode", "mode": "off", "ttl_seconds": 900, "reason": "INC-42", "by": "ada"}'
//! {"done":"mode of the process set to off for 900s"}
//! ```
//!
//! | action | for | with |
//! |---|---|---|
//! | `isolate`, `bypass` | a `circuit_breaker` | `ttl_seconds` |
//! | `automatic`, `reset` | a `circuit_breaker` | – |
//! | `limit` | a `bulkhead` (calls at once), `rate_limit` (calls per second), `timeout` (seconds) | `limit`, and `burst` if a rate limit is to have another one |
//! | `mode` | any engine but a `retry_budget`, which goes by its retry; without `stack`, `layer` and `name` the whole process | `mode` (`enforce`, `dry_run`, `off`), `ttl_seconds` |
//! | `clear` | takes a mode back; likewise | – |
//!
//! `reason` is needed (up to 200 characters), `by` is not (up to 100); both go to the log (a WARN), to the events and onto
//! the page. A rate limit may be a fraction: 0.5 is one call every two seconds. The mode `enforce` of the whole process is
//! what holds anyway: it takes back what was set, and has no end. What has a time to
//! live, at most a week, ends by itself; a limit stays until it is changed again or the process ends. The page shows
//! each request that it sends as such a command.
//!
//! # Who can do what
//!
//! | from | what protects |
//! |---|---|
//! | whoever reaches the port | reads everything: bind to loopback or an internal address. Changes nothing without the token |
//! | a web site open in the browser of somebody who reaches the port | it cannot read (no CORS headers, and `Host` has to be one that is [allowed](Admin::allow_host), against DNS rebinding), nor write (the token is in no cookie; JSON only; `Origin` has to be that of the page), nor frame the page, nor take up its streams (`Sec-Fetch-Site`) |
//! | a name from configuration or code that is markup | all names are data in JSON, set as text; the content security policy allows the page's own script and style by their digests, and nothing else |
//! | a request to what stands beside the page, `/metrics` above all | nothing of this: only what the page itself serves is looked at for its `Host`. Metrics name the same dependencies: have them on an internal port too |
//! | whoever guesses the token | it has 16 characters or more; wrong ones are counted in `unauthorized` and told in the log, a WARN at most every ten seconds |
//! | whoever listens on the way | nothing: put TLS in front, and let it pass on the `Host` it was asked for |
//!
//! What is refused is told as JSON: `error`, and for a bad field `field`, `value` and `rule`. 400 no JSON, or no host;
//! 401 not the token; 403 read-only, or another site; 404 no such engine or route, and none is made; 405 another method
//! than those of the route, which `Allow` names; 413 over 4 kB; 415 no JSON by its type; 421 a host that is not allowed; 422 a bad field.
//!
//! # What it costs
//!
//! Without a router, nothing. With one, a task takes a snapshot once a second, and keeps five minutes of up to 256
//! engines, some 20 kB each, and five seconds of all others; it ends when the router and its connections are gone. An update is made once a second if
//! anybody listens, however many do. Calls are no slower for it.
//!
//! # Shutdown
//!
//! A server that waits for its connections (`axum::serve(..).with_graceful_shutdown(..)`) waits for pages that are open:
//! at most a minute, for then their streams end. Give such a shutdown a deadline if that is too long.
//!
//! # Where it belongs
//!
//! On the port for operations, beside metrics and health checks, and outside of the layers that it shows: a page that
//! is refused when the server is full helps nobody.

mod apply;
mod builder;
mod change;
mod document;
mod guard;
mod history;
mod hosts;
mod notes;
mod refusal;
mod routes;
mod shared;
mod strangers;
mod tally;
mod token;
mod view;

pub use builder::Admin;
