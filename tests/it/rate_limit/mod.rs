mod config;
mod http;
mod keyed;
mod reject_now;
mod waiting;
