//! Kaggle's `IdLookupTable.csv`: which coordinates of which images a submission must have.

use crate::DataError;
use crate::error::{AnnotationError, shortened};
use crate::files::read_file;
use crate::table::{Row, Table, coordinate};
use fkp_core::{Keypoint, Schema};
use std::collections::BTreeMap;
use std::path::Path;

/// The coordinates that Kaggle's competition *Facial Keypoints Detection* asks for.
///
/// The columns `RowId`, `ImageId` and `FeatureName` are found by name, in any order. `Location`, which
/// a submission fills, may be absent or empty; a number in it is checked and not used.
/// [`crate::OpenedDataset::id_lookup`] reads the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdLookupTable {
    rows: Vec<IdLookup>,
}

/// One coordinate that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdLookup {
    /// The number of the row, which a submission repeats.
    pub row_id: u64,
    /// The index of the image in the data set.
    pub image: usize,
    /// The index of the keypoint in the schema.
    pub keypoint: usize,
    /// 0 for x, 1 for y.
    pub axis: usize,
}

impl IdLookupTable {
    /// The rows in the order of the file; there is at least one.
    pub fn rows(&self) -> &[IdLookup] {
        &self.rows
    }

    /// Reads a table for images with these ids and indices.
    pub(crate) fn read(
        path: &Path,
        schema: &Schema,
        images: &BTreeMap<String, Vec<usize>>,
    ) -> Result<Self, DataError> {
        let text = read_file(path)?;
        let mut table = Table::new(path, &text)?;
        let columns = Columns::find(&table)?;
        let mut rows = Vec::new();
        // The row of each number.
        let mut known = BTreeMap::new();
        while let Some(row) = table.next_row()? {
            let lookup = columns.parse(&row, schema, images)?;
            if let Some(first) = known.insert(lookup.row_id, row.number()) {
                let error = AnnotationError::Duplicate {
                    name: lookup.row_id.to_string(),
                    first: format!("row {first}"),
                };
                return Err(row.error(columns.row_id, error));
            }
            rows.push(lookup);
        }
        if rows.is_empty() {
            return Err(DataError::NoSamples {
                path: path.to_owned(),
            });
        }
        Ok(Self { rows })
    }
}

impl IdLookup {
    /// This coordinate of an image with these keypoints, which are in the order of the schema.
    ///
    /// # Panics
    /// If there are fewer keypoints than in the schema.
    pub fn coordinate(&self, keypoints: &[Keypoint]) -> f32 {
        let Keypoint { x, y, .. } = keypoints[self.keypoint];
        [x, y][self.axis]
    }
}

/// The positions of the columns.
struct Columns {
    row_id: usize,
    image_id: usize,
    feature: usize,
    location: Option<usize>,
}

impl Columns {
    fn find(table: &Table<'_>) -> Result<Self, DataError> {
        const NAMES: [&str; 4] = ["RowId", "ImageId", "FeatureName", "Location"];
        let mut header = table.header().iter();
        if let Some(unknown) = header.find(|name| !NAMES.contains(&name.as_str())) {
            let expected = NAMES.join(", ");
            return Err(table.header_error(unknown, AnnotationError::UnknownColumn { expected }));
        }
        let [row_id, image_id, feature, location] = NAMES;
        Ok(Self {
            row_id: table.column(row_id)?,
            image_id: table.column(image_id)?,
            feature: table.column(feature)?,
            location: table.position(location),
        })
    }

    fn parse(
        &self,
        row: &Row<'_>,
        schema: &Schema,
        images: &BTreeMap<String, Vec<usize>>,
    ) -> Result<IdLookup, DataError> {
        let required = |column| match row.text(column)? {
            "" => Err(row.error(column, AnnotationError::EmptyCell)),
            text => Ok(text),
        };
        let syntax = |column, expected, text: &str| {
            let found = format!("`{}`", shortened(text.as_bytes()));
            row.error(column, AnnotationError::Syntax { expected, found })
        };
        let row_id = required(self.row_id)?;
        let image_id = required(self.image_id)?;
        let feature = required(self.feature)?;
        if let Some(location) = self.location {
            let cell = row.cell(location).trim_ascii();
            if !cell.is_empty() {
                coordinate(cell).map_err(|error| row.error(location, error))?;
            }
        }
        let image = match images.get(image_id).map(Vec::as_slice) {
            Some([image]) => Ok(*image),
            Some([first, ..]) => Err(AnnotationError::Duplicate {
                name: shortened(image_id.as_bytes()),
                first: format!("sample {first} of the data set"),
            }),
            None | Some([]) => Err(AnnotationError::MissingAnnotation {
                name: shortened(image_id.as_bytes()),
                searched: "the column `ImageId` of the images".to_owned(),
            }),
        };
        let image = image.map_err(|error| row.error(self.image_id, error))?;
        let expected = "a keypoint of the schema and `_x` or `_y`";
        let found = keypoint_and_axis(feature, schema);
        let (keypoint, axis) = found.ok_or_else(|| syntax(self.feature, expected, feature))?;
        Ok(IdLookup {
            row_id: row_id
                .parse()
                .map_err(|_| syntax(self.row_id, "a whole number", row_id))?,
            image,
            keypoint,
            axis,
        })
    }
}

/// `nose_tip_y` is the keypoint `nose_tip` and axis 1.
fn keypoint_and_axis(feature: &str, schema: &Schema) -> Option<(usize, usize)> {
    let (keypoint, axis) = feature.rsplit_once('_')?;
    let axis = ["x", "y"].iter().position(|known| *known == axis)?;
    Some((schema.index_of(keypoint)?, axis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Vec<IdLookup>, DataError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("IdLookupTable.csv");
        std::fs::write(&path, text).unwrap();
        let images = [("1", vec![0]), ("2", vec![1]), ("4", vec![2, 3])];
        let images = images.map(|(id, indices)| (id.to_owned(), indices));
        let table = IdLookupTable::read(&path, &Schema::kaggle15(), &images.into())?;
        Ok(table.rows().to_vec())
    }

    #[test]
    fn rows_are_read_by_column_name_in_their_order() {
        let schema = Schema::kaggle15();
        let nose = schema.index_of("nose_tip").unwrap();
        let expected = [(7, 1, nose, 1), (3, 0, 0, 0)];
        for text in [
            "RowId,ImageId,FeatureName,Location\n7,2,nose_tip_y,\n3,1,left_eye_center_x,\n",
            "RowId,ImageId,FeatureName\r\n7,2,nose_tip_y\r\n\r\n3,1,left_eye_center_x",
            "\u{feff}Location,FeatureName,ImageId,RowId\n1.5,nose_tip_y,2,7\n,left_eye_center_x, 1,3\n",
            "\"RowId\",\"ImageId\",\"FeatureName\"\n\"7\",\"2\",\"nose_tip_y\"\n3,1,left_eye_center_x",
        ] {
            let rows = parse(text.as_bytes()).unwrap();
            let found: Vec<_> = rows
                .iter()
                .map(|row| (row.row_id, row.image, row.keypoint, row.axis))
                .collect();
            assert_eq!(found, expected, "{text:?}");
            let mut keypoints = vec![Keypoint::unlabeled(); 15];
            keypoints[nose] = Keypoint::new(4.0, 5.0);
            assert_eq!(rows[0].coordinate(&keypoints), 5.0);
        }
    }

    #[test]
    fn invalid_tables_are_errors_with_row_and_column() {
        let header = "RowId,ImageId,FeatureName,Location\n";
        for (rows, parts) in [
            ("1,1,chin_x,", &["row 2", "`FeatureName`", "`chin_x`"][..]),
            ("1,1,nose_tip_z,", &["`FeatureName`", "`nose_tip_z`"]),
            ("1,1,nose_tip,", &["`FeatureName`", "`nose_tip`"]),
            ("1,1,x,", &["`FeatureName`", "`x`"]),
            ("1,1,,", &["row 2", "`FeatureName`", "empty"]),
            (
                "1,3,nose_tip_x,",
                &["row 2", "`ImageId`", "`3` is not in the data set"],
            ),
            (
                "1,4,nose_tip_x,",
                &["`ImageId`", "`4` occurs twice", "sample 2"],
            ),
            ("1,1.0,nose_tip_x,", &["`ImageId`", "`1.0`"]),
            (",1,nose_tip_x,", &["`RowId`", "empty"]),
            ("-1,1,nose_tip_x,", &["`RowId`", "whole number", "`-1`"]),
            ("1e3,1,nose_tip_x,", &["`RowId`", "`1e3`"]),
            (
                "99999999999999999999,1,nose_tip_x,",
                &["`RowId`", "`999999"],
            ),
            (
                "1,1,nose_tip_x,\n1,2,nose_tip_x,",
                &["row 3", "`RowId`", "twice", "row 2"],
            ),
            (
                "1,1,nose_tip_x,left",
                &["`Location`", "`left`", "not a number"],
            ),
            ("1,1,nose_tip_x,NaN", &["`Location`", "finite"]),
            ("1,1,nose_tip_x", &["row 2", "3 cells"]),
            ("", &["no samples"]),
        ] {
            let message = parse(format!("{header}{rows}").as_bytes())
                .unwrap_err()
                .to_string();
            for part in parts.iter().chain(&["IdLookupTable.csv"]) {
                assert!(message.contains(part), "{part:?} in {message:?}");
            }
        }
        for (text, parts) in [
            (&b""[..], &["empty"][..]),
            (
                b"RowId,ImageId\n1,1\n",
                &["row 1", "`FeatureName`", "missing"],
            ),
            (
                b"RowId,ImageId,FeatureName,Id\n",
                &["row 1", "`Id`", "unknown"],
            ),
            (
                b"RowId,ImageId,FeatureName\n1,\xff,nose_tip_x\n",
                &["row 2", "`ImageId`", "UTF-8"],
            ),
        ] {
            let message = parse(text).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{part:?} in {message:?}");
            }
        }
    }
}
