//! Converts data sets: into one file in the dataset format, or from any format into a folder.
//!
//! ```text
//! cargo run --release --example convert -- ytf68 ibug68 rendered:20000 --schema ibug68 --crop 128 faces.fkp
//! cargo run --release --example convert -- kaggle/training.zip kaggle.fkp
//! cargo run --release --example convert -- faces.fkp folder --to coco
//! cargo run --release --example convert -- faces.fkp --verify
//! ```

mod inputs;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use fkp_data::{FolderFormat, ImageEncoding, PackOptions, PackedFile, pack, write_folder};
use fkp_examples::{SourceConfig, finish, format_help, progress_bar, say};
use inputs::Crops;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Convert data sets into a file in the dataset format (OUT.fkp), or one of them into a folder of
/// images with their labels. After a stop, the same command goes on where it stopped.
#[derive(Parser)]
struct Arguments {
    /// Files or folders with annotated images, or `rendered:N`; last the file or folder to write.
    #[arg(required = true, value_name = "IN… OUT")]
    paths: Vec<PathBuf>,
    #[arg(long, help = format_help())]
    format: Option<String>,
    /// Keypoints: source (as they are, default), kaggle15, ibug68, another built-in schema, or a TOML
    /// file.
    #[arg(long, default_value = "source")]
    schema: String,
    /// Treat labels far outside their image as unlabeled in place of refusing them.
    #[arg(long)]
    unlabel_far: bool,
    /// Store square crops around the faces, of this side in pixels, in place of whole images.
    #[arg(long, value_name = "SIDE")]
    crop: Option<usize>,
    /// Crops, and rendered faces, in color.
    #[arg(long)]
    color: bool,
    /// Side of rendered faces in pixels.
    #[arg(long, default_value_t = 96)]
    rendered_size: usize,
    /// Seed of rendered faces.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The distribution of rendered faces: a TOML file, in which fields that are not named keep their
    /// defaults.
    #[arg(long, value_name = "FILE")]
    distribution: Option<PathBuf>,
    /// How images are stored: auto (image files as they are, else pixels), pixels, or files.
    #[arg(long, default_value = "auto", value_parser = image_encoding)]
    images: ImageEncoding,
    /// The license of a source, in the order of the sources; may be given several times.
    #[arg(long)]
    license: Vec<String>,
    /// The labels of a folder: image-csv or coco.
    #[arg(long, default_value_t, conflicts_with_all = ["images", "license"])]
    to: FolderFormat,
    /// Only compare the checksums of files in the dataset format.
    #[arg(long)]
    verify: bool,
}

fn image_encoding(name: &str) -> Result<ImageEncoding> {
    match name {
        "auto" => Ok(ImageEncoding::Auto),
        "pixels" => Ok(ImageEncoding::Pixels),
        "files" => Ok(ImageEncoding::Files),
        _ => bail!("`{name}` is not auto, pixels or files"),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    finish(match arguments.verify {
        true => verify(&arguments.paths),
        false => convert(&arguments),
    })
}

fn verify(paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        PackedFile::open(path)?.verify()?;
        say!("{}: all checksums are as written", path.display());
    }
    Ok(())
}

fn convert(arguments: &Arguments) -> Result<()> {
    let Some((out, sources)) = arguments.paths.split_last() else {
        bail!("give the data to convert, and the file or folder to write");
    };
    ensure!(
        !sources.is_empty(),
        "give the data to convert before `{}`",
        out.display()
    );
    ensure!(
        arguments.license.len() <= sources.len(),
        "there are more licenses than sources"
    );
    let renders = |source: &PathBuf| -> Result<bool> {
        Ok(SourceConfig::from_argument(source)?.rendered.is_some())
    };
    if arguments.distribution.is_some() {
        let rendered = sources.iter().map(renders).collect::<Result<Vec<bool>>>()?;
        ensure!(
            rendered.contains(&true),
            "--distribution is for rendered faces, such as rendered:4000, and there are none"
        );
    }
    match out.extension().is_some_and(|extension| extension == "fkp") {
        true => to_file(arguments, sources, out),
        false => to_folder(arguments, sources, out),
    }
}

fn to_file(arguments: &Arguments, sources: &[PathBuf], out: &Path) -> Result<()> {
    let crops = arguments.crop.map(|side| Crops {
        side,
        is_color: arguments.color,
    });
    let mut inputs = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let input = inputs::open(arguments, source, crops.as_ref());
        let input = input.with_context(|| format!("{}", source.display()))?;
        inputs.push(match arguments.license.get(number) {
            Some(license) => input.with_license(license),
            None => input,
        });
    }
    let options = PackOptions {
        images: arguments.images,
        progress: progress_bar("writing"),
    };
    let report = pack(&inputs, out, &options)?;
    let resumed = match report.resumed {
        0 => String::new(),
        resumed => format!(", {resumed} of them written before"),
    };
    say!(
        "{} samples{resumed}, {:.1} MB: {}",
        report.samples,
        report.bytes as f64 / 1e6,
        out.display()
    );
    Ok(())
}

fn to_folder(arguments: &Arguments, sources: &[PathBuf], out: &Path) -> Result<()> {
    let [source] = sources else {
        bail!(
            "several data sets go into one file, such as `{}.fkp`; a folder is written from one",
            out.display()
        );
    };
    ensure!(
        arguments.crop.is_none() && arguments.schema == "source",
        "crops and other keypoints are written into a file in the dataset format first, such as \
         `{}.fkp`",
        out.display()
    );
    let opened = inputs::open_files(arguments, source)?;
    let report = write_folder(&opened, out, arguments.to, &progress_bar("writing"))?;
    for loss in &report.losses {
        say!("note: {loss}");
    }
    say!(
        "{} samples, {} images, labels as {}: {}",
        report.samples,
        report.images,
        arguments.to,
        out.display()
    );
    Ok(())
}
