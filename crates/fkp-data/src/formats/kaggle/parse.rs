//! Parses Kaggle's table while it is read: one block is read and decompressed while the one before it
//! is parsed on all cores.

use super::archive::{Member, table_name};
use super::blocks::{Block, Blocks, Part};
use super::columns::Columns;
use super::dataset::KaggleTable;
use super::samples::{Layout, Samples};
use crate::DataError;
use crate::files::has_extension;
use crate::formats::reader::ReadOptions;
use crate::schema::SchemaSource;
use crate::table::Table;
use fkp_core::Schema;
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// The number of parts of a block that are parsed in parallel.
const PARTS: usize = 8;

impl KaggleTable {
    /// Reads a `.csv` file, or the one in a `.zip` file. The schema is `kaggle15` unless given.
    pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Self, DataError> {
        let file = File::open(path).map_err(DataError::io(path))?;
        if !has_extension(path, "zip") {
            let mut blocks = Blocks::new(path, &file, DataError::io(path));
            blocks.total = file.metadata().map_err(DataError::io(path))?.len();
            blocks.progress = options.progress.clone();
            return Self::parse_blocks(path, blocks, options);
        }
        let failed = |source| DataError::Archive {
            path: path.to_owned(),
            source,
        };
        let file = BufReader::new(file);
        let mut archive = zip::ZipArchive::new(file).map_err(failed)?;
        let name = table_name(path, &archive)?;
        let member = Member::open(&mut archive, &name).map_err(failed)?;
        // A path into the archive, for error messages.
        let path = &path.join(name);
        // The zip reader reports a corrupt stream as an I/O error.
        let corrupt = |error| failed(zip::result::ZipError::Io(error));
        let mut blocks = Blocks::new(path, member.content, corrupt);
        blocks.total = member.size;
        blocks.progress = options.progress.clone();
        Self::parse_blocks(path, blocks, options)
    }

    /// Parses the blocks of a table; `path` is for error messages.
    pub(super) fn parse_blocks<R: Read + Send>(
        path: &Path,
        mut blocks: Blocks<'_, R, impl Fn(std::io::Error) -> DataError + Send>,
        options: &ReadOptions,
    ) -> Result<Self, DataError> {
        // In a thread of the pool, which need not be woken up for each block.
        let table = rayon::scope(|_| Self::parse_while_reading(path, &mut blocks, options));
        if table.is_err() {
            blocks.drain()?;
        }
        table
    }

    fn parse_while_reading<R: Read + Send>(
        path: &Path,
        blocks: &mut Blocks<'_, R, impl Fn(std::io::Error) -> DataError + Send>,
        options: &ReadOptions,
    ) -> Result<Self, DataError> {
        let (mut block, mut next) = (Block::default(), Block::default());
        blocks.read_into(&mut block)?;
        let first = block.whole(1);
        let mut table = Table::new(path, first.text)?;
        let schema = options.schema.clone().unwrap_or_else(Schema::kaggle15);
        let columns = Columns::find(&table, &schema, options.missing_images)?;
        let is_labeled = !columns.keypoints.is_empty();
        let has_images = columns.image.is_some();
        let schema_source = match (&options.schema, is_labeled) {
            (Some(_), _) => SchemaSource::Given,
            (None, true) => SchemaSource::Names,
            (None, false) => SchemaSource::Format,
        };
        let mut set = Self {
            schema,
            schema_source,
            file: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            side: 0,
            parts: Vec::new(),
            firsts: Vec::new(),
            len: 0,
            is_labeled,
            has_images,
            notes: Vec::new(),
        };
        let mut layout = Layout {
            columns,
            far_labels: options.far_labels,
            side: None,
        };
        set.push(Samples::parse(&mut table, &layout)?);
        let mut line = table.line_at_end();
        // The header without the text of the block.
        let table = table.continued(&[], line);
        let mut is_more = blocks.read_into(&mut next)?;
        while is_more {
            std::mem::swap(&mut block, &mut next);
            layout.side = (set.len > 0).then_some(set.side);
            // The next block is read, and decompressed, while this one is parsed.
            let (read, parsed) = rayon::join(
                || blocks.read_into(&mut next),
                || parse_block(path, &table, &layout, block.whole(line)),
            );
            is_more = read?;
            let parsed = parsed?;
            for samples in parsed.parts {
                set.push(samples?);
            }
            line = parsed.line_at_end;
        }
        if set.len == 0 {
            return Err(DataError::NoSamples {
                path: path.to_owned(),
            });
        }
        if !set.has_images {
            let note = "the table has no images: only its labels can be inspected";
            set.notes.push(note.to_owned());
        }
        if !set.is_labeled {
            let note = "the table has no coordinate columns: no keypoint is labeled";
            set.notes.push(note.to_owned());
        }
        Ok(set)
    }
}

/// The samples of a block.
struct ParsedBlock {
    /// In their order, so that the first error is that of the first invalid row.
    parts: Vec<Result<Samples, DataError>>,
    /// The line on which the text after the block starts.
    line_at_end: u64,
}

/// Parses the parts of a block in parallel.
fn parse_block(
    path: &Path,
    table: &Table<'_>,
    layout: &Layout,
    block: Part<'_>,
) -> Result<ParsedBlock, DataError> {
    // The first row decides the size of the images.
    let size = layout.side.map_or(usize::MAX, |_| block.text.len() / PARTS);
    let (parts, line_at_end) = block.split(size).map_err(DataError::io(path))?;
    let parse = |part: Part<'_>| {
        let mut table = table.continued(part.text, part.line);
        Samples::parse(&mut table, layout)
    };
    let parts = parts.into_par_iter().map(parse).collect();
    Ok(ParsedBlock { parts, line_at_end })
}
