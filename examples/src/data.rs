//! From a path to crops that a network can be fed.

use crate::{CropChoice, DataConfig, RenderedConfig};
use anyhow::{Context, Result, bail};
use fkp_core::{CropRule, Dataset, InputSpec, Schema, SchemaMap, Subset};
use fkp_data::{Cached, Channels, Cropped, Format, Mapped, OpenOptions, Opened, Split};
use fkp_synth::{SynthConfig, SynthFaces};
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
        return rendered(&config.rendered, input);
    };
    let (target, own) = schemas(&config.schema)?;
    let opened = open(path, config.format.as_deref(), own, config, Split::All)?;
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
        source: Source {
            name: short_name(path),
            description: format!(
                "{place} ({format}): {} train, {} validation, {how}",
                counts.0, counts.1
            ),
        },
    })
}

/// Opens data to judge a model by: the model says what it needs.
pub fn open_for_evaluation(
    card: &fkp_model::ModelCard,
    path: Option<&Path>,
    format: Option<&str>,
    split: Split,
    config: &DataConfig,
) -> Result<(Arc<dyn Dataset>, Source)> {
    let Some(path) = path else {
        let prepared = rendered(&config.rendered, &card.input)?;
        let compatible = prepared.schema == card.schema;
        if !compatible {
            bail!(
                "rendered faces have `{}` points, the model `{}`",
                prepared.schema.name(),
                card.schema.name()
            );
        }
        return Ok((prepared.validation, prepared.source));
    };
    let own = Schema::by_name(card.schema.name())
        .is_none()
        .then(|| card.schema.clone());
    let opened = open(path, format, own, config, split)?;
    let description = format!(
        "{} ({}), split `{split}`: {} samples",
        path.display(),
        opened.format,
        opened.dataset.len()
    );
    let dataset = prepare(
        opened.dataset,
        opened.format,
        &card.schema,
        &card.crop,
        &card.input,
    )
    .context("the model's keypoints cannot be had from this data")?;
    let name = short_name(path);
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
    config: &DataConfig,
    split: Split,
) -> Result<Opened> {
    let options = OpenOptions {
        format: format.map(str::parse::<Format>).transpose()?,
        schema,
        split,
        split_rule: config.split,
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

fn rendered(config: &RenderedConfig, input: &InputSpec) -> Result<Prepared> {
    let faces = SynthFaces::new(SynthConfig {
        size: input.size,
        count: config.train + config.validation,
        seed: config.seed,
        ..SynthConfig::default()
    })?;
    let schema = faces.schema().clone();
    let faces = Arc::new(faces);
    let part = |range: std::ops::Range<usize>| -> Result<Arc<dyn Dataset>> {
        let subset = Subset::new(faces.clone(), range.collect())?;
        Ok(Arc::new(Cached::new(subset)))
    };
    Ok(Prepared {
        train: part(0..config.train)?,
        validation: part(config.train..config.train + config.validation)?,
        crop: CropRule::for_schema(&schema),
        schema,
        source: Source {
            name: "rendered".to_owned(),
            description: format!(
                "rendered faces, seed {}: {} train, {} validation, each another person",
                config.seed, config.train, config.validation
            ),
        },
    })
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
