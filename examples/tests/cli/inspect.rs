//! The inspection of a data set: report, JSON, images, and corrections that training accepts.

use crate::support::{program, ran, refused};
use image::{GrayImage, Luma};

#[test]
fn a_copy_is_reported_and_excluded_by_the_corrections() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("faces");
    std::fs::create_dir(&data).unwrap();
    let mut table = "file,left_x,left_y,right_x,right_y,chin_x,chin_y\n".to_owned();
    for number in 0..6_u32 {
        // The last image is that of the first.
        let seed = 3 + number % 5;
        let image = GrayImage::from_fn(40, 30, |x, y| Luma([(x * x * seed + y * y) as u8]));
        image.save(data.join(format!("{number}.png"))).unwrap();
        table += &format!("{number}.png,30,8,10,{},20,25\n", 8 + number % 2);
    }
    std::fs::write(data.join("keypoints.csv"), table).unwrap();
    let out = folder.path().join("out");
    let fix = folder.path().join("fix.toml");
    let inspect = || {
        let mut command = program("inspect");
        command.arg(&data);
        command
    };
    let report = ran(inspect().arg("--out").arg(&out).arg("--fix").arg(&fix));
    assert!(report.contains("samples: 6 in 6 images"), "{report}");
    assert!(report.contains("0.png, 5.png"), "{report}");
    for file in ["samples", "copies", "sizes", "labels", "mean_shape"] {
        assert!(out.join(file).with_extension("png").is_file(), "{file}");
    }
    let json = ran(inspect().args(["--json", "-"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["copies"][0]["kind"], "exact");
    assert_eq!(json["sets"][0]["samples"], 6);

    let report = ran(inspect().arg("--corrections").arg(&fix));
    assert!(report.contains("samples: 5 in 5 images"), "{report}");
    let message = refused(inspect().args(["--min-correlation", "2"]));
    assert!(message.contains("min_correlation"), "{message}");
    std::fs::write(&fix, "[[exclude]]\nid = '9.png'\n").unwrap();
    let mut train = program("train");
    train
        .arg("--data")
        .arg(&data)
        .arg("--corrections")
        .arg(&fix);
    let message = refused(train.args(["--schema", "source"]));
    for part in ["fix.toml", "row 2", "exclude[0].id", "9.png"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}
