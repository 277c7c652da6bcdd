//! Of the breaker's shell.

use super::{Area, Weak, Wrong};

pub(super) const AREA: Area = Area { wrong: WRONG, weak: WEAK };

const WRONG: &[Wrong] = &[
    [
        "a slot is taken before its call is counted",
        "algo/breaker/shell/admit.rs",
        "fn admit_at",
        "self.tally.admit();",
        "if !$bug {
                    self.tally.admit();
                }",
    ],
    [
        "a slot is taken before its call is counted",
        "algo/breaker/shell/admit.rs",
        "fn admit_at",
        "(admitted.or_else(",
        "if $bug && admitted.is_ok() {
            self.tally.admit();
        }
        (admitted.or_else(",
    ],
    [
        "a slot is free after the end is counted",
        "algo/breaker/shell/settle.rs",
        "fn end_trial",
        "count.add();",
        "if !$bug {
                count.add();
            }",
    ],
    [
        "a slot is free after the end is counted",
        "algo/breaker/shell/settle.rs",
        "fn end_trial",
        "let ((), after)",
        "if $bug {
            count.add();
        }
        let ((), after)",
    ],
    [
        "a part is counted before the whole",
        "algo/breaker/shell/admit.rs",
        "fn refuse(",
        "self.side.would_reject.add();",
        "if !$bug {
            self.side.would_reject.add();
        }",
    ],
    [
        "a part is counted before the whole",
        "algo/breaker/shell/admit.rs",
        "fn refuse(",
        "let ticket = self.pass();",
        "if $bug {
            self.side.would_reject.add();
        }
        let ticket = self.pass();",
    ],
    [
        "what is open opens again",
        "algo/breaker/shell/settle.rs",
        "fn record(",
        "!self.is_current(ticket, step.machine)",
        "!self.is_current(ticket, step.machine) && !$bug",
    ],
    [
        "what is open opens again",
        "algo/breaker/machine.rs",
        "fn record(",
        "match (self.phase, role) {",
        "match (self.phase, role) {
            (Phase::Open { .. }, Role::Call) if $bug => self.record_call(result, inputs),",
    ],
    [
        "a late result decides",
        "algo/breaker/shell/settle.rs",
        "fn record(",
        "!self.is_current(ticket, step.machine)",
        "!self.is_current(ticket, step.machine) && !$bug",
    ],
    [
        "a trial call counts as any other",
        "algo/breaker/shell/settle.rs",
        "fn record(",
        "!self.is_current(ticket, step.machine)",
        "!self.is_current(ticket, step.machine) && !$bug",
    ],
    [
        "a trial call counts as any other",
        "algo/breaker/machine.rs",
        "fn record(",
        "match (self.phase, role) {",
        "match (self.phase, role) {
            (Phase::Closed, Role::Trial(_)) if $bug => self.record_call(result, inputs),",
    ],
    [
        "a trial call closes whatever there is",
        "algo/breaker/shell/settle.rs",
        "fn record(",
        "!self.is_current(ticket, step.machine)",
        "!self.is_current(ticket, step.machine) && !$bug",
    ],
    [
        "a trial call closes whatever there is",
        "algo/breaker/machine.rs",
        "fn record(",
        "match (self.phase, role) {",
        "match (self.phase, role) {
            (_, Role::Trial(slot)) if $bug => self.record_trial(slot, result, inputs),",
    ],
    [
        "successes are told after the failure",
        "algo/breaker/shell.rs",
        "fn step<",
        "self.take_tally_locked(&mut guard);",
        "if !$bug {
            self.take_tally_locked(&mut guard);
        }",
    ],
    [
        "a success counts in any epoch",
        "algo/breaker/tally.rs",
        "impl Fresh",
        "word >> TAG == tag(epoch)",
        "$bug || word >> TAG == tag(epoch)",
    ],
    [
        "the window changes outside of the lock",
        "algo/breaker/shell/control.rs",
        "fn reconfigure",
        "let ((), after) =",
        "if $bug {
            let mut outside = std::mem::replace(&mut lock(&self.locked).machine, Machine::new(settings, now));
            outside.reconfigure(settings, &mut spares);
            lock(&self.locked).machine = outside;
            return After::NOTHING;
        }
        let ((), after) =",
    ],
    [
        "the state is told before the settings",
        "algo/breaker/gate.rs",
        "fn publish(",
        "self.word.store(word.moving().0,",
        "self.word.store(if $bug { word.0 } else { word.moving().0 },",
    ],
    [
        "an admission in two steps",
        "algo/breaker/shell/admit.rs",
        "fn admit_at",
        "let (admitted, after) =",
        "if let Some(refusal) = $bug.then(|| lock(&self.locked).machine.refusal(now)).flatten() {
            return (self.refuse(refusal, mode), After::NOTHING);
        }
        let (admitted, after) =",
    ],
    [
        "an admission in two steps",
        "algo/breaker/machine.rs",
        "fn admit(",
        "= self.refusal(inputs.now)",
        "= self.refusal(inputs.now).filter(|_| !$bug)",
    ],
    [
        "a late drop gives a slot back",
        "algo/breaker/shell/settle.rs",
        "fn end(",
        "if ticket.epoch == step.machine.epoch()",
        "if $bug || ticket.epoch == step.machine.epoch()",
    ],
    [
        "new slots in the same epoch",
        "algo/breaker/machine.rs",
        "fn reconfigure",
        "self.restart_trials();",
        "match $bug {
                    true => {}
                    false => self.restart_trials(),
                }",
    ],
    [
        "a waiter looks before it registers",
        "algo/breaker/shell/admit.rs",
        "fn wait_at",
        "let refusal = locked.machine.refusal(now);",
        "let refusal = locked.machine.refusal(now);
        if $bug {
            drop(locked);
            locked = lock(&self.locked);
        }",
    ],
    [
        "a free slot wakes nobody",
        "algo/breaker/shell/settle.rs",
        "fn end(",
        "step.machine.give_back(ticket.role)",
        "step.machine.give_back(ticket.role) && !$bug",
    ],
    [
        "admitted is read first",
        "algo/breaker/shell/look.rs",
        "fn view_at",
        "let mut locked = lock(&self.locked);",
        "let early = $bug.then(|| self.tally.admitted());
        let mut locked = lock(&self.locked);",
    ],
    [
        "admitted is read first",
        "algo/breaker/shell/look.rs",
        "fn view_at",
        "let totals = self.totals_locked(&locked);",
        "let totals = self.totals_locked(&locked);
        let totals = Totals { admitted: early.unwrap_or(totals.admitted), ..totals };",
    ],
    [
        "a part is read after the whole",
        "algo/breaker/shell/look.rs",
        "fn view_at",
        "late: late.",
        "late: if $bug { side.late.get() } else { late }.",
    ],
    [
        "who joins does not look again",
        "algo/breaker/tally.rs",
        "fn join",
        "let joined = tag(epoch) << TAG | word & COUNT;",
        "let joined = tag(epoch) << TAG | word & COUNT;
            if $bug {
                cell.store(joined, Ordering::Relaxed);
                return fresh;
            }",
    ],
];

const WEAK: &[Weak] = &[
    [
        "relaxed: a success is counted",
        "algo/breaker/tally.rs",
        "fn add(&self",
        "cell.store(next, Ordering::Release)",
    ],
    [
        "relaxed: a success is counted in the last cell",
        "algo/breaker/tally.rs",
        "fn add(&self",
        "cell.compare_exchange_weak(word, next, Ordering::Release, Ordering::Relaxed)",
    ],
    [
        "relaxed: successes are taken",
        "algo/breaker/tally.rs",
        "fn take",
        ".successes.load(Ordering::Acquire)",
    ],
    ["relaxed: the state is read", "algo/breaker/gate.rs", "fn word", "self.word.load(Ordering::Acquire)"],
    [
        "relaxed: the state is told",
        "algo/breaker/gate.rs",
        "fn publish(",
        "self.word.store(word.0, Ordering::Release)",
    ],
    ["relaxed: the end is read", "algo/breaker/gate.rs", "fn until", "self.until.load(Ordering::Acquire)"],
    [
        "relaxed: the end is told",
        "algo/breaker/gate.rs",
        "fn publish(",
        "self.until.store(machine.phase().until().as_nanos(), Ordering::Release)",
    ],
];
