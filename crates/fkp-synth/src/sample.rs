//! Random faces: how often which parameters occur.

use crate::config::Variation;
use crate::draw::Draw;
use crate::params::{
    Backdrop, Beard, Brow, Camera, Eye, FaceParams, Glasses, Hair, Head, Light, Mouth, Nose, Patch,
    Pose, Skin, Texture,
};
use fkp_core::Rng;

/// What several parameters of one person have in common, so that they go together.
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
    /// A random face within the default [`Variation`]. Same generator state, same face.
    pub fn sample(rng: &mut dyn Rng) -> Self {
        Self::sample_within(&Variation::default(), rng)
    }

    /// A random face whose pose and framing stay within `variation`.
    pub fn sample_within(variation: &Variation, rng: &mut dyn Rng) -> Self {
        let draw = &mut Draw::new(rng);
        let person = person(draw);
        let pose = pose(variation, draw);
        let camera = camera(variation, draw);
        let head = head(&person, draw);
        let (eyes, gaze, iris_tone) = eyes(&person, draw);
        Self {
            pose,
            head,
            skin: Skin {
                tone: person.skin_tone,
                gloss: draw.between(0.02, 0.2),
                age: person.age * draw.between(0.5, 1.0),
                mottle: draw.between(0.01, 0.08),
            },
            eyes,
            gaze,
            iris_tone,
            brows: brows(&person, draw),
            nose: nose(&person, draw),
            mouth: mouth(&person, draw),
            hair: hair(&person, draw),
            beard: beard(&person, draw),
            glasses: glasses(draw),
            light: light(draw),
            backdrop: backdrop(draw),
            camera,
            texture: Texture {
                seed: draw.bits() as u32,
                mirrored: false,
            },
        }
    }
}

fn person(draw: &mut Draw) -> Person {
    let feminine = f32::from(u8::from(draw.chance(0.5)));
    let age = draw.unit().powi(2);
    // Two broad groups, so that dark skin is as well covered as light.
    let light_skin = draw.chance(0.65);
    let (light, dark) = (draw.between(0.55, 0.8), draw.between(0.28, 0.55));
    let skin_tone = if light_skin { light } else { dark };
    let fair_hair = draw.between(0.25, 0.75);
    let dark_hair = draw.between(0.04, 0.22);
    let gray = draw.chance(0.6 * age);
    let fair = draw.chance(0.4) && light_skin;
    Person {
        feminine: (feminine + draw.tent(0.35)).clamp(0.0, 1.0),
        age,
        skin_tone,
        hair_tone: if gray || fair { fair_hair } else { dark_hair },
        smile: draw.between(-0.6, 1.0).max(0.0),
        raised_brows: draw.bell(0.0, 0.4).max(-0.6),
    }
}

fn pose(variation: &Variation, draw: &mut Draw) -> Pose {
    let mut angle = |degrees: f32| draw.tent(degrees).to_radians();
    Pose {
        yaw: angle(variation.yaw_degrees),
        pitch: angle(variation.pitch_degrees),
        roll: angle(variation.roll_degrees),
    }
}

fn camera(variation: &Variation, draw: &mut Draw) -> Camera {
    let (blurred, blur) = (draw.chance(0.5), draw.between(0.003, 0.011));
    Camera {
        scale: draw.tent(variation.scale).exp(),
        shift: [draw.tent(variation.shift), draw.tent(variation.shift)],
        blur: if blurred { blur } else { 0.0 },
        noise: draw.between(0.0, 1.0).powi(2) * 7.0,
        contrast: draw.between(0.75, 1.25),
        brightness: draw.bell(0.0, 0.05),
    }
}

fn head(person: &Person, draw: &mut Draw) -> Head {
    let man = 1.0 - person.feminine;
    Head {
        half_width: draw.bell(2.14, 0.09) + 0.06 * man,
        middle: draw.bell(0.35, 0.1),
        crown: draw.bell(4.0, 0.15),
        jaw: draw.bell(2.98, 0.12) + 0.15 * man,
        squareness: draw.bell(-0.05, 0.12) + 0.25 * man,
        depth: draw.bell(2.35, 0.1),
        jaw_forward: draw.bell(0.75, 0.1),
        cheekbones: draw.bell(0.16, 0.05),
        ears: draw.bell(1.0, 0.12),
    }
}

fn eyes(person: &Person, draw: &mut Draw) -> ([Eye; 2], [f32; 2], f32) {
    let blink = draw.chance(0.03);
    let wide = draw.bell(1.0, 0.16) - 0.3 * person.smile + 0.1 * person.raised_brows;
    let open = if blink { 0.08 } else { wide.max(0.45) };
    let apart = draw.bell(1.0, 0.03);
    let half_width = draw.bell(0.385, 0.018);
    let tilt = draw.bell(0.02, 0.06);
    let iris = draw.bell(0.185, 0.008);
    let lashes = draw.between(0.35, 0.7) + 0.3 * person.feminine;
    let mut eye = || {
        let open = open * draw.bell(1.0, 0.04);
        Eye {
            at: [apart + draw.bell(0.0, 0.008), draw.bell(0.05, 0.015)],
            half_width: half_width * draw.bell(1.0, 0.015),
            upper_lid: 0.205 * open,
            lower_lid: 0.105 * open + 0.01,
            tilt: tilt + draw.bell(0.0, 0.015),
            iris,
            lashes,
        }
    };
    let both = [eye(), eye()];
    let gaze = [draw.bell(0.0, 0.045), draw.bell(-0.01, 0.015)];
    let brown = draw.chance(0.65) || person.skin_tone < 0.5;
    let (dark, light) = (draw.between(0.05, 0.16), draw.between(0.2, 0.42));
    let tone = if brown { dark } else { light };
    (both, gaze, tone)
}

fn brows(person: &Person, draw: &mut Draw) -> [Brow; 2] {
    let raised = -0.1 * person.raised_brows;
    let inner = [draw.bell(0.46, 0.045), draw.bell(-0.41, 0.05) + raised];
    let outer = [draw.bell(1.74, 0.06), draw.bell(-0.36, 0.06) + raised];
    let arch = draw.bell(0.16, 0.05) + 0.06 * person.feminine;
    let thickness = draw.bell(0.085, 0.015) + 0.035 * (1.0 - person.feminine);
    let density = draw.between(0.5, 0.95);
    let mut brow = || Brow {
        inner: [
            inner[0] + draw.bell(0.0, 0.012),
            inner[1] + draw.bell(0.0, 0.012),
        ],
        outer: [
            outer[0] + draw.bell(0.0, 0.012),
            outer[1] + draw.bell(0.0, 0.012),
        ],
        arch: arch + draw.bell(0.0, 0.012),
        thickness,
        density,
    };
    [brow(), brow()]
}

fn nose(person: &Person, draw: &mut Draw) -> Nose {
    Nose {
        at: [draw.bell(0.0, 0.02), draw.bell(1.13, 0.09)],
        width: draw.bell(1.0, 0.1) + 0.12 * (1.0 - person.feminine),
        protrusion: draw.bell(1.0, 0.12),
        bridge: draw.bell(1.0, 0.15),
    }
}

fn mouth(person: &Person, draw: &mut Draw) -> Mouth {
    let smile = person.smile;
    let speaking = draw.chance(0.15);
    let laughing = draw.chance(0.65) && smile > 0.25;
    let gap = draw.between(0.12, 0.36) * f32::from(u8::from(laughing))
        + draw.between(0.05, 0.45) * f32::from(u8::from(speaking));
    let line = draw.bell(2.15, 0.06);
    let (upper, lower) = (draw.bell(0.17, 0.03), draw.bell(0.26, 0.04));
    let full = 1.0 + 0.15 * person.feminine - 0.25 * smile;
    let corner = line + 0.01 - 0.2 * smile + 0.3 * gap + draw.bell(0.0, 0.02);
    let (shows_teeth, teeth) = (draw.chance(0.85), draw.between(0.12, 0.26));
    let inner_top = line - 0.25 * gap;
    let inner_bottom = line + 0.75 * gap;
    Mouth {
        x: draw.bell(0.0, 0.02),
        half_width: draw.bell(0.75, 0.04) + 0.24 * smile - 0.1 * gap,
        corners: [
            corner + draw.bell(0.0, 0.015),
            corner + draw.bell(0.0, 0.015),
        ],
        top: inner_top - upper * full,
        bottom: inner_bottom + lower * full,
        inner_top,
        inner_bottom,
        bow: draw.unit(),
        tone: draw.between(0.6, 0.88) - 0.15 * person.feminine * draw.unit(),
        teeth: if shows_teeth { teeth } else { 0.0 },
    }
}

fn hair(person: &Person, draw: &mut Draw) -> Hair {
    let bald = draw.chance((0.08 + 0.2 * person.age) * (1.0 - person.feminine));
    let long = draw.chance(0.05 + 0.75 * person.feminine);
    let fringe = draw.chance(0.12 + 0.18 * person.feminine);
    let recede = draw.between(0.0, 0.5) * (1.0 - person.feminine) * (0.4 + person.age);
    let line = draw.bell(-1.95, 0.16);
    let fringe_line = draw.bell(-0.85, 0.2);
    let drop = draw.bell(0.36, 0.05);
    let volume = draw.between(0.06, 0.4) + 0.15 * person.feminine;
    let (short_length, long_length) = (draw.between(-0.3, 0.6), draw.between(1.5, 5.0));
    let curtain = draw.between(1.75, 2.3);
    let mut hair = Hair {
        line: line - 0.2 * recede,
        drop,
        recede,
        parting: draw.tent(1.2),
        ragged: draw.between(0.02, 0.1),
        volume,
        length: if long { long_length } else { short_length },
        curtain: if long { curtain } else { f32::INFINITY },
        tone: person.hair_tone,
        strands: draw.between(0.3, 0.9),
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

fn beard(person: &Person, draw: &mut Draw) -> Beard {
    let (has, only_moustache) = (draw.chance(0.35), draw.chance(0.2));
    let (full, moustache) = (draw.unit(), draw.unit());
    if person.feminine > 0.4 || !has {
        return Beard::default();
    }
    Beard {
        full: if only_moustache { 0.0 } else { full * full },
        moustache: 0.2 + 0.7 * moustache,
    }
}

fn glasses(draw: &mut Draw) -> Option<Glasses> {
    let worn = draw.chance(0.16);
    let height = draw.between(0.36, 0.56);
    let glasses = Glasses {
        half_size: [draw.between(0.64, 0.78), height],
        rounding: draw.between(0.12, 0.95) * height,
        rim: draw.between(0.02, 0.065),
        tone: draw.unit().powi(2) * 0.6,
        tint: draw.unit().powi(3) * 0.5,
        glare: draw.unit().powi(2) * 0.5,
    };
    worn.then_some(glasses)
}

fn light(draw: &mut Draw) -> Light {
    let (side, up) = (draw.tent(1.3), draw.between(-1.0, 0.15));
    let hard = draw.between(0.25, 0.85);
    Light {
        toward: [side, up, 1.0],
        direct: hard,
        ambient: 1.08 - 0.85 * hard + draw.tent(0.1),
    }
}

fn backdrop(draw: &mut Draw) -> Backdrop {
    let mut patch = || Patch {
        at: [draw.unit(), draw.unit()],
        half_size: [draw.between(0.03, 0.4), draw.between(0.03, 0.5)],
        softness: draw.between(0.01, 0.15),
        tone: draw.tent(0.45),
    };
    let patches = [patch(), patch(), patch(), patch()];
    Backdrop {
        tone: draw.between(0.08, 0.9),
        slope: [draw.tent(0.5), draw.tent(0.5)],
        patches,
        clothes: draw.between(0.05, 0.9),
    }
}
