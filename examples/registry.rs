//! Who is there, how they are, and the switch for when a layer itself is what hurts.
#![allow(clippy::print_stdout, reason = "an example tells what happens")]

use std::time::Duration;

use buttress::registry::{Engine, Override, Registry};
use buttress::{CallError, Mode, client_stack};
use tower::{ServiceBuilder, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = ServiceBuilder::new()
        .layer(client_stack("payments"))
        .map_err(CallError::Inner)
        .service(service_fn(|request: u64| async move { Ok::<_, std::io::Error>(request) }));

    // Anywhere else in the process, for instance behind a route that only operators reach:
    show("all engines");
    for engine in Registry::global().engines() {
        if let Engine::CircuitBreaker(breaker) = engine {
            breaker.isolate_for(Duration::from_secs(600));
        }
    }
    println!("isolated: {}", client.clone().oneshot(1).await.expect_err("it is isolated"));

    let off = Override::new(Mode::Off).time_to_live(Duration::from_secs(600)).reason("INC-42").by("ada");
    Registry::global().set_mode(off);
    show("switched off for ten minutes");
    println!("all the same: {:?}", client.oneshot(1).await);
}

fn show(title: &str) {
    let snapshot = Registry::global().snapshot();
    println!("{title}: the process is in mode {}", snapshot.mode);
    for engine in snapshot.engines {
        let who = engine.identity;
        println!("  {:<10} {:<16} {:<18} {}", who.stack, who.layer, who.name, engine.mode);
    }
}
