//! The summary of a data set: format, schema and the number of images and persons.

use crate::Format;
use crate::origin::Origin;
use crate::schema::SchemaSource;
use fkp_core::Schema;
use std::collections::BTreeSet;
use std::fmt;

/// The summary of a data set, which a program can print before training.
///
/// ```text
/// format: image-csv
/// schema: ibug68, 68 keypoints, recognized by the shape of the labels
/// flip pairs: 29, such as 0 / 16
/// train: 2781 images of 222 persons
/// val: 609 images of 55 persons
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The format.
    pub format: Format,
    /// The schema of the files.
    pub schema: Schema,
    /// Where the schema comes from.
    pub schema_source: SchemaSource,
    /// The requested parts, in the requested order.
    pub parts: Vec<PartSummary>,
    /// What else a user should know.
    pub notes: Vec<String>,
}

/// The size of a part of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartSummary {
    /// Name of the part.
    pub name: String,
    /// Number of samples.
    pub samples: usize,
    /// Number of distinct images; less than the number of samples if an image has several faces.
    pub images: usize,
    /// Number of distinct persons; `None` if the person of a sample is unknown.
    pub persons: Option<usize>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (schema, count) = (&self.schema, self.schema.len());
        writeln!(f, "format: {}", self.format)?;
        writeln!(
            f,
            "schema: {}, {count} keypoints, {}",
            schema.name(),
            self.schema_source
        )?;
        writeln!(f, "flip pairs: {}", flip_pairs(schema))?;
        for part in &self.parts {
            writeln!(f, "{part}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PartSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        if self.samples != self.images {
            write!(f, "{} in ", counted(self.samples, "sample"))?;
        }
        f.write_str(&counted(self.images, "image"))?;
        match self.persons {
            Some(persons) => write!(f, " of {}", counted(persons, "person")),
            None => write!(f, ", persons unknown"),
        }
    }
}

fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn flip_pairs(schema: &Schema) -> String {
    let pairs = schema.flip_pairs();
    if !schema.has_known_flip_pairs() {
        return "unknown, so images cannot be flipped".to_owned();
    }
    let name = |i: usize| schema.keypoints()[i].as_str();
    match pairs {
        [] => "none".to_owned(),
        [(a, b), ..] => format!("{}, such as {} / {}", pairs.len(), name(*a), name(*b)),
    }
}

impl PartSummary {
    pub(crate) fn new(name: &str, origins: impl Iterator<Item = Origin> + Clone) -> Self {
        let images: BTreeSet<usize> = origins.clone().map(|origin| origin.image).collect();
        let persons: Option<BTreeSet<usize>> =
            origins.clone().map(|origin| origin.person).collect();
        Self {
            name: name.to_owned(),
            samples: origins.count(),
            images: images.len(),
            persons: persons
                .filter(|p| !p.is_empty())
                .map(|persons| persons.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_reads_as_lines() {
        let origin = |image, person| Origin { image, person };
        let known = [origin(0, Some(0)), origin(0, Some(1)), origin(2, Some(1))];
        let unknown = [origin(3, None), origin(4, Some(1))];
        let summary = Summary {
            format: Format::Coco,
            schema: Schema::kaggle15(),
            schema_source: SchemaSource::Names,
            parts: vec![
                PartSummary::new("train", known.into_iter()),
                PartSummary::new("val", unknown.into_iter()),
            ],
            notes: vec!["something".to_owned()],
        };
        assert_eq!(
            summary.to_string(),
            "format: coco\n\
             schema: kaggle15, 15 keypoints, recognized by the names\n\
             flip pairs: 6, such as left_eye_center / right_eye_center\n\
             train: 3 samples in 2 images of 2 persons\n\
             val: 2 images, persons unknown\n\
             note: something\n"
        );
        let mut numbered = summary;
        numbered.schema = Schema::ibug68();
        assert!(
            numbered
                .to_string()
                .contains("\nflip pairs: 29, such as 0 / 16\n")
        );
        numbered.schema = Schema::numbered("keypoints5", 5).unwrap();
        assert!(numbered.to_string().contains("flip pairs: unknown"));
        numbered.schema = numbered.schema.with_flip_pairs(&[]).unwrap();
        assert!(numbered.to_string().contains("flip pairs: none"));
    }
}
