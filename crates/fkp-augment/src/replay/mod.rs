//! The record of sampled parameters: what is done to an image, its keypoints and its boxes.

mod render;
mod step;

pub use step::{CustomStep, Step};

use crate::geometry::ComposedMap;
use crate::{Raster, RasterImage, RasterView};
use fkp_core::warp::{Sampling, View};
use fkp_core::{
    Affine, Border, BoundingBox, Channel, FaceBox, Filter, Image, Keypoints, KeypointsError,
    LabeledBox, Sample, SampleError, Schema, Visibility,
};
use render::{Workspace, render};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// The parameters sampled for one image. Applying them is deterministic: a record can be stored,
/// applied to a second image, to a mask, to boxes and to any number of keypoint sets, and inverted.
///
/// It is a list of [`Step`]s, serializable unless one of them is [`Step::Custom`].
///
/// ```
/// use fkp_augment::Recipe;
/// use fkp_core::{Keypoint, Keypoints, Purpose, Schema, rng_for};
/// let schema = Schema::kaggle15();
/// let pipeline = Recipe::tutorial().compile(&schema)?;
/// let replay = pipeline.sample((96, 96), &mut rng_for(7, Purpose::Augment, 0, 0));
/// let face = Keypoints::new(vec![Keypoint::new(40.0, 50.0); 15]);
/// // The keypoints that a network finds in the augmented image, in the original image.
/// let back = replay.undo_keypoints(&replay.keypoints(&face, &schema)?, &schema)?;
/// assert!(back[3].distance(&face[3]) < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    source: (usize, usize),
    size: (usize, usize),
    sampling: Sampling,
    steps: Vec<Step>,
}

impl Replay {
    /// A record without steps for an image of `size` = (width, height).
    pub fn nothing(size: (usize, usize), sampling: Sampling) -> Self {
        Self {
            source: size,
            size,
            sampling,
            steps: Vec::new(),
        }
    }

    /// Size of the augmented image, (width, height) in pixels.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// The steps in their order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Border and interpolation of the resampling.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Adds a step.
    pub fn push(&mut self, step: impl Into<Step>) {
        let step = step.into();
        if let Some(step) = step.geometric() {
            self.size = step.size;
        }
        self.steps.push(step);
    }

    /// Removes the steps and starts again for an image of `size`, in the same memory.
    pub(crate) fn restart(&mut self, size: (usize, usize), sampling: Sampling) {
        self.steps.clear();
        (self.source, self.size) = (size, size);
        self.sampling = sampling;
    }

    /// All geometric steps as one affine map, `dst_from_src`; `None` if one of them is a
    /// perspective or a distortion.
    pub fn affine(&self) -> Option<Affine> {
        let mut whole = Affine::identity();
        for map in self.maps() {
            whole = whole.then(&map.affine()?).ok()?;
        }
        Some(whole)
    }

    /// Whether left and right change places.
    pub fn is_mirrored(&self) -> bool {
        self.maps().filter(ComposedMap::is_mirrored).count() % 2 == 1
    }

    /// Where a point of the source goes, in pixels.
    pub fn point(&self, x: f64, y: f64) -> (f64, f64) {
        let forward = |(x, y), map: ComposedMap| map.forward(x, y);
        self.maps().fold((x, y), forward)
    }

    /// Where a point of the augmented image comes from, in pixels.
    pub fn undo_point(&self, x: f64, y: f64) -> (f64, f64) {
        let maps: Vec<_> = self.maps().collect();
        undo_maps(&maps, x, y)
    }

    /// The augmented image.
    ///
    /// # Panics
    /// If the image does not have the size that the record was sampled for.
    pub fn image<P: RasterImage>(&self, image: &P) -> P {
        P::from_raster(self.raster(&image.as_raster()))
    }

    /// The augmented image of a view, such as a view of an `ndarray`.
    ///
    /// # Panics
    /// If the image does not have the size that the record was sampled for.
    pub fn raster<T: Channel>(&self, image: &RasterView<'_, T>) -> Raster<T> {
        let mut workspace = Workspace::default();
        let (width, height) = self.run_view(image.view(), &mut workspace);
        Raster {
            width,
            height,
            channels: image.channels,
            data: workspace.front,
        }
    }

    /// A segmentation mask moved with its image: geometric steps only, nearest interpolation, and 0
    /// beyond a constant border. Covered pixels keep their class.
    ///
    /// # Panics
    /// If the mask does not have the size that the record was sampled for.
    pub fn mask<P: RasterImage>(&self, mask: &P) -> P {
        let border = match self.sampling.border {
            Border::Constant(_) => Border::Constant(0),
            border => border,
        };
        let moved = Self {
            sampling: Sampling {
                border,
                interpolation: Filter::Nearest,
            },
            steps: self
                .steps
                .iter()
                .filter(|step| step.geometric().is_some())
                .cloned()
                .collect(),
            ..*self
        };
        moved.image(mask)
    }

    /// The keypoints of the augmented image. A mirror exchanges the schema's flip pairs. A keypoint
    /// that leaves a frame becomes `OutOfFrame`, also if a later step moves it back inside, because
    /// the pixels there are lost. A visible keypoint that is covered becomes `Occluded`.
    ///
    /// # Errors
    /// If the schema has another number of keypoints, or the record mirrors and the schema's flip
    /// pairs are unknown.
    pub fn keypoints(
        &self,
        keypoints: &Keypoints,
        schema: &Schema,
    ) -> Result<Keypoints, KeypointsError> {
        let mut moved = keypoints.clone();
        self.move_keypoints(&mut moved, schema)?;
        Ok(moved)
    }

    fn move_keypoints(
        &self,
        keypoints: &mut Keypoints,
        schema: &Schema,
    ) -> Result<(), KeypointsError> {
        keypoints.check_count(schema)?;
        let mut mirrored = false;
        let (mut rest, mut size) = (self.steps.as_slice(), self.source);
        while let Some(step) = rest.first() {
            let (map, count) = ComposedMap::of(rest.iter().map_while(Step::geometric), size);
            rest = &rest[count.max(1)..];
            if count > 0 {
                size = map.size;
                mirrored ^= map.is_mirrored();
                for keypoint in keypoints.iter_mut().filter(|k| k.is_labeled()) {
                    let (x, y) = map.forward(keypoint.x.into(), keypoint.y.into());
                    (keypoint.x, keypoint.y) = (x as f32, y as f32);
                    keypoint.mark_out_of_frame(size);
                }
                continue;
            }
            for keypoint in keypoints.iter_mut() {
                let visible = keypoint.visibility == Visibility::Visible;
                if visible && step.covers(keypoint.x, keypoint.y) {
                    keypoint.visibility = Visibility::Occluded;
                }
            }
        }
        match mirrored {
            true => keypoints.swap_pairs(schema),
            false => Ok(()),
        }
    }

    /// Keypoints of the augmented image, moved back to the original image. A keypoint that was
    /// `OutOfFrame` and is inside the original image becomes `Visible`, because the original image
    /// still has its pixels; one that was covered stays `Occluded`.
    ///
    /// # Errors
    /// If the schema has another number of keypoints, or the record mirrors and the schema's flip
    /// pairs are unknown.
    pub fn undo_keypoints(
        &self,
        keypoints: &Keypoints,
        schema: &Schema,
    ) -> Result<Keypoints, KeypointsError> {
        keypoints.check_count(schema)?;
        let maps: Vec<_> = self.maps().collect();
        let mut moved = keypoints.clone();
        for keypoint in moved.iter_mut().filter(|keypoint| keypoint.is_labeled()) {
            let (x, y) = undo_maps(&maps, keypoint.x.into(), keypoint.y.into());
            (keypoint.x, keypoint.y) = (x as f32, y as f32);
            if keypoint.visibility == Visibility::OutOfFrame {
                keypoint.visibility = Visibility::Visible;
            }
        }
        let mut moved = moved.mark_out_of_frame(self.source);
        if self.is_mirrored() {
            moved.swap_pairs(schema)?;
        }
        Ok(moved)
    }

    /// The smallest axis-aligned box around a moved box, from five points of each edge (exact for
    /// affine and perspective maps, which keep edges straight).
    pub fn bounding_box(&self, given: &BoundingBox) -> BoundingBox {
        let mut outline: [(f64, f64); 20] = std::array::from_fn(|i| {
            let t = (i % 5) as f64 / 4.0;
            let (u, v) = [(t, 0.0), (t, 1.0), (0.0, t), (1.0, t)][i / 5];
            (given.x + u * given.width, given.y + v * given.height)
        });
        for map in self.maps() {
            for point in &mut outline {
                *point = map.forward(point.0, point.1);
            }
        }
        BoundingBox::around(outline).unwrap_or(*given)
    }

    /// The smallest axis-aligned box around the moved ellipse in a box. A face is about that
    /// ellipse, so that its box does not grow as much by a rotation as the box of the corners.
    pub fn face_bounds(&self, given: &BoundingBox) -> BoundingBox {
        const POINTS: usize = 32;
        let (cx, cy) = given.center();
        let mut outline: [(f64, f64); POINTS] = std::array::from_fn(|i| {
            let (sin, cos) = (i as f64 / POINTS as f64 * std::f64::consts::TAU).sin_cos();
            (cx + cos * given.width / 2.0, cy + sin * given.height / 2.0)
        });
        for map in self.maps() {
            for point in &mut outline {
                *point = map.forward(point.0, point.1);
            }
        }
        BoundingBox::around(outline).unwrap_or(*given)
    }

    /// The boxes of faces in the augmented image, cut at its border. A box outside is removed, and one
    /// of which less than half is inside is to be ignored.
    pub fn boxes(&self, boxes: &[LabeledBox]) -> Vec<LabeledBox> {
        let moved = boxes.iter().filter_map(|face| {
            let whole = self.face_bounds(&face.bounds);
            let bounds = whole.within(self.size);
            let area = |bounds: &BoundingBox| bounds.width * bounds.height;
            bounds.is_usable().then(|| LabeledBox {
                bounds,
                ignore: face.ignore || area(&bounds) < 0.5 * area(&whole),
            })
        });
        moved.collect()
    }

    /// The augmented sample: image, keypoints, face box and boxes.
    ///
    /// # Errors
    /// As [`Self::keypoints`].
    ///
    /// # Panics
    /// If the image does not have the size that the record was sampled for.
    pub fn apply(&self, mut sample: Sample, schema: &Schema) -> Result<Sample, SampleError> {
        if let Err(source) = self.move_keypoints(&mut sample.keypoints, schema) {
            return Err(SampleError::new(sample.id, source));
        }
        Ok(Sample {
            image: if self.steps.is_empty() {
                sample.image
            } else {
                self.in_place(sample.image)
            },
            keypoints: sample.keypoints,
            face_box: sample.face_box.map(|given| FaceBox {
                bounds: self.bounding_box(&given.bounds),
                ..given
            }),
            boxes: self.boxes(&sample.boxes),
            ..sample
        })
    }

    /// The augmented image, computed in memory that this thread keeps.
    fn in_place(&self, image: Image) -> Image {
        thread_local! {
            static WORKSPACE: RefCell<Workspace<u8>> = RefCell::default();
        }
        WORKSPACE.with_borrow_mut(|workspace| {
            let channels = image.channels();
            let (width, height) = self.run_view((&image).into(), workspace);
            Image::from_raster(Raster {
                width,
                height,
                channels,
                data: workspace.hand_over(image.into_bytes()),
            })
        })
    }

    /// Leaves the augmented image in the workspace and returns its (width, height).
    fn run_view<T: Channel>(
        &self,
        src: View<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> (usize, usize) {
        assert_eq!(
            src.size(),
            self.source,
            "replay for an image of another size"
        );
        render(src, &self.steps, self.sampling, workspace)
    }

    /// The maps of consecutive geometric steps, in order.
    fn maps(&self) -> impl Iterator<Item = ComposedMap> {
        let (mut rest, mut size) = (self.steps.as_slice(), self.source);
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let (map, count) = ComposedMap::of(rest.iter().map_while(Step::geometric), size);
                rest = &rest[count.max(1)..];
                if count > 0 {
                    size = map.size;
                    return Some(map);
                }
            }
            None
        })
    }
}

/// Where a point comes from, in pixels.
fn undo_maps(maps: &[ComposedMap], x: f64, y: f64) -> (f64, f64) {
    let backward = |(x, y), map: &ComposedMap| map.backward(x, y);
    maps.iter().rev().fold((x, y), backward)
}
