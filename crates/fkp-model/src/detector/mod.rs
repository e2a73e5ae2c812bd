//! Face detection: from an image of any size to the boxes of its faces.

mod options;
mod plans;

pub use options::DetectorOptions;

use crate::{ModelCard, ModelError, ModelFile, NetworkConfig, PretrainedDetector};
use fkp_core::{
    Affine, Border, Candidates, Detection, Detector, Filter, Image, InputSpec, OutputSpec,
    non_maximum_suppression, warp_affine,
};
use plans::Plans;
use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A trained face detector for images of any size, on the CPU. Cheap to clone, and can be shared
/// between threads.
///
/// ```
/// use fkp_model::{FaceDetector, Image};
/// let detector = FaceDetector::pretrained()?;
/// for face in detector.detect(&Image::filled(640, 480, 3, 90))? {
///     println!("{:?} {:.2}", face.bounds, face.score);
/// }
/// # Ok::<(), fkp_model::ModelError>(())
/// ```
#[derive(Clone)]
pub struct FaceDetector {
    model: Arc<Model>,
    options: DetectorOptions,
}

struct Model {
    card: ModelCard,
    /// The width and the height of the network's input are multiples of this.
    multiple: usize,
    plans: Plans,
}

impl FaceDetector {
    /// The default detector that is included in this crate, without a file or a download: the same as
    /// `FaceDetector::from_pretrained(PretrainedDetector::default())`.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn pretrained() -> Result<Self, ModelError> {
        Self::from_pretrained(PretrainedDetector::default())
    }

    /// A detector that is included in this crate.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn from_pretrained(detector: PretrainedDetector) -> Result<Self, ModelError> {
        Self::from_model_file(ModelFile::pretrained_detector(detector)?)
    }

    /// Reads the file of a detector.
    ///
    /// # Errors
    /// If the file is not a model, is cut short, or is that of a model for keypoints.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::from_model_file(ModelFile::read(path)?)
    }

    /// The detector whose file has these bytes.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        Self::from_model_file(ModelFile::parse(Path::new("model bytes"), bytes)?)
    }

    /// The detector of a file that was read already.
    ///
    /// # Errors
    /// If it is a model for keypoints, or its weights do not match its card.
    pub fn from_model_file(file: ModelFile) -> Result<Self, ModelError> {
        let (NetworkConfig::Pyramid(config), OutputSpec::Boxes { .. }) =
            (&file.card.network, file.card.task.output)
        else {
            return Err(not_a_detector(&file.card));
        };
        let stages = config.channels.len();
        let multiple = 1 << stages;
        let plans = Plans::new(&file, multiple)?;
        let mut options = DetectorOptions::default();
        if let Some(threshold) = file.card.task.score_threshold {
            options.min_score = threshold;
        }
        Ok(Self {
            model: Arc::new(Model {
                card: file.card,
                multiple,
                plans,
            }),
            options,
        })
    }

    /// The same detector with other options.
    ///
    /// # Errors
    /// If an option is out of its range.
    pub fn with_options(&self, options: DetectorOptions) -> Result<Self, ModelError> {
        options.validate()?;
        Ok(Self {
            options,
            ..self.clone()
        })
    }

    /// The options.
    pub fn options(&self) -> &DetectorOptions {
        &self.options
    }

    /// The model's card.
    pub fn card(&self) -> &ModelCard {
        &self.model.card
    }

    /// The faces of an image, in its pixels, those with the highest score first; none is not an
    /// error. Boxes may extend beyond the image.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn detect(&self, image: &Image) -> Result<Vec<Detection>, ModelError> {
        self.detect_from(image, self.options.min_score)
    }

    /// The faces with at least this score.
    fn detect_from(&self, image: &Image, min_score: f32) -> Result<Vec<Detection>, ModelError> {
        let (w, h) = image.size();
        let mut found = Vec::new();
        let mut source = Cow::Borrowed(image);
        for (number, scale) in self.options.scales((w, h)).enumerate() {
            let side = |side: usize| ((side as f64 * scale).round() as usize).max(1);
            // Each scale is made of the one before it.
            let resized = resize(&source, (side(w), side(h)), &self.model.card.task.input);
            // No side is 0.
            let image_from_input =
                Affine::resize(resized.size(), (w, h)).unwrap_or_else(|_| Affine::identity());
            let at_scale = self.detect_at_scale(&resized, min_score)?;
            // Small faces are those of the scale before.
            let is_large = |found: &Detection| {
                number == 0 || found.bounds.longer_side() >= DetectorOptions::COARSE_PX
            };
            let at_scale = at_scale.into_iter().filter(is_large);
            found.extend(at_scale.map(|found| found.map(&image_from_input)));
            source = Cow::Owned(resized);
        }
        // The center of a face beyond the border of the image is in what was added to it.
        found.retain(|found: &Detection| {
            let (x, y) = found.bounds.center();
            (-0.5..w as f64 - 0.5).contains(&x) && (-0.5..h as f64 - 0.5).contains(&y)
        });
        Ok(non_maximum_suppression(found, OutputSpec::MAX_IOU))
    }

    /// The faces with at least this score that the network finds in an image in the channels of its
    /// input, without resizing it.
    fn detect_at_scale(&self, image: &Image, min_score: f32) -> Result<Vec<Detection>, ModelError> {
        let Model {
            card,
            plans,
            multiple,
        } = &*self.model;
        let padded = |side: usize| side.div_ceil(*multiple) * multiple;
        let (width, height) = (padded(image.width()), padded(image.height()));
        let image = pad(image, (width, height));
        let InputSpec { channels, .. } = card.task.input;
        let mut values = vec![0.0; channels * width * height];
        card.task.input.fill_any(&image, &mut values);
        let plan = plans.of_size((width, height))?;
        let output = plan.run(&values, 1)?;
        let shape = plan.output_shape();
        Ok(card.task.output.decode_boxes(&output, shape, min_score)?)
    }
}

impl Detector for FaceDetector {
    fn detect(
        &self,
        image: &Image,
    ) -> Result<Vec<Detection>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.detect(image)?)
    }

    /// Detections with at least half the score of a face.
    fn detect_candidates(
        &self,
        image: &Image,
    ) -> Result<Candidates, Box<dyn std::error::Error + Send + Sync>> {
        let min_score = self.options.min_score;
        Ok(Candidates {
            found: self.detect_from(image, min_score / 2.0)?,
            min_score: Some(min_score),
        })
    }
}

impl fmt::Debug for FaceDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaceDetector")
            .field("options", &self.options)
            .field("output", &self.model.card.task.output)
            .finish_non_exhaustive()
    }
}

fn not_a_detector(card: &ModelCard) -> ModelError {
    let problem = format!(
        "is `{}`, that of a model for keypoints: load it as a Landmarker",
        card.task.output.kind()
    );
    ModelError::config("output", problem)
}

/// The image at another size, in the channels of the network's input.
fn resize(image: &Image, size: (usize, usize), input: &InputSpec) -> Image {
    let resized = |image: Cow<'_, Image>| {
        if size == image.size() {
            return image.into_owned();
        }
        // No side is 0.
        let map = Affine::resize(image.size(), size).unwrap_or_else(|_| Affine::identity());
        warp_affine(&image, &map, size, Filter::Area, Border::Replicate)
    };
    // Whichever image is smaller is converted.
    match size.0 * size.1 < image.width() * image.height() {
        true => {
            let resized = resized(Cow::Borrowed(image));
            input.convert_channels(&resized).into_owned()
        }
        false => resized(input.convert_channels(image)),
    }
}

/// The image in the upper left corner of one with this size, and black beside it.
fn pad(image: &Image, size: (usize, usize)) -> Cow<'_, Image> {
    if size == image.size() {
        return Cow::Borrowed(image);
    }
    let mut padded = Image::filled(size.0, size.1, image.channels(), 0);
    let rows = image
        .as_bytes()
        .chunks_exact(image.width() * image.channels());
    let padded_rows = padded
        .as_bytes_mut()
        .chunks_exact_mut(size.0 * image.channels());
    for (row, padded) in rows.zip(padded_rows) {
        padded[..row.len()].copy_from_slice(row);
    }
    Cow::Owned(padded)
}

#[cfg(test)]
mod tests;
