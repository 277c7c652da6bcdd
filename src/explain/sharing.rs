//! Engines that are not this stack's alone.

use super::info::{PartInfo, What};
use super::warning::Warning;
use crate::name::Name;
use crate::registry::Engine;

/// Looks at the parts of this stack.
pub(super) fn check(stack: Name, parts: &[PartInfo]) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut seen: Vec<&Engine> = Vec::new();
    for part in parts {
        let What::Engine(engine) = &part.what else { continue };
        let identity = engine.panel().given();
        let (layer, name) = (identity.layer, identity.name);
        if seen.iter().any(|other| other.is(engine)) {
            found.push(Warning::UsedTwice { layer, name });
            continue;
        }
        seen.push(engine);
        let mut stacks = engine.panel().stacks();
        if stacks.iter().any(|other| *other != stack) {
            if !stacks.contains(&stack) {
                stacks.push(stack);
            }
            found.push(Warning::SharedEngine { layer, name, stacks });
        }
        if let Some(former) = engine.panel().former_name() {
            found.push(Warning::TwoNames { layer, name, former });
        }
    }
    found
}
