//! The shape of a head, its labeled points, and the crop that they determine.

use crate::config::KeypointSet;
use crate::landmarks;
use crate::math::{Vec3, add, dot, sub};
use crate::params::{CropAround, FaceParams, Pose, View};
use crate::pose::{Projection, Rotation};
use crate::shape::{Detail, Features, Surface};
use fkp_core::{BoundingBox, CropSquare, FaceBox};

/// What a scene has labels of, and how its image is chosen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Labels {
    /// Keypoints, in the crop of the face's view.
    Keypoints(KeypointSet),
    /// The outline of the face, at this place.
    Outline(Placement),
}

/// Size and position of a head in an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    /// Pixels per eye unit at the depth of the face.
    pub(crate) px_per_unit: f32,
    /// Where the mean of eye centers and mouth corners is, in pixels.
    pub(crate) at: [f32; 2],
}

/// The shape of a head and where it is seen from.
pub(super) struct Head<'a> {
    face: &'a FaceParams,
    pub(super) features: Features,
    pub(super) surface: Surface,
    rotation: Rotation,
    /// The mean of eye centers and mouth corners, which determines the position of the face, in the
    /// viewer's frame.
    anchor: Vec3,
    pub(super) camera_at: Vec3,
}

impl Labels {
    /// How fine the mesh of the head is where a pixel has this width in eye units.
    pub(super) fn detail(self, px: f32) -> Detail {
        match self {
            Self::Keypoints(_) => Detail::of(px),
            Self::Outline(_) => Detail::of_many(px),
        }
    }
}

impl<'a> Head<'a> {
    pub(super) fn new(face: &'a FaceParams) -> Self {
        let rotation = Rotation::new(&face.pose);
        let features = Features::new(face);
        let surface = Surface::new(face, &features);
        let anchor = rotation.apply(anchor(&features, &surface));
        Self {
            face,
            features,
            surface,
            rotation,
            anchor,
            camera_at: add(anchor, [0.0, 0.0, face.view.distance]),
        }
    }

    /// The labeled points in the head's frame, and the projection to an image of `size × size` pixels.
    pub(super) fn labeled(&self, labels: Labels, size: usize) -> (Vec<Vec3>, Projection) {
        let view = &self.face.view;
        match labels {
            Labels::Keypoints(set) => {
                let points = self.keypoints(set);
                let projection = Projection::new(view, self.anchor, size);
                let projection = self.crop(projection, size, set, &points);
                (points, projection)
            }
            Labels::Outline(Placement { px_per_unit, at }) => (
                landmarks::outline(&self.surface),
                Projection::placed(px_per_unit, at, self.anchor, view.distance),
            ),
        }
    }

    /// The keypoints in the head's frame.
    fn keypoints(&self, set: KeypointSet) -> Vec<Vec3> {
        let Self {
            face,
            features,
            surface,
            ..
        } = self;
        if set == KeypointSet::Kaggle15 {
            return landmarks::kaggle15(face, features, surface);
        }
        // In the plane of the image without the roll.
        let upright = Rotation::new(&Pose {
            roll: 0.0,
            ..face.pose
        });
        let camera = self.rotation.undo(self.camera_at);
        let [right, down] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]].map(|axis| upright.undo(axis));
        let toward = upright.toward_viewer();
        let distance = dot(camera, toward);
        landmarks::ibug68(face, features, surface, |p| {
            let off = sub(p, camera);
            let depth = (distance - dot(p, toward)).max(0.1);
            [dot(off, right) / depth, dot(off, down) / depth]
        })
    }

    /// The projection to the crop of the view. `projection` has eyes and mouth at their mean
    /// places.
    fn crop(
        &self,
        projection: Projection,
        size: usize,
        set: KeypointSet,
        points: &[Vec3],
    ) -> Projection {
        let View {
            crop, scale, shift, ..
        } = self.face.view;
        let bounds = |points: &[Vec3]| {
            let points = points.iter();
            let at = points.map(|p| projection.to_screen(self.rotation.apply(*p)).at);
            BoundingBox::around(at.map(|[x, y]| (f64::from(x), f64::from(y))))
        };
        let square = match crop {
            CropAround::EyesAndMouth => return projection,
            CropAround::Keypoints => bounds(points).and_then(|bounds| {
                let rule = set.crop_rule();
                rule.square_of(&FaceBox::keypoints(bounds)).ok()
            }),
            CropAround::FaceBox(fraction) => {
                let bounds = match set {
                    KeypointSet::Ibug68 => bounds(points),
                    KeypointSet::Kaggle15 => bounds(&self.keypoints(KeypointSet::Ibug68)),
                };
                bounds
                    .and_then(|bounds| CropSquare::around(&bounds).ok())
                    .map(|square| CropSquare {
                        side: square.side / f64::from(fraction),
                        ..square
                    })
            }
        };
        let Some(square) = square else {
            return projection;
        };
        // The view's own scale is already in the projection, and is applied once more here.
        let zoom = size as f32 * scale / square.side as f32;
        let (x, y) = square.center;
        let center = [x as f32, y as f32];
        let middle = |axis: usize| (0.5 + shift[axis]) * size as f32 - 0.5;
        projection.refitted(zoom, [0, 1].map(|i| middle(i) - zoom * center[i]))
    }
}

/// The mean of eye centers and mouth corners.
fn anchor(features: &Features, surface: &Surface) -> Vec3 {
    let eye = |index: usize, side: f32| {
        let shape = &features.eyes[index];
        surface.point(side * shape.at[0], shape.at[1])
    };
    let corner = |index: usize| {
        let [x, y] = features.mouth.corner(index);
        surface.point(x, y)
    };
    let parts = [eye(0, 1.0), eye(1, -1.0), corner(0), corner(1)];
    std::array::from_fn(|axis| parts.iter().map(|p| 0.25 * p[axis]).sum())
}
