//! What all requests share, and the task that looks at the engines once a second.

use axum::body::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use super::document::Document;
use super::history::STEP;
use super::hosts::Hosts;
use super::strangers::Strangers;
use super::token::Token;
use super::view::{Look, Memory, View};
use crate::clock;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering::Relaxed, Weak, lock};

/// How many pages may be told at once.
pub(super) const STREAMS: usize = 16;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) hosts: Hosts,
    pub(super) token: Option<Token>,
    pub(super) document: Document,
    /// A permit for each page that is told.
    pub(super) streams: Arc<Semaphore>,
    pub(super) memory: Mutex<Memory>,
    strangers: Mutex<Strangers>,
    /// The latest update, as it goes over the wire: made once, whoever listens.
    updates: watch::Sender<Bytes>,
    /// Whether the task was started. A flag by itself, which publishes nothing: relaxed.
    started: AtomicBool,
}

impl Shared {
    pub(super) fn new(hosts: Hosts, token: Option<Token>) -> Self {
        Self {
            hosts,
            token,
            document: Document::new(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            memory: Mutex::default(),
            strangers: Mutex::default(),
            updates: watch::Sender::default(),
            started: AtomicBool::new(false),
        }
    }

    /// Begins to look, if nobody did: when the router is made, or outside a runtime at the first request.
    pub(super) fn start(self: &Arc<Self>) {
        if !self.started.load(Relaxed)
            && let Ok(runtime) = Handle::try_current()
            && !self.started.swap(true, Relaxed)
        {
            runtime.spawn(keep_looking(Arc::downgrade(self)));
        }
    }

    /// Everything, now.
    pub(super) fn view(&self) -> View {
        let memory = lock(&self.memory).clone();
        self.view_of(&memory, Look::closely())
    }

    /// Not under the lock that a look takes: with many engines it is long.
    fn view_of(&self, memory: &Memory, look: Look) -> View {
        memory.view(look, self.token.is_some(), lock(&self.strangers).count())
    }

    /// Somebody asked for a change without the right token.
    pub(super) fn refuse_stranger(&self) {
        lock(&self.strangers).add();
        self.tell_of_strangers();
    }

    fn tell_of_strangers(&self) {
        let since = lock(&self.strangers).tell(clock::now());
        if let Some(since) = since {
            tracing::warn!(
                unauthorized = since,
                "the admin page refused {since} requests for a change without the right token"
            );
        }
    }

    /// The updates from now on.
    pub(super) fn listen(&self) -> watch::Receiver<Bytes> {
        self.updates.subscribe()
    }

    fn step(&self) {
        self.tell_of_strangers();
        let look = Look::briefly();
        let mut memory = lock(&self.memory);
        memory.step(&look);
        if self.updates.receiver_count() > 0 {
            let copy = memory.clone();
            drop(memory);
            self.updates.send_replace(message(&self.view_of(&copy, look)));
        }
    }
}

/// Ends when the router and its connections are gone.
async fn keep_looking(shared: Weak<Shared>) {
    let mut next = clock::now();
    while let Some(shared) = shared.upgrade() {
        shared.step();
        drop(shared);
        // Not from the last time on: after a pause of the machine it goes on from now.
        next = next.saturating_add(STEP).max(clock::now());
        clock::sleep_until(next).await;
    }
}

/// A server-sent event.
fn message(view: &View) -> Bytes {
    let json = serde_json::to_string(view).unwrap_or_else(|_impossible| "{}".into());
    format!("event: snapshot\ndata: {json}\n\n").into()
}
