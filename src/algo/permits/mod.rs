//! A bounded number of permits with a bounded FIFO of waiters: `word` decides, `shell` shares it between
//! threads.

#[cfg(buttress_loom)]
pub(crate) mod loom;
mod shell;
mod word;

pub(crate) use shell::{Entered, Left, Permits};
pub(crate) use word::MOST;
