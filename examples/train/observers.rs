//! What a run shows and writes while it trains.

use crate::configuration::SavedConfiguration;
use anyhow::Result;
use fkp_examples::{DataConfig, Interrupt, RenderedFaces, TrainingRun};
use fkp_train::observers::{
    CsvHistory, Curves, JsonLines, KeypointErrors, Preview, ProgressBar, TensorBoard,
    ValidationPreview,
};
use fkp_train::{EpochRecord, Observer, Observers};
use std::path::{Path, PathBuf};

/// The observers that draw keypoints.
struct KeypointObservers {
    errors: KeypointErrors,
    preview: ValidationPreview,
}

/// All observers of a run, each with its file in the run's folder.
pub(crate) struct RunObservers {
    folder: PathBuf,
    configuration: SavedConfiguration,
    progress: ProgressBar,
    history: CsvHistory,
    events: JsonLines,
    tensorboard: TensorBoard,
    curves: Curves,
    keypoints: Option<KeypointObservers>,
    interrupt: Interrupt,
}

impl RunObservers {
    pub(crate) fn new(folder: &Path, run: &TrainingRun) -> Result<Self> {
        let preview = Preview::default();
        let tensorboard = TensorBoard::new(folder);
        let keypoints = || KeypointObservers {
            errors: KeypointErrors::new(folder.join("keypoint_errors.png")),
            preview: ValidationPreview::new(folder, preview),
        };
        let (tensorboard, keypoints) = match run.detects_faces() {
            true => (tensorboard, None),
            false => (tensorboard.with_preview(preview), Some(keypoints())),
        };
        Ok(Self {
            folder: folder.to_owned(),
            configuration: SavedConfiguration::new(folder.join("config.toml"), &run.config)?,
            progress: progress_bar(&run.config.data),
            history: CsvHistory::new(folder.join("history.csv")),
            events: JsonLines::new(folder.join("history.jsonl")),
            tensorboard,
            curves: Curves::new(folder.join("curves.png")),
            keypoints,
            interrupt: Interrupt::listen()?,
        })
    }

    /// All of them as one observer.
    pub(crate) fn all(&mut self) -> Observers<'_> {
        let mut all: Vec<&mut dyn Observer> = vec![
            &mut self.configuration,
            &mut self.progress,
            &mut self.history,
            &mut self.events,
            &mut self.tensorboard,
            &mut self.curves,
        ];
        if let Some(KeypointObservers { errors, preview }) = &mut self.keypoints {
            all.push(errors);
            all.push(preview);
        }
        all.push(&mut self.interrupt);
        Observers(all)
    }

    /// Completes the files and reports the first error of an observer.
    ///
    /// The history and the curves are written from `records` once more, for a run that was killed
    /// between its last checkpoint and these files.
    pub(crate) fn finish(mut self, records: &[EpochRecord]) -> Result<()> {
        CsvHistory::write(&self.folder.join("history.csv"), records)?;
        Curves::draw(&self.folder.join("curves.png"), records)?;
        self.events.catch_up(records);
        if let Some(error) = self.all().failure() {
            return Err(error.into());
        }
        self.curves.finish()?;
        if let Some(KeypointObservers { errors, preview }) = self.keypoints {
            errors.finish()?;
            preview.finish()?;
        }
        Ok(())
    }
}

/// The progress bar, which explains what a slow loader does.
fn progress_bar(data: &DataConfig) -> ProgressBar {
    let progress = ProgressBar::new();
    match (data.renders(), data.rendered.faces) {
        (true, RenderedFaces::NewEachEpoch) => progress.with_loader_advice(
            "renders new faces and augments them: more threads, fewer pixels (input.size), or the \
             same faces in all epochs (data.rendered.faces = \"fixed\") would make it faster",
        ),
        _ => progress,
    }
}
