//! The list that a background is made of, and how it is painted.

use super::canvas::Canvas;
use super::dice::Dice;
use super::geometry::{Area, Color};
use super::indoor::{Clutter, Lamp, Panel, Shelf, Window};
use super::lights::{Beam, Bokeh, Glow, Shade};
use super::outdoor::{Building, Foliage, Ground, Sky};
use super::patterns::{Bar, Boards, Bricks, Checks, Stripes};
use super::people::{Crowd, Person};
use super::signs::{LogoWall, Poster, Screen, Text};
use super::studio::{Backdrop, Curtain, Gradient};
use super::surface::Mottle;
use super::view::View;
use crate::math::hash;

/// One thing in a background.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Element {
    /// One color everywhere.
    Plain(Color),
    /// Two colors that change into each other.
    Gradient(Gradient),
    /// A backdrop or wall with a lamp on it.
    Backdrop(Backdrop),
    /// A curtain with folds.
    Curtain(Curtain),
    /// A window with bars.
    Window(Window),
    /// A shelf with books.
    Shelf(Shelf),
    /// A door, cupboard or panels.
    Panel(Panel),
    /// A lamp.
    Lamp(Lamp),
    /// Small things.
    Clutter(Clutter),
    /// The sky.
    Sky(Sky),
    /// Leaves.
    Foliage(Foliage),
    /// A building.
    Building(Building),
    /// The ground.
    Ground(Ground),
    /// Stripes.
    Stripes(Stripes),
    /// Checks or tiles.
    Checks(Checks),
    /// Bricks.
    Bricks(Bricks),
    /// Boards of wood.
    Boards(Boards),
    /// A post, trunk or band.
    Bar(Bar),
    /// Writing.
    Text(Text),
    /// A wall with logos.
    LogoWall(LogoWall),
    /// A poster or framed image.
    Poster(Poster),
    /// A screen or luminous panel.
    Screen(Screen),
    /// Another person.
    Person(Person),
    /// Many persons.
    Crowd(Crowd),
    /// Lights out of focus.
    Bokeh(Bokeh),
    /// A soft light.
    Glow(Glow),
    /// A beam of light.
    Beam(Beam),
    /// Uneven light on everything before it in the list.
    Shade(Shade),
    /// Irregular surfaces of everything before it in the list.
    Mottle(Mottle),
    /// Blurs everything before it in the list, by this standard deviation.
    Defocus(f32),
}

impl Element {
    fn paint(&self, canvas: &mut Canvas, dice: &mut Dice) {
        match self {
            Self::Plain(color) => canvas.rectangle(Area::ALL, 1.0, *color),
            Self::Gradient(gradient) => gradient.paint(canvas),
            Self::Backdrop(backdrop) => backdrop.paint(canvas, dice),
            Self::Curtain(curtain) => curtain.paint(canvas, dice),
            Self::Window(window) => window.paint(canvas, dice),
            Self::Shelf(shelf) => shelf.paint(canvas, dice),
            Self::Panel(panel) => panel.paint(canvas),
            Self::Lamp(lamp) => lamp.paint(canvas),
            Self::Clutter(clutter) => clutter.paint(canvas, dice),
            Self::Sky(sky) => sky.paint(canvas, dice),
            Self::Foliage(foliage) => foliage.paint(canvas, dice),
            Self::Building(building) => building.paint(canvas, dice),
            Self::Ground(ground) => ground.paint(canvas, dice),
            Self::Stripes(stripes) => stripes.paint(canvas, dice),
            Self::Checks(checks) => checks.paint(canvas, dice),
            Self::Bricks(bricks) => bricks.paint(canvas, dice),
            Self::Boards(boards) => boards.paint(canvas, dice),
            Self::Bar(bar) => bar.paint(canvas),
            Self::Text(text) => text.paint(canvas, dice),
            Self::LogoWall(wall) => wall.paint(canvas, dice),
            Self::Poster(poster) => poster.paint(canvas, dice),
            Self::Screen(screen) => screen.paint(canvas, dice),
            Self::Person(person) => person.paint(canvas),
            Self::Crowd(crowd) => crowd.paint(canvas, dice),
            Self::Bokeh(bokeh) => bokeh.paint(canvas, dice),
            Self::Glow(glow) => glow.paint(canvas),
            Self::Beam(beam) => beam.paint(canvas),
            Self::Shade(shade) => shade.paint(canvas),
            Self::Mottle(mottle) => mottle.paint(canvas, dice),
            // Where the list is split.
            Self::Defocus(_) => {}
        }
    }
}

/// What stands behind and around a head.
#[derive(Debug, Clone, PartialEq)]
pub struct Background {
    /// What is painted, from the farthest to the nearest.
    pub elements: Vec<Element>,
    /// Factor of all colors: the light on the background.
    pub light: Color,
    /// Rotation and perspective.
    pub view: View,
    /// Whether left and right are swapped.
    pub mirrored: bool,
}

impl Background {
    /// One color.
    pub fn plain(color: Color) -> Self {
        Self {
            elements: vec![Element::Plain(color)],
            light: [1.0; 3],
            view: View::FRONT,
            mirrored: false,
        }
    }

    /// The mirrored background, including all details.
    pub fn mirrored(&self) -> Self {
        Self {
            mirrored: !self.mirrored,
            ..self.clone()
        }
    }

    /// The light of a background of `size × size` pixels, linear RGB row by row. The details are a
    /// function of the seed.
    ///
    /// ```
    /// use fkp_synth::background::Background;
    /// let light = Background::plain([0.5, 0.2, 0.1]).paint(7, 32);
    /// assert_eq!((light.len(), light[0]), (32 * 32, [0.5, 0.2, 0.1]));
    /// ```
    pub fn paint(&self, seed: u32, size: usize) -> Vec<Color> {
        let blurs = self.remaining_blurs();
        let mut canvas = Canvas::new(working_size(blurs.first(), size));
        // The view is applied before the last blur, where the canvas is smallest.
        let last_blur = blurs.iter().rposition(|blur| *blur > 0.0);
        for (index, element) in self.elements.iter().enumerate() {
            if last_blur == Some(index) && index + 1 == self.elements.len() {
                canvas = self.view.apply(canvas);
            }
            if let Element::Defocus(sigma) = element {
                let next = working_size(blurs.get(index + 1), size);
                canvas = canvas.blurred(*sigma, next);
            } else {
                element.paint(&mut canvas, &mut Dice::new(hash(index as u32, seed)));
            }
        }
        if last_blur.is_none_or(|index| index + 1 < self.elements.len()) {
            canvas = self.view.apply(canvas);
        }
        let [red, green, blue] = self.light;
        // Cubic interpolation may be slightly negative beside lights.
        let lit = |[r, g, b]: &Color| [r * red, g * green, b * blue].map(|v| v.max(0.0));
        let mut pixels: Vec<Color> = canvas.pixels().iter().map(lit).collect();
        if self.mirrored {
            pixels.chunks_exact_mut(size).for_each(<[_]>::reverse);
        }
        pixels
    }

    /// For each element the standard deviation of all blurs at or after it.
    fn remaining_blurs(&self) -> Vec<f32> {
        let mut variance = 0.0;
        let mut blurs = vec![0.0; self.elements.len()];
        for (blur, element) in blurs.iter_mut().zip(&self.elements).rev() {
            if let Element::Defocus(sigma) = element {
                variance += sigma * sigma;
            }
            *blur = f32::sqrt(variance);
        }
        blurs
    }
}

/// The size at which a part is painted that will be blurred by `sigma`: a blur of about one
/// pixel hides the pixels.
fn working_size(sigma: Option<&f32>, size: usize) -> usize {
    let Some(sigma) = sigma.filter(|sigma| **sigma > 0.0) else {
        return size;
    };
    let enough = (1.15 / sigma).ceil().clamp(16.0, 4096.0) as usize;
    // A slightly smaller canvas does not save what resizing costs.
    if enough * 5 > size * 4 { size } else { enough }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::BackgroundDistribution;
    use fkp_core::{Purpose, rng_for};

    fn sampled(index: u64) -> Background {
        let mut rng = rng_for(5, Purpose::Render, 0, index);
        BackgroundDistribution::default().sample(&mut rng)
    }

    #[test]
    fn a_mirrored_background_is_the_mirror_image() {
        for index in 0..40 {
            let background = sampled(index);
            let mut image = background.paint(3, 48);
            image.chunks_exact_mut(48).for_each(<[_]>::reverse);
            assert_eq!(background.mirrored().paint(3, 48), image);
        }
    }

    #[test]
    fn light_is_finite_and_not_negative() {
        for index in 0..300 {
            for size in [1, 33] {
                let pixels = sampled(index).paint(index as u32, size);
                assert_eq!(pixels.len(), size * size);
                let is_light = |v: &f32| v.is_finite() && *v >= 0.0;
                assert!(pixels.iter().flatten().all(is_light), "background {index}");
            }
        }
    }

    #[test]
    fn the_seed_decides_the_details() {
        let mut changed = 0;
        for index in 0..40 {
            let background = sampled(index);
            assert_eq!(background.paint(1, 32), background.paint(1, 32));
            changed += usize::from(background.paint(1, 32) != background.paint(2, 32));
        }
        assert!(changed > 25, "{changed} of 40");
    }

    #[test]
    fn a_larger_image_shows_the_same_background() {
        // Means over tiles, because details finer than the pixels differ.
        let tiles = |pixels: &[Color], size: usize| {
            let mut means = [0.0; 64];
            for (i, pixel) in pixels.iter().enumerate() {
                let (x, y) = (i % size * 8 / size, i / size * 8 / size);
                means[8 * y + x] += pixel[1] * 64.0 / pixels.len() as f32;
            }
            means
        };
        for index in 0..60 {
            let background = sampled(index);
            let small = tiles(&background.paint(1, 48), 48);
            let large = tiles(&background.paint(1, 192), 192);
            let pairs = small.iter().zip(&large);
            let difference: f32 = pairs.map(|(a, b)| (a - b).abs()).sum();
            let level: f32 = large.iter().sum();
            assert!(difference < 0.1 * level, "{index}: {difference} of {level}");
        }
    }

    #[test]
    fn defocus_blurs_what_is_before_it_alone() {
        let bar = |x: f32| {
            Element::Bar(Bar {
                center: [x, 0.5],
                half_size: [0.5, 0.05],
                angle: std::f32::consts::FRAC_PI_2,
                color: [1.0; 3],
                roundness: 0.0,
            })
        };
        let background = Background {
            elements: vec![bar(0.25), Element::Defocus(0.04), bar(0.75)],
            ..Background::plain([0.0; 3])
        };
        let pixels = background.paint(1, 100);
        let row = |x: usize| pixels[50 * 100 + x][0];
        assert!(row(18) > 0.1 && row(25) < 0.9, "{} {}", row(18), row(25));
        assert!(row(75) == 1.0 && row(68) == 0.0);
    }
}
