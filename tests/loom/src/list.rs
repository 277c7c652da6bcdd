//! All models.

use crate::model::Model;

pub(crate) fn all() -> impl Iterator<Item = &'static Model> {
    let lists = [crate::algo::budget::loom::MODELS];
    lists.into_iter().flatten()
}
