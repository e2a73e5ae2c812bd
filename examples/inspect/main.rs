//! Inspects data sets before training: contents, copies of images, suspicious labels, labeling
//! rules.
//!
//! ```text
//! cargo run --release --example inspect -- ytf68
//! cargo run --release --example inspect -- ibug68 training.zip --out inspection
//! cargo run --release --example inspect -- faces --fix corrections.toml
//! cargo run --release --example train -- --data faces --corrections corrections.toml
//! ```

mod plots;
mod sheets;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fkp_data::{
    Corrections, FarLabels, InspectOptions, Inspection, MissingImages, OpenOptions, OpenedDataset,
    inspect, open,
};
use fkp_examples::{
    check_writable, finish, format_help, progress_bar, say, use_threads, write_text,
};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Inspect data sets: what they contain, copies of images within and between them, labels that are
/// probably wrong, and groups of samples that were labeled by different rules.
#[derive(Parser)]
struct Arguments {
    /// Files or folders with annotated images, or a table of labels alone.
    #[arg(required = true)]
    data: Vec<PathBuf>,
    #[arg(long, help = format_help())]
    format: Option<String>,
    /// Keypoints of the files: kaggle15, ibug68, aflw21, or a TOML file; detected if absent.
    #[arg(long)]
    schema: Option<String>,
    /// Write the result as JSON to this file; `-` prints it in place of the report.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write images into this folder: samples, suspicious samples with the reason, copies, and plots
    /// of sizes, labels and the mean shape.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Write exclusions and corrections for the findings to this TOML file. Review it, then use it
    /// with --corrections of train. With several data sets, the number of each is added to the name.
    #[arg(long)]
    fix: Option<PathBuf>,
    /// Apply exclusions and corrections from this file, to one data set.
    #[arg(long)]
    corrections: Option<PathBuf>,
    /// Correlation of small gray versions from which images are near copies.
    #[arg(long, default_value_t = InspectOptions::default().min_correlation)]
    min_correlation: f64,
    /// Distance from the mean shape from which a label is an outlier, in standard deviations.
    #[arg(long, default_value_t = InspectOptions::default().max_distance)]
    max_distance: f64,
    /// Effect size (Cohen's d) from which two groups of samples have different labeling rules.
    #[arg(long, default_value_t = InspectOptions::default().min_effect)]
    min_effect: f64,
    /// Number of threads; all cores if absent.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    use_threads(arguments.threads)?;
    arguments.check_outputs()?;
    let sets = arguments.open()?;
    let sets: Vec<&OpenedDataset> = sets.iter().collect();
    let options = InspectOptions {
        min_correlation: arguments.min_correlation,
        max_distance: arguments.max_distance,
        min_effect: arguments.min_effect,
        progress: progress_bar("reading"),
    };
    let inspection = inspect(&sets, &options)?;
    arguments.report(&inspection)?;
    if let Some(path) = &arguments.fix {
        for number in 0..sets.len() {
            let path = numbered(path, number, sets.len());
            let corrections = inspection.corrections(number);
            corrections.save(&path)?;
            eprintln!(
                "{} exclusions and {} corrections, to be reviewed: {}",
                corrections.exclusions(),
                corrections.corrections(),
                path.display()
            );
        }
    }
    if let Some(folder) = &arguments.out {
        for (number, set) in sets.iter().enumerate() {
            let folder = match sets.len() {
                1 => folder.clone(),
                _ => folder.join(format!("{}-{}", number + 1, name(&arguments.data[number]))),
            };
            create(&folder)?;
            sheets::samples(&folder, set)?;
            sheets::suspects(&folder, set, &inspection.sets[number])?;
            plots::all(&folder, set, &inspection.sets[number])?;
        }
        sheets::copies(folder, &sets, &inspection)?;
        write_text(&folder.join("report.txt"), &inspection.to_string())?;
        eprintln!("images: {}", folder.display());
    }
    Ok(())
}

impl Arguments {
    /// Checks before the work that everything can be written after it.
    fn check_outputs(&self) -> Result<()> {
        let json = self.json.iter().filter(|path| !is_standard_output(path));
        for path in json.chain(&self.fix) {
            check_writable(path)?;
        }
        if let Some(folder) = &self.out {
            check_writable(&folder.join("report.txt"))?;
        }
        ensure!(
            self.corrections.is_none() || self.data.len() == 1,
            "--corrections is for one data set, not {}",
            self.data.len()
        );
        Ok(())
    }

    fn open(&self) -> Result<Vec<OpenedDataset>> {
        let format = self.format.as_deref().map(str::parse).transpose()?;
        let schema = self.schema.as_deref().map(fkp_data::schema_from);
        let corrections = self.corrections.as_ref().map(Corrections::load);
        let options = OpenOptions {
            format,
            schema: schema.transpose()?,
            corrections: corrections.transpose()?,
            // Listed as notes, where training refuses them.
            far_labels: FarLabels::Unlabel,
            missing_images: MissingImages::LabelsOnly,
            progress: progress_bar("reading"),
            ..OpenOptions::default()
        };
        let opened = self.data.iter().map(|path| Ok(open(path, &options)?));
        opened.collect()
    }

    fn report(&self, inspection: &Inspection) -> Result<()> {
        let json = || serde_json::to_string_pretty(inspection);
        match &self.json {
            Some(path) if is_standard_output(path) => {
                say!("{}", json()?);
                return Ok(());
            }
            Some(path) => write_text(path, &(json()? + "\n"))?,
            None => {}
        }
        say!("{}", inspection.to_string().trim_end());
        Ok(())
    }
}

fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-")
}

/// The last part of a path.
fn name(path: &Path) -> String {
    let name = path.file_stem().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The file for one of several data sets: `fix-2.toml` for the second.
fn numbered(path: &Path, number: usize, sets: usize) -> PathBuf {
    if sets == 1 {
        return path.to_owned();
    }
    let name = format!("{}-{}", name(path), number + 1);
    match path.extension() {
        Some(extension) => path.with_file_name(name).with_extension(extension),
        None => path.with_file_name(name),
    }
}

fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot create the folder", folder.display()))
}
