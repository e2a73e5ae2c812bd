//! Tests of the dataset format: what is written is read, damage is found, and writing resumes.

use super::file::PackedFile;
use super::writer::unfinished;
use super::{ImageEncoding, PackInput, PackOptions, pack};
use crate::any_dataset::{Sizes, any_dataset};
use crate::{Format, OpenOptions, Progress, SplitIndices, open};
use fkp_core::{
    CropRule, Dataset, DatasetError, Image, InMemory, Keypoint, Keypoints, Sample, Schema,
};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn options(images: ImageEncoding) -> PackOptions {
    PackOptions {
        images,
        ..PackOptions::default()
    }
}

/// `count` gray images of 6×5 pixels with one keypoint.
fn set(count: usize) -> Arc<InMemory> {
    let sample = |index: usize| {
        let pixels = (0..30).map(|pixel| (index * 31 + pixel) as u8).collect();
        let image = Image::new(6, 5, 1, pixels).unwrap();
        let keypoints = Keypoints::new(vec![Keypoint::new(index as f32 * 0.001, 2.5)]);
        Sample {
            group: (!index.is_multiple_of(3)).then(|| format!("person {}", index % 7)),
            ..Sample::new(format!("sample {index}"), image, keypoints)
        }
    };
    let schema = Schema::numbered("one", 1).unwrap();
    Arc::new(InMemory::new(schema, (0..count).map(sample).collect()).unwrap())
}

fn samples(set: &dyn Dataset) -> Vec<Sample> {
    (0..set.len())
        .map(|index| set.get(index).unwrap())
        .collect()
}

fn assert_reads_as(path: &Path, expected: &dyn Dataset) {
    for copy_limit in [0, usize::MAX] {
        let file = PackedFile::open_copying(path, copy_limit).unwrap();
        assert_eq!(file.schema(), expected.schema());
        assert_eq!(
            samples(&file),
            samples(expected),
            "copied up to {copy_limit} bytes"
        );
        file.verify().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_data_set_is_read_as_it_was_written(
        mixed in any_dataset(Sizes::Mixed),
        one in any_dataset(Sizes::One),
    ) {
        let dir = tempfile::tempdir().unwrap();
        for (set, images) in [
            (mixed, ImageEncoding::Files),
            (one.clone(), ImageEncoding::Pixels),
            (one, ImageEncoding::Auto),
        ] {
            let path = dir.path().join("set.fkp");
            let input = PackInput::new("any", Arc::new(set.clone()));
            pack(&[input], &path, &options(images)).unwrap();
            assert_reads_as(&path, &set);
            let stored = PackedFile::open(&path).unwrap().pixel_size();
            match images {
                ImageEncoding::Files => prop_assert_eq!(stored, None),
                _ => prop_assert_eq!(stored, Some(set.get(0).unwrap().image.size())),
            }
        }
    }

    #[test]
    fn no_damage_to_a_file_is_a_panic(
        position in 0..20_000usize,
        value in any::<u8>(),
        cut in 0..20_000usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("set.fkp");
        pack(&[PackInput::new("a", set(3))], &path, &options(ImageEncoding::Files)).unwrap();
        let written = std::fs::read(&path).unwrap();
        let header_len = u64::from_le_bytes(*written.first_chunk().unwrap()) as usize + 8;
        let mut damaged = written.clone();
        let at = position % damaged.len();
        damaged[at] = value;
        let cut_off = written[..cut % written.len()].to_vec();
        for bytes in [&damaged, &cut_off] {
            std::fs::write(&path, bytes).unwrap();
            // A copy is checked when it is opened, a mapped file when it is read.
            let copied = PackedFile::open(&path);
            prop_assert!(copied.is_err() || bytes == &written || at < header_len);
            if let Ok(file) = PackedFile::open_copying(&path, 0) {
                for index in 0..file.len().min(10) {
                    let _ = file.get(index);
                    let _ = crate::origin::SourceDataset::origin(&file, index);
                }
                let _ = file.predefined_split();
            }
        }
        prop_assert!(PackedFile::open_copying(&path, 0).is_err(), "a file that is cut off");
    }
}

#[test]
fn damaged_data_is_found_by_its_checksum() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("set.fkp");
    pack(
        &[PackInput::new("a", set(3))],
        &path,
        &options(ImageEncoding::Pixels),
    )
    .unwrap();
    let written = std::fs::read(&path).unwrap();
    let header = u64::from_le_bytes(*written.first_chunk().unwrap()) as usize + 8;
    for at in [header, (header + written.len()) / 2, written.len() - 1] {
        let mut damaged = written.clone();
        damaged[at] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        let message = format!("{:?}", PackedFile::open(&path).unwrap_err());
        assert!(
            message.contains("set.fkp") && message.contains("checksum"),
            "{message}"
        );
        let mapped = PackedFile::open_copying(&path, 0).unwrap();
        assert!(mapped.verify().is_err());
    }
}

/// Fails at one index, which the test changes.
struct Failing {
    inner: Arc<InMemory>,
    at: AtomicUsize,
}

impl Dataset for Failing {
    fn schema(&self) -> &Schema {
        self.inner.schema()
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn get(&self, index: usize) -> Result<Sample, DatasetError> {
        match index == self.at.load(Ordering::Relaxed) {
            true => Err(DatasetError::new(index, "a broken image")),
            false => self.inner.get(index),
        }
    }
}

#[test]
fn writing_resumes_and_gives_the_same_bytes() {
    let complete = set(700);
    for images in [ImageEncoding::Pixels, ImageEncoding::Files] {
        let dir = tempfile::tempdir().unwrap();
        let (whole, parts) = (dir.path().join("whole.fkp"), dir.path().join("parts.fkp"));
        let input = |set| [PackInput::new("a", set).with_identity("x")];
        let report = pack(&input(complete.clone()), &whole, &options(images)).unwrap();
        assert_eq!((report.samples, report.resumed), (700, 0));
        assert_eq!(report.bytes, std::fs::metadata(&whole).unwrap().len());

        let failing = Arc::new(Failing {
            inner: complete.clone(),
            at: AtomicUsize::new(650),
        });
        let error = pack(&input(failing.clone()), &parts, &options(images)).unwrap_err();
        assert!(format!("{error:?}").contains("a broken image"), "{error:?}");
        assert!(!parts.exists());
        let (partial, journal) = unfinished(&parts);
        // As after a kill while a batch is written: more in both files than was recorded.
        let append = |path: &Path, bytes: &[u8]| {
            let mut text = std::fs::read(path).unwrap();
            text.extend_from_slice(bytes);
            std::fs::write(path, text).unwrap();
        };
        append(&partial, &[7; 100]);
        append(&journal, b"{\"image_bytes\":9");

        let other = [PackInput::new("a", complete.clone()).with_identity("y")];
        let message = format!("{:?}", pack(&other, &parts, &options(images)).unwrap_err());
        assert!(message.contains("data of a source differs"), "{message}");

        failing.at.store(usize::MAX, Ordering::Relaxed);
        let begun = [&partial, &journal].map(|path| std::fs::read(path).unwrap());
        let report = pack(&input(failing), &parts, &options(images)).unwrap();
        assert!(report.resumed > 0 && report.resumed <= 650, "{report:?}");
        assert_eq!(
            std::fs::read(&whole).unwrap(),
            std::fs::read(&parts).unwrap()
        );
        assert!(!partial.exists() && !journal.exists());
        assert_reads_as(&parts, &*complete);

        // A journal whose file was removed or cut short says nothing.
        for rest in [0, begun[0].len() / 2] {
            std::fs::write(&journal, &begun[1]).unwrap();
            std::fs::write(&partial, &begun[0][..rest]).unwrap();
            let report = pack(&input(complete.clone()), &parts, &options(images)).unwrap();
            assert_eq!(report.resumed, 0);
            assert_eq!(
                std::fs::read(&whole).unwrap(),
                std::fs::read(&parts).unwrap()
            );
        }
        let locked = std::fs::File::create(&journal).unwrap();
        locked.lock().unwrap();
        let error = pack(&input(complete.clone()), &parts, &options(images)).unwrap_err();
        assert!(
            format!("{error:?}").contains("another process"),
            "{error:?}"
        );
    }
}

/// Before the rest of a large set is written.
#[test]
fn too_many_and_too_long_attributes_are_refused_where_they_appear() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("set.fkp");
    let message = |names: Vec<String>| {
        let mut samples = samples(&*set(700));
        samples[2].attributes = names;
        let schema = Schema::numbered("one", 1).unwrap();
        let set = Failing {
            inner: Arc::new(InMemory::new(schema, samples).unwrap()),
            at: AtomicUsize::new(699),
        };
        let input = [PackInput::new("a", Arc::new(set))];
        let packed = pack(&input, &path, &PackOptions::default());
        let error = format!("{:?}", packed.unwrap_err());
        for path in <[_; 2]>::from(unfinished(&path)) {
            std::fs::remove_file(path).unwrap();
        }
        error
    };
    let names = |count: usize, len: usize| -> Vec<String> {
        (0..count).map(|index| format!("{index:0len$}")).collect()
    };
    let many = message(names(65, 2));
    assert!(many.contains("65 attributes"), "{many}");
    let long = message(names(42, 100));
    assert!(long.contains("4200 bytes"), "{long}");
    let possible = message(names(64, 64));
    assert!(possible.contains("a broken image"), "{possible}");
}

#[test]
fn the_number_of_threads_does_not_change_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = [1, 3].map(|threads| {
        let path = dir.path().join("set.fkp");
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let input = [PackInput::new("a", set(300))];
        pool.install(|| pack(&input, &path, &options(ImageEncoding::Files)).unwrap());
        std::fs::read(&path).unwrap()
    });
    assert_eq!(bytes[0], bytes[1]);
}

#[test]
fn sources_licenses_parts_and_crops_are_kept_and_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("both.bin");
    let split = SplitIndices {
        train: vec![0, 2],
        val: vec![1],
    };
    let inputs = [
        PackInput::new("first", set(3))
            .with_license("CC-BY 4.0")
            .with_split(split),
        PackInput::new("second", set(2)),
    ];
    let inputs = inputs.map(|input| input.with_crop(CropRule::Whole));
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let progress = Progress::new(move |report| {
        assert_eq!((report.total, report.unit), (5, "images"));
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let options = PackOptions {
        progress,
        ..PackOptions::default()
    };
    pack(&inputs, &path, &options).unwrap();
    assert!(calls.load(Ordering::Relaxed) >= 2);

    let file = PackedFile::open(&path).unwrap();
    assert_eq!(file.sources()[0].license.as_deref(), Some("CC-BY 4.0"));
    assert_eq!(file.sources()[1].name, "second");
    let sources: Vec<_> = (0..5).map(|index| file.source_of(index).unwrap()).collect();
    assert_eq!(sources, [0, 0, 0, 1, 1]);

    // Detected by its content, whatever its name.
    let opened = open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(
        (opened.format, opened.crop.clone()),
        (Format::Fkp, Some(CropRule::Whole))
    );
    let split = opened.predefined_split.as_ref().unwrap();
    assert_eq!(
        (&*split.indices.train, &*split.indices.val),
        (&[0, 2][..], &[1][..])
    );
    let text = opened.summary(&[("all", &[0, 1, 2, 3, 4])]).to_string();
    assert!(text.contains("all: 5 images"), "{text}");
    assert_eq!(opened.pixel_size, Some((6, 5)));

    let given = OpenOptions {
        schema: Some(Schema::kaggle15()),
        ..OpenOptions::default()
    };
    assert!(open(&path, &given).is_err());
}

#[test]
fn what_cannot_be_written_is_an_error_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("set.fkp");
    let message = |inputs: &[PackInput], images| {
        format!("{:?}", pack(inputs, &path, &options(images)).unwrap_err())
    };
    let auto = ImageEncoding::Auto;
    assert!(message(&[], auto).contains("no samples"));
    let other = InMemory::new(Schema::kaggle15(), Vec::new()).unwrap();
    let two = [
        PackInput::new("a", set(2)),
        PackInput::new("b", Arc::new(other)),
    ];
    assert!(message(&two, auto).contains("source `b` has the keypoints of `kaggle15`"));
    let cropped = [
        PackInput::new("a", set(2)),
        PackInput::new("b", set(2)).with_crop(CropRule::Whole),
    ];
    assert!(message(&cropped, auto).contains("source `b` is cropped"));

    let schema = Schema::numbered("one", 1).unwrap();
    let sample = |side, x| {
        let keypoints = Keypoints::from_xy(&[[x, 0.0]]);
        Sample::new(
            format!("side {side}"),
            Image::filled(side, 2, 1, 0),
            keypoints,
        )
    };
    let of = |samples| {
        let set = InMemory::new(schema.clone(), samples).unwrap();
        [PackInput::new("a", Arc::new(set))]
    };
    let sizes = message(
        &of(vec![sample(2, 0.0), sample(3, 0.0)]),
        ImageEncoding::Pixels,
    );
    assert!(sizes.contains("sample 1 (`side 3`) has 3×2×1"), "{sizes}");
    for value in [f32::NAN, f32::INFINITY, 2e6] {
        let _ = std::fs::remove_file(unfinished(&path).1);
        let text = message(&of(vec![sample(2, value)]), auto);
        assert!(text.contains("sample 0, keypoint 0"), "{text}");
    }
    let nowhere = pack(
        &of(vec![sample(2, 0.0)]),
        dir.path().join("no/set.fkp"),
        &options(auto),
    );
    assert!(nowhere.unwrap_err().to_string().contains("cannot write"));
}
