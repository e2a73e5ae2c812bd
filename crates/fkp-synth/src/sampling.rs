//! The random distributions of all face parameters.

use crate::config::Variation;
use crate::distributions::Sampler;
use crate::params::{
    Background, Beard, Brow, Camera, Eye, FaceParams, Glasses, Hair, Head, Light, Mouth, Nose,
    Patch, Pose, Skin, Texture,
};
use fkp_core::Rng;

/// Properties of a person on which several parameters depend.
struct Person {
    /// 0 for a typical man, 1 for a typical woman.
    feminine: f32,
    /// 0 for a young adult, 1 for old.
    age: f32,
    skin_tone: f32,
    hair_tone: f32,
    smile: f32,
    raised_brows: f32,
}

impl FaceParams {
    /// A random face with the default [`Variation`]. The same generator state gives the same face.
    pub fn sample(rng: &mut dyn Rng) -> Self {
        Self::sample_within(&Variation::default(), rng)
    }

    /// A random face whose pose, size and position are within `variation`.
    pub fn sample_within(variation: &Variation, rng: &mut dyn Rng) -> Self {
        let sampler = &mut Sampler::new(rng);
        let person = person(sampler);
        let pose = pose(variation, sampler);
        let camera = camera(variation, sampler);
        let head = head(&person, sampler);
        let (eyes, gaze, iris_tone) = eyes(&person, sampler);
        Self {
            pose,
            head,
            skin: Skin {
                tone: person.skin_tone,
                gloss: sampler.uniform(0.02, 0.2),
                age: person.age * sampler.uniform(0.5, 1.0),
                mottle: sampler.uniform(0.01, 0.08),
            },
            eyes,
            gaze,
            iris_tone,
            brows: brows(&person, sampler),
            nose: nose(&person, sampler),
            mouth: mouth(&person, sampler),
            hair: hair(&person, sampler),
            beard: beard(&person, sampler),
            glasses: glasses(sampler),
            light: light(sampler),
            background: background(sampler),
            camera,
            texture: Texture {
                seed: sampler.bits() as u32,
                mirrored: false,
            },
        }
    }
}

fn person(sampler: &mut Sampler) -> Person {
    let feminine = f32::from(u8::from(sampler.bernoulli(0.5)));
    let age = sampler.unit_uniform().powi(2);
    // Two groups, so that dark skin is sampled over as wide a range as light skin.
    let light_skin = sampler.bernoulli(0.65);
    let (light, dark) = (sampler.uniform(0.55, 0.8), sampler.uniform(0.28, 0.55));
    let skin_tone = if light_skin { light } else { dark };
    let fair_hair = sampler.uniform(0.25, 0.75);
    let dark_hair = sampler.uniform(0.04, 0.22);
    let gray = sampler.bernoulli(0.6 * age);
    let fair = sampler.bernoulli(0.4) && light_skin;
    Person {
        feminine: (feminine + sampler.triangular(0.35)).clamp(0.0, 1.0),
        age,
        skin_tone,
        hair_tone: if gray || fair { fair_hair } else { dark_hair },
        smile: sampler.uniform(-0.6, 1.0).max(0.0),
        raised_brows: sampler.approx_normal(0.0, 0.4).max(-0.6),
    }
}

fn pose(variation: &Variation, sampler: &mut Sampler) -> Pose {
    let mut angle = |degrees: f32| sampler.triangular(degrees).to_radians();
    Pose {
        yaw: angle(variation.yaw_degrees),
        pitch: angle(variation.pitch_degrees),
        roll: angle(variation.roll_degrees),
    }
}

fn camera(variation: &Variation, sampler: &mut Sampler) -> Camera {
    let (blurred, blur) = (sampler.bernoulli(0.5), sampler.uniform(0.003, 0.011));
    Camera {
        scale: sampler.triangular(variation.scale).exp(),
        shift: [
            sampler.triangular(variation.shift),
            sampler.triangular(variation.shift),
        ],
        blur: if blurred { blur } else { 0.0 },
        noise: sampler.uniform(0.0, 1.0).powi(2) * 7.0,
        contrast: sampler.uniform(0.75, 1.25),
        brightness: sampler.approx_normal(0.0, 0.05),
    }
}

fn head(person: &Person, sampler: &mut Sampler) -> Head {
    let man = 1.0 - person.feminine;
    Head {
        half_width: sampler.approx_normal(2.14, 0.09) + 0.06 * man,
        middle: sampler.approx_normal(0.35, 0.1),
        crown: sampler.approx_normal(4.0, 0.15),
        jaw: sampler.approx_normal(2.98, 0.12) + 0.15 * man,
        squareness: sampler.approx_normal(-0.05, 0.12) + 0.25 * man,
        depth: sampler.approx_normal(2.35, 0.1),
        jaw_forward: sampler.approx_normal(0.75, 0.1),
        cheekbones: sampler.approx_normal(0.16, 0.05),
        ears: sampler.approx_normal(1.0, 0.12),
    }
}

fn eyes(person: &Person, sampler: &mut Sampler) -> ([Eye; 2], [f32; 2], f32) {
    let blink = sampler.bernoulli(0.03);
    let wide = sampler.approx_normal(1.0, 0.16) - 0.3 * person.smile + 0.1 * person.raised_brows;
    let open = if blink { 0.08 } else { wide.max(0.45) };
    let apart = sampler.approx_normal(1.0, 0.03);
    let half_width = sampler.approx_normal(0.385, 0.018);
    let tilt = sampler.approx_normal(0.02, 0.06);
    let iris = sampler.approx_normal(0.185, 0.008);
    let lashes = sampler.uniform(0.35, 0.7) + 0.3 * person.feminine;
    let mut eye = || {
        let open = open * sampler.approx_normal(1.0, 0.04);
        Eye {
            at: [
                apart + sampler.approx_normal(0.0, 0.008),
                sampler.approx_normal(0.05, 0.015),
            ],
            half_width: half_width * sampler.approx_normal(1.0, 0.015),
            upper_lid: 0.205 * open,
            lower_lid: 0.105 * open + 0.01,
            tilt: tilt + sampler.approx_normal(0.0, 0.015),
            iris,
            lashes,
        }
    };
    let both = [eye(), eye()];
    let gaze = [
        sampler.approx_normal(0.0, 0.045),
        sampler.approx_normal(-0.01, 0.015),
    ];
    let brown = sampler.bernoulli(0.65) || person.skin_tone < 0.5;
    let (dark, light) = (sampler.uniform(0.05, 0.16), sampler.uniform(0.2, 0.42));
    let tone = if brown { dark } else { light };
    (both, gaze, tone)
}

fn brows(person: &Person, sampler: &mut Sampler) -> [Brow; 2] {
    let raised = -0.1 * person.raised_brows;
    let inner = [
        sampler.approx_normal(0.46, 0.045),
        sampler.approx_normal(-0.41, 0.05) + raised,
    ];
    let outer = [
        sampler.approx_normal(1.74, 0.06),
        sampler.approx_normal(-0.36, 0.06) + raised,
    ];
    let arch = sampler.approx_normal(0.16, 0.05) + 0.06 * person.feminine;
    let thickness = sampler.approx_normal(0.085, 0.015) + 0.035 * (1.0 - person.feminine);
    let density = sampler.uniform(0.5, 0.95);
    let mut brow = || Brow {
        inner: [
            inner[0] + sampler.approx_normal(0.0, 0.012),
            inner[1] + sampler.approx_normal(0.0, 0.012),
        ],
        outer: [
            outer[0] + sampler.approx_normal(0.0, 0.012),
            outer[1] + sampler.approx_normal(0.0, 0.012),
        ],
        arch: arch + sampler.approx_normal(0.0, 0.012),
        thickness,
        density,
    };
    [brow(), brow()]
}

fn nose(person: &Person, sampler: &mut Sampler) -> Nose {
    Nose {
        at: [
            sampler.approx_normal(0.0, 0.02),
            sampler.approx_normal(1.13, 0.09),
        ],
        width: sampler.approx_normal(1.0, 0.1) + 0.12 * (1.0 - person.feminine),
        protrusion: sampler.approx_normal(1.0, 0.12),
        bridge: sampler.approx_normal(1.0, 0.15),
    }
}

fn mouth(person: &Person, sampler: &mut Sampler) -> Mouth {
    let smile = person.smile;
    let speaking = sampler.bernoulli(0.15);
    let laughing = sampler.bernoulli(0.65) && smile > 0.25;
    let gap = sampler.uniform(0.12, 0.36) * f32::from(u8::from(laughing))
        + sampler.uniform(0.05, 0.45) * f32::from(u8::from(speaking));
    let line = sampler.approx_normal(2.15, 0.06);
    let (upper, lower) = (
        sampler.approx_normal(0.17, 0.03),
        sampler.approx_normal(0.26, 0.04),
    );
    let full = 1.0 + 0.15 * person.feminine - 0.25 * smile;
    let corner = line + 0.01 - 0.2 * smile + 0.3 * gap + sampler.approx_normal(0.0, 0.02);
    let (shows_teeth, teeth) = (sampler.bernoulli(0.85), sampler.uniform(0.12, 0.26));
    let inner_top = line - 0.25 * gap;
    let inner_bottom = line + 0.75 * gap;
    Mouth {
        x: sampler.approx_normal(0.0, 0.02),
        half_width: sampler.approx_normal(0.75, 0.04) + 0.24 * smile - 0.1 * gap,
        corners: [
            corner + sampler.approx_normal(0.0, 0.015),
            corner + sampler.approx_normal(0.0, 0.015),
        ],
        top: inner_top - upper * full,
        bottom: inner_bottom + lower * full,
        inner_top,
        inner_bottom,
        bow: sampler.unit_uniform(),
        tone: sampler.uniform(0.6, 0.88) - 0.15 * person.feminine * sampler.unit_uniform(),
        teeth: if shows_teeth { teeth } else { 0.0 },
    }
}

fn hair(person: &Person, sampler: &mut Sampler) -> Hair {
    let bald = sampler.bernoulli((0.08 + 0.2 * person.age) * (1.0 - person.feminine));
    let long = sampler.bernoulli(0.05 + 0.75 * person.feminine);
    let fringe = sampler.bernoulli(0.12 + 0.18 * person.feminine);
    let recede = sampler.uniform(0.0, 0.5) * (1.0 - person.feminine) * (0.4 + person.age);
    let line = sampler.approx_normal(-1.95, 0.16);
    let fringe_line = sampler.approx_normal(-0.85, 0.2);
    let drop = sampler.approx_normal(0.36, 0.05);
    let volume = sampler.uniform(0.06, 0.4) + 0.15 * person.feminine;
    let (short_length, long_length) = (sampler.uniform(-0.3, 0.6), sampler.uniform(1.5, 5.0));
    let curtain = sampler.uniform(1.75, 2.3);
    let mut hair = Hair {
        line: line - 0.2 * recede,
        drop,
        recede,
        parting: sampler.triangular(1.2),
        ragged: sampler.uniform(0.02, 0.1),
        volume,
        length: if long { long_length } else { short_length },
        curtain: if long { curtain } else { f32::INFINITY },
        tone: person.hair_tone,
        strands: sampler.uniform(0.3, 0.9),
    };
    if bald {
        hair.line = -4.5;
        hair.drop = 0.0;
        hair.recede = 0.0;
        hair.volume = 0.0;
        hair.length = -9.0;
        hair.curtain = f32::INFINITY;
    } else if fringe {
        hair.line = fringe_line;
        hair.drop = 0.12;
        hair.recede = 0.0;
        hair.ragged += 0.08;
    }
    hair
}

fn beard(person: &Person, sampler: &mut Sampler) -> Beard {
    let (has, only_moustache) = (sampler.bernoulli(0.35), sampler.bernoulli(0.2));
    let (full, moustache) = (sampler.unit_uniform(), sampler.unit_uniform());
    if person.feminine > 0.4 || !has {
        return Beard::default();
    }
    Beard {
        full: if only_moustache { 0.0 } else { full * full },
        moustache: 0.2 + 0.7 * moustache,
    }
}

fn glasses(sampler: &mut Sampler) -> Option<Glasses> {
    let worn = sampler.bernoulli(0.16);
    let height = sampler.uniform(0.36, 0.56);
    let glasses = Glasses {
        half_size: [sampler.uniform(0.64, 0.78), height],
        rounding: sampler.uniform(0.12, 0.95) * height,
        rim: sampler.uniform(0.02, 0.065),
        tone: sampler.unit_uniform().powi(2) * 0.6,
        tint: sampler.unit_uniform().powi(3) * 0.5,
        glare: sampler.unit_uniform().powi(2) * 0.5,
    };
    worn.then_some(glasses)
}

fn light(sampler: &mut Sampler) -> Light {
    let (side, up) = (sampler.triangular(1.3), sampler.uniform(-1.0, 0.15));
    let hard = sampler.uniform(0.25, 0.85);
    Light {
        toward: [side, up, 1.0],
        direct: hard,
        ambient: 1.08 - 0.85 * hard + sampler.triangular(0.1),
    }
}

fn background(sampler: &mut Sampler) -> Background {
    let mut patch = || Patch {
        at: [sampler.unit_uniform(), sampler.unit_uniform()],
        half_size: [sampler.uniform(0.03, 0.4), sampler.uniform(0.03, 0.5)],
        softness: sampler.uniform(0.01, 0.15),
        tone: sampler.triangular(0.45),
    };
    let patches = [patch(), patch(), patch(), patch()];
    Background {
        tone: sampler.uniform(0.08, 0.9),
        slope: [sampler.triangular(0.5), sampler.triangular(0.5)],
        patches,
        clothes: sampler.uniform(0.05, 0.9),
    }
}
