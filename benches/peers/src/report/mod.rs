//! What is written: Markdown, JSON, a picture.

pub mod json;
pub mod machine;
pub mod markdown;
pub mod ratio;
pub mod readme;
pub mod svg;
pub mod words;

use serde::Serialize;

use crate::behaviour::Scene;
use crate::rounds::{Plan, RowResult};
use machine::{Machine, Versions};

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub machine: Machine,
    pub plan: Plan,
    pub versions: Versions,
    pub rows: Vec<RowResult>,
    pub scenes: Vec<Scene>,
}
