//! The parameters of what is worn on the face, held to it or in front of it.

use crate::color::Color;

/// Everything that may cover parts of a face; `None` where it is absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Accessories {
    /// Glasses or sunglasses.
    pub glasses: Option<Glasses>,
    /// A mask over nose and mouth.
    pub mask: Option<Mask>,
    /// Something on the head.
    pub hat: Option<Hat>,
    /// Something around the neck.
    pub scarf: Option<Scarf>,
    /// A hand at or in front of the face.
    pub hand: Option<Hand>,
    /// Something held or worn at the face.
    pub object: Option<Object>,
    /// Something close to the camera, out of focus.
    pub foreground: Option<Foreground>,
}

/// Glasses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glasses {
    /// The outline of the lenses.
    pub shape: GlassesShape,
    /// Half the width and height of a lens.
    pub half_size: [f32; 2],
    /// Half the thickness of the rim seen from the front; 0 for rimless glasses.
    pub rim: f32,
    /// Half the height of the temples.
    pub temple: f32,
    /// Reflectance of the frame.
    pub color: Color,
    /// Reflectance of its spots, as of tortoiseshell.
    pub second: Color,
    /// Strength of the highlights of the frame, 0 to 1.
    pub gloss: f32,
    /// How far the glasses have slid down the nose.
    pub slide: f32,
    /// How much the front is curved around the face, 0 to 1.
    pub wrap: f32,
    /// The lenses.
    pub lens: Lens,
}

/// The outline of the lenses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlassesShape {
    /// A circle.
    Round,
    /// An ellipse.
    Oval,
    /// A rectangle with rounded corners.
    Rectangular,
    /// A drop that hangs outward.
    Aviator,
    /// Raised outer corners.
    CatEye,
    /// A rounded square with a rim that is thick above only.
    Browline,
}

/// The lenses of glasses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lens {
    /// The color of the light that a lens of full density lets through.
    pub color: Color,
    /// Density of the tint at the upper and lower edge: 0 for clear, 1 for all of `color`.
    pub density: [f32; 2],
    /// Strength of the reflections, 1 for glass without coating.
    pub glare: f32,
    /// Strength of a mirror coating, 0 to 1.
    pub mirror: f32,
    /// Color of the mirror coating.
    pub mirror_color: Color,
    /// A bright window behind the camera that is mirrored in the lenses: direction to the right and
    /// down, half its width and height.
    pub window: [f32; 4],
    /// Brightness of the window.
    pub window_light: f32,
}

/// A mask over nose and mouth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mask {
    /// The kind.
    pub kind: MaskKind,
    /// y of the upper edge in the middle: about 0.5 on the bridge of the nose, 1.65 below the nose,
    /// 2.9 under the mouth.
    pub top: f32,
    /// Where the side edges are, from 0 in the middle of the face to 1 at the ears.
    pub width: f32,
    /// How far the mask stands off the mouth.
    pub puff: f32,
    /// Its cloth.
    pub fabric: Fabric,
}

/// Kinds of masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaskKind {
    /// Pleated, of paper-like fleece.
    Surgical,
    /// Sewn of cloth.
    Cloth,
    /// With a fold in the middle, standing off the mouth.
    Respirator,
}

/// Something on the head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hat {
    /// The kind.
    pub kind: HatKind,
    /// y of the lower edge in the middle of the forehead.
    pub line: f32,
    /// How far the left side is lower than the right.
    pub lean: f32,
    /// Distance from the head.
    pub fit: f32,
    /// Height above the head, as a multiple of the usual.
    pub height: f32,
    /// Length of the brim, or height of the cuff.
    pub brim: f32,
    /// How far the brim bends down at its sides.
    pub curvature: f32,
    /// Its cloth.
    pub fabric: Fabric,
    /// Reflectance of brim, cuff, ribbon or emblem.
    pub trim: Color,
    /// Strength of the highlights, 0 to 1.
    pub gloss: f32,
}

/// Kinds of hats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HatKind {
    /// A baseball cap.
    Cap,
    /// A baseball cap with the brim at the back.
    CapBackward,
    /// A knitted hat.
    Beanie,
    /// A hat with a brim all around.
    Brimmed,
    /// A hard hat, or a helmet for riding.
    Helmet,
    /// A wound cloth.
    Turban,
    /// A band around the head; the hair stays.
    Headband,
    /// A headscarf that covers hair, ears and neck.
    Hijab,
    /// The hood of a jacket.
    Hood,
}

/// Something around the neck.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scarf {
    /// The kind.
    pub kind: ScarfKind,
    /// y of the upper edge in front: 3.9 below the chin, 2.9 over it, 1.6 over the mouth.
    pub top: f32,
    /// Thickness.
    pub thickness: f32,
    /// Its cloth.
    pub fabric: Fabric,
}

/// Kinds of cloth around the neck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScarfKind {
    /// A scarf wound around the neck.
    Scarf,
    /// A high collar of a coat, open in front.
    Collar,
}

/// A hand at or in front of the face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hand {
    /// The point of the face, `[x, y]`, that the knuckles of the middle finger are over.
    pub at: [f32; 2],
    /// Direction of the fingers: 0 is up, positive is toward larger x, radians.
    pub angle: f32,
    /// Distance from the face; 0 touches it.
    pub lift: f32,
    /// Size; 1 is average.
    pub size: f32,
    /// Whether the thumb is on the side of larger x when the fingers point up.
    pub thumb_at_larger_x: bool,
    /// How far each finger is folded, from the index to the little finger, 0 to 1.
    pub curl: [f32; 4],
    /// How far the fingers are apart, 0 to 1.
    pub spread: f32,
    /// Angle between thumb and hand, radians.
    pub thumb: f32,
    /// The arm.
    pub wrist: Wrist,
    /// Nail polish: opacity and color.
    pub polish: (f32, Color),
}

/// The arm that a hand belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wrist {
    /// By how much the arm is turned against the hand toward larger x, radians.
    pub angle: f32,
    /// Distance from the wrist to the end of the sleeve.
    pub bare: f32,
    /// The sleeve.
    pub sleeve: Fabric,
}

/// Something held to the face or worn at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Object {
    /// The kind.
    pub kind: ObjectKind,
    /// The point of the face, `[x, y]`, where its tip, its rim or its middle is.
    pub at: [f32; 2],
    /// Distance from the face.
    pub lift: f32,
    /// Direction from the tip to the other end: 0 is down, positive toward larger x, radians.
    pub angle: f32,
    /// By how much that end is nearer to the viewer, radians.
    pub forward: f32,
    /// Size; 1 is average.
    pub size: f32,
    /// Whether a hand of the subject holds it.
    pub held: bool,
    /// Its colors and pattern.
    pub fabric: Fabric,
    /// Strength of the highlights, 0 to 1.
    pub gloss: f32,
    /// The sleeve of the arm that holds it.
    pub sleeve: Fabric,
}

/// Kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// A microphone with a ball.
    Microphone,
    /// A slim microphone.
    StickMicrophone,
    /// A microphone on a thin arm from the ear, with a band over the head.
    Headset,
    /// A phone at the ear.
    Phone,
    /// A cup or a can.
    Cup,
    /// A bottle.
    Bottle,
    /// A cigarette, a straw or a pen.
    Cigarette,
    /// A flat thing, such as a book or a sheet of paper.
    Board,
}

/// Something close to the camera, out of focus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Foreground {
    /// The outline.
    pub shape: ForegroundShape,
    /// Its middle as a fraction of the side of the image, from the middle of the image.
    pub at: [f32; 2],
    /// Direction: for an edge, of its outward normal; 0 is to the right, positive is clockwise.
    pub angle: f32,
    /// Half its size as a fraction of the side; for bars and leaves, that of one of them.
    pub size: f32,
    /// Width of its blurred edge as a fraction of the side.
    pub blur: f32,
    /// Color.
    pub color: Color,
    /// Color of its spots.
    pub second: Color,
    /// Offset of its irregular pattern.
    pub variant: f32,
}

/// The outline of something close to the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForegroundShape {
    /// Everything beyond a line: the edge of a wall, a door or a person.
    Edge,
    /// A round thing, as the head of somebody in front.
    Disk,
    /// Parallel bars.
    Bars,
    /// Leaves.
    Leaves,
    /// A rectangle.
    Block,
}

/// Cloth of two colors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fabric {
    /// Reflectance.
    pub color: Color,
    /// Reflectance of the pattern.
    pub second: Color,
    /// The pattern.
    pub pattern: Pattern,
    /// Repetitions of the pattern per eye unit.
    pub scale: f32,
}

/// Patterns of cloth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// One color.
    Plain,
    /// Stripes along the first coordinate.
    Stripes,
    /// Crossing stripes.
    Checks,
    /// Dots.
    Dots,
    /// Irregular patches, as of flowers or camouflage.
    Print,
    /// Knitted ribs.
    Knit,
}
