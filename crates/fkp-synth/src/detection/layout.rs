//! What is in a scene and where.

use super::config::SceneConfig;
use super::decoy::Decoy;
use super::person::{FACE_HEIGHT, Person};
use crate::background::{Area, Element, Poster, Text};
use crate::distributions::Sampler;
use crate::params::{FaceParams, Foreground, Light};
use fkp_core::Rng;
use std::f32::consts::PI;

/// One scene.
pub(super) struct Layout {
    /// Its light, background, camera and texture.
    pub(super) setting: FaceParams,
    /// Something close to the camera.
    pub(super) foreground: Option<Foreground>,
    /// From the nearest to the farthest.
    pub(super) things: Vec<Thing>,
}

/// Something in a scene.
pub(super) enum Thing {
    Person(Box<Person>),
    Decoy(Decoy),
}

impl Thing {
    /// Larger for things that are nearer.
    fn nearness(&self) -> f32 {
        match self {
            Self::Person(person) => person.height,
            Self::Decoy(decoy) => 1.6 * decoy.radius,
        }
    }
}

/// A head that has a place and no face yet.
#[derive(Debug, Clone, Copy)]
struct Head {
    at: [f32; 2],
    height: f32,
}

/// Angles by which heads are turned away from the camera, in radians from the back.
const FROM_BEHIND: f32 = 0.3 * PI;

impl Layout {
    /// A random scene.
    pub(super) fn sample(config: &SceneConfig, rng: &mut dyn Rng) -> Self {
        let mut setting = config.faces.sample(rng);
        let sampler = &mut Sampler::new(rng);
        turn_painted_people_away(&mut setting.background.elements);
        let writing = sampler.bernoulli(config.writing);
        if writing {
            add_writing(&mut setting.background.elements, sampler);
        }
        let heads = places(config, sampler);
        let count = whole_number(config.decoys, sampler);
        let decoys: Vec<Decoy> = (0..count)
            .map(|_| {
                let size = config.size as f32;
                let at = [(); 2].map(|()| sampler.uniform(0.0, size));
                let radius = sampler
                    .uniform(5f32.ln(), (0.16 * size).max(6.0).ln())
                    .exp();
                Decoy::sample(sampler, at, radius, &setting.skin)
            })
            .collect();
        let same_light = sampler.bernoulli(0.75);
        let mut things: Vec<Thing> = decoys.into_iter().map(Thing::Decoy).collect();
        for Head { at, height } in heads {
            let mut face = config.faces.sample(rng);
            let sampler = &mut Sampler::new(rng);
            let turned = sampler.bernoulli(config.from_behind);
            let away = PI + sampler.uniform(-FROM_BEHIND, FROM_BEHIND);
            if turned {
                face.pose.yaw = away;
                face.accessories.hand = None;
                face.accessories.object = None;
            }
            if same_light {
                face.light = setting.light;
            }
            brighten(&mut face.light, sampler.triangular(0.35).exp());
            // Things close to the camera are of the scene, not of a head.
            face.accessories.foreground = None;
            let bright = 0.02 + 0.35 * sampler.unit_uniform().powi(2);
            let legs = [(); 3].map(|()| bright * sampler.uniform(0.6, 1.3));
            things.push(Thing::Person(Box::new(Person {
                face,
                at,
                height,
                legs,
            })));
        }
        things.sort_by(|a, b| b.nearness().total_cmp(&a.nearness()));
        Self {
            foreground: setting.accessories.foreground.take(),
            setting,
            things,
        }
    }
}

/// Sizes and positions of the heads, from the nearest to the farthest.
fn places(config: &SceneConfig, sampler: &mut Sampler) -> Vec<Head> {
    let counts = &config.heads;
    let kind = sampler.unit_uniform();
    let (range, mean) = if kind < counts.crowd_probability {
        (counts.crowd, Some(config.crowd_face_heights))
    } else if kind < counts.crowd_probability + counts.group_probability {
        (counts.group, Some(config.group_face_heights))
    } else {
        (counts.few, None)
    };
    let count = whole_number(range, sampler);
    let log_uniform =
        |[low, high]: [f32; 2], sampler: &mut Sampler| sampler.uniform(low.ln(), high.ln()).exp();
    let mean = mean.map(|range| log_uniform(range, sampler));
    let mut heights: Vec<f32> = (0..count)
        .map(|_| match mean {
            Some(mean) => mean * sampler.triangular(1.5f32.ln()).exp(),
            None => log_uniform(config.face_heights, sampler),
        })
        .collect();
    heights.sort_by(|a, b| b.total_cmp(a));
    let size = config.size as f32;
    // People who stand on the same ground: the higher the camera, the lower in the image are those
    // that are near.
    let standing = sampler.bernoulli(0.6);
    let horizon = size * sampler.uniform(0.05, 0.6);
    let slope = sampler.uniform(-0.5, if mean.is_some() { 4.0 } else { 1.0 });
    let mut heads: Vec<Head> = Vec::with_capacity(count);
    for height in heights {
        let inside = if sampler.bernoulli(0.12) { -0.35 } else { 0.4 };
        let limit = (inside * height).min(0.5 * size);
        let candidates: [Head; 5] = std::array::from_fn(|_| {
            let x = sampler.uniform(limit, size - limit);
            let anywhere = sampler.uniform(limit, size - limit);
            let level = horizon + height * (slope + sampler.triangular(1.2));
            let y = if standing {
                level.clamp(limit, size - limit)
            } else {
                anywhere
            };
            Head { at: [x, y], height }
        });
        let hidden = |head: &Head| heads.iter().map(|near| overlap(near, head)).sum::<f32>();
        let best = candidates
            .into_iter()
            .min_by(|a, b| hidden(a).total_cmp(&hidden(b)));
        heads.extend(best);
    }
    heads
}

/// About how much of the face of a head a nearer person hides.
fn overlap(near: &Head, head: &Head) -> f32 {
    let [dx, dy] = [0, 1].map(|axis| head.at[axis] - near.at[axis]);
    let unit = near.height / FACE_HEIGHT;
    let half = 0.5 * head.height;
    let beside = |half_width: f32| ((half_width + half - dx.abs()) / half).clamp(0.0, 1.0);
    let above = ((0.65 * near.height + half + dy) / half).clamp(0.0, 1.0);
    if dy > 0.5 * near.height {
        beside(5.5 * unit)
    } else {
        beside(2.8 * unit) * above
    }
}

fn whole_number([low, high]: [usize; 2], sampler: &mut Sampler) -> usize {
    let number = sampler.uniform(low as f32, high as f32 + 1.0) as usize;
    number.clamp(low, high)
}

fn brighten(light: &mut Light, by: f32) {
    let Light {
        key,
        fills,
        sky,
        ground,
        ..
    } = light;
    let lamps = std::iter::once(key)
        .chain(fills)
        .map(|lamp| &mut lamp.color);
    for color in lamps.chain([sky, ground]) {
        *color = color.map(|c| c * by);
    }
}

/// The faces of painted people would have no box.
fn turn_painted_people_away(elements: &mut Vec<Element>) {
    elements.retain(|element| !matches!(element, Element::Crowd(_)));
    for element in elements {
        if let Element::Person(person) = element {
            person.turn = 2.0;
        }
    }
}

/// Adds signs and posters in focus.
fn add_writing(elements: &mut Vec<Element>, sampler: &mut Sampler) {
    for _ in 0..1 + (2.0 * sampler.unit_uniform()) as usize {
        let (width, height) = (sampler.uniform(0.1, 0.6), sampler.uniform(0.03, 0.25));
        let (left, top) = (sampler.uniform(-0.1, 0.9), sampler.uniform(-0.05, 0.95));
        let area = Area::new(left, top, left + width, top + height);
        let mut color = || [(); 3].map(|()| sampler.unit_uniform().powi(2));
        let colors = [color(), color(), color()];
        let lines = 1 + (4.0 * sampler.unit_uniform()) as u32;
        elements.push(if sampler.bernoulli(0.5) {
            Element::Text(Text {
                area,
                color: colors[0],
                lines,
                weight: sampler.uniform(0.12, 0.3),
            })
        } else {
            Element::Poster(Poster {
                area,
                frame: colors[1],
                margin: sampler.uniform(0.0, 0.02),
                colors,
                lines,
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{Purpose, rng_for};

    fn sampled(config: &SceneConfig, count: u64) -> Vec<Vec<Head>> {
        let heads = |index| {
            let mut rng = rng_for(4, Purpose::Render, 0, index);
            places(config, &mut Sampler::new(&mut rng))
        };
        (0..count).map(heads).collect()
    }

    #[test]
    fn most_scenes_have_few_heads_and_some_a_crowd() {
        let config = SceneConfig::default();
        let scenes = sampled(&config, 3000);
        let share = |range: std::ops::RangeInclusive<usize>| {
            let count = scenes.iter().filter(|heads| range.contains(&heads.len()));
            count.count() as f32 / scenes.len() as f32
        };
        let heads = &config.heads;
        let few = 1.0 - heads.group_probability - heads.crowd_probability;
        for (range, wanted) in [
            (0..=0, few / 4.0),
            (3..=3, few / 4.0),
            (4..=12, heads.group_probability),
            (20..=40, heads.crowd_probability),
        ] {
            let share = share(range.clone());
            assert!(
                (share - wanted).abs() < 0.03,
                "{share} have {range:?} heads"
            );
        }
        assert_eq!(share(13..=19), 0.0);
    }

    #[test]
    fn heights_are_within_their_range_and_log_uniform() {
        let config = SceneConfig::default();
        let scenes = sampled(&config, 3000);
        let few = scenes.iter().filter(|heads| heads.len() <= 3).flatten();
        let mut heights: Vec<f32> = few.map(|head| head.height).collect();
        heights.sort_by(f32::total_cmp);
        let [low, high] = config.face_heights;
        assert!(heights[0] >= low && heights[heights.len() - 1] <= 1.001 * high);
        let median = heights[heights.len() / 2];
        assert!((median / (low * high).sqrt()).ln().abs() < 0.1, "{median}");
        for heads in scenes.iter().filter(|heads| heads.len() >= 20) {
            assert!(heads.is_sorted_by(|a, b| a.height >= b.height));
            let ratio = heads[0].height / heads[heads.len() - 1].height;
            assert!(ratio <= 2.26, "{ratio}");
        }
    }

    #[test]
    fn most_heads_are_inside_the_image_and_not_behind_each_other() {
        let config = SceneConfig::default();
        let (mut all, mut inside, mut hidden) = (0, 0, 0);
        for heads in sampled(&config, 400) {
            for (index, head) in heads.iter().enumerate() {
                all += 1;
                let limits = 0.3 * head.height..config.size as f32 - 0.3 * head.height;
                inside += usize::from(head.at.iter().all(|c| limits.contains(c)));
                let before = heads[..index].iter();
                hidden += usize::from(before.map(|near| overlap(near, head)).sum::<f32>() > 0.7);
            }
        }
        assert!(inside > all / 5 * 4, "{inside} of {all} are inside");
        assert!(hidden < all / 3, "{hidden} of {all} are hidden");
    }
}
