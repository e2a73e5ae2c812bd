//! Where the labeled points of a scene are in its image, and which are covered.

use super::Scene;
use crate::math::Vec3;
use crate::mesh::visibility::{NOTHING, Samples, ScreenVertex};
use fkp_core::{BoundingBox, Keypoint, Keypoints, Visibility};

impl Scene<'_> {
    /// The keypoints in pixels.
    pub(crate) fn keypoints(&self) -> Keypoints {
        self.points.iter().map(|p| self.keypoint(*p)).collect()
    }

    /// The box around the labeled points, in pixels.
    pub(crate) fn bounds(&self) -> Option<BoundingBox> {
        let at = self.points.iter().map(|p| self.placer.on_head(*p).at);
        BoundingBox::around(at.map(|[x, y]| (f64::from(x), f64::from(y))))
    }

    /// Where a point of the body is in the image, in pixels. Its frame is that of a head that looks
    /// straight ahead.
    pub(crate) fn on_body(&self, p: Vec3) -> [f32; 2] {
        self.placer.on_body(p).at
    }

    /// Pixels per eye unit at the depth of the face.
    #[cfg(test)]
    pub(crate) fn px_per_unit(&self) -> f32 {
        self.placer.projection.px_per_unit
    }

    fn keypoint(&self, p: Vec3) -> Keypoint {
        let place = self.placer.on_head(p);
        let [x, y] = place.at;
        let limit = self.size as f32 - 0.5;
        let visibility = if !(-0.5..=limit).contains(&x) || !(-0.5..=limit).contains(&y) {
            Visibility::OutOfFrame
        } else if self.hidden(place) {
            Visibility::Occluded
        } else {
            Visibility::Visible
        };
        Keypoint {
            visibility,
            ..Keypoint::new(x, y)
        }
    }

    /// Whether something is in front of a point.
    fn hidden(&self, place: ScreenVertex) -> bool {
        // A quarter of an eye unit, as nearness.
        let tolerance = 0.25 / self.face.view.distance;
        let last = self.size - 1;
        let [x, y] = place.at.map(|c| (c.round().max(0.0) as usize).min(last));
        // What is worn touches the skin, and is never under it.
        let close = -0.05 / self.face.view.distance;
        let behind = |samples: &Samples, tolerance: f32| {
            samples.iter().all(|(id, near)| {
                let tolerance = if *id >= self.solids.worn_from {
                    tolerance.min(close)
                } else {
                    tolerance
                };
                *id != NOTHING && *near > place.near + tolerance
            })
        };
        if let Some(foreground) = &self.face.accessories.foreground
            && self.foreground(foreground, place.at).0 > 0.6
        {
            return true;
        }
        if let Some(lenses) = &self.lenses {
            let samples = lenses.visible.pixel(x, y);
            let behind = samples
                .iter()
                .all(|(id, near)| *id != NOTHING && *near > place.near);
            let fragment = || lenses.placed.fragment(&samples, 0, [x, y]);
            let opacity = |surface: [f32; 3]| lenses.lens.opacity(surface[1]);
            if behind && fragment().is_some_and(|(fragment, _)| opacity(fragment.surface) > 0.75) {
                return true;
            }
        }
        if behind(&self.solids.visible.pixel(x, y), tolerance) {
            return true;
        }
        self.hair.iter().any(|layer| {
            let samples = layer.visible.pixel(x, y);
            let fragment = || layer.placed.fragment(&samples, 0, [x, y]);
            behind(&samples, 0.02 / self.face.view.distance)
                && fragment()
                    .is_some_and(|(fragment, _)| self.shade_hair(layer.part, &fragment).0 > 0.5)
        })
    }
}
