//! A person in a scene: a rendered head with its shoulders, on a body.

use super::body::{Body, CHEST};
use super::composition::Composition;
use crate::accessories::dressed;
use crate::layer::Layer;
use crate::params::{Color, FaceParams};
use crate::scene::{Placement, Scene};
use fkp_core::BoundingBox;

/// Height of an average face in front view, from the hairline to the chin, in eye units.
pub(super) const FACE_HEIGHT: f32 = 5.75;

/// What a head with hair, hat and shoulders spans around its anchor, in eye units: to each side, up
/// and down.
const SPAN: [f32; 3] = [7.4, 7.8, 10.5];

/// Faces below this height are rendered at twice the size and reduced, since details of a pixel
/// would be sampled too sparsely.
const SMALL: f32 = 28.0;

/// A person at a place in the image.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// The head, without a view.
    pub(super) face: FaceParams,
    /// The middle of eyes and mouth, in pixels.
    pub(super) at: [f32; 2],
    /// Height of the face in pixels, if it were an average one in front view.
    pub(super) height: f32,
    /// Reflectance of the clothes of the legs.
    pub(super) legs: Color,
}

/// A face in a scene.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeenFace {
    /// From the hairline to the chin and from ear to ear, in pixels, also outside the image.
    pub(super) bounds: BoundingBox,
    /// The fraction that is in the image and not behind something else.
    pub(super) visible: f32,
}

/// The square part of an image in which a head is rendered.
#[derive(Debug, Clone, Copy)]
struct Window {
    left: usize,
    top: usize,
    side: usize,
}

impl Person {
    /// Composes the person behind all before. `None` if the head is outside the image, is hidden, or
    /// is seen from behind.
    pub(super) fn paint(&self, composition: &mut Composition) -> Option<SeenFace> {
        let unit = self.height / FACE_HEIGHT;
        let window = self.window(unit, composition)?;
        let samples = if self.height < SMALL { 2 } else { 1 };
        let scale = samples as f32;
        let (left, top) = (window.left as f32, window.top as f32);
        let face = dressed(&self.face);
        let placement = Placement {
            px_per_unit: unit * scale,
            at: [self.at[0] - left, self.at[1] - top].map(|c| (c + 0.5) * scale - 0.5),
        };
        let scene = Scene::of_head(&face, window.side * samples, placement);
        let pixel = |x: usize, y: usize| {
            if samples == 1 {
                return scene.pixel(x, y, Layer::CLEAR);
            }
            let parts = (0..samples * samples).map(|i| {
                let [x, y] = [samples * x + i % samples, samples * y + i / samples];
                scene.pixel(x, y, Layer::CLEAR)
            });
            Layer::mean(parts)
        };
        let faces_camera = self.face.pose.yaw.cos() > 0.0;
        let bounds = scene.bounds().filter(|_| faces_camera);
        let seen = bounds.map(|bounds| {
            let scale = f64::from(scale);
            let of_window = |c: f64, start: f32| (c + 0.5) / scale - 0.5 + f64::from(start);
            let bounds = BoundingBox {
                x: of_window(bounds.x, left),
                y: of_window(bounds.y, top),
                width: bounds.width / scale,
                height: bounds.height / scale,
            };
            SeenFace {
                bounds,
                visible: composition.visible(&bounds),
            }
        });
        let size = composition.size;
        let to_image = |[x, y]: [f32; 2]| {
            let of_window = |c: f32| (c + 0.5) / scale - 0.5;
            [of_window(x) + left, of_window(y) + top]
        };
        let chest = to_image(scene.on_body(CHEST));
        let below = to_image(scene.on_body([CHEST[0], CHEST[1] + 2.0, CHEST[2]]));
        let row = chest[1].max(0.0) as usize;
        for y in window.top..(window.top + window.side).min(size).min(row) {
            for x in window.left..(window.left + window.side).min(size) {
                if !composition.is_hidden([x, y]) {
                    composition.add([x, y], pixel(x - window.left, y - window.top));
                }
            }
        }
        if (window.top..(window.top + window.side).min(size)).contains(&row) {
            let columns = 0..window.side;
            let layers: Vec<Layer> = columns.map(|x| pixel(x, row - window.top)).collect();
            Body {
                row: &layers,
                left,
                top: row,
                middle: chest[0],
                slant: ((below[0] - chest[0]) / (below[1] - chest[1]).max(0.1)).clamp(-0.6, 0.6),
                unit,
                legs: Body::lit(self.legs, &self.face.light),
            }
            .paint(composition);
        }
        seen
    }

    /// The part of the image with head and shoulders, or `None` if it is outside or hidden.
    fn window(&self, unit: f32, composition: &Composition) -> Option<Window> {
        let limit = composition.size as f32;
        let [side, up, down] = SPAN.map(|span| span * unit);
        let [x, y] = self.at;
        // Of a turned head, the neck is beside the middle of the face.
        let pose = &self.face.pose;
        let neck = -unit * (3.4 * pose.yaw.sin() * pose.pitch.cos() + 2.5 * pose.roll.sin());
        let (to_left, to_right) = (side - neck.min(0.0), side + neck.max(0.0));
        let start = |value: f32| value.clamp(0.0, limit) as usize;
        let end = |value: f32| value.clamp(0.0, limit).ceil() as usize;
        let (left, top) = (start(x - to_left), start(y - up));
        let (right, bottom) = (end(x + to_right), end(y + down));
        let is_hidden = |index: usize| {
            let [x, y] = [left + index % (right - left), top + index / (right - left)];
            composition.is_hidden([x, y])
        };
        if right <= left || bottom <= top || (0..(right - left) * (bottom - top)).all(is_hidden) {
            return None;
        }
        Some(Window {
            left,
            top,
            side: (right - left).max(bottom - top),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{Camera, Channels};
    use crate::config::KeypointSet;
    use crate::distribution::FaceDistribution;
    use crate::params::{CropAround, Pose};
    use fkp_core::{Purpose, rng_for};

    fn person(index: u64, at: [f32; 2], height: f32) -> Person {
        let mut face =
            FaceDistribution::default().sample(&mut rng_for(21, Purpose::Render, 0, index));
        face.accessories = Default::default();
        Person {
            face,
            at,
            height,
            legs: [0.1; 3],
        }
    }

    #[test]
    fn the_box_goes_from_the_forehead_to_the_chin_and_around_the_keypoints() {
        const SIZE: usize = 200;
        for (index, yaw) in [0.0, 0.3, -0.6, 1.0, -1.3].into_iter().enumerate() {
            for roll in [0.0, 0.5, -0.78] {
                let mut person = person(index as u64, [0.0; 2], 0.0);
                let face = &mut person.face;
                face.pose = Pose {
                    yaw,
                    pitch: 0.0,
                    roll,
                };
                face.view.crop = CropAround::EyesAndMouth;
                (face.view.scale, face.view.shift) = (0.6, [0.0; 2]);
                let labeled = Scene::new(face, SIZE, KeypointSet::Ibug68);
                let placement = Placement {
                    px_per_unit: labeled.px_per_unit(),
                    at: [0.5, 0.5936].map(|c| c * SIZE as f32 - 0.5),
                };
                let bounds = Scene::of_head(face, SIZE, placement).bounds().unwrap();
                let keypoints = labeled.keypoints();
                let of_keypoints =
                    BoundingBox::around(keypoints.iter().map(|k| (k.x.into(), k.y.into())))
                        .unwrap();
                let edges = |b: &BoundingBox| [b.x, b.y, b.x + b.width, b.y + b.height];
                let ([left, top, right, bottom], [l, t, r, b]) =
                    (edges(&bounds), edges(&of_keypoints));
                let tolerance = 0.05 * bounds.height;
                let name = format!("yaw {yaw}, roll {roll}: {bounds:?} and {of_keypoints:?}");
                assert!(left < l + tolerance && right > r - tolerance, "{name}");
                assert!((bottom - b).abs() < tolerance && top < t, "{name}");
                // Forehead above the brows.
                if roll == 0.0 {
                    let forehead = (t - top) / bounds.height;
                    assert!((0.12..0.4).contains(&forehead), "{forehead} in {name}");
                    assert!((left - l).abs() < 2.0 * tolerance, "{name}");
                    assert!((right - r).abs() < 2.0 * tolerance, "{name}");
                }
                let sides = bounds.width / bounds.height;
                assert!((0.6..1.3).contains(&sides), "{name}");
            }
        }
    }

    #[test]
    fn the_face_is_where_its_box_is() {
        for index in 0..12 {
            let mut person = person(index, [81.0, 62.0], 40.0);
            // In profile, the corner below the nose is not covered.
            person.face.pose.yaw *= 0.4;
            let mut composition = Composition::new(160);
            let face = person.paint(&mut composition).unwrap();
            assert_eq!(face.visible, 1.0);
            let height = face.bounds.height;
            assert!((30.0..56.0).contains(&height), "{height} px");
            // A jaw is narrower than the ellipse in the box.
            let inner = BoundingBox {
                x: face.bounds.x + 0.1 * face.bounds.width,
                y: face.bounds.y + 0.1 * height,
                width: 0.8 * face.bounds.width,
                height: 0.8 * height,
            };
            let left = composition.visible(&inner);
            assert!(left < 0.05, "{left} of face {index} is not covered");
            // Beside head and shoulders there is nothing.
            let beside = BoundingBox {
                x: face.bounds.x - 1.1 * height,
                height: 0.3 * height,
                width: 0.4 * height,
                ..face.bounds
            };
            assert_eq!(composition.visible(&beside), 1.0, "face {index}");
        }
    }

    #[test]
    fn small_faces_have_the_same_boxes_as_large_ones() {
        for index in 0..6 {
            let seen = |scale: f32| {
                let at = [(); 2].map(|()| 30.0 * scale - 0.5);
                let person = person(index, at, 16.0 * scale);
                let size = (64.0 * scale) as usize;
                person.paint(&mut Composition::new(size)).unwrap().bounds
            };
            let (small, large) = (seen(1.0), seen(4.0));
            let enlarged = fkp_core::Affine::scale_about((-0.5, -0.5), 4.0, 4.0).unwrap();
            let small = small.map(&enlarged);
            assert!(small.iou(&large) > 0.995, "{small:?} and {large:?}");
        }
    }

    #[test]
    fn hidden_faces_and_backs_of_heads_have_no_box() {
        let mut composition = Composition::new(96);
        let near = person(1, [48.0, 40.0], 50.0);
        assert!(near.paint(&mut composition).is_some());
        let behind = person(2, [48.0, 42.0], 20.0).paint(&mut composition);
        assert!(behind.is_none_or(|face| face.visible < 0.05));
        let outside = person(3, [-200.0, 42.0], 20.0);
        assert!(outside.paint(&mut composition).is_none());
        let mut back = person(4, [48.0, 40.0], 50.0);
        back.face.pose.yaw = 3.0;
        let mut composition = Composition::new(96);
        assert!(back.paint(&mut composition).is_none());
        assert!(composition.is_hidden([48, 40]));
    }

    #[test]
    fn a_body_stands_below_the_shoulders() {
        for index in 0..8 {
            let person = person(index, [80.0, 16.0], 16.0);
            let mut composition = Composition::new(160);
            person.paint(&mut composition);
            let unit = 16.0 / FACE_HEIGHT;
            for down in [7.0, 9.0, 10.0, 12.0, 16.0] {
                let y = (16.0 + down * unit) as usize;
                let covered = (0..160).filter(|x| composition.is_hidden([*x, y])).count();
                let wide = covered as f32 / unit;
                assert!((5.0..17.0).contains(&wide), "{wide} at {down} of {index}");
            }
            let light = composition.over(vec![[0.0; 3]; 160 * 160]);
            let channels = Channels::Rgb;
            let image = Camera::NEUTRAL.develop(&light, 160, channels, person.face.texture);
            assert_eq!(image.pixel(2, 2), [0; 3]);
        }
    }
}
