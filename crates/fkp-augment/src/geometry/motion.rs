//! Consecutive geometric steps as one map: the single object that moves pixels and points.

use super::{DistortionTable, Projective};
use crate::Step;
use fkp_core::Affine;
use fkp_core::warp::{InverseMap, PointMap};
use std::cell::RefCell;

/// One map of a chain that no matrix can express as a whole.
#[expect(
    clippy::large_enum_variant,
    reason = "a chain's memory is kept from one sample to the next; a box would not be"
)]
enum Link {
    Straight(Projective),
    Bent(DistortionTable),
}

/// The composition of a run of geometric steps and the size of the frame it leads to.
pub(crate) struct Motion {
    map: Map,
    pub(crate) size: (usize, usize),
}

enum Map {
    Affine(Affine),
    Projective(Projective),
    Chain(Links),
}

/// The links of a chain, in memory that the thread keeps.
struct Links(Vec<Link>);

thread_local! {
    static SPARE: RefCell<Vec<Vec<Link>>> = const { RefCell::new(Vec::new()) };
}

impl Motion {
    /// Composes the geometric steps at the head of `steps`, for an image of `size`, and says how
    /// many they are.
    pub(crate) fn of(steps: &[Step], size: (usize, usize)) -> (Self, usize) {
        let mut motion = Self {
            map: Map::Affine(Affine::identity()),
            size,
        };
        let mut count = 0;
        for step in steps {
            motion.map = match (step, motion.map) {
                (Step::Affine { map, .. }, Map::Affine(so_far)) => match so_far.then(map) {
                    Ok(product) => Map::Affine(product),
                    // The product of absurd factors underflows: keep them apart.
                    Err(_) => Map::Chain(Links::of([so_far.into(), (*map).into()])),
                },
                (Step::Affine { map, .. }, so_far) => so_far.then_straight((*map).into()),
                (Step::Perspective { map, .. }, so_far) => so_far.then_straight(*map),
                (Step::Distortion { map }, so_far) => {
                    let mut links = so_far.into_links();
                    links.0.push(Link::Bent(map.table()));
                    Map::Chain(links)
                }
                (_, so_far) => {
                    motion.map = so_far;
                    break;
                }
            };
            if let Some(size) = step.new_size() {
                motion.size = size;
            }
            count += 1;
        }
        (motion, count)
    }

    /// Where a point goes, in pixels.
    pub(crate) fn forward(&self, x: f64, y: f64) -> (f64, f64) {
        match &self.map {
            Map::Affine(map) => map.apply(x, y),
            Map::Projective(map) => map.apply(x, y),
            Map::Chain(links) => links.0.iter().fold((x, y), |(x, y), link| match link {
                Link::Straight(map) => map.apply(x, y),
                Link::Bent(table) => table.forward(x, y),
            }),
        }
    }

    /// Where a point comes from, in pixels.
    pub(crate) fn backward(&self, x: f64, y: f64) -> (f64, f64) {
        self.pixels().point(x, y)
    }

    /// The map that pixels are fetched by.
    pub(crate) fn pixels(&self) -> InverseMap<'_> {
        match &self.map {
            Map::Affine(map) => InverseMap::Affine(map.inverse().rows()),
            Map::Projective(map) => InverseMap::Perspective(map.inverse().rows()),
            Map::Chain(links) => InverseMap::Points(links),
        }
    }

    /// Whether left and right change places. Bends never do that.
    pub(crate) fn is_mirrored(&self) -> bool {
        match &self.map {
            Map::Affine(map) => map.is_mirrored(),
            Map::Projective(map) => map.is_mirrored(),
            Map::Chain(links) => {
                links
                    .0
                    .iter()
                    .filter(|link| matches!(link, Link::Straight(map) if map.is_mirrored()))
                    .count()
                    % 2
                    == 1
            }
        }
    }

    /// The map as an affine one, if it is.
    pub(crate) fn affine(&self) -> Option<Affine> {
        match &self.map {
            Map::Affine(map) => Some(*map),
            Map::Projective(_) | Map::Chain(_) => None,
        }
    }

    /// Whether it does nothing to an image of `size`.
    pub(crate) fn is_identity(&self, size: (usize, usize)) -> bool {
        self.size == size && matches!(&self.map, Map::Affine(map) if *map == Affine::identity())
    }
}

impl Map {
    fn then_straight(self, next: Projective) -> Self {
        let straight = match self {
            Self::Affine(map) => Ok(Projective::from(map)),
            Self::Projective(map) => Ok(map),
            Self::Chain(links) => Err(links),
        };
        match straight {
            Ok(map) => match map.then(&next) {
                Ok(product) => Self::Projective(product),
                Err(_) => Self::Chain(Links::of([map, next])),
            },
            Err(mut links) => {
                links.0.push(Link::Straight(next));
                Self::Chain(links)
            }
        }
    }

    fn into_links(self) -> Links {
        match self {
            Self::Affine(map) => Links::of([map.into()]),
            Self::Projective(map) => Links::of([map]),
            Self::Chain(links) => links,
        }
    }
}

impl Links {
    fn of<const N: usize>(maps: [Projective; N]) -> Self {
        let mut links = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        links.extend(maps.map(Link::Straight));
        Self(links)
    }
}

impl PointMap for Links {
    fn src_from_dst(&self, x: f64, y: f64) -> (f64, f64) {
        let back = |(x, y), link: &Link| match link {
            Link::Straight(map) => map.inverse().apply(x, y),
            Link::Bent(table) => table.backward(x, y),
        };
        self.0.iter().rev().fold((x, y), back)
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        let mut links = std::mem::take(&mut self.0);
        links.clear();
        // At the end of a thread there may be nowhere left to keep it.
        let _ = SPARE.try_with(|spare| spare.borrow_mut().push(links));
    }
}
