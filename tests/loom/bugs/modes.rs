//! Of how modes are switched, and of what engines do with that.

use super::{Area, Weak, Wrong};

pub(super) const AREA: Area = Area { wrong: WRONG, weak: WEAK };

const WRONG: &[Wrong] = &[
    [
        "the mode is told outside of the lock",
        "registry/lever.rs",
        "fn switched",
        "self.tell(switch.mode(), switch.until());",
        "let (mode, until) = (switch.mode(), switch.until());
        let _switch = (!$bug).then_some(switch);
        self.tell(mode, until);",
    ],
    [
        "the end of a mode is told before the mode",
        "registry/lever.rs",
        "fn tell",
        "self.word.store(",
        "if $bug {
            self.until.store(until.as_nanos(), Relaxed);
        }
        self.word.store(",
    ],
    [
        "who waits looks at the mode first",
        "registry/lever.rs",
        "fn mode_until",
        "let until = self.until();",
        "if $bug {
            return (mode(), self.until());
        }
        let until = self.until();",
    ],
    [
        "what is there now is over, whatever it is",
        "registry/switch.rs",
        "fn over",
        "set.until <= now",
        "$bug || set.until <= now",
    ],
    [
        "who finds it over does not look who was first",
        "registry/lever.rs",
        "fn mode_at",
        "let ended = is_over.then(|| self.switched(|switch| switch.expire(now)));",
        "let found = $bug.then(|| self.in_force().1);
        let ended = is_over.then(|| self.switched(|switch| switch.expire(now)));
        let ended = ended.map(|ended| match found {
            Some(found) => Ended { own: found.map(|set| set.what), ..ended },
            None => ended,
        });",
    ],
    [
        "a switch wakes nobody in the queue",
        "algo/permits/shell.rs",
        "fn wake_all",
        "wakers.into_iter()",
        "wakers.into_iter().filter(|_| !$bug)",
    ],
    [
        "a switch wakes nobody in the line",
        "algo/gcra/line.rs",
        "fn wake_all",
        "all.into_iter()",
        "all.into_iter().filter(|_| !$bug)",
    ],
    [
        "a trial call that decides nothing keeps its slot",
        "algo/breaker/shell/settle.rs",
        "fn record(",
        "step.wake = step.machine.give_back(ticket.role);",
        "step.wake = !$bug && step.machine.give_back(ticket.role);",
    ],
];

const WEAK: &[Weak] = &[
    [
        "relaxed: the end of a mode is told",
        "registry/lever.rs",
        "fn tell",
        "self.until.store(until.as_nanos(), Release);",
    ],
    ["relaxed: the end of a mode is read", "registry/lever.rs", "fn until", "self.until.load(Acquire)"],
];
