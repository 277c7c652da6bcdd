//! All models.

use crate::algo::breaker::loom as breaker;
use crate::algo::{budget, gcra, histogram, keyed, permits};
use crate::model::Model;
use crate::{circuit_breaker, clock, name, registry, spread, stripe};

pub(crate) fn all() -> impl Iterator<Item = &'static Model> {
    let lists = [
        breaker::closed::MODELS,
        breaker::half_open::MODELS,
        breaker::hands::MODELS,
        breaker::gate::MODELS,
        breaker::counts::MODELS,
        circuit_breaker::loom::MODELS,
        circuit_breaker::loom::audience::MODELS,
        registry::loom::MODELS,
        permits::loom::MODELS,
        gcra::loom::MODELS,
        keyed::loom::MODELS,
        gcra::loom::line::MODELS,
        budget::loom::MODELS,
        histogram::loom::MODELS,
        stripe::loom::MODELS,
        spread::loom::MODELS,
        name::loom::MODELS,
        clock::loom::MODELS,
    ];
    lists.into_iter().flatten()
}
