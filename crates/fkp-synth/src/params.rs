//! The parameters of one face.
//!
//! Lengths are in *eye units*: half the mean distance between the eye centers, so an average
//! face has its eyes at x = ±1. The head's frame has its origin near the middle of the head: x to
//! the right of the image (the subject's left), y down, z toward the viewer. Positions on the
//! face are given as seen from the front. Per-side parameters come as `[left, right]` of the
//! subject, with x counted outward from the middle.

/// The orientation of the head. All angles in radians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Rotation about the vertical axis; positive moves the nose to larger x.
    pub yaw: f32,
    /// Rotation about the horizontal axis; positive moves the nose down.
    pub pitch: f32,
    /// Rotation in the image plane; positive is clockwise in the image.
    pub roll: f32,
}

/// Shape of the skull.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    /// Half the width at the cheekbones.
    pub half_width: f32,
    /// y of the widest section, in the head's frame.
    pub middle: f32,
    /// From the widest section up to the crown.
    pub crown: f32,
    /// From the widest section down to the chin.
    pub jaw: f32,
    /// 0 for an oval jaw, positive up to 1 for a square one, negative for a pointed one.
    pub squareness: f32,
    /// From the center of the head to the plane of the face.
    pub depth: f32,
    /// How far the chin is in front of an ellipsoid.
    pub jaw_forward: f32,
    /// Height of the cheekbones.
    pub cheekbones: f32,
    /// Ear size; 0 is none, 1 average.
    pub ears: f32,
}

/// The skin's reflectance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skin {
    /// Albedo, from 0.2 (dark) to 0.9 (light).
    pub tone: f32,
    /// Strength of the highlights.
    pub gloss: f32,
    /// Depth of folds beside the nose, under the eyes and on the forehead, 0 to 1.
    pub age: f32,
    /// Amplitude of blotches and freckles, as a fraction of the tone.
    pub mottle: f32,
}

/// One eye. x is outward from the middle of the face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Eye {
    /// Middle of the line between the corners, `[outward, down]`.
    pub at: [f32; 2],
    /// Half the distance between the corners.
    pub half_width: f32,
    /// Height of the upper lid above the line between the corners.
    pub upper_lid: f32,
    /// Depth of the lower lid below that line.
    pub lower_lid: f32,
    /// Angle by which the outer corner is raised, radians.
    pub tilt: f32,
    /// Radius of the iris.
    pub iris: f32,
    /// Darkness of the lashes and liner, 0 to 1.
    pub lashes: f32,
}

/// One eyebrow. x is outward from the middle of the face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brow {
    /// Inner end, `[outward, down]`.
    pub inner: [f32; 2],
    /// Outer end.
    pub outer: [f32; 2],
    /// Height of the middle above the straight line between the ends.
    pub arch: f32,
    /// Half the thickness at the inner third.
    pub thickness: f32,
    /// Opacity of the hairs, 0 to 1.
    pub density: f32,
}

/// The nose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nose {
    /// Center of the ball of the nose, `[x, y]`. The tip is the highest point of the surface.
    pub at: [f32; 2],
    /// Width; 1 is average.
    pub width: f32,
    /// Height above the face; 1 is average.
    pub protrusion: f32,
    /// Height of the bridge; 1 is average.
    pub bridge: f32,
}

/// The mouth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mouth {
    /// x of its middle.
    pub x: f32,
    /// Half the distance between the corners.
    pub half_width: f32,
    /// y of the `[left, right]` corners.
    pub corners: [f32; 2],
    /// y of the top of the upper lip, in the middle.
    pub top: f32,
    /// y of the bottom of the lower lip, in the middle.
    pub bottom: f32,
    /// y of the lower edge of the upper lip, in the middle.
    pub inner_top: f32,
    /// y of the upper edge of the lower lip, in the middle. Not above `inner_top`.
    pub inner_bottom: f32,
    /// Depth of the notch in the upper lip, 0 to 1.
    pub bow: f32,
    /// The lips' tone as a multiple of the skin's.
    pub tone: f32,
    /// How much of an open mouth's upper part shows teeth, in eye units.
    pub teeth: f32,
}

/// Hair on the head. A bald head has no `volume` and a hairline out of view.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hair {
    /// y of the hairline in the middle of the forehead.
    pub line: f32,
    /// How fast the hairline drops toward the temples: y increases by this times x².
    pub drop: f32,
    /// How far the hairline recedes on both sides of the middle.
    pub recede: f32,
    /// x where the hairline is highest.
    pub parting: f32,
    /// Amplitude of the irregular hairline, in eye units.
    pub ragged: f32,
    /// Thickness above the skull.
    pub volume: f32,
    /// y of its lower end at the sides; above the ears for short hair.
    pub length: f32,
    /// x beyond which long hair covers the side of the face.
    pub curtain: f32,
    /// Albedo.
    pub tone: f32,
    /// Contrast of the strands, 0 to 1.
    pub strands: f32,
}

/// Hair on the face.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Beard {
    /// Opacity on chin and cheeks, 0 to 1.
    pub full: f32,
    /// Opacity on the upper lip, 0 to 1.
    pub moustache: f32,
}

/// Glasses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glasses {
    /// Half the width and height of a lens.
    pub half_size: [f32; 2],
    /// Radius of its corners; half the height gives a round lens.
    pub rounding: f32,
    /// Half the thickness of the rim.
    pub rim: f32,
    /// Albedo of the rim.
    pub tone: f32,
    /// Fraction of the light that the lenses absorb, 0 to 1.
    pub tint: f32,
    /// Strength of the reflection, 0 to 1.
    pub glare: f32,
}

/// Light on the scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Light {
    /// Direction to the main light, in the viewer's frame (z toward the viewer).
    pub toward: [f32; 3],
    /// Strength of the main light.
    pub direct: f32,
    /// Strength of the ambient light.
    pub ambient: f32,
}

/// A blurred patch behind the head. Positions are fractions of the side, 0.5 in the middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patch {
    /// Center.
    pub at: [f32; 2],
    /// Half the width and height.
    pub half_size: [f32; 2],
    /// Width of its soft edge.
    pub softness: f32,
    /// Brightness that it adds.
    pub tone: f32,
}

/// The background.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Background {
    /// Brightness in the middle.
    pub tone: f32,
    /// Change of brightness from one side of the image to the other, along x and y.
    pub slope: [f32; 2],
    /// Patches.
    pub patches: [Patch; 4],
    /// Albedo of the clothes.
    pub clothes: f32,
}

/// Position of the face in the image, and the camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Size of the face; 1 is the size in an average crop.
    pub scale: f32,
    /// Shift of the face as a fraction of the side.
    pub shift: [f32; 2],
    /// Standard deviation of the blur as a fraction of the side.
    pub blur: f32,
    /// Standard deviation of the noise in gray levels of 255.
    pub noise: f32,
    /// Contrast factor.
    pub contrast: f32,
    /// Added to every pixel, where white is 1.
    pub brightness: f32,
}

/// The noise of skin, hair, background and camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texture {
    /// Seed.
    pub seed: u32,
    /// Whether left and right are swapped.
    pub mirrored: bool,
}

/// All parameters of one face, which [`render`](crate::render) renders and [`FaceParams::sample`]
/// samples.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceParams {
    /// The orientation of the head.
    pub pose: Pose,
    /// Shape of the skull.
    pub head: Head,
    /// The skin's reflectance.
    pub skin: Skin,
    /// The subject's left and right eye.
    pub eyes: [Eye; 2],
    /// Shift of both irises from the middle of the eyes, `[x, y]`.
    pub gaze: [f32; 2],
    /// Albedo of the irises.
    pub iris_tone: f32,
    /// The subject's left and right eyebrow.
    pub brows: [Brow; 2],
    /// The nose.
    pub nose: Nose,
    /// The mouth.
    pub mouth: Mouth,
    /// Hair on the head.
    pub hair: Hair,
    /// Hair on the face.
    pub beard: Beard,
    /// Glasses, if any.
    pub glasses: Option<Glasses>,
    /// Light on the scene.
    pub light: Light,
    /// The background.
    pub background: Background,
    /// Position of the face in the image, and the camera.
    pub camera: Camera,
    /// The noise of skin, hair, background and camera.
    pub texture: Texture,
}

impl FaceParams {
    /// The mirrored face. It renders as the mirror image, including the noise, with the keypoints
    /// of each flip pair swapped.
    pub fn mirrored(&self) -> Self {
        let mut face = self.clone();
        face.pose.yaw = -face.pose.yaw;
        face.pose.roll = -face.pose.roll;
        face.eyes.swap(0, 1);
        face.brows.swap(0, 1);
        face.gaze[0] = -face.gaze[0];
        face.nose.at[0] = -face.nose.at[0];
        face.mouth.x = -face.mouth.x;
        face.mouth.corners.swap(0, 1);
        face.hair.parting = -face.hair.parting;
        face.light.toward[0] = -face.light.toward[0];
        face.background.slope[0] = -face.background.slope[0];
        for patch in &mut face.background.patches {
            patch.at[0] = 1.0 - patch.at[0];
        }
        face.camera.shift[0] = -face.camera.shift[0];
        face.texture.mirrored = !face.texture.mirrored;
        face
    }
}
