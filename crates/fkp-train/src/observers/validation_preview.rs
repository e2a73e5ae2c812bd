//! Previews of the predictions for some faces of the validation set.

use crate::plots::save_image;
use crate::{EpochReport, Evaluator, Observer, TrainError};
use fkp_core::{Dataset, Metric};
use fkp_draw::{Cell, contact_sheet};
use fkp_metrics::Mae;
use image::RgbImage;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Which faces a preview shows, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preview {
    /// Every this many epochs, and after the first; 0 means only after the first.
    pub every_epochs: usize,
    /// Number of faces, from the start of the validation set.
    pub faces: usize,
    /// Faces per row.
    pub columns: usize,
    /// Side of each face in pixels of the image.
    pub side: u32,
}

impl Default for Preview {
    fn default() -> Self {
        Self {
            every_epochs: 5,
            faces: 12,
            columns: 6,
            side: 192,
        }
    }
}

impl Preview {
    /// Whether there is a preview after this epoch, from 1.
    pub fn is_due(&self, epoch: usize) -> bool {
        epoch == 1 || (self.every_epochs > 0 && epoch.is_multiple_of(self.every_epochs))
    }

    /// The faces with the true keypoints in green and the predicted ones in red, and the mean
    /// absolute error in pixels of the crop below each.
    ///
    /// # Errors
    /// If there are no faces, or one of them cannot be read.
    pub fn image(
        &self,
        title: &str,
        evaluator: &Evaluator<'_>,
        faces: &dyn Dataset,
    ) -> Result<RgbImage, TrainError> {
        let indices: Vec<usize> = (0..self.faces.min(faces.len())).collect();
        let predicted = evaluator.predict(faces, &indices)?;
        let cells = predicted.iter().map(|(sample, predicted)| {
            let mut mae = Mae::default();
            mae.update(predicted, sample);
            let error = mae.value();
            let error = error.map_or("no label".to_owned(), |mae| format!("{mae:.1} px"));
            let mut cell = Cell::compared(sample, predicted);
            cell.caption = format!("{error}   {}", cell.caption);
            cell
        });
        let cells: Vec<Cell> = cells.collect();
        let title = format!("{title}: {}", Cell::COMPARED);
        let sheet = contact_sheet(&title, &cells, self.columns, self.side, faces.schema())?;
        Ok(sheet)
    }

    /// The preview after an epoch.
    pub(super) fn after(&self, report: &EpochReport<'_>) -> Result<RgbImage, TrainError> {
        let title = format!("epoch {} of {}", report.record.epoch, report.epochs);
        self.image(&title, &report.evaluator, report.validation_set)
    }
}

/// Draws the same faces of the validation set with true and predicted keypoints every few epochs:
/// `preview-epoch-005.png`. Swapped keypoints or a wrong scale are visible early in a run.
///
/// A preview that cannot be drawn or written does not stop the run; [`Self::finish`] returns the
/// error.
pub struct ValidationPreview {
    folder: PathBuf,
    preview: Preview,
    failed: Option<TrainError>,
}

impl ValidationPreview {
    /// Draws into this folder, which must exist.
    pub fn new(folder: impl Into<PathBuf>, preview: Preview) -> Self {
        Self {
            folder: folder.into(),
            preview,
            failed: None,
        }
    }

    /// The first error of drawing or writing, if any.
    pub fn finish(self) -> Result<(), TrainError> {
        self.failed.map_or(Ok(()), Err)
    }
}

impl Observer for ValidationPreview {
    fn on_epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        let epoch = report.record.epoch;
        if self.preview.is_due(epoch) {
            let path = self.folder.join(format!("preview-epoch-{epoch:03}.png"));
            let image = self.preview.after(report);
            if let Err(error) = image.and_then(|image| save_image(&path, &image)) {
                self.failed.get_or_insert(error);
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observers::testing::{EPOCHS, FakeRun, STEPS};

    #[test]
    fn there_is_a_preview_after_the_first_and_every_few_epochs() {
        let due = |every_epochs: usize| {
            let preview = Preview {
                every_epochs,
                ..Preview::default()
            };
            (1..=10)
                .filter(|&epoch| preview.is_due(epoch))
                .collect::<Vec<_>>()
        };
        assert_eq!(due(5), [1, 5, 10]);
        assert_eq!(due(1), (1..=10).collect::<Vec<_>>());
        assert_eq!(due(0), [1]);
    }

    #[test]
    fn the_previews_show_the_same_faces() {
        let folder = tempfile::tempdir().unwrap();
        let preview = Preview {
            every_epochs: 3,
            faces: 100,
            columns: 4,
            side: 96,
        };
        let mut previews = ValidationPreview::new(folder.path(), preview);
        assert!(
            FakeRun::new()
                .replay(&mut previews, 0..EPOCHS * STEPS)
                .is_continue()
        );
        previews.finish().unwrap();
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["preview-epoch-001.png", "preview-epoch-003.png"]);
        let open = |name: &str| image::open(folder.path().join(name)).unwrap().into_rgb8();
        let [first, third] = ["preview-epoch-001.png", "preview-epoch-003.png"].map(open);
        // The network is the same in each epoch, so only the titles differ.
        let below = |image: &RgbImage| {
            let height = image.height() - 30;
            image::imageops::crop_imm(image, 0, 30, image.width(), height).to_image()
        };
        assert!(first != third && below(&first) == below(&third));
    }

    #[test]
    fn true_keypoints_are_marked_at_their_positions() {
        let run = FakeRun::new();
        let folder = tempfile::tempdir().unwrap();
        let preview = Preview {
            every_epochs: 1,
            faces: 1,
            columns: 1,
            side: 96 * 4,
        };
        let mut previews = ValidationPreview::new(folder.path(), preview);
        assert!(run.replay(&mut previews, 0..STEPS).is_continue());
        let image = image::open(folder.path().join("preview-epoch-001.png"))
            .unwrap()
            .into_rgb8();
        let truth = run.faces.get(0).unwrap().keypoints;
        let mut found = 0;
        for (_, keypoint) in truth.labeled() {
            // In the first cell of a sheet, scaled by 4.
            let (x, y) = (
                6.0 + 4.0 * (keypoint.x + 0.5) - 0.5,
                30.0 + 4.0 * (keypoint.y + 0.5) - 0.5,
            );
            let [r, g, b] = image.get_pixel(x.round() as u32, y.round() as u32).0;
            found += usize::from(g > r && g > b && g > 100);
        }
        // A predicted keypoint may cover a true one.
        assert!(found >= 13, "{found} of 15");
    }
}
