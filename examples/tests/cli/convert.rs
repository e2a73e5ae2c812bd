//! Converting data sets: into a file, from which a run trains, and into folders.

use crate::support::{program, ran, refused, tiny_config, train};
use std::path::Path;
use std::time::Duration;

fn convert(faces: usize, out: &Path) -> std::process::Command {
    let mut command = program("convert");
    command.arg(format!("rendered:{faces}"));
    command.args(["--rendered-size", "32"]).arg(out);
    command
}

#[test]
fn a_run_trains_on_a_packed_file_and_a_folder_made_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let [packed, folder] = ["faces.fkp", "folder"].map(|name| dir.path().join(name));
    let text = ran(&mut convert(60, &packed));
    assert!(text.contains("60 samples"), "{text}");
    let checked = ran(program("convert").arg(&packed).arg("--verify"));
    assert!(checked.contains("as written"), "{checked}");

    let config = tiny_config(dir.path(), 1);
    let run = dir.path().join("run");
    ran(train(&config, &run).arg("--data").arg(&packed));
    assert!(run.join("best.safetensors").is_file());

    let to_coco = || {
        let mut command = program("convert");
        command.arg(&packed).arg(&folder).args(["--to", "coco"]);
        command
    };
    let text = ran(&mut to_coco());
    assert!(
        text.contains("60 samples, 60 images, labels as coco"),
        "{text}"
    );
    assert!(folder.join("annotations.json").is_file());
    assert!(refused(&mut to_coco()).contains("not empty"));

    let mut bytes = std::fs::read(&packed).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&packed, bytes).unwrap();
    let message = refused(program("convert").arg(&packed).arg("--verify"));
    for part in ["faces.fkp", "checksum"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn rendered_faces_have_the_distribution_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("frontal.toml"), "[pose]\nyaw_degrees = 0.0\n").unwrap();
    ran(&mut convert(12, &path("usual.fkp")));
    let of = |file: &str, out: &str| {
        let mut command = convert(12, &path(out));
        command.arg("--distribution").arg(path(file));
        command
    };
    ran(&mut of("frontal.toml", "frontal.fkp"));
    let bytes = ["usual.fkp", "frontal.fkp"].map(|name| std::fs::read(path(name)).unwrap());
    assert_ne!(bytes[0], bytes[1]);
    let render = |out: &str| {
        let mut command = program("render");
        command.args(["--count", "3", "--size", "32", "--out"]);
        command.arg(path(out));
        command
    };
    ran(&mut render("usual"));
    ran(render("frontal")
        .arg("--distribution")
        .arg(path("frontal.toml")));
    let tables = ["usual", "frontal"].map(|folder| path(folder).join("keypoints.csv"));
    let [usual, frontal] = tables.map(|table| std::fs::read_to_string(table).unwrap());
    assert_ne!(usual, frontal);

    for (text, part) in [
        ("[pose]\nroll = 1.0\n", "unknown field `roll`"),
        (
            "[accessories.glasses]\nclear = 3.0\n",
            "`accessories.glasses.clear`",
        ),
        ("[view]\ncrop = { face_box = 0.7 }\n", "`view.crop`"),
    ] {
        std::fs::write(path("wrong.toml"), text).unwrap();
        let message = refused(&mut of("wrong.toml", "wrong.fkp"));
        assert!(
            message.contains("wrong.toml") && message.contains(part),
            "{message}"
        );
    }
    let mut of_files = program("convert");
    of_files.args([path("frontal"), path("files.fkp")]);
    let message = refused(of_files.arg("--distribution").arg(path("frontal.toml")));
    assert!(
        message.contains("--distribution is for rendered faces"),
        "{message}"
    );
}

#[test]
fn a_conversion_that_is_killed_goes_on_and_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole.fkp", "parts.fkp"].map(|name| dir.path().join(name));
    let faces = 1200;
    let mut child = convert(faces, &parts).spawn().unwrap();
    let journal = dir.path().join("parts.fkp.partial.journal");
    // The first line is written at once, the next after some seconds.
    let lines = || std::fs::read(&journal).map_or(0, |text| text.split(|b| *b == b'\n').count());
    while lines() < 3 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let was_killed = !parts.exists();
    let text = ran(&mut convert(faces, &parts));
    assert_eq!(
        text.contains("of them written before"),
        was_killed,
        "{text}"
    );
    ran(&mut convert(faces, &whole));
    assert_eq!(
        std::fs::read(&parts).unwrap(),
        std::fs::read(&whole).unwrap()
    );
    assert!(!journal.exists());
}
