//! Rendered scenes as a data set.

use super::composition::Composition;
use super::config::SceneConfig;
use super::layout::{Layout, Thing};
use super::person::SeenFace;
use crate::epochs::Epochs;
use crate::error::SynthError;
use crate::layer::Layer;
use crate::light::Lights;
use crate::noise::NoiseTexture;
use crate::params::{Foreground, Pose};
use crate::pose::Rotation;
use fkp_core::{
    Dataset, DatasetError, Image, Keypoints, LabeledBox, Purpose, Sample, Schema, rng_for,
};

/// Scenes rendered on demand, with the boxes of their faces. Each sample depends only on the seed and
/// its index, so that threads can read samples in any order.
///
/// ```
/// use fkp_core::Dataset;
/// use fkp_synth::{SceneConfig, SynthScenes};
/// let mut config = SceneConfig { count: 3, size: 128, ..SceneConfig::default() };
/// config.heads.few = [2, 2];
/// let scenes = SynthScenes::new(config)?;
/// let sample = scenes.get(1)?;
/// assert_eq!((sample.image.size(), scenes.schema().name()), ((128, 128), "boxes"));
/// assert!(sample.boxes.iter().all(|face| face.bounds.is_usable()));
/// assert_eq!(scenes.get(1)?, sample);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SynthScenes {
    config: SceneConfig,
    schema: Schema,
    epochs: Epochs,
}

impl SynthScenes {
    /// The scenes that a configuration describes.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn new(config: SceneConfig) -> Result<Self, SynthError> {
        config.validate()?;
        Ok(Self {
            config,
            schema: Schema::boxes(),
            epochs: Epochs::Same,
        })
    }

    /// New scenes in each epoch of a training: [`Dataset::get_in_epoch`] renders the scene of (seed,
    /// epoch, index). Epoch 0 has the scenes of [`Dataset::get`].
    #[must_use]
    pub fn new_each_epoch(self) -> Self {
        Self {
            epochs: Epochs::New,
            ..self
        }
    }

    /// The configuration.
    pub fn config(&self) -> &SceneConfig {
        &self.config
    }

    fn render(&self, layout: &Layout) -> (Image, Vec<LabeledBox>) {
        let SceneConfig { size, channels, .. } = self.config;
        let setting = &layout.setting;
        let lights = Lights::new(&setting.light, Rotation::new(&UPRIGHT));
        let mut composition = Composition::new(size);
        if let Some(foreground) = &layout.foreground {
            let noise = NoiseTexture::new(setting.texture);
            paint_foreground(foreground, &lights, &noise, &mut composition);
        }
        let mut boxes = Vec::new();
        for thing in &layout.things {
            match thing {
                Thing::Person(person) => {
                    let seen = person.paint(&mut composition);
                    boxes.extend(seen.and_then(|face| self.label(&face)));
                }
                Thing::Decoy(decoy) => decoy.paint(&mut composition, &lights),
            }
        }
        let background = setting.background.paint(setting.texture.seed, size);
        let light = composition.over(background);
        let camera = &setting.camera;
        let image = camera.develop(&light, size, channels, setting.texture);
        (image, boxes)
    }

    /// The box of a face, if enough of it is visible.
    fn label(&self, face: &SeenFace) -> Option<LabeledBox> {
        let SceneConfig {
            size,
            min_face_height,
            min_visible,
            ..
        } = self.config;
        let bounds = face.bounds.within((size, size));
        let has_box = bounds.is_usable() && face.visible > 0.0 && face.visible >= min_visible / 3.0;
        has_box.then_some(LabeledBox {
            bounds,
            ignore: face.visible < min_visible || bounds.height < f64::from(min_face_height),
        })
    }
}

const UPRIGHT: Pose = Pose {
    yaw: 0.0,
    pitch: 0.0,
    roll: 0.0,
};

fn paint_foreground(
    foreground: &Foreground,
    lights: &Lights,
    noise: &NoiseTexture,
    composition: &mut Composition,
) {
    let size = composition.size;
    let px = 1.0 / size as f32;
    let arriving = lights.arriving_from([0.0, -0.2, 1.0]);
    for (x, y) in (0..size * size).map(|index| (index % size, index / size)) {
        let at = [x, y].map(|c| (c as f32 + 0.5) * px - 0.5);
        let (opacity, albedo) = foreground.look(at, px, noise);
        if opacity > 0.0 {
            let light = |i: usize| 0.8 * opacity * albedo[i] * arriving[i].min(1.5);
            composition.add(
                [x, y],
                Layer {
                    light: std::array::from_fn(light),
                    passes: [1.0 - opacity; 3],
                },
            );
        }
    }
}

impl Dataset for SynthScenes {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.config.count
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.get_in_epoch(0, index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        if index >= self.len() {
            return Err(DatasetError::out_of_range(index, self.len()));
        }
        let epoch = self.epochs.source(epoch);
        let seed = self.config.seed;
        let mut rng = rng_for(seed, Purpose::Render, epoch as u64, index as u64);
        let (image, boxes) = self.render(&Layout::sample(&self.config, &mut rng));
        let id = match epoch {
            0 => format!("synth-scene-{seed}-{index}"),
            _ => format!("synth-scene-{seed}-epoch{epoch}-{index}"),
        };
        Ok(Sample {
            // Every scene has other persons.
            group: Some(id.clone()),
            boxes,
            ..Sample::new(id, image, Keypoints::unlabeled(0))
        })
    }
}
