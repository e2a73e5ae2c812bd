//! What the network makes of the same few faces, epoch after epoch.

use crate::plots::{Cell, contact_sheet, save_picture};
use crate::{EpochReport, Evaluator, Observer, Scored, TrainError};
use fkp_core::{Dataset, Metric};
use fkp_metrics::Mae;
use image::RgbImage;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Which faces are looked at, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Every so many epochs, and after the first; 0 is after the first alone.
    pub every_epochs: usize,
    /// The first so many faces of the validation set.
    pub faces: usize,
    /// Faces in a row.
    pub columns: usize,
    /// Side of each face in pixels of the picture.
    pub side: u32,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            every_epochs: 5,
            faces: 12,
            columns: 6,
            side: 192,
        }
    }
}

impl Look {
    /// Whether there is a look after this epoch, from 1.
    pub fn is_due(&self, epoch: usize) -> bool {
        epoch == 1 || (self.every_epochs > 0 && epoch.is_multiple_of(self.every_epochs))
    }

    /// The faces with their true points in green and the predicted ones in red, and below each its
    /// mean absolute error in pixels of the crop.
    ///
    /// # Errors
    /// If there are no faces, or one of them cannot be read.
    pub fn picture(
        &self,
        title: &str,
        evaluator: &Evaluator<'_>,
        faces: &dyn Dataset,
    ) -> Result<RgbImage, TrainError> {
        let indices: Vec<usize> = (0..self.faces.min(faces.len())).collect();
        let predicted = evaluator.predict(faces, &indices)?;
        let cells = predicted
            .iter()
            .enumerate()
            .map(|(index, (sample, predicted))| {
                let mut mae = Mae::default();
                mae.update(predicted, sample);
                let error = mae.value();
                let error = error.map_or("no label".to_owned(), |mae| format!("{mae:.1} px"));
                let mut cell = Cell::compared(&Scored {
                    index,
                    sample,
                    predicted,
                });
                cell.caption = format!("{error}   {}", cell.caption);
                cell
            });
        let cells: Vec<Cell> = cells.collect();
        let title = format!("{title}: {}", Cell::COMPARED);
        contact_sheet(&title, &cells, self.columns, self.side, faces.schema())
    }

    /// The picture after an epoch.
    pub(super) fn after(&self, report: &EpochReport<'_>) -> Result<RgbImage, TrainError> {
        let title = format!("epoch {} of {}", report.record.epoch, report.epochs);
        self.picture(&title, &report.evaluator, report.validation_set)
    }
}

/// Every few epochs draws the same faces of the validation set with true and predicted points:
/// `look-epoch-005.png`. Mixed up points or a wrong scale show long before the end.
///
/// A picture that cannot be drawn or written does not stop the run; [`Self::finish`] says it.
pub struct EarlyLook {
    folder: PathBuf,
    look: Look,
    failed: Option<TrainError>,
}

impl EarlyLook {
    /// Draws into this folder, which must exist.
    pub fn new(folder: impl Into<PathBuf>, look: Look) -> Self {
        Self {
            folder: folder.into(),
            look,
            failed: None,
        }
    }

    /// The first error that drawing met, if any.
    pub fn finish(self) -> Result<(), TrainError> {
        self.failed.map_or(Ok(()), Err)
    }
}

impl Observer for EarlyLook {
    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        let epoch = report.record.epoch;
        if self.look.is_due(epoch) {
            let path = self.folder.join(format!("look-epoch-{epoch:03}.png"));
            let picture = self.look.after(report);
            if let Err(error) = picture.and_then(|picture| save_picture(&path, &picture)) {
                self.failed.get_or_insert(error);
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observers::stage::{EPOCHS, STEPS, Stage};

    #[test]
    fn there_is_a_look_after_the_first_and_every_few_epochs() {
        let due = |every_epochs: usize| {
            let look = Look {
                every_epochs,
                ..Look::default()
            };
            (1..=10)
                .filter(|&epoch| look.is_due(epoch))
                .collect::<Vec<_>>()
        };
        assert_eq!(due(5), [1, 5, 10]);
        assert_eq!(due(1), (1..=10).collect::<Vec<_>>());
        assert_eq!(due(0), [1]);
    }

    #[test]
    fn the_pictures_show_the_same_faces() {
        let folder = tempfile::tempdir().unwrap();
        let look = Look {
            every_epochs: 3,
            faces: 100,
            columns: 4,
            side: 96,
        };
        let mut early = EarlyLook::new(folder.path(), look);
        assert!(
            Stage::new()
                .act(&mut early, 0..EPOCHS * STEPS)
                .is_continue()
        );
        early.finish().unwrap();
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["look-epoch-001.png", "look-epoch-003.png"]);
        let open = |name: &str| image::open(folder.path().join(name)).unwrap().into_rgb8();
        let [first, third] = ["look-epoch-001.png", "look-epoch-003.png"].map(open);
        // The network of the stage learns nothing, so only the title tells the two apart.
        let below = |picture: &RgbImage| {
            let height = picture.height() - 30;
            image::imageops::crop_imm(picture, 0, 30, picture.width(), height).to_image()
        };
        assert!(first != third && below(&first) == below(&third));
    }

    #[test]
    fn the_marks_stand_on_the_points() {
        let stage = Stage::new();
        let folder = tempfile::tempdir().unwrap();
        let look = Look {
            every_epochs: 1,
            faces: 1,
            columns: 1,
            side: 96 * 4,
        };
        let mut early = EarlyLook::new(folder.path(), look);
        assert!(stage.act(&mut early, 0..STEPS).is_continue());
        let picture = image::open(folder.path().join("look-epoch-001.png"))
            .unwrap()
            .into_rgb8();
        let truth = stage.faces.get(0).unwrap().keypoints;
        let mut found = 0;
        for (_, point) in truth.labelled() {
            // Four times as large, the first cell of a sheet.
            let (x, y) = (
                6.0 + 4.0 * (point.x + 0.5) - 0.5,
                30.0 + 4.0 * (point.y + 0.5) - 0.5,
            );
            let [r, g, b] = picture.get_pixel(x.round() as u32, y.round() as u32).0;
            found += usize::from(g > r && g > b && g > 100);
        }
        // A predicted point may lie on top of one.
        assert!(found >= 13, "{found} of 15");
    }
}
