use super::super::gate::{Gate, OFF, Sight};
use super::super::machine::Machine;
use super::super::phase::Inputs;
use super::super::{Settings, SlowRule};
use super::{at, settings};
use crate::model::{Model, Shared, Twin, join, spawn};
use crate::units::Ratio;

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "gate: until when a state lasts",
        threads: 2,
        check: until_when_a_state_lasts,
        twins: &[
            Twin { bug: "the state is told before the settings", fails_with: "of another state" },
            Twin { bug: "relaxed: the state is read", fails_with: "of another state" },
            Twin { bug: "relaxed: the state is told", fails_with: "of another state" },
            Twin { bug: "relaxed: the end is read", fails_with: "of another state" },
            Twin { bug: "relaxed: the end is told", fails_with: "of another state" },
        ],
    },
    Model {
        name: "gate: settings that come with a state",
        threads: 2,
        check: settings_that_come_with_a_state,
        twins: &[
            Twin { bug: "relaxed: the state is read", fails_with: "a state without its settings" },
            Twin { bug: "relaxed: the state is told", fails_with: "a state without its settings" },
        ],
    },
];

fn inputs() -> Inputs<'static> {
    Inputs { now: at(0), refused: 0, random: &|| 0.0 }
}

/// What is read as the end of a state is the end of that state.
fn until_when_a_state_lasts() {
    let mut machine = Machine::new(settings(), at(0));
    machine.isolate(at(100), &inputs());
    let gate = Shared::new(Gate::new(&machine));
    let thread = spawn(0, &gate, move |gate| {
        machine.automatic(&inputs());
        machine.isolate(at(300), &inputs());
        gate.publish(&machine);
    });
    for _ in 0..2 {
        let word = gate.word();
        if let Some(until) = gate.until(word).filter(|_| word.sight() == Sight::Shut) {
            assert_eq!(until.as_nanos(), u64::from(word.epoch()) * 100, "of another state");
        }
    }
    join(thread);
}

/// Who sees that calls are timed also sees for how long.
fn settings_that_come_with_a_state() {
    let machine = Machine::new(settings(), at(0));
    let gate = Shared::new(Gate::new(&machine));
    let thread = spawn(0, &gate, move |gate| {
        let longer_than = std::time::Duration::from_nanos(7);
        let slow = Some(SlowRule { longer_than, rate: Ratio::new("slow_call_rate", 1.0).expect("a share") });
        gate.publish(&Machine::new(Settings { slow, ..settings() }, at(0)));
    });
    let word = gate.word();
    let is_timed = word.sight() == Sight::Closed && word.times_calls();
    assert!(gate.longest() < OFF || !is_timed, "a state without its settings");
    join(thread);
}
