//! Consecutive geometric steps as one map: the single object that moves pixels and keypoints.

use super::distortion::DistortionTable;
use super::{GeometricMap, GeometricStep, Projective};
use fkp_core::Affine;
use fkp_core::warp::{InverseMap, PointMap};
use std::cell::RefCell;

/// The composition of consecutive geometric steps and the size of the frame it leads to.
pub(crate) struct ComposedMap {
    map: Map,
    pub(crate) size: (usize, usize),
}

enum Map {
    Affine(Affine),
    Projective(Projective),
    Chain(Chain),
}

/// Maps applied one after the other, in memory that the thread keeps.
struct Chain(Vec<Link>);

/// One map of a chain.
#[expect(
    clippy::large_enum_variant,
    reason = "a chain's memory is kept from one sample to the next; a box would not be"
)]
enum Link {
    Projective(Projective),
    Distortion(DistortionTable),
}

thread_local! {
    static SPARE: RefCell<Vec<Vec<Link>>> = const { RefCell::new(Vec::new()) };
}

impl ComposedMap {
    /// Composes the steps for an image of `size`; also returns the number of steps.
    pub(crate) fn of<'a>(
        steps: impl Iterator<Item = &'a GeometricStep>,
        size: (usize, usize),
    ) -> (Self, usize) {
        let mut composed = Self {
            map: Map::Affine(Affine::identity()),
            size,
        };
        let mut count = 0;
        for step in steps {
            composed = Self {
                map: composed.map.then(&step.map),
                size: step.size,
            };
            count += 1;
        }
        (composed, count)
    }

    /// Where a point goes, in pixels.
    pub(crate) fn forward(&self, x: f64, y: f64) -> (f64, f64) {
        match &self.map {
            Map::Affine(map) => map.apply(x, y),
            Map::Projective(map) => map.apply(x, y),
            Map::Chain(chain) => chain.0.iter().fold((x, y), |(x, y), link| match link {
                Link::Projective(map) => map.apply(x, y),
                Link::Distortion(table) => table.forward(x, y),
            }),
        }
    }

    /// Where a point comes from, in pixels.
    pub(crate) fn backward(&self, x: f64, y: f64) -> (f64, f64) {
        self.inverse().point(x, y)
    }

    /// The map from destination to source, by which pixels are read.
    pub(crate) fn inverse(&self) -> InverseMap<'_> {
        match &self.map {
            Map::Affine(map) => InverseMap::Affine(map.inverse().rows()),
            Map::Projective(map) => InverseMap::Perspective(map.inverse().rows()),
            Map::Chain(chain) => InverseMap::Points(chain),
        }
    }

    /// Whether left and right change places, which distortions never do.
    pub(crate) fn is_mirrored(&self) -> bool {
        match &self.map {
            Map::Affine(map) => map.is_mirrored(),
            Map::Projective(map) => map.is_mirrored(),
            Map::Chain(chain) => {
                let is_mirror =
                    |link: &&Link| matches!(link, Link::Projective(map) if map.is_mirrored());
                chain.0.iter().filter(is_mirror).count() % 2 == 1
            }
        }
    }

    /// The map as an affine one, if it is affine.
    pub(crate) fn affine(&self) -> Option<Affine> {
        match &self.map {
            Map::Affine(map) => Some(*map),
            Map::Projective(_) | Map::Chain(_) => None,
        }
    }

    /// Whether it leaves an image of `size` as it is.
    pub(crate) fn is_identity(&self, size: (usize, usize)) -> bool {
        self.size == size && matches!(&self.map, Map::Affine(map) if *map == Affine::identity())
    }
}

impl Map {
    fn then(self, next: &GeometricMap) -> Self {
        match (next, self) {
            (GeometricMap::Affine(next), Self::Affine(map)) => match map.then(next) {
                Ok(product) => Self::Affine(product),
                // The product of extreme factors underflows: the maps stay apart.
                Err(_) => Self::Chain(Chain::of([map.into(), (*next).into()])),
            },
            (GeometricMap::Affine(next), map) => map.then_projective((*next).into()),
            (GeometricMap::Projective(next), map) => map.then_projective(*next),
            (GeometricMap::Distortion(next), map) => {
                let mut chain = match map {
                    Self::Affine(map) => Chain::of([map.into()]),
                    Self::Projective(map) => Chain::of([map]),
                    Self::Chain(chain) => chain,
                };
                chain.0.push(Link::Distortion(next.table()));
                Self::Chain(chain)
            }
        }
    }

    fn then_projective(self, next: Projective) -> Self {
        let map = match self {
            Self::Affine(map) => Projective::from(map),
            Self::Projective(map) => map,
            Self::Chain(mut chain) => {
                chain.0.push(Link::Projective(next));
                return Self::Chain(chain);
            }
        };
        match map.then(&next) {
            Ok(product) => Self::Projective(product),
            Err(_) => Self::Chain(Chain::of([map, next])),
        }
    }
}

impl Chain {
    fn of<const N: usize>(maps: [Projective; N]) -> Self {
        let mut links = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        links.extend(maps.map(Link::Projective));
        Self(links)
    }
}

impl PointMap for Chain {
    fn src_from_dst(&self, x: f64, y: f64) -> (f64, f64) {
        let back = |(x, y), link: &Link| match link {
            Link::Projective(map) => map.inverse().apply(x, y),
            Link::Distortion(table) => table.backward(x, y),
        };
        self.0.iter().rev().fold((x, y), back)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        let mut links = std::mem::take(&mut self.0);
        links.clear();
        // At the end of a thread the spare memory may already be gone.
        let _ = SPARE.try_with(|spare| spare.borrow_mut().push(links));
    }
}
