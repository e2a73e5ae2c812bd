//! The categories of a COCO file, which name the keypoints.

use super::top_level::TopLevel;
use crate::DataError;
use crate::error::{AnnotationError, listed};
use crate::json_document::Document;
use crate::schema::{FileSchema, SchemaSource};
use fkp_core::Schema;
use serde::Deserialize;

/// The categories of a file: all their ids, and the keypoints that they have in common.
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
                    return Err(
                        entry.error("keypoints", AnnotationError::KeypointsDiffer { first })
                    );
                }
                Some(_) => {}
                None => categories.with_keypoints = Some((index, category)),
            }
        }
        Ok(categories)
    }

    /// Whether a category has this id. A file without categories may use any id.
    pub(super) fn knows(&self, id: i64) -> bool {
        self.ids.is_empty() || self.ids.contains(&id)
    }

    /// The schema, and the order of its keypoints in the lists of the annotations.
    pub(super) fn schema(
        &self,
        document: &Document<'_>,
        given: Option<&Schema>,
    ) -> Result<FileSchema, DataError> {
        let path = document.path;
        let Some((index, category)) = &self.with_keypoints else {
            let missing = || {
                let found = "no category with keypoints".to_owned();
                let error = AnnotationError::MissingColumn { found };
                DataError::invalid(path, 1, "`categories`", error)
            };
            let schema = given.ok_or_else(missing)?;
            return Ok(FileSchema {
                schema: schema.clone(),
                order: (0..schema.len()).collect(),
                source: SchemaSource::Given,
            });
        };
        let names = &category.keypoints;
        if let Some(schema) = given {
            return FileSchema::given(path, schema, names, |name| {
                let column = format!("`categories[{index}].keypoints`: `{name}`");
                let found = listed(names);
                DataError::invalid(path, 1, column, AnnotationError::MissingColumn { found })
            });
        }
        // The skeleton is for drawing only: a line with an invalid index is ignored.
        let index = |number: usize| number.checked_sub(1).filter(|i| *i < names.len());
        let line = |&(a, b): &(usize, usize)| Some((index(a)?, index(b)?));
        let skeleton: Vec<_> = category.skeleton.iter().filter_map(line).collect();
        FileSchema::from_names(path, &category.name, names, &skeleton)
    }
}

#[derive(Deserialize)]
struct Category {
    id: i64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    keypoints: Vec<String>,
    /// Pairs of indices of `keypoints`, counted from 1.
    #[serde(default)]
    skeleton: Vec<(usize, usize)>,
}
