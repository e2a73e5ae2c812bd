//! From a path to crops that a network can be fed.

use crate::{CropChoice, DataConfig, RenderedConfig, RunNotes};
use anyhow::{Context, Result, bail};
use fkp_core::{CropRule, Dataset, InputSpec, Schema, SchemaMap, fnv1a};
use fkp_data::{Cached, Channels, Cropped, Format, Mapped, OpenOptions, Opened, Split, SplitRule};
use fkp_model::ModelCard;
use fkp_synth::{SynthConfig, SynthFaces};
use rayon::prelude::*;
use std::path::Path;
use std::sync::Arc;

/// Crops to learn from and crops to judge by, each decoded once and kept.
pub struct Prepared {
    /// What is learnt from.
    pub train: Arc<dyn Dataset>,
    /// What is judged by.
    pub validation: Arc<dyn Dataset>,
    /// The keypoints of both.
    pub schema: Schema,
    /// The format that was found; `None` for rendered faces.
    pub format: Option<Format>,
    /// The crop rule that a model trained on them is to carry.
    pub crop: CropRule,
    /// Where they come from, for people.
    pub source: Source,
}

/// Where samples come from.
pub struct Source {
    /// A short name, for a run's folder.
    pub name: String,
    /// One sentence.
    pub description: String,
}

/// Opens the data of a training run.
pub fn open_for_training(config: &DataConfig, input: &InputSpec) -> Result<Prepared> {
    let Some(path) = &config.path else {
        return rendered(config, input);
    };
    let (target, own) = schemas(&config.schema)?;
    let opened = open(
        path,
        config.format.as_deref(),
        own,
        config.split,
        Split::All,
    )?;
    let target = target.unwrap_or_else(|| opened.complete.schema().clone());
    let rule = match config.crop {
        CropChoice::Auto => CropRule::for_schema(&target),
        CropChoice::Whole => CropRule::Whole,
    };
    let parts = opened.train_val()?;
    let counts = (parts.train.len(), parts.val.len());
    let how = match opened.own_split {
        Some(_) => "the set's own split".to_owned(),
        None => format!("split by person or picture, seed {}", config.split.seed),
    };
    let (format, place) = (opened.format, path.display());
    Ok(Prepared {
        train: prepare(parts.train, format, &target, &rule, input)?,
        validation: prepare(parts.val, format, &target, &rule, input)?,
        schema: target,
        crop: rule,
        format: Some(format),
        source: Source {
            name: short_name(path),
            description: format!(
                "{place} ({format}): {} train, {} validation, {how}",
                counts.0, counts.1
            ),
        },
    })
}

/// Opens data to judge a model by: the model says what it needs, and its notes how its data was
/// split, so that `--split val` never scores what it was trained on.
pub fn open_for_evaluation(
    card: &ModelCard,
    path: Option<&Path>,
    format: Option<&str>,
    split: Split,
) -> Result<(Arc<dyn Dataset>, Source)> {
    let notes = RunNotes::read(card)?;
    let Some(path) = path else {
        return rendered_for_evaluation(card, split, &notes.rendered);
    };
    let builtin = Schema::by_name(card.schema.name()).is_some();
    let own = (!builtin).then(|| card.schema.clone());
    let opened = open(path, format, own, notes.split, split)?;
    let (place, found) = (path.display(), opened.format);
    let count = opened.dataset.len();
    let description = format!("{place} ({found}), split `{split}`: {count} samples");
    let dataset = prepare(opened.dataset, found, &card.schema, &card.crop, &card.input)
        .context("the model's keypoints cannot be had from this data")?;
    let name = short_name(path);
    Ok((dataset, Source { name, description }))
}

fn rendered_for_evaluation(
    card: &ModelCard,
    split: Split,
    config: &RenderedConfig,
) -> Result<(Arc<dyn Dataset>, Source)> {
    let schema = Schema::kaggle15();
    if card.schema != schema {
        let (theirs, ours) = (card.schema.name(), schema.name());
        bail!("the model has `{theirs}` points, rendered faces `{ours}`: name a set with --data");
    }
    let dataset = match split {
        Split::Train => faces(config.train, config.seed, &card.input)?,
        Split::Val => faces(config.validation, validation_seed(config), &card.input)?,
        Split::All => bail!("there is no end of rendered faces: `--split train` or `--split val`"),
    };
    let (count, seed) = (dataset.len(), config.seed);
    let description = format!("rendered faces, seed {seed}, split `{split}`: {count} samples");
    let name = "rendered".to_owned();
    Ok((dataset, Source { name, description }))
}

/// The schema to learn (`None`: the data's), and that of the files where they cannot tell.
fn schemas(choice: &str) -> Result<(Option<Schema>, Option<Schema>)> {
    if choice == "source" {
        return Ok((None, None));
    }
    let schema = fkp_data::schema_from(choice)?;
    let own = Schema::by_name(choice).is_none().then(|| schema.clone());
    Ok((Some(schema), own))
}

fn open(
    path: &Path,
    format: Option<&str>,
    schema: Option<Schema>,
    split_rule: SplitRule,
    split: Split,
) -> Result<Opened> {
    let options = OpenOptions {
        format: format.map(str::parse::<Format>).transpose()?,
        schema,
        split,
        split_rule,
        ..OpenOptions::default()
    };
    let opened = fkp_data::open(path, &options)?;
    for note in &opened.notes {
        eprintln!("note: {}: {note}", path.display());
    }
    Ok(opened)
}

fn prepare(
    dataset: Arc<dyn Dataset>,
    format: Format,
    target: &Schema,
    rule: &CropRule,
    input: &InputSpec,
) -> Result<Arc<dyn Dataset>> {
    let map = SchemaMap::between(dataset.schema(), target)?;
    // Kaggle's pictures are the crops that the rule describes.
    let rule = match format {
        Format::Kaggle => CropRule::Whole,
        _ => rule.clone(),
    };
    let channels = match input.channels {
        1 => Channels::Grey,
        _ => Channels::Rgb,
    };
    let crops = Cropped::new(Mapped::new(dataset, map), rule, input.size, channels);
    Ok(Arc::new(Cached::new(crops)))
}

fn rendered(config: &DataConfig, input: &InputSpec) -> Result<Prepared> {
    let schema = Schema::kaggle15();
    if config.schema != schema.name() && config.schema != "source" {
        bail!(
            "rendered faces have the points of `kaggle15`, not `{}`",
            config.schema
        );
    }
    if let Some(format) = &config.format {
        bail!("the format `{format}` is given, but no data to read in it");
    }
    let config = &config.rendered;
    let (train, validation, seed) = (config.train, config.validation, config.seed);
    let description = format!(
        "rendered faces, seed {seed}: {train} train, {validation} validation, each another person"
    );
    Ok(Prepared {
        train: faces(train, seed, input)?,
        validation: faces(validation, validation_seed(config), input)?,
        crop: CropRule::for_schema(&schema),
        schema,
        format: None,
        source: Source {
            name: "rendered".to_owned(),
            description,
        },
    })
}

/// Other people than those of the training seed, however many of them there are.
fn validation_seed(config: &RenderedConfig) -> u64 {
    config.seed.wrapping_add(1_000_000)
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

/// A hash of every picture and label, for telling whether data is the same as it was. Refuses a
/// set in which nothing is labelled. Reads each sample once; a cached set keeps them.
pub fn digest(dataset: &dyn Dataset, part: &str) -> Result<String> {
    let one = |index: usize| -> Result<(u64, usize)> {
        let sample = dataset.get(index)?;
        let mut bytes = sample.image.content_hash().to_le_bytes().to_vec();
        for (i, point) in sample.keypoints.labelled() {
            bytes.extend((i as u64).to_le_bytes());
            bytes.extend(point.x.to_le_bytes());
            bytes.extend(point.y.to_le_bytes());
        }
        Ok((fnv1a(bytes), sample.keypoints.labelled().count()))
    };
    let read: Vec<Result<(u64, usize)>> = (0..dataset.len()).into_par_iter().map(one).collect();
    let read = read.into_iter().collect::<Result<Vec<_>>>()?;
    let labelled: usize = read.iter().map(|(_, labelled)| labelled).sum();
    if labelled == 0 {
        bail!(
            "no keypoint of the {part} set is labelled: there is nothing to learn from or to judge by"
        );
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
