//! Downloads files of data set repositories from the Hugging Face hub into its cache folder.

use crate::DataError;
use candle_datasets::hub::{FileReader, from_hub};
use hf_hub::HFClientSync;
use std::path::PathBuf;

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

/// The Parquet files of the data set `owner/name`, into which the hub converts every table. The
/// caller interprets their columns: no module of this crate reads samples from Parquet.
///
/// # Errors
/// If the hub cannot be reached, or the data set has no such files.
pub fn parquet(repository: &str) -> Result<Vec<impl FileReader>, DataError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| DataError::Hub {
        repository: repository.to_owned(),
        file: "*.parquet".to_owned(),
        source,
    };
    let client = HFClientSync::new().map_err(|source| failed(source.into()))?;
    from_hub(&client, repository.to_owned()).map_err(|source| failed(source.into()))
}

fn hub_error(repository: &str, file: &str, source: hf_hub::HFError) -> DataError {
    DataError::Hub {
        repository: repository.to_owned(),
        file: file.to_owned(),
        source: source.into(),
    }
}
