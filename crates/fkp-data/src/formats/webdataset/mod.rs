//! The reader of tar shards: [`Format::WebDataset`](crate::Format::WebDataset).

mod labels;
mod schema;
mod shard;

use super::reader::{FormatReader, ReadDataset, ReadOptions};
use super::split_by_file::{NamedFile, split_by_file};
use crate::annotated_set::{AnnotatedImage, AnnotatedSet};
use crate::error::{AnnotationError, listed, shortened};
use crate::files::{read_limited, sorted_names};
use crate::image_source::ImageSource;
use crate::{DataError, Progress};
use fkp_core::Keypoints;
use labels::{Details, Labels};
use rayon::prelude::*;
use schema::schema;
use shard::{Index, Member};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The largest member with labels, in bytes.
const MAX_LABELS: u64 = 1 << 24;

/// The reader of [`Format::WebDataset`](crate::Format::WebDataset).
pub(super) struct WebDatasetReader;

impl FormatReader for WebDatasetReader {
    fn name(&self) -> &'static str {
        "webdataset"
    }

    fn expects(&self) -> &'static str {
        "a .tar file, or a folder with .tar files"
    }

    fn detect(&self, path: &Path) -> Result<Option<PathBuf>, DataError> {
        let found = !shards(path)?.is_empty();
        Ok(found.then(|| path.to_owned()))
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<ReadDataset, DataError> {
        Ok(read(path, options)?.into())
    }
}

/// Reads the index and the labels of one shard or of all shards of a folder.
///
/// # Errors
/// If a shard is compressed or invalid, has a member twice, labels without an image or labels that
/// break a rule of their format, or the numbers or names of the keypoints differ.
fn read(path: &Path, options: &ReadOptions) -> Result<AnnotatedSet, DataError> {
    let shards = shards(path)?;
    if shards.is_empty() {
        return Err(WebDatasetReader.not_this_format(path));
    }
    let sizes = shards.iter().map(|shard| {
        let metadata = std::fs::metadata(shard).map_err(DataError::io(shard))?;
        Ok(metadata.len())
    });
    let progress = ByteProgress {
        done: AtomicU64::new(0),
        total: sizes.sum::<Result<u64, DataError>>()?,
        progress: &options.progress,
    };
    let read = shards
        .par_iter()
        .map(|shard| ShardSamples::read(shard, &progress));
    let read = read.collect::<Result<Vec<_>, _>>()?;
    let mut notes = notes(&read);
    let samples: Vec<_> = read.iter().flat_map(|shard| &shard.samples).collect();
    if samples.is_empty() {
        let path = path.to_owned();
        return Err(DataError::NoSamples { path });
    }
    let labels: Vec<_> = samples.iter().map(|sample| &sample.labels).collect();
    let schema = schema(path, &labels, options.schema.as_ref())?;
    let annotated = |sample: &&Sample| {
        let labels = &sample.labels.keypoints;
        let details = &sample.details;
        AnnotatedImage {
            id: sample.id.clone(),
            image: sample.image.clone(),
            keypoints: Keypoints::new(schema.order.iter().map(|i| labels[*i]).collect()),
            group: details.group.clone(),
            face_box: details.face_box,
            attributes: details.attributes.clone(),
            ..AnnotatedImage::default()
        }
    };
    let mut images: Vec<_> = samples.iter().map(annotated).collect();
    let far = options.far_labels;
    far.apply_to_files(&mut images, &mut notes, |index, far| {
        let position = schema.order[far.keypoint];
        let labels = &samples[index].labels;
        labels.coordinate_error(position, far.axis, far.value, |text| far.error(text))
    })?;
    let named = read.iter().map(|shard| NamedFile {
        name: shard.name.clone(),
        samples: shard.samples.len(),
    });
    let mut set = AnnotatedSet {
        predefined_split: split_by_file(named, &["train*.tar", "val*.tar"], &mut notes),
        schema: schema.schema,
        schema_source: schema.source,
        images,
        notes,
    };
    set.detect_schema_by_shape();
    Ok(set)
}

/// The shards at a path. Without any, compressed ones, whose error says how to unpack them.
fn shards(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let compressed = [".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2"];
    let names = match path.is_file() {
        true => vec![path.to_string_lossy().into_owned()],
        false => sorted_names(path)?,
    };
    for ends in [&[".tar"][..], &compressed] {
        let is_shard = |name: &&String| {
            let name = name.to_ascii_lowercase();
            ends.iter().any(|end| name.ends_with(end))
        };
        let found = names.iter().filter(is_shard);
        let found: Vec<_> = match path.is_file() {
            true => found.map(|_| path.to_owned()).collect(),
            false => found.map(|name| path.join(name)).collect(),
        };
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

struct ByteProgress<'o> {
    done: AtomicU64,
    total: u64,
    progress: &'o Progress,
}

impl ByteProgress<'_> {
    fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.progress.report(done, self.total, "bytes");
    }
}

/// An image with its labels.
struct Sample {
    id: String,
    image: ImageSource,
    labels: Labels,
    details: Details,
}

/// The samples of one shard.
struct ShardSamples {
    name: String,
    samples: Vec<Sample>,
    unlabeled_images: usize,
    other_members: usize,
    has_end: bool,
}

/// The members of one sample.
#[derive(Default)]
struct Members {
    image: Option<Member>,
    json: Option<Member>,
    npy: Option<Member>,
    pts: Option<Member>,
}

impl ShardSamples {
    fn read(path: &Path, progress: &ByteProgress<'_>) -> Result<Self, DataError> {
        let index = Index::read(path, |bytes| progress.add(bytes))?;
        let mut file = File::open(path).map_err(DataError::io(path))?;
        let shard = path.file_name().unwrap_or_default().to_string_lossy();
        let mut shard = Self {
            name: shard.into_owned(),
            samples: Vec::new(),
            unlabeled_images: 0,
            other_members: 0,
            has_end: index.has_end,
        };
        for (key, members) in shard.members_by_key(path, index.members)? {
            let Some((labels, details)) = read_labels(path, &mut file, &members)? else {
                shard.unlabeled_images += usize::from(members.image.is_some());
                shard.other_members += usize::from(members.image.is_none());
                continue;
            };
            let Some(image) = members.image else {
                let searched = format!("`{key}` with extension jpg, png, jpeg or bmp");
                return Err(labels.error(AnnotationError::MissingImage { searched }));
            };
            shard.samples.push(Sample {
                id: format!("{}/{key}", shard.name),
                image: ImageSource::Slice {
                    path: path.to_owned(),
                    offset: image.offset,
                    len: image.len,
                },
                labels,
                details,
            });
        }
        Ok(shard)
    }

    /// The members by their key, the name up to the first dot behind the last slash, in the order of
    /// the first member of each.
    fn members_by_key(
        &mut self,
        path: &Path,
        members: Vec<Member>,
    ) -> Result<Vec<(String, Members)>, DataError> {
        let mut samples: Vec<(String, Members)> = Vec::new();
        let mut by_key: BTreeMap<String, usize> = BTreeMap::new();
        for member in members {
            let Some((key, extension)) = key_and_extension(&member.name) else {
                self.other_members += 1;
                continue;
            };
            let index = *by_key.entry(key.to_owned()).or_insert_with(|| {
                samples.push((key.to_owned(), Members::default()));
                samples.len() - 1
            });
            let parts = &mut samples[index].1;
            let part = match extension.to_ascii_lowercase().as_str() {
                "jpg" | "jpeg" | "png" | "bmp" => &mut parts.image,
                "json" => &mut parts.json,
                "npy" => &mut parts.npy,
                "pts" => &mut parts.pts,
                _ => {
                    self.other_members += 1;
                    continue;
                }
            };
            if let Some(first) = part {
                let error = AnnotationError::Duplicate {
                    name: shortened(member.name.as_bytes()),
                    first: format!("byte {} as `{}`", first.offset, first.name),
                };
                let field = "a member of the same sample";
                return Err(DataError::invalid_binary(path, member.offset, field, error));
            }
            *part = Some(member);
        }
        Ok(samples)
    }
}

/// `faces/12.left.jpg` is (`faces/12`, `left.jpg`), as in the library of the format. `None` for a
/// name without an extension, or with nothing before it.
fn key_and_extension(name: &str) -> Option<(&str, &str)> {
    let base = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = base + name[base..].find('.')?;
    (dot > base).then(|| (&name[..dot], &name[dot + 1..]))
}

/// The labels of a sample: the keypoints of its `.json` member, or else of `.pts` or `.npy`. `None`
/// without labels.
fn read_labels(
    path: &Path,
    file: &mut File,
    members: &Members,
) -> Result<Option<(Labels, Details)>, DataError> {
    let mut bytes = |member: &Member| {
        let at = path.join(&member.name);
        let io = DataError::io(path);
        file.seek(SeekFrom::Start(member.offset)).map_err(io)?;
        let limit = MAX_LABELS.min(member.len);
        if member.len > limit {
            return Err(DataError::FileTooLarge { path: at, limit });
        }
        let bytes = read_limited(&at, file.by_ref().take(member.len), limit)?;
        Ok((at, bytes))
    };
    let mut details = Details::default();
    if let Some(member) = &members.json {
        let (at, text) = bytes(member)?;
        let (labels, found) = Labels::from_json(&at, &text)?;
        details = found;
        if let Some(labels) = labels {
            return Ok(Some((labels, details)));
        }
    }
    let labels = match (&members.pts, &members.npy) {
        (Some(member), _) => {
            let (at, text) = bytes(member)?;
            Labels::from_pts(&at, &text)?
        }
        (None, Some(member)) => {
            let (at, bytes) = bytes(member)?;
            Labels::from_npy(&at, &bytes)?
        }
        (None, None) => return Ok(None),
    };
    Ok(Some((labels, details)))
}

/// What a user should know of the shards.
fn notes(shards: &[ShardSamples]) -> Vec<String> {
    let sum = |count: fn(&ShardSamples) -> usize| shards.iter().map(count).sum::<usize>();
    let mut notes = Vec::new();
    let unlabeled = sum(|shard| shard.unlabeled_images);
    if unlabeled > 0 {
        notes.push(format!("{unlabeled} images without labels were ignored"));
    }
    let others = sum(|shard| shard.other_members);
    if others > 0 {
        notes.push(format!(
            "{others} members that are neither images nor labels were ignored"
        ));
    }
    let open = shards.iter().filter(|shard| !shard.has_end);
    let open: Vec<_> = open.map(|shard| format!("`{}`", shard.name)).collect();
    if !open.is_empty() {
        notes.push(format!(
            "shards without the blocks of zeros at their end, which may be truncated: {}",
            listed(open)
        ));
    }
    notes
}

#[cfg(test)]
mod tests;
