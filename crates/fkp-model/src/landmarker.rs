//! From an image to keypoints in its own pixels.

use crate::file::ModelFile;
use crate::weights::{FileWeights, Mismatch};
use crate::{Face, ModelCard, ModelError, Network};
use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_core::{CropSquare, FaceBox, Image, Schema};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A trained model, ready to localize keypoints in images of any size. Cheap to clone, and one
/// serves all threads.
///
/// ```
/// use fkp_model::{BoundingBox, FaceBox, Image, Landmarker};
/// let landmarker = Landmarker::pretrained()?;
/// let photograph = Image::filled(640, 480, 3, 128);
/// // A face from forehead to chin, as a face detector gives it: x, y, width, height.
/// let face_box = FaceBox::face(BoundingBox::from_image_edges(200.0, 120.0, 160.0, 200.0));
/// let face = landmarker.detect_in(&photograph, &face_box)?;
/// let nose = face.keypoint("nose_tip").unwrap();
/// assert!(nose.x > 200.0 && nose.x < 360.0);
/// # Ok::<(), fkp_model::ModelError>(())
/// ```
#[derive(Clone)]
pub struct Landmarker {
    model: Arc<Model>,
}

struct Model {
    card: ModelCard,
    schema: Arc<Schema>,
    network: Network,
    device: Device,
}

impl Landmarker {
    /// The model that ships with this crate, on the CPU: no file, no download. 15 keypoints of the
    /// schema `kaggle15` with a standard deviation each, trained on rendered faces alone. Its card,
    /// with its errors on photographs, is the documentation of `fkp-weights`.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn pretrained() -> Result<Self, ModelError> {
        let weights = fkp_weights::RENDERED_15;
        let path = Path::new(weights.name);
        Self::build(path, ModelFile::parse(path, weights.bytes)?, &Device::Cpu)
    }

    /// Reads a model file and builds its network on the CPU.
    ///
    /// # Errors
    /// If the file is no model, was cut short, or its weights do not fit its own description.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::load_on(path, &Device::Cpu)
    }

    /// Reads a model file and builds its network on a device.
    ///
    /// # Errors
    /// As for [`Self::load`], or if the device fails.
    pub fn load_on(path: impl AsRef<Path>, device: &Device) -> Result<Self, ModelError> {
        let path = path.as_ref();
        Self::build(path, ModelFile::read(path)?, device)
    }

    /// The model whose file has these bytes, on the CPU: for weights that a program carries along
    /// (`include_bytes!`) or fetches itself.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let path = Path::new("model bytes");
        Self::build(path, ModelFile::parse(path, bytes)?, &Device::Cpu)
    }

    fn build(path: &Path, file: ModelFile, device: &Device) -> Result<Self, ModelError> {
        let ModelFile { card, weights } = file;
        let weights = FileWeights::new(weights);
        let mismatch = weights.mismatch();
        let vb = VarBuilder::from_backend(Box::new(weights), DType::F32, device.clone());
        let network = card.network(vb).map_err(|error| match mismatch.take() {
            Some(Mismatch {
                name,
                expected,
                found,
            }) => ModelError::WrongWeight {
                path: path.to_owned(),
                name,
                expected,
                found: found.map_or("none".to_owned(), |dims| format!("{dims:?}")),
            },
            None => error,
        })?;
        let model = Model {
            schema: Arc::new(card.task.schema.clone()),
            card,
            network,
            device: device.clone(),
        };
        Ok(Self {
            model: Arc::new(model),
        })
    }

    /// What the model says about itself: keypoints, sizes, crop rule.
    pub fn card(&self) -> &ModelCard {
        &self.model.card
    }

    /// The network underneath.
    pub fn network(&self) -> &Network {
        &self.model.network
    }

    /// The keypoints of the face in a box: the call for photographs. The crop around the face is
    /// the one that the model was trained with, whatever the box's convention.
    ///
    /// # Errors
    /// If the box has no area, or the model knows nothing of boxes of its convention.
    pub fn detect_in(&self, image: &Image, face_box: &FaceBox) -> Result<Face, ModelError> {
        let square = self.model.card.task.crop.square_of(face_box)?;
        self.one(image, square)
    }

    /// The keypoints of the face in each box, in the order of the boxes.
    ///
    /// # Errors
    /// As for [`Self::detect_in`].
    pub fn detect_in_boxes(
        &self,
        image: &Image,
        boxes: &[FaceBox],
    ) -> Result<Vec<Face>, ModelError> {
        let crop = &self.model.card.task.crop;
        let square = |face_box| Ok((image, crop.square_of(face_box)?));
        let squares = boxes
            .iter()
            .map(square)
            .collect::<Result<Vec<_>, ModelError>>()?;
        self.model.detect(&squares)
    }

    /// The keypoints of the one face that the image shows, **where the image is a face crop
    /// already**: framed as the model was trained. In a photograph with a face somewhere in it use
    /// [`Self::detect_in`]; the whole photograph taken as the crop gives useless keypoints.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn detect(&self, crop: &Image) -> Result<Face, ModelError> {
        self.one(crop, CropSquare::whole(crop))
    }

    /// The keypoints of several face crops of any sizes, as [`Self::detect`] one by one, in one
    /// pass through the network.
    ///
    /// # Errors
    /// If a tensor operation fails.
    pub fn detect_batch(&self, crops: &[Image]) -> Result<Vec<Face>, ModelError> {
        let square = |crop| (crop, CropSquare::whole(crop));
        self.model
            .detect(&crops.iter().map(square).collect::<Vec<_>>())
    }

    fn one(&self, image: &Image, square: CropSquare) -> Result<Face, ModelError> {
        Ok(self.model.detect(&[(image, square)])?.remove(0))
    }
}

impl Model {
    /// The faces in some squares, one for each.
    fn detect(&self, faces: &[(&Image, CropSquare)]) -> Result<Vec<Face>, ModelError> {
        if faces.is_empty() {
            return Ok(Vec::new());
        }
        let task = &self.card.task;
        let input = &task.input;
        let mut values = vec![0.0; faces.len() * input.len()];
        let mut maps = Vec::with_capacity(faces.len());
        for ((image, square), out) in faces.iter().zip(values.chunks_exact_mut(input.len())) {
            maps.push(input.preprocess(image, square, out)?);
        }
        let shape = (faces.len(), input.channels, input.size, input.size);
        let x = Tensor::from_vec(values, shape, &self.device)?;
        let output = self.network.forward_t(&x, false)?;
        let shape = &output.dims()[1..];
        let values = output.flatten_all()?.to_vec1::<f32>()?;
        let each = values.len() / faces.len();
        let squares = faces.iter().zip(maps).zip(values.chunks_exact(each));
        squares
            .map(|(((_, square), crop_from_image), values)| {
                let frame = input.frame();
                let found = task
                    .output
                    .decode(values, shape, frame, self.schema.len())?;
                Ok(Face {
                    schema: Arc::clone(&self.schema),
                    prediction: found.map(&crop_from_image.inverse()),
                    crop: *square,
                })
            })
            .collect()
    }
}

impl fmt::Debug for Landmarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = &self.model.card.task;
        f.debug_struct("Landmarker")
            .field("schema", &task.schema.name())
            .field("keypoints", &task.schema.len())
            .field("input", &task.input)
            .field("output", &task.output.kind())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CnnConfig, NetworkConfig, Precision};
    use fkp_core::{BoundingBox, InputSpec, Likelihood, OutputSpec};
    use std::collections::BTreeMap;

    /// A tiny network whose dense layer is zero but for its bias: it always answers (0.5, −0.5).
    fn constant_model() -> (ModelCard, BTreeMap<String, Tensor>) {
        let network = NetworkConfig::Cnn(CnnConfig {
            conv_channels: vec![2],
            dense: vec![],
            ..CnnConfig::default()
        });
        let schema = Schema::numbered("one", 1).unwrap();
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        let weights = BTreeMap::from([
            ("conv0.weight".to_owned(), zeros(&[2, 1, 3, 3])),
            ("conv0.bias".to_owned(), zeros(&[2])),
            ("dense0.weight".to_owned(), zeros(&[2, 32])),
            (
                "dense0.bias".to_owned(),
                Tensor::new(&[0.5f32, -0.5], &Device::Cpu).unwrap(),
            ),
        ]);
        (ModelCard::new(network, schema, InputSpec::gray(8)), weights)
    }

    fn write_model(path: &Path, card: &ModelCard, weights: &BTreeMap<String, Tensor>) {
        let bytes = card.to_bytes(weights, Precision::F32).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn keypoints_come_back_in_pixels_of_the_image() {
        let (card, weights) = constant_model();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        write_model(&path, &card, &weights);
        let landmarker = Landmarker::load(&path).unwrap();
        assert_eq!(landmarker.card(), &card);
        // u = 0.5 lies three quarters across: 300 · 0.75 − 0.5, also in a color image.
        let face = landmarker.detect(&Image::filled(300, 300, 3, 9)).unwrap();
        let keypoints = face.positions();
        assert!((keypoints[0].x - 224.5).abs() < 1e-3 && (keypoints[0].y - 74.5).abs() < 1e-3);
        // An image that is not square is seen in a square about its middle.
        let face = landmarker.detect(&Image::filled(100, 300, 1, 9)).unwrap();
        let keypoints = face.positions();
        assert!((keypoints[0].x - 124.5).abs() < 1e-3 && (keypoints[0].y - 74.5).abs() < 1e-3);
        let crops = [Image::filled(9, 9, 1, 0), Image::filled(300, 300, 3, 9)];
        let faces = landmarker.detect_batch(&crops).unwrap();
        assert!((faces[0].positions()[0].x - (9.0 * 0.75 - 0.5)).abs() < 1e-4);
        assert_eq!(faces[1], landmarker.detect(&crops[1]).unwrap());
        assert!(landmarker.detect_batch(&[]).unwrap().is_empty());
        // The schema of one numbered keypoint knows nothing of faces.
        let bounds = BoundingBox::from_image_edges(10.0, 20.0, 40.0, 40.0);
        let image = Image::filled(100, 100, 1, 9);
        assert!(
            landmarker
                .detect_in(&image, &FaceBox::face(bounds))
                .is_err()
        );
        let face = landmarker
            .detect_in(&image, &FaceBox::crop(bounds))
            .unwrap();
        let found = face.keypoints().next().unwrap();
        assert_eq!((found.name, found.sigma), ("0", None));
        assert!((found.x - 39.5).abs() < 1e-4 && (found.y - 29.5).abs() < 1e-4);
        let text = format!("{landmarker:?}");
        assert!(
            text.contains("\"one\"") && text.contains("coordinates"),
            "{text}"
        );
    }

    /// Half the resolution of the crop, twice the standard deviation in pixels of the image.
    #[test]
    fn standard_deviations_are_in_pixels_of_the_image() {
        let (mut card, mut weights) = constant_model();
        let likelihood = Likelihood::Gaussian;
        card.task.output = OutputSpec::CoordinatesWithScale { likelihood };
        let zeros = Tensor::zeros((3, 32), DType::F32, &Device::Cpu).unwrap();
        weights.insert("dense0.weight".to_owned(), zeros);
        let bias = Tensor::new(&[0.5f32, -0.5, -2.0], &Device::Cpu).unwrap();
        weights.insert("dense0.bias".to_owned(), bias);
        let bytes = card.to_bytes(&weights, Precision::F32).unwrap();
        let landmarker = Landmarker::from_bytes(&bytes).unwrap();
        for side in [8, 100] {
            let face = landmarker.detect(&Image::filled(side, side, 1, 0)).unwrap();
            let sigma = face.keypoint("0").unwrap().sigma.unwrap();
            let expected = side as f32 / 2.0 * (-2f32).exp();
            assert!((sigma / expected - 1.0).abs() < 1e-4, "{sigma} {expected}");
        }
    }

    /// Weights of two bytes come back as the nearest that two bytes can hold.
    #[test]
    fn half_precision_halves_the_file_and_reads_back() {
        let (card, mut weights) = constant_model();
        let bias = Tensor::new(&[0.1f32, -0.3], &Device::Cpu).unwrap();
        weights.insert("dense0.bias".to_owned(), bias);
        let full = card.to_bytes(&weights, Precision::F32).unwrap();
        let half = card.to_bytes(&weights, Precision::F16).unwrap();
        assert!(
            half.len() + 2 * 60 < full.len(),
            "{} {}",
            half.len(),
            full.len()
        );
        let image = Image::filled(200, 200, 1, 7);
        let find = |bytes: &[u8]| {
            Landmarker::from_bytes(bytes)
                .unwrap()
                .detect(&image)
                .unwrap()
        };
        let (a, b) = (find(&full), find(&half));
        assert!(a.positions()[0].distance(&b.positions()[0]) < 0.1);
        assert_ne!(a, b);
    }

    #[test]
    fn the_same_model_is_the_same_bytes() {
        let (card, weights) = constant_model();
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        write_model(&a, &card, &weights);
        write_model(&b, &card, &weights);
        assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
    }

    #[test]
    fn bad_files_are_refused_with_their_name() {
        let (card, weights) = constant_model();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let refused = || match Landmarker::load(&path) {
            Ok(_) => panic!("a bad file was accepted"),
            Err(error) => error,
        };

        assert!(matches!(refused(), ModelError::Io { .. }));
        write_model(&path, &card, &weights);
        let bytes = std::fs::read(&path).unwrap();
        for cut in [0, 4, 8, 100, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let error = refused();
            assert!(
                matches!(error, ModelError::Corrupt { .. }),
                "{cut}: {error}"
            );
            assert!(error.to_string().contains("m.safetensors"));
        }

        candle_core::safetensors::save(&weights.clone().into_iter().collect(), &path).unwrap();
        assert!(matches!(refused(), ModelError::NoCard { .. }));

        let mut missing = weights.clone();
        missing.remove("conv0.bias");
        write_model(&path, &card, &missing);
        let text = refused().to_string();
        assert!(
            text.contains("`conv0.bias` should be [2], the file has none"),
            "{text}"
        );

        let mut other = card.clone();
        other.task.schema = Schema::numbered("two", 2).unwrap();
        write_model(&path, &other, &weights);
        let text = refused().to_string();
        assert!(
            text.contains("`dense0.weight` should be [4, 32], the file has [2, 32]"),
            "{text}"
        );

        let mut broken = weights.clone();
        let nan = Tensor::new(&[f32::NAN, 0.0], &Device::Cpu).unwrap();
        broken.insert("dense0.bias".to_owned(), nan);
        write_model(&path, &card, &broken);
        assert!(matches!(refused(), ModelError::NotFinite { .. }));

        let mut earlier = card.clone();
        earlier.format = 1;
        write_model(&path, &earlier, &weights);
        let text = refused().to_string();
        assert!(
            text.contains("format 1") && text.contains("train the model again"),
            "{text}"
        );

        let mut later = card.clone();
        later.format = 99;
        write_model(&path, &later, &weights);
        assert!(matches!(
            refused(),
            ModelError::UnknownFormat { found: 99, .. }
        ));
    }
}
