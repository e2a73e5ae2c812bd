//! Contact sheets: samples, suspicious samples with the reason, copies in pairs.

use anyhow::Result;
use fkp_core::{Affine, Dataset, Image, Sample, Schema};
use fkp_data::inspect::{CopyGroup, CopyKind, Problem, SampleRef, SetInspection, Suspect};
use fkp_data::{Inspection, OpenedDataset};
use fkp_draw::{Cell, Colors, contact_sheet, draw_box, enlarge};
use fkp_train::plots::save_image;
use image::{DynamicImage, Rgb};
use std::path::Path;

/// Images of a sheet.
const CELLS: usize = 48;
/// Side of an image in pixels.
const SIDE: u32 = 230;
const COLUMNS: usize = 6;

/// Keypoints that are probably wrong.
const WRONG: Rgb<u8> = Rgb([60, 200, 255]);

/// Writes `samples.png`: samples that are evenly spread over the data set, with their labels.
pub(crate) fn samples(folder: &Path, set: &OpenedDataset) -> Result<()> {
    let count = set.complete.len();
    let shown = CELLS.min(count);
    let indices = (0..shown).map(|cell| cell * count / shown);
    let read = indices.filter_map(|index| set.complete.get(index).ok());
    let cells: Vec<Cell> = read
        .map(|sample| labeled_cell(&sample, short(&sample.id)))
        .collect::<Result<_>>()?;
    let title = "samples: left green, right red, middle yellow, not visible darker";
    save(folder, "samples.png", title, &cells, set.complete.schema())
}

/// Writes `suspects.png`: the suspicious samples, the clearest first, with the reason.
pub(crate) fn suspects(
    folder: &Path,
    set: &OpenedDataset,
    inspected: &SetInspection,
) -> Result<()> {
    let mut suspects: Vec<&Suspect> = inspected.suspects.iter().collect();
    suspects.sort_by(|a, b| {
        let (a, b) = (rank(&a.problem), rank(&b.problem));
        a.0.cmp(&b.0).then(b.1.total_cmp(&a.1))
    });
    let mut cells = Vec::new();
    for suspect in suspects.into_iter().take(CELLS) {
        let Ok(sample) = set.complete.get(suspect.index) else {
            continue;
        };
        let caption = format!("{}: {}", reason(&suspect.problem), short(&suspect.id));
        let mut cell = labeled_cell(&sample, caption)?;
        let mut wrong = sample.keypoints.clone();
        let names = wrong_keypoints(&suspect.problem);
        for (index, name) in set.complete.schema().keypoints().iter().enumerate() {
            if !names.contains(&name.as_str()) {
                wrong[index] = fkp_core::Keypoint::unlabeled();
            }
        }
        cell.layers.push((wrong, Colors::Plain(WRONG)));
        cells.push(cell);
    }
    let title = "suspicious labels: light blue, the others left green, right red, middle yellow";
    save(folder, "suspects.png", title, &cells, set.complete.schema())
}

/// Writes `copies.png`: two samples of each group of copies beside each other.
pub(crate) fn copies(
    folder: &Path,
    sets: &[&OpenedDataset],
    inspection: &Inspection,
) -> Result<()> {
    let mut cells = Vec::new();
    for group in &inspection.copies {
        if cells.len() >= CELLS {
            break;
        }
        let (pair, caption) = shown_pair(group);
        let pair = pair.map(|sample| (sample, sets[sample.set].complete.get(sample.index)));
        let [(a, Ok(image_a)), (b, Ok(image_b))] = pair else {
            continue;
        };
        for (sample, image) in [(a, image_a), (b, image_b)] {
            cells.push(Cell {
                image: image.image,
                layers: Vec::new(),
                caption: format!("{caption}: {}", short(&sample.id)),
            });
        }
    }
    let title = "copies in pairs, those across parts of a split and data sets first";
    save(folder, "copies.png", title, &cells, &Schema::boxes())
}

/// Two samples of a group, of both parts if they are in both, and what they have in common.
fn shown_pair(group: &CopyGroup) -> ([&SampleRef; 2], String) {
    let samples = &group.samples;
    let differs = |[a, b]: [usize; 2]| match (group.across_parts, group.across_sets) {
        (true, _) => samples[a].part != samples[b].part,
        (false, true) => samples[a].set != samples[b].set,
        (false, false) => true,
    };
    let pairs = group.pairs.iter();
    let pair = pairs.clone().find(|pair| differs(pair.samples));
    match (group.kind, pair.or(group.pairs.first())) {
        (_, Some(pair)) => {
            let mirrored = if pair.is_mirrored { " mirrored" } else { "" };
            let caption = format!("{:.3}{mirrored}", pair.correlation);
            (pair.samples.map(|index| &samples[index]), caption)
        }
        (CopyKind::Exact, None) | (_, None) => {
            let other = (1..samples.len()).find(|other| differs([0, *other]));
            let other = &samples[other.unwrap_or(samples.len() - 1)];
            ([&samples[0], other], "equal".to_owned())
        }
    }
}

fn labeled_cell(sample: &Sample, caption: String) -> Result<Cell> {
    let mut image = sample.image.clone();
    if !sample.boxes.is_empty() {
        let (mut canvas, _) = enlarge(&image, 1.0)?;
        for label in &sample.boxes {
            let color = match label.ignore {
                false => Rgb([60, 220, 90]),
                true => Rgb([150, 150, 150]),
            };
            draw_box(&mut canvas, &label.bounds, &Affine::identity(), color, 2);
        }
        image = Image::from(DynamicImage::from(canvas));
    }
    Ok(Cell {
        image,
        layers: vec![(sample.keypoints.clone(), Colors::BySide)],
        caption,
    })
}

/// The order of kinds of problems, and within a kind how clear it is.
fn rank(problem: &Problem) -> (u8, f64) {
    let largest = |far: &[fkp_data::inspect::FarKeypoint]| {
        far.iter().map(|far| far.distance).fold(0.0, f64::max)
    };
    match problem {
        Problem::LeftRight { ratio } => (0, *ratio),
        Problem::Pairs { pairs } => (1, pairs.len() as f64),
        Problem::Shape { far, labeled } => (2, *far as f64 / *labeled as f64),
        Problem::Outliers { keypoints } => (3, largest(keypoints)),
        Problem::Outside { keypoints } => (4, largest(keypoints)),
        _ => (5, 0.0),
    }
}

/// A problem in a few words.
fn reason(problem: &Problem) -> String {
    match problem {
        Problem::LeftRight { .. } => "left/right".to_owned(),
        Problem::Pairs { pairs } => format!("{} pairs", pairs.len()),
        Problem::Shape { far, labeled } => format!("shape {far}/{labeled}"),
        Problem::Outliers { keypoints } => {
            format!("{} far {:.0} sd", keypoints.len(), rank(problem).1)
        }
        Problem::Outside { keypoints } => {
            format!("{} outside {:.0} px", keypoints.len(), rank(problem).1)
        }
        _ => String::new(),
    }
}

fn wrong_keypoints(problem: &Problem) -> Vec<&str> {
    match problem {
        Problem::Outliers { keypoints } | Problem::Outside { keypoints } => {
            keypoints.iter().map(|far| far.keypoint.as_str()).collect()
        }
        Problem::Pairs { pairs } => pairs.iter().flatten().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The end of an id, which is what differs.
fn short(id: &str) -> String {
    let skipped = id.chars().count().saturating_sub(24);
    id.chars().skip(skipped).collect()
}

/// Writes a sheet, if it has a cell.
fn save(folder: &Path, name: &str, title: &str, cells: &[Cell], schema: &Schema) -> Result<()> {
    if cells.is_empty() {
        return Ok(());
    }
    let sheet = contact_sheet(title, cells, COLUMNS, SIDE, schema)?;
    Ok(save_image(&folder.join(name), &sheet)?)
}
