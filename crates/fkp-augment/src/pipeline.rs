//! A checked recipe bound to a schema: what a training loop holds.

use crate::{AugmentError, Drawn, Recipe};
use fkp_core::{Augment, Rng, Sample, Schema};

/// A validated [`Recipe`] together with the schema that says which points a mirror exchanges.
///
/// Holds no state that changes: one pipeline serves all threads.
#[derive(Debug, Clone)]
pub struct Pipeline {
    recipe: Recipe,
    schema: Schema,
}

impl Pipeline {
    /// Checks the recipe and binds it to a schema.
    pub fn new(recipe: &Recipe, schema: &Schema) -> Result<Self, AugmentError> {
        recipe.validate()?;
        Ok(Self {
            recipe: recipe.clone(),
            schema: schema.clone(),
        })
    }

    /// The schema whose flip pairs a mirror exchanges.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Draws what is to be done to a picture of `size` = (width, height), without doing it.
    ///
    /// # Panics
    /// If a side is zero.
    pub fn draw(&self, size: (usize, usize), rng: &mut dyn Rng) -> Drawn {
        self.recipe.draw(size, rng)
    }
}

impl Augment for Pipeline {
    /// # Panics
    /// If the sample has another number of points than the schema.
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Sample {
        self.draw(sample.image.size(), rng)
            .sample(sample, &self.schema)
    }
}
