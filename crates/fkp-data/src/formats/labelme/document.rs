//! The parser of one LabelMe file, which groups its shapes into faces.

use crate::DataError;
use crate::error::{AnnotationError, shortened};
use crate::json_document::{Document, Entry, Rows};
use crate::table::checked_coordinate;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fkp_core::{BoundingBox, FaceBox, Keypoint, Visibility};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One annotation file.
#[derive(Debug)]
pub(super) struct LabelMeFile {
    pub(super) path: PathBuf,
    /// The image file as it is written, with `/` between folders.
    pub(super) image_path: String,
    /// The bytes of the image file, if the annotation file contains them.
    pub(super) embedded: Option<Arc<[u8]>>,
    /// Width and height of the image, if they are given.
    pub(super) size: Option<(usize, usize)>,
    /// The faces with keypoints, in the order of their first shape.
    pub(super) faces: Vec<LabelMeFace>,
    /// The flags of the image that are set.
    pub(super) attributes: Vec<String>,
    pub(super) ignored: Ignored,
}

/// The shapes of one group.
#[derive(Debug, Default)]
pub(super) struct LabelMeFace {
    pub(super) points: Vec<LabeledPoint>,
    pub(super) face_box: Option<FaceBox>,
    boxes: usize,
}

/// A shape that is a keypoint.
#[derive(Debug)]
pub(super) struct LabeledPoint {
    pub(super) label: String,
    pub(super) keypoint: Keypoint,
    /// The index of the shape in its file.
    pub(super) shape: usize,
    /// The line on which the shape starts.
    pub(super) row: u64,
}

/// The number of shapes that are neither keypoints nor face boxes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ignored {
    /// Polygons, lines, circles and masks.
    pub(super) shapes: usize,
    /// Rectangles without keypoints in their group, or several in one group.
    pub(super) rectangles: usize,
}

impl LabeledPoint {
    /// An error in this shape.
    pub(super) fn error(&self, file: &LabelMeFile, error: AnnotationError) -> DataError {
        let field = format!("`shapes[{}]`", self.shape);
        DataError::invalid(&file.path, self.row, field, error)
    }
}

impl LabelMeFile {
    /// Parses the bytes of a file. `None` if it is JSON without shapes and without an image, which
    /// belongs to another program.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Option<Self>, DataError> {
        let document = Document::new(path, bytes)?;
        let top: TopLevel<'_> = document.top_level()?;
        let missing = |field: &str| {
            let message = format!("missing field `{field}`");
            DataError::invalid(path, 1, "the file", AnnotationError::Json { message })
        };
        let (shapes, image_path) = match (top.shapes, top.image_path) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(missing("shapes")),
            (Some(_), None) => return Err(missing("imagePath")),
            (Some(shapes), Some(image_path)) => (shapes, image_path),
        };
        let embedded = top.image_data.filter(|data| !data.is_empty());
        let embedded = embedded.map(|data| {
            STANDARD.decode(data.as_bytes()).map_err(|error| {
                let error = AnnotationError::Syntax {
                    expected: "base64",
                    found: error.to_string(),
                };
                DataError::invalid(path, 1, "`imageData`", error)
            })
        });
        let flags = top.flags.unwrap_or_default().into_iter();
        let mut groups = Groups::default();
        let mut rows = Rows::default();
        for (index, raw) in shapes.iter().enumerate() {
            let entry = document.entry("shapes", index, raw);
            let row = rows.of(&entry);
            groups.add(&entry, row)?;
        }
        Ok(Some(Self {
            path: path.to_owned(),
            image_path: image_path.replace('\\', "/"),
            embedded: embedded.transpose()?.map(Arc::from),
            size: top.image_width.zip(top.image_height),
            attributes: flags
                .filter_map(|(name, value)| (value == true).then_some(name))
                .collect(),
            ignored: groups.ignored(),
            faces: groups.into_faces(),
        }))
    }
}

#[derive(Deserialize)]
struct TopLevel<'a> {
    #[serde(borrow)]
    shapes: Option<Vec<&'a RawValue>>,
    #[serde(rename = "imagePath")]
    image_path: Option<String>,
    #[serde(borrow, rename = "imageData")]
    image_data: Option<Cow<'a, str>>,
    #[serde(rename = "imageWidth")]
    image_width: Option<usize>,
    #[serde(rename = "imageHeight")]
    image_height: Option<usize>,
    flags: Option<BTreeMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct Shape {
    label: String,
    points: Vec<[f64; 2]>,
    shape_type: Option<String>,
    /// A number; other programs write texts.
    group_id: Option<serde_json::Value>,
    flags: Option<BTreeMap<String, serde_json::Value>>,
}

/// The faces of a file by the text of their `group_id`, which is empty for shapes without one.
#[derive(Default)]
struct Groups {
    faces: Vec<LabelMeFace>,
    by_id: BTreeMap<String, usize>,
    /// The index of the first shape with a label, in its group.
    first: BTreeMap<(usize, String), usize>,
    other_shapes: usize,
}

impl Groups {
    fn add(&mut self, entry: &Entry<'_>, row: u64) -> Result<(), DataError> {
        let shape: Shape = entry.parse()?;
        let kind = match shape.shape_type.as_deref() {
            Some(kind) => kind,
            // Old versions wrote no type; their points were polygons of one vertex.
            None if shape.points.len() == 1 => "point",
            None => "polygon",
        };
        match kind {
            "point" => {
                let face = self.face(&shape);
                let point = labeled_point(entry, &shape, row)?;
                let key = (face, point.label.clone());
                if let Some(first) = self.first.insert(key, entry.index) {
                    return Err(entry.error("label", twice(&point.label, first)));
                }
                self.faces[face].points.push(point);
            }
            "rectangle" => {
                let bounds = bounds(entry, &shape)?;
                let index = self.face(&shape);
                let face = &mut self.faces[index];
                face.boxes += 1;
                // Two rectangles are not the box of one face.
                face.face_box = bounds.filter(|_| face.boxes == 1).map(FaceBox::face);
            }
            _ => self.other_shapes += 1,
        }
        Ok(())
    }

    /// The index of the face of a shape.
    fn face(&mut self, shape: &Shape) -> usize {
        let id = shape.group_id.as_ref();
        let id = id.map_or_else(String::new, serde_json::Value::to_string);
        let next = self.faces.len();
        let index = *self.by_id.entry(id).or_insert(next);
        if index == next {
            self.faces.push(LabelMeFace::default());
        }
        index
    }

    fn ignored(&self) -> Ignored {
        let faces = self.faces.iter();
        let unused = faces.map(|face| match face.points.is_empty() || face.boxes > 1 {
            true => face.boxes,
            false => 0,
        });
        Ignored {
            shapes: self.other_shapes,
            rectangles: unused.sum(),
        }
    }

    fn into_faces(self) -> Vec<LabelMeFace> {
        let faces = self.faces.into_iter();
        faces.filter(|face| !face.points.is_empty()).collect()
    }
}

fn twice(label: &str, first: usize) -> AnnotationError {
    AnnotationError::Duplicate {
        name: shortened(label.as_bytes()),
        first: format!("`shapes[{first}]`; several faces of an image need a `group_id` each"),
    }
}

/// The tool counts from the outer edge of the image, so the center of its first pixel is 0.5.
fn labeled_point(entry: &Entry<'_>, shape: &Shape, row: u64) -> Result<LabeledPoint, DataError> {
    let [[x, y]] = *shape.points.as_slice() else {
        let error = AnnotationError::Syntax {
            expected: "one position of a point",
            found: format!("{}", shape.points.len()),
        };
        return Err(entry.error("points", error));
    };
    let checked = |value: f64| {
        let checked = checked_coordinate(value, || value.to_string());
        checked.map_err(|error| entry.error("points", error))
    };
    let flags = shape.flags.as_ref();
    let is_occluded = flags.and_then(|flags| flags.get("occluded"));
    Ok(LabeledPoint {
        label: shape.label.trim().to_owned(),
        keypoint: Keypoint {
            x: (checked(x)? - 0.5) as f32,
            y: (checked(y)? - 0.5) as f32,
            visibility: match is_occluded.is_some_and(|value| value == true) {
                true => Visibility::Occluded,
                false => Visibility::Visible,
            },
        },
        shape: entry.index,
        row,
    })
}

/// The box around the corners, of which there are two in any order, or all four. `None` if it has
/// no area.
fn bounds(entry: &Entry<'_>, shape: &Shape) -> Result<Option<BoundingBox>, DataError> {
    if !matches!(shape.points.len(), 2 | 4) {
        let error = AnnotationError::Syntax {
            expected: "two or four corners of a rectangle",
            found: format!("{}", shape.points.len()),
        };
        return Err(entry.error("points", error));
    }
    let mut low = [f64::INFINITY; 2];
    let mut high = [f64::NEG_INFINITY; 2];
    for corner in &shape.points {
        for (axis, value) in corner.iter().enumerate() {
            let value = checked_coordinate(*value, || value.to_string());
            let value = value.map_err(|error| entry.error("points", error))?;
            low[axis] = low[axis].min(value);
            high[axis] = high[axis].max(value);
        }
    }
    let [width, height] = [high[0] - low[0], high[1] - low[1]];
    let bounds = BoundingBox::from_image_edges(low[0], low[1], width, height);
    Ok(bounds.is_usable().then_some(bounds))
}
