//! What the registry shows.

use buttress::registry::{EngineSnapshot, Registry};

/// What the registry shows of one stack; other tests of this process have engines too.
pub fn shown(stack: &str) -> Vec<EngineSnapshot> {
    let mut snapshot = Registry::global().snapshot();
    snapshot.engines.retain(|engine| engine.identity.stack.as_str() == stack);
    snapshot.engines
}

/// The same, as soon as there are so many: another test that looks keeps what was dropped alive for that moment.
pub fn shown_once(stack: &str, count: usize) -> Vec<EngineSnapshot> {
    let start = std::time::Instant::now();
    while start.elapsed().as_secs() < 30 {
        let shown = shown(stack);
        if shown.len() == count {
            return shown;
        }
        std::thread::yield_now();
    }
    panic!("never {count} engines in {stack}: {:?}", shown(stack));
}
