//! From a path to crops that a network can be fed.

use crate::{CropChoice, DataConfig, RenderedConfig, RunNotes, Selection, SelectionPart};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use fkp_core::{CropRule, Dataset, InputSpec, Schema, SchemaMap, Subset, fnv1a};
use fkp_data::{
    BoxSource, Cached, Cropped, Format, Mapped, OpenOptions, OpenedDataset, SchemaSource, SplitIndices,
    SplitRule, hold_out,
};
use fkp_model::ModelCard;
use fkp_synth::{SynthConfig, SynthFaces};
use rayon::prelude::*;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Crops to train on and crops to choose the best epoch on, each decoded once and kept.
pub struct Prepared {
    /// What is trained on.
    pub train: Arc<dyn Dataset>,
    /// What the loop validates on, and so chooses the best epoch on.
    pub selection: Arc<dyn Dataset>,
    /// The keypoints of both.
    pub schema: Schema,
    /// The format that was found; `None` for rendered faces.
    pub format: Option<Format>,
    /// The crop rule that a model trained on them is to carry.
    pub crop: CropRule,
    /// Which samples [`Self::selection`] are.
    pub selected_on: SelectionPart,
    /// Where they come from, for people.
    pub source: Source,
}

/// Where samples come from.
pub struct Source {
    /// A short name, for a run's folder.
    pub name: String,
    /// What a person should read before a training, in a few lines.
    pub description: String,
}

/// Which part of a data set a model is evaluated on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Part {
    /// What the model was trained on.
    Train,
    /// What its best epoch was chosen on.
    Selection,
    /// What neither saw.
    #[default]
    Val,
    /// All samples.
    All,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Selection => "selection",
            Self::Val => "val",
            Self::All => "all",
        })
    }
}

/// Indices of the samples of each part in the complete set.
struct Parts {
    train: Vec<usize>,
    selection: Vec<usize>,
    val: Vec<usize>,
}

impl Parts {
    /// The set's own split or one by person or image, and the part that is carved out of training.
    fn of(opened: &OpenedDataset, split: &SplitRule, selection: &Selection) -> Result<Self> {
        let SplitIndices { train, val } = opened.train_val()?.indices;
        match selection.part {
            SelectionPart::Validation => Ok(Self {
                train,
                selection: val.clone(),
                val,
            }),
            SelectionPart::Carved => {
                let part = Subset::new(opened.complete.clone(), train.clone())?;
                let rule = SplitRule {
                    val_fraction: selection.fraction,
                    ..*split
                };
                let carved = hold_out(&part, &rule).context(
                    "cannot carve a part for choosing the best epoch out of the training part",
                )?;
                let named = |indices: Vec<usize>| indices.into_iter().map(|i| train[i]).collect();
                Ok(Self {
                    train: named(carved.train),
                    selection: named(carved.val),
                    val,
                })
            }
        }
    }
}

/// Opens the data of a training run.
pub fn open_for_training(config: &DataConfig, input: &InputSpec) -> Result<Prepared> {
    let Some(path) = &config.path else {
        return rendered(config, input);
    };
    let (target, own) = schemas(&config.schema)?;
    let options = OpenOptions {
        format: format_of(config.format.as_deref())?,
        schema: own,
        far_labels: config.far_labels.into(),
        split_rule: config.split,
        ..OpenOptions::default()
    };
    let mut opened = fkp_data::open(path, &options)?;
    if let Some(named) = named_for_numbers(config, &opened) {
        let schema = Some(named);
        opened = fkp_data::open(path, &OpenOptions { schema, ..options })?;
    }
    let target = target.unwrap_or_else(|| opened.complete.schema().clone());
    let rule = match config.crop {
        CropChoice::Auto => CropRule::for_schema(&target),
        CropChoice::Whole => CropRule::Whole,
    };
    let parts = Parts::of(&opened, &config.split, &config.selection)?;
    let map = map_onto(opened.complete.schema(), &target)?;
    let crops = |indices: &[usize]| -> Result<Arc<dyn Dataset>> {
        let part = Subset::new(opened.complete.clone(), indices.to_vec())?;
        let crops = cropped(Arc::new(part), opened.format, &map, &rule, input);
        Ok(Arc::new(Cached::new(crops)))
    };
    let (carved, val) = match config.selection.part {
        SelectionPart::Carved => ("selection, carved out of it", "val, not opened"),
        SelectionPart::Validation => ("val, which chooses the best epoch", ""),
    };
    let mut shown: Vec<(&str, &[usize])> =
        vec![("train", &parts.train), (carved, &parts.selection)];
    if !val.is_empty() {
        shown.push((val, &parts.val));
    }
    let summary = opened.summary(&shown);
    let description = format!("{}\n{summary}{}", path.display(), told_map(&opened, &map));
    Ok(Prepared {
        train: crops(&parts.train)?,
        selection: crops(&parts.selection)?,
        schema: target,
        crop: rule,
        format: Some(opened.format),
        selected_on: config.selection.part,
        source: Source {
            name: short_name(path),
            description: description.trim_end().to_owned(),
        },
    })
}

/// Opens data to evaluate a model on: the model says what it needs, and its notes how its data was
/// split, so that `--split val` never scores what it was trained on.
pub fn open_for_evaluation(
    card: &ModelCard,
    path: Option<&Path>,
    format: Option<&str>,
    part: Part,
    boxes: BoxSource,
) -> Result<(Arc<dyn Dataset>, Source)> {
    let notes = RunNotes::read(card)?;
    let Some(path) = path else {
        return rendered_for_evaluation(card, part, &notes.rendered, boxes);
    };
    let task = &card.task;
    let builtin = Schema::by_name(task.schema.name()).is_some();
    let options = OpenOptions {
        format: format_of(format)?,
        schema: (!builtin).then(|| task.schema.clone()),
        split_rule: notes.split,
        ..OpenOptions::default()
    };
    let opened = fkp_data::open(path, &options)?;
    for note in &opened.notes {
        eprintln!("note: {}: {note}", path.display());
    }
    let parts = || Parts::of(&opened, &notes.split, &notes.selection);
    let indices = match part {
        Part::All => (0..opened.complete.len()).collect(),
        Part::Train => parts()?.train,
        Part::Selection => parts()?.selection,
        Part::Val => opened.train_val()?.indices.val,
    };
    let (place, found, count) = (path.display(), opened.format, indices.len());
    let samples = Subset::new(opened.complete.clone(), indices)?;
    let map = map_onto(samples.schema(), &task.schema)
        .context("the model's keypoints cannot be had from this data")?;
    let description = format!("{place} ({found}), split `{part}`: {count} samples");
    let crops = cropped(Arc::new(samples), found, &map, &task.crop, &task.input);
    let dataset = Arc::new(Cached::new(crops.with_box_source(boxes)));
    let name = short_name(path);
    Ok((dataset, Source { name, description }))
}

fn rendered_for_evaluation(
    card: &ModelCard,
    part: Part,
    config: &RenderedConfig,
    boxes: BoxSource,
) -> Result<(Arc<dyn Dataset>, Source)> {
    let task = &card.task;
    let schema = Schema::kaggle15();
    if task.schema != schema {
        let (theirs, ours) = (task.schema.name(), schema.name());
        bail!(
            "the model has `{theirs}` keypoints, rendered faces `{ours}`: name a set with --data"
        );
    }
    let seeds = RenderedSeeds::of(config);
    let (count, seed) = match part {
        Part::Train => (config.train, seeds.train),
        Part::Selection => (config.validation, seeds.selection),
        Part::Val => (config.validation, seeds.val),
        Part::All => {
            bail!("there is no end of rendered faces: name another part with --split")
        }
    };
    let faces = faces(count, seed, &task.input)?;
    let dataset: Arc<dyn Dataset> = match boxes {
        BoxSource::Labels => faces,
        // The image is the crop: framing it anew moves it within its own edges.
        boxes => {
            let crops = Cropped::new(faces, CropRule::Whole, task.input);
            Arc::new(Cached::new(crops.with_box_source(boxes)))
        }
    };
    let description = format!("rendered faces, seed {seed}, split `{part}`: {count} samples");
    let name = "rendered".to_owned();
    Ok((dataset, Source { name, description }))
}

/// The schema to train (`None`: the data's), and that of the files where they cannot tell.
fn schemas(choice: &str) -> Result<(Option<Schema>, Option<Schema>)> {
    if choice == "source" {
        return Ok((None, None));
    }
    let schema = fkp_data::schema_from(choice)?;
    let own = Schema::by_name(choice).is_none().then(|| schema.clone());
    Ok((Some(schema), own))
}

/// The built-in schema that was asked for, where the files only number as many keypoints. The
/// default does not count as asked for: a number of keypoints alone never makes a face.
fn named_for_numbers(config: &DataConfig, opened: &OpenedDataset) -> Option<Schema> {
    let asked = config.schema != DataConfig::default().schema;
    let schema = Schema::by_name(&config.schema).filter(|_| asked)?;
    let only_numbers = opened.schema_source == SchemaSource::Numbers;
    (only_numbers && schema.len() == opened.complete.schema().len()).then_some(schema)
}

fn format_of(name: Option<&str>) -> Result<Option<Format>> {
    Ok(name.map(str::parse::<Format>).transpose()?)
}

fn map_onto(source: &Schema, target: &Schema) -> Result<SchemaMap> {
    Ok(SchemaMap::between(source, target)?)
}

/// What the map onto the trained schema does, where it does anything.
fn told_map(opened: &OpenedDataset, map: &SchemaMap) -> String {
    let (source, target) = (opened.complete.schema(), map.target());
    if source == target {
        return String::new();
    }
    let missing: Vec<&str> = map.unmapped().collect();
    let without = match missing.is_empty() {
        true => String::new(),
        false => format!("; not in the data, so unlabeled: {}", missing.join(", ")),
    };
    format!("mapped onto: {}{without}\n", target.name())
}

fn cropped(
    samples: Arc<dyn Dataset>,
    format: Format,
    map: &SchemaMap,
    rule: &CropRule,
    input: &InputSpec,
) -> Cropped<Mapped<Arc<dyn Dataset>>> {
    // Kaggle's images are the crops that the rule describes.
    let rule = match format {
        Format::Kaggle => CropRule::Whole,
        _ => rule.clone(),
    };
    Cropped::new(Mapped::new(samples, map.clone()), rule, *input)
}

fn rendered(config: &DataConfig, input: &InputSpec) -> Result<Prepared> {
    let schema = Schema::kaggle15();
    if config.schema != schema.name() && config.schema != "source" {
        bail!(
            "rendered faces have the keypoints of `kaggle15`, not `{}`",
            config.schema
        );
    }
    if let Some(format) = &config.format {
        bail!("the format `{format}` is given, but no data to read in it");
    }
    let RenderedConfig {
        train, validation, ..
    } = config.rendered;
    let seeds = RenderedSeeds::of(&config.rendered);
    let (selection, what) = match config.selection.part {
        SelectionPart::Carved => (seeds.selection, "to choose the best epoch on"),
        SelectionPart::Validation => (seeds.val, "to validate on"),
    };
    let description = format!(
        "rendered faces, seed {}: {train} to train on, {validation} {what}, each another person",
        seeds.train
    );
    Ok(Prepared {
        train: faces(train, seeds.train, input)?,
        selection: faces(validation, selection, input)?,
        crop: CropRule::for_schema(&schema),
        schema,
        format: None,
        selected_on: config.selection.part,
        source: Source {
            name: "rendered".to_owned(),
            description,
        },
    })
}

/// Seeds of the people of each part: other people, however many of them there are.
struct RenderedSeeds {
    train: u64,
    selection: u64,
    val: u64,
}

impl RenderedSeeds {
    fn of(config: &RenderedConfig) -> Self {
        Self {
            train: config.seed,
            selection: config.seed.wrapping_add(1_000_000),
            val: config.seed.wrapping_add(2_000_000),
        }
    }
}

fn faces(count: usize, seed: u64, input: &InputSpec) -> Result<Arc<dyn Dataset>> {
    let faces = SynthFaces::new(SynthConfig {
        size: input.size,
        count,
        seed,
        ..SynthConfig::default()
    })?;
    Ok(Arc::new(Cached::new(faces)))
}

/// A hash of every image and label, for telling whether data is the same as it was. Refuses a set
/// in which nothing is labeled. Reads each sample once; a cached set keeps them.
pub fn digest(dataset: &dyn Dataset, part: &str) -> Result<String> {
    let one = |index: usize| -> Result<(u64, usize)> {
        let sample = dataset.get(index)?;
        let mut bytes = sample.image.content_hash().to_le_bytes().to_vec();
        for (i, keypoint) in sample.keypoints.labeled() {
            bytes.extend((i as u64).to_le_bytes());
            bytes.extend(keypoint.x.to_le_bytes());
            bytes.extend(keypoint.y.to_le_bytes());
        }
        Ok((fnv1a(bytes), sample.keypoints.labeled().count()))
    };
    let read: Vec<Result<(u64, usize)>> = (0..dataset.len()).into_par_iter().map(one).collect();
    let read = read.into_iter().collect::<Result<Vec<_>>>()?;
    let labeled: usize = read.iter().map(|(_, labeled)| labeled).sum();
    if labeled == 0 {
        bail!("no keypoint of the {part} set is labeled: there is nothing to train or evaluate on");
    }
    let hash = fnv1a(read.iter().flat_map(|(hash, _)| hash.to_le_bytes()));
    Ok(format!("{hash:016x}"))
}

fn short_name(path: &Path) -> String {
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
