//! The bugs that twins are made of, and what is smaller in a model.

/// File, what stands there, and what the copy has instead: a model needs few of each.
pub(crate) const SMALLER: [[&str; 3]; 4] = [
    ["stripe.rs", "threads.saturating_mul(2).clamp(4, 64)", "threads.clamp(2, 2)"],
    ["algo/gcra/table.rs", "const SHARDS: usize = 64;", "const SHARDS: usize = 2;"],
    ["algo/keyed.rs", "const SHARDS: usize = 16;", "const SHARDS: usize = 2;"],
    ["algo/permits/word.rs", "const CANCELLED_BITS: u32 = 10;", "const CANCELLED_BITS: u32 = 2;"],
];

/// The same for what the checker would not see: it forgets statics of its own after each execution, and none of std's.
pub(crate) const WATCHED: [[&str; 3]; 3] = [
    [
        "name/table.rs",
        "use crate::sync::{Mutex, OnceLock, lock};",
        "use crate::once::OnceLock;\nuse crate::sync::{Mutex, lock};",
    ],
    [
        "name/table.rs",
        "static NUMBERS: Mutex<BTreeMap<&'static str, NameId>> = Mutex::new(BTreeMap::new());",
        "::loom::lazy_static! {
            static ref NUMBERS: Mutex<BTreeMap<&'static str, NameId>> = Mutex::new(BTreeMap::new());
        }",
    ],
    [
        "name/table.rs",
        "static BLOCKS: [OnceLock<Box<[OnceLock<Name>]>>; 32] = [const { OnceLock::new() }; 32];",
        "::loom::lazy_static! {
            static ref BLOCKS: [OnceLock<Box<[OnceLock<Name>]>>; 2] = std::array::from_fn(|_| OnceLock::new());
        }",
    ],
];

/// The number by which the copy knows a bug.
pub(crate) fn number(name: &str) -> Option<usize> {
    all().iter().position(|bug| bug.name == name)
}

/// One bug: what stands in the source, and what stands there with the bug.
pub(crate) struct Bug {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    /// The first place after this text is meant.
    pub(crate) within: &'static str,
    pub(crate) original: &'static str,
    /// `$bug` in it tells whether the bug is awake.
    pub(crate) replacement: String,
}

/// All of them. One that needs several changes is there several times.
pub(crate) fn all() -> Vec<Bug> {
    let weak = WEAK.iter().map(|[name, file, within, access]| weak(name, file, within, access));
    let wrong = WRONG.iter().map(|[name, file, within, original, replacement]| Bug {
        name,
        file,
        within,
        original,
        replacement: (*replacement).into(),
    });
    wrong.chain(weak).collect()
}

/// An access with a weaker ordering: the first one that its text names.
fn weak(name: &'static str, file: &'static str, within: &'static str, access: &'static str) -> Bug {
    let full = access.find("Ordering::").unwrap_or(usize::MAX);
    let start =
        ["Acquire", "Release"].iter().filter_map(|order| access.find(order)).min().expect("a strong one");
    let end = start + "Acquire".len();
    let start = start.min(full);
    let order = &access[start..end];
    let replacement =
        format!("{}if $bug {{ {} }} else {{ {order} }}{}", &access[..start], RELAXED, &access[end..]);
    Bug { name, file, within, original: access, replacement }
}

const RELAXED: &str = "crate::sync::Ordering::Relaxed";

/// Name, file, the place before it, what is right, what is wrong.
const WRONG: &[[&str; 5]] = &[
    [
        "a withdrawal in two steps",
        "algo/budget/shared.rs",
        "fn try_withdraw_at",
        "self.tokens.fetch_update(",
        "crate::model::in_steps(&self.tokens, $bug, ",
    ],
    [
        "a deposit in two steps",
        "algo/budget/shared.rs",
        "fn earn",
        "self.tokens.fetch_update(",
        "crate::model::in_steps(&self.tokens, $bug, ",
    ],
    [
        "terms change in two steps",
        "algo/budget/shared.rs",
        "fn set_terms_at",
        "self.tokens.fetch_update(",
        "crate::model::in_steps(&self.tokens, $bug, ",
    ],
    [
        "time is claimed in two steps",
        "algo/budget/shared.rs",
        "fn claim",
        "let before = self.refilled.fetch_max(now.as_nanos(), Relaxed);",
        "let latest = |before: u64| Some(before.max(now.as_nanos()));
         let Ok(before) = crate::model::in_steps(&self.refilled, $bug, Relaxed, Relaxed, latest) else { unreachable!() };",
    ],
    [
        "who was called leaves with the permit",
        "algo/permits/shell.rs",
        "fn leave_queue",
        "return Left::Permit;",
        "return if $bug { Left::Nothing } else { Left::Permit };",
    ],
    [
        "a step that does not compare",
        "algo/permits/shell.rs",
        "fn step",
        "self.word\n",
        "if $bug {
            self.word.store(to.bits(), success);
            return Ok(());
        }
        self.word\n",
    ],
    [
        "a release that looks before it leaps",
        "algo/permits/shell.rs",
        "fn complete",
        "let before = Word::from_bits(",
        "let before = if $bug { Some(self.load()) } else { None };
        let before = before.unwrap_or(Word::from_bits(",
    ],
    ["a release that looks before it leaps", "algo/permits/shell.rs", "fn complete", "));\n", ")));\n"],
    [
        "a permit is handed on whatever the limit",
        "algo/permits/shell.rs",
        "fn call_next",
        "word.hand_over(self.limit())",
        "word.hand_over(if $bug { u64::MAX } else { self.limit() })",
    ],
    [
        "a higher limit calls nobody",
        "algo/permits/shell.rs",
        "fn set_limit",
        "while self.call_next()",
        "while !$bug && self.call_next()",
    ],
    [
        "a cancelled permit is handed to nobody",
        "algo/permits/shell.rs",
        "fn cancel",
        "if word.waiting() > 0 {",
        "if word.waiting() > 0 && !$bug {",
    ],
    [
        "a snapshot that looks before it locks",
        "algo/permits/shell.rs",
        "fn totals",
        "let waiting = lock(&self.waiting);
        let word = self.load();",
        "let early = $bug.then(|| self.load());
        let waiting = lock(&self.waiting);
        let word = early.unwrap_or_else(|| self.load());",
    ],
    [
        "a decision that does not compare",
        "algo/gcra/bucket.rs",
        "fn replace",
        "self.word.compare",
        "if $bug {
            self.word.store(next, Relaxed);
            return true;
        }
        self.word.compare",
    ],
    [
        "the word does not tell its rate",
        "algo/gcra/bucket.rs",
        "fn set_rate",
        "| epoch(version);",
        "| if $bug { 0 } else { epoch(version) };",
    ],
    [
        "nobody is told that the rate changes",
        "algo/gcra/bucket.rs",
        "fn set_rate",
        "self.version.store(version.wrapping_sub(1), Relaxed);",
        "self.version.store(version.wrapping_sub(if $bug { 2 } else { 1 }), Relaxed);",
    ],
    [
        "a newcomer does not look who waits",
        "algo/gcra/line.rs",
        "fn take(",
        "self.waiting.load(Relaxed) == 0",
        "$bug || self.waiting.load(Relaxed) == 0",
    ],
    [
        "who comes late counts nobody ahead",
        "algo/gcra/line.rs",
        "fn look(",
        "let ahead = if is_first {",
        "let ahead = if is_first || $bug {",
    ],
    [
        "who waits looks before it registers",
        "algo/gcra/line.rs",
        "fn look(",
        "let former =",
        "if $bug {
            drop(waiters);
            waiters = lock(&self.waiters);
        }
        let former =",
    ],
    [
        "the mode is looked at first",
        "algo/gcra/line.rs",
        "fn look(",
        "let mut waiters =",
        "let early = $bug.then(&passes);
        let mut waiters =",
    ],
    [
        "the mode is looked at first",
        "algo/gcra/line.rs",
        "fn look(",
        "if passes()",
        "if early.unwrap_or_else(&passes)",
    ],
    [
        "who goes wakes nobody",
        "algo/gcra/line.rs",
        "fn leave_locked(",
        "if let Some(first) = first {",
        "if let Some(first) = first.filter(|_| !$bug) {",
    ],
    [
        "another quota wakes nobody",
        "algo/gcra/line.rs",
        "fn set_quota(",
        "if let Some(first) = first {",
        "if let Some(first) = first.filter(|_| !$bug) {",
    ],
    [
        "who waits is counted outside of the lock",
        "algo/gcra/line.rs",
        "fn leave_locked(",
        "self.count_waiting(&waiters);
        drop(waiters);",
        "let len = waiters.queue.len() as u64;
        if !$bug {
            self.count_waiting(&waiters);
        }
        drop(waiters);
        if $bug {
            self.waiting.store(len, Relaxed);
        }",
    ],
    [
        "a new key is not looked for again",
        "algo/gcra/table.rs",
        "fn admit_new",
        "= shard.admit(key, now, cost)",
        "= (!$bug).then(|| shard.admit(key, now, cost)).flatten()",
    ],
    [
        "a place is taken in two steps",
        "algo/gcra/table.rs",
        "fn reserve",
        "self.len.fetch_update(",
        "crate::model::in_steps(&self.len, $bug, ",
    ],
    [
        "a key is evicted by an old record",
        "algo/gcra/shard.rs",
        "fn evict",
        "self.states.get(key).unwrap_or(recorded)",
        "self.states.get(key).filter(|_| !$bug).unwrap_or(recorded)",
    ],
    [
        "an engine goes that is in hand",
        "algo/keyed.rs",
        "fn evict",
        "if Arc::get_mut(engine).is_some_and(|engine| engine.is_idle(now)) {",
        "if $bug || Arc::get_mut(engine).is_some_and(|engine| engine.is_idle(now)) {",
    ],
    [
        "an engine is made without another look",
        "algo/keyed.rs",
        "fn find_or_make",
        "= self.with(key, Arc::clone) {",
        "= self.with(key, Arc::clone).filter(|_| !$bug) {",
    ],
    [
        "keys are converted outside of the lock",
        "algo/gcra/table.rs",
        "fn set_rate",
        "let mut shard = lock(shard);",
        "if $bug {
                let mut outside = std::mem::replace(&mut *lock(shard), Shard::new(to));
                outside.set_rate(to, now);
                *lock(shard) = outside;
                continue;
            }
            let mut shard = lock(shard);",
    ],
    [
        "quotas change without a lock",
        "algo/gcra/table.rs",
        "fn set_rate",
        "let _alone = lock(&self.changing);",
        "let _alone = (!$bug).then(|| lock(&self.changing));",
    ],
    [
        "what is open opens again",
        "algo/breaker/shell.rs",
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
        "algo/breaker/shell.rs",
        "fn record(",
        "!self.is_current(ticket, step.machine)",
        "!self.is_current(ticket, step.machine) && !$bug",
    ],
    [
        "a trial call counts as any other",
        "algo/breaker/shell.rs",
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
        "algo/breaker/shell.rs",
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
        "algo/breaker/shell.rs",
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
        "algo/breaker/shell.rs",
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
        "algo/breaker/shell.rs",
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
        "algo/breaker/shell.rs",
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
        "algo/breaker/shell.rs",
        "fn end(",
        "step.machine.give_back(ticket.role)",
        "step.machine.give_back(ticket.role) && !$bug",
    ],
    [
        "admitted is read first",
        "algo/breaker/shell.rs",
        "fn view_at",
        "let mut locked = lock(&self.locked);",
        "let early = $bug.then(|| self.tally.admitted());
        let mut locked = lock(&self.locked);",
    ],
    [
        "admitted is read first",
        "algo/breaker/shell.rs",
        "fn view_at",
        "let totals = self.totals_locked(&locked);",
        "let totals = self.totals_locked(&locked);
        let totals = Totals { admitted: early.unwrap_or(totals.admitted), ..totals };",
    ],
    [
        "a part is read after the whole",
        "algo/breaker/shell.rs",
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
    [
        "who unsubscribes waits for nobody",
        "circuit_breaker/listeners.rs",
        "fn unsubscribe",
        "while gate.runs_on",
        "while !$bug && gate.runs_on",
    ],
    [
        "who unsubscribed is called all the same",
        "circuit_breaker/listeners.rs",
        "fn call(&self, event: &CircuitEvent) {\n        {",
        "if !gate.is_subscribed {",
        "if !gate.is_subscribed && !$bug {",
    ],
    [
        "two deliver at once",
        "algo/breaker/outbox.rs",
        "fn begin",
        "!self.is_delivering &&",
        "($bug || !self.is_delivering) &&",
    ],
    [
        "who delivered the last one does not say so",
        "algo/breaker/outbox.rs",
        "fn next",
        "= next.is_some();",
        "= next.is_some() || $bug;",
    ],
    [
        "whoever has no slot is alone",
        "stripe.rs",
        "fn here",
        "is_alone: slot < last",
        "is_alone: $bug || slot < last",
    ],
    [
        "a slot for two",
        "stripe.rs",
        "fn take() -> Self",
        "free.next = free.next.saturating_add(1);",
        "free.next = free.next.saturating_add(1);
        if $bug {
            free.next = 1;
        }",
    ],
    [
        "a slot is given back before its last use",
        "stripe.rs",
        "impl Drop for Lease",
        "sit(NONE);",
        "if !$bug {
            sit(NONE);
        }",
    ],
    [
        "a spare is kept for ever",
        "spread.rs",
        "impl<T: Spared> Drop for Lent",
        "let before =",
        "if $bug {
                std::mem::forget(lane);
                return;
            }
            let before =",
    ],
    [
        "a bucket counts in two steps",
        "algo/histogram/shared.rs",
        "fn record",
        "count.fetch_add(1, Relaxed);",
        "let _ = crate::model::in_steps(count, $bug, Relaxed, Relaxed, |count| count.checked_add(1));",
    ],
];

/// Name, file, the place before it, and the access that is relaxed.
const WEAK: &[[&str; 4]] = &[
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
    ["relaxed: an end is counted", "algo/counter.rs", "fn add", "self.0.fetch_add(1, Ordering::Release)"],
    ["relaxed: ends are read", "algo/counter.rs", "fn get", "self.0.load(Ordering::Acquire)"],
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
    ["relaxed: try_enter", "algo/permits/shell.rs", "fn try_enter", "self.step(word, next, Acquire)"],
    ["relaxed: enter", "algo/permits/shell.rs", "fn enter(", "self.step(word, next, Acquire)"],
    ["relaxed: complete", "algo/permits/shell.rs", "fn complete", "self.word.fetch_sub(PERMIT, Release)"],
    ["relaxed: cancel", "algo/permits/shell.rs", "fn cancel", "self.step(word, word.cancel(), Release)"],
    ["relaxed: call_next", "algo/permits/shell.rs", "fn call_next", "self.step(word, next, Acquire)"],
    [
        "relaxed: the version is read",
        "algo/gcra/bucket.rs",
        "fn load(&self) -> (Rate",
        "self.version.load(Acquire)",
    ],
    [
        "relaxed: the version is written",
        "algo/gcra/bucket.rs",
        "fn set_rate",
        "self.version.store(version, Release)",
    ],
    [
        "relaxed: the word is read",
        "algo/gcra/bucket.rs",
        "fn load(&self) -> (Rate",
        "self.word.load(Acquire)",
    ],
    [
        "relaxed: the word is converted",
        "algo/gcra/bucket.rs",
        "fn set_rate",
        "(word, converted, Release, Relaxed)",
    ],
    ["relaxed: the rate is read", "algo/gcra/bucket.rs", "fn load(&self) -> Rate", "part.load(Acquire)"],
    [
        "relaxed: the interval is written",
        "algo/gcra/bucket.rs",
        "fn store",
        "self.interval.store(interval, Release)",
    ],
    [
        "relaxed: a name is told",
        "name/word.rs",
        "fn set",
        "self.0.store(NameId::from(name).to_bits(), Release)",
    ],
    ["relaxed: a name is read", "name/word.rs", "fn get", "self.0.load(Acquire)"],
    ["relaxed: the burst is written", "algo/gcra/bucket.rs", "fn store", "self.burst.store(burst, Release)"],
];
