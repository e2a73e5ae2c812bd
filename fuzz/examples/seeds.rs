//! Writes the first inputs of each fuzz target into `corpus/`: by the writers of the project where there
//! are some, and small files by hand.

use fkp_core::{Image, InMemory, Keypoint, Keypoints, LabeledBox, Sample, Schema, Visibility};
use fkp_data::{
    FolderFormat, ImageEncoding, OpenOptions, PackInput, PackOptions, Progress, open, pack,
    write_folder,
};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let dir = tempfile::tempdir()?;
    for (number, images) in [ImageEncoding::Pixels, ImageEncoding::Files].into_iter().enumerate() {
        let options = PackOptions { images, ..PackOptions::default() };
        for (name, set) in [("keypoints", keypoints()?), ("boxes", boxes()?)] {
            let path = dir.path().join(format!("{name}{number}.fkp"));
            pack(&[PackInput::new(name, Arc::new(set))], &path, &options)?;
            seed("fkp", &format!("{name}{number}"), &std::fs::read(&path)?)?;
            let opened = open(&path, &OpenOptions::default())?;
            for format in FolderFormat::ALL {
                let folder = dir.path().join(format!("{name}{number}-{format}"));
                if write_folder(&opened, &folder, format, &Progress::default()).is_err() {
                    continue;
                }
                let (target, file) = match (format, name) {
                    (FolderFormat::Coco, _) => ("coco", "annotations.json"),
                    (_, "boxes") => ("boxes_csv", "labels.csv"),
                    _ => ("image_csv", "labels.csv"),
                };
                let text = std::fs::read_to_string(folder.join(file))?;
                // The one image beside the file that is fuzzed.
                seed(target, name, text.replace("face.png", "a.png").as_bytes())?;
                if let Ok(schema) = std::fs::read(folder.join("schema.toml")) {
                    seed("schema", name, &schema)?;
                }
            }
        }
    }
    let png = png()?;
    seed("image", "png", &png)?;
    let mut jpeg = Vec::new();
    let gray = image::GrayImage::from_fn(9, 7, |x, y| image::Luma([(20 * x + y) as u8]));
    gray.write_to(&mut std::io::Cursor::new(&mut jpeg), image::ImageFormat::Jpeg)?;
    seed("image", "jpeg", &jpeg)?;

    let kaggle = "nose_tip_x,nose_tip_y,Image\n1,2,0 1 2 3\n,,4 5 6 255\n";
    for (name, text) in [("training", kaggle), ("test", "ImageId,Image\n1,0 9 8 7\n")] {
        seed("kaggle", name, text.as_bytes())?;
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        archive.start_file("training.csv", zip::write::SimpleFileOptions::default())?;
        archive.write_all(text.as_bytes())?;
        seed("kaggle_zip", name, &archive.finish()?.into_inner())?;
    }
    for (target, text) in TEXTS {
        seed(target, "text", text.as_bytes())?;
    }
    let coordinates = (0..196).map(|i| format!("{} ", i % 8)).collect::<String>();
    seed("wflw", "plain", format!("{coordinates}a.png\n").as_bytes())?;
    seed("wflw", "attributes", format!("{coordinates}0 0 8 8 1 0 0 0 1 0 a.png\n").as_bytes())?;
    seed("webdataset", "json", &tar(&[
        ("a.png", &png),
        ("a.json", br#"{"keypoints": [[1, 2], [3, 4, 1], null], "group": "x", "bbox": [0, 0, 8, 8]}"#),
        ("b.png", &png),
        ("b.pts", b"version: 1\nn_points: 3\n{\n1 1\n2 2\n3 3\n}\n"),
    ]))?;
    seed("parquet", "lists", &parquet_file(&png)?)?;
    let mut video = b"YUV4MPEG2 W8 H4 F25:1 C420jpeg\nFRAME\n".to_vec();
    video.extend(std::iter::repeat_n(128, 48));
    seed("y4m", "frame", &video)?;
    #[cfg(feature = "models")]
    {
        seed("model", "tutorial", &fkp_fuzz::training::model_bytes())?;
        seed("state", "epoch", &fkp_fuzz::training::state_bytes())?;
    }
    Ok(())
}

const TEXTS: [(&str, &str); 8] = [
    ("wider_face", "a.png\n2\n0 0 4 4 0 0 0 0 0 0\n1 1 3 3 0 0 0 1 0 0\n"),
    ("labelme", r#"{"shapes": [{"label": "nose", "points": [[1, 2]], "shape_type": "point",
        "group_id": 1, "flags": {}}, {"label": "face", "points": [[0, 0], [8, 8]],
        "shape_type": "rectangle", "group_id": 1}], "imagePath": "a.png", "imageData": null,
        "imageWidth": 8, "imageHeight": 8}"#),
    ("pts", "version: 1\nn_points: 2\n{\n1.5 2.5\n3 4\n}\n"),
    ("yolo_labels", "0 0.5 0.5 0.5 0.5 0.2 0.3 2 0.4 0.5 1\n"),
    ("yolo_yaml", "path: .\ntrain: images\nval: images\nkpt_shape: [2, 3]\nflip_idx: [1, 0]\nnames:\n  0: face\n"),
    ("dlib_xml", "<dataset><images><image file='a.png'><box top='0' left='0' width='8' height='8'>\
        <part name='00' x='1' y='2'/><part name='01' x='3' y='4'/></box></image></images></dataset>"),
    ("cvat_xml", r#"<annotations><version>1.1</version><image id="0" name="a.png" width="8" height="8">
        <skeleton label="face"><points label="nose" outside="0" occluded="1" points="1,2"/></skeleton>
        <points label="face" points="1,2;3,4"/></image></annotations>"#),
    ("corrections", "[[exclude]]\nid = \"a.png\"\nreason = \"copy\"\n"),
];

fn png() -> Result<Vec<u8>> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([(8 * x) as u8, y as u8, 7]));
    image.write_to(&mut bytes, image::ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

fn face() -> Image {
    let pixels = (0..64).map(|i| 3 * i).collect();
    Image::new(8, 8, 1, pixels).unwrap_or_else(|_| Image::filled(8, 8, 1, 0))
}

fn keypoints() -> Result<InMemory> {
    let schema = Schema::numbered("three", 3)?;
    let occluded = fkp_core::Keypoint {
        visibility: Visibility::Occluded,
        ..Keypoint::new(2.5, 6.0)
    };
    let labels = vec![Keypoint::new(1.0, 2.0), occluded, Keypoint::unlabeled()];
    let sample = Sample {
        group: Some("person".to_owned()),
        attributes: vec!["occlusion".to_owned()],
        ..Sample::new("face.png", face(), Keypoints::new(labels))
    };
    Ok(InMemory::new(schema, vec![sample])?)
}

fn boxes() -> Result<InMemory> {
    let bounds = fkp_core::BoundingBox::from_image_edges(1.0, 1.0, 4.0, 5.0);
    let sample = Sample {
        boxes: vec![LabeledBox::face(bounds)],
        ..Sample::new("face.png", face(), Keypoints::default())
    };
    Ok(InMemory::new(Schema::boxes(), vec![sample])?)
}

/// An archive of these files.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, bytes) in files {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        let size = format!("{:011o}", bytes.len());
        header[124..135].copy_from_slice(size.as_bytes());
        header[148..156].copy_from_slice(b"        ");
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        header[263..265].copy_from_slice(b"00");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// A row with an image, two keypoints and a name.
fn parquet_file(image: &[u8]) -> Result<Vec<u8>> {
    let schema = parse_message_type(
        "message m { required binary image; required group keypoints (LIST) { repeated group list {
            required double element; } } required binary person (STRING); }",
    )?;
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties)?;
    let mut group = writer.next_row_group()?;
    while let Some(mut column) = group.next_column()? {
        let text = |bytes: &[u8]| [ByteArray::from(bytes.to_vec())];
        match column.untyped() {
            ColumnWriter::DoubleColumnWriter(writer) => {
                writer.write_batch(&[1.0, 2.0, 3.0, 4.5], Some(&[1; 4]), Some(&[0, 1, 1, 1]))?
            }
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                let is_image = writer.get_descriptor().name() == "image";
                let value = if is_image { text(image) } else { text(b"Ann") };
                writer.write_batch(&value, None, None)?
            }
            _ => return Err("a column of another type".into()),
        };
        column.close()?;
    }
    group.close()?;
    Ok(writer.into_inner()?)
}

fn seed(target: &str, name: &str, bytes: &[u8]) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    std::fs::create_dir_all(&folder)?;
    Ok(std::fs::write(folder.join(name), bytes)?)
}
