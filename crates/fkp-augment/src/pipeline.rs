//! A checked recipe bound to a schema: what a training loop holds.

use crate::transform::Scene;
use crate::{AugmentError, Drawn, Recipe, Subject};
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
    ///
    /// # Errors
    /// Names the first field that is out of its range or not finite.
    pub fn new(recipe: &Recipe, schema: &Schema) -> Result<Self, AugmentError> {
        recipe.validate()?;
        Ok(Self {
            recipe: recipe.clone(),
            schema: schema.clone(),
        })
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The schema whose flip pairs a mirror exchanges.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Draws what is to be done to a picture of `size` = (width, height), without doing it. Crops
    /// that look at points or a face find none: for those, [`Pipeline::draw_for`].
    ///
    /// # Panics
    /// If a side is zero.
    pub fn draw(&self, size: (usize, usize), rng: &mut dyn Rng) -> Drawn {
        self.draw_for(size, Subject::default(), rng)
    }

    /// Draws what is to be done to a picture of `size` with this on it.
    ///
    /// # Panics
    /// If a side is zero.
    pub fn draw_for(&self, size: (usize, usize), subject: Subject<'_>, rng: &mut dyn Rng) -> Drawn {
        let mut drawn = Drawn::nothing(size, self.recipe.sampling());
        self.draw_into(&mut drawn, size, subject, rng);
        drawn
    }

    /// As [`Pipeline::draw_for`], in the memory of an earlier record.
    pub(crate) fn draw_into(
        &self,
        drawn: &mut Drawn,
        size: (usize, usize),
        subject: Subject<'_>,
        rng: &mut dyn Rng,
    ) {
        assert!(size.0 > 0 && size.1 > 0, "an empty picture");
        drawn.steps.clear();
        (drawn.source, drawn.size) = (size, size);
        drawn.sampling = self.recipe.sampling();
        self.recipe.draw(&mut Scene { drawn, subject }, rng);
    }
}

impl Augment for Pipeline {
    /// # Panics
    /// If the sample has another number of points than the schema.
    fn apply(&self, sample: Sample, rng: &mut dyn Rng) -> Sample {
        let drawn = self.draw_for(sample.image.size(), Subject::from(&sample), rng);
        drawn.sample(sample, &self.schema)
    }
}
