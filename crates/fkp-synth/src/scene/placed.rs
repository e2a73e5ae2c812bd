//! Meshes placed in the scene, and the point of one that a pixel shows.

use crate::math::{Vec3, add, blend, normalized, sub};
use crate::mesh::Mesh;
use crate::mesh::VisibilityBuffer;
use crate::mesh::visibility::{Samples, ScreenVertex, weights};
use crate::params::Pose;
use crate::pose::{Projection, Rotation};

/// Where the neck joins the body, about which the head turns against the body.
const NECK: Vec3 = [0.0, 3.2, -0.6];

/// The angle between head and shoulders at which the shoulders turn as far as the head, in radians.
const MAX_NECK_TURN: f32 = 1.4;

/// Head and body as they are turned, and the camera: everything that places a mesh in the scene.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placer {
    pub(super) rotation: Rotation,
    body: Rotation,
    pub(super) projection: Projection,
}

/// A vertex placed in the scene.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vertex {
    /// Position and normal in the viewer's frame.
    pub(super) at: Vec3,
    normal: Vec3,
    surface: [f32; 3],
}

/// A mesh placed in the scene.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) vertices: Vec<Vertex>,
    pub(super) triangles: Vec<[u32; 3]>,
    pub(super) screen: Vec<ScreenVertex>,
}

/// A point of a surface to be shaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fragment {
    pub(super) surface: [f32; 3],
    pub(super) at: Vec3,
    pub(super) normal: Vec3,
    pub(super) near: f32,
}

impl Placer {
    pub(super) fn new(pose: &Pose, projection: Projection) -> Self {
        // The body follows the head a little, and a head is not turned much further than its body.
        let yaw = if pose.yaw.abs() <= MAX_NECK_TURN {
            0.35 * pose.yaw
        } else {
            pose.yaw - (0.65 * MAX_NECK_TURN).copysign(pose.yaw)
        };
        Self {
            rotation: Rotation::new(pose),
            body: Rotation::new(&Pose {
                yaw,
                pitch: 0.15 * pose.pitch,
                roll: 0.25 * pose.roll,
            }),
            projection,
        }
    }

    /// Places a mesh. `follows` says of a point with these surface coordinates at this height y how
    /// far it turns with the head, from 0 (with the body) to 1.
    pub(super) fn place(&self, mesh: Mesh, follows: impl Fn(&[f32; 3], f32) -> f32) -> Placed {
        let parts = mesh.positions.iter().zip(&mesh.normals).zip(&mesh.surface);
        let vertices = parts.map(|((at, normal), surface)| {
            let follow = follows(surface, at[1]);
            let mut turned = self.rotation.apply(*normal);
            if follow < 1.0 {
                turned = normalized(blend(self.body.apply(*normal), turned, follow));
            }
            Vertex {
                at: self.turned(*at, follow),
                normal: turned,
                surface: *surface,
            }
        });
        let vertices: Vec<Vertex> = vertices.collect();
        let screen = vertices.iter().map(|v| self.projection.to_screen(v.at));
        Placed {
            screen: screen.collect(),
            vertices,
            triangles: mesh.triangles,
        }
    }

    /// Places a mesh that turns with the head.
    pub(super) fn place_on_head(&self, mesh: Mesh) -> Placed {
        self.place(mesh, |_, _| 1.0)
    }

    fn turned(&self, p: Vec3, follow: f32) -> Vec3 {
        let with_head = self.rotation.apply(p);
        if follow >= 1.0 {
            return with_head;
        }
        blend(self.with_body(p), with_head, follow)
    }

    /// Where a point of the body is, in the viewer's frame.
    fn with_body(&self, p: Vec3) -> Vec3 {
        add(self.body.apply(sub(p, NECK)), self.rotation.apply(NECK))
    }

    /// Where a point of the head is on the screen.
    pub(super) fn on_head(&self, p: Vec3) -> ScreenVertex {
        self.projection.to_screen(self.rotation.apply(p))
    }

    /// Where a point of the body is on the screen.
    pub(super) fn on_body(&self, p: Vec3) -> ScreenVertex {
        self.projection.to_screen(self.with_body(p))
    }
}

impl Placed {
    /// Number of triangles.
    pub(super) fn count(&self) -> u32 {
        self.triangles.len() as u32
    }

    /// The point to shade in a pixel, and the share of the pixel's samples that show this mesh, whose
    /// triangles are numbered from `first`.
    pub(super) fn fragment(
        &self,
        samples: &Samples,
        first: u32,
        [x, y]: [usize; 2],
    ) -> Option<(Fragment, f32)> {
        let mut shown = 0;
        let (mut middle, mut triangle) = ([0.0; 2], None);
        for (sample, (id, _)) in samples.iter().enumerate() {
            if id.wrapping_sub(first) < self.count() {
                let at = VisibilityBuffer::position(x, y, sample);
                middle = [middle[0] + at[0], middle[1] + at[1]];
                shown += 1;
                triangle = Some(self.triangles[(id - first) as usize]);
            }
        }
        let triangle = triangle?;
        let middle = middle.map(|c| c / shown as f32);
        Some((
            self.point(triangle, middle),
            shown as f32 / samples.len() as f32,
        ))
    }

    /// The point of a triangle at a position on the screen, which may be a little outside it.
    fn point(&self, triangle: [u32; 3], at: [f32; 2]) -> Fragment {
        let vertices = triangle.map(|v| self.screen[v as usize]);
        let w = weights(vertices, at);
        // Outside the triangle, beside the outline of the mesh, weights may run away.
        let w = {
            let w = w.map(|w| w.clamp(-0.5, 1.5));
            let total: f32 = w.iter().sum();
            w.map(|w| w / total)
        };
        let corners = triangle.map(|v| &self.vertices[v as usize]);
        let of = |value: fn(&Vertex) -> Vec3| -> Vec3 {
            let [a, b, c] = corners.map(value);
            std::array::from_fn(|i| w[0] * a[i] + w[1] * b[i] + w[2] * c[i])
        };
        let near = w[0] * vertices[0].near + w[1] * vertices[1].near + w[2] * vertices[2].near;
        let mut surface = of(|v| v.surface);
        // Surface coordinates jump in the middle of the back, where angles do by a full turn.
        let angles = corners.map(|v| v.surface[2]);
        if angles.iter().any(|angle| (angle - angles[0]).abs() > 4.0) {
            let nearest = (0..3).max_by(|a, b| w[*a].total_cmp(&w[*b]));
            surface = corners[nearest.unwrap_or(0)].surface;
        }
        Fragment {
            surface,
            at: of(|v| v.at),
            normal: normalized(of(|v| v.normal)),
            near,
        }
    }
}
