//! The admin page over real sockets. Engines of other tests are on it too, so each test looks at its own.

mod live;
mod names;
mod overrides;
mod refused;
mod support;
