//! What each circuit breaker does when it matters, run for real.

mod blackout;
mod breaker;
mod breakers;
mod hung;
mod open;
mod window;

use serde::Serialize;

use crate::measure::runtime;
use crate::subjects::Maker;

/// All of them; those that only wait do so at the same time.
pub fn scenes(quick: bool) -> Vec<Scene> {
    let (blackout, hung) =
        runtime().block_on(async { tokio::join!(blackout::scene(quick), hung::scene(quick)) });
    vec![open::scene(quick), window::scene(quick), blackout, hung]
}

/// A question, and what each answered.
#[derive(Clone, Debug, Serialize)]
pub struct Scene {
    pub id: &'static str,
    pub title: &'static str,
    pub about: String,
    pub columns: Vec<String>,
    pub rows: Vec<SceneRow>,
}

/// What one of them did.
#[derive(Clone, Debug, Serialize)]
pub struct SceneRow {
    pub maker: Maker,
    pub what: &'static str,
    pub cells: Vec<Cell>,
}

/// A figure and how it reads; without the figure if there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    pub value: Option<f64>,
    pub text: String,
}

impl Cell {
    pub fn new(value: f64, text: impl Into<String>) -> Self {
        Self { value: Some(value), text: text.into() }
    }

    pub fn none(text: impl Into<String>) -> Self {
        Self { value: None, text: text.into() }
    }
}
