//! Finds copies of images: equal pixels, and images or faces that are nearly equal.

use super::perceptual::SmallImage;
use super::scan::{Scanned, ScannedImage};
use serde::Serialize;
use std::collections::BTreeMap;

/// The largest number of different bits of two hashes whose images are compared.
const MAX_BITS: u32 = 11;

/// Samples that show the same image, or nearly the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CopyGroup {
    /// What the samples have in common.
    pub kind: CopyKind,
    /// The samples, in the order of the data sets.
    pub samples: Vec<SampleRef>,
    /// The pairs by which near copies were found, the first of each after the second in the order
    /// of the samples: enough of them to connect all. Empty for exact copies.
    pub pairs: Vec<NearPair>,
    /// Whether the samples are in both parts of a predefined split.
    pub across_parts: bool,
    /// Whether the samples are of several data sets.
    pub across_sets: bool,
    /// Whether the samples are of several persons, or of unknown ones.
    pub across_persons: bool,
}

/// What copies have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CopyKind {
    /// All pixels are equal.
    Exact,
    /// Small gray versions of the images, or of the faces in them, are correlated.
    Near,
}

/// A sample of one of the inspected data sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SampleRef {
    /// Number of the data set, from 0.
    pub set: usize,
    /// Index of the sample in [`crate::OpenedDataset::complete`].
    pub index: usize,
    /// Its id.
    pub id: String,
    /// The part of the predefined split that it is in, if any.
    pub part: Option<Part>,
}

/// A part of a predefined split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The training part.
    Train,
    /// The validation part.
    Val,
}

/// Two samples that are nearly equal.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NearPair {
    /// Positions of the two in [`CopyGroup::samples`].
    pub samples: [usize; 2],
    /// Pearson's correlation of their small gray versions, at most 1.
    pub correlation: f64,
    /// What was compared.
    pub compared: Compared,
    /// Whether one is the mirror image of the other.
    pub is_mirrored: bool,
}

/// What was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// The whole images.
    Images,
    /// The crops around the labels of the faces.
    Faces,
}

/// A data set as the search for copies sees it.
pub(super) struct SearchedSet<'a> {
    pub(super) samples: &'a [Scanned],
    /// The part of each sample in the predefined split.
    pub(super) parts: Vec<Option<Part>>,
}

/// The copies in all data sets: those across parts first, then across data sets, then across
/// persons.
pub(super) fn find_copies(sets: &[SearchedSet<'_>], min_correlation: f64) -> Vec<CopyGroup> {
    let all: Vec<(usize, usize)> = sets
        .iter()
        .enumerate()
        .flat_map(|(set, searched)| (0..searched.samples.len()).map(move |index| (set, index)))
        .collect();
    let scanned = |at: usize| {
        let (set, index) = all[at];
        &sets[set].samples[index]
    };
    let (mut groups, representative) = exact_groups(&all, scanned);
    let mut near = NearSearch::new(all.len(), min_correlation);
    for (at, first) in representative.into_iter().enumerate() {
        if first != at {
            continue;
        }
        if let ScannedImage::Decoded { whole, face, .. } = &scanned(at).image {
            near.add(at, whole.as_ref(), Compared::Images);
            near.add(at, face.as_ref(), Compared::Faces);
        }
    }
    groups.extend(near.groups());
    let mut groups: Vec<CopyGroup> = groups
        .into_iter()
        .map(|group| described(group, sets, &all))
        .collect();
    groups.retain(|group| group.samples.len() > 1);
    groups.sort_by_key(|group| {
        let CopyGroup {
            across_parts,
            across_sets,
            across_persons,
            ..
        } = group;
        (!across_parts, !across_sets, !across_persons)
    });
    groups
}

/// A group by positions in the list of all samples.
struct RawGroup {
    kind: CopyKind,
    members: Vec<usize>,
    links: Vec<Link>,
}

/// Two samples that were found to be alike.
struct Link {
    samples: [usize; 2],
    correlation: f64,
    compared: Compared,
    is_mirrored: bool,
}

/// The exact copies, and for each sample the first one with the same pixels. Several samples of one
/// image file are no copies.
fn exact_groups<'a>(
    all: &[(usize, usize)],
    scanned: impl Fn(usize) -> &'a Scanned,
) -> (Vec<RawGroup>, Vec<usize>) {
    let mut by_hash: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut representative: Vec<usize> = (0..all.len()).collect();
    for (at, own) in representative.iter_mut().enumerate() {
        let Some(hash) = scanned(at).content_hash() else {
            continue;
        };
        let same = by_hash.entry(hash).or_default();
        let is_same_file = |other: &usize| {
            let (set, _) = all[at];
            all[*other].0 == set && scanned(*other).origin.image == scanned(at).origin.image
        };
        if !same.iter().any(is_same_file) {
            *own = same.first().copied().unwrap_or(at);
            same.push(at);
        }
    }
    let groups = by_hash.into_values().filter(|same| same.len() > 1);
    let groups = groups.map(|members| RawGroup {
        kind: CopyKind::Exact,
        members,
        links: Vec::new(),
    });
    (groups.collect(), representative)
}

fn described(group: RawGroup, sets: &[SearchedSet<'_>], all: &[(usize, usize)]) -> CopyGroup {
    let samples = group.members.iter().map(|&at| {
        let (set, index) = all[at];
        SampleRef {
            set,
            index,
            id: sets[set].samples[index].id.clone(),
            part: sets[set].parts[index],
        }
    });
    let samples: Vec<SampleRef> = samples.collect();
    let position = |at: usize| group.members.partition_point(|member| *member < at);
    let pairs = group.links.iter().map(|link| NearPair {
        samples: link.samples.map(position),
        correlation: link.correlation,
        compared: link.compared,
        is_mirrored: link.is_mirrored,
    });
    let parts_of = |set: usize, part: Part| {
        let mut samples = samples.iter();
        samples.any(|sample| sample.set == set && sample.part == Some(part))
    };
    let across_parts = |set: usize| parts_of(set, Part::Train) && parts_of(set, Part::Val);
    let person = |sample: &SampleRef| sets[sample.set].samples[sample.index].group.as_ref();
    let first = samples.first();
    CopyGroup {
        kind: group.kind,
        pairs: pairs.collect(),
        across_parts: (0..sets.len()).any(across_parts),
        across_sets: samples
            .iter()
            .any(|sample| Some(sample.set) != first.map(|s| s.set)),
        across_persons: samples
            .iter()
            .any(|sample| person(sample).is_none() || person(sample) != first.and_then(person)),
        samples,
    }
}

/// Finds near copies: candidates by their hashes, verified by their correlation. Samples that are
/// connected already are not compared again, so that many copies of an image take no longer.
struct NearSearch<'a> {
    min_correlation: f64,
    /// Union-find over all samples.
    parents: Vec<usize>,
    links: Vec<Link>,
    indices: [HashIndex<'a>; 2],
}

impl<'a> NearSearch<'a> {
    fn new(samples: usize, min_correlation: f64) -> Self {
        Self {
            min_correlation,
            parents: (0..samples).collect(),
            links: Vec::new(),
            indices: [HashIndex::new(), HashIndex::new()],
        }
    }

    /// Compares a sample with those before it.
    fn add(&mut self, at: usize, small: Option<&'a SmallImage>, compared: Compared) {
        let Some(small) = small else { return };
        let kind = usize::from(compared == Compared::Faces);
        let mirrored = small.mirrored();
        for (is_mirrored, query) in [(false, small), (true, &mirrored)] {
            for other in self.indices[kind].within(query.hash) {
                let (before, candidate) = self.indices[kind].entries[other];
                if self.root(before) == self.root(at) {
                    continue;
                }
                let correlation = query.correlation(candidate);
                if correlation >= self.min_correlation {
                    let (a, b) = (self.root(before), self.root(at));
                    self.parents[a.max(b)] = a.min(b);
                    self.links.push(Link {
                        samples: [before, at],
                        correlation,
                        compared,
                        is_mirrored,
                    });
                }
            }
        }
        self.indices[kind].push(at, small);
    }

    fn root(&mut self, at: usize) -> usize {
        let mut root = at;
        while self.parents[root] != root {
            self.parents[root] = self.parents[self.parents[root]];
            root = self.parents[root];
        }
        root
    }

    fn groups(mut self) -> Vec<RawGroup> {
        let mut groups: BTreeMap<usize, RawGroup> = BTreeMap::new();
        for link in std::mem::take(&mut self.links) {
            let root = self.root(link.samples[0]);
            let group = groups.entry(root).or_insert_with(|| RawGroup {
                kind: CopyKind::Near,
                members: Vec::new(),
                links: Vec::new(),
            });
            group.members.extend(link.samples);
            group.links.push(link);
        }
        let mut groups: Vec<RawGroup> = groups.into_values().collect();
        for group in &mut groups {
            group.members.sort_unstable();
            group.members.dedup();
        }
        groups
    }
}

/// 64-bit hashes by their four words of 16 bits. Two hashes with at most [`MAX_BITS`] different bits
/// have a word with at most two, so that looking up all words with two bits changed finds all of
/// them (multi-index hashing: Norouzi et al., *Fast search in Hamming space*, 2012).
struct HashIndex<'a> {
    entries: Vec<(usize, &'a SmallImage)>,
    /// For each word and value, the entries.
    buckets: Vec<Vec<u32>>,
    /// The query that last saw an entry.
    seen: Vec<u64>,
    queries: u64,
}

const WORDS: usize = 4;
const VALUES: usize = 1 << 16;

impl<'a> HashIndex<'a> {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            buckets: vec![Vec::new(); WORDS * VALUES],
            seen: Vec::new(),
            queries: 0,
        }
    }

    fn push(&mut self, at: usize, small: &'a SmallImage) {
        for word in 0..WORDS {
            self.buckets[bucket(small.hash, word, 0)].push(self.entries.len() as u32);
        }
        self.entries.push((at, small));
        self.seen.push(0);
    }

    /// The entries whose hash differs in at most [`MAX_BITS`] bits.
    fn within(&mut self, hash: u64) -> Vec<usize> {
        self.queries += 1;
        let mut found = Vec::new();
        for word in 0..WORDS {
            for first in 0..=16 {
                // Bit 16 stands for none.
                for second in first..=16 {
                    if first == second && first < 16 {
                        continue;
                    }
                    let changed = (1 << first | 1 << second) & (VALUES - 1);
                    for &entry in &self.buckets[bucket(hash, word, changed)] {
                        let entry = entry as usize;
                        let is_new = self.seen[entry] != self.queries;
                        self.seen[entry] = self.queries;
                        let bits = (self.entries[entry].1.hash ^ hash).count_ones();
                        if is_new && bits <= MAX_BITS {
                            found.push(entry);
                        }
                    }
                }
            }
        }
        found
    }
}

fn bucket(hash: u64, word: usize, changed: usize) -> usize {
    let value = (hash >> (16 * word)) as usize & (VALUES - 1);
    word * VALUES + (value ^ changed)
}
