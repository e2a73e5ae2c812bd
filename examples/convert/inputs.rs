//! The data sets that are converted.

use crate::Arguments;
use anyhow::Result;
use fkp_core::{CropRule, Dataset, InputSpec, SchemaMap};
use fkp_data::{
    Cropped, FarLabels, Mapped, OpenOptions, OpenedDataset, PackInput, open as open_data,
    schema_from,
};
use fkp_examples::{
    SourceConfig, progress_bar, read_distribution_of_crops, rendered_keypoints, say,
};
use fkp_synth::camera::Channels;
use fkp_synth::{KeypointSet, SynthConfig, SynthFaces};
use std::path::Path;
use std::sync::Arc;

/// Square crops around the faces.
pub(crate) struct Crops {
    pub(crate) side: usize,
    pub(crate) is_color: bool,
}

/// Opens one source of the command line.
pub(crate) fn open(
    arguments: &Arguments,
    source: &Path,
    crops: Option<&Crops>,
) -> Result<PackInput> {
    let absolute = source.canonicalize();
    let name = absolute.as_deref().unwrap_or(source);
    let name = name.file_name().unwrap_or(source.as_os_str());
    let name = name.to_string_lossy();
    let named = SourceConfig::from_argument(source)?;
    let (input, what) = match named.rendered {
        Some(count) => rendered(arguments, &name, count)?,
        None => files(arguments, source, &name, crops)?,
    };
    Ok(input.with_identity(what))
}

/// Opens a file or folder, and prints its summary.
pub(crate) fn open_files(arguments: &Arguments, path: &Path) -> Result<OpenedDataset> {
    let format = arguments.format.as_deref();
    let options = OpenOptions {
        format: format.map(str::parse).transpose()?,
        far_labels: match arguments.unlabel_far {
            true => FarLabels::Unlabel,
            false => FarLabels::Refuse,
        },
        progress: progress_bar("reading"),
        ..OpenOptions::default()
    };
    let opened = open_data(path, &options)?;
    let all: Vec<usize> = (0..opened.complete.len()).collect();
    let summary = opened.summary(&[("all", &all)]).to_string();
    say!(
        "{}:\n  {}",
        path.display(),
        summary.trim_end().replace('\n', "\n  ")
    );
    Ok(opened)
}

fn files(
    arguments: &Arguments,
    path: &Path,
    name: &str,
    crops: Option<&Crops>,
) -> Result<(PackInput, String)> {
    let opened = open_files(arguments, path)?;
    let source = opened.complete.schema();
    let map = match arguments.schema.as_str() {
        "source" => None,
        // Boxes have no keypoints to map.
        _ if source.is_empty() => None,
        schema => Some(SchemaMap::between(source, &schema_from(schema)?)?),
    };
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let what = format!(
        "{}, keypoints {}, far labels {}, crop {:?}",
        absolute.display(),
        arguments.schema,
        if arguments.unlabel_far {
            "unlabeled"
        } else {
            "refused"
        },
        crops.map(|crops| (crops.side, crops.is_color)),
    );
    let Some(crops) = crops else {
        return Ok((PackInput::opened(name, &opened, map), what));
    };
    let dataset: Arc<dyn Dataset> = match map {
        Some(map) => Arc::new(Mapped::new(opened.complete.clone(), map)),
        None => opened.complete.clone(),
    };
    // Images that are crops already are only resized.
    let rule = opened.crop.clone();
    let rule = rule.unwrap_or_else(|| CropRule::for_schema(dataset.schema()));
    let input = InputSpec {
        channels: if crops.is_color { 3 } else { 1 },
        ..InputSpec::gray(crops.side)
    };
    let cropped = Arc::new(Cropped::new(dataset, rule.clone(), input));
    let input = PackInput::new(name, cropped).with_crop(rule);
    Ok(match opened.predefined_split {
        Some(split) => (input.with_split(split.indices), what),
        None => (input, what),
    })
}

fn rendered(arguments: &Arguments, name: &str, count: usize) -> Result<(PackInput, String)> {
    let keypoints = match arguments.schema.as_str() {
        "source" => KeypointSet::default(),
        name => rendered_keypoints(&schema_from(name)?)?,
    };
    let distribution = arguments.distribution.as_deref();
    let distribution = distribution.map(read_distribution_of_crops).transpose()?;
    let config = SynthConfig {
        count,
        size: arguments.crop.unwrap_or(arguments.rendered_size),
        channels: match arguments.color {
            true => Channels::Rgb,
            false => Channels::Gray,
        },
        seed: arguments.seed,
        keypoints,
        faces: distribution.unwrap_or_default(),
        ..SynthConfig::default()
    };
    let what = format!("{config:?}");
    let faces = SynthFaces::new(config)?;
    let rule = CropRule::for_schema(faces.schema());
    let input = PackInput::new(name, Arc::new(faces)).with_license("MIT");
    // Rendered faces are crops by the mean shape.
    Ok((input.with_crop(rule), what))
}
