//! The distribution that backgrounds are sampled from.

use super::element::{Background, Element};
use super::geometry::Color;
use super::scenes::{self, Scene};
use super::view::View;
use crate::distributions::Sampler;
use crate::error::SynthError;
use crate::ranges::{Chance, Limits};
use fkp_core::{Purpose, Rng, rng_for};
use serde::{Deserialize, Serialize};

/// How frequent the kinds of scenes are. Only the ratios count; 0 is never.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SceneWeights {
    /// Paper, canvas and plain walls.
    pub studio: f32,
    /// Living interiors and offices.
    pub room: f32,
    /// Shelves with books.
    pub library: f32,
    /// Curtains and flags.
    pub drapery: f32,
    /// Stages and television studios.
    pub stage: f32,
    /// Leaves, lawns, trees and sky.
    pub garden: f32,
    /// Buildings.
    pub street: f32,
    /// Walls with logos.
    pub press: f32,
    /// Bricks, boards, stripes and tiles.
    pub pattern: f32,
    /// Lights in the dark.
    pub night: f32,
    /// Crowds.
    pub audience: f32,
}

impl Default for SceneWeights {
    fn default() -> Self {
        Self {
            studio: 0.22,
            room: 0.2,
            library: 0.05,
            drapery: 0.07,
            stage: 0.15,
            garden: 0.12,
            street: 0.06,
            press: 0.03,
            pattern: 0.04,
            night: 0.03,
            audience: 0.03,
        }
    }
}

impl SceneWeights {
    fn list(&self) -> [(Scene, &'static str, f32); 11] {
        [
            (Scene::Studio, "background.scenes.studio", self.studio),
            (Scene::Room, "background.scenes.room", self.room),
            (Scene::Library, "background.scenes.library", self.library),
            (Scene::Drapery, "background.scenes.drapery", self.drapery),
            (Scene::Stage, "background.scenes.stage", self.stage),
            (Scene::Garden, "background.scenes.garden", self.garden),
            (Scene::Street, "background.scenes.street", self.street),
            (Scene::Press, "background.scenes.press", self.press),
            (Scene::Pattern, "background.scenes.pattern", self.pattern),
            (Scene::Night, "background.scenes.night", self.night),
            (Scene::Audience, "background.scenes.audience", self.audience),
        ]
    }

    fn sample(&self, sampler: &mut Sampler) -> Scene {
        let list = self.list();
        let total: f32 = list.iter().map(|(_, _, weight)| weight).sum();
        let mut rest = sampler.uniform(0.0, total);
        for (scene, _, weight) in list {
            if rest < weight {
                return scene;
            }
            rest -= weight;
        }
        Scene::Studio
    }
}

/// Which backgrounds are how frequent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackgroundDistribution {
    /// Weights of the kinds of scenes.
    pub scenes: SceneWeights,
    /// Probability of other persons in the scene.
    pub people: f32,
    /// Standard deviation of the defocus as a fraction of the side; its logarithm is uniform.
    pub defocus: Chance,
    /// Range of the light on the background, where 1 is the light on the face; its logarithm is
    /// uniform.
    pub light: [f32; 2],
    /// Limit of the color of that light: how much more red than blue, as a fraction.
    pub cast: f32,
    /// Limit of the rotation in degrees.
    pub roll_degrees: f32,
    /// Limit of the perspective: how much larger one side is than the other, as a fraction.
    pub perspective: f32,
    /// Probability of a rotation and perspective.
    pub tilted: f32,
}

impl Default for BackgroundDistribution {
    /// What web photographs and television show.
    fn default() -> Self {
        Self {
            scenes: SceneWeights::default(),
            people: 0.12,
            defocus: Chance::new(0.95, 0.006, 0.06),
            light: [0.35, 1.5],
            cast: 0.25,
            roll_degrees: 12.0,
            perspective: 0.5,
            tilted: 0.4,
        }
    }
}

impl BackgroundDistribution {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn validate(&self) -> Result<(), SynthError> {
        let limits = |field, lowest, highest, expected| Limits {
            field,
            lowest,
            highest,
            expected,
        };
        let list = self.scenes.list();
        for (_, field, weight) in list {
            limits(field, 0.0, 1e6, "between 0 and 1000000").check(&[weight])?;
        }
        let total: f32 = list.iter().map(|(_, _, weight)| weight).sum();
        limits(
            "background.scenes",
            1e-6,
            f32::MAX,
            "weights of which one is positive",
        )
        .check(&[total])?;
        for (field, value, highest, expected) in [
            ("background.people", self.people, 1.0, "between 0 and 1"),
            ("background.cast", self.cast, 1.0, "between 0 and 1"),
            (
                "background.roll_degrees",
                self.roll_degrees,
                180.0,
                "between 0 and 180",
            ),
            (
                "background.perspective",
                self.perspective,
                0.9,
                "between 0 and 0.9",
            ),
            ("background.tilted", self.tilted, 1.0, "between 0 and 1"),
        ] {
            limits(field, 0.0, highest, expected).check(&[value])?;
        }
        let expected = "a probability and a range within 0.0001 and 0.5";
        limits("background.defocus", 1e-4, 0.5, expected).check_chance(self.defocus)?;
        let expected = "a range [low, high] within 0.001 and 10";
        limits("background.light", 1e-3, 10.0, expected).check_range(self.light)
    }

    /// A random background. The same generator state gives the same background.
    ///
    /// ```
    /// use fkp_core::{Purpose, rng_for};
    /// use fkp_synth::background::{Background, BackgroundDistribution};
    /// let mut rng = rng_for(1, Purpose::Render, 0, 0);
    /// let background: Background = BackgroundDistribution::default().sample(&mut rng);
    /// assert_eq!(background.paint(1, 64).len(), 64 * 64);
    /// ```
    pub fn sample(&self, rng: &mut dyn Rng) -> Background {
        self.sample_with(&mut Sampler::new(rng))
    }

    /// A random background. Consumes the same number of random values, whatever it is: the elements
    /// come from a generator of their own.
    pub(crate) fn sample_with(&self, sampler: &mut Sampler) -> Background {
        let scene = self.scenes.sample(sampler);
        let has_people = sampler.bernoulli(self.people);
        let defocus = self.defocus.sample_log(sampler);
        let light = self.light(sampler);
        let view = self.view(sampler);
        let mut rng = rng_for(sampler.bits(), Purpose::Render, 0, 0);
        let details = &mut Sampler::new(&mut rng);
        let mut elements = scene.elements(details);
        if has_people {
            scenes::persons(&mut elements, details);
        }
        elements.extend(defocus.map(Element::Defocus));
        Background {
            elements,
            light,
            view,
            mirrored: false,
        }
    }

    fn light(&self, sampler: &mut Sampler) -> Color {
        let [low, high] = self.light;
        let light = sampler.uniform(low.ln(), high.ln()).exp();
        let cast = sampler.triangular(self.cast);
        [light * (1.0 + cast), light, light * (1.0 - cast)]
    }

    fn view(&self, sampler: &mut Sampler) -> View {
        let is_tilted = sampler.bernoulli(self.tilted);
        let view = View {
            roll: sampler.triangular(self.roll_degrees).to_radians(),
            perspective: [
                sampler.triangular(self.perspective),
                sampler.triangular(0.5 * self.perspective),
            ],
        };
        if is_tilted { view } else { View::FRONT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_invalid_field() {
        let good = BackgroundDistribution::default();
        assert!(good.validate().is_ok());
        let refused = |change: &dyn Fn(&mut BackgroundDistribution)| {
            let mut bad = good.clone();
            change(&mut bad);
            bad.validate().unwrap_err().to_string()
        };
        assert!(refused(&|d| d.scenes.night = f32::NAN).contains("background.scenes.night"));
        assert!(refused(&|d| d.scenes.room = -1.0).contains("background.scenes.room"));
        assert!(refused(&|d| d.people = 2.0).contains("background.people"));
        assert!(refused(&|d| d.defocus.range = [0.0, 0.1]).contains("background.defocus"));
        assert!(refused(&|d| d.light = [1.0, 0.5]).contains("background.light"));
        let nothing = toml::from_str::<BackgroundDistribution>(
            "scenes = { studio = 0, room = 0, library = 0, drapery = 0, stage = 0, garden = 0, \
             street = 0, press = 0, pattern = 0, night = 0, audience = 0 }",
        );
        let error = nothing.unwrap().validate().unwrap_err().to_string();
        assert!(error.contains("`background.scenes`"), "{error}");
    }

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_default() {
        let parsed: BackgroundDistribution = toml::from_str("people = 0.5").unwrap();
        let default = BackgroundDistribution::default();
        assert_eq!(
            parsed,
            BackgroundDistribution {
                people: 0.5,
                ..default
            }
        );
        assert!(toml::from_str::<BackgroundDistribution>("[scenes]\ngardens = 1").is_err());
    }

    #[test]
    fn every_background_consumes_the_same_number_of_random_values() {
        let next: Vec<u64> = [0.0, 1.0]
            .map(|people| {
                let mut rng = rng_for(1, Purpose::Render, 0, 4);
                let distribution = BackgroundDistribution {
                    people,
                    ..BackgroundDistribution::default()
                };
                distribution.sample(&mut rng);
                rng.next_u64()
            })
            .to_vec();
        assert_eq!(next[0], next[1]);
    }

    #[test]
    fn scenes_are_as_frequent_as_their_weights() {
        let weights = SceneWeights::default();
        let total: f32 = weights.list().iter().map(|(_, _, weight)| weight).sum();
        let mut rng = rng_for(9, Purpose::Render, 0, 0);
        let sampler = &mut Sampler::new(&mut rng);
        let drawn: Vec<Scene> = (0..3000).map(|_| weights.sample(sampler)).collect();
        for (scene, name, weight) in weights.list() {
            let count = drawn.iter().filter(|other| **other == scene).count();
            let share = count as f32 / 3000.0;
            assert!((share - weight / total).abs() < 0.03, "{name}: {share}");
        }
    }
}
