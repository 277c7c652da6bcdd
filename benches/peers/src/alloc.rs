//! Counts allocations, and only when asked to: while time is taken, it costs one load that is not shared with
//! anybody. Counters that are always on would make those look slow that allocate.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

/// What was asked of the allocator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocated {
    pub calls: u64,
    pub bytes: u64,
    pub freed: u64,
}

impl Allocated {
    /// What is still there.
    pub fn kept(self) -> u64 {
        self.bytes.saturating_sub(self.freed)
    }

    fn now() -> Self {
        Self { calls: CALLS.load(Relaxed), bytes: BYTES.load(Relaxed), freed: FREED.load(Relaxed) }
    }
}

/// Runs `work` and tells what it asked of the allocator; what other threads do meanwhile counts too.
pub fn count<T>(work: impl FnOnce() -> T) -> (T, Allocated) {
    let before = Allocated::now();
    ON.store(true, Relaxed);
    let result = work();
    ON.store(false, Relaxed);
    let after = Allocated::now();
    let counted = Allocated {
        calls: after.calls - before.calls,
        bytes: after.bytes - before.bytes,
        freed: after.freed - before.freed,
    };
    (result, counted)
}

struct Counting;

#[global_allocator]
static GLOBAL: Counting = Counting;

fn took(bytes: usize) {
    if ON.load(Relaxed) {
        CALLS.fetch_add(1, Relaxed);
        BYTES.fetch_add(bytes as u64, Relaxed);
    }
}

fn gave(bytes: usize) {
    if ON.load(Relaxed) {
        FREED.fetch_add(bytes as u64, Relaxed);
    }
}

#[expect(unsafe_code, reason = "an allocator cannot be written without; all of it is the system's")]
// SAFETY: each method hands its arguments to the system's allocator unchanged, and returns what that returns.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        gave(layout.size());
        took(size);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        gave(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_taken_and_what_is_kept() {
        let (kept, counted) = count(|| {
            drop(std::hint::black_box(vec![0_u8; 4_096]));
            std::hint::black_box(vec![1_u8; 65_536])
        });
        // Other tests allocate at the same time.
        assert!(counted.calls >= 2 && counted.bytes >= 69_632 && counted.freed >= 4_096, "{counted:?}");
        drop(kept);
    }
}
