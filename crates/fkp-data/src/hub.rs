//! Downloads files of data set repositories from the Hugging Face hub into its cache folder.

use crate::formats::parquet::rows::{ParquetFile, read};
use crate::{DataError, Format, OpenOptions, OpenedDataset};
use candle_datasets::hub::from_hub;
use hf_hub::HFClientSync;
use std::path::{Path, PathBuf};

/// Downloads one file of the data set `owner/name`, such as a table, an archive or annotations for
/// [`crate::open`], and returns its path in the cache.
///
/// # Errors
/// If the hub cannot be reached or there is no such file.
pub fn fetch(repository: &str, file: &str) -> Result<PathBuf, DataError> {
    let failed = |source: hf_hub::HFError| hub_error(repository, file, source);
    let (owner, name) = hf_hub::split_id(repository);
    let client = HFClientSync::new().map_err(failed)?;
    let repository = client.dataset(owner, name);
    let download = repository.download_file().filename(file);
    download.send().map_err(failed)
}

/// Opens the data set `owner/name` by its Parquet files, into which the hub converts every table;
/// [`Format::Parquet`] describes the columns. The parts that the hub names are not known: the data
/// set is split by person or image.
///
/// # Errors
/// If the hub cannot be reached, the data set has no such files, or for [`crate::open`].
pub fn parquet(repository: &str, options: &OpenOptions) -> Result<OpenedDataset, DataError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| DataError::Hub {
        repository: repository.to_owned(),
        file: "*.parquet".to_owned(),
        source,
    };
    options.split_rule.validate()?;
    let client = HFClientSync::new().map_err(|source| failed(source.into()))?;
    let readers = from_hub(&client, repository.to_owned());
    let readers = readers.map_err(|source| failed(source.into()))?;
    let files = readers.into_iter().enumerate().map(|(number, reader)| {
        let path = Path::new(repository).join(format!("{number}.parquet"));
        ParquetFile::new(path, reader)
    });
    let root = PathBuf::from(repository);
    let set = read(&root, &files.collect::<Vec<_>>(), &options.for_reader())?;
    OpenedDataset::new(Format::Parquet, root, set.into(), options)
}

fn hub_error(repository: &str, file: &str, source: hf_hub::HFError) -> DataError {
    DataError::Hub {
        repository: repository.to_owned(),
        file: file.to_owned(),
        source: source.into(),
    }
}
