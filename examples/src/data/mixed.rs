//! Several data sets as the data of one training run.

use super::rendered;
use super::source::{DataSource, Source, TrainingData, short_name};
use super::training::open_single;
use crate::{DataConfig, RenderedConfig, RenderedFaces, SourceConfig};
use anyhow::{Context, Result, ensure};
use fkp_core::{Concat, Dataset, DatasetError, InputSpec, Sample, Schema};
use fkp_train::WeightedSources;
use std::sync::Arc;

/// Opens all sources, each mapped onto the keypoints of the run. The training set is the
/// concatenation of those with a weight.
///
/// Rendered faces choose the best epoch only if there is nothing else to choose it on.
pub(super) fn for_training(config: &DataConfig, input: &InputSpec) -> Result<TrainingData> {
    let names = unique_names(&config.sources);
    let mut opened = Vec::new();
    for (source, name) in config.sources.iter().zip(&names) {
        let data = open(config, source, None, input);
        opened.push(data.with_context(|| format!("source `{name}`"))?);
    }
    let sampler = sampler(&config.sources, &names, &opened)?;
    let quotas = match &sampler {
        Some(sampler) => sampler.samples_per_source().to_vec(),
        None => opened.iter().map(|data| data.train.len()).collect(),
    };
    let sampler = match sampler {
        Some(_) => enough_new_faces(config, input, &quotas, &mut opened)?,
        None => None,
    };
    check_schemas(&names, &opened)?;

    let files = || config.sources.iter().any(|source| source.path.is_some());
    let chooses = |source: &SourceConfig| source.path.is_some() || !files();
    let (mut train, mut representative, mut selection) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sources, mut lines) = (Vec::new(), Vec::new());
    for (number, data) in opened.iter().enumerate() {
        let (source, name) = (&config.sources[number], &names[number]);
        let of = |set: &Arc<dyn Dataset>| InSource::new(name, set);
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
    Ok(TrainingData {
        train: Arc::new(Concat::new(train)?),
        representative: Arc::new(Concat::new(representative)?),
        selection: Arc::new(Concat::new(selection)?),
        schema: data.schema.clone(),
        format: None,
        crop: crop.clone(),
        selected_on: config.selection.part,
        source: Source {
            name: names.join("+"),
            description: format!("{} sources\n{}", sources.len(), lines.join("\n")),
        },
        sources,
        sampler,
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
        sources: Vec::new(),
        rendered: RenderedConfig {
            train: faces.or(source.rendered).unwrap_or(config.rendered.train),
            ..config.rendered
        },
        ..config.clone()
    };
    match source.rendered {
        Some(_) => rendered::for_training(&single, input),
        None => open_single(&single, input),
    }
}

/// How an epoch mixes the sources, if they have weights.
fn sampler(
    sources: &[SourceConfig],
    names: &[String],
    opened: &[TrainingData],
) -> Result<Option<WeightedSources>> {
    let weights: Option<Vec<f64>> = sources.iter().map(|source| source.weight).collect();
    let Some(weights) = weights else {
        return Ok(None);
    };
    let trained = sources.iter().zip(opened);
    let trained = trained.filter(|(source, _)| source.is_trained_on());
    let per_epoch = trained.map(|(_, data)| data.train.len()).sum();
    let sizes = opened.iter().map(|data| data.train.len()).collect();
    let sampler = WeightedSources::new(sizes, weights.clone(), per_epoch)?;
    for ((name, weight), quota) in names.iter().zip(&weights).zip(sampler.samples_per_source()) {
        ensure!(
            *weight == 0.0 || *quota > 0,
            "source `{name}`: its weight {weight} is so small that none of the {per_epoch} samples \
             of an epoch would be from it"
        );
    }
    Ok(Some(sampler))
}

/// Renders as many new faces as an epoch uses, so that it uses none of them twice, and returns the
/// sampler of the sources that are trained on.
fn enough_new_faces(
    config: &DataConfig,
    input: &InputSpec,
    quotas: &[usize],
    opened: &mut [TrainingData],
) -> Result<Option<WeightedSources>> {
    let is_new = config.rendered.faces == RenderedFaces::NewEachEpoch;
    let (mut sizes, mut weights) = (Vec::new(), Vec::new());
    for ((source, data), &quota) in config.sources.iter().zip(opened).zip(quotas) {
        if source.rendered.is_some() && is_new && quota > data.train.len() {
            // The quota counts the images that are not faces, too.
            let faces = quota as f64 / (1.0 + config.rendered.non_faces);
            *data = open(config, source, Some(faces.ceil() as usize), input)?;
        }
        if source.is_trained_on() {
            sizes.push(data.train.len());
            weights.push(quota as f64);
        }
    }
    let per_epoch = quotas.iter().sum();
    Ok(Some(WeightedSources::new(sizes, weights, per_epoch)?))
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

/// A data set whose errors name the source.
struct InSource {
    name: String,
    samples: Arc<dyn Dataset>,
}

impl InSource {
    fn new(name: &str, samples: &Arc<dyn Dataset>) -> Self {
        Self {
            name: name.to_owned(),
            samples: Arc::clone(samples),
        }
    }
}

impl Dataset for InSource {
    fn schema(&self) -> &Schema {
        self.samples.schema()
    }

    fn len(&self) -> usize {
        self.samples.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        self.get_in_epoch(0, index)
    }

    fn get_in_epoch(&self, epoch: usize, index: usize) -> Result<Sample, DatasetError> {
        let sample = self.samples.get_in_epoch(epoch, index);
        sample.map_err(|error| {
            let context = format!("sample {index} of source `{}`", self.name);
            let error = anyhow::Error::from_boxed(error.source).context(context);
            DatasetError::new(index, error)
        })
    }
}
