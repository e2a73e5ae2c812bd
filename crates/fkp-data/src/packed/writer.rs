//! Writes a packed file: batch by batch, so that it can be resumed after a kill at any instant, and
//! under another name until it is complete.

use super::header::{LENGTH_BYTES, MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES, PackedMetadata, to_json};
use super::journal::{self, Batch, Job, Record};
use super::layout::{Column, Layout, Section, hex};
use super::values::{NO_GROUP, Part, convention_code, visibility_code};
use crate::DataError;
use crate::error::PackedError;
use fkp_core::Sample;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// After so many bytes, or so much time, the file is synced to the disk and the journal written: what
/// is lost by a kill is less.
const SYNC_BYTES: usize = 64 << 20;
const SYNC_INTERVAL: Duration = Duration::from_secs(2);

/// A sample on its way into the file.
pub(super) struct Packed {
    pub(super) sample: Sample,
    /// Which source it is from.
    pub(super) source: u32,
    pub(super) part: Part,
    pub(super) image: PackedImage,
}

/// The image of a sample.
pub(super) enum PackedImage {
    /// These bytes, in a file or as pixels.
    Bytes(Vec<u8>),
    /// That of an earlier sample, by its index.
    Shared(usize),
}

/// A packed file that is not complete.
pub(super) struct Writer {
    out: PathBuf,
    partial: PathBuf,
    journal_path: PathBuf,
    file: File,
    journal: File,
    layout: Layout,
    metadata: PackedMetadata,
    /// Of the samples that are in the file.
    records: Vec<Record>,
    /// The names of the attributes of all samples so far.
    attributes: BTreeSet<String>,
    image_bytes: u64,
    image_hash: Sha256,
    /// Samples since the last entry of the journal.
    pending: Vec<Record>,
    unsynced: usize,
    last_sync: Instant,
}

impl Writer {
    /// Opens the unfinished file for `out`, or begins one.
    ///
    /// # Errors
    /// If it was begun with another job, another process writes it, or it cannot be read or written.
    pub(super) fn open(out: &Path, job: &Job) -> Result<Self, DataError> {
        let (partial, journal_path) = unfinished(out);
        let metadata = PackedMetadata {
            schema: job.schema.clone(),
            sources: job.sources.clone(),
            attributes: Vec::new(),
            crop: job.crop.clone(),
            checksums: BTreeMap::new(),
        };
        let header = |source| DataError::packed(out, PackedError::Header { source });
        let layout = Layout::new(&metadata, job.shape()).map_err(header)?;
        let failed = DataError::write(&partial);
        let open = |path: &Path| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            options.open(path).map_err(DataError::write(path))
        };
        let mut journal = open(&journal_path)?;
        lock(&journal).map_err(DataError::write(&journal_path))?;
        let mut text = Vec::new();
        journal
            .read_to_end(&mut text)
            .map_err(DataError::io(&journal_path))?;
        let begun = journal::parse(&journal_path, &text)?;
        let mut file = open(&partial)?;
        let mut records = Vec::new();
        let (mut image_bytes, mut journal_bytes) = (0, 0);
        if let Some((first, batches, length)) = begun {
            job.check_same(&first)
                .map_err(|error| DataError::packed(&journal_path, error))?;
            let recorded = batches.last().map_or(0, |batch| batch.image_bytes);
            // Of a file that was removed or cut short, the journal says nothing.
            if file.metadata().map_err(failed)?.len() >= layout.images_start + recorded {
                image_bytes = recorded;
                journal_bytes = length;
                records.extend(batches.into_iter().flat_map(|batch| batch.records));
            }
        }
        let attributes = records
            .iter()
            .flat_map(|record: &Record| &record.attributes);
        let attributes = attributes.cloned().collect();
        // What is behind the last entry of the journal is written again.
        file.set_len(layout.images_start + image_bytes)
            .map_err(failed)?;
        let image_hash = hash_range(&mut file, layout.images_start, image_bytes).map_err(failed)?;
        let journal_failed = DataError::write(&journal_path);
        journal.set_len(journal_bytes).map_err(journal_failed)?;
        journal.seek(SeekFrom::End(0)).map_err(journal_failed)?;
        if journal_bytes == 0 {
            append_line(&mut journal, job).map_err(journal_failed)?;
        }
        Ok(Self {
            out: out.to_owned(),
            file,
            journal,
            layout,
            metadata,
            records,
            attributes,
            image_bytes,
            image_hash,
            pending: Vec::new(),
            unsynced: 0,
            last_sync: Instant::now(),
            partial,
            journal_path,
        })
    }

    /// Number of samples that are in the file.
    pub(super) fn samples(&self) -> usize {
        self.records.len() + self.pending.len()
    }

    /// Writes the next samples.
    pub(super) fn write(&mut self, batch: Vec<Packed>) -> Result<(), DataError> {
        self.add_attributes(&batch)?;
        let first = self.samples();
        let mut images = Vec::new();
        let mut ranges = Vec::with_capacity(batch.len());
        let start = self.image_bytes;
        for packed in &batch {
            let range = match &packed.image {
                PackedImage::Shared(index) => self.record(*index, first, &ranges),
                PackedImage::Bytes(bytes) => {
                    let range = [self.image_bytes, self.image_bytes + bytes.len() as u64];
                    images.extend_from_slice(bytes);
                    self.image_bytes = range[1];
                    range
                }
            };
            ranges.push(range);
        }
        self.image_hash.update(&images);
        let images_start = self.layout.images_start;
        self.write_at(images_start + start, &images)?;
        for (column, position) in self.layout.columns().collect::<Vec<_>>() {
            let row = column.row_bytes(&self.layout.shape);
            let mut rows = Vec::with_capacity(row * batch.len());
            for (packed, range) in batch.iter().zip(&ranges) {
                put(column, packed, *range, &mut rows);
            }
            self.write_at(position + (first * row) as u64, &rows)?;
            self.unsynced += rows.len();
        }
        self.unsynced += images.len();
        let records = batch.into_iter().zip(ranges).map(|(packed, image)| Record {
            id: packed.sample.id,
            group: packed.sample.group,
            boxes: packed.sample.boxes,
            attributes: packed.sample.attributes,
            image,
        });
        self.pending.extend(records);
        if self.unsynced >= SYNC_BYTES || self.last_sync.elapsed() >= SYNC_INTERVAL {
            self.sync()?;
        }
        Ok(())
    }

    /// Refuses more attributes than the header has room for, before anything else is written.
    fn add_attributes(&mut self, batch: &[Packed]) -> Result<(), DataError> {
        for name in batch.iter().flat_map(|packed| &packed.sample.attributes) {
            if !self.attributes.contains(name) {
                self.attributes.insert(name.clone());
            }
        }
        let count = self.attributes.len();
        let bytes = self.attributes.iter().map(String::len).sum();
        let error = if count > MAX_ATTRIBUTES {
            PackedError::TooManyAttributes { count }
        } else if bytes > MAX_ATTRIBUTE_BYTES {
            PackedError::LongAttributes { bytes }
        } else {
            return Ok(());
        };
        Err(DataError::packed(&self.out, error))
    }

    /// Completes the file and gives it its name. Returns its size in bytes.
    pub(super) fn finish(mut self) -> Result<u64, DataError> {
        self.sync()?;
        // In alphabetical order, whatever the order of the samples.
        self.metadata.attributes = self.attributes.iter().cloned().collect();
        let last = self.last_sections();
        let mut position = self.layout.images_start + self.image_bytes;
        for section in &last {
            self.write_at(position, &section.bytes)?;
            position += section.bytes.len() as u64;
        }
        let tensors = self.layout.tensors(self.image_bytes, &last);
        for (name, info) in &tensors {
            let (start, end) = info.data_offsets;
            let checksum = match *name {
                "pixels" | "image_bytes" => self.image_hash.clone(),
                _ => {
                    let start = self.layout.data_start + start as u64;
                    let len = (end as u64 + self.layout.data_start) - start;
                    hash_range(&mut self.file, start, len).map_err(DataError::io(&self.partial))?
                }
            };
            let checksums = &mut self.metadata.checksums;
            checksums.insert((*name).to_owned(), hex(checksum));
        }
        let invalid = |source| DataError::packed(&self.out, PackedError::Header { source });
        let mut json = to_json(&self.metadata, &tensors).map_err(invalid)?;
        let length = self.layout.data_start as usize - LENGTH_BYTES;
        if json.len() > length {
            let bytes = self.attributes.iter().map(String::len).sum();
            let error = PackedError::LongAttributes { bytes };
            return Err(DataError::packed(&self.out, error));
        }
        // Blanks at the end are part of a valid header.
        json.extend(std::iter::repeat_n(' ', length - json.len()));
        self.write_at(0, &(length as u64).to_le_bytes())?;
        self.write_at(LENGTH_BYTES as u64, json.as_bytes())?;
        let failed = DataError::write(&self.out);
        self.file.sync_all().map_err(failed)?;
        // Before the rename: a journal without its file must not be taken for the record of another one.
        std::fs::remove_file(&self.journal_path).map_err(DataError::write(&self.journal_path))?;
        std::fs::rename(&self.partial, &self.out).map_err(failed)?;
        // The name of a file is safe once its folder is on the disk; not every system can sync one.
        let folder = self
            .out
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
            let _ = folder.sync_all();
        }
        Ok(position)
    }

    /// The range of the image of an earlier sample, which may be in the same batch.
    fn record(&self, index: usize, first: usize, batch: &[[u64; 2]]) -> [u64; 2] {
        match index.checked_sub(first) {
            Some(index) => batch[index],
            None => match index.checked_sub(self.records.len()) {
                Some(index) => self.pending[index].image,
                None => self.records[index].image,
            },
        }
    }

    /// Makes sure that the file is on the disk before the journal says so.
    pub(super) fn sync(&mut self) -> Result<(), DataError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let failed = DataError::write(&self.partial);
        self.file.sync_data().map_err(failed)?;
        let batch = Batch {
            image_bytes: self.image_bytes,
            records: std::mem::take(&mut self.pending),
        };
        let failed = DataError::write(&self.journal_path);
        append_line(&mut self.journal, &batch).map_err(failed)?;
        self.records.extend(batch.records);
        self.unsynced = 0;
        self.last_sync = Instant::now();
        Ok(())
    }

    fn write_at(&mut self, position: u64, bytes: &[u8]) -> Result<(), DataError> {
        let seek = self.file.seek(SeekFrom::Start(position));
        let written = seek.and_then(|_| self.file.write_all(bytes));
        written.map_err(DataError::write(&self.partial))
    }

    /// The tensors at the end of the file.
    fn last_sections(&self) -> Vec<Section> {
        let mut ids = Texts::default();
        let mut groups = Texts::default();
        let mut group_numbers: BTreeMap<&str, u32> = BTreeMap::new();
        let (mut group_of, mut attributes_of) = (Vec::new(), Vec::new());
        let (mut boxes, mut ignored, mut box_offsets) = (Vec::new(), Vec::new(), vec![0]);
        for record in &self.records {
            ids.push(&record.id);
            group_of.push(match record.group.as_deref() {
                None => NO_GROUP,
                Some(group) => *group_numbers.entry(group).or_insert_with(|| {
                    groups.push(group);
                    groups.len() as u32 - 1
                }),
            });
            let mut bits = 0u64;
            for name in &record.attributes {
                let known = self.attributes.iter();
                let bit = known.take_while(|known| *known < name).count();
                bits |= 1 << bit;
            }
            attributes_of.push(bits);
            for label in &record.boxes {
                let fkp_core::BoundingBox {
                    x,
                    y,
                    width,
                    height,
                } = label.bounds;
                boxes.push([x, y, width, height]);
                ignored.push(u8::from(label.ignore));
            }
            box_offsets.push(boxes.len() as u64);
        }
        // The tensors of numbers start at a multiple of eight bytes.
        let before = self.layout.images_start + self.image_bytes;
        let padding = (before.next_multiple_of(8) - before) as usize;
        vec![
            Section::bytes("padding", vec![0; padding]),
            Section::numbers("id_offsets", &ids.offsets),
            Section::numbers("attributes", &attributes_of),
            Section::numbers("group_offsets", &groups.offsets),
            Section::numbers("box_offsets", &box_offsets),
            Section::boxes("boxes", &boxes),
            Section::indices("groups", &group_of),
            Section::bytes("boxes_ignored", ignored),
            Section::bytes("id_bytes", ids.bytes),
            Section::bytes("group_bytes", groups.bytes),
        ]
    }
}

/// Texts one after the other, with the offset of each and of the end.
struct Texts {
    bytes: Vec<u8>,
    offsets: Vec<u64>,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            offsets: vec![0],
        }
    }
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.offsets.push(self.bytes.len() as u64);
    }

    fn len(&self) -> usize {
        self.offsets.len() - 1
    }
}

/// The names under which a file is written before it is complete, and its journal.
pub(super) fn unfinished(out: &Path) -> (PathBuf, PathBuf) {
    let with = |ending: &str| {
        let mut name = out.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    (with(".partial"), with(".partial.journal"))
}

/// Appends the bytes of one sample in a column.
fn put(column: Column, packed: &Packed, range: [u64; 2], out: &mut Vec<u8>) {
    let sample = &packed.sample;
    match column {
        Column::FaceBoxes => {
            let bounds = sample.face_box.as_ref().map(|face_box| face_box.bounds);
            let numbers = bounds.map_or([0.0; 4], |b| [b.x, b.y, b.width, b.height]);
            out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
        Column::ImageRanges => out.extend(range.iter().flat_map(|number| number.to_le_bytes())),
        Column::Keypoints => {
            for keypoint in sample.keypoints.iter() {
                // A program that forgets the visibility does not get a position.
                let xy = match keypoint.is_labeled() {
                    true => [keypoint.x, keypoint.y],
                    false => [f32::NAN; 2],
                };
                out.extend(xy.iter().flat_map(|number| number.to_le_bytes()));
            }
        }
        Column::Sources => out.extend(packed.source.to_le_bytes()),
        Column::Visibility => {
            let keypoints = sample.keypoints.iter();
            out.extend(keypoints.map(|keypoint| visibility_code(keypoint.visibility)));
        }
        Column::FaceBoxConventions => out.push(convention_code(sample.face_box.as_ref())),
        Column::IsFace => out.push(u8::from(sample.is_face)),
        Column::Splits => out.push(packed.part.code()),
    }
}

/// Locks the journal, which only one process may write.
fn lock(journal: &File) -> std::io::Result<()> {
    match journal.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(std::io::Error::other(
            "another process is writing this file",
        )),
        // Some network file systems do not support locks.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn append_line(file: &mut File, value: &impl serde::Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}

fn hash_range(file: &mut File, start: u64, len: u64) -> std::io::Result<Sha256> {
    file.seek(SeekFrom::Start(start))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut rest = len;
    while rest > 0 {
        let part = buffer
            .len()
            .min(usize::try_from(rest).unwrap_or(usize::MAX));
        file.read_exact(&mut buffer[..part])?;
        hasher.update(&buffer[..part]);
        rest -= part as u64;
    }
    Ok(hasher)
}
