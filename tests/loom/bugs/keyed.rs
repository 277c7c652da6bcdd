//! Of the table of engines by key.

use super::{Area, Weak, Wrong};

pub(super) const AREA: Area = Area { wrong: WRONG, weak: WEAK };

const WRONG: &[Wrong] = &[
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
        "engines change while one comes",
        "algo/keyed.rs",
        "fn change",
        "let _alone = lock(&self.door);",
        "let _alone = (!$bug).then(|| lock(&self.door));",
    ],
    [
        "who looks at all does not stand at the door",
        "algo/keyed.rs",
        "fn look(",
        "let _alone = lock(&self.door);",
        "let _alone = (!$bug).then(|| lock(&self.door));",
    ],
];

const WEAK: &[Weak] = &[];
