//! The samples of a part of the table.

use super::columns::Columns;
use super::pixels::parse_pixels;
use crate::error::AnnotationError;
use crate::table::{Row, Table};
use crate::{DataError, FarLabels};
use fkp_core::{Keypoint, Keypoints};

/// What all samples of a table have in common.
pub(super) struct Layout {
    pub(super) columns: Columns,
    pub(super) far_labels: FarLabels,
    /// Width and height of the images, once there is one.
    pub(super) side: Option<usize>,
}

/// Consecutive samples. An image takes its pixels, and little more: a table may have millions of
/// images of one pixel.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples {
    /// Width and height of the images.
    pub(super) side: usize,
    /// The lines of the samples.
    lines: Vec<u64>,
    /// The column of row numbers as one text, and where each cell ends. Empty without this column.
    ids: (String, Vec<usize>),
    /// The keypoints of all samples. Empty if the table has none.
    keypoints: Vec<Keypoint>,
    /// The gray values of all images.
    pixels: Vec<u8>,
    /// What a user should know.
    pub(super) notes: Vec<String>,
}

impl Samples {
    /// Parses the remaining rows of a table.
    pub(super) fn parse(table: &mut Table<'_>, layout: &Layout) -> Result<Self, DataError> {
        let mut samples = Self {
            side: layout.side.unwrap_or(0),
            ..Self::default()
        };
        while let Some(row) = table.next_row()? {
            samples.push(&row, layout)?;
        }
        // The vectors double when they grow, and are kept as long as the data set.
        samples.lines.shrink_to_fit();
        samples.ids.0.shrink_to_fit();
        samples.ids.1.shrink_to_fit();
        samples.keypoints.shrink_to_fit();
        samples.pixels.shrink_to_fit();
        Ok(samples)
    }

    fn push(&mut self, row: &Row<'_>, layout: &Layout) -> Result<(), DataError> {
        let columns = &layout.columns;
        let mut keypoints = row.keypoints(&columns.keypoints)?;
        if let Some(column) = columns.image {
            self.push_pixels(row, column, layout)?;
            let frame = (self.side, self.side);
            let far = layout.far_labels;
            far.apply(&mut keypoints, frame, &mut self.notes, |far| {
                let column = columns.keypoints[far.keypoint][far.axis];
                row.error(column, far.error(far.value.to_string()))
            })?;
            keypoints = keypoints.mark_out_of_frame(frame);
        }
        self.keypoints.extend_from_slice(&keypoints);
        if let Some(column) = columns.id {
            let (text, ends) = &mut self.ids;
            text.push_str(row.text(column)?);
            ends.push(text.len());
        }
        self.lines.push(row.number());
        Ok(())
    }

    fn push_pixels(
        &mut self,
        row: &Row<'_>,
        column: usize,
        layout: &Layout,
    ) -> Result<(), DataError> {
        let start = self.pixels.len();
        let cell = row.cell(column).trim_ascii();
        if cell.is_empty() {
            return Err(row.error(column, AnnotationError::EmptyCell));
        }
        let is_first = layout.side.is_none() && self.lines.is_empty();
        let expected = self.side * self.side;
        let parsed = parse_pixels(cell, &mut self.pixels, (!is_first).then_some(expected));
        parsed.map_err(|error| row.error(column, error))?;
        let found = self.pixels.len() - start;
        if is_first {
            self.side = found.isqrt();
            if self.side * self.side != found {
                return Err(row.error(column, AnnotationError::NotSquare { found }));
            }
        } else if found != expected {
            return Err(row.error(column, AnnotationError::PixelCount { expected, found }));
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The row number of the test file, or else the file and the line.
    pub(super) fn id(&self, index: usize, file: &str) -> String {
        let (text, ends) = &self.ids;
        match ends.get(index) {
            Some(end) => {
                let start = index.checked_sub(1).map_or(0, |previous| ends[previous]);
                text[start..*end].to_owned()
            }
            None => format!("{file}:{}", self.lines[index]),
        }
    }

    /// The keypoints of a sample; `count` are in the schema.
    pub(super) fn keypoints(&self, index: usize, count: usize) -> Keypoints {
        match self.keypoints.as_slice() {
            [] => Keypoints::unlabeled(count),
            all => Keypoints::new(all[index * count..][..count].to_vec()),
        }
    }

    /// The gray values of an image.
    pub(super) fn pixels(&self, index: usize) -> &[u8] {
        let size = self.side * self.side;
        &self.pixels[index * size..][..size]
    }
}
