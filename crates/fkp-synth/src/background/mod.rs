//! What stands behind and around a head in photographs.
//!
//! A [`Background`] is a list of elements that are painted one over the other. [`Element::Defocus`]
//! blurs all that is painted before it, so that a list has any depth of field. Elements that are
//! blurred are painted at a lower resolution, which is what makes blurred backgrounds cheap.
//!
//! Lengths and positions are fractions of the side, 0 at the left and top, so that any size shows
//! the same. Colors are linear RGB; 1 is a white surface under full light.

mod canvas;
mod dice;
mod distribution;
mod element;
mod field;
mod geometry;
mod indoor;
mod lights;
mod outdoor;
mod palette;
mod patterns;
mod people;
mod scenes;
mod signs;
mod studio;
mod surface;
mod view;

pub use distribution::{BackgroundDistribution, SceneWeights};
pub use element::{Background, Element};
pub use geometry::{Area, Color};
pub use indoor::{Clutter, Lamp, Panel, Shelf, Window};
pub use lights::{Beam, Bokeh, Glow, Shade};
pub use outdoor::{Building, Foliage, Ground, Sky};
pub use patterns::{Bar, Boards, Bricks, Checks, Stripes};
pub use people::{Crowd, Person};
pub use signs::{LogoWall, Poster, Screen, Text};
pub use studio::{Backdrop, Curtain, Gradient};
pub use surface::Mottle;
pub use view::View;
