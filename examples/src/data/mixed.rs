//! Several data sets as the data of one training run.

use super::rendered;
use super::source::{DataSource, Source, TrainingData, short_name};
use super::training::open_single;
use crate::{DataConfig, RenderedConfig, RenderedFaces, SourceConfig};
use anyhow::{Context, Result, ensure};
use fkp_core::{Dataset, InputSpec, Schema};
use fkp_data::{Union, UnionPart};
use fkp_train::WeightedSources;
use std::sync::Arc;

/// Opens all sources, each mapped onto the keypoints of the run. The training set is the union of
/// those with a weight.
///
/// Rendered faces choose the best epoch only if there are no other keypoints to choose it on.
pub(super) fn for_training(config: &DataConfig, input: &InputSpec) -> Result<TrainingData> {
    let names = unique_names(&config.sources);
    let mut opened = Vec::new();
    for (source, name) in config.sources.iter().zip(&names) {
        let data = open(config, source, None, input);
        opened.push(data.with_context(|| format!("source `{name}`"))?);
    }
    let quotas = quotas(&config.sources, &names, &opened)?;
    enough_new_faces(config, input, &quotas, &mut opened)?;
    check_schemas(&names, &opened)?;

    let mut files = config.sources.iter().zip(&opened);
    let has_files = files.any(|(source, data)| source.path.is_some() && !data.face_regions);
    let chooses = |source: &SourceConfig| source.path.is_some() || !has_files;
    let (mut train, mut representative, mut selection) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sources, mut lines) = (Vec::new(), Vec::new());
    for (number, data) in opened.iter().enumerate() {
        let (source, name) = (&config.sources[number], &names[number]);
        let of = |set: &Arc<dyn Dataset>| UnionPart {
            weight: source.weight.unwrap_or(1.0),
            ..UnionPart::new(name, Arc::clone(set))
        };
        if source.is_trained_on() {
            train.push(of(&data.train));
            representative.push(of(&data.representative));
        }
        if chooses(source) {
            selection.push(of(&data.selection));
        }
        let used = DataSource {
            name: name.clone(),
            path: source.path.clone(),
            format: data.format,
            samples: data.train.len(),
            samples_per_epoch: quotas[number],
        };
        let role = match chooses(source) {
            true => "",
            false => "\nnot used to choose the best epoch",
        };
        let text = format!("{}{role}", data.source.description);
        lines.push(format!(
            "{}:\n  {}",
            used.summary(),
            text.replace('\n', "\n  ")
        ));
        sources.push(used);
    }
    let first = opened.iter().zip(&config.sources);
    let mut rules = first.map(|(data, source)| (source.path.is_some(), &data.crop));
    let rule = rules.clone().find(|(is_file, _)| *is_file).or(rules.next());
    let (Some((_, crop)), Some(data)) = (rule, opened.first()) else {
        anyhow::bail!("data.sources: there are none");
    };
    let train = Union::new(train)?;
    let is_weighted = config.sources.iter().any(|source| source.weight.is_some());
    let sampler = is_weighted.then(|| sampler(&train, quotas.iter().sum()));
    Ok(TrainingData {
        sampler: sampler.transpose()?,
        train: Arc::new(train),
        representative: Arc::new(Union::new(representative)?),
        selection: Arc::new(Union::new(selection)?),
        schema: data.schema.clone(),
        format: None,
        crop: crop.clone(),
        selected_on: config.selection.part,
        source: Source {
            name: names.join("+"),
            description: format!("{} sources\n{}", sources.len(), lines.join("\n")),
        },
        face_regions: opened.iter().any(|data| data.face_regions),
        sources,
    })
}

/// Opens one source. `faces` replaces its number of rendered faces.
fn open(
    config: &DataConfig,
    source: &SourceConfig,
    faces: Option<usize>,
    input: &InputSpec,
) -> Result<TrainingData> {
    let single = DataConfig {
        path: source.path.clone(),
        format: source.format.clone(),
        corrections: source.corrections.clone(),
        sources: Vec::new(),
        rendered: RenderedConfig {
            train: faces.or(source.rendered).unwrap_or(config.rendered.train),
            ..config.rendered.clone()
        },
        ..config.clone()
    };
    match source.rendered {
        Some(_) => rendered::for_training(&single, input),
        None => open_single(&single, input),
    }
}

/// The number of samples of each source in an epoch: in proportion to the weights, if there are
/// some, else all of them.
fn quotas(
    sources: &[SourceConfig],
    names: &[String],
    opened: &[TrainingData],
) -> Result<Vec<usize>> {
    let sizes: Vec<usize> = opened.iter().map(|data| data.train.len()).collect();
    let weights: Option<Vec<f64>> = sources.iter().map(|source| source.weight).collect();
    let Some(weights) = weights else {
        return Ok(sizes);
    };
    let trained = sources.iter().zip(&sizes);
    let trained = trained.filter(|(source, _)| source.is_trained_on());
    let per_epoch = trained.map(|(_, size)| size).sum();
    let sampler = WeightedSources::new(sizes, weights.clone(), per_epoch)?;
    let quotas = sampler.samples_per_source();
    for ((name, weight), quota) in names.iter().zip(&weights).zip(quotas) {
        ensure!(
            *weight == 0.0 || *quota > 0,
            "source `{name}`: its weight {weight} is so small that none of the {per_epoch} samples \
             of an epoch would be from it"
        );
    }
    Ok(quotas.to_vec())
}

/// Renders as many new faces as an epoch uses, so that it uses none of them twice.
fn enough_new_faces(
    config: &DataConfig,
    input: &InputSpec,
    quotas: &[usize],
    opened: &mut [TrainingData],
) -> Result<()> {
    let is_new = config.rendered.faces == RenderedFaces::NewEachEpoch;
    for ((source, data), &quota) in config.sources.iter().zip(opened).zip(quotas) {
        if source.rendered.is_some() && is_new && quota > data.train.len() {
            // The quota counts the images that are not faces, too.
            let faces = quota as f64 / (1.0 + config.rendered.non_faces);
            *data = open(config, source, Some(faces.ceil() as usize), input)?;
        }
    }
    Ok(())
}

/// How an epoch mixes the sources by their weights.
fn sampler(train: &Union, samples_per_epoch: usize) -> Result<WeightedSources> {
    let sources = train.sources().iter();
    let (sizes, weights) = sources
        .map(|source| (source.samples, source.weight))
        .unzip();
    Ok(WeightedSources::new(sizes, weights, samples_per_epoch)?)
}

fn check_schemas(names: &[String], opened: &[TrainingData]) -> Result<()> {
    let mut schemas = names.iter().zip(opened.iter().map(|data| &data.schema));
    let Some((first, schema)) = schemas.next() else {
        return Ok(());
    };
    let differs = |(_, other): &(&String, &Schema)| *other != schema;
    match schemas.find(differs) {
        None => Ok(()),
        Some((name, other)) => anyhow::bail!(
            "source `{name}` has the keypoints of `{}`, source `{first}` those of `{}`: name the \
             keypoints to train with --schema",
            other.name(),
            schema.name()
        ),
    }
}

/// A short name of each source; sources of the same name are numbered.
fn unique_names(sources: &[SourceConfig]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for source in sources {
        let short = match &source.path {
            Some(path) => short_name(path),
            None => "rendered".to_owned(),
        };
        let numbered = |number: usize| match number {
            1 => short.clone(),
            _ => format!("{short}-{number}"),
        };
        let mut free = (1..).map(numbered).filter(|name| !names.contains(name));
        names.extend(free.next());
    }
    names
}
