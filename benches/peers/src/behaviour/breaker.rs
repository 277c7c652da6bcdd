//! Every circuit breaker behind the same question: what became of this call?

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::sleep;
use tower::{Service, ServiceExt};

use super::SceneRow;
use crate::subjects::Maker;
use crate::work::Failure;

/// What the dependency shall do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Succeed,
    Fail,
    /// Never answer.
    Hang,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    Failed,
    Refused,
}

/// Does what it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Dependency;

/// The future of [`Dependency`].
#[derive(Clone, Copy, Debug)]
pub struct Reply(Ask);

impl Future for Reply {
    type Output = Result<u64, Failure>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0 {
            Ask::Succeed => Poll::Ready(Ok(0)),
            Ask::Fail => Poll::Ready(Err(Failure::Upstream)),
            Ask::Hang => Poll::Pending,
        }
    }
}

impl Service<Ask> for Dependency {
    type Response = u64;
    type Error = Failure;
    type Future = Reply;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, ask: Ask) -> Reply {
        Reply(ask)
    }
}

/// A call on its way.
pub type Asked = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A circuit breaker in front of the dependency.
pub struct Breaker {
    pub maker: Maker,
    pub what: &'static str,
    ask: Box<dyn Fn(Ask) -> Asked + Send + Sync>,
}

impl Breaker {
    pub fn new(maker: Maker, what: &'static str, ask: impl Fn(Ask) -> Asked + Send + Sync + 'static) -> Self {
        Self { maker, what, ask: Box::new(ask) }
    }

    /// One that is a tower service.
    pub fn layered<S>(maker: Maker, what: &'static str, service: S, is_refusal: fn(&S::Error) -> bool) -> Self
    where
        S: Service<Ask, Error: Debug + Send, Future: Send> + Clone + Send + Sync + 'static,
        S::Response: Send,
    {
        Self::new(maker, what, move |ask| {
            let mut service = service.clone();
            Box::pin(async move {
                let service = service.ready().await.expect("always ready");
                outcome(service.call(ask).await, is_refusal)
            })
        })
    }

    pub fn ask(&self, ask: Ask) -> Asked {
        (self.ask)(ask)
    }

    pub fn row(&self, cells: Vec<super::Cell>) -> SceneRow {
        SceneRow { maker: self.maker, what: self.what, cells }
    }

    /// Lets calls fail until one is refused; tells how many that took, or nothing if it did not come to that.
    pub async fn open(&self, most: u64) -> Option<u64> {
        for failed in 0..most {
            if self.ask(Ask::Fail).await == Outcome::Refused {
                return Some(failed);
            }
        }
        None
    }

    /// So many calls at once that shall hang; those of them that were let in.
    pub async fn hang(&self, many: usize) -> Vec<Asked> {
        let mut calls: Vec<_> = (0..many).map(|_| self.ask(Ask::Hang)).collect();
        let mut patience = pin!(sleep(Duration::from_millis(3)));
        poll_fn(|cx| {
            calls.retain_mut(|call| call.as_mut().poll(cx).is_pending());
            patience.as_mut().poll(cx)
        })
        .await;
        calls
    }
}

pub fn outcome<T, E>(result: Result<T, E>, is_refusal: impl Fn(&E) -> bool) -> Outcome {
    match result {
        Ok(_) => Outcome::Answered,
        Err(error) if is_refusal(&error) => Outcome::Refused,
        Err(_) => Outcome::Failed,
    }
}

#[cfg(test)]
pub mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Refuses what `refuses` says: how many calls there were before, and what this one is.
    pub fn scripted(mut refuses: impl FnMut(u64, Ask) -> bool + Send + 'static) -> Breaker {
        let mut made = 0;
        let script = Mutex::new(move |ask| {
            made += 1;
            refuses(made - 1, ask)
        });
        Breaker::new(Maker::Bare, "", move |ask| {
            let refused = (script.lock().expect("no call panics"))(ask);
            Box::pin(async move {
                if refused {
                    return Outcome::Refused;
                }
                outcome(Reply(ask).await, |_| false)
            })
        })
    }

    #[tokio::test(start_paused = true)]
    async fn tells_what_became_of_a_call() {
        let breaker = scripted(|made, _| made == 3);
        assert_eq!(breaker.ask(Ask::Succeed).await, Outcome::Answered);
        assert_eq!(breaker.ask(Ask::Fail).await, Outcome::Failed);
        // The second of these is the one that is refused.
        assert_eq!(breaker.hang(3).await.len(), 2);
        assert_eq!(breaker.open(10).await, None);
    }
}
