//! Consecutive geometric steps as one map: the single object that moves pixels and points.

use super::{BendTable, Projective};
use crate::Step;
use crate::warp::Backward;
use fkp_core::Affine;

/// One map of a chain that no matrix can express as a whole.
pub(crate) enum Link {
    Straight(Projective),
    Bent(Box<BendTable>),
}

/// The composition of a run of geometric steps and the size of the frame it leads to.
pub(crate) struct Motion {
    map: Map,
    pub(crate) size: (usize, usize),
}

enum Map {
    Affine(Affine),
    Projective(Projective),
    Chain(Vec<Link>),
}

impl Motion {
    /// Composes the geometric steps at the head of `steps`, for a picture of `size`, and says how
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
                    Err(_) => Map::Chain(vec![
                        Link::Straight(so_far.into()),
                        Link::Straight((*map).into()),
                    ]),
                },
                (Step::Affine { map, .. }, so_far) => so_far.then_straight((*map).into()),
                (Step::Perspective { map, .. }, so_far) => so_far.then_straight(*map),
                (Step::Bend { map }, so_far) => {
                    let mut links = so_far.into_links();
                    links.push(Link::Bent(Box::new(map.table())));
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
            Map::Chain(links) => links.iter().fold((x, y), |(x, y), link| match link {
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
    pub(crate) fn pixels(&self) -> Backward<'_> {
        match &self.map {
            Map::Affine(map) => Backward::Affine(map.inverse().rows()),
            Map::Projective(map) => Backward::Projective(map.inverse().rows()),
            Map::Chain(links) => Backward::Chain(links),
        }
    }

    /// Whether left and right change places. Bends never do that.
    pub(crate) fn is_mirrored(&self) -> bool {
        match &self.map {
            Map::Affine(map) => map.is_mirrored(),
            Map::Projective(map) => map.is_mirrored(),
            Map::Chain(links) => {
                links
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

    /// Whether it does nothing to a picture of `size`.
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
                Err(_) => Self::Chain(vec![Link::Straight(map), Link::Straight(next)]),
            },
            Err(mut links) => {
                links.push(Link::Straight(next));
                Self::Chain(links)
            }
        }
    }

    fn into_links(self) -> Vec<Link> {
        match self {
            Self::Affine(map) => vec![Link::Straight(map.into())],
            Self::Projective(map) => vec![Link::Straight(map)],
            Self::Chain(links) => links,
        }
    }
}
