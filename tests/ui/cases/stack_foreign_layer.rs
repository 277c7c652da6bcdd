//! A layer of another crate, put into a stack as it is.

use buttress::client_stack;

fn main() {
    let _ = client_stack("payments").bulkhead(tower::limit::ConcurrencyLimitLayer::new(8));
}
