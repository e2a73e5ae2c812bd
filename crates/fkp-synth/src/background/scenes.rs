//! Recipes: which elements stand together.

use super::canvas::{between, scaled};
use super::element::Element;
use super::geometry::{Area, Color};
use super::indoor::{Clutter, Lamp, Panel, Shelf, Window};
use super::lights::{Beam, Bokeh, Glow, Shade};
use super::outdoor::{Building, Foliage, Ground, Sky};
use super::palette::{self, CLOTH, HAIR, LAMPS, LEAVES, PAINTS, SKIN, VIVID, WALLS, WOODS};
use super::patterns::{Bar, Boards, Bricks, Checks, Stripes};
use super::people::{Crowd, Person};
use super::signs::{LogoWall, Poster, Screen, Text};
use super::studio::{Backdrop, Curtain, Gradient};
use super::surface::Mottle;
use crate::distributions::Sampler;
use std::f32::consts::{FRAC_PI_2, PI};

/// A place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scene {
    Studio,
    Room,
    Library,
    Drapery,
    Stage,
    Garden,
    Street,
    Press,
    Pattern,
    Night,
    Audience,
}

impl Scene {
    /// The elements of a random scene of this kind, without defocus.
    pub(super) fn elements(self, s: &mut Sampler) -> Vec<Element> {
        let mut list = Vec::with_capacity(16);
        match self {
            Self::Studio => studio(&mut list, s),
            Self::Room => room(&mut list, s),
            Self::Library => library(&mut list, s),
            Self::Drapery => drapery(&mut list, s),
            Self::Stage => stage(&mut list, s),
            Self::Garden => garden(&mut list, s),
            Self::Street => street(&mut list, s),
            Self::Press => press(&mut list, s),
            Self::Pattern => pattern(&mut list, s),
            Self::Night => night(&mut list, s),
            Self::Audience => audience(&mut list, s),
        }
        list
    }
}

/// One to three persons behind the head, out of focus.
pub(super) fn persons(list: &mut Vec<Element>, s: &mut Sampler) {
    let size = s.uniform(0.08, 0.4);
    list.push(Element::Defocus(s.uniform(0.005, 0.02)));
    for _ in 0..up_to(1, 3, s) {
        let light = s.uniform(0.4, 1.0);
        list.push(Element::Person(Person {
            center: [s.uniform(-0.15, 1.15), s.uniform(0.1, 0.75)],
            size: size * s.uniform(0.8, 1.2),
            skin: scaled(palette::sampled(&SKIN, s), light),
            hair: scaled(palette::sampled(&HAIR, s), light),
            clothes: scaled(palette::sampled(&CLOTH, s), light),
            turn: s.uniform(-2.0, 2.0),
            hair_length: s.uniform(-1.0, 1.0).max(0.0),
        }));
    }
    list.push(mottle(s, 0.3));
    list.push(Element::Defocus(size * s.uniform(0.05, 0.2)));
}

fn up_to(least: u32, most: u32, s: &mut Sampler) -> u32 {
    (least + (s.unit_uniform() * (most - least + 1) as f32) as u32).min(most)
}

fn area(s: &mut Sampler, width: [f32; 2], height: [f32; 2]) -> Area {
    let (w, h) = (
        s.uniform(width[0], width[1]),
        s.uniform(height[0], height[1]),
    );
    let (x, y) = (
        s.uniform(-0.5 * w, 1.0 - 0.5 * w),
        s.uniform(-0.5 * h, 1.0 - 0.6 * h),
    );
    Area::new(x, y, x + w, y + h)
}

fn cloth4(s: &mut Sampler) -> [Color; 4] {
    [(); 4].map(|()| palette::sampled(&CLOTH, s))
}

/// A wall with a fall-off of the light.
fn wall(s: &mut Sampler, color: Color) -> Element {
    Element::Backdrop(Backdrop {
        color,
        edge: scaled(color, s.uniform(0.3, 0.8)),
        center: [s.uniform(-0.2, 1.2), s.uniform(-0.3, 0.8)],
        radius: s.uniform(0.5, 1.4),
        mottle: s.uniform(0.0, 0.06),
    })
}

/// Irregular surfaces.
fn mottle(s: &mut Sampler, strength: f32) -> Element {
    Element::Mottle(Mottle {
        amount: strength * s.uniform(0.3, 1.0),
        cells: [s.uniform(2.0, 5.0), s.uniform(2.0, 5.0)],
        roughness: s.uniform(0.4, 0.75),
    })
}

/// Light from one side.
fn side_light(s: &mut Sampler, strength: f32) -> Element {
    let strength = strength * s.unit_uniform();
    let warm = s.triangular(0.12);
    Element::Shade(Shade {
        angle: s.uniform(-PI, PI),
        colors: [
            [1.0 + strength + warm, 1.0 + strength, 1.0 + strength - warm],
            [1.0 - 0.8 * strength; 3],
        ],
    })
}

fn studio(list: &mut Vec<Element>, s: &mut Sampler) {
    let color = palette::sampled(&PAINTS, s);
    let white = s.bernoulli(0.15);
    let color = if white { [1.0, 1.0, 0.98] } else { color };
    if s.bernoulli(0.3) {
        list.push(Element::Gradient(Gradient {
            colors: [color, scaled(color, s.uniform(0.2, 0.9))],
            angle: s.uniform(-PI, PI),
        }));
    } else {
        list.push(Element::Backdrop(Backdrop {
            color,
            edge: scaled(color, if white { 0.9 } else { s.uniform(0.1, 0.9) }),
            center: [s.uniform(0.1, 0.9), s.uniform(0.1, 0.9)],
            radius: s.uniform(0.3, 1.0),
            mottle: if white {
                0.0
            } else {
                s.uniform(-0.3, 0.3).max(0.0)
            },
        }));
    }
    if s.bernoulli(0.15) {
        list.push(Element::Glow(Glow {
            center: [s.unit_uniform(), s.unit_uniform()],
            radii: [s.uniform(0.4, 1.3), s.uniform(0.4, 1.3)],
            color: scaled(palette::sampled(&VIVID, s), 0.6),
        }));
    }
}

fn room(list: &mut Vec<Element>, s: &mut Sampler) {
    let color = palette::sampled(&WALLS, s);
    list.push(wall(s, color));
    if s.bernoulli(0.5) {
        // The other wall of a corner.
        let edge = s.unit_uniform();
        list.push(Element::Bar(Bar {
            center: [edge + 0.6, 0.5],
            half_size: [1.0, 0.6],
            angle: FRAC_PI_2 + s.triangular(0.08),
            color: scaled(color, s.uniform(0.45, 1.25)),
            roundness: 0.0,
        }));
    }
    if s.bernoulli(0.2) {
        // The ceiling.
        list.push(Element::Bar(Bar {
            center: [0.5, s.uniform(-0.4, -0.25)],
            half_size: [1.0, 0.4],
            angle: s.triangular(0.2),
            color: scaled([0.8, 0.8, 0.77], s.uniform(0.6, 1.1)),
            roundness: 0.0,
        }));
    }
    for _ in 0..up_to(1, 5, s) {
        furniture(list, s, color);
    }
    if s.bernoulli(0.5) {
        let top = s.uniform(0.4, 0.8);
        list.push(Element::Clutter(Clutter {
            area: Area::new(-0.1, top, 1.1, 1.05),
            count: up_to(6, 24, s),
            colors: cloth4(s),
            size: s.uniform(0.05, 0.2),
        }));
    }
    list.push(mottle(s, 0.15));
    list.push(side_light(s, 0.5));
}

fn furniture(list: &mut Vec<Element>, s: &mut Sampler, wall: Color) {
    let kind = s.unit_uniform();
    let wood = palette::sampled(&WOODS, s);
    if kind < 0.2 {
        let sky = scaled([0.85, 0.95, 1.1], s.uniform(0.7, 2.5));
        let bottom = between(palette::linear([104, 120, 90]), sky, s.uniform(0.0, 0.6));
        let frame = if s.bernoulli(0.5) {
            wood
        } else {
            [0.6, 0.6, 0.58]
        };
        let opening = area(s, [0.25, 0.8], [0.4, 1.0]);
        let blinds = s.bernoulli(0.3);
        list.push(Element::Window(Window {
            area: opening,
            panes: [up_to(1, 3, s), up_to(1, 4, s)],
            frame: scaled(frame, s.uniform(0.4, 1.1)),
            view: [sky, bottom],
            blinds: if blinds { s.uniform(0.5, 1.0) } else { 0.0 },
        }));
        if s.bernoulli(0.4) {
            let width = s.uniform(0.1, 0.25);
            let left = if s.bernoulli(0.5) {
                opening.left
            } else {
                opening.right - width
            };
            list.push(Element::Curtain(Curtain {
                area: Area::new(left, opening.top - 0.05, left + width, 1.0),
                color: palette::sampled(&PAINTS, s),
                folds: s.uniform(8.0, 16.0),
                depth: s.uniform(0.3, 0.7),
                ornament: 0.0,
            }));
        }
    } else if kind < 0.38 {
        let color = if s.bernoulli(0.5) {
            wood
        } else {
            scaled([0.7, 0.68, 0.62], s.uniform(0.6, 1.1))
        };
        let x = s.uniform(-0.2, 0.85);
        list.push(Element::Panel(Panel {
            area: Area::new(x, s.uniform(-0.3, 0.15), x + s.uniform(0.3, 0.55), 1.1),
            color,
            fields: [up_to(1, 2, s), up_to(1, 4, s)],
            relief: s.uniform(0.1, 0.7),
        }));
    } else if kind < 0.58 {
        list.push(poster(s));
    } else if kind < 0.68 {
        list.push(shelf(s));
    } else if kind < 0.78 {
        list.push(Element::Lamp(Lamp {
            center: [s.unit_uniform(), s.uniform(0.1, 0.7)],
            radius: s.uniform(0.06, 0.16),
            color: scaled(palette::sampled(&LAMPS, s), s.uniform(0.8, 2.5)),
        }));
    } else if kind < 0.92 {
        let top = s.uniform(0.3, 0.8);
        list.push(Element::Clutter(Clutter {
            area: Area::new(0.0, top, 1.0, 1.0),
            count: up_to(3, 14, s),
            colors: cloth4(s),
            size: s.uniform(0.05, 0.25),
        }));
    } else {
        list.push(Element::Bar(Bar {
            center: [s.unit_uniform(), s.unit_uniform()],
            half_size: [1.5, s.uniform(0.015, 0.15)],
            angle: if s.bernoulli(0.7) {
                FRAC_PI_2
            } else {
                s.triangular(0.3)
            },
            color: scaled(wall, s.uniform(0.3, 1.3)),
            roundness: s.unit_uniform(),
        }));
    }
}

fn poster(s: &mut Sampler) -> Element {
    let margin = s.uniform(0.0, 0.04);
    Element::Poster(Poster {
        area: area(s, [0.15, 0.6], [0.15, 0.5]),
        frame: palette::sampled(if s.bernoulli(0.5) { &WOODS } else { &CLOTH }, s),
        margin,
        colors: [
            palette::sampled(&PAINTS, s),
            palette::sampled(&CLOTH, s),
            palette::sampled(&VIVID, s),
        ],
        lines: up_to(0, 3, s),
    })
}

fn shelf(s: &mut Sampler) -> Element {
    Element::Shelf(Shelf {
        area: area(s, [0.4, 1.3], [0.5, 1.3]),
        rows: up_to(2, 5, s),
        wood: palette::sampled(&WOODS, s),
        books: cloth4(s),
        fullness: s.uniform(0.6, 1.0),
    })
}

fn library(list: &mut Vec<Element>, s: &mut Sampler) {
    let color = palette::sampled(&WALLS, s);
    list.push(wall(s, color));
    let (left, top) = (s.uniform(-0.5, 0.3), s.uniform(-0.4, 0.1));
    list.push(Element::Shelf(Shelf {
        area: Area::new(
            left,
            top,
            left + s.uniform(0.8, 1.5),
            top + s.uniform(1.0, 1.6),
        ),
        rows: up_to(2, 5, s),
        wood: palette::sampled(&WOODS, s),
        books: cloth4(s),
        fullness: s.uniform(0.7, 1.0),
    }));
    if s.bernoulli(0.4) {
        furniture(list, s, color);
    }
    list.push(mottle(s, 0.3));
    list.push(side_light(s, 0.5));
}

fn drapery(list: &mut Vec<Element>, s: &mut Sampler) {
    let color = palette::sampled(&PAINTS, s);
    list.push(wall(s, color));
    let (has_ornament, ornament) = (s.bernoulli(0.2), s.uniform(0.3, 0.9));
    list.push(Element::Curtain(Curtain {
        area: Area::ALL,
        color: palette::sampled(if s.bernoulli(0.7) { &PAINTS } else { &VIVID }, s),
        folds: s.uniform(3.0, 14.0),
        depth: s.uniform(0.15, 0.8),
        ornament: if has_ornament { ornament } else { 0.0 },
    }));
    if s.bernoulli(0.25) {
        // A flag on a pole.
        let x = s.unit_uniform();
        for k in 0..3 {
            list.push(Element::Curtain(Curtain {
                area: Area::new(x + 0.07 * k as f32, 0.0, x + 0.07 * (k + 1) as f32, 1.0),
                color: palette::sampled(&VIVID, s),
                folds: 12.0,
                depth: 0.6,
                ornament: 0.0,
            }));
        }
    }
    list.push(mottle(s, 0.15));
    list.push(side_light(s, 0.6));
}

fn stage(list: &mut Vec<Element>, s: &mut Sampler) {
    let main = palette::sampled(&VIVID, s);
    let other = palette::sampled(&VIVID, s);
    let dark = s.uniform(0.02, 0.35);
    list.push(Element::Gradient(Gradient {
        colors: [
            scaled(main, dark),
            scaled(other, dark * s.uniform(0.1, 1.0)),
        ],
        angle: s.uniform(-PI, PI),
    }));
    for _ in 0..up_to(0, 3, s) {
        let strength = s.uniform(0.3, 1.3);
        list.push(Element::Screen(Screen {
            area: area(s, [0.2, 0.9], [0.2, 0.8]),
            colors: [
                scaled(if s.bernoulli(0.5) { main } else { other }, strength),
                scaled(palette::sampled(&VIVID, s), strength),
            ],
            frame: scaled(main, s.uniform(0.02, 1.5)),
            bands: up_to(0, 4, s),
        }));
    }
    for _ in 0..up_to(0, 4, s) {
        list.push(Element::Bar(Bar {
            center: [s.unit_uniform(), s.unit_uniform()],
            half_size: [s.uniform(0.3, 1.5), s.uniform(0.006, 0.09)],
            angle: if s.bernoulli(0.5) {
                FRAC_PI_2
            } else {
                s.triangular(1.2)
            },
            color: scaled(
                if s.bernoulli(0.6) { main } else { other },
                s.uniform(0.1, 1.6),
            ),
            roundness: s.unit_uniform(),
        }));
    }
    if s.bernoulli(0.3) {
        let top = s.uniform(0.0, 0.8);
        list.push(Element::Text(Text {
            area: Area::new(s.uniform(-0.3, 0.4), top, 1.1, top + s.uniform(0.1, 0.35)),
            color: scaled(palette::sampled(&VIVID, s), 1.2),
            lines: up_to(1, 2, s),
            weight: s.uniform(0.15, 0.3),
        }));
    }
    list.push(mottle(s, 0.3));
    for _ in 0..up_to(1, 4, s) {
        list.push(Element::Glow(Glow {
            center: [s.unit_uniform(), s.unit_uniform()],
            radii: [s.uniform(0.2, 1.2), s.uniform(0.2, 1.2)],
            color: scaled(
                if s.bernoulli(0.6) { main } else { other },
                s.uniform(0.1, 0.7),
            ),
        }));
    }
    if s.bernoulli(0.3) {
        for _ in 0..up_to(1, 3, s) {
            list.push(Element::Beam(Beam {
                from: [s.unit_uniform(), s.uniform(-0.3, 0.1)],
                angle: FRAC_PI_2 + s.triangular(0.9),
                spread: s.uniform(0.05, 0.3),
                color: scaled(palette::sampled(&VIVID, s), s.uniform(0.1, 0.6)),
            }));
        }
    }
    if s.bernoulli(0.4) {
        let (x, y) = (s.uniform(-0.3, 0.6), s.uniform(-0.1, 0.8));
        list.push(Element::Bokeh(Bokeh {
            area: Area::new(x, y, x + s.uniform(0.3, 1.0), y + s.uniform(0.01, 0.3)),
            count: up_to(3, 14, s),
            radius: [0.008, s.uniform(0.015, 0.06)],
            colors: [(); 3].map(|()| scaled(palette::sampled(&LAMPS, s), 2.0)),
            rim: s.uniform(0.0, 0.5),
        }));
    }
}

fn garden(list: &mut Vec<Element>, s: &mut Sampler) {
    let horizon = s.uniform(0.15, 0.9);
    let sky = sky(s, horizon);
    let behind = sky.haze;
    list.push(Element::Sky(sky));
    let leaf = palette::sampled(&LEAVES, s);
    let sun = s.uniform(0.5, 1.5);
    list.push(Element::Ground(Ground {
        top: horizon,
        far: scaled(leaf, sun),
        near: scaled(palette::sampled(&LEAVES, s), 0.8 * sun),
        texture: s.uniform(0.1, 0.4),
    }));
    let count = up_to(1, 3, s);
    for k in 0..count {
        let near = k as f32 / count as f32;
        let leaf = between(leaf, palette::sampled(&LEAVES, s), 0.6);
        let fills = s.bernoulli(0.45);
        let bottom = if s.bernoulli(0.5) {
            1.1
        } else {
            horizon + s.uniform(0.0, 0.4)
        };
        let (has_gaps, gaps) = (s.bernoulli(0.5), s.uniform(0.05, 0.3));
        let top = horizon - s.uniform(0.0, 0.5);
        list.push(Element::Foliage(Foliage {
            top: if fills { -0.3 } else { top },
            bottom,
            ragged: s.uniform(0.03, 0.15),
            colors: [
                scaled(leaf, s.uniform(0.05, 0.4)),
                scaled(leaf, sun * s.uniform(0.7, 1.6)),
            ],
            clumps: s.uniform(3.0, 8.0) * (1.0 + 1.5 * near),
            gaps: if has_gaps { gaps } else { 0.0 },
            behind,
        }));
        if count > 1 && k == 0 {
            list.push(Element::Defocus(s.uniform(0.004, 0.03)));
        }
    }
    if s.bernoulli(0.35) {
        for _ in 0..up_to(1, 3, s) {
            list.push(trunk(s));
        }
    }
    if s.bernoulli(0.3) {
        list.push(Element::Bokeh(Bokeh {
            area: Area::new(0.0, -0.1, 1.0, s.uniform(0.3, 0.9)),
            count: up_to(5, 30, s),
            radius: [0.008, s.uniform(0.015, 0.06)],
            colors: [scaled(behind, 0.8), scaled(leaf, 1.5), scaled(behind, 0.4)],
            rim: s.uniform(0.0, 0.6),
        }));
    }
    list.push(side_light(s, 0.4));
}

fn trunk(s: &mut Sampler) -> Element {
    Element::Bar(Bar {
        center: [s.unit_uniform(), 0.4],
        half_size: [1.0, s.uniform(0.01, 0.1)],
        angle: FRAC_PI_2 + s.triangular(0.2),
        color: scaled(palette::sampled(&WOODS, s), s.uniform(0.3, 1.0)),
        roundness: s.uniform(0.4, 1.0),
    })
}

fn sky(s: &mut Sampler, horizon: f32) -> Sky {
    let (blue, strength) = (s.bernoulli(0.6), s.uniform(0.5, 1.8));
    let zenith = if blue {
        [0.12, 0.3, 0.72]
    } else {
        [0.62, 0.68, 0.75]
    };
    let (cloudy, clouds) = (s.bernoulli(0.5), s.uniform(0.2, 0.8));
    Sky {
        horizon,
        zenith: scaled(zenith, strength),
        haze: scaled([0.75, 0.84, 0.95], strength),
        clouds: if cloudy { clouds } else { 0.0 },
    }
}

fn street(list: &mut Vec<Element>, s: &mut Sampler) {
    let horizon = s.uniform(0.5, 1.0);
    let sky = sky(s, horizon);
    let glass = between(sky.zenith, [0.02, 0.03, 0.04], s.uniform(0.3, 0.9));
    let sun = s.uniform(0.5, 1.2);
    list.push(Element::Sky(sky));
    let count = up_to(1, 4, s);
    let mut left = s.uniform(-0.4, 0.1);
    for _ in 0..count {
        let width = s.uniform(0.25, 0.9);
        list.push(Element::Building(Building {
            area: Area::new(left, s.uniform(-0.5, 0.45), left + width, horizon + 0.02),
            wall: scaled(palette::sampled(&WALLS, s), sun),
            glass,
            windows: [up_to(2, 7, s), up_to(3, 8, s)],
            window_size: [s.uniform(0.3, 0.85), s.uniform(0.35, 0.8)],
            lit: 0.05,
        }));
        left += width * s.uniform(0.7, 1.1);
    }
    list.push(Element::Ground(Ground {
        top: horizon,
        far: scaled([0.3, 0.29, 0.28], sun),
        near: scaled([0.2, 0.2, 0.2], sun * s.uniform(0.6, 1.6)),
        texture: 0.1,
    }));
    if s.bernoulli(0.4) {
        let leaf = palette::sampled(&LEAVES, s);
        list.push(Element::Foliage(Foliage {
            top: horizon - s.uniform(0.05, 0.5),
            bottom: horizon + s.uniform(0.0, 0.1),
            ragged: s.uniform(0.1, 0.3),
            colors: [scaled(leaf, 0.2), scaled(leaf, sun)],
            clumps: s.uniform(5.0, 10.0),
            gaps: s.uniform(0.0, 0.2),
            behind: scaled([0.75, 0.84, 0.95], sun),
        }));
    }
    if s.bernoulli(0.5) {
        // Cars and people.
        list.push(Element::Clutter(Clutter {
            area: Area::new(0.0, horizon - 0.05, 1.0, horizon + 0.25),
            count: up_to(3, 10, s),
            colors: cloth4(s),
            size: s.uniform(0.05, 0.18),
        }));
    }
    if s.bernoulli(0.35) {
        list.push(trunk(s));
    }
    list.push(mottle(s, 0.15));
    list.push(side_light(s, 0.4));
}

fn press(list: &mut Vec<Element>, s: &mut Sampler) {
    let wall = palette::sampled(if s.bernoulli(0.5) { &VIVID } else { &PAINTS }, s);
    let contrast = |color: Color| {
        // Inks must differ from the wall.
        let distance = (color[1] - wall[1]).abs() + (color[0] - wall[0]).abs();
        let opposite = if wall[1] > 0.2 {
            [0.02, 0.03, 0.08]
        } else {
            [0.9, 0.9, 0.9]
        };
        if distance < 0.15 { opposite } else { color }
    };
    let (first, second) = (palette::sampled(&VIVID, s), palette::sampled(&VIVID, s));
    list.push(Element::LogoWall(LogoWall {
        wall,
        inks: [contrast(first), contrast(second)],
        row: s.uniform(0.1, 0.35),
    }));
    list.push(mottle(s, 0.1));
    list.push(side_light(s, 0.5));
}

fn pattern(list: &mut Vec<Element>, s: &mut Sampler) {
    let first = palette::sampled(&PAINTS, s);
    let kind = s.unit_uniform();
    if kind < 0.25 {
        list.push(Element::Bricks(Bricks {
            area: Area::ALL,
            color: scaled(palette::linear([150, 78, 58]), s.uniform(0.5, 1.6)),
            mortar: scaled([0.4, 0.38, 0.35], s.uniform(0.4, 1.4)),
            row: s.uniform(0.04, 0.1),
        }));
    } else if kind < 0.5 {
        list.push(Element::Boards(Boards {
            area: Area::ALL,
            color: palette::sampled(if s.bernoulli(0.7) { &WOODS } else { &PAINTS }, s),
            count: up_to(3, 12, s),
            grain: s.unit_uniform(),
        }));
    } else if kind < 0.75 {
        let second = palette::sampled(&PAINTS, s);
        list.push(Element::Stripes(Stripes {
            colors: [first, between(first, second, s.uniform(0.2, 1.0))],
            period: s.uniform(0.04, 0.3),
            angle: if s.bernoulli(0.6) {
                s.triangular(0.05)
            } else {
                s.uniform(-PI, PI)
            },
            duty: s.uniform(0.15, 0.6),
        }));
    } else {
        let second = palette::sampled(&PAINTS, s);
        list.push(Element::Checks(Checks {
            colors: [
                first,
                between(first, second, s.uniform(0.0, 0.6)),
                scaled(first, 0.5),
            ],
            period: s.uniform(0.1, 0.5),
            angle: s.triangular(0.1),
        }));
    }
    if s.bernoulli(0.4) {
        furniture(list, s, first);
    }
    let color = scaled(palette::sampled(&LAMPS, s), 0.2);
    list.push(Element::Glow(Glow {
        center: [s.unit_uniform(), s.unit_uniform()],
        radii: [0.6, 0.6],
        color: scaled(color, s.unit_uniform()),
    }));
    list.push(mottle(s, 0.3));
    list.push(side_light(s, 0.8));
}

fn night(list: &mut Vec<Element>, s: &mut Sampler) {
    let sky = palette::sampled(&[[6, 7, 12], [20, 16, 14], [10, 14, 34]], s);
    list.push(Element::Gradient(Gradient {
        colors: [sky, scaled([0.03, 0.022, 0.015], s.uniform(0.2, 3.0))],
        angle: FRAC_PI_2,
    }));
    if s.bernoulli(0.4) {
        let left = s.uniform(-0.3, 0.5);
        list.push(Element::Building(Building {
            area: Area::new(left, s.uniform(-0.3, 0.3), left + s.uniform(0.4, 1.0), 1.0),
            wall: [0.012, 0.011, 0.013],
            glass: [0.02, 0.02, 0.03],
            windows: [up_to(3, 7, s), up_to(4, 9, s)],
            window_size: [0.6, 0.6],
            lit: s.uniform(0.1, 0.5),
        }));
        list.push(Element::Defocus(s.uniform(0.01, 0.03)));
    }
    for _ in 0..up_to(1, 3, s) {
        let radius = s.uniform(0.012, 0.09);
        list.push(Element::Bokeh(Bokeh {
            area: area(s, [0.4, 1.4], [0.1, 0.9]),
            count: up_to(4, 25, s),
            radius: [0.5 * radius, radius],
            colors: [
                scaled(palette::sampled(&LAMPS, s), 0.9),
                scaled(palette::sampled(&LAMPS, s), 0.5),
                scaled(palette::sampled(&VIVID, s), 0.6),
            ],
            rim: s.uniform(0.0, 0.8),
        }));
    }
}

fn audience(list: &mut Vec<Element>, s: &mut Sampler) {
    let light = s.uniform(0.1, 1.0);
    let color = scaled(palette::sampled(&PAINTS, s), light);
    list.push(wall(s, color));
    let size = s.uniform(0.03, 0.11);
    list.push(Element::Crowd(Crowd {
        top: s.uniform(-0.1, 0.4),
        size,
        rows: up_to(3, 6, s),
        light: scaled([1.0, 0.95, 0.9], light),
    }));
    list.push(mottle(s, 0.3));
    list.push(Element::Defocus(size * s.uniform(0.1, 0.3)));
    list.push(side_light(s, 0.6));
}
