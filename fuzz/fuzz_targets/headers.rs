#![no_main]
#![allow(dead_code, unreachable_pub, clippy::disallowed_methods, reason = "see the integration tests")]

#[path = "../../tests/it/fuzz/mod.rs"]
mod fuzz;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::headers::run(bytes));
