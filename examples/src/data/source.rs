//! An opened data set, and what both training and evaluation need to open one.

use crate::{DataConfig, SelectionPart};
use anyhow::Result;
use fkp_core::{CropRule, Dataset, InputSpec, Schema, SchemaMap};
use fkp_data::{
    Cached, Corrections, Cropped, Format, Mapped, OpenOptions, OpenedDataset, SchemaSource,
};
use fkp_train::WeightedSources;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The data of a training run: crops, cached where that saves time, or rendered.
pub struct TrainingData {
    /// The training samples.
    pub train: Arc<dyn Dataset>,
    /// What the training samples are represented by where each of them would have to be read: the
    /// training samples, or some of those of the first epoch if each epoch has new ones.
    pub representative: Arc<dyn Dataset>,
    /// The samples for validation after each epoch, on which the best epoch is chosen.
    pub selection: Arc<dyn Dataset>,
    /// The keypoints of both.
    pub schema: Schema,
    /// The detected format; `None` for rendered faces and several data sets.
    pub format: Option<Format>,
    /// The crop rule for the model file.
    pub crop: CropRule,
    /// The part that [`Self::selection`] is taken from.
    pub selected_on: SelectionPart,
    /// Name and description of the data.
    pub source: Source,
    /// Whether some of the samples are regions of photographs with boxes, which only a face score learns from.
    pub face_regions: bool,
    /// The data sets, if there are several.
    pub sources: Vec<DataSource>,
    /// How an epoch mixes the data sets, if they have weights.
    pub sampler: Option<WeightedSources>,
}

/// One of several data sets of a training run.
#[derive(Debug, Clone, Serialize)]
pub struct DataSource {
    /// A short name, unique among the sources.
    pub name: String,
    /// File or folder; rendered faces if absent.
    pub path: Option<PathBuf>,
    /// The detected format.
    #[serde(skip)]
    pub format: Option<Format>,
    /// Number of training samples.
    pub samples: usize,
    /// Number of samples in an epoch.
    pub samples_per_epoch: usize,
}

impl DataSource {
    /// Name and numbers in a line.
    pub fn summary(&self) -> String {
        let Self {
            name,
            samples,
            samples_per_epoch,
            ..
        } = self;
        format!("{name}: {samples} training samples, {samples_per_epoch} in each epoch")
    }
}

/// Name and description of a data set.
pub struct Source {
    /// A short name, used for the folder of a run.
    pub name: String,
    /// A summary in a few lines.
    pub description: String,
}

/// The help text of `--format`.
pub fn format_help() -> String {
    let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    let names = names.join(", ");
    format!("Format of the data: {names}; detected from the content if absent")
}

pub(super) fn format_of(name: Option<&str>) -> Result<Option<Format>> {
    Ok(name.map(str::parse::<Format>).transpose()?)
}

pub(super) fn corrections_of(path: Option<&Path>) -> Result<Option<Corrections>> {
    Ok(path.map(Corrections::load).transpose()?)
}

pub(super) fn map_onto(source: &Schema, target: &Schema) -> Result<SchemaMap> {
    Ok(SchemaMap::between(source, target)?)
}

/// Opens a data set. Numbered keypoints get the built-in schema of this name if it was chosen.
pub(super) fn open_as(path: &Path, options: OpenOptions, schema: &str) -> Result<OpenedDataset> {
    let opened = fkp_data::open(path, &options)?;
    let Some(named) = named_for_numbers(schema, &opened) else {
        return Ok(opened);
    };
    let schema = Some(named);
    Ok(fkp_data::open(path, &OpenOptions { schema, ..options })?)
}

/// The built-in schema of this name, if it was chosen and the files have as many numbered keypoints. The
/// default is not applied to numbered keypoints: their number alone does not make them a face.
fn named_for_numbers(schema: &str, opened: &OpenedDataset) -> Option<Schema> {
    let asked = schema != DataConfig::default().schema;
    let schema = Schema::by_name(schema).filter(|_| asked)?;
    let only_numbers = opened.schema_source == SchemaSource::Numbers;
    (only_numbers && schema.len() == opened.complete.schema().len()).then_some(schema)
}

/// The crops of some samples of a data set. Images that are crops already are only resized.
pub(super) fn cropped(
    opened: &OpenedDataset,
    samples: Arc<dyn Dataset>,
    map: &SchemaMap,
    rule: &CropRule,
    input: &InputSpec,
) -> Cropped<Mapped<Arc<dyn Dataset>>> {
    let rule = match &opened.crop {
        Some(_) => CropRule::Whole,
        None => rule.clone(),
    };
    Cropped::new(Mapped::new(samples, map.clone()), rule, *input)
}

/// Keeps crops in memory, except those that take little time to make again: from a packed file of crops,
/// which may be more than memory can hold, and from pixels of about the size of the crops.
pub(super) fn cached(
    opened: &OpenedDataset,
    crops: impl Dataset + 'static,
    input: &InputSpec,
) -> Arc<dyn Dataset> {
    let are_packed_crops = opened.format == Format::Fkp && opened.crop.is_some();
    let is_small = |(width, height): (usize, usize)| width * height <= 4 * input.size * input.size;
    match are_packed_crops || opened.pixel_size.is_some_and(is_small) {
        true => Arc::new(crops),
        false => Arc::new(Cached::new(crops)),
    }
}

pub(super) fn short_name(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is_file = absolute.is_file();
    let named = match (is_file, absolute.parent()) {
        (true, Some(folder)) => folder.file_name(),
        _ => absolute.file_name(),
    };
    named.map_or("data".to_owned(), |name| {
        name.to_string_lossy().into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fkp_core::{DatasetError, Image, InMemory, Keypoints, Sample};
    use fkp_data::{ImageEncoding, PackInput, PackOptions, pack};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A data set that counts how often it is read.
    struct Counting<'a>(InMemory, &'a AtomicUsize);

    impl Dataset for Counting<'_> {
        fn schema(&self) -> &Schema {
            self.0.schema()
        }

        fn len(&self) -> usize {
            self.0.len()
        }

        fn get(&self, index: usize) -> Result<Sample, DatasetError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.get(index)
        }
    }

    #[test]
    fn crops_are_kept_unless_a_packed_file_has_them_as_pixels() {
        static READS: AtomicUsize = AtomicUsize::new(0);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.fkp");
        let sample = Sample::new("a", Image::filled(40, 30, 1, 7), Keypoints::unlabeled(15));
        let set = InMemory::new(Schema::kaggle15(), vec![sample]).unwrap();
        for (images, side, reads) in [
            (ImageEncoding::Files, 96, 1),
            (ImageEncoding::Pixels, 96, 2),
            (ImageEncoding::Pixels, 16, 1),
        ] {
            let options = PackOptions {
                images,
                ..PackOptions::default()
            };
            let input = PackInput::new("one", Arc::new(set.clone()));
            pack(&[input], &path, &options).unwrap();
            let opened = fkp_data::open(&path, &OpenOptions::default()).unwrap();
            READS.store(0, Ordering::Relaxed);
            let crops = Counting(set.clone(), &READS);
            let crops = cached(&opened, crops, &InputSpec::gray(side));
            for _ in 0..2 {
                crops.get(0).unwrap();
            }
            assert_eq!(
                READS.load(Ordering::Relaxed),
                reads,
                "{images:?}, {side} px"
            );
            std::fs::remove_file(&path).unwrap();
        }
    }
}
