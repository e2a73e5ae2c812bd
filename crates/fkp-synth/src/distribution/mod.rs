//! The distributions that faces are sampled from.
//!
//! Everything that is random is in [`FaceDistribution`], a tree of plain structs, one per part of
//! the face. The proportions are those of the anthropometric literature (Farkas, *Anthropometry of
//! the Head and Face*, 1994), the rest is chosen by hand: no number was fitted on photographs.

mod accessories;
mod expression;
mod hair;
mod head;
mod held;
mod light;
mod person;
mod view;
mod worn;

pub use accessories::{AccessoriesDistribution, ClothesDistribution};
pub use expression::{ExpressionDistribution, Movement};
pub use hair::{BeardDistribution, HairDistribution};
pub use head::{
    BrowDistribution, EyeDistribution, HeadDistribution, MouthDistribution, NoseDistribution,
    SkinDistribution,
};
pub use held::{ForegroundDistribution, HandDistribution, ObjectDistribution};
pub use light::LightDistribution;
pub use person::PersonDistribution;
pub use view::{PoseDistribution, ViewDistribution};
pub use worn::{GlassesDistribution, HatDistribution, MaskDistribution, ScarfDistribution};

use crate::background::BackgroundDistribution;
use crate::camera::CameraDistribution;
use crate::distributions::Sampler;
use crate::error::SynthError;
use crate::params::{FaceParams, Skin, Texture};
use fkp_core::Rng;
use serde::{Deserialize, Serialize};

/// An approximately normal distribution, cut at three standard deviations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normal {
    /// Mean.
    pub mean: f32,
    /// Standard deviation.
    pub deviation: f32,
}

impl Normal {
    const fn new(mean: f32, deviation: f32) -> Self {
        Self { mean, deviation }
    }

    fn sample(&self, sampler: &mut Sampler) -> f32 {
        sampler.approx_normal(self.mean, self.deviation)
    }
}

/// A uniform distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uniform {
    /// Lowest value.
    pub low: f32,
    /// Highest value.
    pub high: f32,
}

impl Uniform {
    const fn new(low: f32, high: f32) -> Self {
        Self { low, high }
    }

    fn sample(&self, sampler: &mut Sampler) -> f32 {
        sampler.uniform(self.low, self.high)
    }
}

/// A probability, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Probability(pub f32);

impl Probability {
    fn sample(&self, sampler: &mut Sampler) -> bool {
        sampler.bernoulli(self.0)
    }
}

/// What a field of a distribution can be checked for.
trait Checked {
    fn check(&self, field: &str) -> Result<(), SynthError>;
}

/// The name of a field of the distribution at a path, which is empty for [`FaceDistribution`] itself.
fn field_path(path: &str, field: &str) -> String {
    match path {
        "" => field.to_owned(),
        _ => format!("{path}.{field}"),
    }
}

fn refused(field: &str, expected: &'static str, value: f32) -> Result<(), SynthError> {
    Err(SynthError::OutOfRange {
        field: field.to_owned(),
        expected,
        value: value.into(),
    })
}

impl Checked for Normal {
    fn check(&self, field: &str) -> Result<(), SynthError> {
        let Self { mean, deviation } = *self;
        if !mean.is_finite() {
            return refused(field, "a distribution with a finite mean", mean);
        }
        if !(deviation.is_finite() && deviation >= 0.0) {
            let expected = "a distribution with a standard deviation of at least 0";
            return refused(field, expected, deviation);
        }
        Ok(())
    }
}

impl Checked for Uniform {
    fn check(&self, field: &str) -> Result<(), SynthError> {
        let expected = "a range of finite numbers, the lower first";
        if !self.low.is_finite() || self.low > self.high {
            return refused(field, expected, self.low);
        }
        if !self.high.is_finite() {
            return refused(field, expected, self.high);
        }
        Ok(())
    }
}

impl Checked for Probability {
    fn check(&self, field: &str) -> Result<(), SynthError> {
        if (0.0..=1.0).contains(&self.0) {
            Ok(())
        } else {
            refused(field, "a probability between 0 and 1", self.0)
        }
    }
}

impl Checked for BackgroundDistribution {
    fn check(&self, _: &str) -> Result<(), SynthError> {
        self.validate()
    }
}

impl Checked for CameraDistribution {
    fn check(&self, _: &str) -> Result<(), SynthError> {
        self.validate()
    }
}

/// Declares a struct of distributions with its defaults, and a check of all its fields.
macro_rules! distribution {
    (
        $(#[$doc:meta])*
        $name:ident {
            $($(#[$field_doc:meta])* $field:ident: $kind:ty = $default:expr,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::distribution::Checked for $name {
            fn check(&self, path: &str) -> Result<(), $crate::error::SynthError> {
                $($crate::distribution::Checked::check(
                    &self.$field,
                    &$crate::distribution::field_path(path, stringify!($field)),
                )?;)*
                Ok(())
            }
        }
    };
}
pub(crate) use distribution;

distribution! {
    /// The distribution of all that a face consists of.
    FaceDistribution {
        /// Sex, age and ancestry, which the other parts depend on.
        person: PersonDistribution = PersonDistribution::default(),
        /// The orientation of the head.
        pose: PoseDistribution = PoseDistribution::default(),
        /// Size and position of the face, and the distance of the camera.
        view: ViewDistribution = ViewDistribution::default(),
        /// Skull, jaw and cheeks.
        head: HeadDistribution = HeadDistribution::default(),
        /// Skin.
        skin: SkinDistribution = SkinDistribution::default(),
        /// Eyes.
        eyes: EyeDistribution = EyeDistribution::default(),
        /// Eyebrows.
        brows: BrowDistribution = BrowDistribution::default(),
        /// Nose.
        nose: NoseDistribution = NoseDistribution::default(),
        /// Mouth.
        mouth: MouthDistribution = MouthDistribution::default(),
        /// Movements of the face.
        expression: ExpressionDistribution = ExpressionDistribution::default(),
        /// Hair on the head.
        hair: HairDistribution = HairDistribution::default(),
        /// Hair on the face.
        beard: BeardDistribution = BeardDistribution::default(),
        /// Clothes.
        clothes: ClothesDistribution = ClothesDistribution::default(),
        /// What covers parts of the face.
        accessories: AccessoriesDistribution = AccessoriesDistribution::default(),
        /// Light.
        light: LightDistribution = LightDistribution::default(),
        /// What is behind the head.
        background: BackgroundDistribution = BackgroundDistribution::default(),
        /// The camera.
        camera: CameraDistribution = CameraDistribution::default(),
    }
}

impl FaceDistribution {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn validate(&self) -> Result<(), SynthError> {
        self.check("")
    }

    /// A random face. The same generator state gives the same face.
    pub fn sample(&self, rng: &mut dyn Rng) -> FaceParams {
        let sampler = &mut Sampler::new(rng);
        let person = self.person.sample(sampler);
        let pose = self.pose.sample(sampler);
        let view = self.view.sample(sampler);
        let head = self.head.sample(&person, sampler);
        let skin = self.skin.sample(&person, sampler);
        let (eyes, iris) = self.eyes.sample(&person, sampler);
        let brows = self.brows.sample(&person, sampler);
        let nose = self.nose.sample(&person, sampler);
        let mouth = self.mouth.sample(&person, sampler);
        let expression = self.expression.sample(&pose, sampler);
        let hair = self.hair.sample(&person, sampler);
        let beard = self.beard.sample(&person, sampler);
        let clothes = self.clothes.sample(&person, sampler);
        let light = self.light.sample(sampler);
        let background = self.background.sample_with(sampler);
        let mut camera = self.camera.sample_with(sampler);
        camera.color.exposure += brighter_for(&skin);
        let texture = Texture {
            seed: sampler.bits() as u32,
            mirrored: false,
        };
        // Last, so that a face is the same with and without them.
        let accessories = self.accessories.sample(&person, sampler);
        FaceParams {
            pose,
            view,
            head,
            skin,
            eyes,
            iris,
            brows,
            nose,
            mouth,
            expression,
            hair,
            beard,
            clothes,
            accessories,
            light,
            background,
            camera,
            texture,
        }
    }
}

/// By how many stops a camera that measures the light from the face exposes skin longer: half of
/// what would make all skin equally bright.
fn brighter_for(skin: &Skin) -> f32 {
    const AVERAGE: f32 = 0.36;
    let [r, g, b] = crate::paint::skin::base(skin);
    let luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    0.5 * (AVERAGE / luminance.max(0.01)).log2()
}
