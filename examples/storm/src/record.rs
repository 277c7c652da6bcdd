//! What happened, call by call: everything else is computed from this.

use std::fmt;
use std::time::Duration;

use buttress::{CallError, RejectedKind};
use serde::Serialize;

use crate::lateness::Late;
use crate::scene::Scene;

/// Clients per lane, each with a stack of its own.
pub const CLIENTS: usize = 4;
/// The width of a bucket and the time between samples, in seconds.
pub const BUCKET: f64 = 0.1;

pub const fn bucket_of(seconds: f64) -> usize {
    // Times ten, since 0.3 / 0.1 is less than 3.
    (seconds * (1.0 / BUCKET)) as usize
}

/// One lane from start to end.
#[derive(Clone, Debug)]
pub struct Record {
    pub lane: LaneName,
    pub scene: Scene,
    pub calls: Vec<Call>,
    /// Requests that reached the upstream, one number for each [`BUCKET`].
    pub upstream: Vec<u32>,
    pub samples: Vec<Sample>,
    pub late: Late,
    pub health: Option<Health>,
}

/// What `/healthz` answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    pub asked: u32,
    pub good: u32,
}

/// A letter for the terminal, and words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaneName {
    pub letter: char,
    pub title: String,
}

impl fmt::Display for LaneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lane {} ({})", self.letter, self.title)
    }
}

/// A call of a user, with its times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call {
    /// When it was due. Its time counts from here, however late the demo was with it.
    pub due: f64,
    pub took: f64,
    pub end: End,
}

/// How a call ended, as its user sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    Answered,
    Status(u16),
    Rejected(&'static str),
    Broken,
    /// The demo was over before the call was.
    StillWaiting,
}

impl End {
    pub fn of<B, E>(result: &Result<http::Response<B>, CallError<E>>) -> Self {
        match result {
            Ok(response) if response.status().is_success() => Self::Answered,
            Ok(response) => Self::Status(response.status().as_u16()),
            Err(CallError::Rejected(rejected)) if rejected.kind() == RejectedKind::TimedOut => {
                Self::Rejected("timed out")
            }
            Err(CallError::Rejected(rejected)) => Self::Rejected(rejected.kind().as_str()),
            Err(_) => Self::Broken,
        }
    }

    pub fn is_good(self) -> bool {
        self == Self::Answered
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered => f.write_str("answered"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Rejected(why) => f.write_str(&why.replace('_', " ")),
            Self::Broken => f.write_str("connection"),
            Self::StillWaiting => f.write_str("still waiting"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Circuit {
    Closed,
    HalfOpen,
    Open,
}

/// A look at a lane.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub at: f64,
    pub queued: usize,
    pub abandoned: u64,
    /// Calls that users wait for.
    pub waiting: usize,
    pub circuits: [Option<Circuit>; CLIENTS],
}

pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
