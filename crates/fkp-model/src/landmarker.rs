//! From a picture to keypoints in its own pixels.

use crate::weights::{FileWeights, Mismatch};
use crate::{ModelCard, ModelError, Network, read_model};
use candle_core::{DType, Device, Tensor};
use candle_nn::{ModuleT, VarBuilder};
use fkp_core::{CropSquare, Image, Keypoints};
use std::path::Path;

/// A trained model, ready to localise keypoints in pictures of any size.
pub struct Landmarker {
    card: ModelCard,
    network: Network,
    device: Device,
}

impl Landmarker {
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
        let (card, weights) = read_model(path)?;
        let weights = FileWeights::new(weights);
        let mismatch = weights.mismatch();
        let vb = VarBuilder::from_backend(Box::new(weights), DType::F32, device.clone());
        let built = Network::new(&card.network, &card.input, card.schema.len(), vb);
        let network = built.map_err(|error| match mismatch.take() {
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
        Ok(Self {
            card,
            network,
            device: device.clone(),
        })
    }

    /// What the model says about itself: schema, sizes, crop rule.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The network underneath.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The keypoints of the one face that the picture shows, in pixels of the picture: the whole
    /// picture is taken as the face crop.
    pub fn detect(&self, picture: &Image) -> Result<Keypoints, ModelError> {
        self.detect_in(picture, &CropSquare::whole(picture))
    }

    /// The keypoints of the face in a square of the picture, in pixels of the picture.
    pub fn detect_in(&self, picture: &Image, face: &CropSquare) -> Result<Keypoints, ModelError> {
        let (crop, crop_from_picture) = face.cut(picture, self.card.input.size)?;
        let found = self.detect_crops(&[crop])?.remove(0);
        Ok(found.map(&crop_from_picture.inverse()))
    }

    /// The keypoints of several crops of the model's input size, each in pixels of its crop.
    ///
    /// # Errors
    /// If a crop has another size.
    pub fn detect_crops(&self, crops: &[Image]) -> Result<Vec<Keypoints>, ModelError> {
        let input = &self.card.input;
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let mut values = vec![0.0; crops.len() * input.len()];
        for (crop, out) in crops.iter().zip(values.chunks_exact_mut(input.len())) {
            if crop.size() != (input.size, input.size) {
                let (width, height) = crop.size();
                return Err(ModelError::Config {
                    field: "crop".to_owned(),
                    problem: format!("must be {0}×{0} pixels, got {width}×{height}", input.size),
                });
            }
            input.fill(crop, out);
        }
        let shape = (crops.len(), input.channels, input.size, input.size);
        let x = Tensor::from_vec(values, shape, &self.device)?;
        let output = self.network.forward_t(&x, false)?.to_vec2::<f32>()?;
        let frame = input.frame();
        Ok(output.iter().map(|row| frame.keypoints(row)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CnnConfig, NetworkConfig, write_model};
    use fkp_core::{InputSpec, Schema};
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
        (ModelCard::new(network, schema, InputSpec::grey(8)), weights)
    }

    #[test]
    fn points_come_back_in_pixels_of_the_picture() {
        let (card, weights) = constant_model();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        write_model(&path, &card, &weights).unwrap();
        let landmarker = Landmarker::load(&path).unwrap();
        assert_eq!(landmarker.card(), &card);
        // u = 0.5 lies three quarters across: 300 · 0.75 − 0.5, also in a colour picture.
        let points = landmarker.detect(&Image::filled(300, 300, 3, 9)).unwrap();
        assert!((points[0].x - 224.5).abs() < 1e-3 && (points[0].y - 74.5).abs() < 1e-3);
        // A picture that is not square is seen in a square about its middle.
        let points = landmarker.detect(&Image::filled(100, 300, 1, 9)).unwrap();
        assert!((points[0].x - 124.5).abs() < 1e-3 && (points[0].y - 74.5).abs() < 1e-3);
        let error = landmarker
            .detect_crops(&[Image::filled(9, 8, 1, 0)])
            .unwrap_err();
        assert!(error.to_string().contains("must be 8×8 pixels, got 9×8"));
        assert!(landmarker.detect_crops(&[]).unwrap().is_empty());
    }

    #[test]
    fn the_same_model_is_the_same_bytes() {
        let (card, weights) = constant_model();
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        write_model(&a, &card, &weights).unwrap();
        write_model(&b, &card, &weights).unwrap();
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
        write_model(&path, &card, &weights).unwrap();
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
        write_model(&path, &card, &missing).unwrap();
        let text = refused().to_string();
        assert!(
            text.contains("`conv0.bias` should be [2], the file has none"),
            "{text}"
        );

        let mut other = card.clone();
        other.schema = Schema::numbered("two", 2).unwrap();
        write_model(&path, &other, &weights).unwrap();
        let text = refused().to_string();
        assert!(
            text.contains("`dense0.weight` should be [4, 32], the file has [2, 32]"),
            "{text}"
        );

        let mut broken = weights.clone();
        let nan = Tensor::new(&[f32::NAN, 0.0], &Device::Cpu).unwrap();
        broken.insert("dense0.bias".to_owned(), nan);
        write_model(&path, &card, &broken).unwrap();
        assert!(matches!(refused(), ModelError::NotFinite { .. }));

        let mut later = card.clone();
        later.format = 99;
        write_model(&path, &later, &weights).unwrap();
        assert!(matches!(
            refused(),
            ModelError::UnknownFormat { found: 99, .. }
        ));
    }
}
