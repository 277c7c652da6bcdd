//! The ways of calling: what each lane puts in front of its HTTP client.

use std::time::Duration;

use buttress::{CallError, CircuitState, RetryLayer, RetryPolicy, TimeoutLayer, client_stack};
use serde::Serialize;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer, ServiceBuilder, ServiceExt};

use crate::client::{Http, HttpRequest, HttpResponse};
use crate::record::Circuit;

/// What users wait for one attempt in every lane.
const ATTEMPT: Duration = Duration::from_secs(1);

pub type Call = BoxCloneSyncService<HttpRequest, HttpResponse, CallError<BoxError>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Stack {
    /// A timeout and nothing else.
    Timeout,
    /// What most code reviews approve: a timeout, and three retries with back-off and jitter.
    Retries,
    /// The recommended stack with its defaults, less one layer.
    Recommended { without: Option<Part> },
}

/// A layer of the recommended stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    TotalTimeout,
    Retry,
    CircuitBreaker,
    Bulkhead,
    AttemptTimeout,
}

/// One of the clients of a lane, with layers of its own.
pub struct Client {
    pub call: Call,
    circuit: Option<Box<dyn Fn() -> Circuit + Send + Sync>>,
}

impl Client {
    pub fn circuit(&self) -> Option<Circuit> {
        self.circuit.as_ref().map(|circuit| circuit())
    }
}

impl Part {
    pub const ALL: [Self; 5] =
        [Self::TotalTimeout, Self::Retry, Self::CircuitBreaker, Self::Bulkhead, Self::AttemptTimeout];

    pub const fn words(self) -> &'static str {
        match self {
            Self::TotalTimeout => "total timeout",
            Self::Retry => "retry",
            Self::CircuitBreaker => "circuit breaker",
            Self::Bulkhead => "bulkhead",
            Self::AttemptTimeout => "attempt timeout",
        }
    }
}

impl Stack {
    pub fn title(self) -> String {
        match self {
            Self::Timeout => "timeout only".into(),
            Self::Retries => "timeout + retries".into(),
            Self::Recommended { without: None } => "buttress".into(),
            Self::Recommended { without: Some(part) } => format!("less {}", part.words()),
        }
    }

    /// What it is made of, for a person.
    pub fn explain(self) -> String {
        match self {
            Self::Timeout => "a timeout of 1 s, and nothing else".into(),
            Self::Retries => {
                "a timeout of 1 s and three retries with exponential back-off and full jitter, but no budget: what most \
                 code reviews approve"
                    .into()
            }
            Self::Recommended { without: None } => "buttress::client_stack, with its defaults".into(),
            Self::Recommended { without: Some(part) } => {
                format!("buttress::client_stack less its {}", part.words())
            }
        }
    }

    /// A client with layers of its own, known by this name.
    pub fn client(self, name: String, http: Http) -> Client {
        match self {
            Self::Timeout => {
                let call = ServiceBuilder::new()
                    .layer(TimeoutLayer::new(ATTEMPT).name(name))
                    .map_err(CallError::Inner)
                    .service(http);
                Client { call: BoxCloneSyncService::new(call), circuit: None }
            }
            Self::Retries => {
                let policy = RetryPolicy::default().max_attempts(4).budget(None);
                let call = ServiceBuilder::new()
                    .layer(RetryLayer::new(policy).name(name.clone()))
                    .layer(TimeoutLayer::new(ATTEMPT).name(format!("{name}/attempt")).stack(name))
                    .map_err(CallError::Inner)
                    .service(http);
                Client { call: BoxCloneSyncService::new(call), circuit: None }
            }
            Self::Recommended { without } => recommended(without, name, http),
        }
    }
}

fn recommended(without: Option<Part>, name: String, http: Http) -> Client {
    let stack = client_stack(name);
    let breaker = stack.circuit_breaker.breaker();
    let http: Call = BoxCloneSyncService::new(http.map_err(CallError::Inner));
    let call = match without {
        None => BoxCloneSyncService::new(stack.layer(http)),
        Some(Part::TotalTimeout) => BoxCloneSyncService::new(stack.without_total_timeout().layer(http)),
        Some(Part::Retry) => BoxCloneSyncService::new(stack.without_retry().layer(http)),
        Some(Part::CircuitBreaker) => {
            let call = BoxCloneSyncService::new(stack.without_circuit_breaker().layer(http));
            return Client { call, circuit: None };
        }
        Some(Part::Bulkhead) => BoxCloneSyncService::new(stack.without_bulkhead().layer(http)),
        Some(Part::AttemptTimeout) => BoxCloneSyncService::new(stack.without_attempt_timeout().layer(http)),
    };
    let circuit = move || match breaker.state() {
        CircuitState::Closed => Circuit::Closed,
        CircuitState::HalfOpen => Circuit::HalfOpen,
        _ => Circuit::Open,
    };
    Client { call, circuit: Some(Box::new(circuit)) }
}
