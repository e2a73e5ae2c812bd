//! COCO's categories: where the names of the keypoints are.

use super::document::{Document, TopLevel};
use crate::error::{Problem, listed};
use crate::schemas::{Misfit, Recognized, order_for, recognize};
use crate::{DataError, SchemaSource};
use fkp_core::Schema;
use serde::Deserialize;

/// The categories of a file: all their numbers, and the keypoints that they agree on.
pub(super) struct Categories {
    ids: Vec<i64>,
    with_keypoints: Option<(usize, Category)>,
}

impl Categories {
    pub(super) fn read(document: &Document<'_>, top: &TopLevel<'_>) -> Result<Self, DataError> {
        let mut categories = Self {
            ids: Vec::new(),
            with_keypoints: None,
        };
        for (index, raw) in top.categories.iter().enumerate() {
            let entry = document.entry("categories", index, raw);
            let category: Category = entry.parse()?;
            categories.ids.push(category.id);
            if category.keypoints.is_empty() {
                continue;
            }
            match &categories.with_keypoints {
                Some((_, first)) if first.keypoints != category.keypoints => {
                    let first = first.name.clone();
                    return Err(entry.error("keypoints", Problem::OtherKeypoints { first }));
                }
                Some(_) => {}
                None => categories.with_keypoints = Some((index, category)),
            }
        }
        Ok(categories)
    }

    /// A file without categories may use any number.
    pub(super) fn knows(&self, id: i64) -> bool {
        self.ids.is_empty() || self.ids.contains(&id)
    }

    /// The schema, and for each of its keypoints the place in the annotations' lists.
    pub(super) fn schema(
        &self,
        document: &Document<'_>,
        given: Option<&Schema>,
    ) -> Result<Recognized, DataError> {
        let path = document.path();
        let Some((index, category)) = &self.with_keypoints else {
            let missing = || {
                let found = "no category with keypoints".to_owned();
                DataError::invalid(path, 1, "`categories`", Problem::MissingColumn { found })
            };
            let schema = given.ok_or_else(missing)?;
            return Ok(given_as(schema, (0..schema.len()).collect()));
        };
        let names = &category.keypoints;
        if let Some(schema) = given {
            let order = order_for(schema, names).map_err(|misfit| match misfit {
                Misfit::Count => DataError::OtherSchema {
                    path: path.to_owned(),
                    schema: schema.name().to_owned(),
                    expected: schema.len(),
                    found: names.len(),
                },
                Misfit::Missing(name) => {
                    let column = format!("`categories[{index}].keypoints`: `{name}`");
                    let found = listed(names);
                    DataError::invalid(path, 1, column, Problem::MissingColumn { found })
                }
            })?;
            return Ok(given_as(schema, order));
        }
        // Lines are for drawing only: one that leads nowhere is left out.
        let place = |number: usize| number.checked_sub(1).filter(|i| *i < names.len());
        let line = |&(a, b): &(usize, usize)| Some((place(a)?, place(b)?));
        let skeleton: Vec<_> = category.skeleton.iter().filter_map(line).collect();
        recognize(path, &category.name, names, &skeleton)
    }
}

fn given_as(schema: &Schema, order: Vec<usize>) -> Recognized {
    Recognized {
        schema: schema.clone(),
        order,
        source: SchemaSource::Given,
    }
}

#[derive(Deserialize)]
struct Category {
    id: i64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    keypoints: Vec<String>,
    /// Pairs of places in `keypoints`, counted from 1.
    #[serde(default)]
    skeleton: Vec<(usize, usize)>,
}
