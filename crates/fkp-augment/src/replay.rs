//! The record of one draw: what is done to an image and everything that lies on it.

use crate::geometry::Motion;
use crate::pixels::{Workspace, run};
use crate::raster::RasterView;
use crate::{Raster, RasterImage, Step};
use fkp_core::warp::{Sampling, View};
use fkp_core::{
    Affine, Border, BoundingBox, Channel, FaceBox, Filter, Image, Keypoints, KeypointsError,
    Sample, SampleError, Schema, Visibility,
};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// The parameters drawn for one sample. Applying it involves no chance: it can be stored, applied
/// to a second image, to a mask, to boxes and to any number of keypoint sets, and undone.
///
/// ```
/// use fkp_augment::Recipe;
/// use fkp_core::{Keypoint, Keypoints, Purpose, Schema, rng_for};
/// let schema = Schema::kaggle15();
/// let pipeline = Recipe::tutorial().compile(&schema)?;
/// let drawn = pipeline.sample((96, 96), &mut rng_for(7, Purpose::Augment, 0, 0));
/// let face = Keypoints::new(vec![Keypoint::new(40.0, 50.0); 15]);
/// // What a network finds in the varied image goes back into the original one.
/// let back = drawn.undo_keypoints(&drawn.keypoints(&face, &schema)?, &schema)?;
/// assert!(back[3].distance(&face[3]) < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    pub(crate) source: (usize, usize),
    pub(crate) size: (usize, usize),
    pub(crate) sampling: Sampling,
    pub(crate) steps: Vec<Step>,
}

impl Replay {
    /// Nothing is done to an image of `size` = (width, height).
    pub fn nothing(size: (usize, usize), sampling: Sampling) -> Self {
        Self {
            source: size,
            size,
            sampling,
            steps: Vec::new(),
        }
    }

    /// Size of the image that comes out, (width, height) in pixels.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// What is done, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How pixels are read where they are moved.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Adds a step.
    pub fn push(&mut self, step: Step) {
        if let Some(size) = step.new_size() {
            self.size = size;
        }
        self.steps.push(step);
    }

    /// The whole geometric change as one affine map, `dst_from_src`; `None` where perspective or
    /// bending is in it.
    pub fn affine(&self) -> Option<Affine> {
        let mut whole = Affine::identity();
        for motion in self.motions() {
            whole = whole.then(&motion.affine()?).ok()?;
        }
        Some(whole)
    }

    /// Whether left and right change places.
    pub fn is_mirrored(&self) -> bool {
        self.motions().filter(Motion::is_mirrored).count() % 2 == 1
    }

    /// Where a point of the source goes, in pixels.
    pub fn point(&self, x: f64, y: f64) -> (f64, f64) {
        let move_on = |(x, y), motion: Motion| motion.forward(x, y);
        self.motions().fold((x, y), move_on)
    }

    /// Where a keypoint of the varied image comes from, in pixels.
    pub fn undo_point(&self, x: f64, y: f64) -> (f64, f64) {
        let motions: Vec<_> = self.motions().collect();
        let move_back = |(x, y), motion: &Motion| motion.backward(x, y);
        motions.iter().rev().fold((x, y), move_back)
    }

    /// The varied image.
    ///
    /// # Panics
    /// If the image has another size than it was drawn for.
    pub fn image<P: RasterImage>(&self, image: &P) -> P {
        P::from_raster(self.raster(&image.as_raster()))
    }

    /// The varied image of a view, such as an `ndarray` one.
    ///
    /// # Panics
    /// If the image has another size than it was drawn for.
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

    /// A mask of labels moved along with its image: geometric steps only, the nearest pixel, and
    /// 0 beyond a constant border. What is covered keeps its label.
    ///
    /// # Panics
    /// If the mask has another size than it was drawn for.
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
                .filter(|step| step.is_geometric())
                .copied()
                .collect(),
            ..*self
        };
        moved.image(mask)
    }

    /// The keypoints of a varied image. A mirror exchanges the schema's flip pairs; a keypoint that
    /// leaves a frame becomes `OutOfFrame` and stays that, because the image there is lost; one
    /// that is covered becomes `Occluded`.
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
        let (mut at, mut size) = (0, self.source);
        while at < self.steps.len() {
            let (motion, count) = Motion::of(&self.steps[at..], size);
            if count > 0 {
                at += count;
                size = motion.size;
                mirrored ^= motion.is_mirrored();
                for keypoint in keypoints
                    .iter_mut()
                    .filter(|keypoint| keypoint.is_labeled())
                {
                    let (x, y) = motion.forward(keypoint.x.into(), keypoint.y.into());
                    (keypoint.x, keypoint.y) = (x as f32, y as f32);
                    keypoint.mark_out_of_frame(size);
                }
                continue;
            }
            if let Step::Erase {
                x,
                y,
                width,
                height,
                ..
            } = self.steps[at]
            {
                let within = |v: f32, start: usize, len: usize| {
                    v >= start as f32 - 0.5 && v < (start + len) as f32 - 0.5
                };
                for keypoint in keypoints.iter_mut() {
                    let covered = within(keypoint.x, x, width) && within(keypoint.y, y, height);
                    if covered && keypoint.visibility == Visibility::Visible {
                        keypoint.visibility = Visibility::Occluded;
                    }
                }
            }
            at += 1;
        }
        match mirrored {
            true => keypoints.swap_pairs(schema),
            false => Ok(()),
        }
    }

    /// Keypoints found in the augmented image, back in the frame of the image it was made from.
    /// A keypoint inside that frame is `Visible` again, because the original image still has its
    /// pixels; one that was covered stays `Occluded`.
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
        let motions: Vec<_> = self.motions().collect();
        let mut moved = keypoints.clone();
        for keypoint in moved.iter_mut().filter(|keypoint| keypoint.is_labeled()) {
            let at = (keypoint.x.into(), keypoint.y.into());
            let move_back = |(x, y), motion: &Motion| motion.backward(x, y);
            let (x, y) = motions.iter().rev().fold(at, move_back);
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

    /// The smallest upright box around a moved box, found from five keypoints of each edge (exact for
    /// affine and perspective maps, where the corners decide).
    pub fn bounding_box(&self, given: &BoundingBox) -> BoundingBox {
        // Five keypoints of each edge, one edge after the other.
        let mut outline: [(f64, f64); 20] = std::array::from_fn(|i| {
            let t = (i % 5) as f64 / 4.0;
            let (u, v) = [(t, 0.0), (t, 1.0), (0.0, t), (1.0, t)][i / 5];
            (given.x + u * given.width, given.y + v * given.height)
        });
        for motion in self.motions() {
            for keypoint in &mut outline {
                *keypoint = motion.forward(keypoint.0, keypoint.1);
            }
        }
        BoundingBox::around(outline).unwrap_or(*given)
    }

    /// Image, keypoints and face box of a sample together.
    ///
    /// # Errors
    /// As [`Self::keypoints`].
    ///
    /// # Panics
    /// If the image has another size than it was drawn for.
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

    /// Leaves the varied image in the workspace and says its (width, height).
    pub(crate) fn run_view<T: Channel>(
        &self,
        src: View<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> (usize, usize) {
        assert_eq!(
            src.size(),
            self.source,
            "replay for an image of another size"
        );
        run(src, &self.steps, self.sampling, workspace)
    }

    /// Each run of geometric steps as one map, in order.
    fn motions(&self) -> impl Iterator<Item = Motion> {
        let (mut at, mut size) = (0, self.source);
        std::iter::from_fn(move || {
            while at < self.steps.len() {
                let (motion, count) = Motion::of(&self.steps[at..], size);
                if count > 0 {
                    at += count;
                    size = motion.size;
                    return Some(motion);
                }
                at += 1;
            }
            None
        })
    }
}
