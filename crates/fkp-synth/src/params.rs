//! The parameters of one face.
//!
//! Lengths are in *eye units*: half the mean distance between the eye centers (31.5 mm), so an
//! average face has its eyes at x = ±1. The head's frame has its origin on the axis between the
//! ears at the level of the eyes: x to the right of the image (the subject's left), y down, z
//! toward the viewer. Positions on the face are given as seen from the front. Per-side parameters
//! come as `[left, right]` of the subject, with x counted outward from the middle.
//!
//! Identity ([`Head`], [`Eye`], [`Brow`], [`Nose`], [`Mouth`]) describes the face at rest;
//! [`Expression`] moves it.

use serde::{Deserialize, Serialize};

pub use crate::background::Background;
pub use crate::camera::Camera;
pub use crate::color::Color;
pub use crate::texture::Texture;
pub use crate::worn::{
    Accessories, Fabric, Foreground, ForegroundShape, Glasses, GlassesShape, Hand, Hat, HatKind,
    Lens, Mask, MaskKind, Object, ObjectKind, Pattern, Scarf, ScarfKind, Wrist,
};

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

/// Shape of skull, jaw and cheeks. Unless stated otherwise a field is a difference from the
/// average in eye units, positive for more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    /// Width as a multiple of the average.
    pub width: f32,
    /// Distance from the ears to the back of the head, as a multiple of the average.
    pub depth: f32,
    /// From the eyes down to the chin.
    pub face_length: f32,
    /// From the eyes up to the crown.
    pub forehead_height: f32,
    /// Width of the forehead, on each side.
    pub forehead_width: f32,
    /// How far the upper forehead is in front.
    pub forehead_slope: f32,
    /// Width at the cheekbones, on each side.
    pub cheekbone_width: f32,
    /// Width at the angle of the jaw, on each side.
    pub jaw_width: f32,
    /// Width of the neck, on each side.
    pub neck_width: f32,
    /// Fat of cheeks, jaw and throat, about −1 to 1.
    pub fullness: f32,
    /// How far the middle of the face is in front.
    pub midface: f32,
    /// How far the chin is in front.
    pub chin_projection: f32,
    /// Flatness of the face, about −0.3 to 0.3.
    pub flatness: f32,
    /// Squareness of the chin, about −0.3 to 0.3.
    pub chin_squareness: f32,
    /// Height of the ridge of the brows.
    pub brow_ridge: f32,
    /// Height of the cheekbones.
    pub cheekbones: f32,
    /// Depth of the hollows of the cheeks.
    pub cheek_hollow: f32,
    /// Height of the ball of the chin.
    pub chin_ball: f32,
    /// Size of the ears as a multiple of the average.
    pub ear_size: f32,
    /// Angle by which the ears stand out, radians.
    pub ear_angle: f32,
}

/// The skin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skin {
    /// Darkness by melanin, from 0 (very light) to 1 (very dark).
    pub melanin: f32,
    /// Redness by blood, about 0 to 1.
    pub redness: f32,
    /// Undertone: positive is more yellow, negative more pink; about −1 to 1.
    pub undertone: f32,
    /// Strength of the highlights, 0 to 1.
    pub gloss: f32,
    /// Depth of folds and wrinkles, 0 to 1.
    pub age: f32,
    /// Amplitude of blotches, as a fraction of the reflectance.
    pub mottle: f32,
    /// Density of freckles, 0 to 1.
    pub freckles: f32,
    /// Number of moles.
    pub moles: u8,
    /// Rouge on the cheeks, 0 to 1.
    pub rouge: f32,
}

/// One eye at rest. x is outward from the middle of the face.
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
    /// How deep the eye lies in its socket.
    pub depth: f32,
    /// Height of the fold above the edge of the upper lid; 0 for a lid without a fold.
    pub fold: f32,
    /// Puffiness under the eye, 0 to 1.
    pub bag: f32,
    /// Radius of the iris.
    pub iris: f32,
    /// Density and length of the lashes, 0 to 1.
    pub lashes: f32,
    /// Darkness of a liner along the lids, 0 to 1.
    pub liner: f32,
    /// Opacity of eye shadow above the lid, 0 to 1.
    pub shadow: f32,
}

/// One eyebrow at rest. x is outward from the middle of the face.
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
    /// Center of the ball of the nose, `[x, y]`.
    pub at: [f32; 2],
    /// Width at the wings; 1 is average.
    pub width: f32,
    /// Height above the face; 1 is average.
    pub projection: f32,
    /// Height of the bridge; 1 is average.
    pub bridge: f32,
    /// Width of the bridge; 1 is average.
    pub bridge_width: f32,
    /// Height of a hump on the bridge, negative for a hollow.
    pub hump: f32,
    /// How far the tip hangs down, negative for an upturned nose.
    pub droop: f32,
}

/// The mouth at rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mouth {
    /// Middle of the line between the lips, `[x, y]`.
    pub at: [f32; 2],
    /// Half the distance between the corners.
    pub half_width: f32,
    /// Height of the upper lip in the middle.
    pub upper_lip: f32,
    /// Height of the lower lip in the middle.
    pub lower_lip: f32,
    /// How far the lips stand out.
    pub protrusion: f32,
    /// Depth of the notch in the upper lip, 0 to 1.
    pub bow: f32,
    /// How far the corners hang below the middle, negative for raised corners.
    pub droop: f32,
    /// How much redder and darker than the skin the lips are, 0 to 1.
    pub redness: f32,
    /// Opacity and color of lipstick.
    pub lipstick: (f32, Color),
}

/// Movements of the face, each independent of the others. 0 is at rest, 1 a strong movement.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Expression {
    /// Corners of the mouth up and outward, `[left, right]`; negative pulls them down.
    pub smile: [f32; 2],
    /// Lowers the jaw.
    pub jaw_open: f32,
    /// Parts the lips without the jaw: teeth show.
    pub lips_apart: f32,
    /// Pushes the lips together and forward.
    pub purse: f32,
    /// Presses the lips inward.
    pub press: f32,
    /// Shows the tongue between the teeth of an open mouth.
    pub tongue: f32,
    /// Closes the lids, `[left, right]`: 1 is closed.
    pub blink: [f32; 2],
    /// Widens the eyes.
    pub wide: f32,
    /// Raises the lower lids and narrows the eyes.
    pub squint: f32,
    /// Raises the brows, `[left, right]`; negative lowers them.
    pub brow_raise: [f32; 2],
    /// Draws the inner ends of the brows together and down.
    pub frown: f32,
    /// Raises the inner ends of the brows.
    pub worry: f32,
    /// Fills the cheeks with air.
    pub puff: f32,
    /// Wrinkles the nose.
    pub sneer: f32,
    /// Directions of the eyes: to larger x and down, radians.
    pub gaze: [f32; 2],
}

/// Both irises, pupils and whites.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Iris {
    /// Reflectance of the iris.
    pub color: Color,
    /// Radius of the pupil as a fraction of the iris.
    pub pupil: f32,
    /// Redness of the white, 0 to 1.
    pub redness: f32,
}

/// Hair on the head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hair {
    /// Whether there is hair on the head at all.
    pub style: HairStyle,
    /// Reflectance.
    pub color: Color,
    /// Fraction of gray hairs, 0 to 1.
    pub gray: f32,
    /// y of the hairline in the middle of the forehead; a fringe brings it down to the brows.
    pub line: f32,
    /// By how much the hairline is lower toward the temples.
    pub drop: f32,
    /// How far it recedes on both sides of the middle.
    pub recede: f32,
    /// x of the parting.
    pub parting: f32,
    /// y of the lower end of the sideburns.
    pub sideburn: f32,
    /// Amplitude of the irregular hairline.
    pub ragged: f32,
    /// Thickness above the crown.
    pub volume: f32,
    /// Thickness at the sides.
    pub side_volume: f32,
    /// How far the hair in front is combed to one side, −1 to 1.
    pub sweep: f32,
    /// Curliness, 0 for straight to 1 for frizzy.
    pub curl: f32,
    /// y of the end of long hair; below 1 for short hair.
    pub length: f32,
    /// Angle from the front at which long hair begins, radians.
    pub curtain: f32,
    /// Opacity: 1 for thick hair, less where the scalp shows.
    pub density: f32,
    /// Contrast of the strands, 0 to 1.
    pub strands: f32,
    /// Strength of the highlights, 0 to 1.
    pub gloss: f32,
}

/// Kinds of hair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HairStyle {
    /// No hair.
    Bald,
    /// Hair.
    Grown,
}

/// Hair on the face.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Beard {
    /// Opacity on cheeks and jaw, 0 to 1.
    pub cheeks: f32,
    /// Opacity on the chin, 0 to 1.
    pub chin: f32,
    /// Opacity on the upper lip, 0 to 1.
    pub moustache: f32,
    /// Length of the hairs, from 0 for stubble to 1 for a full beard.
    pub length: f32,
    /// By how much the upper edge on the cheeks is lower than average.
    pub line: f32,
}

impl Beard {
    /// Whether there is no beard.
    pub(crate) fn is_none(&self) -> bool {
        self.cheeks <= 0.0 && self.chin <= 0.0 && self.moustache <= 0.0
    }
}

/// Shape of the neckline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collar {
    /// No clothes in view.
    None,
    /// A round neckline.
    Round,
    /// A deep one.
    V,
    /// A turtleneck.
    High,
    /// A shirt with collar points.
    Shirt,
    /// A jacket over a shirt with a tie.
    Suit,
}

/// Clothes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clothes {
    /// Shape of the neckline.
    pub collar: Collar,
    /// Reflectance.
    pub color: Color,
    /// Reflectance of the stripes, or of the shirt under a jacket.
    pub second: Color,
    /// Reflectance of the tie.
    pub tie: Color,
    /// Stripes per eye unit, 0 for none.
    pub stripes: f32,
    /// Slant of the stripes.
    pub slant: f32,
}

/// A distant lamp.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lamp {
    /// Direction to the lamp in the viewer's frame (z toward the viewer), of any length.
    pub toward: [f32; 3],
    /// Light on a surface that faces the lamp.
    pub color: Color,
}

/// Light on the scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Light {
    /// The main light, which casts shadows.
    pub key: Lamp,
    /// Further lamps.
    pub fills: [Lamp; 2],
    /// Ambient light from above.
    pub sky: Color,
    /// Ambient light from below.
    pub ground: Color,
    /// Width of the edge of shadows in eye units.
    pub softness: f32,
}

/// What the crop of a face is taken around.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CropAround {
    /// The keypoints that are labeled, as [`fkp_core::CropRule::for_schema`] crops annotated
    /// photographs around theirs.
    #[default]
    Keypoints,
    /// Eyes and mouth, at their mean places in Kaggle's images, in the size of the head in front
    /// view: a turned face is narrower in the image than in [`Self::Keypoints`].
    EyesAndMouth,
    /// The bounding box of the 68 keypoints, whose longer side takes up this fraction of the
    /// image.
    FaceBox(f32),
}

/// Position of the face in the image, and the distance of the camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// What the crop is taken around.
    pub crop: CropAround,
    /// Size of the face; 1 is the size in an average crop.
    pub scale: f32,
    /// Shift of the face as a fraction of the side.
    pub shift: [f32; 2],
    /// Distance from the camera to the head in eye units: about 13 for an outstretched arm, 40
    /// for a portrait.
    pub distance: f32,
}

/// All parameters of one face, which [`render`](crate::render()) renders and
/// [`FaceDistribution::sample`](crate::FaceDistribution::sample) samples.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceParams {
    /// The orientation of the head.
    pub pose: Pose,
    /// Position of the face in the image, and the distance of the camera.
    pub view: View,
    /// Shape of skull, jaw and cheeks.
    pub head: Head,
    /// The skin.
    pub skin: Skin,
    /// The subject's left and right eye.
    pub eyes: [Eye; 2],
    /// Irises, pupils and whites.
    pub iris: Iris,
    /// The subject's left and right eyebrow.
    pub brows: [Brow; 2],
    /// The nose.
    pub nose: Nose,
    /// The mouth.
    pub mouth: Mouth,
    /// Movements of the face.
    pub expression: Expression,
    /// Hair on the head.
    pub hair: Hair,
    /// Hair on the face.
    pub beard: Beard,
    /// Clothes.
    pub clothes: Clothes,
    /// What covers parts of the face.
    pub accessories: Accessories,
    /// Light on the scene.
    pub light: Light,
    /// What is behind the head.
    pub background: Background,
    /// The camera.
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
        face.view.shift[0] = -face.view.shift[0];
        face.eyes.swap(0, 1);
        face.brows.swap(0, 1);
        face.nose.at[0] = -face.nose.at[0];
        face.mouth.at[0] = -face.mouth.at[0];
        let e = &mut face.expression;
        e.smile.swap(0, 1);
        e.blink.swap(0, 1);
        e.brow_raise.swap(0, 1);
        e.gaze[0] = -e.gaze[0];
        face.hair.parting = -face.hair.parting;
        face.hair.sweep = -face.hair.sweep;
        face.clothes.slant = -face.clothes.slant;
        let lamps = std::iter::once(&mut face.light.key).chain(&mut face.light.fills);
        for lamp in lamps {
            lamp.toward[0] = -lamp.toward[0];
        }
        face.accessories = face.accessories.mirrored();
        face.background = face.background.mirrored();
        face.camera = face.camera.mirrored();
        face.texture.mirrored = !face.texture.mirrored;
        face
    }
}
