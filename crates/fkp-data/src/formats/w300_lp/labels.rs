//! The keypoints of one image of 300W-LP or AFLW2000-3D, in whichever variable has them.

use crate::DataError;
use crate::error::AnnotationError;
use crate::mat::{MatArray, MatFile};
use crate::table::checked_coordinate;
use fkp_core::Keypoint;
use std::path::{Path, PathBuf};

/// The keypoints of one image, counted from 0.
#[derive(Debug)]
pub(super) struct Labels {
    pub(super) keypoints: Vec<Keypoint>,
    pub(super) source: Source,
    path: PathBuf,
}

/// Which variable of which file has the keypoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// `pts_2d` of `landmarks/FOLDER/NAME_pts.mat`: on the visible contour of the face.
    Landmarks,
    /// `pt3d_68` of `NAME.mat` in AFLW2000-3D.
    Model,
    /// `pt2d` of `NAME.mat`.
    Plain,
}

impl Source {
    fn variable(self) -> &'static str {
        match self {
            Self::Landmarks => "pts_2d",
            Self::Model => "pt3d_68",
            Self::Plain => "pt2d",
        }
    }
}

impl Labels {
    /// The keypoints of the image `name` in the data set at `root`. Of the variables that are there
    /// the first with `count` keypoints, or the first if none has as many.
    pub(super) fn read(root: &Path, name: &str, count: Option<usize>) -> Result<Self, DataError> {
        let mut first = None;
        if let Some(path) = landmarks_file(root, name) {
            let file = MatFile::read(&path, &["pts_2d"])?;
            let labels = Self::of(&path, &file, Source::Landmarks)?;
            if count.is_none_or(|count| count == labels.keypoints.len()) {
                return Ok(labels);
            }
            first = Some(labels);
        }
        let path = root.join(format!("{name}.mat"));
        let file = MatFile::read(&path, &["pt3d_68", "pt2d"])?;
        for source in [Source::Model, Source::Plain] {
            if source == Source::Model && !file.has(source.variable()) {
                continue;
            }
            // A file with the other variable need not have this one.
            if source == Source::Plain && first.is_some() && !file.has(source.variable()) {
                continue;
            }
            let labels = Self::of(&path, &file, source)?;
            if count.is_none_or(|count| count == labels.keypoints.len()) {
                return Ok(labels);
            }
            first.get_or_insert(labels);
        }
        first.ok_or_else(|| DataError::NoSamples { path })
    }

    fn of(path: &Path, file: &MatFile, source: Source) -> Result<Self, DataError> {
        let name = source.variable();
        let array = file.array(name)?;
        let (expected, is_valid) = match source {
            Source::Landmarks => ("68 rows of two columns", array.has_shape(Some(68), Some(2))),
            Source::Model => (
                "three rows of 68 columns",
                array.has_shape(Some(3), Some(68)),
            ),
            Source::Plain => (
                "two rows of 68 or 21 columns",
                [68, 21].iter().any(|n| array.has_shape(Some(2), Some(*n))),
            ),
        };
        if !is_valid {
            let found = format!("{:?}", array.dims);
            return Err(file.error(name, AnnotationError::Syntax { expected, found }));
        }
        let keypoints = match source {
            Source::Landmarks => (0..68).map(|i| keypoint(array, [i, 0], [i, 1])).collect(),
            _ => {
                let columns = 0..array.dims[1];
                columns.map(|i| keypoint(array, [0, i], [1, i])).collect()
            }
        };
        let keypoints: Result<Vec<_>, AnnotationError> = keypoints;
        Ok(Self {
            keypoints: keypoints.map_err(|error| file.error(name, error))?,
            source,
            path: path.to_owned(),
        })
    }

    /// An error in the list of keypoints.
    pub(super) fn error(&self, error: AnnotationError) -> DataError {
        let field = format!("variable `{}`", self.source.variable());
        DataError::invalid_binary(&self.path, 0, field, error)
    }

    /// An error in a coordinate; `error` makes it for the coordinate as it is written.
    pub(super) fn coordinate_error(
        &self,
        keypoint: usize,
        axis: usize,
        value: f32,
        error: impl Fn(String) -> AnnotationError,
    ) -> DataError {
        // Without the rounding error of `f32`.
        let written = ((f64::from(value) + 1.0) * 1e3).round() / 1e3;
        let (variable, axis) = (self.source.variable(), ["x", "y"][axis]);
        let field = format!("variable `{variable}`, keypoint {keypoint}, {axis}");
        DataError::invalid_binary(&self.path, 0, field, error(written.to_string()))
    }
}

/// The keypoint whose coordinates are at these rows and columns. MATLAB counts from 1; AFLW2000-3D
/// writes −1 for both coordinates of a keypoint that was not annotated.
fn keypoint(array: &MatArray, x: [usize; 2], y: [usize; 2]) -> Result<Keypoint, AnnotationError> {
    let [x, y] = [x, y].map(|[row, column]| array.number(row, column));
    if (x, y) == (-1.0, -1.0) {
        return Ok(Keypoint::unlabeled());
    }
    let checked = |value: f64| checked_coordinate(value, || value.to_string());
    let (x, y) = (checked(x)? - 1.0, checked(y)? - 1.0);
    Ok(Keypoint::new(x as f32, y as f32))
}

/// The file of the image in the folder `landmarks` of the data set, of which `root` may be a part.
fn landmarks_file(root: &Path, name: &str) -> Option<PathBuf> {
    let inside = root.join("landmarks").join(format!("{name}_pts.mat"));
    let beside = root.file_name().zip(root.parent()).map(|(part, parent)| {
        let folder = parent.join("landmarks").join(part);
        folder.join(format!("{name}_pts.mat"))
    });
    let mut files = std::iter::once(inside).chain(beside);
    files.find(|file| file.is_file())
}
