//! MATLAB files: the numeric arrays in them, and cell arrays of such.

#[cfg(feature = "hdf5")]
mod hdf5;
mod v5;
mod variables;
#[cfg(test)]
pub(crate) mod writer;

pub(crate) use variables::{MatArray, MatFile, Values};

use crate::DataError;
#[cfg(not(feature = "hdf5"))]
use crate::error::AnnotationError;
use crate::files::read_file;
use std::path::Path;

impl MatFile {
    /// Reads these variables of a file of version 5 to 7, or, with the feature `hdf5`, of version
    /// 7.3. A name that the file lacks is not an error here.
    ///
    /// # Errors
    /// If the file is no MATLAB file, is truncated, claims to have more than it has, or is of
    /// version 7.3 without the feature.
    pub(crate) fn read(path: &Path, wanted: &[&str]) -> Result<Self, DataError> {
        let bytes = read_file(path)?;
        if is_hdf5(&bytes) {
            return Self::read_hdf5(path, bytes, wanted);
        }
        v5::read(path, &bytes, wanted)
    }

    #[cfg(feature = "hdf5")]
    fn read_hdf5(path: &Path, bytes: Vec<u8>, wanted: &[&str]) -> Result<Self, DataError> {
        hdf5::read(path, bytes, wanted)
    }

    #[cfg(not(feature = "hdf5"))]
    fn read_hdf5(path: &Path, _bytes: Vec<u8>, _wanted: &[&str]) -> Result<Self, DataError> {
        let error = AnnotationError::Unsupported {
            found: "a MATLAB file of version 7.3, which is HDF5,".to_owned(),
            instead: "build with the feature `hdf5` of the crate `fkp-data`, or save its variables \
                      again: in MATLAB with `save -v7`, in Python with `h5py` and \
                      `scipy.io.savemat`",
        };
        Err(DataError::invalid_binary(path, 0, "the header", error))
    }
}

/// Whether a file is HDF5: its signature is at the start, or behind the header of MATLAB.
fn is_hdf5(bytes: &[u8]) -> bool {
    let signature = b"\x89HDF\r\n\x1a\n";
    let starts = [0, 512].map(|start| bytes.get(start..).unwrap_or_default());
    starts.iter().any(|bytes| bytes.starts_with(signature))
}

#[cfg(test)]
mod tests;
